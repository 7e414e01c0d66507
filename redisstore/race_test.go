package redisstore_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// atOnce runs the calls at once. models.ErrNotFound is an answer.
func atOnce(t *testing.T, calls ...func() error) {
	t.Helper()
	var wait sync.WaitGroup
	errs := make([]error, len(calls))
	start := make(chan struct{})
	for i, call := range calls {
		wait.Go(func() {
			<-start
			if err := call(); !errors.Is(err, models.ErrNotFound) {
				errs[i] = err
			}
		})
	}
	close(start)
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func eachMode(t *testing.T, client redis.UniversalClient, law func(t *testing.T, b bench)) {
	t.Helper()
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			b := newBench(t, client, m, storetest.Schema())
			b.addUser(t, newUser("u1"))
			law(t, b)
		})
	}
}

// SR-34: a session that is revoked while it is renewed and updated stays revoked,
// in Redis too, where a Better Auth server would look.
func TestRevokedSessionIsNotRevivedByTouchOrUpdate(t *testing.T) {
	const rounds = 1000
	client := newRedis(t)
	eachMode(t, client, func(t *testing.T, b bench) {
		for i := range rounds {
			read := newSession(fmt.Sprintf("s%d", i), "u1")
			create(t, b, read)
			revocation := models.Revocation{Token: read.Token, UserID: "u1"}
			if i%2 == 0 {
				revocation = models.Revocation{UserID: "u1", Except: "none", Now: base()}
			}
			atOnce(t,
				func() error { _, err := b.Revoke(t.Context(), revocation); return err },
				func() error {
					_, err := b.Touch(t.Context(), read, base().Add(2*hour), base())
					return err
				},
				func() error {
					_, err := b.Update(t.Context(), read, map[string]any{"theme": "late"}, base())
					return err
				},
			)
			if n, err := client.Exists(t.Context(), b.options.Prefix+read.Token).Result(); err != nil || n != 0 {
				t.Fatalf("round %d: the key is there again (%v)", i, err)
			}
			if alive(t, b, read.Token) {
				t.Fatalf("round %d: the session is alive", i)
			}
			list, err := client.Get(t.Context(), b.options.Prefix+"active-sessions-u1").Result()
			if err != redis.Nil {
				t.Fatalf("round %d: the list is %q, and %v; want none", i, list, err)
			}
		}
	})
}

// The end of all of a user's sessions reaches one that no list names, as sign-ins at
// once at a Better Auth server leave it. A clock that is behind does not take that
// back.
func TestRevocationOfAllReachesASessionThatNoListNames(t *testing.T) {
	client := newRedis(t)
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			m.now = base
			b := newBench(t, client, m, storetest.Schema())
			b.addUser(t, newUser("u1"))
			s, later := newSession("s1", "u1"), newSession("s2", "u1")
			s.CreatedAt = base().Add(-time.Minute)
			create(t, b, s)
			if n, err := client.Del(t.Context(), b.options.Prefix+"active-sessions-u1").Result(); n != 1 || err != nil {
				t.Fatalf("%d lists and %v", n, err)
			}
			if err := b.db.Exec("DELETE FROM session").Error; err != nil {
				t.Fatal(err)
			}
			if !alive(t, b, s.Token) {
				t.Fatal("the session is not alive: this test proves nothing")
			}
			behind := b.options
			behind.Now = func() time.Time { return base().Add(-hour) }
			for _, b := range []bench{b, open(t, b.db, behind)} {
				if _, err := b.Revoke(t.Context(), models.Revocation{UserID: "u1"}); err != nil {
					t.Fatal(err)
				}
				if alive(t, b, s.Token) {
					t.Error("the session is alive")
				}
				if found, err := b.FindMany(t.Context(), []string{s.Token}); len(found) != 0 || err != nil {
					t.Errorf("found %d and %v, want none", len(found), err)
				}
				if _, err := b.Touch(t.Context(), s, base().Add(2*hour), base()); !errors.Is(err, models.ErrNotFound) {
					t.Errorf("Touch: got %v, want ErrNotFound", err)
				}
			}
			create(t, b, later)
			if !alive(t, b, later.Token) {
				t.Error("a session that began afterwards is not alive")
			}
		})
	}
}

// Better Auth's own deletions at once overwrite one another's list.
func TestRevocationsAtOnceLoseNothingOfTheList(t *testing.T) {
	const sessions = 40
	client := newRedis(t)
	eachMode(t, client, func(t *testing.T, b bench) {
		var calls []func() error
		for i := range sessions {
			s := newSession(fmt.Sprintf("s%d", i), "u1")
			create(t, b, s)
			if i%2 == 0 {
				calls = append(calls, func() error {
					_, err := b.Revoke(t.Context(), models.Revocation{Token: s.Token})
					return err
				})
			}
		}
		for i := range sessions / 2 {
			calls = append(calls, func() error { return b.Create(t.Context(), newSession(fmt.Sprintf("n%d", i), "u1")) })
		}
		atOnce(t, calls...)
		raw, err := client.Get(t.Context(), b.options.Prefix+"active-sessions-u1").Result()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Count(raw, `"token"`), sessions; got != want {
			t.Errorf("the list has %d lines, want %d", got, want)
		}
	})
}

// A session that begins while its user's are all revoked is ended whole or lives
// whole: with its key, its line in the list and its row, or with none of them.
func TestSessionBegunDuringARevocationIsWhole(t *testing.T) {
	const rounds = 300
	client := newRedis(t)
	eachMode(t, client, func(t *testing.T, b bench) {
		for i := range rounds {
			first, second := newSession(fmt.Sprintf("a%d", i), "u1"), newSession(fmt.Sprintf("b%d", i), "u1")
			create(t, b, first)
			revocation := models.Revocation{UserID: "u1"}
			if i%2 == 0 {
				revocation = models.Revocation{UserID: "u1", Except: "none", Now: base()}
			}
			atOnce(t,
				func() error { _, err := b.Revoke(t.Context(), revocation); return err },
				func() error { return b.Create(t.Context(), second) },
			)
			if alive(t, b, first.Token) {
				t.Fatalf("round %d: the session is alive", i)
			}
			key, err := client.Exists(t.Context(), b.options.Prefix+second.Token).Result()
			if err != nil {
				t.Fatal(err)
			}
			listed, err := b.List(t.Context(), "u1", base())
			if err != nil {
				t.Fatal(err)
			}
			if int(key) != len(listed) || alive(t, b, second.Token) != (key == 1) {
				t.Fatalf("round %d: %d keys, %d in the list, alive %t", i, key, len(listed), alive(t, b, second.Token))
			}
			if _, err := b.Revoke(t.Context(), models.Revocation{UserID: "u1"}); err != nil {
				t.Fatal(err)
			}
			if alive(t, b, second.Token) {
				t.Fatalf("round %d: the second session is alive", i)
			}
		}
	})
}

// A session whose token is turned while its user's are all revoked ends.
func TestReplacedSessionDoesNotEscapeARevocation(t *testing.T) {
	const rounds = 300
	client := newRedis(t)
	eachMode(t, client, func(t *testing.T, b bench) {
		for i := range rounds {
			read := newSession(fmt.Sprintf("a%d", i), "u1")
			next := newSession(fmt.Sprintf("b%d", i), "u1")
			next.CreatedAt = base().Add(time.Minute)
			create(t, b, read)
			atOnce(t,
				func() error {
					_, err := b.Revoke(t.Context(), models.Revocation{UserID: "u1", Except: "none", Now: base()})
					return err
				},
				func() error { _, err := b.Replace(t.Context(), read, next, base()); return err },
			)
			if alive(t, b, read.Token) || alive(t, b, next.Token) {
				t.Fatalf("round %d: the former lives: %t, the new: %t", i, alive(t, b, read.Token), alive(t, b, next.Token))
			}
		}
	})
}
