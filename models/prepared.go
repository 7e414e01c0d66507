package models

import (
	"context"
	"database/sql"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

// A prepared statement is parsed once on each connection of a pool. It is safe for
// concurrent use, and closed with the pool.
type prepared struct {
	text      string
	describe  func() (text string, rows int64) // to GORM's logger
	statement atomic.Pointer[sql.Stmt]         // nil before the first use
}

func newPrepared(text string) *prepared {
	return &prepared{text: text, describe: func() (string, int64) { return text, -1 }}
}

func (p *prepared) query(ctx context.Context, pool gorm.ConnPool, args []any) (*sql.Rows, error) {
	statement := p.statement.Load()
	if statement == nil {
		own, err := pool.PrepareContext(ctx, p.text)
		if err != nil {
			return nil, err
		}
		if !p.statement.CompareAndSwap(nil, own) { // somebody was first
			_ = own.Close()
		}
		statement = p.statement.Load()
	}
	return statement.QueryContext(ctx, args...)
}

// rows runs one SELECT: the prepared ones so, where that can be, and everything else
// as text.
func (s *Store) rows(ctx context.Context, text string, args []any) (*sql.Rows, error) {
	if p := s.prepared[text]; p != nil && s.prepares() {
		began := time.Now()
		rows, err := p.query(ctx, s.db.Statement.ConnPool, args)
		s.db.Logger.Trace(ctx, began, p.describe, err)
		if err == nil || !unpreparable(s.dialect.number(err)) {
			return rows, err
		}
	}
	return s.conn(ctx).Raw(text, args...).Rows()
}

// prepares reports whether a statement can be prepared: other databases have other
// placeholders, which GORM knows, and dbresolver, which chooses a database for each
// statement, knows texts only.
func (s *Store) prepares() bool {
	return (s.dialect == mariadb || s.dialect == sqlite) && s.db.Callback().Query().Get(resolver) == nil
}

// unpreparable tells the errors of a MySQL server, or of a proxy before it, that
// runs a statement as text only, now or always: unknown command, unknown prepared
// statement, not supported in that protocol, too many of them, to be prepared anew.
func unpreparable(number int) bool {
	switch number {
	case 1047, 1243, 1295, 1461, 1615:
		return true
	}
	return false
}
