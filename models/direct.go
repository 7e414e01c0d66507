package models

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"time"

	"github.com/ginsession/ginsession/internal/detached"
)

// KeepsDeadlines reports whether calls end at the deadline of their context without a
// goroutine that watches it. On what OpenMySQL opened they do, if nothing but its
// deadline ends the context. ginsession.Manager asks for it.
func (s *Store) KeepsDeadlines() bool { return s.linked && s.prepares() }

// directly runs a statement on a link of the pool, without the goroutines that
// database/sql and the driver keep beside one whose context can end. It reports false,
// having done nothing, where that cannot be. describe is for GORM's logger.
func (s *Store) directly(ctx context.Context, args []any, run func(*link, []driver.NamedValue) error, describe func() (string, int64)) (done bool, err error) {
	if !s.linked || !detached.Only(ctx) || !s.prepares() {
		return false, nil
	}
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	began := time.Now()
	err = s.onLink(ctx, func(l *link) error { return run(l, named) })
	if errors.Is(err, driver.ErrSkip) || unpreparable(s.dialect.number(err)) {
		return false, nil
	}
	s.db.Logger.Trace(ctx, began, describe, err)
	return true, err
}

// onLink runs on a connection of the pool, which it waits for as long as ctx allows.
// Like database/sql it takes another if one turns out to be dead before anything was
// sent.
func (s *Store) onLink(ctx context.Context, run func(*link) error) (err error) {
	deadline, _ := ctx.Deadline()
	for range 3 {
		var conn *sql.Conn
		if conn, err = s.pool.Conn(ctx); err != nil {
			return err
		}
		err = conn.Raw(func(of any) error {
			l := linkOf(of)
			if l == nil {
				return driver.ErrSkip
			}
			l.keep(deadline)
			defer l.keep(time.Time{})
			return run(l)
		})
		_ = conn.Close() // back to the pool; ErrConnDone if it was dead
		switch {
		case err != nil && s.dialect.number(err) == 0 && !deadline.IsZero() && !time.Now().Before(deadline):
			return context.DeadlineExceeded // the driver says that the connection is invalid, which by now it is
		case !errors.Is(err, driver.ErrBadConn):
			return err
		}
	}
	return err
}

// selectOn runs a prepared SELECT on a link.
func selectOn(l *link, text string, args []driver.NamedValue, add func(scanner) error) error {
	statement, ok := l.statements[text]
	if !ok {
		var err error
		if statement, err = l.of.(driver.ConnPrepareContext).PrepareContext(context.Background(), text); err != nil {
			return err
		}
		l.statements[text] = statement
	}
	rows, err := statement.(driver.StmtQueryContext).QueryContext(context.Background(), args)
	if err != nil {
		if unpreparable(mariadb.number(err)) {
			delete(l.statements, text)
		}
		return err
	}
	defer rows.Close()
	found := &values{make([]driver.Value, len(rows.Columns()))}
	for {
		switch err := rows.Next(found.of); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := add(found); err != nil {
			return err
		}
	}
}

// execOn runs a statement that writes on a link, and returns how many rows it met.
func execOn(l *link, text string, args []driver.NamedValue) (int, error) {
	result, err := l.of.(driver.ExecerContext).ExecContext(context.Background(), text, args)
	if err != nil {
		return 0, err
	}
	met, err := result.RowsAffected()
	return int(met), err
}

// values are a row as the driver gives it, good until the next.
type values struct{ of []driver.Value }

// Scan implements scanner for the targets of the prepared statements.
func (v *values) Scan(targets ...any) (err error) {
	for i, target := range targets {
		value := v.of[i]
		switch target := target.(type) {
		case *string:
			*target, err = readText(value)
		case **string:
			*target = nil
			if value != nil {
				*target = new(string)
				**target, err = readText(value)
			}
		case sql.Scanner:
			err = target.Scan(value)
		default:
			err = errUnreadable
		}
		if err != nil {
			return err
		}
	}
	return nil
}
