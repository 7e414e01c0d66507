package ginsession_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/models"
)

// Abuse tests of the rules in docs/security.md that no test beside the code in
// question holds.

// Without randomness the process stops: no session is better than one that can
// be guessed.
func TestSR01_WithoutRandomnessThereIsNoSession(t *testing.T) {
	if os.Getenv("SR01_NO_RANDOMNESS") != "" {
		s := serve(t)
		rand.Reader = noRandomness{}
		got := s.browser().post("/sign-in/ada", "")
		fmt.Println("signed in", got.status, got.cookies)
		return
	}
	t.Parallel()
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), "SR01_NO_RANDOMNESS=1")
	out, err := child.CombinedOutput()
	if err == nil || strings.Contains(string(out), "signed in") {
		t.Errorf("went on: %s", out)
	}
}

type noRandomness struct{}

func (noRandomness) Read([]byte) (int, error) { return 0, errors.New("no randomness") }

// clashing is a store in which the first token that is drawn is taken.
type clashing struct {
	*memStore
	taken models.Session
	tries []models.Session
}

func (s *clashing) Create(ctx context.Context, session models.Session) error {
	s.tries = append(s.tries, session)
	if len(s.tries) == 1 {
		session.Token = s.taken.Token
	}
	return s.memStore.Create(ctx, session)
}

func TestSR02_CollisionTouchesNobodysSession(t *testing.T) {
	t.Parallel()
	first := serve(t)
	ada := first.signedIn("ada")
	before, _ := first.store.row(ada.token())
	store := &clashing{memStore: first.store, taken: before}
	s := serve(t, func(c *ginsession.Config) { c.Store = store })
	bob := s.signedIn("bob")
	if len(store.tries) != 2 || store.tries[0].Token == store.tries[1].Token || store.tries[0].ID == store.tries[1].ID || bob.token() != store.tries[1].Token {
		t.Errorf("%d tries", len(store.tries))
	}
	if after, _ := first.store.row(ada.token()); !reflect.DeepEqual(after, before) {
		t.Errorf("the session that was there: %+v, was %+v", after, before)
	}
}

// The gap that the documentation admits: a copy outlives its user by MaxAge.
func TestSR09_CopyOutlivesItsUserByMaxAgeAtMost(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	s.store.RemoveUser("ada")
	b.copy().get("/me").expect(t, 200, "ada@example.com true")
	b.copy().get("/store").expect(t, 401, bodyUnauthorized)
	s.advance(5*time.Minute + time.Millisecond)
	b.get("/me").expect(t, 401, bodyUnauthorized)
	// At once, if the application says so.
	bob := s.signedIn("bob")
	s.store.RemoveUser("bob")
	if _, err := s.sessions.RevokeAll(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	bob.get("/me").expect(t, 401, bodyUnauthorized)
}

func TestSR11_EveryLineHasTheAttributes(t *testing.T) {
	t.Parallel()
	s := serve(t, cached, multi, func(c *ginsession.Config) { c.BaseURL = "https://localhost:3000" })
	b := s.browser()
	b.origin = "https://localhost:3000"
	signIn := b.post("/sign-in/ada?forget=1", "")
	signOut := b.post("/api/auth/sign-out", "{}")
	if len(signIn.cookies) != 4 || len(signOut.cookies) != 5 {
		t.Fatalf("lines %q and %q", signIn.cookies, signOut.cookies)
	}
	for _, line := range append(signIn.cookies, signOut.cookies...) {
		if !strings.HasPrefix(line, "__Secure-") || !strings.HasSuffix(line, "; Path=/; HttpOnly; Secure; SameSite=Lax") {
			t.Errorf("line %s", line)
		}
	}
}

func TestSR20_NoLineIsLongerThanBrowsersKeep(t *testing.T) {
	t.Parallel()
	for _, strategy := range strategies {
		s := serve(t, func(c *ginsession.Config) { c.CookieCache.Enabled, c.CookieCache.Strategy = true, strategy })
		for size := 0; size < 14_000; size += 611 {
			long := user("ada")
			long.Name = strings.Repeat("n", size)
			s.store.AddUser(long)
			b := s.signedIn("ada")
			b.get("/me").expect(t, 200, "ada@example.com true")
			for _, c := range b.cookies {
				if n := len(c.name) + len(c.value); n > 4096 {
					t.Errorf("%v, a name of %d: %s and its value have %d bytes", strategy, size, c.name, n)
				}
			}
			for _, line := range s.browser().post("/sign-in/ada", "").cookies {
				if len(line) > 4050 {
					t.Errorf("%v, a name of %d: a line of %d bytes", strategy, size, len(line))
				}
			}
		}
	}
}

func TestSR21_SignOutClearsEveryChunk(t *testing.T) {
	t.Parallel()
	s := serve(t, compact)
	long := user("ada")
	long.Name = strings.Repeat("n", 9000)
	s.store.AddUser(long)
	b := s.signedIn("ada")
	b.cookies = append(b.cookies, pair{dataCookie, "stale"}, pair{dataCookie + ".8", "beyond"}, pair{dataCookie + ".99", "far beyond"})
	if len(b.cookies) < 7 {
		t.Fatalf("%d cookies", len(b.cookies))
	}
	b.post("/api/auth/sign-out", "{}").expect(t, 200, successTrue)
	if len(b.cookies) != 0 {
		t.Errorf("left: %v", b.cookies)
	}
}

// A copy that /update-session writes holds the user as he was read before.
func TestSR23_CopyAfterAnUpdateIsAsOldAsItsUser(t *testing.T) {
	t.Parallel()
	s := serve(t, fields, cached)
	b := s.signedIn("ada")
	s.store.hook(func(_ context.Context, call string) error {
		if call == "update" || call == "find" {
			s.advance(30 * time.Second) // slow
		}
		return nil
	})
	b.post(updateSession, `{"theme":"dark"}`) // reads at 0:00, writes at 0:30
	s.up()
	s.advance(4 * time.Minute)
	b.copy().get("/me").expect(t, 200, "ada@example.com true")
	s.advance(time.Millisecond)
	b.copy().get("/me").expect(t, 200, "ada@example.com false")
}

// forge makes a copy as somebody does who has the secret: another format's
// author, or this one's of another day.
func (b *browser) forge(expires time.Time, old, new string) *browser {
	b.s.t.Helper()
	codec, err := cookiecache.New(cookiecache.Compact, dataCookie, []string{secret})
	if err != nil {
		b.s.t.Fatal(err)
	}
	payload, _, err := codec.Decode(b.cookie(dataCookie))
	if err != nil {
		b.s.t.Fatal(err)
	}
	if strings.Count(string(payload), old) < 1 {
		b.s.t.Fatalf("no %s in %s", old, payload)
	}
	value, err := codec.Encode([]byte(strings.Replace(string(payload), old, new, 1)), start, expires)
	if err != nil {
		b.s.t.Fatal(err)
	}
	return b.s.withCookies(tokenCookie + "=" + b.cookie(tokenCookie) + "; " + dataCookie + "=" + value)
}

func TestSR25_EachCheckOfACopy(t *testing.T) {
	t.Parallel()
	s := serve(t, compact)
	b := s.signedIn("ada")
	const minute = time.Minute
	now := start.Add(minute)
	s.advance(minute)
	issued := fmt.Sprintf(`"updatedAt":%d`, start.UnixMilli())
	issuedAt := func(at time.Time) string { return fmt.Sprintf(`"updatedAt":%d`, at.UnixMilli()) }
	tests := []struct {
		name     string
		expires  time.Time
		old, new string
		hit      bool
	}{
		{"as it was", start.Add(5 * minute), "ada", "ada", true},
		{"SR-24 the session of another user", start.Add(5 * minute), `"userId":"ada"`, `"userId":"bob"`, false},
		{"SR-24 another user", start.Add(5 * minute), `"id":"ada"}`, `"id":"bob"}`, false},
		{"the session has just not ended", start.Add(5 * minute), `"expiresAt":"2026-01-22T12:00:00.000Z"`, `"expiresAt":"2026-01-15T12:01:00.000Z"`, true},
		{"the session has ended", start.Add(5 * minute), `"expiresAt":"2026-01-22T12:00:00.000Z"`, `"expiresAt":"2026-01-15T12:00:59.999Z"`, false},
		{"made 60 s ahead", now.Add(5 * minute), issued, issuedAt(now.Add(minute)), true},
		{"made further ahead", now.Add(5 * minute), issued, issuedAt(now.Add(minute + time.Millisecond)), false},
		{"for MaxAge", now.Add(5 * minute), issued, issuedAt(now), true},
		{"for longer than MaxAge", now.Add(5*minute + 2*time.Second + time.Millisecond), issued, issuedAt(now), false},
		{"over at this moment", now, "ada", "ada", true},
		{"over", now.Add(-time.Millisecond), "ada", "ada", false},
		{"another version", start.Add(5 * minute), `"version":"1"`, `"version":"2"`, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b.forge(test.expires, test.old, test.new).get("/me").expect(t, 200, fmt.Sprintf("ada@example.com %t", test.hit))
		})
	}
}

func TestSR29_HiddenFieldsAreInNoCopy(t *testing.T) {
	t.Parallel()
	for _, strategy := range strategies {
		s := serve(t, fields, cached, func(c *ginsession.Config) { c.CookieCache.Strategy = strategy })
		s.store.AddUser(models.User{ID: "eve", Email: "eve@example.com", CreatedAt: start, UpdatedAt: start, Fields: map[string]any{"role": "admin", "salary": int64(98765)}})
		b := s.signedIn("eve")
		b.post(updateSession, `{"note":"for nobody's eyes"}`)
		codec, err := cookiecache.New(strategy, dataCookie, []string{secret})
		if err != nil {
			t.Fatal(err)
		}
		payload, _, err := codec.Decode(b.cookie(dataCookie))
		if err != nil || !strings.Contains(string(payload), `"role":"admin"`) {
			t.Fatalf("%v: %s, %v", strategy, payload, err)
		}
		for _, hidden := range []string{"nobody", "note", "salary", "98765"} {
			if strings.Contains(string(payload), hidden) {
				t.Errorf("%v: %s in %s", strategy, hidden, payload)
			}
		}
	}
}

// A client that has gone, before the read or between read and write, renews
// nothing; neither does OPTIONS.
func TestSR36_RequestsThatAreOverRenewNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		b := s.signedIn("ada")
		s.advance(25 * time.Hour)
		s.engine.OPTIONS("/options", func(*gin.Context) {})
		b.send("OPTIONS", "/options", "")

		ctx, leave := context.WithCancel(t.Context())
		s.store.during("find", leave)
		got := b.do(httptest.NewRequest("GET", "/", nil).WithContext(ctx), "/open", "")
		got.expectCookies(t)
		s.up()
		if s.store.reset(); b.do(httptest.NewRequest("GET", "/", nil).WithContext(ctx), "/open", "").status != 200 || s.store.count("") != 0 {
			t.Errorf("calls for nobody: %v", s.store.calls)
		}
		synctest.Wait() // for what goes on behind the answer
		if row, _ := s.store.row(b.token()); !row.ExpiresAt.Equal(start.Add(7 * 24 * time.Hour)) {
			t.Error("the session was renewed")
		}
		// The next one does.
		if got := b.get("/open"); len(got.cookies) != 1 {
			t.Errorf("cookies %q", got.cookies)
		}
	})
}

// What this process ended it remembers by a clock that nobody sets.
func TestSR38_ClockStepsForgetNoRevocation(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b, other := s.signedIn("ada"), s.signedIn("ada")
	if err := s.sessions.Revoke(t.Context(), "ada", b.token()); err != nil {
		t.Fatal(err)
	}
	s.advance(time.Hour)
	other.copy().get("/me")
	s.signedIn("bob").post("/api/auth/sign-out", "{}")
	s.advance(-time.Hour)
	b.get("/me").expect(t, 401, bodyUnauthorized)
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestSR52_BodyOfAForeignPageIsNotRead(t *testing.T) {
	t.Parallel()
	s := serve(t, multi)
	signedIn := s.signedIn("ada")
	s.store.reset()
	for _, b := range []*browser{signedIn, s.browser()} { // cookies or not
		b.origin = "https://evil.example"
		for _, path := range []string{"/api/auth/get-session", "/api/auth/revoke-session", "/api/auth/revoke-sessions", "/api/auth/revoke-other-sessions", "/api/auth/update-session", "/api/auth/sign-out", setActive, revokeOne} {
			r := httptest.NewRequest("POST", "/", unread{t})
			r.Header.Set("Content-Type", "application/json")
			got := b.do(r, path, "")
			got.expect(t, 403, bodyOrigin)
			got.expectCookies(t)
		}
	}
	if s.store.count("") != 0 {
		t.Errorf("calls %v", s.store.calls)
	}
}

func TestSR58_ForwardedProtoMakesNothingSecure(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]bool{home: false, "https://localhost:3000": true} {
		s := serve(t, func(c *ginsession.Config) { c.BaseURL = base })
		b := s.browser()
		b.origin = base
		b.header["X-Forwarded-Proto"] = []string{map[bool]string{false: "https", true: "http"}[want]}
		b.header["X-Forwarded-Host"] = []string{"evil.example"}
		line := b.post("/sign-in/ada", "").cookies[0]
		if strings.Contains(line, "; Secure") != want || strings.Contains(line, "Domain") || strings.HasPrefix(line, "__Secure-") != want {
			t.Errorf("%s: %s", base, line)
		}
	}
}

// The one thing of a request that an answer repeats, as Better Auth's does, is
// short and stands in JSON.
func TestSR64_ContentTypeIsClipped(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	r := httptest.NewRequest("POST", "/", strings.NewReader("x"))
	r.Header.Set("Content-Type", "text/"+strings.Repeat("é\"<", 4000))
	got := b.do(r, "/api/auth/sign-out", "")
	if got.status != 415 || len(got.body) > 400 || got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d, %d bytes, %v", got.status, len(got.body), got.header)
	}
	decode[map[string]string](t, got.body)
}

// SR-90: who trusts every proxy is told so, once.
func TestSR65_TrustInEveryProxyIsSaidOnce(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for range 3 {
		b := s.browser()
		b.header.Set("X-Forwarded-For", "6.6.6.6")
		b.signIn("ada")
	}
	if n := strings.Count(s.log.String(), "SetTrustedProxies"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

// Bodies of failures are the contract's, whatever a driver has to tell.
func TestSR68_DriversTellTheirTaleToTheLogOnly(t *testing.T) {
	t.Parallel()
	const tale = "Error 1146: Table 'app.session' doesn't exist at 10.1.2.3:3306"
	s := serve(t, multi, fields)
	b := s.signedIn("ada")
	s.store.hook(func(context.Context, string) error { return errors.New(tale) })
	for path, body := range map[string]string{
		"/me": "", "/store": "", "/fresh": "", "/api/auth/get-session": "", "/api/auth/list-sessions": "", listDevices: "",
		"/api/auth/revoke-session": `{"token":"x"}`, "/api/auth/revoke-sessions": "{}", "/api/auth/revoke-other-sessions": "{}",
		updateSession: `{"theme":"x"}`, "/api/auth/sign-out": "{}", setActive: named(b.token()), revokeOne: named(b.token()),
	} {
		method := "GET"
		if body != "" {
			method = "POST"
		}
		got := b.send(method, path, body)
		if got.status != 503 || got.body != bodyUnavailable && got.body != bodyFailed {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		for name, values := range got.header {
			if strings.Contains(fmt.Sprint(values), "1146") {
				t.Errorf("%s: %s tells", path, name)
			}
		}
	}
	if !strings.Contains(s.log.String(), "1146") {
		t.Error("nobody was told")
	}
}

// Over a connection: what is too large is not read to its end, and the
// connection ends.
func TestSR73_LargeBodiesEndTheConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		b := s.signedIn("ada")
		client := s.listen(&http.Server{})
		for _, size := range []int{100 << 10, 5 << 20} {
			r, err := http.NewRequestWithContext(t.Context(), "POST", home+"/api/auth/revoke-session", strings.NewReader(`{"token":"`+strings.Repeat("x", size)+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Content-Type": {"application/json"}, "Origin": {home}, "Cookie": {b.cookieHeader()}}
			answer, err := client.Do(r)
			if err != nil {
				t.Errorf("%d bytes: %v", size, err)
				continue
			}
			_ = answer.Body.Close()
			if answer.StatusCode != 413 || !answer.Close {
				t.Errorf("%d bytes: %d, closing: %t", size, answer.StatusCode, answer.Close)
			}
		}
		if len(s.store.Rows()) != 1 {
			t.Error("the session has ended")
		}
	})
}

// A token or handle of any other length names nothing and costs no question.
func TestSR73_LongTokensAreNotLookedFor(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	for _, name := range []string{strings.Repeat("x", 129), "h_" + strings.Repeat("x", 44), strings.Repeat("x", 60_000)} {
		s.store.reset()
		b.post("/api/auth/revoke-session", `{"token":"`+name+`"}`).expect(t, 200, statusTrue)
		if s.store.count("") != 1 { // the guard's
			t.Errorf("%d characters: calls %v", len(name), s.store.calls)
		}
	}
}

// A token that was dead a moment ago may be alive: nothing is remembered of it.
func TestSR77_DeadTokensAreNotRemembered(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	row, _ := s.store.row(b.token())
	b.cookies = b.cookies[:1]
	s.store.Remove(b.token()) // by another process
	b.copy().get("/me").expect(t, 401, bodyUnauthorized)
	if err := s.store.Create(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	b.copy().get("/me").expect(t, 200, "ada@example.com false")
}

// A hook that panics ends its request, with no half of the cookies, and no
// other.
func TestSR80_PanickingHooks(t *testing.T) {
	t.Parallel()
	var hostile string
	burst := func(hook string) {
		if hook == hostile {
			panic("a hook with a hole")
		}
	}
	s := serve(t, cached, bearer, multi, func(c *ginsession.Config) {
		c.BeforeCreate = func(context.Context, *ginsession.Session) error { burst("BeforeCreate"); return nil }
		c.ClientIP = func(*gin.Context) string { burst("ClientIP"); return "" }
		c.CookieCache.VersionFunc = func(*ginsession.Session) string { burst("VersionFunc"); return "1" }
	})
	routes := s.engine
	s.engine = gin.New()
	s.engine.Use(gin.CustomRecoveryWithWriter(io.Discard, func(c *gin.Context, _ any) { c.AbortWithStatus(500) }), s.sessions.Middleware())
	s.engine.POST("/in", func(c *gin.Context) {
		c.Header("Set-Cookie", "theirs=1")
		_, _ = s.sessions.SignIn(c, "ada")
	})
	s.engine.GET("/me", s.sessions.RequireSession(), func(*gin.Context) {})
	s.engine.NoRoute(func(c *gin.Context) { routes.HandleContext(c) })
	for _, hook := range []string{"BeforeCreate", "ClientIP", "VersionFunc"} {
		t.Run(hook, func(t *testing.T) {
			hostile = hook
			got := s.browser().post("/in", "")
			if got.status != 500 || got.header.Get("Set-Auth-Token") != "" {
				t.Errorf("sign-in: %d %v", got.status, got.header)
			}
			got.expectCookies(t, "theirs=1")
			hostile = ""
			b := s.browser()
			if got := b.post("/in", ""); got.status != 200 || b.cookie(tokenCookie) == "" {
				t.Errorf("the next sign-in: %d", got.status)
			}
			s.advance(25 * time.Hour) // due, and no copy is good
			hostile = hook
			got = b.copy().get("/me")
			if want := map[bool]int{true: 500, false: 200}[hook == "VersionFunc"]; got.status != want || want == 500 && len(got.cookies) != 0 {
				t.Errorf("a read: %d %q", got.status, got.cookies)
			}
			hostile = ""
			if got := b.get("/me"); got.status != 200 {
				t.Errorf("the next read: %d", got.status)
			}
		})
	}
}

// Whenever the client leaves, a request has done all of what it does to
// sessions or nothing of it, and has cost no cookie of a session that lives.
func TestSR81_LeavingInTheMiddleIsNoHalf(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"GET /me", "GET /store", "GET /api/auth/get-session", "GET /api/auth/list-sessions",
		"POST /api/auth/revoke-session", "POST /api/auth/revoke-sessions", "POST /api/auth/revoke-other-sessions",
		"POST " + updateSession, "POST /api/auth/sign-out", "POST /sign-in/ada",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			method, path, _ := strings.Cut(path, " ")
			// leave runs the request and leaves it ahead of the nth call. It returns
			// what became of the sessions, and how many calls there were.
			leave := func(nth int) (before, after string, got reply, b *browser, calls int) {
				synctest.Test(t, func(t *testing.T) {
					s := serve(t, fields)
					b = s.signedIn("ada")
					token, other := b.token(), s.signedIn("ada")
					state := func() string {
						mine, alive := s.store.row(token)
						_, theirs := s.store.row(other.token())
						return fmt.Sprint(alive, theirs, len(s.store.Rows()), mine.Fields["theme"])
					}
					body := map[string]string{
						"/api/auth/revoke-session": `{"token":"` + other.session().Session.Token + `"}`, updateSession: `{"theme":"dark"}`,
					}[path]
					before = state()
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					var mu sync.Mutex
					s.store.hook(func(context.Context, string) error {
						mu.Lock()
						defer mu.Unlock()
						if calls++; calls == nth {
							cancel()
						}
						return nil
					})
					got = b.do(httptest.NewRequest(method, "/", strings.NewReader(body)).WithContext(ctx), path, body)
					synctest.Wait()
					after = state()
				})
				return before, after, got, b, calls
			}
			_, done, _, _, calls := leave(0)
			for nth := range calls {
				before, after, got, b, _ := leave(nth + 1)
				if after != before && after != done {
					t.Errorf("left ahead of call %d: sessions %s, were %s, and should be %s", nth+1, after, before, done)
				}
				if got.status == 401 || got.body == "null" {
					t.Errorf("left ahead of call %d: %d %s", nth+1, got.status, got.body)
				}
				if b.cookie(tokenCookie) == "" && strings.HasPrefix(after, "true") {
					t.Errorf("left ahead of call %d: the cookie of a session that lives is gone", nth+1)
				}
			}
		})
	}
}

// The cookie of a dead session goes too when it is the one to be ended.
func TestSR89_EndingADeadDeviceSessionClearsItsCookie(t *testing.T) {
	t.Parallel()
	for _, end := range []string{revokeOne, "/api/auth/sign-out"} {
		s := serve(t, multi)
		b := s.browser()
		b.signIn("ada")
		ada := b.token()
		b.signIn("bob")
		s.store.Remove(ada)
		b.post(end, named(ada)).expect(t, 200, map[bool]string{true: statusTrue, false: successTrue}[end == revokeOne])
		if b.cookie(deviceCookie(ada)) != "" {
			t.Errorf("%s: %v", end, b.cookies)
		}
	}
}

// A request that ends its own session, by whatever method, is one without.
func TestSR92_FromReflectsRevocation(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  func(m *ginsession.Manager, ctx context.Context, own *ginsession.Session, other string) error
		gone bool
	}{
		{"Revoke by handle", func(m *ginsession.Manager, ctx context.Context, own *ginsession.Session, _ string) error {
			return m.Revoke(ctx, own.UserID, own.Handle())
		}, true},
		{"Revoke by token", func(m *ginsession.Manager, ctx context.Context, own *ginsession.Session, _ string) error {
			return m.Revoke(ctx, own.UserID, own.Token.Reveal())
		}, true},
		{"RevokeAll", func(m *ginsession.Manager, ctx context.Context, own *ginsession.Session, _ string) error {
			return second(m.RevokeAll(ctx, own.UserID))
		}, true},
		{"RevokeOthers of another", func(m *ginsession.Manager, ctx context.Context, own *ginsession.Session, other string) error {
			return second(m.RevokeOthers(ctx, own.UserID, other))
		}, true},
		{"RevokeOthers of its own", func(m *ginsession.Manager, ctx context.Context, own *ginsession.Session, _ string) error {
			return second(m.RevokeOthers(ctx, own.UserID, own.Handle()))
		}, false},
		{"Revoke of another", func(m *ginsession.Manager, ctx context.Context, own *ginsession.Session, other string) error {
			return m.Revoke(ctx, own.UserID, other)
		}, false},
		{"RevokeAll of another user", func(m *ginsession.Manager, ctx context.Context, _ *ginsession.Session, _ string) error {
			return second(m.RevokeAll(ctx, "bob"))
		}, false},
	}
	for _, test := range tests {
		for _, with := range []string{"the request's context", "gin's"} {
			t.Run(test.name+" with "+with, func(t *testing.T) {
				t.Parallel()
				s := serve(t, cached)
				b, other := s.signedIn("ada"), s.signedIn("ada")
				s.engine.POST("/end", s.sessions.RequireSession(), func(c *gin.Context) {
					ctx := c.Request.Context()
					if with == "gin's" {
						ctx = c
					}
					if err := test.end(s.sessions, ctx, ginsession.From(c), other.token()); err != nil {
						t.Error(err)
					}
					if _, err := s.sessions.Load(c); (ginsession.From(c) == nil) != test.gone || errors.Is(err, ginsession.ErrNoSession) != test.gone {
						t.Errorf("From: %v, Load: %v", ginsession.From(c), err)
					}
				})
				b.post("/end", "")
			})
		}
	}
}

// What a Manager is made of can be printed.
func TestSR67_ManagerPrintsWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	for _, strategy := range strategies {
		s := serve(t, cached, func(c *ginsession.Config) {
			c.OldSecrets, c.CookieCache.Strategy = []string{oldSecret}, strategy
		})
		s.signedIn("ada")
		for _, printed := range []string{fmt.Sprintf("%v %+v %#v", s.sessions, s.sessions, s.sessions), fmt.Sprintf("%+v", reflect.ValueOf(s.sessions).Elem())} {
			for _, one := range []string{secret, oldSecret} {
				if strings.Contains(printed, one) || strings.Contains(printed, strings.Trim(fmt.Sprint([]byte(one)), "[]")) {
					t.Errorf("%v prints as %s", strategy, printed)
				}
			}
		}
	}
}

// sharedCache is a cache for many, as RFC 9111 wants it, in front of a service.
type sharedCache struct{ stored []stored }

type stored struct {
	path, vary, selected string
	reply                reply
}

func (c *sharedCache) get(b *browser, path string) reply {
	selecting := func(vary string) string {
		var values []string
		for field := range strings.SplitSeq(vary, ",") {
			if strings.EqualFold(strings.TrimSpace(field), "Cookie") {
				values = append(values, b.cookieHeader())
			}
		}
		return strings.Join(values, "\n")
	}
	for _, s := range c.stored {
		if s.path == path && s.selected == selecting(s.vary) {
			for _, line := range s.reply.cookies {
				b.keep(line)
			}
			return s.reply
		}
	}
	got := b.get(path)
	control := got.header.Get("Cache-Control")
	if strings.Contains(control, "max-age") && !strings.Contains(control, "private") && !strings.Contains(control, "no-store") {
		vary := strings.Join(got.header["Vary"], ",")
		c.stored = append(c.stored, stored{path, vary, selecting(vary), got})
	}
	return got
}

// Two users and nobody behind one cache, on a page whose handler lets caches
// keep it although the session slides: none gets what is another's.
func TestSR63_ASharedCacheKeepsUsersApart(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	for path, control := range map[string]string{"/cached": "public, max-age=60", "/plain": ""} {
		s.engine.GET(path, func(c *gin.Context) {
			if control != "" {
				c.Header("Cache-Control", control)
			}
			if session := ginsession.From(c); session != nil {
				c.String(http.StatusOK, session.UserID)
			}
		})
	}
	ada, bob, nobody := s.signedIn("ada"), s.signedIn("bob"), s.browser()
	s.advance(25 * time.Hour)
	for _, path := range []string{"/cached", "/plain", "/api/auth/get-session"} {
		cache := &sharedCache{}
		for range 2 {
			for _, b := range []*browser{ada, nobody, bob} {
				token := b.token()
				got := cache.get(b, path)
				if b.token() != token {
					t.Fatalf("%s: another's cookie came", path)
				}
				for _, other := range []string{"ada", "bob"} {
					if strings.Contains(got.body, other) && (b == nobody || b == ada && other == "bob" || b == bob && other == "ada") {
						t.Errorf("%s: got %s", path, got.body)
					}
				}
			}
		}
		if kept := len(cache.stored) > 0; kept != (path == "/cached") {
			t.Errorf("%s: kept %t", path, kept)
		}
	}
}
