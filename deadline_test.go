package ginsession_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

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
