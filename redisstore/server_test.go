package redisstore_test

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/internal/testredis"
	"github.com/ginsession/ginsession/models"
)

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 seconds: %s", what)
		}
	}
}

// connect reaches a server as applications must.
func connect(t *testing.T, address string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: address, ContextTimeoutEnabled: true})
	t.Cleanup(func() { client.Close() })
	return client
}

// newRedis reaches a server of the test's own.
func newRedis(t *testing.T) *redis.Client {
	t.Helper()
	return connect(t, testredis.New(t).Address)
}

// newCluster starts a Redis Cluster of three masters.
func newCluster(t *testing.T) *redis.ClusterClient {
	client, _ := newReplicatedCluster(t, 0, 5*time.Second)
	return client
}

// newReplicatedCluster starts a Redis Cluster of three masters, each with as many
// replicas, that takes a silent node for dead after the timeout. The servers are
// found by their address.
func newReplicatedCluster(t *testing.T, replicas int, timeout time.Duration) (*redis.ClusterClient, map[string]*testredis.Server) {
	servers := make(map[string]*testredis.Server)
	var addrs []string
	for range 3 * (1 + replicas) {
		server := testredis.New(t, "--cluster-enabled", "yes", "--cluster-node-timeout", fmt.Sprint(timeout.Milliseconds()), "--repl-diskless-sync-delay", "0")
		servers[server.Address] = server
		addrs = append(addrs, server.Address)
	}
	args := append(append([]string{"--cluster", "create"}, addrs...), "--cluster-replicas", fmt.Sprint(replicas), "--cluster-yes")
	if out, err := exec.Command("redis-cli", args...).CombinedOutput(); err != nil {
		t.Fatalf("redis-cli --cluster create: %v\n%s", err, out)
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, ContextTimeoutEnabled: true})
	t.Cleanup(func() { client.Close() })
	wholeCluster(t, servers, replicas)
	return client, servers
}

// wholeCluster waits until all servers know that all is well: of each master all
// replicas are there.
func wholeCluster(t *testing.T, servers map[string]*testredis.Server, replicas int) {
	t.Helper()
	eventually(t, "the Cluster serves", func() bool {
		masters := 0
		for addr := range servers {
			node := redis.NewClient(&redis.Options{Addr: addr})
			cluster, err := node.ClusterInfo(context.Background()).Result()
			replication, errReplication := node.Info(context.Background(), "replication").Result()
			node.Close()
			if err != nil || errReplication != nil || !strings.Contains(cluster, "cluster_state:ok") {
				return false
			}
			if strings.Contains(replication, "role:master") && strings.Count(replication, "state=online") == replicas {
				masters++
			}
		}
		return masters == 3
	})
}

// newDatabase makes a database of the test's own, with the schema's tables.
func newDatabase(t *testing.T, schema models.Schema) *gorm.DB {
	t.Helper()
	db, err := models.OpenMySQL(testdb.MySQL(t, "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"))
	if err != nil {
		t.Fatal(err)
	}
	db.Logger = everything.SQL()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	if err := schema.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return db
}

// A valve is a connection to a server that can be made to hang.
type valve struct {
	listener net.Listener
	mu       sync.RWMutex // held while nothing flows
}

func newValve(t *testing.T, server string) *valve {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &valve{listener: listener}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				near.Close()
				continue
			}
			go v.flow(near, far)
			go v.flow(far, near)
		}
	}()
	return v
}

func (v *valve) flow(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		v.mu.RLock()
		_, errWrite := to.Write(buffer[:n])
		v.mu.RUnlock()
		if err != nil || errWrite != nil {
			return
		}
	}
}

func (v *valve) stall(*testing.T) (release func()) {
	v.mu.Lock()
	return v.mu.Unlock
}
