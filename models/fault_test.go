package models_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
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

// What an Error has no number for it says in words of ours.
func TestErrorSaysWhatHappened(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		dialect string
		err     error
		want    string
	}{
		{"mysql", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "models: create: transient database error: connection refused"},
		{"mysql", &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, "models: create: transient database error: no answer in time"},
		{"mysql", context.DeadlineExceeded, "models: create: transient database error: no answer in time"},
		{"mysql", context.Canceled, "models: create: transient database error: cancelled"},
		{"mysql", mysql.ErrInvalidConn, "models: create: transient database error: the connection broke"},
		{"mysql", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, "models: create: transient database error: the connection broke"},
		{"mysql", io.ErrUnexpectedEOF, "models: create: transient database error: the connection broke"},
		{"mysql", mysqlError(1290), "models: create: transient database error 1290"},
		{"sqlite", sqliteError(13), "models: create: transient database error 13"},
		{"sqlite", sqliteError(517), "models: create: transient database error 517: the file is locked"},
		{"mysql", errors.New(secret), "models: create: unknown database error"},
	} {
		store, _ := scripted(t, test.dialect, func(int) (*answer, error) { return nil, test.err })
		if err := store.Create(t.Context(), scriptedSession); err == nil || err.Error() != test.want {
			t.Errorf("of %T: got %v, want %s", test.err, err, test.want)
		}
	}
}

// Find prepares its statement where that can be, and goes without where it cannot.
func TestFindWithoutAPreparedStatement(t *testing.T) {
	tests := []struct {
		name, dialect string
		unprepared    error
		prepares      int
		wantErr       bool
	}{
		{"prepared", "mysql", nil, 1, false},
		{"too many statements", "mysql", mysqlError(1461), 1, false},
		{"a proxy that knows none", "mysql", mysqlError(1295), 1, false},
		{"a proxy that forgot it", "mysql", mysqlError(1243), 1, false},
		{"SQLite", "sqlite", nil, 1, false},
		{"a database with other placeholders", "postgres", nil, 0, false},
		{"access denied", "mysql", mysqlError(1142), 1, true},
		{"no connection", "mysql", mysql.ErrInvalidConn, 2, true}, // a read is tried once more
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			store, script := scripted(t, test.dialect, func(int) (*answer, error) { return &answer{rows: [][]driver.Value{findRow}}, nil })
			script.unprepared = test.unprepared
			_, _, err := store.Find(t.Context(), secret)
			if (err != nil) != test.wantErr || script.prepared != test.prepares {
				t.Errorf("got %v after %d statements were prepared, want %d", err, script.prepared, test.prepares)
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
	db := openScript(t, "mysql", &script{answer: func(int) (*answer, error) { return &answer{rows: [][]driver.Value{findRow}, met: 1}, nil }})
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
}
