package ginsession

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/internal/signed"
	"github.com/ginsession/ginsession/internal/strictjson"
	"github.com/ginsession/ginsession/models"
)

// A vector is a golden value made by Better Auth.
type vector struct {
	Name, Kind       string
	Inputs, Expected json.RawMessage
}

// vectors reads the golden values of one kind. CONTRACT_VECTORS names another
// file of them.
func vectors(t *testing.T, kind string) []vector {
	t.Helper()
	name := cmp.Or(os.Getenv("CONTRACT_VECTORS"), ownVectors)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Vectors []vector }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	var found []vector
	for _, v := range all.Vectors {
		if v.Kind == kind {
			found = append(found, v)
		}
	}
	atLeast(t, len(found), 1, kind)
	return found
}

const ownVectors = "testdata/contract/vectors.json"

// atLeast makes sure that a test saw the vectors it is about. Another file may
// have fewer.
func atLeast(t *testing.T, n, want int, what string) {
	t.Helper()
	if n < want && os.Getenv("CONTRACT_VECTORS") == "" {
		t.Errorf("%d vectors about %s, want %d or more", n, what, want)
	}
}

func (v vector) read(t *testing.T, inputs, expected any) {
	t.Helper()
	if err := json.Unmarshal(v.Inputs, inputs); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(v.Expected, expected); err != nil {
		t.Fatal(err)
	}
}

func instantOf(t *testing.T, s string) time.Time {
	t.Helper()
	at, ok := strictjson.ParseTime(s)
	if !ok {
		t.Fatalf("no time: %q", s)
	}
	return at
}

func TestVectorsSlide(t *testing.T) {
	for _, v := range vectors(t, "slide") {
		var in struct {
			Now, ExpiresAt       string
			ExpiresIn, UpdateAge int
		}
		var want struct {
			Session      string
			NeedsRefresh bool
		}
		v.read(t, &in, &want)
		p := policy{expiresIn: time.Duration(in.ExpiresIn) * time.Second, updateAge: time.Duration(in.UpdateAge) * time.Second}
		now, expiresAt := instantOf(t, in.Now), instantOf(t, in.ExpiresAt)
		if got := p.expired(now, expiresAt, now); got != (want.Session == "expired") {
			t.Errorf("%s: expired %t", v.Name, got)
		}
		if want.Session == "valid" {
			if got := p.due(now, expiresAt, now); got != want.NeedsRefresh {
				t.Errorf("%s: due %t", v.Name, got)
			}
		}
	}
}

func TestVectorsFresh(t *testing.T) {
	for _, v := range vectors(t, "fresh") {
		var in struct {
			Now, CreatedAt string
			FreshAge       int
		}
		var want struct{ Fresh bool }
		v.read(t, &in, &want)
		p := policy{freshAge: time.Duration(in.FreshAge) * time.Second}
		if got := p.fresh(instantOf(t, in.CreatedAt), instantOf(t, in.Now)); got != want.Fresh {
			t.Errorf("%s: %t", v.Name, got)
		}
	}
}

func TestVectorsGenerateID(t *testing.T) {
	for _, v := range vectors(t, "generate_id") {
		var in struct {
			Random string `json:"random_bytes_hex"`
			Size   int
		}
		var want struct{ ID string }
		v.read(t, &in, &want)
		random, err := hex.DecodeString(in.Random)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := pickText(random, in.Size); !ok || got != want.ID {
			t.Errorf("%s: %q, want %q", v.Name, got, want.ID)
		}
	}
}

// Better Auth decides per cookie what we decide per configuration, so the
// vectors of other attributes build theirs here.
func TestVectorsSignedCookie(t *testing.T) {
	for _, v := range vectors(t, "signed_cookie") {
		var in struct {
			Secret, Name, Value string
			Attributes          struct {
				MaxAge       *int
				Secure       bool
				Domain, Path string
				HTTPOnly     bool
				SameSite     string
			}
		}
		var want struct {
			Line string `json:"set_cookie"`
		}
		v.read(t, &in, &want)
		host, secure := strings.HasPrefix(in.Name, "__Host-"), in.Attributes.Secure || strings.HasPrefix(in.Name, "__")
		attributes := "; Path=/; HttpOnly"
		if in.Attributes.Domain != "" && !host {
			attributes = "; Domain=" + in.Attributes.Domain + attributes
		}
		if secure {
			attributes += "; Secure"
		}
		k := cookies{token: in.Name, attributes: attributes + "; SameSite=Lax", signer: signed.New([]string{in.Secret})}
		age := browserSession
		if in.Attributes.MaxAge != nil {
			age = *in.Attributes.MaxAge
		}
		h := http.Header{}
		k.setToken(h, in.Value, age)
		if got := h["Set-Cookie"][0]; got != want.Line {
			t.Errorf("%s\n got %s\nwant %s", v.Name, got, want.Line)
		}
	}
}

// sessionData are the inputs of the vectors about session_data.
type sessionData struct {
	Secret, Strategy, Now, Version string
	MaxAge                         int
	DontRemember                   bool
	Session, User                  map[string]any
	CookieHeader                   string `json:"cookie_header"`
	RequestCookieHeader            string `json:"request_cookie_header"`
	AdditionalFields               map[string]string
	Attributes                     struct {
		Secure bool
		Domain string
	}
}

func (in sessionData) rows(t *testing.T) (models.Session, models.User) {
	t.Helper()
	str := func(row map[string]any, key string) string { s, _ := row[key].(string); return s }
	ptr := func(row map[string]any, key string) *string {
		if s, ok := row[key].(string); ok {
			return &s
		}
		return nil
	}
	s, u := in.Session, in.User
	verified, _ := u["emailVerified"].(bool)
	return models.Session{
			ID: str(s, "id"), Token: str(s, "token"), UserID: str(s, "userId"), IPAddress: ptr(s, "ipAddress"), UserAgent: ptr(s, "userAgent"),
			ExpiresAt: instantOf(t, str(s, "expiresAt")), CreatedAt: instantOf(t, str(s, "createdAt")), UpdatedAt: instantOf(t, str(s, "updatedAt")),
		}, models.User{
			ID: str(u, "id"), Name: str(u, "name"), Email: str(u, "email"), EmailVerified: verified, Image: ptr(u, "image"),
			CreatedAt: instantOf(t, str(u, "createdAt")), UpdatedAt: instantOf(t, str(u, "updatedAt")),
		}
}

// The cookie cache to the byte: payload, signature, chunks, and what becomes
// of chunks that the browser sent.
func TestVectorsSessionDataEncode(t *testing.T) {
	encoded := 0
	for _, v := range vectors(t, "session_data_encode") {
		var in sessionData
		var want struct {
			Lines []string `json:"set_cookie"`
		}
		v.read(t, &in, &want)
		if in.Strategy != "compact" || in.AdditionalFields != nil {
			continue // other formats, and fields beyond the core's
		}
		encoded++
		codec, err := cookiecache.New(cookiecache.Compact, "", []string{in.Secret})
		if err != nil {
			t.Fatal(err)
		}
		name, rest, _ := strings.Cut(want.Lines[0], "=")
		_, attributes, _ := strings.Cut(rest, ";")
		if _, after, ok := strings.Cut(attributes, " Max-Age="); ok {
			_, attributes, _ = strings.Cut(after, ";")
		}
		base, _, _ := strings.Cut(name, "session_data")
		m := &Manager{codec: codec, settings: settings{
			cookies: cookies{data: base + "session_data", attributes: ";" + attributes, signer: signed.New([]string{in.Secret})},
			cache:   cacheSettings{enabled: true, maxAge: time.Duration(in.MaxAge) * time.Second, version: in.Version},
		}}
		row, user := in.rows(t)
		r, _ := http.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", in.RequestCookieHeader)
		p := m.cookies.read(r)
		h := http.Header{}
		m.mint(h, &p, row, user, instantOf(t, in.Now), in.DontRemember)
		if got := h["Set-Cookie"]; !slices.Equal(got, want.Lines) {
			t.Errorf("%s\n got %q\nwant %q", v.Name, got, want.Lines)
		}
	}
	atLeast(t, encoded, 8, "writing the compact format")
}

// What Better Auth refuses we refuse; what it accepts and we do not stands
// here with its reason.
func TestVectorsSessionDataDecode(t *testing.T) {
	stricter := map[string]string{
		"decode-compact-padded-base64":   "SR-15: one spelling of base64",
		"decode-compact-keys-reordered":  "SR-16: the order that the package writes",
		"decode-compact-whitespace-json": "SR-16: the signature is over the received bytes",
	}
	decoded := 0
	for _, v := range vectors(t, "session_data_decode") {
		var in sessionData
		var want struct {
			Accepted bool
			Decoded  *struct {
				ExpiresAt int64
				Session   json.RawMessage
				User      json.RawMessage
				UpdatedAt int64
				Version   *string
			}
		}
		v.read(t, &in, &want)
		if in.Strategy != "compact" {
			continue
		}
		decoded++
		codec, err := cookiecache.New(cookiecache.Compact, "", []string{in.Secret})
		if err != nil {
			t.Fatal(err)
		}
		_, value, _ := strings.Cut(in.CookieHeader, "=")
		payload, expires, err := codec.Decode(value)
		copied, whole := parseCachePayload(payload)
		accepted := err == nil && whole
		if why := stricter[v.Name]; accepted != (want.Accepted && why == "") {
			t.Errorf("%s: accepted %t, want %t %s", v.Name, accepted, want.Accepted, why)
		}
		if !accepted || want.Decoded == nil {
			continue
		}
		version := "1"
		if want.Decoded.Version != nil {
			version = *want.Decoded.Version
		}
		if got := string(appendCached(nil, copied.row, copied.row.Token)); got != compactJSON(t, want.Decoded.Session) {
			t.Errorf("%s: session\n got %s\nwant %s", v.Name, got, want.Decoded.Session)
		}
		if got := string(appendCachedUser(nil, copied.user)); got != compactJSON(t, want.Decoded.User) {
			t.Errorf("%s: user\n got %s\nwant %s", v.Name, got, want.Decoded.User)
		}
		if expires.UnixMilli() != want.Decoded.ExpiresAt || copied.issuedAt.UnixMilli() != want.Decoded.UpdatedAt || copied.version != version {
			t.Errorf("%s: expires %v, issued %v, version %q", v.Name, expires, copied.issuedAt, copied.version)
		}
	}
	atLeast(t, decoded, 15, "reading the compact format")
}

func compactJSON(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var b strings.Builder
	for i, inText := 0, false; i < len(raw); i++ {
		c := raw[i]
		if c == '"' && (i == 0 || raw[i-1] != '\\') {
			inText = !inText
		}
		if inText || c != ' ' && c != '\n' {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// The vectors of origins: ours may be stricter, never laxer.
func TestVectorsOrigin(t *testing.T) {
	for _, v := range vectors(t, "origin_match") {
		var in struct{ Origin, Pattern string }
		var want struct{ Match bool }
		v.read(t, &in, &want)
		pattern, fault := compileOrigin(in.Pattern, true)
		got := fault == "" && origins{own: &origin{}, patterns: []originPattern{pattern}}.trusts(in.Origin, "")
		stricter := v.Name == "origin-9" // *.trusted.example admits plain http there
		if got && !want.Match || !got && want.Match && !stricter {
			t.Errorf("%s: %q against %q: %t, want %t (%s)", v.Name, in.Origin, in.Pattern, got, want.Match, fault)
		}
	}
}
