package models_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// A script is a database that answers each statement as the test wants.
type script struct {
	mu         sync.Mutex
	calls      int
	answer     func(call int) (*answer, error)
	queries    []string
	args       [][]driver.NamedValue
	unprepared error // of every attempt to prepare a statement
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

func scripted(t *testing.T, dialect string, answer func(call int) (*answer, error)) (*models.Store, *script) {
	t.Helper()
	return scriptedOn(t, models.Schema{}, dialect, answer)
}

func scriptedOn(t *testing.T, schema models.Schema, dialect string, answer func(call int) (*answer, error)) (*models.Store, *script) {
	t.Helper()
	s := &script{answer: answer}
	return storeOf(t, schema, openScript(t, dialect, s)), s
}

func openScript(t *testing.T, dialect string, s *script) *gorm.DB {
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

// Rule 14 of the store: what is tried again, and how often.
func TestRule14WhatIsTriedAgain(t *testing.T) {
	find := func(ctx context.Context, s *models.Store) error { _, _, err := s.Find(ctx, secret); return err }
	create := func(ctx context.Context, s *models.Store) error { return s.Create(ctx, scriptedSession) }
	revoke := func(ctx context.Context, s *models.Store) error {
		_, err := s.Revoke(ctx, models.Revocation{UserID: "u1"})
		return err
	}
	tests := []struct {
		name    string
		dialect string
		err     error
		fails   int // how many calls fail with err
		call    func(context.Context, *models.Store) error
		want    int // calls
		wantErr bool
	}{
		{"deadlock once", "mysql", mysqlError(1213), 1, create, 2, false},
		{"deadlock twice", "mysql", mysqlError(1213), 2, revoke, 3, false},
		{"deadlock for ever", "mysql", mysqlError(1213), 9, create, 3, true},
		{"lock wait", "mysql", mysqlError(1205), 1, revoke, 2, false},
		{"snapshot", "mysql", mysqlError(1020), 1, find, 2, false},
		{"read-only", "mysql", mysqlError(1290), 1, revoke, 1, true},
		{"unknown", "mysql", mysqlError(4321), 1, find, 1, true},
		{"read on a dead connection", "mysql", mysql.ErrInvalidConn, 1, find, 2, false},
		{"read on two dead connections", "mysql", mysql.ErrInvalidConn, 9, find, 2, true},
		{"create on a dead connection", "mysql", mysql.ErrInvalidConn, 9, create, 1, true},
		{"revoke on a dead connection", "mysql", mysql.ErrInvalidConn, 9, revoke, 1, true},
		{"busy", "sqlite", sqliteError(5), 1, create, 2, false},
		{"snapshot of SQLite", "sqlite", sqliteError(517), 2, revoke, 3, false},
		{"full", "sqlite", sqliteError(13), 1, create, 1, true},
		{"SQLite's 5 on MySQL", "mysql", sqliteError(5), 1, create, 1, true},
		{"MySQL's 1213 on SQLite", "sqlite", sqliteError(1213), 1, create, 1, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			store, script := scripted(t, test.dialect, func(call int) (*answer, error) {
				if call <= test.fails {
					return nil, test.err
				}
				return &answer{rows: [][]driver.Value{findRow}, met: 1}, nil
			})
			err := test.call(t.Context(), store)
			if (err != nil) != test.wantErr || script.calls != test.want {
				t.Errorf("got %d calls and %v, want %d calls and an error: %t", script.calls, err, test.want, test.wantErr)
			}
			if err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Error("the error holds the driver's text")
			}
		})
	}
}

// Find prepares its statement where that can be, and goes without where it cannot.
func TestFindWithoutAPreparedStatement(t *testing.T) {
	tests := []struct {
		name, dialect string
		unprepared    error
		want          string // how the statement's condition ends
		wantErr       bool
	}{
		{"prepared", "mysql", nil, "= ?", false},
		{"too many statements", "mysql", mysqlError(1461), "= ?", false},
		{"a proxy that knows none", "mysql", mysqlError(1295), "= ?", false},
		{"a proxy that forgot it", "mysql", mysqlError(1243), "= ?", false},
		{"SQLite", "sqlite", nil, "= ?", false},
		{"a database with other placeholders", "postgres", errors.New("asked to prepare"), "= ?", false},
		{"access denied", "mysql", mysqlError(1142), "", true},
		{"no connection", "mysql", mysql.ErrInvalidConn, "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			store, script := scripted(t, test.dialect, func(int) (*answer, error) { return &answer{rows: [][]driver.Value{findRow}}, nil })
			script.unprepared = test.unprepared
			_, _, err := store.Find(t.Context(), secret)
			if (err != nil) != test.wantErr || err == nil && !strings.HasSuffix(script.queries[0], test.want) {
				t.Errorf("got %v after %q", err, script.queries)
			}
		})
	}
}

func TestRule14NoTryOutlastsTheDeadline(t *testing.T) {
	for _, patience := range []time.Duration{time.Nanosecond, time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		store, script := scripted(t, "mysql", func(int) (*answer, error) { return nil, mysqlError(1213) })
		if err := store.Create(ctx, scriptedSession); err == nil || script.calls > 1 {
			t.Errorf("%s: got %d calls and %v, want one and an error", patience, script.calls, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	store, script := scripted(t, "mysql", func(int) (*answer, error) { cancel(); return nil, mysqlError(1213) })
	err := store.Create(ctx, scriptedSession)
	if script.calls != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %d calls and %v", script.calls, err)
	}
}

// The most dangerous mistake that a store can make: to take an answer that was
// cut off for "no such session".
func TestRule18AnswerCutOffIsNoAnswer(t *testing.T) {
	for name, fault := range map[string]error{
		"connection": mysql.ErrInvalidConn,
		"timeout":    context.DeadlineExceeded,
		"killed":     mysqlError(1317),
		"eof":        io.ErrUnexpectedEOF,
	} {
		t.Run(name, func(t *testing.T) {
			rows := func(rows ...[]driver.Value) func(int) (*answer, error) {
				return func(int) (*answer, error) { return &answer{rows: rows, err: fault}, nil }
			}
			store, _ := scripted(t, "mysql", rows())
			_, _, err := store.Find(t.Context(), secret)
			wantClass(t, "find", err, models.Transient)

			_, err = store.Touch(t.Context(), scriptedSession, moment.Add(2*time.Hour), moment)
			wantClass(t, "re-read of touch", err, models.Transient)

			store, _ = scripted(t, "mysql", rows(findRow))
			found, err := store.FindMany(t.Context(), []string{secret})
			wantClass(t, "find many", err, models.Transient)
			if len(found) != 0 {
				t.Error("FindMany returned half of them")
			}
			store, _ = scriptedOn(t, storetest.Schema(), "mysql", rows())
			_, err = store.Update(t.Context(), scriptedSession, map[string]any{"theme": "x"}, moment)
			wantClass(t, "re-read of update", err, models.Transient)

			store, _ = scripted(t, "mysql", rows(sessionRow))
			sessions, err := store.List(t.Context(), "u1", moment)
			wantClass(t, "list", err, models.Transient)
			if len(sessions) != 0 {
				t.Error("List returned half of a list")
			}
			store, _ = scripted(t, "mysql", rows([]driver.Value{secret}))
			tokens, err := store.Tokens(t.Context(), "u1")
			wantClass(t, "tokens", err, models.Transient)
			if len(tokens) != 0 {
				t.Error("Tokens returned half of them")
			}
			store, _ = scripted(t, "mysql", rows([]driver.Value{"s1"}))
			_, err = store.Purge(t.Context(), moment, 0)
			wantClass(t, "purge", err, models.Transient)
		})
	}
}

func wantClass(t *testing.T, name string, err error, class models.Class) {
	t.Helper()
	var e *models.Error
	if !errors.As(err, &e) || e.Class != class {
		t.Errorf("%s: got %v, want a %s", name, err, class)
	}
}

func TestRule5DatabaseThatAnswersAnotherRowIsNotBelieved(t *testing.T) {
	other := append([]driver.Value{}, findRow...)
	other[2] = strings.ToLower(secret)
	store, _ := scripted(t, "mysql", func(int) (*answer, error) { return &answer{rows: [][]driver.Value{other}}, nil })
	if _, _, err := store.Find(t.Context(), secret); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("another token: got %v, want ErrNotFound", err)
	}
	if found, err := store.FindMany(t.Context(), []string{secret}); err != nil || len(found) != 0 {
		t.Errorf("another token: FindMany got %d sessions and %v, want none", len(found), err)
	}
	stranger := append([]driver.Value{}, sessionRow...)
	stranger[0] = "s2"
	strangerWithFields := append(stranger[:8:8], nil, nil, nil, nil, nil)
	updated, _ := scriptedOn(t, storetest.Schema(), "mysql", func(int) (*answer, error) {
		return &answer{rows: [][]driver.Value{strangerWithFields}, met: 1}, nil
	})
	if _, err := updated.Update(t.Context(), scriptedSession, map[string]any{"theme": "x"}, moment); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("another id behind the token: Update got %v, want ErrNotFound", err)
	}
	store, _ = scripted(t, "mysql", func(int) (*answer, error) { return &answer{rows: [][]driver.Value{stranger}}, nil })
	if _, err := store.Touch(t.Context(), scriptedSession, moment.Add(2*time.Hour), moment); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("another id behind the token: got %v, want ErrNotFound", err)
	}
}

func TestRule22ClassesOfErrors(t *testing.T) {
	tests := []struct {
		dialect string
		err     error
		class   models.Class
		number  int
	}{
		{"mysql", mysqlError(1040), models.Transient, 1040},
		{"mysql", mysqlError(1226), models.Transient, 1226},
		{"mysql", mysqlError(1290), models.Transient, 1290},
		{"mysql", mysqlError(1317), models.Transient, 1317},
		{"mysql", mysqlError(1969), models.Transient, 1969},
		{"mysql", mysqlError(1114), models.Transient, 1114},
		{"mysql", fmt.Errorf("wrapped: %w", mysqlError(1146)), models.Configuration, 1146},
		{"mysql", mysqlError(1142), models.Configuration, 1142},
		{"mysql", mysqlError(1366), models.BadValue, 1366},
		{"mysql", mysqlError(1406), models.BadValue, 1406},
		{"mysql", mysqlError(4025), models.BadValue, 4025},
		{"mysql", mysqlError(1062), models.Unknown, 1062}, // no answer to a read
		{"mysql", mysqlError(4321), models.Unknown, 4321},
		{"mysql", mysql.ErrPktTooLarge, models.BadValue, 0},
		{"mysql", mysql.ErrNativePassword, models.Configuration, 0},
		{"mysql", driver.ErrBadConn, models.Transient, 0},
		{"mysql", errors.New("sql: database is closed"), models.Transient, 0},
		{"mysql", errors.New("something else"), models.Unknown, 0},
		{"mysql", gorm.ErrRecordNotFound, models.Unknown, 0},
		{"sqlite", sqliteError(1), models.Configuration, 1},
		{"sqlite", sqliteError(5 | 1<<8), models.Transient, 261},
		{"sqlite", sqliteError(1299), models.BadValue, 1299},
		{"sqlite", sqliteError(100), models.Unknown, 100},
		{"postgres", sqliteError(5), models.Unknown, 0},
	}
	for _, test := range tests {
		store, _ := scripted(t, test.dialect, func(int) (*answer, error) { return nil, test.err })
		_, _, err := store.Find(t.Context(), secret)
		wantError(t, err, "find", test.class, test.number)
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Error("the error holds the driver's text")
		}
	}
}

func TestAnswersOfSQLite(t *testing.T) {
	for code, want := range map[int]error{1555: models.ErrDuplicate, 2067: models.ErrDuplicate, 787: models.ErrNoUser} {
		store, _ := scripted(t, "sqlite", func(int) (*answer, error) { return nil, sqliteError(code) })
		if err := store.Create(t.Context(), scriptedSession); err != want {
			t.Errorf("%d: got %v, want %v", code, err, want)
		}
	}
}

func TestTimesAsTheDriversReadThem(t *testing.T) {
	want := time.Date(2026, 11, 25, 1, 22, 25, 475e6, time.UTC)
	for _, value := range []driver.Value{
		want,
		want.Add(404185),
		want.In(time.FixedZone("", 5*3600+1800)),
		"2026-11-25T01:22:25.475Z",
		[]byte("2026-11-25T01:22:25.475Z"),
		"2026-11-25T06:52:25.475+05:30",
		"2026-11-25 01:22:25.475404185+00:00",
		"2026-11-24 20:22:25.475404185-05:00",
		"2026-11-25 01:22:25.475404 +0000 UTC m=+3600.06",
		"2026-11-24 20:22:25.475404 -0500 EST",
		"2026-11-25 06:52:25.475 +0530 +0530",
		"2026-11-25 01:22:25.475",
		"2026-11-25T01:22:25.475999",
	} {
		row := append([]driver.Value{}, findRow...)
		row[1] = value
		store, _ := scripted(t, "sqlite", func(int) (*answer, error) { return &answer{rows: [][]driver.Value{row}}, nil })
		got, _, err := store.Find(t.Context(), secret)
		if err != nil || !got.ExpiresAt.Equal(want) || got.ExpiresAt.Location() != time.UTC {
			t.Errorf("%s: got %s and %v, want %s", value, got.ExpiresAt, err, want)
		}
	}
	for _, value := range []driver.Value{nil, int64(1764033745475), "", secret, "2026-11-25", []byte{0xff}} {
		row := append([]driver.Value{}, findRow...)
		row[1] = value
		store, _ := scripted(t, "sqlite", func(int) (*answer, error) { return &answer{rows: [][]driver.Value{row}}, nil })
		_, _, err := store.Find(t.Context(), secret)
		wantClass(t, fmt.Sprint(value), err, models.BadValue)
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Error("the error holds the value")
		}
	}
}

// Rule 25 of the store: text order must be time order.
func TestRule25SQLiteTimesAreFixedWidthText(t *testing.T) {
	store, script := scripted(t, "sqlite", func(int) (*answer, error) { return &answer{met: 1}, nil })
	session := scriptedSession
	session.ExpiresAt = time.Date(2026, 11, 25, 8, 0, 0, 600_999, time.FixedZone("", -5*3600))
	if err := store.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	if got, want := script.args[0][1].Value, "2026-11-25T13:00:00.000Z"; got != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if strings.Contains(script.queries[0], "BINARY") {
		t.Error("MySQL's words reached SQLite")
	}
}

// An expired row that text order takes for a living one.
func TestListJudgesTimeOnceMore(t *testing.T) {
	expired := append([]driver.Value{}, sessionRow...)
	expired[1] = moment
	store, _ := scripted(t, "sqlite", func(int) (*answer, error) { return &answer{rows: [][]driver.Value{expired, sessionRow}}, nil })
	got, err := store.List(t.Context(), "u1", moment)
	if err != nil || len(got) != 1 {
		t.Errorf("got %d sessions and %v, want 1", len(got), err)
	}
}

// Rule 24 of the store: dbresolver sends to the primary what carries this
// setting, whatever the statement.
func TestRule24StatementsAskForThePrimary(t *testing.T) {
	s := &script{answer: func(int) (*answer, error) { return &answer{rows: [][]driver.Value{findRow}, met: 1}, nil }}
	pool := sql.OpenDB(s)
	defer pool.Close()
	db, err := gorm.Open(gormmysql.New(gormmysql.Config{Conn: pool, SkipInitializeWithVersion: true}), &gorm.Config{DisableAutomaticPing: true})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	look := func(db *gorm.DB) {
		if _, ok := db.Statement.Settings.Load("gorm:db_resolver:write"); ok {
			asked++
		}
	}
	if err := errors.Join(
		db.Callback().Query().Register("gorm:db_resolver", look), // as dbresolver itself does
		db.Callback().Row().Before("*").Register("look", look),
		db.Callback().Raw().Before("*").Register("look", look),
	); err != nil {
		t.Fatal(err)
	}
	store := newStore(t, db)
	if _, _, err := store.Find(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if err := store.Create(t.Context(), scriptedSession); err != nil {
		t.Fatal(err)
	}
	if asked != 2 {
		t.Errorf("%d of 2 statements asked for the primary", asked)
	}
}

func TestOtherDatabases(t *testing.T) {
	store, script := scripted(t, "postgres", func(int) (*answer, error) { return &answer{}, nil })
	if err := store.Check(t.Context()); err != nil || !strings.HasSuffix(script.queries[0], "AND 1 = 0") {
		t.Errorf("Check: got %v after %q", err, script.queries)
	}
	if _, err := store.Revoke(t.Context(), models.Revocation{Token: secret}); err != nil || len(script.args[1]) != 1 {
		t.Errorf("Revoke: got %v and %d arguments, want 1", err, len(script.args[1]))
	}
	if err := models.Migrate(t.Context(), openScript(t, "postgres", script)); err == nil || !strings.Contains(err.Error(), "not postgres: create the tables") {
		t.Errorf("Migrate: got %v", err)
	}
}

// Rule 13 of the store, for the application's own statements on a db that
// OpenMySQL opened, and under every way of raising the level.
func TestRule13QuietLogger(t *testing.T) {
	var out bytes.Buffer
	plain := logger.New(log.New(&out, "", 0), logger.Config{LogLevel: logger.Warn})
	for name, quiet := range map[string]logger.Interface{
		"quiet":    models.NewQuiet(log.New(&out, "", 0), logger.Warn),
		"redacted": models.Redact(plain),
	} {
		t.Run(name, func(t *testing.T) {
			var fault error
			s := &script{answer: func(int) (*answer, error) { return &answer{rows: [][]driver.Value{{secret}}, met: 1}, fault }}
			pool := sql.OpenDB(s)
			defer pool.Close()
			db, err := gorm.Open(gormmysql.New(gormmysql.Config{Conn: pool, SkipInitializeWithVersion: true}),
				&gorm.Config{Logger: quiet, DisableAutomaticPing: true, TranslateError: true, SkipDefaultTransaction: true})
			if err != nil {
				t.Fatal(err)
			}
			tests := []struct {
				name  string
				db    *gorm.DB
				fault error
				want  string // "" for no line at all
			}{
				{"nothing to tell", db, nil, ""},
				{"debug", db.Debug(), nil, "SELECT"},
				{"duplicate", db, mysqlError(1062), gorm.ErrDuplicatedKey.Error()},
				{"no such user", db, mysqlError(1452), gorm.ErrForeignKeyViolated.Error()},
				{"missing table", db, mysqlError(1146), "configuration error 1146"},
				{"not found", db, gorm.ErrRecordNotFound, ""},
				{"silent", db.Session(&gorm.Session{Logger: db.Logger.LogMode(logger.Silent)}), mysqlError(1146), ""},
			}
			for _, test := range tests {
				out.Reset()
				fault = test.fault
				test.db.Exec("SELECT n FROM x WHERE n = ?", secret)
				got := out.String()
				if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
					t.Errorf("%s: got %q, want a line with %q", test.name, got, test.want)
				}
				if strings.Contains(got, "SECRET") {
					t.Errorf("%s: the log holds the token", test.name)
				}
				if name == "quiet" && got != "" && !strings.Contains(got, "fault_test.go:") {
					t.Errorf("%s: the log does not name the caller's line: %q", test.name, got)
				}
			}
			out.Reset()
			begin := time.Now().Add(-time.Second)
			quiet.Trace(t.Context(), begin, func() (string, int64) { return "SELECT", 1 }, nil)
			if name == "quiet" && !strings.Contains(out.String(), "slow") {
				t.Errorf("a slow statement: got %q", out.String())
			}
		})
	}
}

func BenchmarkFind(b *testing.B) {
	s := &script{answer: func(int) (*answer, error) { return &answer{rows: [][]driver.Value{findRow}}, nil }}
	pool := sql.OpenDB(s)
	defer pool.Close()
	db, err := gorm.Open(gormmysql.New(gormmysql.Config{Conn: pool, SkipInitializeWithVersion: true}), &gorm.Config{Logger: logger.Discard, DisableAutomaticPing: true})
	if err != nil {
		b.Fatal(err)
	}
	store, err := models.NewStore(db)
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := store.Find(ctx, secret); err != nil {
			b.Fatal(err)
		}
		s.queries, s.args = s.queries[:0], s.args[:0]
	}
}
