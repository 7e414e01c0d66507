// Package testredis runs Redis servers and Sentinels that a test may kill: nobody
// else uses them. redis-server must be on the PATH; without it the test fails. Only
// the project's own tests import it.
package testredis

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Server is one that may be killed.
type Server struct {
	Address string

	args []string
	cmd  *exec.Cmd
}

// New starts a server with options of its own, if any. Without them it keeps nothing
// on disk. It ends with the test.
func New(t *testing.T, options ...string) *Server {
	t.Helper()
	return start(t, append([]string{"--save", "", "--appendonly", "no"}, options...)...)
}

// NewReplica starts a replica of a master, with options of its own, if any.
func NewReplica(t *testing.T, master *Server, options ...string) *Server {
	t.Helper()
	host, port, _ := net.SplitHostPort(master.Address)
	return New(t, append([]string{"--replicaof", host + " " + port}, options...)...)
}

// Master is the name under which Sentinels know their master.
const Master = "m"

// NewSentinel starts a Sentinel that watches the master, and promotes a replica when
// as many Sentinels as the quorum says have not heard of it for half a second. It
// ends with the test.
func NewSentinel(t *testing.T, master *Server, quorum int) *Server {
	t.Helper()
	host, port, _ := net.SplitHostPort(master.Address)
	file := filepath.Join(t.TempDir(), "sentinel.conf") // which it rewrites
	text := fmt.Sprintf("sentinel monitor %[1]s %[2]s %[3]s %[4]d\nsentinel down-after-milliseconds %[1]s 500\n"+
		"sentinel failover-timeout %[1]s 3000\nsentinel parallel-syncs %[1]s 2\n", Master, host, port, quorum)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, file, "--sentinel")
}

func start(t *testing.T, args ...string) *Server {
	t.Helper()
	port := strconv.Itoa(freePort(t))
	s := &Server{Address: net.JoinHostPort("127.0.0.1", port)}
	s.args = append(args, "--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--logfile", "log", "--daemonize", "no")
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
	for end := time.Now().Add(30 * time.Second); !s.answers(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("redis-server %v does not answer after 30 s", s.args)
		}
	}
}

// answers reports whether the server has loaded what it keeps, and is ours: another
// program may have taken the port meanwhile.
func (s *Server) answers() bool {
	conn, err := net.Dial("tcp", s.Address)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = conn.Write([]byte("PING\r\nINFO server\r\nQUIT\r\n"))
	text, _ := io.ReadAll(conn)
	return strings.HasPrefix(string(text), "+PONG\r\n") && strings.Contains(string(text), fmt.Sprintf("\r\nprocess_id:%d\r\n", s.cmd.Process.Pid))
}

// Kill is kill -9. It returns when the program is gone.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // says that it was killed
		s.cmd = nil
	}
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
