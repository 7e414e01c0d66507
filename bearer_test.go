package ginsession_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

func bearer(c *ginsession.Config) { c.Bearer.Enabled = true }

func unsigned(c *ginsession.Config) { c.Bearer = ginsession.Bearer{Enabled: true, AllowUnsigned: true} }

// authorized is a client without a cookie jar or a page.
func (s *service) authorized(value string) *browser {
	b := s.browser()
	b.origin = ""
	b.header.Set("Authorization", value)
	return b
}

// signedToken is what a response's set-auth-token holds.
func signedToken(token string) string {
	value := sign(secret, token)
	for _, escape := range [][2]string{{"%2F", "/"}, {"%2B", "+"}, {"%3D", "="}} {
		value = strings.ReplaceAll(value, escape[0], escape[1])
	}
	return value
}

func TestBearer(t *testing.T) {
	t.Parallel()
	s := serve(t, bearer)
	signIn := s.browser().post("/sign-in/ada", "")
	issued := signIn.header.Get("Set-Auth-Token")
	token, _, _ := strings.Cut(issued, ".")
	if issued != signedToken(token) || signIn.header.Get("Access-Control-Expose-Headers") != "set-auth-token" {
		t.Fatalf("set-auth-token %q, %q", issued, signIn.header)
	}
	for _, value := range []string{"Bearer " + issued, "bearer " + issued, "BEARER  " + issued + " ", "Bearer " + sign(secret, token)} {
		s.authorized(value).get("/me").expect(t, 200, "ada@example.com false")
	}
	for _, value := range []string{"", "Bearer", "Bearer ", "Basic " + issued, "Bearer " + token, "Bearer" + issued, "Bearer " + issued + "x", "Bearer x" + issued, "Bearer ." + issued, "Bearer " + token + ".AAAA"} {
		got := s.authorized(value).get("/me")
		got.expect(t, 401, bodyUnauthorized)
		got.expectCookies(t)
	}
	// Without a browser's cookies and headers there is nothing to forge.
	s.authorized("Bearer "+issued).post("/api/auth/revoke-other-sessions", "").expect(t, 200, statusTrue)
	got := s.authorized("Bearer " + issued).get("/api/auth/get-session")
	if vary := strings.Join(got.header["Vary"], ", "); vary != "Cookie, Authorization" || got.header.Get("Set-Auth-Token") != "" {
		t.Errorf("vary %q, header %v", vary, got.header)
	}
}

// What a CORS middleware exposes stays, and ours comes once.
func TestBearerIsExposedBesideOthers(t *testing.T) {
	t.Parallel()
	s := serve(t, bearer)
	for already, want := range map[string]string{"": "set-auth-token", "X-A,X-B": "X-A, X-B, set-auth-token", "Set-Auth-Token, X-A": "Set-Auth-Token, X-A"} {
		s.engine.POST("/in/"+already, func(c *gin.Context) {
			c.Header("Access-Control-Expose-Headers", already)
			_, _ = s.sessions.SignIn(c, "ada")
		})
		if got := s.browser().post("/in/"+strings.ReplaceAll(already, " ", "%20"), "").header["Access-Control-Expose-Headers"]; len(got) != 1 || got[0] != want {
			t.Errorf("%q became %q", already, got)
		}
	}
}

// Bearer is off unless asked for, and a token in the query never counts.
func TestSR05_BearerIsOffByDefault(t *testing.T) {
	t.Parallel()
	s := serve(t)
	got := s.browser().post("/sign-in/ada", "")
	b := s.signedIn("ada")
	if got.header.Get("Set-Auth-Token") != "" {
		t.Error("announces the token")
	}
	s.authorized("Bearer "+signedToken(b.token())).get("/me").expect(t, 401, bodyUnauthorized)
	s.authorized("Bearer "+b.token()).get("/me?token="+b.token()).expect(t, 401, bodyUnauthorized)
	on := serve(t, bearer, func(c *ginsession.Config) { c.Store = s.store })
	handle := b.session().Session.Token
	for _, value := range []string{b.token(), handle, handle + ".x"} {
		on.authorized("Bearer "+value).get("/me").expect(t, 401, bodyUnauthorized)
	}
}

// The token of the header takes the place of the cookie's; a header that is
// none of ours leaves the cookie alone.
func TestBearerOverCookie(t *testing.T) {
	t.Parallel()
	s := serve(t, bearer)
	ada, bob := s.signedIn("ada"), s.signedIn("bob")
	ada.header.Set("Authorization", "Bearer "+signedToken(bob.token()))
	ada.get("/me").expect(t, 200, "bob@example.com false")
	for _, theirs := range []string{"Basic YTpi", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "Bearer opaque"} {
		ada.header.Set("Authorization", theirs)
		got := ada.get("/me")
		got.expect(t, 200, "ada@example.com false")
		got.expectCookies(t)
	}
	ada.header["Authorization"] = []string{"Bearer " + signedToken(bob.token()), "Basic x"}
	ada.get("/me").expect(t, 200, "ada@example.com false")
}

func TestBearerUnsigned(t *testing.T) {
	t.Parallel()
	s := serve(t, unsigned)
	b := s.signedIn("ada")
	s.authorized("Bearer "+b.token()).get("/me").expect(t, 200, "ada@example.com false")
	s.authorized("Bearer "+signedToken(b.token())).get("/me").expect(t, 200, "ada@example.com false")
	// What cannot be a token is a dead one, without a question to the store.
	s.store.reset()
	got := s.authorized("Bearer nope").get("/api/auth/get-session")
	got.expect(t, 200, "null")
	got.expectCookies(t, gone(tokenCookie, dataCookie, markerCookie)...)
	s.authorized("Bearer "+strings.Repeat("x", 5000)).get("/me").expect(t, 401, bodyUnauthorized)
	if s.store.count("") != 0 {
		t.Errorf("calls %v", s.store.calls)
	}
	if !strings.Contains(s.log.String(), "AllowUnsigned") {
		t.Error("no warning")
	}
}

// Renewing hands out the token again; ending the session takes it back.
func TestBearerRenewsAndEnds(t *testing.T) {
	t.Parallel()
	s := serve(t, bearer, func(c *ginsession.Config) { c.TrustedOrigins = []string{"https://spa.example.com"} })
	b := s.signedIn("ada")
	value := signedToken(b.token())
	s.advance(25 * time.Hour)
	got := s.authorized("Bearer " + value).get("/me")
	if got.header.Get("Set-Auth-Token") != value || len(got.cookies) != 1 || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("renewal: %v", got.header)
	}
	s.advance(25 * time.Hour)
	got = s.authorized("Bearer "+value).post("/api/auth/revoke-session", `{"token":"`+b.token()+`"}`)
	got.expect(t, 200, statusTrue)
	if got.header.Get("Set-Auth-Token") != "" {
		t.Error("hands out the token of a session that ended")
	}
	s.authorized("Bearer "+value).get("/me").expect(t, 401, bodyUnauthorized)
}

// A don't-remember session stays short without its marker, which is a cookie.
func TestBearerDoesNotLengthenAShortSession(t *testing.T) {
	t.Parallel()
	s := serve(t, bearer)
	b := s.browser()
	b.post("/sign-in/ada?forget=1", "")
	before, _ := s.store.row(b.token())
	s.advance(23 * time.Hour)
	got := s.authorized("Bearer " + signedToken(b.token())).get("/me")
	got.expect(t, 200, "ada@example.com false")
	if after, _ := s.store.row(b.token()); !after.ExpiresAt.Equal(before.ExpiresAt) || len(got.cookies) != 0 {
		t.Errorf("expires at %v, not %v", after.ExpiresAt, before.ExpiresAt)
	}
}
