package ginsession_test

import (
	"context"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// A wire is a feed in memory that carries what is published, until it is cut.
type wire struct {
	mu        sync.Mutex
	published []models.Revoked
	cut       bool
	lost      bool          // some of it, as it then says
	news      chan struct{} // closed and replaced at each change
}

func newWire() *wire { return &wire{news: make(chan struct{})} }

func (w *wire) change(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
	close(w.news)
	w.news = make(chan struct{})
}

func (w *wire) Publish(_ context.Context, r models.Revoked) (err error) {
	w.change(func() {
		if w.cut {
			err = errDown
			return
		}
		w.published = append(w.published, r)
	})
	return err
}

func (w *wire) Follow(ctx context.Context, _, _ time.Duration, hear func(models.Heard)) error {
	for told := 0; ; {
		w.mu.Lock()
		cut, lost, news, fresh := w.cut, w.lost, w.news, slices.Clone(w.published[told:])
		told = len(w.published)
		w.mu.Unlock()
		if cut {
			return errDown
		}
		hear(models.Heard{Revoked: fresh, Overflow: lost, AsOf: time.Now()})
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-news:
		}
	}
}

func (w *wire) told() []models.Revoked {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.published)
}

// A faster feed carries what this process ends, and is believed when it says that
// something ended, but never when it says nothing.
func TestFasterFeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		with := func(c *ginsession.Config) { c.CookieCache.Feed = w }
		one, feed := serveTold(t, 300*time.Millisecond, with)
		two, other := serveTold(t, 300*time.Millisecond, with, func(c *ginsession.Config) { c.Store = one.store })
		plain := serve(t, func(c *ginsession.Config) { c.Store, c.CookieCache.Feed = one.store, w }) // has no cookie cache
		t.Cleanup(plain.sessions.Close)
		feed.heardNow()
		other.heardNow()

		b := one.signedIn("ada")
		b.at(two).get("/me").expect(t, http.StatusOK, byCache)
		b.post("/api/auth/sign-out", "")
		eventually(t, "the other process refuses", func() bool { return b.at(two).get("/me").status == http.StatusUnauthorized })

		b = one.signedIn("ada")
		if err := plain.sessions.Revoke(t.Context(), "ada", b.token()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a process without a cookie cache publishes", func() bool {
			return slices.ContainsFunc(w.told(), func(r models.Revoked) bool {
				return r.TokenSHA256 == sha256.Sum256([]byte(b.token())) && r.Reason == "revoked by application"
			})
		})
		one.sessions.RevokeAll(t.Context(), "bob")
		eventually(t, "all of a user are published", func() bool {
			return slices.ContainsFunc(w.told(), func(r models.Revoked) bool { return r.UserID == "bob" && r.At.Equal(start) })
		})

		// It being heard does not make up for the store's own feed.
		b = two.signedIn("ada")
		time.Sleep(300*time.Millisecond + 1)
		b.at(two).get("/me").expect(t, http.StatusOK, byStore)
		other.heardNow()
		b.at(two).get("/me").expect(t, http.StatusOK, byCache)

		// Nor does its failing end anything.
		w.change(func() { w.cut = true })
		b.post("/api/auth/sign-out", "").expect(t, http.StatusOK, successTrue)
		eventually(t, "the log says so", func() bool {
			return strings.Contains(two.log.String(), "CookieCache.Feed takes no revocations") && strings.Contains(two.log.String(), "CookieCache.Feed does not answer")
		})
		b = two.signedIn("ada")
		other.heardNow()
		b.at(two).get("/me").expect(t, http.StatusOK, byCache)

		w.change(func() { w.cut = false })
		eventually(t, "the log says that it is back", func() bool { return strings.Contains(two.log.String(), "a revocation feed answers again") })
		b.post("/api/auth/sign-out", "")
	})
}

// What a faster feed lost, and says that it lost, the store's own feed brings: no
// copy need be doubted for it.
func TestLossesOfTheFasterFeedCostNothing(t *testing.T) {
	t.Parallel()
	w := newWire()
	s, feed := serveTold(t, time.Minute, func(c *ginsession.Config) { c.CookieCache.Feed = w })
	b, other := s.signedIn("ada"), s.signedIn("bob")
	feed.heardNow()
	w.change(func() {
		w.lost = true
		w.published = append(w.published, models.Revoked{UserID: "bob", At: start})
	})
	eventually(t, "the rest is heard", func() bool { return other.copy().get("/me").body == "bob@example.com false" })
	b.get("/me").expect(t, http.StatusOK, byCache)
}

// A gatedWire is a wire that takes nothing until it is opened.
type gatedWire struct {
	*wire
	open chan struct{}
}

func (w gatedWire) Publish(ctx context.Context, r models.Revoked) error {
	<-w.open
	return w.wire.Publish(ctx, r)
}

// No revocation waits for CookieCache.Feed, which drops what is too much; Close does,
// and brings what is left.
func TestPublishingHoldsUpNoRevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := gatedWire{newWire(), make(chan struct{})}
		s := serve(t, func(c *ginsession.Config) { c.CookieCache.Feed = w })
		revoke := func() {
			if _, err := s.sessions.RevokeAll(t.Context(), "ada"); err != nil {
				t.Fatal(err)
			}
		}
		revoke()
		synctest.Wait() // it is being published
		for range 1024 + 5 {
			revoke()
		}
		go s.sessions.Close()
		synctest.Wait()
		close(w.open)
		s.sessions.Close()
		if n := len(w.told()); n != 1+1024 {
			t.Errorf("%d were published", n)
		}
	})
}

func TestSilenceOfTheFeedIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{t: t}
		s, feed := serveTold(t, 100*time.Millisecond, func(c *ginsession.Config) { c.OnEvent = d.note })
		if silent := d.expect("feed silent")[0]; silent.Lag > 130*time.Millisecond {
			t.Errorf("silent for %v before anything was heard", silent.Lag)
		}
		feed.heardNow()
		d.expect("feed heard")
		if lag := s.sessions.FeedLag(); lag <= 0 || lag > 100*time.Millisecond {
			t.Errorf("lag %v", lag)
		}
		if silent := d.expect("feed silent")[0]; silent.Lag <= 100*time.Millisecond || silent.Lag > 125*time.Millisecond {
			t.Errorf("silent for %v", silent.Lag)
		}
		if lag := serve(t, cached).sessions.FeedLag(); lag != 0 {
			t.Errorf("without a feed: lag %v", lag)
		}
	})
}

// Without a feed by name, a Store that has one is not followed.
func TestNoFeedFollowsNone(t *testing.T) {
	t.Parallel()
	s, _ := serveTold(t, time.Minute, func(c *ginsession.Config) { c.CookieCache.NoFeed = true })
	s.signedIn("ada").get("/me").expect(t, http.StatusOK, byCache)
}

// A cookie cache comes with a feed unless it is done without by name.
func TestCookieCacheWantsAFeed(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, "utf8mb4")
	if err := models.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	c := good()
	c.Store, c.DB, c.CookieCache.Enabled = nil, db, true
	if _, err := ginsession.New(c); err == nil || !strings.Contains(err.Error(), "table session_revocation is missing, the revocation feed's: call Migrate of a Schema with Feed set, or do without it (Config.CookieCache.NoFeed)") {
		t.Errorf("got %v", err)
	}
	if err := (models.Schema{Feed: true}).Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	m, err := ginsession.New(c) // Schema.Feed goes without saying
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	eventually(t, "the feed is heard", func() bool { return m.FeedLag() < time.Second })
}
