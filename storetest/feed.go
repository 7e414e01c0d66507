package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// A FeedHarness is an empty store and the feed that is told what ends there.
type FeedHarness struct {
	Harness
	Feed ginsession.RevocationFeed
}

// RunFeed runs the laws of ginsession.RevocationFeed, as Run does those of a
// Store. That a feed does not lose what is written out of order is for the tests
// of the implementation, which alone know how to make it so.
func RunFeed(t *testing.T, open func(t *testing.T) FeedHarness) {
	laws := []struct {
		name string
		law  func(t *testing.T, h FeedHarness)
	}{
		{"EveryKindIsTold", feedKinds},
		{"ReplacedTokenIsTold", feedReplaced},
		{"WhatEndsNobodyIsNotTold", feedNothing},
		{"EachIsToldOnce", feedOnce},
		{"WhoFollowsLaterIsToldToo", feedLater},
		{"WhatIsPublishedIsTold", feedPublished},
		{"ReasonsAreTold", feedReasons},
		{"FollowEndsWithItsContext", feedEnds},
	}
	for _, test := range laws {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.AddUser(t, newUser(u1))
			h.AddUser(t, newUser(u2))
			test.law(t, h)
		})
	}
}

// An ear follows a feed.
type ear struct {
	t     *testing.T
	heard chan models.Heard
}

// listen follows the feed until the test ends.
func listen(t *testing.T, feed ginsession.RevocationFeed, since time.Duration) *ear {
	t.Helper()
	e := &ear{t, make(chan models.Heard)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- feed.Follow(ctx, since, 20*time.Millisecond, func(h models.Heard) {
			select {
			case e.heard <- h:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Follow: got %v, want the context's end", err)
		}
	})
	return e
}

// next is all that is told until the feed has been asked after this moment.
func (e *ear) next() []models.Revoked {
	e.t.Helper()
	var all []models.Revoked
	for from, patience := time.Now(), time.After(20*time.Second); ; {
		select {
		case h := <-e.heard:
			if h.Overflow {
				e.t.Fatal("overflow")
			}
			if all = append(all, h.Revoked...); h.AsOf.After(from) {
				return all
			}
		case <-patience:
			e.t.Fatal("the feed is silent")
		}
	}
}

// shown is what was told, without order and without times.
func shown(told []models.Revoked) []string {
	var all []string
	for _, r := range told {
		all = append(all, fmt.Sprintf("%x %q %q", r.TokenSHA256[:4], r.UserID, r.Except))
	}
	slices.Sort(all)
	return all
}

func ofToken(name string) models.Revoked {
	return models.Revoked{TokenSHA256: sha256.Sum256([]byte(token(name)))}
}

func (e *ear) expect(want ...models.Revoked) {
	e.t.Helper()
	if got := e.next(); !slices.Equal(shown(got), shown(want)) {
		e.t.Errorf("told %q, want %q", shown(got), shown(want))
	}
}

func (h FeedHarness) create(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		create(t, h.Harness, newSession(name, u1, base.Add(hour)))
	}
}

func feedKinds(t *testing.T, h FeedHarness) {
	h.create(t, "a", "b", "c", "d")
	e := listen(t, h.Feed, hour)
	e.expect()
	revoke(t, h.Harness, models.Revocation{Token: token("a")}, 1)
	revoke(t, h.Harness, models.Revocation{Token: token("b"), UserID: u1}, 1)
	e.expect(ofToken("a"), ofToken("b"))
	revoke(t, h.Harness, models.Revocation{UserID: u1, Except: "c", Now: base}, 1)
	e.expect(models.Revoked{UserID: u1, Except: "c"})
	before := time.Now()
	revoke(t, h.Harness, models.Revocation{UserID: u1}, 1)
	told := e.next()
	if got, want := shown(told), shown([]models.Revoked{{UserID: u1}}); !slices.Equal(got, want) {
		t.Fatalf("told %q, want %q", got, want)
	}
	if at := told[0].At; at.Before(before.Add(-time.Minute)) || at.After(time.Now().Add(time.Minute)) {
		t.Errorf("told of %v, want about %v", at, before)
	}
}

func feedReplaced(t *testing.T, h FeedHarness) {
	h.create(t, "a")
	read, _, err := h.Store.Find(t.Context(), token("a"))
	if err != nil {
		t.Fatal(err)
	}
	e := listen(t, h.Feed, hour)
	if _, err := h.Store.Replace(t.Context(), read, successor(read, "b"), base); err != nil {
		t.Fatal(err)
	}
	e.expect(ofToken("a"))
}

func feedNothing(t *testing.T, h FeedHarness) {
	h.create(t, "a", "b")
	e := listen(t, h.Feed, hour)
	revoke(t, h.Harness, models.Revocation{Token: token("unknown")}, 0)
	revoke(t, h.Harness, models.Revocation{Token: token("a"), UserID: u2}, 0)
	revoke(t, h.Harness, models.Revocation{Token: token("b"), NotAfter: base.Add(hour)}, 1) // expired: no copy of it is believed
	if _, err := h.Store.Purge(t.Context(), base.Add(2*hour), 10); err != nil {
		t.Fatal(err)
	}
	e.expect()
}

func feedOnce(t *testing.T, h FeedHarness) {
	h.create(t, "a", "b")
	e := listen(t, h.Feed, hour)
	revoke(t, h.Harness, models.Revocation{Token: token("a")}, 1)
	e.expect(ofToken("a"))
	e.expect()
	revoke(t, h.Harness, models.Revocation{Token: token("b")}, 1)
	e.expect(ofToken("b"))
}

func feedLater(t *testing.T, h FeedHarness) {
	h.create(t, "a")
	revoke(t, h.Harness, models.Revocation{Token: token("a")}, 1)
	listen(t, h.Feed, hour).expect(ofToken("a"))
	listen(t, h.Feed, hour).expect(ofToken("a"))
}

func feedPublished(t *testing.T, h FeedHarness) {
	e := listen(t, h.Feed, hour)
	all, others := ofToken("a"), models.Revoked{UserID: u1, Except: "b"}
	for _, r := range []models.Revoked{all, others} {
		if err := h.Feed.Publish(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	e.expect(all, others)
	if err := h.Feed.Publish(t.Context(), models.Revoked{Reason: "of nothing"}); err == nil {
		t.Error("published what names nothing")
	}
}

func feedReasons(t *testing.T, h FeedHarness) {
	h.create(t, "a", "b")
	e := listen(t, h.Feed, hour)
	reason := func(want string) {
		t.Helper()
		told := e.next()
		if len(told) != 1 || told[0].Reason != want {
			t.Errorf("told %+v, want one with the reason %q", told, want)
		}
	}
	revoke(t, h.Harness, models.Revocation{Token: token("a"), Reason: "one"}, 1)
	reason("one")
	revoke(t, h.Harness, models.Revocation{UserID: u1, Except: "b", Now: base, Reason: "all but one"}, 0)
	reason("all but one")
	read, _, err := h.Store.Find(t.Context(), token("b"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Store.Replace(t.Context(), read, successor(read, "c"), base); err != nil {
		t.Fatal(err)
	}
	reason(models.ReasonRotated)
	if err := h.Feed.Publish(t.Context(), models.Revoked{UserID: u1, Reason: "all"}); err != nil {
		t.Fatal(err)
	}
	reason("all")
}

func feedEnds(t *testing.T, h FeedHarness) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Feed.Follow(ctx, hour, hour, func(models.Heard) { cancel() }) }()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the context's end", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("Follow goes on")
	}
}
