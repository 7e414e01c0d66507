// Package redisserver runs Redis servers, and a Sentinel beside them, that a test
// may kill: nobody else uses them. redis-server must be on the PATH; without it the
// test fails.
package redisserver

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Server is one that may be killed. It keeps nothing on disk.
type Server struct {
	Address string

	args []string
	cmd  *exec.Cmd
}

// New starts a server with options of its own, if any. It ends with the test.
func New(t *testing.T, options ...string) *Server {
	t.Helper()
	port := freePort(t)
	return start(t, port, append([]string{"--save", "", "--appendonly", "no"}, options...)...)
}

// Master is the name under which the Sentinel of NewSentinel knows its master.
const Master = "feed"

// NewSentinel starts a Sentinel that watches a master with a replica, and promotes
// the replica when the master has been silent for half a second. All end with the
// test.
func NewSentinel(t *testing.T) (sentinel, master *Server) {
	t.Helper()
	master = New(t)
	host, port, _ := net.SplitHostPort(master.Address)
	New(t, "--replicaof", host+" "+port)
	file := filepath.Join(t.TempDir(), "sentinel.conf") // which it rewrites
	text := "sentinel monitor " + Master + " " + host + " " + port + " 1\n" +
		"sentinel down-after-milliseconds " + Master + " 500\n" +
		"sentinel failover-timeout " + Master + " 3000\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel = start(t, freePort(t), file, "--sentinel")
	client := redis.NewSentinelClient(&redis.Options{Addr: sentinel.Address})
	defer client.Close()
	eventually(t, "the Sentinel knows the replica", func() bool {
		replicas, err := client.Replicas(context.Background(), Master).Result()
		return err == nil && len(replicas) == 1 && replicas[0]["master-link-status"] == "ok"
	})
	return sentinel, master
}

// MasterOf is the address of whom a Sentinel takes for the master.
func (s *Server) MasterOf(t *testing.T) string {
	t.Helper()
	client := redis.NewSentinelClient(&redis.Options{Addr: s.Address})
	defer client.Close()
	address, err := client.GetMasterAddrByName(context.Background(), Master).Result()
	if err != nil || len(address) != 2 {
		t.Fatalf("the Sentinel knows no master: %v, %v", address, err)
	}
	return net.JoinHostPort(address[0], address[1])
}

func start(t *testing.T, port int, args ...string) *Server {
	t.Helper()
	s := &Server{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	s.args = append(args, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--daemonize", "no")
	t.Cleanup(s.Kill)
	s.Start(t)
	return s
}

// Start starts the program and waits until it answers.
func (s *Server) Start(t *testing.T) {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("%v: install redis-server, or run ./test.sh, which does", err)
	}
	s.cmd = exec.Command(program, s.args...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: s.Address, MaxRetries: -1})
	defer client.Close()
	eventually(t, s.Address+" answers", func() bool { return client.Ping(context.Background()).Err() == nil })
}

// Kill is kill -9. It returns when the program is gone.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // says that it was killed
		s.cmd = nil
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
