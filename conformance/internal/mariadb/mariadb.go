// Package mariadb runs a MariaDB that a test may kill, freeze and fill up: nobody
// else uses it. Its programs must be on the PATH or in /usr/sbin; without them the
// test fails.
package mariadb

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // of the server's own administration
)

// A Server is one that may be broken.
type Server struct {
	Admin *sql.DB // root, over the socket

	folder  string
	port    int
	options []string
	cmd     *exec.Cmd
	exited  chan struct{}
	log     *os.File
}

// New installs a server with options of its own, if any, and starts it: with a
// database app and an account app that may do everything there. It ends with the
// test.
func New(t *testing.T, options ...string) *Server {
	t.Helper()
	// Not t.TempDir, whose name is too long for a socket's.
	folder, err := os.MkdirTemp("", "mariadb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	s := &Server{folder: folder, port: freePort(t)}
	// A server that starts deletes what it takes for leftovers in its tmpdir, which
	// breaks another that is being installed with the same one.
	s.options = append(options, "--innodb-log-file-size=16M", "--tmpdir="+folder)
	out, err := exec.CommandContext(t.Context(), program(t, "mariadb-install-db"), append([]string{"--no-defaults",
		"--datadir=" + s.path("data"), "--user=" + account(t), "--auth-root-authentication-method=normal",
		"--skip-test-db", "--force"}, s.options...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	if s.log, err = os.Create(s.path("log")); err != nil {
		t.Fatal(err)
	}
	if s.Admin, err = sql.Open("mysql", "root@unix("+s.Socket()+")/mysql?interpolateParams=true"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Admin.Close()
		s.Kill()
		if t.Failed() {
			text, _ := os.ReadFile(s.path("log"))
			t.Logf("the server's log ends with:\n%s", text[max(0, len(text)-3000):])
		}
	})
	s.Start(t)
	// Not root, who may write where it is read-only and always gets a connection.
	s.Exec(t, "CREATE DATABASE app CHARACTER SET utf8mb4")
	s.Exec(t, "CREATE USER app@localhost")
	s.Exec(t, "GRANT ALL ON app.* TO app@localhost")
	s.Exec(t, "CREATE USER app@'127.0.0.1'")
	s.Exec(t, "GRANT ALL ON app.* TO app@'127.0.0.1'")
	return s
}

func (s *Server) path(name string) string { return filepath.Join(s.folder, name) }

// Socket is the server's file for connections from this machine.
func (s *Server) Socket() string { return s.path("socket") }

// Address is the server's HOST:PORT, before and after a restart.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Start starts the program and waits until it answers.
func (s *Server) Start(t *testing.T) {
	t.Helper()
	// Committed is what the operating system has: killing the program loses
	// nothing of it, and each commit need not wait for the disk.
	s.cmd = exec.Command(program(t, "mariadbd"), append([]string{"--no-defaults", "--user=" + account(t),
		"--datadir=" + s.path("data"), "--socket=" + s.Socket(), "--pid-file=" + s.path("pid"),
		"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(s.port), "--skip-name-resolve", "--skip-log-bin",
		"--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M"}, s.options...)...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, exited := s.cmd, make(chan struct{})
	s.exited = exited
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.Address())
		if err == nil {
			_ = conn.Close()
			if err = s.Admin.Ping(); err == nil {
				return
			}
		}
		select {
		case <-exited:
			t.Fatal("mariadbd ended instead of answering")
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("mariadbd does not answer: %v", err)
		}
	}
}

// Kill is kill -9. It returns when the program is gone.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// Signal sends the program a signal.
func (s *Server) Signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// Exec runs a statement as root.
func (s *Server) Exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := s.Admin.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Column reads the first column of what root selects.
func (s *Server) Column(t *testing.T, query string, args ...any) []string {
	t.Helper()
	rows, err := s.Admin.Query(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return values
}

// Conn is a session of root's own, which holds locks.
func (s *Server) Conn(t *testing.T) *sql.Conn {
	t.Helper()
	conn, err := s.Admin.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// Settle waits until the server runs no statement of the application's any more:
// what was given up on may still happen.
func (s *Server) Settle(t *testing.T) {
	t.Helper()
	const running = "SELECT info FROM information_schema.processlist WHERE user = 'app' AND command <> 'Sleep'"
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left := s.Column(t, "SELECT COUNT(*) FROM ("+running+") r")
		if left[0] == "0" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s statements are still running", left[0])
		}
	}
}

// program finds a program of MariaDB's, some of which are not on everybody's
// PATH.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing: install mariadb-server-core, or run ./test.sh, which does", name)
	return ""
}

func account(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
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

// DSN is the account app's way to a server at the address, which may be that of a
// proxy.
func DSN(address string) string { return fmt.Sprintf("app@tcp(%s)/app", address) }
