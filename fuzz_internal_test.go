package ginsession

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/clientaddr"
	"github.com/ginsession/ginsession/internal/signed"
	"github.com/ginsession/ginsession/internal/strictjson"
	"github.com/ginsession/ginsession/models"
)

// fuzzSecret is testCookies'.
const fuzzSecret = "a secret of thirty-two bytes or so"

const fuzzToken = "tok0000000000000000000000000000A1"

// signedBy reports whether a value is the token and its signature, by the
// standard library alone.
func signedBy(secret, token, value string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(token))
	want := token + "." + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	decoded, err := url.PathUnescape(value)
	return value == want || err == nil && decoded == want
}

// An Authorization header proves what the same value proves in the session
// cookie, and without AllowUnsigned nothing else.
func FuzzAuthorization(f *testing.F) {
	k := testCookies()
	m := testManager()
	m.cookies, m.bearer = *k, Bearer{Enabled: true}
	lax := testManager()
	lax.cookies, lax.bearer = *k, Bearer{Enabled: true, AllowUnsigned: true}
	good := k.signer.Sign(fuzzToken)
	other := signed.New([]string{"another secret of thirty-two bytes"}).Sign(fuzzToken)
	handle := "h_" + strings.Repeat("A", 43)
	for _, seed := range []string{
		"", "Bearer", "Bearer ", "Bearer " + good, "bearer\t" + good, "BEARER   " + good + " \t", "Bearer " + string(signed.AppendEscaped(nil, good)),
		"Bearer " + other, "Bearer " + good + "x", "Bearer ." + good, "Bearer " + fuzzToken, "Bearer " + fuzzToken + ".", "Bearer " + handle, "Bearer " + handle + ".x",
		"Bearer " + k.signer.Sign("true"), "Bearer " + k.signer.Sign("a.b.c"), "Bearer " + k.signer.Sign(`{"session":{}}`),
		"Basic " + good, "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer " + good + ", Bearer " + good, `Bearer "` + good + `"`, "Bearer %252E" + good,
		"Bearer\u00a0" + good, "\x00Bearer " + good, "Bearer " + strings.Repeat("A", 128), "Bearer " + strings.Repeat("x.", 3000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		request := &http.Request{Header: http.Header{"Authorization": {header}}}
		p := m.present(request)
		value := ""
		if len(header) > 7 {
			value = strings.Trim(header[7:], " \t")
		}
		for proved := range p.tokens.all {
			if !isToken(proved.token) || !signedBy(fuzzSecret, proved.token, value) || !strings.EqualFold(header[:7], "bearer ") {
				t.Fatalf("%q proves %q", header, proved.token)
			}
		}
		if p.tokens.n > 1 || p.bearer != (p.tokens.n == 1) || p.dead {
			t.Fatalf("%q: %+v", header, p)
		}
		if strings.EqualFold(header[:min(7, len(header))], "bearer ") && !strings.ContainsAny(value, `;"`) {
			cookie := k.read(&http.Request{Header: http.Header{"Cookie": {k.token.name + "=" + value}}})
			if !reflect.DeepEqual(cookie.tokens, p.tokens) {
				t.Fatalf("%q proves %v, as a cookie %v", value, p.tokens, cookie.tokens)
			}
		}
		// AllowUnsigned takes besides what has a token's form, and only that.
		q := lax.present(request)
		switch {
		case p.tokens.n == 1 && !reflect.DeepEqual(p.tokens, q.tokens),
			p.tokens.n == 0 && q.tokens.n > 0 && (q.tokens.one.token != value || !isToken(value)),
			q.dead && (q.tokens.n > 0 || isToken(value) || strings.Contains(value, ".")):
			t.Fatalf("%q unsigned: %+v", header, q)
		}
	})
}

// A device cookie counts exactly if it holds a token under that token's own
// name, signed (SR-83, SR-84). It never counts as the session cookie.
func FuzzDeviceCookie(f *testing.F) {
	k := testCookies()
	lower := strings.ToLower(fuzzToken)
	for _, seed := range []struct{ suffix, token string }{
		{lower, fuzzToken}, {fuzzToken, fuzzToken}, {"", fuzzToken}, {"zzz", fuzzToken}, {lower + ".0", fuzzToken}, {"_multi-" + lower, fuzzToken},
		{lower, lower}, {"true", "true"}, {lower + "\u00a0", fuzzToken}, {lower, fuzzToken + "."}, {"x.y", "x.y"}, {"ſ" + lower[1:], fuzzToken}, {"\u212a" + lower[1:], "K" + fuzzToken[1:]},
		{strings.Repeat("a", 128), strings.Repeat("A", 128)}, {strings.Repeat("a", 129), strings.Repeat("A", 129)}, {`{"session":1}`, `{"session":1}`},
	} {
		f.Add(seed.suffix, seed.token, byte(0))
		f.Add(seed.suffix, seed.token, byte(1))
	}
	f.Fuzz(func(t *testing.T, suffix, token string, change byte) {
		if strings.Trim(suffix, " \t") != suffix || strings.ContainsAny(suffix, ";=") || strings.ContainsFunc(suffix, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return // another name, by the rules of the scan
		}
		value := []byte(signed.AppendEscaped(nil, k.signer.Sign(token)))
		value[len(value)-5] ^= change & 1 // a character of the signature
		header := k.device + suffix + "=" + string(value)
		p := k.read(&http.Request{Header: http.Header{"Cookie": {header}}})
		found := k.devices(&p)
		want := change&1 == 0 && isToken(token) && suffix == strings.ToLower(token)
		if p.tokens.n != 0 || (len(found) == 1) != want || want && found[0].token != token {
			t.Fatalf("%q: session %v, devices %v; want %t", header, p.tokens, found, want)
		}
	})
}

// The fields that /update-session reads are declared, writable, and what
// encoding/json makes of them too (SR-74, SR-75).
func FuzzInputFields(f *testing.F) {
	declared := []models.Field{
		{Name: "theme", Input: true}, {Name: "count", Type: models.Number, Input: true}, {Name: "pinned", Type: models.Boolean, Input: true},
		{Name: "seenAt", Type: models.Date, Input: true}, {Name: "locked"},
	}
	for _, seed := range []string{
		`{"theme":"dark"}`, `{"theme":"\ud800"}`, `{"theme":"\u0000"}`, `{"theme":1}`, `{"theme":null}`, `{"THEME":"x"}`, `{"\u0074heme":"x"}`,
		`{"count":3.0}`, `{"count":1e400}`, `{"count":9007199254740993}`, `{"count":-0}`, `{"count":"3"}`, `{"count":1e15}`, `{"pinned":true}`, `{"pinned":"true"}`,
		`{"seenAt":"2026-02-03T04:05:06.789Z"}`, `{"seenAt":"2026-02-03T24:00:00Z"}`, `{"seenAt":"+275760-09-13T00:00:00Z"}`, `{"seenAt":0}`, `{"seenAt":"0000-01-01T00:00:00Z"}`,
		`{"locked":true}`, `{"locked":false,"theme":"x"}`, `{"locked":{}}`, `{"theme":"mine","theme":"theirs"}`,
		`{"id":"x","token":"x","userId":"bob","expiresAt":"2030-01-01T00:00:00.000Z","theme":"t"}`, `{"__proto__":{"theme":"x"}}`, `{"theme":[[[[]]]]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		once := func(string, string) bool { return true }
		if text := string(body); !strictjson.Valid(body, maxDepth) || strictjson.KindOf(text) != strictjson.KindObject || !members(text, once) {
			return // refused before
		}
		var theirs map[string]json.RawMessage
		if err := json.Unmarshal(body, &theirs); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		values, fault := inputFields(declared, string(body))
		if fault == nil && len(values) == 0 {
			t.Fatalf("%s updates nothing", body)
		}
		for name, value := range values {
			i := slices.IndexFunc(declared, func(f models.Field) bool { return f.Name == name })
			if i < 0 || !declared[i].Input || fault != nil {
				t.Fatalf("%s writes %s (%v)", body, name, fault)
			}
			at, isTime := value.(time.Time)
			unstorable := isTime && (at.Year() < 1 || at.Year() > 9999) // the store refuses, and the route answers 400
			if stored, err := declared[i].Value(value); !unstorable && (err != nil || stored != value) {
				t.Fatalf("%s: %s is %v, which the store takes for %v, %v", body, name, value, stored, err)
			}
			if string(theirs[name]) == "null" {
				if value != nil {
					t.Fatalf("%s: %s is %v", body, name, value)
				}
				continue
			}
			var err error
			same := false
			switch value := value.(type) {
			case string:
				var s string
				err = json.Unmarshal(theirs[name], &s)
				same = s == value || strings.ContainsRune(s, '\uFFFD') // which stands for a lone surrogate there
			case int64:
				var n float64
				err = json.Unmarshal(theirs[name], &n)
				same = n == float64(value)
			case bool:
				var b bool
				err = json.Unmarshal(theirs[name], &b)
				same = b == value
			case time.Time:
				var at time.Time
				err = json.Unmarshal(theirs[name], &at)
				// time.UnmarshalJSON is stricter about the form than time.Parse.
				same = err != nil || at.UTC().Truncate(time.Millisecond).Equal(value)
				err = nil
			}
			if err != nil || !same {
				t.Fatalf("%s: %s is %v, encoding/json reads %s, %v", body, name, value, theirs[name], err)
			}
		}
	})
}

// A secret is taken exactly if it is long, not published, and no repetition.
func FuzzSecret(f *testing.F) {
	for _, seed := range []string{
		"", "short", wellKnownSecret, "x" + wellKnownSecret + "y", strings.Repeat("a", 64), strings.Repeat("abcdefghijklmnop", 3), strings.Repeat("abcdefghijklmnopq", 3),
		strings.Repeat("secret", 6) + "sec", strings.Repeat("\x00", 32), "0123456789abcdef0123456789abcdeX", strings.Repeat("ü", 16), fuzzSecret, strings.Repeat("ab", 16) + "a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		var found faults
		Config{Secret: secret}.checkSecrets(&found)
		periodic := func(n int) bool {
			for i := range len(secret) {
				if secret[i] != secret[i%n] {
					return false
				}
			}
			return true
		}
		weak := len(secret) < 32 || strings.Contains(secret, wellKnownSecret)
		for n := 1; n <= 16; n++ {
			weak = weak || periodic(n)
		}
		if (len(found) > 0) != weak {
			t.Fatalf("%q: %v", secret, found)
		}
		if len(secret) >= 32 {
			for _, fault := range found {
				if strings.Contains(fault.Error(), secret) {
					t.Fatalf("%v shows %q", fault, secret)
				}
			}
		}
	})
}

// A URL that is trusted as a redirect leads, as a browser resolves it, to this
// site or to a trusted one (SR-61).
func FuzzRedirect(f *testing.F) {
	os := origins{own: &origin{"https", "own.example.net", ""}}
	pattern, fault := compileOrigin("https://*.example.com", false)
	if fault != "" {
		f.Fatal(fault)
	}
	os.patterns = []originPattern{pattern}
	for _, seed := range []string{
		"/", "/home?next=//x#//y", "//evil.example", `/\evil.example`, `\\evil.example`, "/%2f%2fevil.example", "/%5cevil.example", "/..//evil.example", "/.//evil.example", "/a/..//evil.example",
		"/\t/evil.example", "/\n/evil.example", "\t//evil.example", " https://evil.example", "javascript:alert(1)", "JaVaScRiPt://a.example.com/%0aalert(1)", "data:text/html,x", "https:evil.example", "https:/evil.example",
		"https://a.example.com", "https://a.example.com@evil.example", "https://a.example.com:x@evil.example/", "https://evil.example/https://a.example.com", "https://a.example.com.evil.example", "https://evil.example?.example.com",
		"https://evil.example#.example.com", `https://evil.example\.example.com`, "https://evil.example%2f.example.com", "http://a.example.com", "https://own.example.net:443/x", "https://own.example.net:8443", "blob:https://own.example.net/x", "//", "/%2E%2E//evil.example", "https://[::1]", "https://ａ.example.com",
	} {
		f.Add(seed)
	}
	base, _ := url.Parse("https://own.example.net/deep/page")
	f.Fuzz(func(t *testing.T, target string) {
		if !os.trustsURL(target, "own.example.net") {
			return
		}
		// The first steps of the URL standard, which net/url leaves out.
		browser := strings.Trim(target, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f ")
		browser = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(browser)
		if end := strings.IndexAny(browser, "?#"); end >= 0 {
			browser = strings.ReplaceAll(browser[:end], `\`, "/") + browser[end:]
		} else {
			browser = strings.ReplaceAll(browser, `\`, "/")
		}
		u, err := base.Parse(browser)
		if err != nil {
			return // nothing that net/url can tell the host of
		}
		if host := u.Hostname(); u.Scheme != "https" || u.User != nil || !strings.EqualFold(host, base.Host) && !strings.HasSuffix(strings.ToLower(host), ".example.com") || strings.HasPrefix(u.Path, "//") {
			t.Fatalf("%q is trusted and leads to %s", target, u)
		}
	})
}

// Where a request comes from is what the peer's socket says, unless the peer is
// a proxy that the application named; then it is an address or nothing (SR-65).
func FuzzForwardedAddress(f *testing.F) {
	gin.SetMode(gin.TestMode)
	engine := gin.New()
	if err := engine.SetTrustedProxies([]string{"10.0.0.0/8"}); err != nil {
		f.Fatal(err)
	}
	gullible := gin.New() // believes everyone
	m := testManager()
	m.ipv6Subnet, m.logger = 64, slog.New(slog.DiscardHandler)
	for _, seed := range []string{
		"", "6.6.6.6", "6.6.6.6, 10.0.0.2", "10.0.0.2, 6.6.6.6", "junk, 6.6.6.6", "6.6.6.6, junk", "'; DROP TABLE session", "::1", "2001:db8::1", "[2001:db8::1]:80", "6.6.6.6:80",
		"::ffff:6.6.6.6", "fe80::1%eth0", "for=6.6.6.6", "6.6.6.6\x00", " 6.6.6.6 ", ",,,", strings.Repeat("10.0.0.1, ", 500) + "6.6.6.6", "127.0.0.1", "0x7f.1", "006.6.6.6",
		"198.51.100.1", "192.0.2.1", "2001:db8::1, 192.0.2.1",
	} {
		f.Add("X-Forwarded-For", seed)
		f.Add("X-Real-Ip", seed)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		from := func(engine *gin.Engine, peer string) string {
			c := gin.CreateTestContextOnly(httptest.NewRecorder(), engine)
			c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
			c.Request.RemoteAddr = peer
			c.Request.Header[http.CanonicalHeaderKey(name)] = []string{value}
			return m.address(c)
		}
		if got := from(engine, "203.0.113.9:1024"); got != "203.0.113.9" {
			t.Fatalf("%s: %q of a stranger is stored as %q", name, value, got)
		}
		if got := from(gullible, "203.0.113.9:1024"); got != "203.0.113.9" {
			t.Fatalf("%s: %q is stored as %q where gin believes everyone", name, value, got)
		}
		got := from(engine, "10.0.0.1:1024")
		if got != clientaddr.Address(got, 64) {
			t.Fatalf("%s: %q of a proxy is stored as %q", name, value, got)
		}
		// One address, and no proxy's, is the client's.
		if addr, err := netip.ParseAddr(value); err == nil && addr.Zone() == "" && http.CanonicalHeaderKey(name) == "X-Forwarded-For" && !netip.MustParsePrefix("10.0.0.0/8").Contains(addr.Unmap()) {
			if want := clientaddr.Address(value, 64); got != want {
				t.Fatalf("%s: %q of a proxy is stored as %q, want %q", name, value, got, want)
			}
		}
	})
}

// A body is taken for JSON only where the standard library says so too, and in no
// spelling with other letters or blanks than ASCII's, some of which it takes too
// (SR-56).
func FuzzMediaType(f *testing.F) {
	for _, seed := range []string{
		"application/json", "Application/JSON ; charset=utf-8", "application/json;", "application/json, text/plain", "text/plain; application/json", "application/jsonp", "application/json-patch+json",
		"text/json", " application/json", "application /json", "application/json\x00", "application/ld+json", "multipart/form-data; boundary=application/json", "ＡPPLICATION/JSON", "application/json\u00a0", "applıcation/json", "application/jſon",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, contentType string) {
		kind, _, err := mime.ParseMediaType(contentType)
		media, _, _ := strings.Cut(contentType, ";")
		foreign := strings.ContainsFunc(media, func(r rune) bool { return r > '~' || r < ' ' && r != '\t' })
		if ours := isJSON(contentType); ours && foreign || err == nil && ours != (kind == "application/json" && !foreign) {
			t.Fatalf("%q is JSON: %t, to the standard library it is %q", contentType, isJSON(contentType), kind)
		}
	})
}

// Whatever stands in the Cookie header: no panic, bounded results, and a
// session only for a token that was signed.
func FuzzReadCookies(f *testing.F) {
	k := testCookies()
	good := "p.session_token=" + string(signed.AppendEscaped(nil, k.signer.Sign("tok0000000000000000000000000000A1")))
	for _, seed := range []string{
		"", good, good + "; " + good, "p.session_token=junk; " + good, "p.session_data=a; p.session_data.0=b; p.session_data.00=c",
		"p.dont_remember=true.x", `p.session_token="` + good[len("p.session_token="):] + `"`, ";;;=;a=;=b;\x00=\x01", strings.Repeat("a=;", 300),
		"p.session_token_multi-tok0000000000000000000000000000a1" + good[len("p.session_token"):], strings.Repeat("p.session_token_multi-x=x.y;", 40),
		// SR-12, SR-14: names, duplicates, the cookie sandwich.
		"P.session_token" + good[len("p.session_token"):], "\u00a0" + good, good + "\x00", "$Version=1; a=\"x; " + good + "; b=y\"", strings.Replace(good, "A1", "A2", 1) + "; " + good,
		// SR-15: one signature, other spellings.
		strings.Replace(good, "%3D", "=", 1), strings.Replace(good, "%3D", "%253D", 1), strings.Replace(good, "%3D", "", 1), strings.Replace(good, ".", "%2E", 1), good + "%00",
		// SR-17, SR-20, SR-83: values and names that belong elsewhere; chunks.
		"p.session_data" + good[len("p.session_token"):], "p.dont_remember" + good[len("p.session_token"):], "p.session_token.0" + good[len("p.session_token"):], "x_multi-y" + good[len("p.session_token"):],
		"p.session_data.0=a; p.session_data.2=c", "p.session_data.-1=a; p.session_data.99=b; p.session_data.0=c", "p.session_data=; p.session_data.0=a; p.session_data.0=b",
		strings.Repeat("p.session_data.7="+strings.Repeat("x", 4000)+"; ", 9), strings.Repeat("a=; ", 10_000) + good,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		p := k.read(&http.Request{Header: http.Header{"Cookie": {header}}})
		if p.tokens.n > maxCandidates || p.sent.n > 200 {
			t.Errorf("%d tokens, %d names", p.tokens.n, p.sent.n)
		}
		for _, proved := range slices.AppendSeq(k.devices(&p), p.tokens.all) {
			if !isToken(proved.token) {
				t.Errorf("token %q", proved.token)
			}
		}
		if p.macs > maxMACs {
			t.Errorf("%d MACs", p.macs)
		}
		value, _ := p.dataValue()
		if len(value) > len(header) {
			t.Error("a cookie cache longer than the header")
		}
		// Writing what such a browser needs to hear never panics either.
		h := http.Header{}
		k.expireAll(h, &p)
		k.setData(h, &p, "x", 60)
	})
}

func FuzzParseCachePayload(f *testing.F) {
	m := testManager()
	m.sessionFields = []models.Field{{Name: "theme", Returned: true}, {Name: "count", Type: models.Number, Returned: true}, {Name: "seenAt", Type: models.Date, Returned: true}, {Name: "hidden"}}
	f.Add(m.appendCachePayload(nil, original{
		row:    models.Session{ID: "i", Token: "t", UserID: "u", ExpiresAt: noon, CreatedAt: noon, UpdatedAt: noon, Fields: map[string]any{"theme": "<>", "count": int64(-7), "seenAt": noon, "hidden": "x"}},
		user:   models.User{ID: "u", Name: "<>&\u2028\"\\", Email: "e", CreatedAt: noon, UpdatedAt: noon},
		readAt: noon,
	}))
	f.Add([]byte(`{"session":{},"user":{},"updatedAt":1}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, ok := m.parseCachePayload(string(payload))
		if !ok {
			return
		}
		// What was read can be written and read again to the same.
		again, ok := m.parseCachePayload(string(m.appendCachePayload(nil, original{row: c.row, user: c.user, readAt: c.issuedAt})))
		if !ok || fmt.Sprint(text(c.row.IPAddress), c.row.ID, c.row.Fields, c.user.Name, c.issuedAt) != fmt.Sprint(text(again.row.IPAddress), again.row.ID, again.row.Fields, again.user.Name, again.issuedAt) {
			t.Errorf("not stable: %+v, %+v", c, again)
		}
	})
}

func FuzzTrustedOrigin(f *testing.F) {
	patterns := []string{"https://*.example.com", "https://exact.example.org:8443", "http://localhost:*", "myapp://cb"}
	var os origins
	os.own = &origin{"https", "own.example.net", ""}
	for _, p := range patterns {
		compiled, fault := compileOrigin(p, false)
		if fault != "" {
			f.Fatal(fault)
		}
		os.patterns = append(os.patterns, compiled)
	}
	for _, seed := range []string{"https://a.example.com", "https://own.example.net", "http://localhost:1", "null", "https://a.example.com@evil", "https://[::1]", "https://a.example.com\x00.evil", "myapp://cb", "//", "/..//evil",
		// SR-54, SR-55
		"https://a.example.com, https://evil.example", "http://a.example.com", "https://evilexample.com", "https://example.com", "https://a.example.com.evil.net", "https://a.example.com:8443", "https://a.example.com:443", "HTTPS://A.EXAMPLE.COM",
		"https://a.example.com.", "https://.example.com", "https://a.example.com/", "https://evil.example\\.example.com", "https://evil.example?.example.com", "https://evil.example#.example.com", "https://a.ｅxample.com", "https://localhost:1", "http://localhost.evil.example:1", "http://127.0.0.1:1",
		"myapp://cbx", "myapp://cb/../x", "MYAPP://cb", "file://", "https://exact.example.org:8443", "https://exact.example.org", "https://a.example.com:", "https://a.example.com:0443", strings.Repeat("a", 600) + "://x", "Null", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		os.trustsURL(value, "localhost")
		if !os.trusts(value, "evil.example") {
			return
		}
		o, ok := originOf(value)
		native := strings.HasPrefix(value, "myapp://cb")
		if !native && (!ok || !strings.HasSuffix(o.host, ".example.com") && o.host != "exact.example.org" && o.host != "localhost" && o.host != "own.example.net") {
			t.Errorf("%q is trusted", value)
		}
	})
}

func FuzzTrustedOriginPattern(f *testing.F) {
	for _, seed := range []string{"https://*.example.com", "*", "http://localhost:*", "*.com", "a://b", "https://", "://",
		// SR-55: what Better Auth's globs let in.
		"*example.com", "https://app.example.com*", "http://*.example.com", "https://*.*.example.com", "https://*.vercel.app", "https://*.co.uk", "https://evil.example:*", "https://*", "https://*.", "https://?.example.com", "https://*.1.2.3.4",
		"myapp://*", "javascript://evil.example", "https://user@evil.example", "https://a.example.com/path", "http://*.localhost:*", "null", "https://*.EXAMPLE.com", "*.example.com:*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		compiled, fault := compileOrigin(pattern, false)
		if fault != "" {
			return
		}
		if compiled.matches(origin{"http", "evil.example", ""}) && !strings.Contains(pattern, "evil.example") {
			t.Errorf("%q admits http://evil.example", pattern)
		}
	})
}

func FuzzBodies(f *testing.F) {
	for _, seed := range []string{`{"token":"x"}`, `{}`, `[]`, `null`, `{"callbackURL":"//x"}`, `{"state":1,"disableRedirect":true}`, `{"token":"\ud800"}`,
		// SR-08, SR-74
		`{"token":0}`, `{"token":true}`, `{"token":["a"]}`, `{"token":"' OR 1=1 -- "}`, `{"token":"mine","TOKEN":"theirs"}`, `{"token":"a","token":"b"}`, `{"token":"a"}{}`, "\ufeff{}", `{"\u0074oken":"x"}`, `{"token":"a\u0000"}`,
		`{"token":{"token":"x"}}`, `{"":{"token":"x"}}`, `{"token":"x",}`, `{"token":'x'}`, `{"token":null}`, strings.Repeat("[", 100), `{"token":"` + strings.Repeat("x", 5000) + `"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		// What is read is what the standard library reads under the exact name.
		var theirs map[string]json.RawMessage
		if token, fault := stringMember(string(body), "token"); fault == nil && strictjson.Valid(body, maxDepth) {
			var text string
			if err := errors.Join(json.Unmarshal(body, &theirs), json.Unmarshal(theirs["token"], &text)); err != nil || text != token {
				t.Errorf("%s: token %q, encoding/json %q, %v", body, token, text, err)
			}
		}
		if token, fault := stringMember(string(body), "token"); fault == nil && token == "" && !strings.Contains(string(body), "token") && !strings.Contains(string(body), `\u`) {
			t.Errorf("a token out of %q", body)
		}
		checkSignOut(string(body))
	})
}
