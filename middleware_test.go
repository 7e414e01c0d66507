package ginsession_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

func TestGuards(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		path  string
		age   time.Duration // of the session; negative: none
		down  bool
		want  int
		body  string
		retry string
	}{
		{"session", "/me", 0, false, 200, "ada@example.com false", ""},
		{"session, none", "/me", -1, false, 401, bodyUnauthorized, ""},
		{"session, store down", "/me", 0, true, 503, bodyUnavailable, "1"},
		{"session, expired", "/me", 8 * 24 * time.Hour, false, 401, bodyUnauthorized, ""},

		{"store", "/store", time.Hour, false, 200, "ada@example.com false", ""},
		{"store, none", "/store", -1, false, 401, bodyUnauthorized, ""},
		{"store, store down", "/store", 0, true, 503, bodyUnavailable, "1"},

		{"fresh", "/fresh", 10*time.Minute - time.Millisecond, false, 200, "ada@example.com false", ""},
		{"fresh, just stale", "/fresh", 10 * time.Minute, false, 403, bodyNotFresh, ""},
		{"fresh, none", "/fresh", -1, false, 401, bodyUnauthorized, ""},
		{"fresh, store down", "/fresh", 0, true, 503, bodyUnavailable, "1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			b := s.browser()
			if test.age >= 0 {
				b = s.signedIn("ada")
				s.advance(test.age)
			}
			if test.down {
				s.down()
			}
			got := b.get(test.path)
			got.expect(t, test.want, test.body)
			if retry := got.header.Get("Retry-After"); retry != test.retry {
				t.Errorf("Retry-After %q, want %q", retry, test.retry)
			}
			if test.want != 200 && got.header.Get("Content-Type") != "application/json" {
				t.Errorf("Content-Type %q", got.header.Get("Content-Type"))
			}
		})
	}
}

// A guard in a group made before Use must not let anyone in.
func TestGuardsWorkWithoutMiddleware(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.engine = gin.New()
	s.engine.GET("/me", s.sessions.RequireSession(), func(c *gin.Context) {
		c.String(200, ginsession.From(c).UserID)
	})
	b.get("/me").expect(t, 200, "ada")
	s.browser().get("/me").expect(t, 401, bodyUnauthorized)
}

func TestFromIsNilWithoutMiddleware(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.engine = gin.New()
	s.engine.GET("/", func(c *gin.Context) {
		if ginsession.From(c) != nil {
			t.Error("a session out of nowhere")
		}
		if session, err := s.sessions.Load(c); err != nil || session.UserID != "ada" {
			t.Errorf("Load: %v, %v", session, err)
		}
		if ginsession.From(c) == nil {
			t.Error("no session after Load")
		}
	})
	b.get("/").expect(t, 200, "")
}

func TestLoadTellsNoSessionFromNoAnswer(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	var got error
	s.engine.GET("/load", func(c *gin.Context) { _, got = s.sessions.Load(c) })

	s.browser().get("/load")
	if !errors.Is(got, ginsession.ErrNoSession) || errors.Is(got, ginsession.ErrStore) {
		t.Errorf("without cookies: %v", got)
	}
	s.down()
	reply := b.get("/load")
	if !errors.Is(got, ginsession.ErrStore) || errors.Is(got, ginsession.ErrNoSession) {
		t.Errorf("with the store down: %v", got)
	}
	reply.expectCookies(t)
}

func TestFromContext(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.engine.GET("/contexts", func(c *gin.Context) {
		type key struct{}
		for name, ctx := range map[string]context.Context{
			"request":       c.Request.Context(),
			"gin":           c,
			"derived":       context.WithValue(c.Request.Context(), key{}, 1),
			"copy":          c.Copy(),
			"derived, gin":  context.WithValue(c, key{}, 1),
			"not cancelled": context.WithoutCancel(c.Request.Context()),
		} {
			if session := ginsession.FromContext(ctx); session == nil || session.UserID != "ada" {
				t.Errorf("%s: %v", name, session)
			}
		}
	})
	b.get("/contexts")
	if ginsession.FromContext(context.Background()) != nil {
		t.Error("a session out of nowhere")
	}
	if ginsession.From(nil) != nil {
		t.Error("a session of no request")
	}
}

func TestMiddlewareTwiceLoadsOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	b.cookies = b.cookies[:1] // the token alone: the store is read and a copy is written
	s.engine = gin.New()
	s.engine.Use(s.sessions.Middleware(), s.sessions.Middleware())
	s.engine.GET("/", func(c *gin.Context) { c.Request.URL.Path = "/again"; s.engine.HandleContext(c) })
	s.engine.GET("/again", func(c *gin.Context) { c.String(200, ginsession.From(c).UserID) })
	s.store.reset()
	got := b.get("/")
	if got.body != "ada" || len(got.cookies) != 1 || s.store.count("find") != 1 {
		t.Errorf("got %q with %d cookies and %d reads, want ada, 1 and 1", got.body, len(got.cookies), s.store.count("find"))
	}
	// Nor does a guard ask for what the store has answered.
	s = serve(t)
	b, dead := s.signedIn("ada"), s.signedIn("ada")
	s.store.Remove(dead.token())
	for _, b := range []*browser{b, dead} {
		s.store.reset()
		if b.get("/store"); s.store.count("find") != 1 {
			t.Errorf("%d reads", s.store.count("find"))
		}
	}
}

// Of two managers, one's session must not open the other's doors.
func TestGuardOfAnotherManagerLoadsItsOwn(t *testing.T) {
	t.Parallel()
	users := serve(t)
	admins := serve(t, func(c *ginsession.Config) { c.Cookies.Prefix = "admin" })
	b := users.signedIn("ada")
	users.engine.GET("/admin", admins.sessions.RequireSession(), func(c *gin.Context) { c.String(200, "in") })
	b.get("/admin").expect(t, 401, bodyUnauthorized)
	b.cookies = append(b.cookies, admins.signedIn("bob").cookies...)
	b.get("/admin").expect(t, 200, "in")
}

func TestUpgradedConnectionChangesNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	b.header.Set("Upgrade", "websocket")
	s.advance(25 * time.Hour)
	got := b.get("/open")
	got.expect(t, 200, "ada@example.com false")
	got.expectCookies(t)
	if s.store.count("touch") != 0 {
		t.Error("the session was renewed")
	}
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	for _, path := range []string{
		"/api/auth", "/api/auth/", "/api/auth/nope", "/api/auth//get-session", "/api/auth/Get-Session", "/api/auth/get-session;v=1",
		"/api/auth/get-session/", "/api/auth/ok/", "/api/auth/get%2Dsession", "/api/auth%2Fget-session", "/api/auth/x/../get-session",
	} {
		got := b.get(path)
		got.expect(t, 404, "")
		if got.header.Get("Content-Type") != "" || got.header.Get("Location") != "" || len(got.cookies) > 0 {
			t.Errorf("%s: headers %v", path, got.header)
		}
	}
	for _, method := range []string{"HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"} {
		b.send(method, "/api/auth/get-session", "").expect(t, 404, "")
	}
	// Outside of our prefix gin answers as ever.
	b.get("/elsewhere").expect(t, 404, "404 page not found")
}

// A host may serve unknown paths itself: a single-page application, a proxy.
func TestUnknownPathsLeaveTheHostsNoRoute(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.engine.HandleMethodNotAllowed = true
	got := s.browser().send("PUT", "/api/auth/get-session", "")
	got.expect(t, 404, "")
	if got.header.Get("Allow") != "" {
		t.Errorf("Allow: %s", got.header.Get("Allow"))
	}
	s.engine.NoRoute(func(c *gin.Context) { c.String(http.StatusTeapot, "proxied") })
	s.browser().get("/api/auth/sign-in/social").expect(t, http.StatusTeapot, "proxied")
}

func TestSR62_OnePathOneRoute(t *testing.T) {
	t.Parallel()
	for name, loosen := range map[string]func(*gin.Engine){
		"default":            func(*gin.Engine) {},
		"RemoveExtraSlash":   func(e *gin.Engine) { e.RemoveExtraSlash = true },
		"UseRawPath":         func(e *gin.Engine) { e.UseRawPath = true },
		"UseEscapedPath":     func(e *gin.Engine) { e.UseEscapedPath = true },
		"RedirectFixedPath":  func(e *gin.Engine) { e.RedirectFixedPath = true },
		"no redirect at all": func(e *gin.Engine) { e.RedirectTrailingSlash = false },
	} {
		s := serve(t)
		loosen(s.engine)
		b := s.signedIn("ada")
		for _, path := range []string{"//api/auth/revoke-sessions", "/api/auth//revoke-sessions", "/api/auth/revoke-sessions/", "/api/auth/x/../revoke-sessions", "/api/auth/revoke%2Dsessions", "/API/auth/revoke-sessions", "/api/auth/revoke-sessions;v=1"} {
			got := b.post(path, "{}")
			redirect := got.status == http.StatusTemporaryRedirect || got.status == http.StatusPermanentRedirect // to the exact path, which checks again
			if got.status != 404 && !redirect {
				t.Errorf("%s: POST %s: %d", name, path, got.status)
			}
			if len(s.store.Rows()) != 1 {
				t.Fatalf("%s: POST %s ended the session", name, path)
			}
		}
	}
}

func TestRoutesUnderAPrefixWithParameters(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.sessions.Routes(s.engine.Group("/:tenant/auth"))
	b := s.signedIn("ada")
	if got := b.get("/acme/auth/get-session"); got.status != 200 || !strings.Contains(got.body, "ada@example.com") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	b.get("/acme/auth/get%2Dsession").expect(t, 404, "")
}

func TestRoutesWorkWithoutMiddleware(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.engine = gin.New()
	s.sessions.Routes(s.engine.Group("/api/auth"))
	if body := b.session(); body.User.ID != "ada" {
		t.Errorf("got %+v", body)
	}
}

func TestMountingTwicePanics(t *testing.T) {
	t.Parallel()
	s := serve(t)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	s.sessions.Routes(s.engine.Group("/api/auth"))
}

func TestSR63_ResponsesAreNotSharedByCaches(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	for _, path := range []string{"get-session", "list-sessions", "ok"} {
		got := b.get("/api/auth/" + path)
		if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Vary") != "Cookie" || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, got.header)
		}
	}
	if got := s.browser().get("/api/auth/list-sessions"); got.status != 401 || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("refused: %v", got.header)
	}
	// A page on which nothing is written may be cached, but not for others.
	got := b.get("/open")
	if got.header.Get("Cache-Control") != "" || got.header.Get("Vary") != "Cookie" {
		t.Errorf("page: %v", got.header)
	}
	// A page on which the session slides must not be.
	s.advance(25 * time.Hour)
	if got = b.get("/open"); len(got.cookies) != 1 || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("sliding page: %v", got.header)
	}
}

func TestSR63_HeadersOfTheApplicationAreKept(t *testing.T) {
	t.Parallel()
	for vary, want := range map[string]string{"": "Cookie", "Origin, cookie": "Origin, cookie", "Origin, *": "Origin, *", "Origin": "Origin, Cookie"} {
		for control, kept := range map[string]bool{"private, max-age=60": true, "no-store": true, "public, max-age=60": false, "": false} {
			s := serve(t)
			b := s.signedIn("ada")
			s.advance(25 * time.Hour) // so that a cookie is set
			s.engine = gin.New()
			s.engine.Use(func(c *gin.Context) { c.Header("Vary", vary); c.Header("Cache-Control", control) }, s.sessions.Middleware())
			s.engine.GET("/", func(*gin.Context) {})
			got := b.get("/")
			if got := strings.Join(got.header["Vary"], ", "); got != want {
				t.Errorf("Vary %q became %q", vary, got)
			}
			if got := got.header.Get("Cache-Control"); kept && got != control || !kept && got != "no-store" {
				t.Errorf("Cache-Control %q became %q", control, got)
			}
		}
	}
}

// What a handler does to its session nobody else sees.
func TestSR92_SessionIsTheRequestsOwnCopy(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	s.engine.GET("/vandal", func(c *gin.Context) {
		session := ginsession.From(c)
		session.UserID, session.User.Email = "root", "root@example.com"
	})
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() { b.copy().get("/vandal") })
		wait.Go(func() { b.copy().get("/open").expect(t, 200, "ada@example.com true") })
	}
	wait.Wait()
}

func TestSR07_StoredTokenIsComparedByteForByte(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	loose := &caseless{memStore: s.store}
	other := serve(t, func(c *ginsession.Config) { c.Store = loose })
	b.s = other
	token := b.token()
	if _, err := other.sessions.Find(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if _, err := other.sessions.Find(t.Context(), strings.ToUpper(token)); !errors.Is(err, ginsession.ErrNotFound) {
		t.Errorf("another case: %v", err)
	}
}

// caseless finds tokens as a case-insensitive collation does.
type caseless struct{ *memStore }

func (s *caseless) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	for _, row := range s.Rows() {
		if strings.EqualFold(row.Token, token) {
			return s.memStore.Find(ctx, row.Token)
		}
	}
	return models.Session{}, models.User{}, models.ErrNotFound
}
