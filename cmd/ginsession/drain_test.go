package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func TestPredicateMeansWhatItSays(t *testing.T) {
	session := func(address, agent string) models.Session {
		return models.Session{CreatedAt: noon.Add(-time.Hour), ExpiresAt: noon.Add(time.Hour), IPAddress: &address, UserAgent: &agent}
	}
	expired, unknown := session("203.0.113.7", "Firefox"), session("", "")
	expired.ExpiresAt = noon
	unknown.IPAddress, unknown.UserAgent = nil, nil
	young := models.Session{CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
	const v6 = "2001:0db8:0001:0002:0000:0000:0000:0000" // as it is stored
	tests := []struct {
		name                       string
		createdBefore, from, agent string
		session                    models.Session
		want                       bool
	}{
		{"all", "now", "", "", session("", ""), true},
		{"expired", "now", "", "", expired, false},
		{"created at the very moment", "2026-11-27T11:00:00Z", "", "", session("", ""), false},
		{"created before", "2026-11-27T11:00:01Z", "", "", session("", ""), true},
		{"in another zone", "2026-11-27T12:00:01+01:00", "", "", session("", ""), true},
		{"in the future, which is now", "2030-01-01T00:00:00Z", "", "", young, false},

		{"in the range", "", "203.0.113.0/24", "", session("203.0.113.7", ""), true},
		{"out of the range", "", "203.0.113.0/24", "", session("203.0.114.7", ""), false},
		{"the address", "", "203.0.113.7", "", session("203.0.113.7", ""), true},
		{"the address, in IPv6 clothes", "", "::ffff:203.0.113.7", "", session("203.0.113.7", ""), true},
		{"stored in IPv6 clothes", "", "203.0.113.0/24", "", session("::ffff:203.0.113.7", ""), true},
		{"no address", "", "0.0.0.0/0", "", unknown, false},
		{"no address that can be read", "", "0.0.0.0/0", "", session("localhost", ""), false},
		{"IPv6", "", "2001:db8::/32", "", session(v6, ""), true},
		{"one address of a network", "", "2001:db8:1:2:3:4:5:6", "", session(v6, ""), true},
		{"one of another", "", "2001:db8:1:3::1", "", session(v6, ""), false},
		{"IPv4 is not in ::/0", "", "::/0", "", session("203.0.113.7", ""), false},

		{"part of the user agent", "", "", "CURL", session("", "curl/8.1"), true},
		{"another user agent", "", "", "curl", session("", "Firefox"), false},
		{"no user agent", "", "", "curl", unknown, false},
		{"not all of it", "now", "203.0.113.7", "curl", session("203.0.113.7", "Firefox"), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			which, err := readPredicate(test.createdBefore, test.from, test.agent, noon)
			if err != nil {
				t.Fatal(err)
			}
			if got := which.means(test.session, noon); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestRangesThatAreNone(t *testing.T) {
	for _, from := range []string{"203.0.113", "203.0.113.0/33", "::ffff:203.0.113.0/120", "fe80::1%eth0", "example.com"} {
		if _, err := readPredicate("", from, "", noon); err == nil {
			t.Errorf("%s: got no error", from)
		}
	}
	which, err := readPredicate("", "203.0.113.9/24", "", noon)
	if want := netip.MustParsePrefix("203.0.113.0/24"); err != nil || which.addresses != want {
		t.Errorf("got %v and %v, want %v", which.addresses, err, want)
	}
}

// opened is a place with three sessions of one user.
func opened(t *testing.T) *place {
	t.Helper()
	e := environment{dsn: account(t, rand.Text())}
	db, schema, err := e.database()
	if err != nil {
		t.Fatal(err)
	}
	defer closeDatabase(db)
	schema.Feed = true
	if err := schema.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if err := db.Exec("INSERT INTO user (id, name, email, emailVerified) VALUES ('ada', 'Ada', 'ada@example.com', 1)").Error; err != nil {
		t.Fatal(err)
	}
	p, err := e.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	now := time.Now()
	for range 3 {
		s := models.Session{ID: rand.Text(), Token: rand.Text(), UserID: "ada", CreatedAt: now.Add(-time.Hour), UpdatedAt: now, ExpiresAt: now.Add(time.Hour)}
		everything.Keep(s.Token)
		if err := p.rows.Create(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// A rotating store has the first session that is to end rotated just before.
type rotating struct {
	*models.Store
	rotated bool
}

func (r *rotating) Revoke(ctx context.Context, end models.Revocation) (int, error) {
	if !r.rotated {
		r.rotated = true
		read, _, err := r.Find(ctx, end.Token)
		if err != nil {
			return 0, err
		}
		next := read
		next.Token = rand.Text()
		everything.Keep(next.Token)
		if _, err := r.Replace(ctx, read, next, time.Now()); err != nil {
			return 0, err
		}
	}
	return r.Store.Revoke(ctx, end)
}

func TestDrainKeepsItsRateAndMissesNoSessionThatIsRotated(t *testing.T) {
	t.Parallel()
	p := opened(t)
	p.store = &rotating{Store: p.rows}
	const pause = 50 * time.Millisecond
	began := time.Now()
	ended, err := (&command{err: everything}).endAll(t.Context(), p, predicate{createdBefore: time.Now()}, 3, pause)
	if err != nil || ended != 3 {
		t.Errorf("got %d and %v, want 3", ended, err)
	}
	if took := time.Since(began); took < 4*pause { // three, and one of them twice
		t.Errorf("took %v, want %v at least", took, 4*pause)
	}
	if left, err := p.rows.Page(t.Context(), "", 0); err != nil || len(left) != 0 {
		t.Errorf("got %d left and %v, want none", len(left), err)
	}
}

// A deaf store ends nothing.
type deaf struct{ ginsession.Store }

func (deaf) Revoke(context.Context, models.Revocation) (int, error) { return 0, nil }

func TestDrainThatEndsNothingEnds(t *testing.T) {
	t.Parallel()
	p := opened(t)
	p.store = deaf{p.store}
	ended, err := (&command{err: everything}).endAll(t.Context(), p, predicate{createdBefore: time.Now()}, 3, time.Millisecond)
	if err == nil || ended != 0 || !strings.Contains(err.Error(), "3 sessions could not be ended") {
		t.Errorf("got %d and %v", ended, err)
	}
}

// A leaving store ends one session, and then whoever asked has left.
type leaving struct {
	ginsession.Store
	leave func()
}

func (l leaving) Revoke(ctx context.Context, end models.Revocation) (int, error) {
	defer l.leave()
	return l.Store.Revoke(ctx, end)
}

func TestDrainCanBeInterrupted(t *testing.T) {
	t.Parallel()
	p := opened(t)
	ctx, cancel := context.WithCancel(t.Context())
	p.store = leaving{p.store, cancel}
	ended, err := (&command{err: everything}).endAll(ctx, p, predicate{createdBefore: time.Now()}, 3, time.Millisecond)
	if !errors.Is(err, context.Canceled) || ended != 1 {
		t.Errorf("got %d and %v, want 1 and context.Canceled", ended, err)
	}
	if left, err := p.rows.Page(t.Context(), "", 0); err != nil || len(left) != 2 {
		t.Errorf("got %d left and %v, want 2", len(left), err)
	}
}

func TestProgressIsShownOnATerminalAndToldElsewhere(t *testing.T) {
	for _, interactive := range []bool{true, false} {
		var shown strings.Builder
		c := &command{err: &shown, interactive: interactive}
		_ = c.bar(4, "ending").Add(2)
		long := time.Now().Add(-time.Hour)
		c.report(2, 4, &long)
		c.report(3, 4, &long)
		if bar := strings.Contains(shown.String(), "2/4"); bar != interactive {
			t.Errorf("interactive %v: got %q", interactive, shown.String())
		}
		if told := shown.String() == "2 of 4 ended\n"; told == interactive {
			t.Errorf("interactive %v: got %q", interactive, shown.String())
		}
	}
}
