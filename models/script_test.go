package models_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/models"
)

// A script is a database that answers each statement as the test wants.
type script struct {
	mu         sync.Mutex
	calls      int
	answer     func(call int) (*answer, error)
	queries    []string
	args       [][]driver.NamedValue
	prepared   int   // attempts to prepare a statement
	unprepared error // of each
}

// An answer is the rows of a query, then the error they end with, or the
// number of rows that a write met.
type answer struct {
	rows [][]driver.Value
	err  error
	met  int64
}

func (s *script) Connect(context.Context) (driver.Conn, error) { return scriptConn{s}, nil }
func (s *script) Driver() driver.Driver                        { return nil }

type scriptConn struct{ *script }

func (c scriptConn) Prepare(query string) (driver.Stmt, error) {
	c.script.prepared++
	return scriptStmt{c, query}, c.unprepared
}
func (c scriptConn) Close() error              { return nil }
func (c scriptConn) Begin() (driver.Tx, error) { return nil, errors.New("no transactions") }

func (c scriptConn) next(query string, args []driver.NamedValue) (*answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	c.queries, c.args = append(c.queries, query), append(c.args, args)
	return c.answer(c.calls)
}

func (c scriptConn) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	a, err := c.next(query, args)
	if err != nil {
		return nil, err
	}
	return &scriptRows{a, strings.Count(strings.Split(query, " FROM ")[0], ",") + 1}, nil
}

func (c scriptConn) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	a, err := c.next(query, args)
	if err != nil {
		return nil, err
	}
	return driver.RowsAffected(a.met), nil
}

// A scriptStmt is a prepared statement, which is asked as its text is.
type scriptStmt struct {
	conn  scriptConn
	query string
}

func (s scriptStmt) Close() error                               { return nil }
func (s scriptStmt) NumInput() int                              { return -1 }
func (s scriptStmt) Exec([]driver.Value) (driver.Result, error) { return nil, driver.ErrSkip }
func (s scriptStmt) Query([]driver.Value) (driver.Rows, error)  { return nil, driver.ErrSkip }

func (s scriptStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

type scriptRows struct {
	*answer
	columns int
}

func (r *scriptRows) Columns() []string { return make([]string, r.columns) }
func (r *scriptRows) Close() error      { return nil }
func (r *scriptRows) Next(dest []driver.Value) error {
	if len(r.rows) > 0 {
		copy(dest, r.rows[0])
		r.rows = r.rows[1:]
		return nil
	}
	if r.err != nil {
		return r.err
	}
	return io.EOF
}

// renamed lets a scripted database pass for another.
type renamed struct {
	gorm.Dialector
	name string
}

func (r renamed) Name() string { return r.name }

// sqliteError is what SQLite drivers return.
type sqliteError int

func (e sqliteError) Error() string { return "sqlite: secret " + secret }
func (e sqliteError) Code() int     { return int(e) }

func scripted(t testing.TB, dialect string, answer func(call int) (*answer, error)) (*models.Store, *script) {
	t.Helper()
	return scriptedOn(t, models.Schema{}, dialect, answer)
}

func scriptedOn(t testing.TB, schema models.Schema, dialect string, answer func(call int) (*answer, error)) (*models.Store, *script) {
	t.Helper()
	s := &script{answer: answer}
	return storeOf(t, schema, openScript(t, dialect, s)), s
}

func openScript(t testing.TB, dialect string, s *script) *gorm.DB {
	t.Helper()
	pool := sql.OpenDB(s)
	t.Cleanup(func() { pool.Close() })
	var dialector gorm.Dialector = gormmysql.New(gormmysql.Config{Conn: pool, SkipInitializeWithVersion: true})
	if dialect != "mysql" {
		dialector = renamed{dialector, dialect}
	}
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard, DisableAutomaticPing: true})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func mysqlError(number uint16) error {
	return &mysql.MySQLError{Number: number, Message: "near '" + secret + "'"}
}

var (
	scriptedSession = models.Session{ID: "s1", Token: secret, UserID: "u1", ExpiresAt: moment.Add(time.Hour), CreatedAt: moment, UpdatedAt: moment}
	sessionRow      = []driver.Value{"s1", moment.Add(time.Hour), secret, moment, moment, nil, "", "u1"}
	findRow         = append(sessionRow[:8:8], "u1", "n", "e", int64(1), nil, moment, moment)
)

func BenchmarkFind(b *testing.B) {
	store, s := scripted(b, "mysql", func(int) (*answer, error) { return &answer{rows: [][]driver.Value{findRow}}, nil })
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := store.Find(ctx, secret); err != nil {
			b.Fatal(err)
		}
		s.queries, s.args = s.queries[:0], s.args[:0]
	}
}
