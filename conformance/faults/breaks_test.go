package faults

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/ginsession/ginsession/conformance/internal/proxy"
)

var faults = []fault{
	{name: "kill -9 and restart", breaks: killed},
	{name: "kill -9 and restart, cookie cache", breaks: killed, cached: true},
	{name: "server frozen", breaks: frozen},
	{name: "connections killed one by one", breaks: connectionsKilled, unseen: true},
	{name: "max_connections reached", breaks: crowded},
	{name: "server read-only", breaks: readOnly},
	{name: "table locked", breaks: tableLocked},
	{name: "rows locked", breaks: rowsLocked},
	{name: "writes slow, past the deadline", breaks: slowWrites},
	{name: "answers slow, past the deadline", breaks: slowAnswers, far: true},
	{name: "pool exhausted", breaks: poolExhausted},
	{name: "network cut in mid-answer", breaks: answersCut, far: true},
	{name: "network frozen", breaks: networkFrozen, far: true},
	{name: "disk full", breaks: diskFull},
}

// killed is the power cut of a process.
func killed(t *testing.T, s *scene) func() {
	s.server.Kill()
	return func() { s.server.Start(t) }
}

// frozen stops the process: its system still accepts connections and says
// nothing. What it was asked meanwhile it does when it wakes, though nobody waits
// for it any more.
func frozen(t *testing.T, s *scene) func() {
	s.server.Signal(t, syscall.SIGSTOP)
	return func() { s.server.Signal(t, syscall.SIGCONT) }
}

// connectionsKilled kills one connection of the application's after the other, if
// there is one in the middle of a statement. Idle ones nobody may miss.
func connectionsKilled(t *testing.T, s *scene) func() {
	stop := make(chan struct{})
	var killing sync.WaitGroup
	dead := 0
	killing.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			var id int
			switch err := s.server.Admin.QueryRow("SELECT id FROM information_schema.processlist WHERE user = 'app' ORDER BY command = 'Sleep', RAND() LIMIT 1").Scan(&id); {
			case errors.Is(err, sql.ErrNoRows): // all dead
			case err != nil:
				t.Errorf("processlist: %v", err)
			default:
				if _, err := s.server.Admin.Exec(fmt.Sprintf("KILL %d", id)); err == nil { // else it is gone by itself
					dead++
				}
			}
		}
	})
	return func() {
		close(stop)
		killing.Wait()
		if t.Logf("%d connections killed", dead); dead == 0 {
			t.Error("no connection was killed")
		}
	}
}

// crowded leaves the application without a connection and the server without one
// to give.
func crowded(t *testing.T, s *scene) func() {
	const most = 10 // the least that the server lets itself be told
	s.server.Exec(t, "CREATE USER IF NOT EXISTS filler@localhost")
	filler, err := sql.Open("mysql", "filler@unix("+s.server.Socket()+")/")
	if err != nil {
		t.Fatal(err)
	}
	held := hold(t, filler, most)
	s.server.Exec(t, fmt.Sprintf("SET GLOBAL max_connections = %d", most))
	s.server.Exec(t, "KILL USER app")
	return func() {
		release(held)
		_ = filler.Close()
		s.server.Exec(t, "SET GLOBAL max_connections = DEFAULT")
	}
}

// hold takes n connections out of a pool.
func hold(t *testing.T, pool *sql.DB, n int) []*sql.Conn {
	held := make([]*sql.Conn, n)
	var holding sync.WaitGroup
	for i := range held {
		holding.Go(func() {
			var err error
			if held[i], err = pool.Conn(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	holding.Wait()
	return held
}

func release(held []*sql.Conn) {
	for _, conn := range held {
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// readOnly is a server on its way to become a replica.
func readOnly(t *testing.T, s *scene) func() {
	s.server.Exec(t, "SET GLOBAL read_only = 1")
	return func() { s.server.Exec(t, "SET GLOBAL read_only = 0") }
}

// tableLocked lets nobody read or write the sessions: somebody alters the table.
func tableLocked(t *testing.T, s *scene) func() {
	return s.lock(t, "LOCK TABLES app.session WRITE", "UNLOCK TABLES")
}

// rowsLocked lets everybody read and nobody write: somebody forgot to commit.
func rowsLocked(t *testing.T, s *scene) func() {
	return s.lock(t, "SELECT id FROM app.session FOR UPDATE", "ROLLBACK")
}

// lock runs a statement that locks, in a transaction of its own, and mends with
// another.
func (s *scene) lock(t *testing.T, lock, release string) func() {
	conn := s.server.Conn(t)
	run := func(statement string) {
		if _, err := conn.ExecContext(context.Background(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	run("BEGIN")
	run(lock)
	return func() {
		run(release)
		_ = conn.Close()
	}
}

// slowWrites makes each write of a session take longer than the deadline.
func slowWrites(t *testing.T, s *scene) func() {
	s.server.Exec(t, "CREATE TABLE app.slowness (seconds double)")
	s.server.Exec(t, "INSERT INTO app.slowness VALUES (0)")
	t.Cleanup(func() { s.server.Exec(t, "DROP TABLE app.slowness") })
	for _, event := range []string{"INSERT", "UPDATE", "DELETE"} {
		s.server.Exec(t, fmt.Sprintf("CREATE TRIGGER app.slow_%s BEFORE %s ON app.session FOR EACH ROW SET @slept = (SELECT SLEEP(seconds) FROM app.slowness)", event, event))
		t.Cleanup(func() { s.server.Exec(t, "DROP TRIGGER app.slow_"+event) })
	}
	s.server.Exec(t, "UPDATE app.slowness SET seconds = ?", 1.5*s.deadline.Seconds())
	return func() { s.server.Exec(t, "UPDATE app.slowness SET seconds = 0") }
}

// slowAnswers makes each answer take longer than the deadline.
func slowAnswers(_ *testing.T, s *scene) func() {
	return s.storm(proxy.Weather{Delay: s.deadline + s.deadline/2})
}

// answersCut breaks a quarter of the answers off in the middle, and their
// connections with them.
func answersCut(_ *testing.T, s *scene) func() { return s.storm(proxy.Weather{Cut: 0.25}) }

// networkFrozen swallows everything. What was said meanwhile is lost, and so are
// the connections on which it was said: nobody ever hears of them again.
func networkFrozen(_ *testing.T, s *scene) func() { return s.storm(proxy.Weather{Frozen: true}) }

func (s *scene) storm(w proxy.Weather) func() {
	s.network.Set(w)
	return func() { s.network.Set(proxy.Weather{}) }
}

// poolExhausted holds all connections of the application's pool.
func poolExhausted(t *testing.T, s *scene) func() {
	held := hold(t, s.app.pool, s.app.pool.Stats().MaxOpenConnections)
	return func() { release(held) }
}

// diskFull fills the file in which the server keeps all tables: error 1114, as on
// a full disk.
func diskFull(t *testing.T, s *scene) func() {
	s.server.Exec(t, "CREATE TABLE app.filler (n int AUTO_INCREMENT PRIMARY KEY, pad varbinary(8000)) ENGINE=InnoDB")
	// A statement that finds no room leaves nothing behind: smaller and smaller
	// ones take what the larger ones could not.
	for _, part := range []struct{ rows, size int }{{1000, 8000}, {100, 8000}, {10, 8000}, {1, 8000}, {1, 100}} {
		for err := error(nil); err == nil; {
			_, err = s.server.Admin.Exec(fmt.Sprintf("INSERT INTO app.filler (pad) SELECT REPEAT('x', %d) FROM seq_1_to_%d", part.size, part.rows))
			if full := (*mysql.MySQLError)(nil); err != nil && (!errors.As(err, &full) || full.Number != 1114) {
				t.Fatalf("filling the disk: %v", err)
			}
		}
	}
	return func() { s.server.Exec(t, "DROP TABLE app.filler") }
}
