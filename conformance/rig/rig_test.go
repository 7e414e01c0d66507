package rig_test

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/conformance/rig"
	"github.com/ginsession/ginsession/internal/witness"
	"github.com/ginsession/ginsession/models"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	everything.Keep(rig.Defaults().Secret)
	os.Exit(everything.Main(m))
}

// everything hears the logs, the SQL of the sessions, and the bodies: SR-67 and SR-44.
var everything = witness.New()

// recorded are the options of one entry of the contract's variants.json, as far
// as the rig has them. Seconds.
type recorded struct {
	Secret  string
	Secrets []struct {
		Version int
		Value   string
	}
	BaseURL          string
	SecondaryStorage string
	Session          struct {
		StoreSessionInDatabase, PreserveSessionInDatabase bool

		ExpiresIn, UpdateAge, FreshAge             int
		DeferSessionRefresh, DisableSessionRefresh bool
		AdditionalFields                           json.RawMessage
		CookieCache                                struct {
			Enabled           bool
			MaxAge            int
			Version, Strategy string
			RefreshCache      bool // no effect where there is a store
		}
	}
	Advanced struct {
		CookiePrefix          string
		UseSecureCookies      *bool
		CrossSubDomainCookies struct {
			Enabled bool
			Domain  string
		}
		Cookies map[string]struct {
			Name       string
			Attributes struct {
				SameSite, Path      string
				Secure, Partitioned bool
			}
		}
		DefaultCookieAttributes struct{ HTTPOnly *bool } // always, here
		IPAddress               struct {
			IPAddressHeaders, TrustedProxies []string
			IPv6Subnet                       int
		}
	}
	Plugins          []string
	DatabaseHooks    string
	TrustedOrigins   []string
	EmailAndPassword any
	RateLimit        any
	NodeEnv          string `json:"NODE_ENV"`
	TZ               string
	Note             string `json:"_note"`
}

func (r recorded) options(t *testing.T) rig.Options {
	o := rig.Options{
		Secret: r.Secret, BaseURL: r.BaseURL, TrustedOrigins: r.TrustedOrigins,
		ExpiresIn:      time.Duration(r.Session.ExpiresIn) * time.Second,
		UpdateAge:      time.Duration(r.Session.UpdateAge) * time.Second,
		FreshAge:       time.Duration(r.Session.FreshAge) * time.Second,
		DisableRefresh: r.Session.DisableSessionRefresh, DeferRefresh: r.Session.DeferSessionRefresh,
		CookieCache: rig.CacheOff, CookieCacheMaxAge: 300 * time.Second,
		CookieCacheVersion: r.Session.CookieCache.Version,
		SessionFields:      additionalFields(t, r.Session.AdditionalFields),
		IPHeaders:          r.Advanced.IPAddress.IPAddressHeaders,
		TrustedProxies:     r.Advanced.IPAddress.TrustedProxies,
		IPv6Subnet:         r.Advanced.IPAddress.IPv6Subnet,
		LoseRenewals:       strings.HasPrefix(r.DatabaseHooks, "session.update.before returns false"),
	}
	switch {
	case r.Session.PreserveSessionInDatabase:
		o.Secondary = rig.SecondaryPreserving
	case r.Session.StoreSessionInDatabase:
		o.Secondary = rig.SecondaryAndDatabase
	case r.SecondaryStorage != "":
		o.Secondary = rig.SecondaryOnly
	}
	for i, secret := range r.Secrets {
		if i == 0 {
			o.Secret = secret.Value
		} else {
			o.OldSecrets = append(o.OldSecrets, secret.Value)
		}
	}
	if cache := r.Session.CookieCache; cache.Enabled {
		o.CookieCache = rig.Cache(cmp.Or(cache.Strategy, "compact"))
		o.CookieCacheMaxAge = time.Duration(cache.MaxAge) * time.Second
	}
	o.Cookies.Prefix = r.Advanced.CookiePrefix
	if secure := r.Advanced.UseSecureCookies; secure != nil {
		o.Cookies.Secure = ginsession.SecureNever
		if *secure {
			o.Cookies.Secure = ginsession.SecureAlways
		}
	}
	if r.Advanced.CrossSubDomainCookies.Enabled {
		o.Cookies.Domain = cmp.Or(r.Advanced.CrossSubDomainCookies.Domain, strings.TrimPrefix(r.BaseURL, "https://"))
	}
	for name, cookie := range r.Advanced.Cookies {
		if name != "session_token" || cookie.Attributes.SameSite != "none" {
			t.Fatalf("a cookie %s that this test does not know", name)
		}
		o.Cookies.SessionToken = ginsession.CookieOptions{
			Name: cookie.Name, SameSite: http.SameSiteNoneMode, Path: cookie.Attributes.Path,
			Secure: cookie.Attributes.Secure, Partitioned: cookie.Attributes.Partitioned,
		}
	}
	for _, plugin := range r.Plugins {
		switch plugin {
		case "multiSession()":
			o.MultiSession = true
		case "multiSession({maximumSessions:2})":
			o.MultiSession, o.MaximumSessions = true, 2
		case "bearer()":
			o.Bearer, o.BearerAllowUnsigned = true, true
		case "bearer({requireSignature:true})":
			o.Bearer = true
		default:
			t.Fatalf("a plugin %s that this test does not know", plugin)
		}
	}
	return o
}

// additionalFields reads {"theme":"string","count":"number default 7",…}, in
// that order.
func additionalFields(t *testing.T, object json.RawMessage) []models.Field {
	var fields []models.Field
	decoder := json.NewDecoder(strings.NewReader(string(object)))
	decoder.UseNumber()
	if len(object) > 0 {
		_, _ = decoder.Token() // the brace
	}
	for decoder.More() {
		name, _ := decoder.Token()
		text, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		f := models.Field{Name: name.(string), Input: true, Returned: true}
		words, fallback, _ := strings.Cut(text.(string), " default ")
		for _, word := range strings.Fields(words) {
			switch word {
			case "string":
			case "number":
				f.Type = models.Number
			case "boolean":
				f.Type = models.Boolean
			case "date":
				f.Type = models.Date
			case "input:false":
				f.Input = false
			case "returned:false":
				f.Returned = false
			default:
				t.Fatalf("a word %q that this test does not know", word)
			}
		}
		switch fallback {
		case "7":
			f.Default = 7
		case "false":
			f.Default = false
		case "'std'":
			f.Default = "std"
		}
		fields = append(fields, f)
	}
	return fields
}

// notPlayed are entries about what is no part of a session layer, or is the other
// half of a pair.
var notPlayed = map[string]string{
	"_defaults": "the ground of all others", "nocsrf": "the origin check cannot be switched off", "ratelimit": "the host's",
	"secrets_old": "only makes cookies for secrets_rot",
}

func TestVariantsAreTheContracts(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../../testdata/contract/variants.json")
	if err != nil {
		t.Fatal(err)
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(file, &entries); err != nil {
		t.Fatal(err)
	}
	for name := range entries {
		if notPlayed[name] == "" && !slices.Contains(rig.Variants(), name) {
			t.Errorf("%s is not played", name)
		}
	}
	for _, name := range rig.Variants() {
		var want recorded
		for _, entry := range []json.RawMessage{entries["_defaults"], entries[name]} {
			// A field that we do not know would be one that we do not play.
			decoder := json.NewDecoder(strings.NewReader(string(entry)))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&want); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		got, err := rig.Variant(name)
		if err != nil {
			t.Fatal(err)
		}
		if expected := want.options(t); !reflect.DeepEqual(got, expected) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, expected)
		}
	}
	if _, err := rig.Variant("nonsense"); err == nil || !strings.Contains(err.Error(), "nofresh") {
		t.Errorf("an unknown variant: %v, want an error that lists those there are", err)
	}
}

func newRig(t *testing.T, change func(*rig.Options)) *rig.Rig {
	t.Helper()
	options := rig.Defaults()
	options.BaseURL = "http://localhost:3000"
	options.SQLLog = everything
	change(&options)
	r, err := rig.New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// do makes a request as a page of the rig's origin does. cookies are those that the
// answer sets, as a browser sends them.
func do(h http.Handler, method, path, body string, headers ...string) (status int, text, cookies string) {
	r := httptest.NewRequest(method, "http://localhost:3000"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", "http://localhost:3000")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	response := w.Result()
	content, _ := io.ReadAll(response.Body)
	everything.KeepCookies(response.Cookies())
	everything.Read(string(content))
	var pairs []string
	for _, line := range response.Header["Set-Cookie"] {
		pair, _, _ := strings.Cut(line, ";")
		pairs = append(pairs, pair)
	}
	return response.StatusCode, string(content), strings.Join(pairs, "; ")
}

const signUp = `{"name":"Ada","email":"ada@example.com","password":"password-1234"}`

func TestRoutesAndClock(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(*rig.Options) {})
	_, _, cookie := do(r, "POST", "/api/auth/sign-up/email", signUp)
	tests := []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"session", "GET", "/me", "", 200, `"email":"ada@example.com"}`},
		{"fresh", "POST", "/fresh", "{}", 200, `{"fresh":true}`},
		{"clock", "POST", "/__clock", `{"advance":"11m"}`, 200, `{"now":"`},
		{"fresh no more", "POST", "/fresh", "{}", 403, `"SESSION_NOT_FRESH"`},
		{"still a session", "GET", "/me", "", 200, `{"id":"`},
		{"clock", "POST", "/__clock", `{"advance":"168h"}`, 200, `{"now":"`},
		{"expired", "GET", "/me", "", 401, `"UNAUTHORIZED"`},
		{"bad clock", "POST", "/__clock", `{"advance":"soon"}`, 400, `soon`},
		{"unknown route", "GET", "/nope", "", 404, ""},
		{"unknown route of ours", "GET", "/api/auth/nope", "", 404, ""},
		{"trailing slash", "POST", "/api/auth/sign-in/email/", "{}", 404, ""},
	}
	for _, tt := range tests {
		status, text, _ := do(r, tt.method, tt.path, tt.body, "Cookie", cookie)
		if status != tt.status || !strings.Contains(text, tt.want) || tt.want == "" && text != "" {
			t.Errorf("%s: %d %q, want %d %q", tt.name, status, text, tt.status, tt.want)
		}
	}
}

// With a clock header each exchange stands alone: its time is the header's, and
// what the last one revoked is forgotten.
func TestClockHeader(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *rig.Options) { o.ClockHeader = "X-Test-Now"; o.CookieCache = rig.CacheCompact })
	at := func(now, method, path, body, cookie string) (int, string, string) {
		return do(r, method, path, body, "X-Test-Now", now, "Cookie", cookie)
	}
	_, _, cookies := at("2026-01-15T12:00:00.000Z", "POST", "/api/auth/sign-up/email", signUp, "")

	if _, text, _ := at("2026-01-15T12:00:01.000Z", "GET", "/api/auth/get-session", "", cookies); !strings.Contains(text, `"expiresAt":"2026-01-22T12:00:00.000Z"`) {
		t.Errorf("the session is not of the header's time: %s", text)
	}
	if status, _, _ := at("2026-01-15T12:00:02.000Z", "POST", "/api/auth/sign-out", "{}", cookies); status != 200 {
		t.Errorf("sign-out: %d", status)
	}
	if _, text, _ := at("2026-01-15T12:00:03.000Z", "GET", "/api/auth/get-session", "", cookies); !strings.HasPrefix(text, `{"session"`) {
		t.Errorf("the copy in the cookie is not believed, so the rig remembers: %s", text)
	}
	if status, _, _ := do(r, "GET", "/me", ""); status != 400 {
		t.Errorf("without the header: %d, want 400", status)
	}
}

func TestTablesHoldBetterAuthsColumnsAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(*rig.Options) {})
	want := map[string][]string{
		"user":     {"createdAt", "email", "emailVerified", "id", "image", "name", "updatedAt"},
		"session":  {"createdAt", "expiresAt", "id", "ipAddress", "token", "updatedAt", "userAgent", "userId"},
		"password": {"hash", "userId"},
	}
	for table, columns := range want {
		types, err := r.DB.Migrator().ColumnTypes(table)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, column := range types {
			got = append(got, column.Name())
		}
		slices.Sort(got)
		if !slices.Equal(got, columns) {
			t.Errorf("%s has %v, want %v", table, got, columns)
		}
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*rig.Options){
		"cookie cache": func(o *rig.Options) { o.CookieCache = "jpeg" },
		"secret":       func(o *rig.Options) { o.Secret = "short" },
		"base URL":     func(o *rig.Options) { o.BaseURL = "localhost" },
	} {
		options := rig.Defaults()
		options.BaseURL = "http://localhost:3000"
		change(&options)
		if r, err := rig.New(t.Context(), options); err == nil {
			_ = r.Close()
			t.Errorf("a wrong %s is accepted", name)
		}
	}
}
