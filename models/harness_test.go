package models_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// with adds parameters to a DSN.
func with(dsn, parameters string) string {
	if strings.Contains(dsn, "?") {
		return dsn + "&" + parameters
	}
	return dsn + "?" + parameters
}

const utf8mb4 = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"

func openMySQL(t *testing.T, dsn string) *gorm.DB {
	t.Helper()
	db, err := models.OpenMySQL(dsn)
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, db)
	db.Logger = everything.SQL()
	return db
}

// openPlain opens a database as an application does that never read our
// advice: found rows are not counted, errors not translated, levels the
// server's.
func openPlain(t *testing.T, dsn string, config *gorm.Config) *gorm.DB {
	t.Helper()
	if config.Logger == nil {
		config.Logger = everything.SQL()
	}
	db, err := gorm.Open(gormmysql.Open(dsn), config)
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, db)
	return db
}

func pool(t *testing.T, db *gorm.DB) *sql.DB {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

func closeAtEnd(t *testing.T, db *gorm.DB) {
	pool := pool(t, db)
	t.Cleanup(func() { pool.Close() })
}

func newStore(t testing.TB, db *gorm.DB) *models.Store {
	t.Helper()
	store, err := models.NewStore(db)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// storeOf is a Store on the tables of a schema.
func storeOf(t testing.TB, schema models.Schema, db *gorm.DB) *models.Store {
	t.Helper()
	store, err := schema.Store(db)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func migrate(t *testing.T, db *gorm.DB) {
	t.Helper()
	if err := models.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
}

func migrateTo(t *testing.T, schema models.Schema, db *gorm.DB) {
	t.Helper()
	if err := schema.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
}

func exec(t *testing.T, db *gorm.DB, statement string, args ...any) {
	t.Helper()
	if _, err := pool(t, db).ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// execFile runs the statements of a file of testdata.
func execFile(t *testing.T, db *gorm.DB, name string) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for statement := range strings.SplitSeq(string(text), ";") {
		if strings.TrimSpace(statement) != "" {
			exec(t, db, statement)
		}
	}
}

func addUser(t *testing.T, db *gorm.DB, u models.User) {
	t.Helper()
	exec(t, db, "INSERT INTO `user` (`id`, `name`, `email`, `emailVerified`, `image`, `createdAt`, `updatedAt`) VALUES (?, ?, ?, ?, ?, ?, ?)",
		u.ID, u.Name, u.Email, u.EmailVerified, u.Image, u.CreatedAt, u.UpdatedAt)
}

// addFields adds the suite's as Better Auth's migration does.
func addFields(t *testing.T, db *gorm.DB) {
	t.Helper()
	exec(t, db, "alter table `session` add column `theme` text, add column `count` integer, add column `pinned` boolean, "+
		"add column `seenAt` timestamp(3) null, add column `hidden` text")
	exec(t, db, "alter table `user` add column `role` text")
}

// harness is the suite's on Better Auth's tables with the suite's fields.
func harness(t *testing.T, db *gorm.DB) storetest.Harness {
	add := func(t *testing.T, u models.User) {
		addUser(t, db, u)
		exec(t, db, "UPDATE `user` SET `role` = ? WHERE `id` = ?", u.Fields["role"], u.ID)
	}
	return harnessOf(t, db, storetest.Schema(), add)
}

func harnessOf(t *testing.T, db *gorm.DB, schema models.Schema, add func(*testing.T, models.User)) storetest.Harness {
	schema, err := schema.Complete()
	if err != nil {
		t.Fatal(err)
	}
	sessions, users := schema.Session.Name, schema.User.Name
	return storetest.Harness{
		Store:   everything.Store(storeOf(t, schema, db)),
		AddUser: add,
		RemoveUser: func(t *testing.T, id string) {
			conn, err := pool(t, db).Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for _, statement := range []string{
				"SET SESSION foreign_key_checks=0",
				"DELETE FROM `" + users + "` WHERE `" + schema.User.Columns["id"] + "` = '" + id + "'",
				"SET SESSION foreign_key_checks=1",
			} {
				if _, err := conn.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
		},
		Stall: func(t *testing.T) func() {
			conn, err := pool(t, db).Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.ExecContext(t.Context(), "LOCK TABLES `"+sessions+"` WRITE, `"+users+"` WRITE"); err != nil {
				t.Fatal(err)
			}
			return func() {
				if _, err := conn.ExecContext(context.Background(), "UNLOCK TABLES"); err != nil {
					t.Error(err)
				}
				conn.Close()
			}
		},
	}
}

// definition is what SHOW CREATE TABLE shows.
func definition(t *testing.T, db *gorm.DB, table string) (text string) {
	t.Helper()
	var name string
	if err := pool(t, db).QueryRowContext(t.Context(), "SHOW CREATE TABLE `"+table+"`").Scan(&name, &text); err != nil {
		t.Fatal(err)
	}
	return text
}

// one is a database with a user and a session in it.
func one(t *testing.T) (*gorm.DB, *models.Store, models.Session) {
	t.Helper()
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	migrate(t, db)
	return db, newStore(t, db), seed(t, db)
}

var moment = time.Date(2026, 11, 25, 12, 0, 0, 123e6, time.UTC)

const secret = "SECRETtokenSECRETtokenSECRETtok0"

func seed(t *testing.T, db *gorm.DB) models.Session {
	t.Helper()
	addUser(t, db, models.User{ID: "u1", Name: "n", Email: "e@example.org", CreatedAt: moment, UpdatedAt: moment})
	session := models.Session{
		ID: "s1", Token: secret, UserID: "u1",
		ExpiresAt: moment.Add(time.Hour), CreatedAt: moment, UpdatedAt: moment,
	}
	if err := newStore(t, db).Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	return session
}

func wantError(t *testing.T, err error, op string, class models.Class, number int) {
	t.Helper()
	var e *models.Error
	if !errors.As(err, &e) {
		t.Errorf("got %v, want an *Error", err)
		return
	}
	if e.Op != op || e.Class != class || e.Number != number {
		t.Errorf("got %s, %s, %d; want %s, %s, %d", e.Op, e.Class, e.Number, op, class, number)
	}
}

func wantClass(t *testing.T, name string, err error, class models.Class) {
	t.Helper()
	var e *models.Error
	if !errors.As(err, &e) || e.Class != class {
		t.Errorf("%s: got %v, want a %s", name, err, class)
	}
}

// A relay passes bytes on to a server, until its connections are cut or the network
// freezes, which closes nothing.
type relay struct {
	net.Listener
	conns  chan net.Conn // those that are open to it
	frozen chan struct{} // closed: nothing moves any more
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener, make(chan net.Conn, 100), make(chan struct{})}
	t.Cleanup(func() { listener.Close() })
	pass := func(dst, src net.Conn) {
		buf := make([]byte, 32<<10)
		for {
			n, err := src.Read(buf)
			select {
			case <-r.frozen:
				return
			default:
			}
			_, _ = dst.Write(buf[:n])
			if err != nil {
				dst.Close()
				return
			}
		}
	}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				return
			}
			t.Cleanup(func() { near.Close(); far.Close() })
			r.conns <- near
			go pass(far, near)
			go pass(near, far)
		}
	}()
	return r
}

// cut closes the connections that are open.
func (r *relay) cut() {
	for {
		select {
		case conn := <-r.conns:
			conn.Close()
		default:
			return
		}
	}
}

// A logbook is what loggers write, of GORM's and the driver's.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) Print(v ...any) { fmt.Fprintln(l, v...) }

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// take is String, of which nothing stays.
func (l *logbook) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}
