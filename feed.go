package ginsession

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ginsession/ginsession/models"
)

// A RevocationFeed tells a process which sessions other processes ended, so that
// it believes no cookie cache of theirs.
//
// There are two uses. Cookie caches depend on the feed that the Store keeps: that
// of models.Store of a Schema with Feed, or of a Store that implements this
// interface. Such a Store writes to its feed by itself, whenever a Revoke or Replace
// of its own ends a session, and before it returns: a Follow that looks at the feed
// later must tell of it. The other use, CookieCache.Feed, may bring the same news
// sooner, and lose some.
//
// A RevocationFeed is safe for concurrent use.
type RevocationFeed interface {
	// Publish tells of sessions that ended in another way than by a method of the
	// Store that keeps the feed. Telling something twice is harmless.
	Publish(ctx context.Context, revoked models.Revoked) error

	// Follow calls hear again and again until ctx ends or the feed fails: at least
	// once in every, even if there is nothing to tell. The first call tells what
	// ended within the last since, those after it what is new. hear is called from
	// the goroutine that called Follow, and never after Follow has returned. Follow
	// returns the cause of ctx's end, or what went wrong; then it is called again.
	Follow(ctx context.Context, since, every time.Duration, hear func(models.Heard)) error
}

// feedOf is the feed that a Store keeps, or nil.
func feedOf(store Store) RevocationFeed {
	if keeper, ok := store.(interface{ Feed() *models.Feed }); ok {
		if feed := keeper.Feed(); feed != nil {
			return feed
		}
		return nil
	}
	feed, _ := store.(RevocationFeed)
	return feed
}

// startFeeds follows what there is to follow, and publishes what is to be
// published, until Close.
func (m *Manager) startFeeds(own, fast RevocationFeed, keep time.Duration) {
	if own != nil {
		m.inBackground(func() {
			m.follow(m.running, own, keep, "the revocation feed does not answer", func(heard models.Heard) {
				m.hear(heard)
				m.revoked.upTo(heard.AsOf)
			})
		})
		m.inBackground(func() { m.watchSilence(m.running) })
	}
	if fast != nil {
		m.news = make(chan models.Revoked, mostNews)
		m.inBackground(func() { m.publishNews(m.running, fast) })
		if own != nil {
			m.inBackground(func() {
				m.follow(m.running, fast, keep, "CookieCache.Feed does not answer: revocations by other processes are heard of from the store's own feed", func(heard models.Heard) {
					heard.Overflow = false // what it lost the store's own feed brings
					m.hear(heard)
				})
			})
		}
	}
}

// hear takes in what a feed tells.
func (m *Manager) hear(heard models.Heard) {
	m.revoked.hear(heard)
	m.watches.hear(heard)
}

// follow keeps up with a feed until the Manager is closed.
func (m *Manager) follow(ctx context.Context, feed RevocationFeed, keep time.Duration, complaint string, hear func(models.Heard)) {
	failing := false
	for {
		err := m.followOnce(ctx, feed, keep, func(heard models.Heard) {
			hear(heard)
			if failing {
				m.logger.Info("ginsession: a revocation feed answers again")
				failing = false
			}
		})
		if ctx.Err() != nil {
			return
		}
		if !failing {
			m.logger.Warn("ginsession: "+complaint, "error", err)
			failing = true
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(m.cache.maxLag / 4):
		}
	}
}

func (m *Manager) followOnce(ctx context.Context, feed RevocationFeed, keep time.Duration, hear func(models.Heard)) (err error) {
	defer func() {
		if p := recover(); p != nil { // of a foreign feed
			err = errors.New("the feed panicked")
		}
	}()
	if err = feed.Follow(ctx, keep, m.cache.maxLag/2, hear); err == nil {
		err = errors.New("the feed ended")
	}
	return fmt.Errorf("following: %w", err)
}

// FeedLag is how old, at most, the newest thing is that this process knows of
// revocations by others: from CookieCache.MaxLag on it believes no cookie cache.
// It is zero without a feed, and the time since New before the feed has answered.
// It is for metrics, and cheap.
func (m *Manager) FeedLag() time.Duration {
	if m.revoked.maxLag == 0 {
		return 0
	}
	return min(m.revoked.silence(time.Now()), time.Since(m.revoked.started))
}

// watchSilence tells when the feed falls silent for longer than MaxLag, and when
// it is heard again. A database that accepts a query and never answers is silent
// too, without an error.
func (m *Manager) watchSilence(ctx context.Context) {
	tick := time.NewTicker(m.cache.maxLag / 4)
	defer tick.Stop()
	for silent := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		lag := m.FeedLag()
		if now := lag > m.cache.maxLag; now == silent {
			continue
		} else if silent = now; silent {
			m.logger.Warn("ginsession: the revocation feed is silent: no cookie cache is believed, every request reads the store", "lag", lag)
			m.tell(ctx, Event{Kind: EventFeedSilent, At: m.clock(), Lag: lag})
		} else {
			m.logger.Info("ginsession: the revocation feed is heard again")
			m.tell(ctx, Event{Kind: EventFeedHeard, At: m.clock()})
		}
	}
}

// mostNews is how many revocations may wait to be published on CookieCache.Feed.
// What is too much the store's own feed brings.
const mostNews = 1024

// publish hands a revocation that is in the store to CookieCache.Feed, without
// waiting for it.
func (m *Manager) publish(r models.Revoked) {
	if m.news == nil {
		return
	}
	select {
	case m.news <- r:
	default:
	}
}

// publishNews publishes until the Manager is closed, and then what is left.
func (m *Manager) publishNews(ctx context.Context, feed RevocationFeed) {
	failing := false
	tell := func(r models.Revoked) {
		err := m.publishOne(ctx, feed, r)
		if err != nil && !failing {
			m.logger.Warn("ginsession: CookieCache.Feed takes no revocations: other processes hear of them from the store's own feed", "error", err)
		}
		failing = err != nil
	}
	for {
		select {
		case r := <-m.news:
			tell(r)
		case <-ctx.Done():
			for !failing {
				select {
				case r := <-m.news:
					tell(r)
				default:
					return
				}
			}
			return
		}
	}
}

func (m *Manager) publishOne(ctx context.Context, feed RevocationFeed, r models.Revoked) (err error) {
	defer func() {
		if p := recover(); p != nil { // of a foreign feed
			err = errors.New("the feed panicked")
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.storeTimeout)
	defer cancel()
	return feed.Publish(ctx, r)
}
