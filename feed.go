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
// There are two uses. A Store that implements it, or models.Store of a Schema with
// Feed, keeps the feed that cookie caches depend on: it writes down itself what it
// ends, and what it ended must be told by every Follow that asks the feed after its
// Revoke or Replace has returned. CookieCache.Feed may bring the same news sooner,
// and lose some.
//
// A RevocationFeed is safe for concurrent use.
type RevocationFeed interface {
	// Publish tells of sessions that ended in another way than by a method of the
	// Store that keeps the feed. Telling something twice is harmless.
	Publish(ctx context.Context, revoked models.Revoked) error

	// Follow calls hear, from the goroutine that called Follow and not after it has
	// returned, again and again until ctx ends
	// or the feed fails, at least every so often even if there is nothing to
	// tell. The first call tells what ended within the last since, those after
	// it what is new. It returns the cause of ctx's end, or what went wrong; it
	// is then called again.
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

// follow keeps up with the feed until the Manager is closed. While it fails,
// nothing is up to date and the store is asked instead.
func (m *Manager) follow(ctx context.Context, feed RevocationFeed, keep time.Duration) {
	failing := false
	for {
		err := m.followOnce(ctx, feed, keep, func() {
			if failing {
				m.logger.Info("ginsession: the revocation feed answers again")
				failing = false
			}
		})
		if ctx.Err() != nil {
			return
		}
		if !failing {
			m.logger.Warn("ginsession: the revocation feed does not answer: the cookie cache is not believed until it does", "error", err)
			failing = true
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(m.cache.maxLag / 4):
		}
	}
}

func (m *Manager) followOnce(ctx context.Context, feed RevocationFeed, keep time.Duration, answered func()) (err error) {
	defer func() {
		if p := recover(); p != nil { // of a foreign feed
			err = errors.New("the feed panicked")
		}
	}()
	err = feed.Follow(ctx, keep, m.cache.maxLag/2, func(heard models.Heard) {
		m.revoked.hear(heard)
		answered()
	})
	if err == nil {
		err = errors.New("the feed ended")
	}
	return fmt.Errorf("following: %w", err)
}
