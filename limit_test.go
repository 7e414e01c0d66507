package ginsession_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

func limited(n int, reject bool) func(*ginsession.Config) {
	return func(c *ginsession.Config) { c.MaxSessionsPerUser, c.RejectOverLimit = n, reject }
}

// SR-51: the oldest goes, and no other user's.
func TestSR51_OldestSessionGoes(t *testing.T) {
	t.Parallel()
	s, d := serveTelling(t, limited(3, false))
	other := s.signedIn("bob")
	d.expect("created")
	var browsers []*browser
	for range 5 {
		s.advance(time.Minute)
		browsers = append(browsers, s.signedIn("ada"))
	}
	for i, b := range browsers {
		if got := b.copy().session() != nil; got != (i >= 2) {
			t.Errorf("session %d is alive: %t", i, got)
		}
	}
	events := d.expect("created", "created", "created", "created", "revoked: limit reached", "created", "revoked: limit reached",
		"rejected: unknown session", "rejected: unknown session")
	if e := events[4]; e.UserID != "ada" || e.SessionID != events[0].SessionID || e.By != events[3].SessionID || e.Ended != 1 {
		t.Errorf("got %+v", e)
	}
	if other.session() == nil {
		t.Error("another user's session went too")
	}
	// Signing in anew in one browser takes the place of its session.
	browsers[4].post("/sign-in/ada", "")
	if browsers[2].session() == nil || len(s.store.Rows()) != 4 {
		t.Errorf("a sign-in that replaced a session ended another; %d rows", len(s.store.Rows()))
	}
	if _, err := s.sessions.Create(t.Context(), "ada"); err != nil || browsers[2].copy().session() != nil {
		t.Errorf("Create: %v, the oldest is alive: %t", err, browsers[2].copy().session() != nil)
	}
}

// SR-51: with RejectOverLimit the new one is refused, and leaves nothing behind.
func TestSR51_SignInOverTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, d := serveTelling(t, limited(2, true))
		first, second := s.signedIn("ada"), s.signedIn("ada")
		refused := s.browser()
		got := refused.post("/sign-in/ada", "")
		got.expect(t, 503, "later")
		got.expectCookies(t)
		if _, err := s.sessions.Create(t.Context(), "ada"); !errors.Is(err, ginsession.ErrTooManySessions) {
			t.Errorf("Create: %v", err)
		}
		d.expect("created", "created", "rejected: limit reached", "rejected: limit reached")
		if len(s.store.Rows()) != 2 {
			t.Errorf("%d rows", len(s.store.Rows()))
		}
		// One that replaces a session of the same browser is not one more.
		if got := first.post("/sign-in/ada", ""); got.status != 200 {
			t.Errorf("the same browser: %d %s", got.status, got.body)
		}
		second.post("/api/auth/sign-out", "")
		if got := refused.post("/sign-in/ada", ""); got.status != 200 {
			t.Errorf("once there is room: %d %s", got.status, got.body)
		}
		// A store that cannot list lets nobody in beyond the limit.
		s.downFor("list")
		if _, err := s.sessions.Create(t.Context(), "bob"); !errors.Is(err, ginsession.ErrStore) {
			t.Errorf("Create without a list: %v", err)
		}
		s.up()
		if rows := s.store.Rows(); len(rows) != 2 {
			t.Errorf("%d rows", len(rows))
		}
	})
}

// SR-51: a node whose clock is behind does not end the session that it has just
// made.
func TestSR51_NewSessionIsNotTheOldestBySkew(t *testing.T) {
	t.Parallel()
	s := serve(t, limited(1, false))
	ahead := s.signedIn("ada")
	s.advance(-30 * time.Second)
	behind := s.signedIn("ada")
	if behind.session() == nil || ahead.session() == nil {
		t.Error("a session that was just made is dead")
	}
	s.advance(2 * time.Minute)
	s.signedIn("ada")
	if n := len(s.store.Rows()); n != 1 {
		t.Errorf("%d sessions are left after the next sign-in", n)
	}
}

// SR-51: whatever happens at the same time, as many as the limit says are left.
func TestSR51_SignInsAtTheSameTimeLeaveTheLimit(t *testing.T) {
	t.Parallel()
	for _, reject := range []bool{false, true} {
		together := func(t *testing.T, s *service) {
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					_, err := s.sessions.Create(t.Context(), "ada")
					if err != nil && !(reject && errors.Is(err, ginsession.ErrTooManySessions)) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if rows, err := s.sessions.List(t.Context(), "ada"); err != nil || len(rows) != 3 {
				t.Errorf("%d sessions are left (%v), want 3\n%s", len(rows), err, s.log)
			}
		}
		t.Run(fmt.Sprintf("memory, reject %t", reject), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { together(t, serve(t, limited(3, reject))) })
		})
		t.Run(fmt.Sprintf("MySQL, reject %t", reject), func(t *testing.T) {
			t.Parallel()
			db := newDatabase(t, "utf8mb4")
			if err := models.Migrate(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			if err := db.Create(&models.User{ID: "ada", Email: "ada@example.com", CreatedAt: start, UpdatedAt: start}).Error; err != nil {
				t.Fatal(err)
			}
			// Who was let in waits for the others to leave, for a sixth of the timeout at least.
			together(t, serve(t, limited(3, reject), func(c *ginsession.Config) { c.Store, c.DB, c.StoreTimeout = nil, db, time.Minute }))
		})
	}
}

// Users who had many before there was a limit come down to it.
func TestSR51_OldSurplusGoes(t *testing.T) {
	t.Parallel()
	unlimited := serve(t)
	for i := range 230 {
		unlimited.advance(time.Duration(i) * time.Millisecond)
		if _, err := unlimited.sessions.Create(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, limited(2, false), func(c *ginsession.Config) { c.Store = unlimited.store })
	s.advance(time.Hour)
	s.store = unlimited.store
	b := s.signedIn("ada")
	if n := len(s.store.Rows()); n != 2 || b.session() == nil {
		t.Errorf("%d sessions are left, want 2 and the new one among them", n)
	}
	// That the oldest cannot be ended does not undo a sign-in.
	s.downFor("list")
	if s.signedIn("ada").session() == nil {
		t.Error("no session")
	}
}
