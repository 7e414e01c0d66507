package ginsession_test

import (
	"context"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

const deadline = 2 * time.Second // Config.StoreTimeout's default

// took runs f in a service's bubble and returns how long it lasted.
func took(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}

// Each call of the store answers in time, and all of them together do not.
func TestAnswersKeepTheDeadlineHoweverManyCallsTheyTake(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		do   func(b *browser, other string) reply
	}{
		{"list", func(b *browser, _ string) reply { return b.get("/api/auth/list-sessions") }},
		{"revoke", func(b *browser, other string) reply {
			return b.post("/api/auth/revoke-session", `{"token":"`+other+`"}`)
		}},
		{"revoke others", func(b *browser, _ string) reply { return b.post("/api/auth/revoke-other-sessions", "{}") }},
		{"revoke all", func(b *browser, _ string) reply { return b.post("/api/auth/revoke-sessions", "{}") }},
		{"sign-in", func(b *browser, _ string) reply { return b.s.browser().post("/sign-in/ada", "") }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t)
				b, other := s.signedIn("ada"), s.signedIn("ada").session().Session.Token
				s.store.hook(slowed(deadline * 6 / 10))
				var got reply
				if took := took(func() { got = test.do(b, other) }); took > deadline {
					t.Errorf("answered after %v, want at most %v", took, deadline)
				}
				if got.status != http.StatusServiceUnavailable {
					t.Errorf("got %d %s, want 503", got.status, got.body)
				}
				got.expectCookies(t)
				s.store.hook(nil)
				b.get("/me").expect(t, 200, "ada@example.com false")
			})
		})
	}
}

func TestDevicesPageKeepsTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		b := s.signedIn("ada")
		s.engine = gin.New() // without Middleware, whose read has a deadline of its own
		withDevices(s, ginsession.DevicesPage{})
		s.store.hook(slowed(deadline * 6 / 10))
		var got reply
		if took := took(func() { got = b.get("/devices") }); took > deadline || got.status != http.StatusServiceUnavailable {
			t.Errorf("answered %d after %v", got.status, took)
		}
	})
}

// slowed makes each call of a store take its time.
func slowed(by time.Duration) func(context.Context, string) error {
	return func(ctx context.Context, _ string) error {
		select {
		case <-time.After(by):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stalled makes one call of a store never answer.
func stalled(call string) func(context.Context, string) error {
	return func(ctx context.Context, made string) error {
		if made == call {
			<-ctx.Done()
		}
		return ctx.Err()
	}
}

// The row is there, and the sign-in must neither pass nor take a deadline for
// finding that out and another for cleaning up.
func TestSignInThatCannotBeReadBackKeepsTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		s.store.hook(func(ctx context.Context, call string) error {
			if call != "create" {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		var got reply
		if took := took(func() { got = s.browser().post("/sign-in/ada", "") }); took > deadline {
			t.Errorf("answered after %v, want at most %v", took, deadline)
		}
		got.expect(t, 503, "later")
		got.expectCookies(t)
	})
}

// Rows that somebody has locked can be read and not renewed.
func TestSR79_StalledRenewalDoesNotUndoTheLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(c *ginsession.Config) { c.UpdateAge = time.Millisecond })
		b := s.signedIn("ada")
		s.advance(time.Hour)
		s.store.hook(stalled("touch"))
		for _, path := range []string{"/me", "/api/auth/get-session", "/api/auth/list-sessions"} {
			var got reply
			if took := took(func() { got = b.get(path) }); took > deadline {
				t.Errorf("%s: answered after %v, want at most %v", path, took, deadline)
			}
			if got.status != http.StatusOK || got.body == "null" {
				t.Errorf("%s: got %d %s, want the session", path, got.status, got.body)
			}
			got.expectCookies(t)
		}
	})
}

func TestSR78_SlowStoreIs503WithinTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		b := s.signedIn("ada")
		s.store.hook(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
		for _, do := range []func() reply{
			func() reply { return b.get("/me") },
			func() reply { return b.get("/api/auth/list-sessions") },
			func() reply { return b.post("/api/auth/revoke-other-sessions", "{}") },
		} {
			var got reply
			if took := took(func() { got = do() }); took != deadline {
				t.Errorf("answered after %v, want %v", took, deadline)
			}
			got.expect(t, 503, bodyUnavailable)
			got.expectCookies(t)
			synctest.Wait() // until nobody can join the read that failed
		}
	})
}

// A driver that is deaf to its context, as SQLite's are while they wait for a
// lock, does not keep the request.
func TestSR78_DeafStoreIs503WithinTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		b := s.signedIn("ada")
		release := s.store.hold("find")
		defer release()
		var got reply
		if took := took(func() { got = b.get("/me") }); took != deadline {
			t.Errorf("answered after %v, want %v", took, deadline)
		}
		got.expect(t, 503, bodyUnavailable)
	})
}

func TestSR78_EveryStoreCallHasADeadline(t *testing.T) {
	t.Parallel()
	s := threeUsers(serve(t, multi, fields, cached, func(c *ginsession.Config) { c.StoreTimeout = 3 * time.Second }))
	var mu sync.Mutex
	seen := map[string]bool{}
	s.store.hook(func(ctx context.Context, call string) error {
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left > 3*time.Second {
			t.Errorf("%s: a deadline: %t, in %v\n%s", call, ok, left, debug.Stack())
		}
		mu.Lock()
		defer mu.Unlock()
		seen[call] = true
		return nil
	})
	b := s.browser()
	b.signIn("ada")
	ada := b.token()
	b.signIn("bob")
	other := s.signedIn("bob")
	b.get("/store")
	b.get("/api/auth/list-sessions")
	b.get(listDevices)
	b.post(updateSession, `{"theme":"x"}`)
	b.post("/api/auth/revoke-session", `{"token":"`+other.session().Session.Token+`"}`)
	b.post("/api/auth/revoke-other-sessions", "{}")
	b.post(setActive, named(ada))
	b.post(revokeOne, named(ada))
	s.advance(25 * time.Hour)
	b.get("/me")
	b.post("/api/auth/sign-out", "{}")
	s.signedIn("ada").post("/api/auth/revoke-sessions", "{}")
	late := s.signedIn("cyd")
	s.advance(8 * 24 * time.Hour)
	late.get("/me") // deletes
	ctx := context.Background()
	session, err := s.sessions.Create(ctx, "ada")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = s.sessions.Find(ctx, session.Token.Reveal())
	_, _ = s.sessions.List(ctx, "ada")
	_, _ = s.sessions.RevokeOthers(ctx, "ada", session.Handle())
	_ = s.sessions.Revoke(ctx, "ada", session.Handle())
	_, _ = s.sessions.RevokeAll(ctx, "ada")
	_, _ = s.sessions.Purge(ctx)
	want := []string{"create", "find", "findMany", "list", "purge", "revoke", "tokens", "touch", "update"}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}
