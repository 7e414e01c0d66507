package ginsession_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// A toldStore is a memStore with a feed that the test speaks for.
type toldStore struct {
	*memStore
	follows chan call     // each Follow
	tell    chan told     // what it is to do next
	done    chan struct{} // closed when a Follow returns
}

type call struct{ since, every time.Duration }

type told struct {
	heard models.Heard
	err   error // ends the Follow
	panic bool
}

func (s *toldStore) Publish(context.Context, models.Revoked) error { return nil }

func (s *toldStore) Follow(ctx context.Context, since, every time.Duration, hear func(models.Heard)) error {
	s.follows <- call{since, every}
	for {
		select {
		case <-ctx.Done():
			close(s.done)
			return context.Cause(ctx)
		case next := <-s.tell:
			switch {
			case next.panic:
				panic("of a foreign feed")
			case next.err != nil:
				return next.err
			}
			hear(next.heard)
		}
	}
}

// serveTold is a service with a cookie cache and such a feed.
func serveTold(t *testing.T, maxLag time.Duration, change ...func(*ginsession.Config)) (*service, *toldStore) {
	t.Helper()
	feed := &toldStore{follows: make(chan call, 10), tell: make(chan told), done: make(chan struct{})}
	s := serve(t, append(change, cached, func(c *ginsession.Config) {
		feed.memStore = c.Store.(*memStore)
		c.Store, c.CookieCache.MaxLag = feed, maxLag
	})...)
	t.Cleanup(s.sessions.Close)
	return s, feed
}

// heardNow says that there was nothing more, and waits until that has sunk in.
func (s *toldStore) heardNow(revoked ...models.Revoked) {
	s.tell <- told{heard: models.Heard{Revoked: revoked, AsOf: time.Now()}}
	s.tell <- told{heard: models.Heard{AsOf: time.Now()}} // taken in after the one before
}

// SR-27: a node that has just started knows nothing of the revocations before,
// and one that hears nothing knows nothing of those since.
func TestSR27CookieCacheIsBelievedOnlyWhileTheFeedIsHeard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, feed := serveTold(t, 200*time.Millisecond)
		if got, want := <-feed.follows, (call{6 * time.Minute, 100 * time.Millisecond}); got != want {
			t.Errorf("follows %v, want %v", got, want)
		}
		b := s.signedIn("ada")
		silent := b.get("/open")
		silent.expect(t, http.StatusOK, byStore)
		silent.expectCookies(t) // the copy is good; the store is only asked
		feed.heardNow()
		b.get("/open").expect(t, http.StatusOK, byCache)

		time.Sleep(200 * time.Millisecond)
		b.get("/open").expect(t, http.StatusOK, byCache)
		time.Sleep(time.Nanosecond)
		b.get("/open").expect(t, http.StatusOK, byStore)
		b.get("/me").expect(t, http.StatusOK, byStore)
		feed.heardNow()
		b.get("/open").expect(t, http.StatusOK, byCache)

		for range 2 { // the second is taken once the first has sunk in
			feed.tell <- told{heard: models.Heard{AsOf: time.Now().Add(-time.Second)}} // an answer that took long is old
		}
		b.get("/open").expect(t, http.StatusOK, byStore)
	})
}

func TestSR27FeedTellsWhatOthersEnded(t *testing.T) {
	t.Parallel()
	for name, revoked := range map[string]func(b *browser) models.Revoked{
		"token": func(b *browser) models.Revoked {
			return models.Revoked{TokenSHA256: sha256.Sum256([]byte(b.token()))}
		},
		"user": func(*browser) models.Revoked { return models.Revoked{UserID: "ada", At: start} },
		"all but other": func(*browser) models.Revoked {
			return models.Revoked{UserID: "ada", Except: "other", At: start}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, feed := serveTold(t, time.Minute)
			b, other := s.signedIn("ada"), s.signedIn("bob")
			feed.heardNow()
			b.get("/me").expect(t, http.StatusOK, byCache)
			s.store.Remove(b.token())
			feed.heardNow(revoked(b))
			if got := b.copy().get("/me"); got.status != http.StatusUnauthorized {
				t.Errorf("got %d %s", got.status, got.body)
			}
			other.get("/me").expect(t, http.StatusOK, "bob@example.com true")
		})
	}
	t.Run("spared and younger", func(t *testing.T) {
		t.Parallel()
		s, feed := serveTold(t, time.Minute)
		b := s.signedIn("ada")
		feed.heardNow(models.Revoked{UserID: "ada", Except: b.session().Session.ID, At: start})
		b.get("/me").expect(t, http.StatusOK, byCache)
		s.advance(2 * time.Minute)
		s.signedIn("ada").get("/me").expect(t, http.StatusOK, byCache)
	})
	t.Run("more than can be told", func(t *testing.T) {
		t.Parallel()
		s, feed := serveTold(t, time.Minute)
		b := s.signedIn("ada")
		feed.tell <- told{heard: models.Heard{Overflow: true, AsOf: time.Now()}}
		feed.heardNow()
		b.get("/me").expect(t, http.StatusOK, byStore)
	})
}

// A feed that fails is said once, asked again, and said again when it answers.
func TestFailingFeedIsFollowedAgain(t *testing.T) {
	t.Parallel()
	s, feed := serveTold(t, 100*time.Millisecond)
	for _, failure := range []told{{err: errDown}, {err: errDown}, {panic: true}} {
		<-feed.follows
		feed.tell <- failure
	}
	<-feed.follows
	feed.heardNow()
	log := s.log.String()
	if strings.Count(log, "the revocation feed does not answer") != 1 || strings.Count(log, "a revocation feed answers again") != 1 {
		t.Errorf("the log says\n%s", log)
	}
}

func TestClosedManagerBelievesNoCookieCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, feed := serveTold(t, 100*time.Millisecond)
		b := s.signedIn("ada")
		feed.heardNow()
		s.sessions.Close()
		s.sessions.Close()
		select {
		case <-feed.done:
		default:
			t.Error("the feed is still followed")
		}
		time.Sleep(100*time.Millisecond + 1)
		b.get("/me").expect(t, http.StatusOK, byStore)
		serve(t).sessions.Close() // without a feed there is nothing to end
	})
}

// Two processes on one database: what one ends the other refuses within MaxLag,
// whatever copies there are, and whether or not the first has a cookie cache.
func TestSR27FeedReachesOtherProcesses(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, "utf8mb4 COLLATE utf8mb4_general_ci")
	schema := models.Schema{Feed: true}
	if err := schema.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	process := func(cache bool) *service {
		s := serve(t, func(c *ginsession.Config) {
			c.Store, c.DB, c.Schema = nil, db, schema
			c.CookieCache.Enabled = cache
			c.Now = time.Now
		})
		t.Cleanup(s.sessions.Close)
		return s
	}
	one, two, plain := process(true), process(true), process(false)
	for user, end := range map[string]func(b *browser) error{ // a user each: all that begins soon after a "revoke all" is doubted
		"here":  func(b *browser) error { return one.sessions.Revoke(t.Context(), "here", b.token()) },
		"plain": func(b *browser) error { return plain.sessions.Revoke(t.Context(), "plain", b.token()) },
		"all":   func(*browser) error { _, err := one.sessions.RevokeAll(t.Context(), "all"); return err },
		"others": func(b *browser) error {
			other := one.signedIn("others")
			_, err := one.sessions.RevokeOthers(t.Context(), "others", other.token())
			if err == nil && other.at(two).get("/me").status != http.StatusOK {
				err = errors.New("the one that was spared is refused")
			}
			return err
		},
	} {
		if err := db.Create(&models.User{ID: user, Name: user, Email: user + "@example.com", CreatedAt: start, UpdatedAt: start}).Error; err != nil {
			t.Fatal(err)
		}
		b := one.signedIn(user)
		eventually(t, user+": believed", func() bool { return b.at(two).get("/me").body == user+"@example.com true" })
		if err := end(b); err != nil {
			t.Fatal(err)
		}
		ended := time.Now()
		eventually(t, user+": refused", func() bool {
			asked := time.Since(ended)
			if b.at(two).get("/me").status == http.StatusUnauthorized {
				return true
			}
			if asked > 2*time.Second {
				t.Errorf("%s: let in %v after the end, which is more than MaxLag", user, asked)
			}
			return false
		})
		for range 20 {
			if got := b.at(two).get("/me"); got.status != http.StatusUnauthorized {
				t.Errorf("%s: let in again: %d %s", user, got.status, got.body)
			}
		}
	}
}
