package ginsession_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginsession/ginsession"
)

func TestSR10_Purge(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := serve(t)
	for range 1200 {
		if _, err := s.sessions.Create(ctx, "ada"); err != nil {
			t.Fatal(err)
		}
	}
	s.advance(7*24*time.Hour + 5*time.Minute)
	if n, err := s.sessions.Purge(ctx); err != nil || n != 0 {
		t.Errorf("within the margin: %d, %v", n, err)
	}
	live, _ := s.sessions.Create(ctx, "ada")
	s.advance(time.Millisecond)
	if n, err := s.sessions.Purge(ctx); err != nil || n != 1200 {
		t.Errorf("got %d, %v, want 1200", n, err)
	}
	if rows := s.store.Rows(); len(rows) != 1 || rows[0].ID != live.ID {
		t.Errorf("%d left", len(rows))
	}
}

// Any number of nodes may purge at once.
func TestStartPurgePurgesUntilClosed(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for range 700 {
		if _, err := s.sessions.Create(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
	}
	s.advance(8 * 24 * time.Hour)
	alive := s.signedIn("ada")
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 {
		s.sessions.StartPurge(ctx)
	}
	eventually(t, "one row is left", func() bool { return len(s.store.Rows()) == 1 })
	if alive.session() == nil {
		t.Error("a live session went too")
	}
	cancel()
	s.down()
	go s.sessions.StartPurge(t.Context()) // beside Close, before or after it
	s.sessions.StartPurge(t.Context())
	eventually(t, "a word of a purge that failed", func() bool { return strings.Contains(s.log.String(), "expired sessions could not be purged") })
	s.sessions.Close() // waits for all of them
}

// Every hour the expired sessions, every day the addresses.
func TestStartPurgeComesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(c *ginsession.Config) { c.TruncateAddressesAfter = 48 * time.Hour })
		t.Cleanup(s.sessions.Close)
		s.sessions.StartPurge(t.Context())
		time.Sleep(48*time.Hour + time.Minute)
		if purges, cuts := s.store.count("purge"), s.store.count("truncateAddresses"); purges != 49 || cuts != 3 {
			t.Errorf("in two days %d purges, and addresses cut %d times", purges, cuts)
		}
	})
}
