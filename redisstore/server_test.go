package redisstore_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession/models"
)

// A process is a server of the test's own, to be killed.
type process struct {
	program string
	args    []string
	addr    string
	command *exec.Cmd
}

// newRedis starts a redis-server on a free port, in a folder of its own.
func newRedis(t *testing.T, args ...string) *process {
	t.Helper()
	dir := newDir(t)
	port := freePort(t)
	p := &process{program: program(t, "redis-server"), addr: fmt.Sprint("127.0.0.1:", port), args: append([]string{
		"--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no", "--daemonize", "no",
		"--logfile", filepath.Join(dir, "log"),
	}, args...)}
	t.Cleanup(func() { p.kill(t) })
	p.start(t)
	return p
}

func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "redisstore")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("no %s on the PATH: run ./test.sh, which installs it", name)
	}
	return path
}

func freePort(t *testing.T) int {
	t.Helper()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := listener.Addr().(*net.TCPAddr).Port
		listener.Close()
		if port < 55_000 { // a Cluster's bus is 10,000 higher
			return port
		}
	}
}

// start starts the server and waits until it answers.
func (p *process) start(t *testing.T) {
	t.Helper()
	p.command = exec.Command(p.program, p.args...)
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: p.addr, MaxRetries: -1})
	defer client.Close()
	eventually(t, p.program+" answers", func() bool {
		return client.Ping(context.Background()).Err() == nil
	})
}

// kill ends the server at once.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if p.command == nil {
		return
	}
	_ = p.command.Process.Kill()
	_ = p.command.Wait() // tells that it was killed
	p.command = nil
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 seconds: %s", what)
		}
	}
}

// client reaches the server as applications must.
func (p *process) client(t *testing.T) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: p.addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { client.Close() })
	return client
}

// newCluster starts a Redis Cluster of three masters.
func newCluster(t *testing.T) *redis.ClusterClient {
	client, _ := newReplicatedCluster(t, 0, 5*time.Second)
	return client
}

// newReplicatedCluster starts a Redis Cluster of three masters, each with as many
// replicas, that takes a silent node for dead after the timeout. The servers are
// found by their address.
func newReplicatedCluster(t *testing.T, replicas int, timeout time.Duration) (*redis.ClusterClient, map[string]*process) {
	servers := make(map[string]*process)
	var addrs []string
	for range 3 * (1 + replicas) {
		p := newRedis(t, "--cluster-enabled", "yes", "--cluster-node-timeout", fmt.Sprint(timeout.Milliseconds()), "--repl-diskless-sync-delay", "0")
		servers[p.addr] = p
		addrs = append(addrs, p.addr)
	}
	args := append(append([]string{"--cluster", "create"}, addrs...), "--cluster-replicas", fmt.Sprint(replicas), "--cluster-yes")
	if out, err := exec.Command(program(t, "redis-cli"), args...).CombinedOutput(); err != nil {
		t.Fatalf("redis-cli --cluster create: %v\n%s", err, out)
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, ContextTimeoutEnabled: true})
	t.Cleanup(func() { client.Close() })
	wholeCluster(t, servers, replicas)
	return client, servers
}

// wholeCluster waits until all servers know that all is well: of each master all
// replicas are there.
func wholeCluster(t *testing.T, servers map[string]*process, replicas int) {
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
	dsn := os.Getenv("TEST_MYSQL_DSN")
	if dsn == "" {
		t.Fatal("set TEST_MYSQL_DSN or run ./test.sh")
	}
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal("TEST_MYSQL_DSN cannot be parsed")
	}
	config.DBName = ""
	admin, err := sql.Open("mysql", config.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	name := "redisstore_" + strings.ToLower(rand.Text())
	if _, err := admin.Exec("CREATE DATABASE " + name + " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer admin.Close()
		if _, err := admin.Exec("DROP DATABASE " + name); err != nil {
			t.Error(err)
		}
	})
	config.DBName = name
	db, err := models.OpenMySQL(config.FormatDSN())
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
