package ginsession_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// impatient makes the store be asked twenty times a second where no feed tells.
func impatient(c *ginsession.Config) { c.CookieCache.MaxLag = 100 * time.Millisecond }

// working serves GET /work, whose work goes on for as long as its session, and
// GET /fail, of which the context has ended by itself.
func (s *service) working() *service {
	s.engine.GET("/work", func(c *gin.Context) {
		c.Header("X-Working", "yes")
		ctx := s.sessions.Context(c)
		<-ctx.Done()
		err := context.Cause(ctx)
		_ = everything.Hear(err)
		c.String(http.StatusOK, "%v", err)
	})
	return s
}

// work is a request to GET /work of a browser, in a bubble of synctest: what it answers
// once it ends.
func (b *browser) work() <-chan string {
	b.s.t.Helper()
	asked := b.s.store.count("findMany")
	answer := make(chan string, 1)
	copied := b.copy()
	go func() { answer <- copied.get("/work").body }()
	synctest.Wait()
	if b.s.store.count("findMany") == asked {
		b.s.t.Fatal("the store is not asked about the work's session")
	}
	return answer
}

func expectEnd(t *testing.T, work <-chan string, want string) {
	t.Helper()
	select {
	case got := <-work:
		if got != want {
			t.Errorf("the work ended with %q, want %q", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("the work goes on, want it to end with %q", want)
	}
}

func expectWork(t *testing.T, work <-chan string) {
	t.Helper()
	select {
	case got := <-work:
		t.Errorf("the work ended with %q", got)
	case <-time.After(300 * time.Millisecond): // three times what it takes to notice an end
	}
}

const hasEnded = "ginsession: no session: it has ended: "

func TestWorkEndsWithItsSession(t *testing.T) {
	t.Parallel()
	for want, test := range map[string]struct {
		config func(*ginsession.Config)
		end    func(s *service, b *browser)
	}{
		"signed out": {end: func(_ *service, b *browser) { b.post("/api/auth/sign-out", "") }},
		"revoked by the user": {end: func(s *service, b *browser) {
			s.signedIn("ada").post("/api/auth/revoke-session", `{"token":"`+b.session().Session.Token+`"}`)
		}},
		"all others revoked": {end: func(s *service, b *browser) { s.signedIn("ada").post("/api/auth/revoke-other-sessions", "") }},
		"revoked by application": {end: func(s *service, b *browser) {
			if _, err := s.sessions.RevokeAll(s.t.Context(), "ada"); err != nil {
				s.t.Error(err)
			}
		}},
		"replaced by a sign-in": {end: func(_ *service, b *browser) { b.post("/sign-in/ada", "") }},
		"rotated": {end: func(s *service, b *browser) {
			s.engine.POST("/rotate", func(c *gin.Context) { _, _ = s.sessions.Rotate(c) })
			b.post("/rotate", "")
		}},
		"limit reached": {
			config: func(c *ginsession.Config) { c.MaxSessionsPerUser = 1 },
			end:    func(s *service, _ *browser) { s.advance(time.Second); s.signedIn("ada") },
		},
		"expired": {end: func(s *service, _ *browser) { s.advance(7*24*time.Hour + time.Millisecond) }},
		"lifetime reached": {
			config: func(c *ginsession.Config) { c.MaxLifetime = time.Hour },
			end: func(s *service, b *browser) {
				s.store.edit(b.token(), func(row *models.Session) { row.ExpiresAt = start.Add(48 * time.Hour) }) // by a server without the limit
				s.advance(time.Hour + time.Millisecond)
			},
		},
		"ended elsewhere": {end: func(s *service, b *browser) { s.store.Remove(b.token()) }},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, impatient, func(c *ginsession.Config) {
					if test.config != nil {
						test.config(c)
					}
				}).working()
				t.Cleanup(s.sessions.Close)
				b, other := s.signedIn("ada"), s.signedIn("bob")
				work, others := b.work(), other.work()
				expectWork(t, work)
				test.end(s, b)
				expectEnd(t, work, hasEnded+want)
				if want == "expired" || want == "lifetime reached" {
					expectEnd(t, others, hasEnded+"expired")
					return
				}
				expectWork(t, others)
				s.sessions.Close()
				expectEnd(t, others, "ginsession: the Manager is closed")
				b = s.signedIn("bob")
				if got := b.get("/work").body; got != "ginsession: the Manager is closed" {
					t.Errorf("after Close: %q", got)
				}
			})
		})
	}
}

// What others ended the feed tells, with the reason.
func TestWorkEndsWhenTheFeedTells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, feed := serveTold(t, time.Minute)
		s.working()
		one, two, three := s.signedIn("ada"), s.signedIn("ada"), s.signedIn("bob")
		spared := two.session().Session.ID
		feed.heardNow()
		works := []<-chan string{one.work(), two.work(), three.work()}
		token := one.token()
		s.store.Remove(token)
		for _, work := range works {
			expectWork(t, work) // nobody has told
		}
		feed.heardNow(models.Revoked{TokenSHA256: sha256.Sum256([]byte(token)), Reason: "limit reached"})
		expectEnd(t, works[0], hasEnded+"limit reached")
		s.store.Remove(three.token())
		feed.heardNow(models.Revoked{UserID: "bob", At: start, Reason: "all others revoked"}, models.Revoked{UserID: "ada", Except: spared, At: start, Reason: "x"})
		expectEnd(t, works[2], hasEnded+"all others revoked")

		// A line of a user may mean a session that ended before this one began.
		feed.heardNow(models.Revoked{UserID: "ada", At: start})
		expectWork(t, works[1])
		s.store.Remove(two.token())
		feed.tell <- told{heard: models.Heard{Overflow: true, AsOf: time.Now()}}
		expectEnd(t, works[1], hasEnded+"ended elsewhere")
	})
}

// Of a session that work was ended for no copy is believed here any more, told or not.
func TestWorkThatEndedMakesCopiesWorthless(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, feed := serveTold(t, time.Minute)
		s.working()
		b := s.signedIn("ada")
		feed.heardNow()
		b.get("/me").expect(t, http.StatusOK, byCache)
		copied := b.copy()
		s.store.Remove(b.token())
		expectEnd(t, b.work(), hasEnded+"ended elsewhere")
		if got := copied.get("/me"); got.status != http.StatusUnauthorized {
			t.Errorf("got %d %s", got.status, got.body)
		}
	})
}

// A silent feed is no reason to let work go on.
func TestWorkIsConfirmedByTheStoreWhileTheFeedIsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, feed := serveTold(t, 100*time.Millisecond)
		s.working()
		b := s.signedIn("ada")
		feed.heardNow()
		work := b.work()
		s.store.Remove(b.token())
		expectEnd(t, work, hasEnded+"ended elsewhere")
	})
}

func TestWorkOfARenewedSessionGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, impatient).working()
		t.Cleanup(s.sessions.Close)
		b := s.signedIn("ada")
		work := b.work()
		s.advance(6 * 24 * time.Hour)
		b.get("/me").expect(t, http.StatusOK, byStore)
		s.advance(6 * 24 * time.Hour)
		expectWork(t, work)
		s.advance(24*time.Hour + time.Millisecond)
		expectEnd(t, work, hasEnded+"expired")
	})
}

// A store that does not answer ends nobody's session, but work that nobody vouches
// for any more: its client may come again.
func TestWorkThatNobodyVouchesForEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, impatient, func(c *ginsession.Config) { c.StoreTimeout = 300 * time.Millisecond }).working()
		t.Cleanup(s.sessions.Close)
		b := s.signedIn("ada")
		work := b.work()
		s.down()
		time.Sleep(300 * time.Millisecond) // less than StoreTimeout and MaxLag
		s.up()
		expectWork(t, work)
		s.store.hook(func(_ context.Context, call string) error {
			if call == "findMany" {
				panic("of a foreign store")
			}
			return nil
		})
		expectEnd(t, work, "ginsession: the session store did not answer: the store panicked")
	})
}

// A feed that is heard vouches for work without the store.
func TestWorkThatTheFeedVouchedForGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, feed := serveTold(t, 100*time.Millisecond, func(c *ginsession.Config) { c.StoreTimeout = 300 * time.Millisecond })
		s.working()
		b := s.signedIn("ada")
		feed.heardNow()
		work := b.work()
		for range 20 {
			time.Sleep(50 * time.Millisecond)
			feed.heardNow()
		}
		s.down()
		expectWork(t, work)
		expectEnd(t, work, "ginsession: the session store did not answer: connection refused")
	})
}

// A session that ended while the work on it began has a reason too.
func TestWorkThatBeganAsItsSessionEnded(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	t.Cleanup(s.sessions.Close)
	b := s.signedIn("ada")
	s.engine.GET("/work", func(c *gin.Context) {
		if err := s.sessions.Revoke(context.Background(), "ada", b.token()); err != nil {
			t.Error(err)
		}
		ctx := s.sessions.Context(c)
		<-ctx.Done()
		c.String(http.StatusOK, "%v", context.Cause(ctx))
	})
	b.get("/work").expect(t, http.StatusOK, hasEnded+"revoked by application")
}

func TestWorkWithoutASessionHasEnded(t *testing.T) {
	t.Parallel()
	s := serve(t).working()
	if got := s.browser().get("/work").body; got != "ginsession: no session" {
		t.Errorf("got %q", got)
	}
	s.down()
	b := s.withCookies(tokenCookie + "=x")
	b.cookies = s.browser().cookies
	if got := b.get("/work").body; got != "ginsession: no session" {
		t.Errorf("got %q", got)
	}
}

// Work that is done is watched no longer.
func TestWorkThatIsDoneIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, impatient)
		t.Cleanup(s.sessions.Close)
		s.engine.GET("/brief", func(c *gin.Context) {
			ctx, cancel := context.WithCancel(c.Request.Context())
			c.Request = c.Request.WithContext(ctx)
			s.sessions.Context(c)
			cancel()
		})
		b := s.signedIn("ada")
		b.get("/brief")
		synctest.Wait()
		s.store.reset()
		time.Sleep(200 * time.Millisecond)
		if n := s.store.count("findMany"); n != 0 {
			t.Errorf("the store was asked %d times", n)
		}
	})
}

// A hundred in a query.
func TestManyWorksShareQueries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, impatient).working()
		t.Cleanup(s.sessions.Close)
		b, other := s.signedIn("ada"), s.signedIn("bob")
		var works []<-chan string
		for range 150 {
			works = append(works, b.work())
			other.work()
		}
		s.store.Remove(b.token())
		for _, work := range works {
			expectEnd(t, work, hasEnded+"ended elsewhere")
		}
		s.store.reset()
		time.Sleep(525 * time.Millisecond) // ten times half of MaxLag, and some
		if n := s.store.count("findMany"); n != 2*10 {
			t.Errorf("150 works of one session: asked %d times, want 20", n)
		}
	})
}

// SR-67: the end of a session is told to its pages and to nobody else.
func TestSessionEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, impatient, func(c *ginsession.Config) {
			c.SessionEvents = ginsession.SessionEvents{Enabled: true, MaxStreams: 20}
		})
		t.Cleanup(s.sessions.Close)
		client := s.listen(&http.Server{ReadTimeout: time.Second, WriteTimeout: time.Second})
		// open returns the head of the answer, and its body once that has ended.
		open := func(b *browser) (*http.Response, <-chan string) {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, home+"/api/auth/session-events", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Cookie", b.cookieHeader())
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { response.Body.Close() })
			body := make(chan string, 1)
			go func() {
				text, _ := io.ReadAll(response.Body)
				body <- string(text)
			}()
			return response, body
		}
		b, other := s.signedIn("ada"), s.signedIn("bob")
		first, one := open(b)
		_, two := open(b)
		if got := first.Header; first.StatusCode != http.StatusOK || got.Get("Content-Type") != "text/event-stream" || got.Get("Cache-Control") != "no-store" || got["Set-Cookie"] != nil {
			t.Errorf("got %d %v", first.StatusCode, got)
		}
		if got, _ := open(s.browser()); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("without a session: %d", got.StatusCode)
		}
		time.Sleep(31 * time.Second) // much longer than the server's time-outs
		b.post("/api/auth/sign-out", "").expect(t, http.StatusOK, successTrue)
		const want = "retry: 2000\n\n:\n\n:\n\nevent: ended\ndata: {\"reason\":\"signed out\"}\n\n"
		for _, stream := range []<-chan string{one, two} {
			if got := <-stream; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}

		var last *http.Response
		for range 16 { // of one session
			last, _ = open(other)
		}
		many, _ := open(other)
		last.Body.Close()
		synctest.Wait()
		if again, _ := open(other); again.StatusCode != http.StatusOK {
			t.Errorf("one in the place of one that is gone: %d", again.StatusCode)
		}
		if many.StatusCode != http.StatusServiceUnavailable || many.Header.Get("Retry-After") == "" {
			t.Errorf("the 17th of a session: %d", many.StatusCode)
		}
		for range 4 { // of all
			if got, _ := open(s.signedIn("ada")); got.StatusCode != http.StatusOK {
				t.Errorf("got %d", got.StatusCode)
			}
		}
		if got, _ := open(s.signedIn("ada")); got.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("the 21st of all: %d", got.StatusCode)
		}
		if got := s.browser().send(http.MethodPost, "/api/auth/session-events", ""); got.status != http.StatusNotFound || got.body != "" {
			t.Errorf("POST: %d %s", got.status, got.body)
		}
	})
}

// On request, a 401 says why. Who asks has proved that the session was theirs.
func TestExposeReasons(t *testing.T) {
	t.Parallel()
	with := func(c *ginsession.Config) { c.ExposeReasons = true }
	because := func(reason string) string {
		return strings.TrimSuffix(bodyUnauthorized, "}") + `,"reason":"` + reason + `"}`
	}
	for name, configs := range map[string][]func(*ginsession.Config){"with a cookie cache": {with, cached}, "without": {with}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, configs...)
			b := s.signedIn("ada")
			thief := b.copy()
			b.post("/api/auth/sign-out", "")
			thief.copy().get("/me").expect(t, http.StatusUnauthorized, because("signed out"))
			thief.copy().get("/api/auth/list-sessions").expect(t, http.StatusUnauthorized, because("signed out"))
			b.get("/me").expect(t, http.StatusUnauthorized, bodyUnauthorized)
			s.withCookies(tokenCookie+"=forged.x").get("/me").expect(t, http.StatusUnauthorized, bodyUnauthorized)

			b, keeper := s.signedIn("ada"), s.signedIn("ada")
			keeper.post("/api/auth/revoke-other-sessions", "")
			if name == "without" { // who it was nobody knows any more
				b.get("/me").expect(t, http.StatusUnauthorized, bodyUnauthorized)
			} else {
				b.get("/me").expect(t, http.StatusUnauthorized, because("all others revoked"))
			}
			s.advance(8 * 24 * time.Hour)
			keeper.get("/me").expect(t, http.StatusUnauthorized, because("expired"))
		})
	}
	t.Run("told by a feed", func(t *testing.T) {
		t.Parallel()
		s, feed := serveTold(t, time.Minute, with)
		b := s.signedIn("ada")
		s.store.Remove(b.token())
		feed.heardNow(models.Revoked{TokenSHA256: sha256.Sum256([]byte(b.token())), Reason: "limit reached"}, models.Revoked{TokenSHA256: sha256.Sum256([]byte(b.token()))})
		b.get("/me").expect(t, http.StatusUnauthorized, because("limit reached"))
	})
	t.Run("to the application in any case", func(t *testing.T) {
		t.Parallel()
		s := serve(t, cached)
		var got error
		s.engine.GET("/load", func(c *gin.Context) { _, got = s.sessions.Load(c) })
		b := s.signedIn("ada")
		copied := b.copy()
		b.post("/api/auth/sign-out", "")
		copied.get("/load")
		var ended *ginsession.EndedError
		if !errors.As(got, &ended) || ended.Reason != ginsession.ReasonSignedOut || !errors.Is(got, ginsession.ErrNoSession) {
			t.Errorf("got %v", got)
		}
	})
}
