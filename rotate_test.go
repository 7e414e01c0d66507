package ginsession_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// serveRotating is a service with the routes /rotate, /again and /elevate.
func serveRotating(t *testing.T, change ...func(*ginsession.Config)) *service {
	t.Helper()
	s := serve(t, change...)
	for path, do := range map[string]func(*gin.Context) (*ginsession.Session, error){
		"/rotate": s.sessions.Rotate, "/again": s.sessions.Reauthenticate, "/elevate": s.sessions.Elevate,
	} {
		s.engine.POST(path, func(c *gin.Context) {
			session, err := do(c)
			switch {
			case errors.Is(err, ginsession.ErrNoSession):
				c.String(http.StatusUnauthorized, "nobody")
			case errors.Is(err, ginsession.ErrStore):
				c.String(http.StatusServiceUnavailable, "later")
			case err != nil:
				c.String(http.StatusInternalServerError, err.Error())
			case ginsession.From(c) != session:
				c.String(http.StatusInternalServerError, "From has another session")
			default:
				c.String(http.StatusOK, session.ID)
			}
		})
	}
	return s
}

// SR-49: another token for the same session; the former, and copies made of it,
// are dead at once.
func TestSR49_RotatedTokenIsDeadAtOnce(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ginsession.Config){
		"plain": func(*ginsession.Config) {}, "cached": cached,
		"hashed": func(c *ginsession.Config) { hashing(c); cached(c) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveRotating(t, change)
			b := s.signedIn("ada")
			before := b.session().Session
			thief := b.copy()
			s.advance(time.Hour)
			b.post("/rotate", "").expect(t, http.StatusOK, before.ID)
			if b.token() == thief.token() {
				t.Fatal("the token is the same")
			}
			for _, path := range []string{"/me", "/store", "/api/auth/list-sessions"} {
				if got := thief.copy().get(path); got.status != http.StatusUnauthorized {
					t.Errorf("%s with the former token: %d %s", path, got.status, got.body)
				}
			}
			after := b.session().Session
			if after.ID != before.ID || !after.CreatedAt.Equal(before.CreatedAt) || !after.ExpiresAt.Equal(before.ExpiresAt) || after.Token == before.Token {
				t.Errorf("before %+v\nafter %+v", before, after)
			}
			if got := b.get("/fresh"); got.status != http.StatusForbidden {
				t.Errorf("rotation made it fresh: %d", got.status)
			}
			if len(s.store.Rows()) != 1 {
				t.Errorf("%d rows", len(s.store.Rows()))
			}
		})
	}
}

// A tab that asked with the former token while the other got the new one must
// not be told to drop the cookies, which are the new one's by then.
func TestRotationKeepsTheCookiesOfATabUnderWay(t *testing.T) {
	t.Parallel()
	s := serveRotating(t)
	b := s.signedIn("ada")
	tab := b.copy()
	b.post("/rotate", "")
	got := tab.get("/open")
	got.expect(t, http.StatusOK, "nobody")
	got.expectCookies(t)
	tab = b.copy()
	b.post("/sign-in/bob", "")
	tab.get("/open").expectCookies(t)
	s.advance(time.Minute)
	if got := tab.get("/open"); len(got.cookies) == 0 {
		t.Error("a minute later the dead cookies stay")
	}
}

// The same while the new token is being written, and in /update-session; and for
// a session that another sign-in on the device ends.
func TestRotationKeepsTheCookiesOfATabInTheMiddle(t *testing.T) {
	t.Parallel()
	s := serveRotating(t, themed, multi)
	for _, path := range []string{"/rotate", "/sign-in/ada"} {
		b := s.signedIn("ada")
		tab := b.copy()
		ends := map[string]string{"/rotate": "replace", "/sign-in/ada": "revoke"}[path]
		done := false
		s.store.hook(func(_ context.Context, call string) error {
			if call != ends || done {
				return nil
			}
			done = true
			row, _ := s.store.row(tab.token())
			s.store.Remove(tab.token()) // as if the write had been seen by now
			got := tab.get("/open")
			got.expect(t, http.StatusOK, "nobody")
			got.expectCookies(t)
			s.store.Put(row)
			return nil
		})
		if got := b.post(path, ""); got.status != http.StatusOK || !done {
			t.Fatalf("%s: %d %s", path, got.status, got.body)
		}
		s.up()
		if path != "/rotate" {
			continue
		}
		// One that read the former token just before, and writes just after.
		b = s.signedIn("ada")
		updating := b.copy()
		s.store.hook(func(_ context.Context, call string) error {
			if call == "update" {
				s.store.hook(nil)
				b.post("/rotate", "")
			}
			return nil
		})
		got := updating.post("/api/auth/update-session", `{"theme":"dark"}`)
		if got.status != http.StatusUnauthorized {
			t.Errorf("update: %d %s", got.status, got.body)
		}
		got.expectCookies(t)
		// The same of one that renews. Middleware would wait for its read.
		plain := &service{t: t, sessions: s.sessions, engine: gin.New()}
		plain.engine.POST("/rotate", func(c *gin.Context) { _, _ = s.sessions.Rotate(c) })
		s.advance(25 * time.Hour)
		b.s = plain
		renewing := b.at(s)
		s.store.during("touch", func() { b.post("/rotate", "") })
		got = renewing.get("/open")
		got.expect(t, http.StatusOK, "nobody")
		got.expectCookies(t)
		if b.token() == renewing.token() {
			t.Error("not rotated")
		}
	}
}

// A session of an hour stays one of an hour.
func TestReauthenticateKeepsAShortExpiry(t *testing.T) {
	t.Parallel()
	s := serveRotating(t, func(c *ginsession.Config) { c.ExpiresIn = time.Hour })
	b := s.signedIn("ada")
	s.advance(10 * time.Minute)
	b.post("/again", "")
	if row := s.store.Rows()[0]; row.ExpiresAt.Sub(row.CreatedAt) != time.Hour {
		t.Errorf("lives for %v", row.ExpiresAt.Sub(row.CreatedAt))
	}
}

// SR-41: a new session in the place of the old, which is fresh.
func TestSR41_ReauthenticateReplacesTheSession(t *testing.T) {
	t.Parallel()
	s, d := serveTelling(t)
	s.engine.POST("/again", func(c *gin.Context) {
		if _, err := s.sessions.Reauthenticate(c); err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
		}
	})
	b := s.signedIn("ada")
	before := b.session().Session
	thief := b.copy()
	s.advance(time.Hour)
	d.expect("created")
	if got := b.post("/again", ""); got.status != http.StatusOK {
		t.Fatal(got)
	}
	after := b.session().Session
	if after.ID == before.ID || !after.CreatedAt.Equal(start.Add(time.Hour)) || !after.ExpiresAt.Equal(start.Add(time.Hour+7*24*time.Hour)) {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	if events := d.expect("revoked: replaced by a sign-in", "created"); events[0].SessionID != before.ID || events[1].SessionID != after.ID {
		t.Errorf("events %+v", events)
	}
	if got := b.get("/fresh"); got.status != http.StatusOK {
		t.Errorf("not fresh: %d", got.status)
	}
	thief.get("/open").expect(t, http.StatusOK, "nobody")
	if len(s.store.Rows()) != 1 {
		t.Errorf("%d rows", len(s.store.Rows()))
	}
}

// SR-41: whatever fails in the middle, exactly one of the two tokens works.
func TestSR41_FailureInTheMiddleLeavesOneToken(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/rotate", "/again"} {
		s := serveRotating(t, cached)
		b := s.signedIn("ada")
		s.downFor("replace")
		got := b.post(path, "")
		got.expect(t, http.StatusServiceUnavailable, "later")
		got.expectCookies(t)
		s.up()
		b.get("/me").expect(t, http.StatusOK, byStore) // for the write may have happened, whatever a copy says

		// The write happened, and its answer got lost.
		s = serveRotating(t, func(c *ginsession.Config) { c.Store = losesAnswers{c.Store.(*memStore)} })
		b = s.signedIn("ada")
		thief := b.copy()
		if got := b.post(path, ""); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		b.get("/me").expect(t, http.StatusOK, byStore)
		thief.get("/open").expect(t, http.StatusOK, "nobody")
	}
}

type losesAnswers struct{ *memStore }

func (s losesAnswers) Replace(ctx context.Context, read, next models.Session, now time.Time) (models.Session, error) {
	if _, err := s.memStore.Replace(ctx, read, next, now); err != nil {
		return models.Session{}, err
	}
	return models.Session{}, errDown
}

func TestRotateWithoutASession(t *testing.T) {
	t.Parallel()
	s := serveRotating(t, func(c *ginsession.Config) { c.Schema.Session.Fields = []models.Field{models.FreshAt()} })
	gone := s.signedIn("ada")
	s.store.Remove(gone.token())
	for _, path := range []string{"/rotate", "/again", "/elevate"} {
		s.browser().post(path, "").expect(t, http.StatusUnauthorized, "nobody")
		gone.copy().post(path, "").expect(t, http.StatusUnauthorized, "nobody")
		for _, call := range []string{"replace", "update"} { // revoked in the middle
			b := s.signedIn("ada")
			s.store.during(call, func() { s.store.Remove(b.token()) })
			if got := b.post(path, ""); got.status != http.StatusUnauthorized && (path == "/elevate") == (call == "update") {
				t.Errorf("%s, revoked in the middle: %d %s", path, got.status, got.body)
			}
			s.up()
		}
		b := s.signedIn("ada")
		s.down()
		got := b.post(path, "")
		got.expect(t, http.StatusServiceUnavailable, "later")
		got.expectCookies(t)
		s.up()
		if got := b.post(path, ""); got.status != http.StatusOK {
			t.Errorf("%s afterwards: %d %s", path, got.status, got.body)
		}
	}
	s.engine.POST("/gone", func(c *gin.Context) { // ended between the load and the write
		for _, do := range []func(*gin.Context) (*ginsession.Session, error){s.sessions.Rotate, s.sessions.Elevate} {
			if _, err := do(c); !errors.Is(err, ginsession.ErrNoSession) || ginsession.From(c) != nil {
				t.Errorf("got %v, and From has %v", err, ginsession.From(c))
			}
		}
	})
	ended := s.signedIn("ada")
	s.store.during("replace", func() { s.store.Remove(ended.token()) })
	ended.post("/gone", "")
	s.up()
	late := s.signedIn("ada")
	s.engine.POST("/late", func(c *gin.Context) {
		c.String(http.StatusOK, "begun")
		if _, err := s.sessions.Rotate(c); !errors.Is(err, ginsession.ErrStarted) {
			t.Errorf("Rotate after the response has begun: %v", err)
		}
	})
	late.post("/late", "")
	late.get("/me").expect(t, http.StatusOK, byStore)
}

// A don't-remember session stays one, and each account on a device keeps its
// device cookie.
func TestRotateKeepsWhatKindOfSessionItIs(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/rotate", "/again"} {
		s := serveRotating(t, multi)
		b := s.browser()
		b.post("/sign-in/ada?forget=1", "")
		s.advance(time.Hour)
		got := b.post(path, "")
		if !slices.Contains(got.cookies, markerCookie+"="+sign(secret, "true")+"; Path=/; HttpOnly; SameSite=Lax") { // an old secret may have signed it
			t.Errorf("%s: the marker is not signed anew: %q", path, got.cookies)
		}
		for _, line := range got.cookies {
			if strings.HasPrefix(line, tokenCookie+"=") && strings.Contains(line, "Max-Age") {
				t.Errorf("%s: the session cookie outlives the browser: %s", path, line)
			}
		}
		if row := s.store.Rows()[0]; row.ExpiresAt.Sub(row.CreatedAt) != 24*time.Hour {
			t.Errorf("%s: lives for %v", path, row.ExpiresAt.Sub(row.CreatedAt))
		}
		devices := 0
		for _, c := range b.cookies {
			if rest, ok := strings.CutPrefix(c.name, tokenCookie+"_multi-"); ok {
				devices++
				if rest != strings.ToLower(b.token()) {
					t.Errorf("%s: device cookie %s is another's", path, c.name)
				}
			}
		}
		if devices != 1 {
			t.Errorf("%s: %d device cookies", path, devices)
		}
	}
}
