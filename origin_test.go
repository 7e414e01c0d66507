package ginsession_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// ask sends a POST with nothing but the given headers.
func (s *service) ask(path string, header http.Header) reply {
	b := s.browser()
	b.origin = ""
	b.header = header
	return b.post(path, "")
}

func TestSR53_DecisionTable(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *ginsession.Config) { c.TrustedOrigins = []string{"https://app.example.com"} })
	const (
		cookie = "theme=dark"
		allow  = ""
	)
	tests := []struct {
		name                          string
		origin, site, referer, cookie string
		want                          string // the body of the refusal
	}{
		// 1: Origin decides.
		{"own origin", home, "", "", cookie, allow},
		{"own origin, no cookies", home, "", "", "", allow},
		{"trusted origin", "https://app.example.com", "", "", cookie, allow},
		{"trusted origin of another site", "https://app.example.com", "cross-site", "", cookie, allow},
		{"foreign origin", "https://evil.example", "", "", cookie, bodyOrigin},
		{"foreign origin, no cookies", "https://evil.example", "", "", "", bodyOrigin}, // SR-52
		{"foreign origin that claims to be same-origin", "https://evil.example", "same-origin", "", cookie, bodyOrigin},
		{"foreign origin, own Referer", "https://evil.example", "", home + "/x", cookie, bodyOrigin},
		{"own host, other port", "http://localhost:3001", "", "", cookie, bodyOrigin},
		{"own host, other scheme", "https://localhost:3000", "", "", cookie, bodyOrigin},
		{"null", "null", "", "", cookie, bodyNoOrigin}, // SR-54
		{"null, no cookies", "null", "", "", "", bodyNoOrigin},
		{"null of the same origin", "null", "same-origin", "", cookie, allow},
		{"null of the same site", "null", "same-site", "", cookie, bodyNoOrigin},

		// 2: without one, Fetch Metadata must not name another site.
		{"cross-site", "", "cross-site", "", "", bodyNoOrigin},
		{"cross-site, cookies", "", "cross-site", "", cookie, bodyNoOrigin},
		{"same-site", "", "same-site", "", cookie, bodyNoOrigin},
		{"cross-site with our Referer", "", "cross-site", home + "/x", cookie, bodyOrigin},

		// 3: without both, the Referer decides.
		{"own Referer", "", "", home + "/account?x=1", cookie, allow},
		{"own Referer, no path", "", "", home, cookie, allow},
		{"a long Referer", "", "", home + "/" + strings.Repeat("x", 4000), cookie, allow},
		{"foreign Referer", "", "", "https://evil.example/" + home, cookie, bodyOrigin},
		{"foreign Referer, no cookies", "", "", "https://evil.example/", "", bodyOrigin},
		{"junk for a Referer", "", "", "about:blank", cookie, bodyOrigin},

		// 4: with none of them but cookies it is no honest browser.
		{"cookies alone", "", "", "", cookie, bodyNoOrigin},
		{"cookies, same-origin", "", "same-origin", "", cookie, bodyNoOrigin}, // as measured

		// 5: else there is nothing to forge.
		{"nothing at all", "", "", "", "", allow},
		{"typed by hand", "", "none", "", "", allow},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			header := http.Header{}
			for name, value := range map[string]string{"Origin": test.origin, "Sec-Fetch-Site": test.site, "Referer": test.referer, "Cookie": test.cookie} {
				if value != "" {
					header.Set(name, value)
				}
			}
			got := s.ask("/api/auth/sign-out", header)
			if test.want == allow {
				got.expect(t, 200, successTrue)
				return
			}
			got.expect(t, 403, test.want)
			got.expectCookies(t)
			if got := s.ask("/app", header); got.status != 403 { // SR-60: the guard follows the same rules
				t.Errorf("RequireOrigin: %d", got.status)
			}
		})
	}
}

func TestSR54_HostileOrigins(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *ginsession.Config) { c.BaseURL = "https://app.example.com" })
	for _, origin := range []string{
		"https://app.example.com, https://evil.example", "https://app.example.com.evil.net", "https://evil.example/https://app.example.com",
		"https://app.example.com@evil.example", "https://x:y@app.example.com", "https://app.example.com:443:443", "https://app.example.com:8443",
		"http://app.example.com", "HTTPS://", "https://", "app.example.com", "https:app.example.com", "https://app.example.com\\.evil.net",
		"https://app.example.com\t", "file://", "https://" + strings.Repeat("a", 600) + ".example.com", "https://evilapp.example.com", "https://App.Example.Com.",
	} {
		got := s.ask("/api/auth/sign-out", http.Header{"Origin": {origin}})
		got.expect(t, 403, bodyOrigin)
	}
	s.ask("/api/auth/sign-out", http.Header{"Origin": {"https://app.example.com", "https://app.example.com"}}).expect(t, 403, bodyOrigin)
	// What means the same is the same.
	for _, origin := range []string{"https://app.example.com", "https://APP.example.com", "https://app.example.com:443"} {
		s.ask("/api/auth/sign-out", http.Header{"Origin": {origin}}).expect(t, 200, successTrue)
	}
}

func TestSR55_TrustedOrigins(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *ginsession.Config) {
		c.BaseURL = "https://api.example.net"
		c.AllowInsecureOrigins = true
		c.TrustedOrigins = []string{"https://*.example.com", "*.scheme-less.example.org", "http://localhost:*", "https://exact.example.edu:8443", "http://plain.example.edu", "myapp://callback", "http://[::1]:3000"}
	})
	tests := map[string]bool{
		"https://a.example.com":                 true,
		"https://a.b.example.com":               true,
		"https://example.com":                   false, // never the apex
		"https://evilexample.com":               false,
		"http://a.example.com":                  false,
		"https://a.example.com:8443":            false,
		"https://a.example.com.evil.net":        false,
		"https://.example.com":                  false,
		"https://a.scheme-less.example.org":     true,
		"http://a.scheme-less.example.org":      false, // without a scheme https is meant
		"http://localhost:5173":                 true,
		"http://localhost":                      true,
		"https://localhost:5173":                false,
		"http://localhost.evil.net:5173":        false,
		"https://exact.example.edu:8443":        true,
		"https://exact.example.edu":             false,
		"http://plain.example.edu":              true,
		"https://plain.example.edu":             false,
		"myapp://callback":                      true,
		"myapp://evil":                          false,
		"myapp2://callback":                     false,
		"http://[::1]:3000":                     true,
		"http://[::1]:3001":                     false,
		"https://api.example.net":               true,
		"https://a.api.example.net":             false,
		"https://192.168.1.1":                   false,
		"https://a.example.com@evil.example":    false,
		"https://evil.example#.example.com":     false,
		"https://evil.example?x=.example.com":   false,
		"https://evil.example/.example.com":     false,
		"https://xn--exmple-cua.com":            false,
		"chrome-extension://abcdefghijklmnopqr": false,
	}
	for origin, want := range tests {
		if got := s.ask("/api/auth/sign-out", http.Header{"Origin": {origin}}).status == 200; got != want {
			t.Errorf("%s: %t, want %t", origin, got, want)
		}
	}
}

func TestSR58_HostHeaderDecidesNothing(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	for name, value := range map[string]string{"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/x", "Forwarded": "host=evil.example"} {
		b.header.Set(name, value)
	}
	for _, host := range []string{"evil.example", "localhost:4000"} { // another application on this machine
		b.host, b.origin = host, "http://"+host
		b.post("/api/auth/revoke-sessions", "{}").expect(t, 403, bodyOrigin)
	}
	if len(s.store.Rows()) != 1 {
		t.Error("the session has ended")
	}
}

// Without a BaseURL our own origin is the Host, on loopback alone.
func TestSR58_DevelopmentTrustsLoopbackOnly(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *ginsession.Config) { c.BaseURL = "" })
	b := s.browser()
	for host, want := range map[string]int{"localhost:8080": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200, "app.localhost:8080": 200, "192.168.1.5:8080": 403, "evil.example": 403, "localhost.evil.example": 403} {
		b.host, b.origin = host, "http://"+host
		if got := b.post("/api/auth/sign-out", ""); got.status != want {
			t.Errorf("%s: %d, want %d", host, got.status, want)
		}
	}
	b.host, b.origin = "localhost:8080", "http://localhost:9090"
	if got := b.post("/api/auth/sign-out", ""); got.status != 403 {
		t.Errorf("another port: %d", got.status)
	}
}

func TestSR59_NoCORSHeaders(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	for _, origin := range []string{home, "https://evil.example", "null"} {
		b.header.Set("Origin", origin)
		for _, got := range []reply{b.get("/api/auth/get-session"), b.post("/api/auth/sign-out", "{}"), b.send("OPTIONS", "/api/auth/get-session", "")} {
			for name := range got.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s: %s", origin, name)
				}
			}
		}
	}
}

func TestSR60_RequireOriginLetsReadsPass(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.engine.Any("/any", s.sessions.RequireOrigin(), func(c *gin.Context) { c.Status(204) })
	b := s.browser()
	b.origin = "https://evil.example"
	for method, want := range map[string]int{"GET": 204, "HEAD": 204, "OPTIONS": 204, "POST": 403, "PUT": 403, "DELETE": 403, "PATCH": 403} {
		b.header.Set("Origin", "https://evil.example")
		if got := b.send(method, "/any", ""); got.status != want {
			t.Errorf("%s: %d, want %d", method, got.status, want)
		}
	}
}
