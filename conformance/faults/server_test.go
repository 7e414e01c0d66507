package faults

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

// A server is a MariaDB that may be broken: nobody else uses it.
type server struct {
	folder string
	port   int
	admin  *sql.DB // root, over the socket
	cmd    *exec.Cmd
	exited chan struct{}
	log    *os.File
}

// tablespace is the one file of all tables. It does not grow, so that the disk
// can be full without being so: the server then answers as on a full one.
const tablespace = "--innodb-data-file-path=ibdata1:32M"

// newServer installs a server and starts it. It ends with the test.
func newServer(t *testing.T) *server {
	t.Helper()
	// Not t.TempDir, whose name is too long for a socket's.
	folder, err := os.MkdirTemp("", "faults")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	s := &server{folder: folder, port: freePort(t)}
	out, err := exec.CommandContext(t.Context(), program(t, "mariadb-install-db"), "--no-defaults",
		"--datadir="+s.path("data"), "--user="+account(t), "--auth-root-authentication-method=normal",
		"--skip-test-db", "--force", tablespace, "--innodb-file-per-table=0", "--innodb-log-file-size=16M").CombinedOutput()
	if err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	if s.log, err = os.Create(s.path("log")); err != nil {
		t.Fatal(err)
	}
	if s.admin, err = sql.Open("mysql", "root@unix("+s.path("socket")+")/mysql?interpolateParams=true"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.admin.Close()
		s.kill()
		if t.Failed() {
			text, _ := os.ReadFile(s.path("log"))
			t.Logf("the server's log ends with:\n%s", text[max(0, len(text)-3000):])
		}
	})
	s.start(t)
	// Not root, who may write where it is read-only and always gets a connection.
	s.exec(t, "CREATE DATABASE app CHARACTER SET utf8mb4")
	s.exec(t, "CREATE USER app@localhost")
	s.exec(t, "GRANT ALL ON app.* TO app@localhost")
	s.exec(t, "CREATE USER app@'127.0.0.1'")
	s.exec(t, "GRANT ALL ON app.* TO app@'127.0.0.1'")
	return s
}

func (s *server) path(name string) string { return filepath.Join(s.folder, name) }

func (s *server) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// start starts the program and waits until it answers.
func (s *server) start(t *testing.T) {
	t.Helper()
	// Committed is what the operating system has: killing the program loses
	// nothing of it, and each commit need not wait for the disk.
	s.cmd = exec.Command(program(t, "mariadbd"), "--no-defaults", "--user="+account(t),
		"--datadir="+s.path("data"), "--socket="+s.path("socket"), "--pid-file="+s.path("pid"),
		"--bind-address=127.0.0.1", "--port="+strconv.Itoa(s.port), "--skip-name-resolve", "--skip-log-bin",
		tablespace, "--innodb-file-per-table=0", "--innodb-log-file-size=16M",
		"--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M")
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
		conn, err := net.Dial("tcp", s.address())
		if err == nil {
			_ = conn.Close()
			if err = s.admin.Ping(); err == nil {
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

// kill is kill -9. It returns when the program is gone.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
}

func (s *server) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// exec runs a statement as root.
func (s *server) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := s.admin.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// column reads the first column of what root selects.
func (s *server) column(t *testing.T, query string, args ...any) []string {
	t.Helper()
	rows, err := s.admin.Query(query, args...)
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

// conn is a session of root's own, which holds locks.
func (s *server) conn(t *testing.T) *sql.Conn {
	t.Helper()
	conn, err := s.admin.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// settle waits until the server runs no statement of the application's any more:
// what was given up on may still happen.
func (s *server) settle(t *testing.T) {
	t.Helper()
	const running = "SELECT info FROM information_schema.processlist WHERE user = 'app' AND command <> 'Sleep'"
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left := s.column(t, "SELECT COUNT(*) FROM ("+running+") r")
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

// dsn is the application's way to a server at the address.
func dsn(address string) string { return fmt.Sprintf("app@tcp(%s)/app", address) }
