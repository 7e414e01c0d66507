package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/testredis"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// A revocation that was acknowledged with Replicas survives the master of its key,
// which is killed in the next moment. Whoever reads meanwhile is signed out by
// nothing but a revocation.
func TestAcknowledgedRevocationSurvivesAFailoverInACluster(t *testing.T) {
	rounds := 1
	if os.Getenv("TEST_LONG") != "" {
		rounds = 10
	}
	client, servers := newReplicatedCluster(t, 1, 2*time.Second)
	first := newBench(t, client, modes[0], storetest.Schema())
	options := first.options
	options.Replicas = 1
	b := open(t, first.db, options)

	holder := func(key string) string {
		t.Helper()
		master, err := client.MasterForKey(t.Context(), options.Prefix+key)
		if err != nil {
			t.Fatal(err)
		}
		return master.Options().Addr
	}
	names := 0
	// at makes a name whose key is at this master.
	at := func(master string, key func(name string) string) string {
		for {
			names++
			if name := fmt.Sprint("n", names); holder(key(name)) == master {
				return name
			}
		}
	}
	mark := func(user string) string { return "revoked-sessions-before-" + user }

	for round := range rounds {
		victim := holder(fmt.Sprint("round", round)) // by chance any of the three
		// Somebody with a session at each master, and one with all that is about him
		// at the one that will be killed.
		user, gone := fmt.Sprint("user", round), at(victim, mark)
		b.addUser(t, newUser(user))
		b.addUser(t, newUser(gone))
		var alive, ended []models.Session
		others := slices.DeleteFunc(mastersOf(t, servers), func(master string) bool { return master == victim })
		for _, master := range append(others, victim) {
			alive = append(alive, newSession(at(master, token), user))
			ended = append(ended, newSession(at(master, token), user), newSession(at(master, token), gone))
		}
		create(t, b, slices.Concat(alive, ended)...)
		// The last is at the victim. With it its replica confirms all that was written
		// there before: the session that lives is not lost either.
		revocations := []models.Revocation{{UserID: gone}}
		for _, s := range ended {
			if s.UserID == user {
				revocations = append(revocations, models.Revocation{Token: s.Token})
			}
		}
		for _, r := range revocations {
			eventually(t, "a revocation is acknowledged", func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				_, err := b.Revoke(ctx, r)
				return err == nil
			})
		}

		stop := make(chan struct{})
		var readers sync.WaitGroup
		watch := func(s models.Session, wrong func(error) bool) {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(5 * time.Millisecond):
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					_, _, err := b.Find(ctx, s.Token)
					cancel()
					if wrong(err) {
						t.Errorf("round %d, %s of %s: got %v", round, s.ID, s.UserID, err)
						return
					}
				}
			})
		}
		for _, s := range alive {
			watch(s, func(err error) bool { return errors.Is(err, models.ErrNotFound) })
		}
		for _, s := range ended {
			watch(s, func(err error) bool { return err == nil })
		}
		servers[victim].Kill()
		eventually(t, "all that is alive is read", func() bool {
			for _, s := range alive {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				_, _, err := b.Find(ctx, s.Token)
				cancel()
				if err != nil {
					return false
				}
			}
			return true
		})
		for _, s := range ended {
			if _, _, err := b.Find(t.Context(), s.Token); !errors.Is(err, models.ErrNotFound) {
				t.Errorf("round %d, %s of %s: got %v, want ErrNotFound", round, s.ID, s.UserID, err)
			}
		}

		// The promoted one has no replica. It acknowledges nothing until it has.
		last := newSession(at(holder(fmt.Sprint("round", round)), token), user)
		create(t, b, last)
		revoke := func(patience time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, err := b.Revoke(ctx, models.Revocation{Token: last.Token})
			return err
		}
		if err := revoke(500 * time.Millisecond); err == nil {
			t.Errorf("round %d: a revocation was acknowledged that no replica has", round)
		}
		servers[victim].Start(t)
		wholeCluster(t, servers, 1)
		eventually(t, "a revocation is acknowledged again", func() bool { return revoke(5*time.Second) == nil })
		close(stop)
		readers.Wait()
	}
}

// mastersOf are the addresses of a Cluster's masters.
func mastersOf(t *testing.T, servers map[string]*testredis.Server) (addrs []string) {
	t.Helper()
	for addr, server := range servers {
		role, err := connect(t, server.Address).Do(t.Context(), "ROLE").Slice()
		if err != nil {
			t.Fatal(err)
		}
		if role[0] == "master" {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}
