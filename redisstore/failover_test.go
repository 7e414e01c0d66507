package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession/internal/testredis"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// A revocation that was acknowledged with Replicas survives the master, which is
// killed in the next moment.
func TestAcknowledgedRevocationSurvivesAFailover(t *testing.T) {
	rounds := 3
	if os.Getenv("TEST_LONG") != "" {
		rounds = 10
	}
	master := testredis.New(t, "--repl-diskless-sync-delay", "0")
	servers := map[string]*testredis.Server{master.Address: master}
	for range 2 {
		replica := testredis.NewReplica(t, master, "--repl-diskless-sync-delay", "0")
		servers[replica.Address] = replica
	}
	var sentinels []string
	for range 3 {
		sentinels = append(sentinels, testredis.NewSentinel(t, master, 2).Address)
	}
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: testredis.Master, SentinelAddrs: sentinels, ContextTimeoutEnabled: true})
	t.Cleanup(func() { client.Close() })
	m := modes[0]
	first := newBench(t, client, m, storetest.Schema())
	options := first.options
	options.Replicas = 2
	b := open(t, first.db, options)
	b.addUser(t, newUser("u1"))

	for round := range rounds {
		settled(t, servers, sentinels)
		var sessions []models.Session
		for i := range 3 {
			sessions = append(sessions, newSession(fmt.Sprintf("s%d-%d", round, i), "u1"))
		}
		eventually(t, "sessions are created", func() bool {
			for _, s := range sessions {
				if err := b.Create(t.Context(), s); err != nil && !errors.Is(err, models.ErrDuplicate) {
					return false
				}
			}
			return true
		})
		revocation := models.Revocation{Token: sessions[0].Token}
		if round%2 == 1 {
			revocation = models.Revocation{UserID: "u1", Except: sessions[1].ID, Now: base()}
		}
		eventually(t, "a revocation is acknowledged", func() bool { // not while a replica still catches up
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := b.Revoke(ctx, revocation)
			return err == nil
		})
		killed := masterOf(t, sentinels[0])
		servers[killed].Kill()

		// Until the failover there is no answer; afterwards it must be the right one.
		eventually(t, "a replica is promoted", func() bool {
			master := masterOf(t, sentinels[0])
			return master != "" && master != killed
		})
		eventually(t, "the session that was spared is read", func() bool {
			if _, _, err := b.Find(t.Context(), sessions[0].Token); err == nil {
				t.Fatalf("round %d: the revoked session is alive", round)
			}
			_, _, err := b.Find(t.Context(), sessions[1].Token)
			return err == nil
		})
		if _, _, err := b.Find(t.Context(), sessions[0].Token); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("round %d: got %v, want ErrNotFound", round, err)
		}
		servers[killed].Start(t)
	}
}

// settled waits until the master has both replicas, and all Sentinels agree.
func settled(t *testing.T, servers map[string]*testredis.Server, sentinels []string) {
	t.Helper()
	eventually(t, "the master has two replicas", func() bool {
		master := masterOf(t, sentinels[0])
		for _, s := range sentinels[1:] {
			if masterOf(t, s) != master {
				return false
			}
		}
		node := redis.NewClient(&redis.Options{Addr: master})
		defer node.Close()
		info, err := node.Info(context.Background(), "replication").Result()
		return err == nil && strings.Contains(info, "role:master") && strings.Count(info, "state=online") == len(servers)-1
	})
	for _, addr := range sentinels {
		eventually(t, "the Sentinels know one another and the replicas", func() bool {
			sentinel := redis.NewSentinelClient(&redis.Options{Addr: addr})
			defer sentinel.Close()
			m, err := sentinel.Master(context.Background(), testredis.Master).Result()
			return err == nil && m["num-other-sentinels"] == "2" && m["num-slaves"] == "2" && m["flags"] == "master"
		})
	}
}

// masterOf is the address of whom a Sentinel takes for the master, "" if it does not
// say.
func masterOf(t *testing.T, sentinel string) string {
	t.Helper()
	client := redis.NewSentinelClient(&redis.Options{Addr: sentinel})
	defer client.Close()
	addr, err := client.GetMasterAddrByName(context.Background(), testredis.Master).Result()
	if err != nil || len(addr) != 2 {
		return ""
	}
	return net.JoinHostPort(addr[0], addr[1])
}

// Too few replicas are no acknowledgement, and neither is a second attempt, which
// finds the key deleted.
func TestRevocationWithoutItsReplicasIsNotAcknowledged(t *testing.T) {
	server := testredis.New(t)
	first := newBench(t, connect(t, server.Address), modes[0], storetest.Schema())
	options := first.options
	options.Replicas = 1
	b := open(t, first.db, options)
	b.addUser(t, newUser("u1"))
	s := newSession("s1", "u1")
	create(t, b, s)
	for _, r := range []models.Revocation{{Token: s.Token}, {Token: s.Token}, {UserID: "u1"}, {UserID: "u1", Except: "x", Now: base()}} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := b.Revoke(ctx, r)
		cancel()
		if err == nil || errors.Is(err, models.ErrNotFound) || strings.Contains(err.Error(), s.Token) {
			t.Errorf("got %v, want an error that is no answer", err)
		}
	}
}
