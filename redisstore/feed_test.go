package redisstore_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testredis"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/redisstore"
)

func newFeed(t *testing.T, client redis.UniversalClient) ginsession.RevocationFeed {
	t.Helper()
	feed, err := redisstore.NewFeed(redisstore.FeedOptions{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	return everything.Feed(feed)
}

func publish(t *testing.T, feed ginsession.RevocationFeed, name string) {
	t.Helper()
	if err := feed.Publish(t.Context(), models.Revoked{TokenSHA256: sha256.Sum256([]byte(name))}); err != nil {
		t.Fatal(err)
	}
}

// follow hears a feed until the test ends; ended has what Follow returned.
func follow(t *testing.T, feed ginsession.RevocationFeed, since, every time.Duration) (heard chan models.Heard, ended chan error) {
	t.Helper()
	heard, ended = make(chan models.Heard), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() {
		ended <- feed.Follow(ctx, since, every, func(h models.Heard) {
			select {
			case heard <- h:
			case <-ctx.Done():
			}
		})
	}()
	return heard, ended
}

func TestNewsAreToldAtOnce(t *testing.T) {
	feed := newFeed(t, newRedis(t))
	heard, _ := follow(t, feed, hour, hour)
	<-heard
	soonest := hour
	for range 5 { // one may wait for the machine
		begin := time.Now()
		publish(t, feed, "a")
		for len((<-heard).Revoked) == 0 {
		}
		soonest = min(soonest, time.Since(begin))
	}
	if soonest > 500*time.Millisecond { // where nothing comes it looks every second
		t.Errorf("the soonest of five came after %v", soonest)
	}
}

// Nobody can know what stood in a stream that is gone, or behind the last line that
// a promoted replica has.
func TestLostLinesAreAnOverflow(t *testing.T) {
	client := newRedis(t)
	feed := newFeed(t, client)
	for name, lose := range map[string]func() error{
		"the stream": func() error { return client.Del(t.Context(), "{revocations}").Err() },
		"its last line": func() error {
			last, err := client.XRevRangeN(t.Context(), "{revocations}", "+", "-", 1).Result()
			if err != nil {
				return err
			}
			return client.XDel(t.Context(), "{revocations}", last[0].ID).Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			publish(t, feed, "a")
			publish(t, feed, "b")
			heard, _ := follow(t, feed, hour, 20*time.Millisecond)
			for len((<-heard).Revoked) == 0 {
			}
			if err := lose(); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(10 * time.Second); !(<-heard).Overflow; {
				if time.Now().After(deadline) {
					t.Fatal("nothing is told of the loss")
				}
			}
			publish(t, feed, "c")
			for deadline := time.Now().Add(10 * time.Second); ; {
				h := <-heard
				if h.Overflow {
					continue
				}
				if len(h.Revoked) > 0 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("what came afterwards is not told")
				}
			}
		})
	}
}

func TestFollowEndsWhenRedisDoes(t *testing.T) {
	server := testredis.New(t)
	feed := newFeed(t, connect(t, server.Address))
	heard, ended := follow(t, feed, hour, 20*time.Millisecond)
	<-heard
	server.Kill()
	for late := time.After(20 * time.Second); ; {
		select {
		case <-heard:
			continue
		case err := <-ended:
			if err == nil || errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want what went wrong", err)
			}
		case <-late:
			t.Error("Follow goes on")
		}
		return
	}
}

func TestOldLinesAreDropped(t *testing.T) {
	client := newRedis(t)
	feed := newFeed(t, client)
	old := time.Now().Add(-3 * time.Hour).UnixMilli()
	for i := range 500 { // trimming drops whole nodes of the stream
		err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: "{revocations}", ID: redisID(old, i), Values: []any{"user", "u"}}).Err()
		if err != nil {
			t.Fatal(err)
		}
	}
	publish(t, feed, "a")
	if n, err := client.XLen(t.Context(), "{revocations}").Result(); err != nil || n > 150 {
		t.Errorf("%d lines are left and %v", n, err)
	}
	heard, _ := follow(t, feed, hour, hour)
	if h := <-heard; len(h.Revoked) != 1 || h.Overflow {
		t.Errorf("told %d lines, overflow %t; want the new one", len(h.Revoked), h.Overflow)
	}
}

func TestLinesThatNameNothingAreRefused(t *testing.T) {
	feed := newFeed(t, newRedis(t))
	for name, r := range map[string]models.Revoked{
		"nothing":             {},
		"two things":          {UserID: "u", TokenSHA256: sha256.Sum256(nil)},
		"Except without user": {TokenSHA256: sha256.Sum256(nil), Except: "s"},
		"a long reason":       {UserID: "u", Reason: string(make([]byte, 65))},
	} {
		if err := feed.Publish(t.Context(), r); err == nil {
			t.Errorf("%s: published", name)
		}
	}
}

func redisID(milliseconds int64, n int) string { return fmt.Sprintf("%d-%d", milliseconds, n) }
