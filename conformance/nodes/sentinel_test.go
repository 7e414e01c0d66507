package nodes

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession/internal/testredis"
)

// newSentinel starts a Sentinel that watches a master with a replica.
func newSentinel(t *testing.T) (sentinel, master *testredis.Server) {
	t.Helper()
	master = testredis.New(t)
	testredis.NewReplica(t, master)
	sentinel = testredis.NewSentinel(t, master, 1)
	client := redis.NewSentinelClient(&redis.Options{Addr: sentinel.Address})
	defer client.Close()
	eventually(t, "the Sentinel knows the replica", func() bool {
		replicas, err := client.Replicas(context.Background(), testredis.Master).Result()
		return err == nil && len(replicas) == 1 && replicas[0]["master-link-status"] == "ok"
	})
	return sentinel, master
}

// masterOf is the address of whom a Sentinel takes for the master.
func masterOf(t *testing.T, sentinel *testredis.Server) string {
	t.Helper()
	client := redis.NewSentinelClient(&redis.Options{Addr: sentinel.Address})
	defer client.Close()
	address, err := client.GetMasterAddrByName(context.Background(), testredis.Master).Result()
	if err != nil || len(address) != 2 {
		t.Fatalf("the Sentinel knows no master: %v, %v", address, err)
	}
	return net.JoinHostPort(address[0], address[1])
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}
