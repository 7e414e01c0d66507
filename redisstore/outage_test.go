package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/testredis"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// While Redis is killed nobody is signed out: what a store without rows is asked is
// no answer, and a store beside the database answers from there. Nothing that must
// reach Redis is acknowledged.
func TestRedisKilledInTheMiddle(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			server := testredis.New(t, "--appendonly", "yes", "--appendfsync", "always")
			b := newBench(t, connect(t, server.Address), m, storetest.Schema())
			b.addUser(t, newUser("u1"))
			s, other := newSession("s1", "u1"), newSession("s2", "u1")
			create(t, b, s, other)

			stop := make(chan struct{})
			var answers, failures atomic.Int64
			var wait sync.WaitGroup
			for range 4 {
				wait.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
						_, _, err := b.Find(ctx, s.Token)
						cancel()
						ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
						_, errTouch := b.Touch(ctx, s, base().Add(2*hour), base())
						cancel()
						if errors.Is(err, models.ErrNotFound) || errors.Is(errTouch, models.ErrNotFound) {
							t.Errorf("signed out: %v, %v", err, errTouch)
							return
						}
						if err == nil && errTouch == nil {
							answers.Add(1)
						} else {
							failures.Add(1)
						}
						time.Sleep(time.Millisecond)
					}
				})
			}
			eventually(t, "all is under way", func() bool { return answers.Load() > 20 })
			server.Kill()
			before := answers.Load()
			b.down(t, m, s, other)
			if m.degrades() {
				eventually(t, "the database answers", func() bool { return answers.Load() > before+10 })
			} else if down := answers.Load() - before; down > 4 { // that had come when it was killed, one to each
				t.Errorf("%d answers while Redis was down", down)
			}
			server.Start(t)
			eventually(t, "the other session is read", func() bool {
				_, _, err := b.Find(t.Context(), other.Token)
				return err == nil
			})
			close(stop)
			wait.Wait()
			if m.degrades() && failures.Load() > 0 {
				t.Errorf("%d reads or renewals failed, though the database was there", failures.Load())
			}
			eventually(t, "a revocation is acknowledged again", func() bool {
				_, err := b.Revoke(t.Context(), models.Revocation{Token: other.Token})
				return err == nil
			})
			if alive(t, b, other.Token) || !alive(t, b, s.Token) {
				t.Error("the wrong one lives")
			}
		})
	}
}

// down is what a store does without Redis.
func (b bench) down(t *testing.T, m mode, s, other models.Session) {
	t.Helper()
	for _, test := range []struct {
		name     string
		degrades bool
		call     func(ctx context.Context) error
	}{
		{"Find", true, func(ctx context.Context) error { _, _, err := b.Find(ctx, s.Token); return err }},
		{"FindMany", true, func(ctx context.Context) error { _, err := b.FindMany(ctx, []string{s.Token}); return err }},
		{"Create", true, func(ctx context.Context) error { return b.Create(ctx, newSession("new", "u1")) }},
		{"List", true, func(ctx context.Context) error { _, err := b.List(ctx, "u1", base()); return err }},
		{"Tokens", true, func(ctx context.Context) error { _, err := b.Tokens(ctx, "u1"); return err }},
		{"Touch", true, func(ctx context.Context) error {
			_, err := b.Touch(ctx, other, base().Add(3*hour), base())
			return err
		}},
		{"Update", false, func(ctx context.Context) error {
			_, err := b.Update(ctx, s, map[string]any{"theme": "x"}, base())
			return err
		}},
		{"Replace", false, func(ctx context.Context) error {
			_, err := b.Replace(ctx, s, newSession("next", "u1"), base())
			return err
		}},
		{"Revoke one", false, func(ctx context.Context) error {
			_, err := b.Revoke(ctx, models.Revocation{Token: other.Token})
			return err
		}},
		{"Revoke all", false, func(ctx context.Context) error { _, err := b.Revoke(ctx, models.Revocation{UserID: "u1"}); return err }},
		{"Revoke others", false, func(ctx context.Context) error {
			_, err := b.Revoke(ctx, models.Revocation{UserID: "u1", Except: "s1", Now: base()})
			return err
		}},
		{"Publish", false, func(ctx context.Context) error { return b.Publish(ctx, models.Revoked{UserID: "u1"}) }},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err := test.call(ctx)
		cancel()
		switch {
		case errors.Is(err, models.ErrNotFound), errors.Is(err, models.ErrDuplicate), errors.Is(err, models.ErrNoUser):
			t.Errorf("%s: got %v, which is an answer", test.name, err)
		case (err == nil) != (m.degrades() && test.degrades):
			t.Errorf("%s: got %v", test.name, err)
		case err != nil && (strings.Contains(err.Error(), s.Token) || strings.Contains(err.Error(), other.Token)):
			t.Errorf("%s: the error holds a token", test.name)
		}
	}
}

// Beside the database a Redis that hangs costs half of a call's time, not the call.
func TestRedisThatHangsLeavesTimeForTheDatabase(t *testing.T) {
	server := testredis.New(t)
	valve := newValve(t, server.Address)
	b := newBench(t, connect(t, valve.listener.Addr().String()), modes[1], storetest.Schema())
	b.addUser(t, newUser("u1"))
	s := newSession("s1", "u1")
	create(t, b, s)
	release := valve.stall(t)
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, _, err := b.Find(ctx, s.Token); err != nil {
		t.Errorf("Find: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := b.Touch(ctx, s, base().Add(2*hour), base()); err != nil {
		t.Errorf("Touch: %v", err)
	}
}

// A key that was left behind while Redis was away follows its row at the next
// renewal.
func TestKeyLeftBehindFollowsItsRow(t *testing.T) {
	server := testredis.New(t, "--appendonly", "yes", "--appendfsync", "always")
	client := connect(t, server.Address)
	b := newBench(t, client, modes[1], storetest.Schema())
	b.addUser(t, newUser("u1"))
	s := newSession("s1", "u1")
	create(t, b, s)
	server.Kill()
	want, err := b.Touch(t.Context(), s, base().Add(2*hour), base())
	if err != nil {
		t.Fatal(err)
	}
	server.Start(t)
	var behind models.Session
	eventually(t, "the key is read", func() bool {
		behind, _, err = b.Find(t.Context(), s.Token)
		return err == nil && behind.ExpiresAt.Equal(s.ExpiresAt)
	})
	got, err := b.Touch(t.Context(), behind, base().Add(4*hour), base())
	if err != nil || !got.ExpiresAt.Equal(want.ExpiresAt) {
		t.Errorf("got %v and %v, want the row's %v", got.ExpiresAt, err, want.ExpiresAt)
	}
	if now, _, err := b.Find(t.Context(), s.Token); err != nil || !now.ExpiresAt.Equal(want.ExpiresAt) {
		t.Errorf("the key says %v and %v, want %v", now.ExpiresAt, err, want.ExpiresAt)
	}
}
