package models_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"os/user"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginsession/ginsession/models"
)

// A victim is a MariaDB of the test's own, to be killed.
type victim struct {
	args    []string
	program string
	process *osexec.Cmd
	addr    string
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+string(os.PathListSeparator)+"/usr/sbin")
	program, err := osexec.LookPath("mariadbd")
	install, errInstall := osexec.LookPath("mariadb-install-db")
	if errors.Join(err, errInstall) != nil {
		t.Fatal("no mariadbd and mariadb-install-db on the PATH: run ./test.sh, which installs them")
	}
	dir, err := os.MkdirTemp("", "victim") // short: it holds a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	out, err := osexec.Command(install, "--no-defaults", "--datadir="+data, "--user="+me.Username, "--auth-root-authentication-method=normal", "--skip-test-db").CombinedOutput()
	if err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	v := &victim{program: program, addr: fmt.Sprint("127.0.0.1:", port), args: []string{
		"--no-defaults", "--datadir=" + data, "--user=" + me.Username, "--socket=" + filepath.Join(dir, "s"), "--pid-file=" + filepath.Join(dir, "pid"),
		"--bind-address=127.0.0.1", fmt.Sprint("--port=", port), "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M", "--skip-log-bin", "--skip-name-resolve",
	}}
	v.start(t)
	t.Cleanup(v.kill)
	return v
}

// start returns when the server takes connections.
func (v *victim) start(t *testing.T) {
	t.Helper()
	v.process = osexec.Command(v.program, v.args...)
	if err := v.process.Start(); err != nil {
		t.Fatal(err)
	}
	for range 600 {
		if conn, err := net.Dial("tcp", v.addr); err == nil {
			conn.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the server does not start")
}

func (v *victim) kill() {
	_ = v.process.Process.Kill()
	_ = v.process.Wait()
}

// Rule 21 of the store: the server is killed and started again under load. Nobody
// is told that the session is gone, and all goes on without a restart of ours.
func TestRule21ServerKilledUnderLoad(t *testing.T) {
	v := newVictim(t)
	admin := openMySQL(t, "root@tcp("+v.addr+")/mysql")
	exec(t, admin, "CREATE DATABASE app "+utf8mb4)
	db := openMySQL(t, "root@tcp("+v.addr+")/app")
	migrate(t, db)
	session, store := seed(t, db), newStore(t, db)

	var failed, after atomic.Int64
	var again atomic.Bool // the server is back
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				got, _, err := store.Find(ctx, session.Token)
				if err == nil && worker == 0 {
					_, err = store.Touch(ctx, got, got.ExpiresAt.Add(time.Second), moment)
				}
				if err == nil && worker == 1 {
					_, err = store.Revoke(ctx, models.Revocation{Token: "unknown" + secret, UserID: "u1"})
				}
				cancel()
				var e *models.Error
				switch {
				case err == nil && again.Load():
					after.Add(1)
				case err == nil:
				case errors.As(err, &e) && e.Class == models.Transient:
					failed.Add(1)
					time.Sleep(5 * time.Millisecond)
				default:
					t.Errorf("worker %d: %v", worker, err)
					return
				}
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	v.kill()
	time.Sleep(300 * time.Millisecond)
	v.start(t)
	again.Store(true)
	for range 200 {
		if after.Load() > 100 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	close(stop)
	wait.Wait()
	if failed.Load() == 0 || after.Load() <= 100 {
		t.Errorf("%d calls failed, %d succeeded afterwards", failed.Load(), after.Load())
	}
	if _, _, err := store.Find(t.Context(), session.Token); err != nil {
		t.Errorf("the session: %v", err)
	}
}
