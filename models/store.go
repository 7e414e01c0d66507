package models

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
)

// A Store keeps sessions in two tables of an SQL database, through GORM; which
// they are its Schema says. It satisfies ginsession.Store, where the methods'
// duties are laid down.
//
// Beside the answers that they name, all methods return an *Error: the database could
// not tell, or a value is refused.
//
// It is tested on MariaDB and SQLite, and keeps to what MySQL from 5.7 and TiDB
// document. Each method of ginsession.Store is one statement without a transaction
// around it (Purge, Update, Replace and a Touch that wrote nothing: two; Revoke and
// Replace with a Feed: a transaction of two), so that nothing is held locked between
// two round trips. Statements that lost a race inside the database are tried three
// times, as long as the context allows.
//
// Find, which most requests wait for, List, and the look that follows an Update, a
// Replace, or a Touch that wrote nothing, are prepared statements of the Store's own.
// They, and on what OpenMySQL opened all that writes without a transaction, run on the
// pool beneath GORM: its logger hears of them, its callbacks do not, unless
// gorm.io/plugin/dbresolver is among them.
//
// A writer that waits for a lock on a SQLite file is deaf to its context until
// the file's busy_timeout is over.
//
// Tokens are 1 to 255 printable ASCII characters. Any other is refused when a
// session is created and is no session everywhere else, without a query.
//
// A Store is safe for concurrent use.
type Store struct {
	db      *gorm.DB
	dialect dialect
	schema  Schema // complete
	sql     statements
	pool    *sql.DB // if it is no plugin's
	linked  bool    // its connections have links

	prepared map[string]*prepared // by their texts
}

// NewStore makes a Store on Better Auth's tables without additional fields: it
// is Schema.Store of the zero Schema.
func NewStore(db *gorm.DB) (*Store, error) { return Schema{}.Store(db) }

// Store makes a Store on the tables of the schema. The db's settings and logger
// stay as they are; the Store's own statements are logged there without values.
// Plugins of GORM that record statements, as tracers do, see the values, which
// include tokens: let them drop those. If gorm.io/plugin/dbresolver is one of
// them, everything runs on a source of the table of sessions.
//
// The database's time zone, its tables and the DSN are Check's to judge;
// OpenMySQL sets a DSN up as they must be. Store fails if the schema has a
// fault, of which it reports all, if it has a Feed and the database is another than
// MySQL and SQLite, and if db is none to work on: a transaction, in DryRun mode, with
// the error of an earlier statement, or never opened (gorm.Open returns a db that
// looks usable beside its error).
func (s Schema) Store(db *gorm.DB) (*Store, error) {
	schema, err := s.Complete()
	if err != nil {
		return nil, err
	}
	switch {
	case db == nil:
		return nil, errors.New("models: NewStore: db is nil")
	case db.Config == nil || db.Statement == nil || db.Dialector == nil:
		return nil, errors.New("models: NewStore: db is not open: check the error of gorm.Open")
	case db.Error != nil:
		return nil, errors.New("models: NewStore: db carries the error of an earlier statement: pass the db that gorm.Open returned")
	case db.DryRun:
		return nil, errors.New("models: NewStore: db is in DryRun mode: it would execute nothing")
	}
	if _, inside := db.Statement.ConnPool.(gorm.TxCommitter); inside {
		return nil, errors.New("models: NewStore: db is a transaction: pass the db that gorm.Open returned")
	}

	d := dialect(db.Name())
	if schema.Feed && d != mariadb && d != sqlite {
		return nil, fmt.Errorf("models: NewStore: Schema.Feed is for MySQL and SQLite, not %s: leave it false", d)
	}
	own := db.Session(&gorm.Session{
		NewDB:                  true,
		SkipDefaultTransaction: true, // GORM puts none around raw SQL today
		Context:                context.Background(),
		Logger:                 redacted{db.Logger, d},
	})
	// PrepareStmt of the application's db is undone: it keeps a statement for
	// each length of IN on every connection and overrides the interpolation
	// that OpenMySQL sets up.
	own.PrepareStmt = false // of this Config, which Session copied; dbresolver looks there
	if prepared, ok := own.Statement.ConnPool.(*gorm.PreparedStmtDB); ok {
		own.Statement.ConnPool = prepared.ConnPool
	}
	texts := newStatements(own.Statement.Quote, d, schema)
	pool, _ := own.Statement.ConnPool.(*sql.DB)
	return &Store{
		db: own, dialect: d, schema: schema, sql: texts, pool: pool, linked: linked(pool),
		prepared: map[string]*prepared{
			texts.find: newPrepared(texts.find), texts.list: newPrepared(texts.list), texts.reread: newPrepared(texts.reread),
		},
	}, nil
}

// Schema returns the Store's schema, complete. It is not the caller's to change.
func (s *Store) Schema() Schema { return s.schema }

// DBSystem is what OpenTelemetry calls the database (db.system.name): "mysql", of
// MariaDB and TiDB too, or "sqlite". Others have the name of their gorm.Dialector.
func (s *Store) DBSystem() string { return string(s.dialect) }

// A dialect is the name of a gorm.Dialector. TiDB and MySQL go by MariaDB's.
type dialect string

const (
	mariadb dialect = "mysql"
	sqlite  dialect = "sqlite"
)

// userID is a user's id as a statement's argument. It is false for an id that
// no user has: MySQL would take "42abc" for 42.
func (s *Store) userID(id string) (any, bool) {
	if !s.schema.IntegerUserIDs {
		return id, true
	}
	n, err := strconv.ParseInt(id, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == id
}

// What gorm.io/plugin/dbresolver calls itself, and what its Write sets.
const (
	resolver = "gorm:db_resolver"
	primary  = resolver + ":write"
)

// conn is where a statement runs. Of databases that dbresolver knows it is a
// source: a replica that lags does not know a session just created, and still
// knows one just revoked. For each statement it is a source of the table of
// sessions, because a feed kept elsewhere would tell nothing of them.
func (s *Store) conn(ctx context.Context) *gorm.DB {
	db := s.db.Session(&gorm.Session{NewDB: true, Context: ctx}).Set(primary, struct{}{})
	db.Statement.Table = s.schema.Session.Name
	return db
}

// transaction runs run in a transaction there. GORM begins one on the database
// that was opened, which may be none of dbresolver's: it chooses for statements,
// and for a transaction only if asked, as its Write does.
func (s *Store) transaction(ctx context.Context, run func(tx *gorm.DB) error, options ...*sql.TxOptions) error {
	db := s.conn(ctx)
	if choose := db.Callback().Query().Get(resolver); choose != nil {
		choose(db)
	}
	return db.Transaction(run, options...)
}

// exec runs one statement and returns how many rows it met. Its error is the
// driver's and must not leave the package.
func (s *Store) exec(ctx context.Context, text string, args ...any) (int, error) {
	rows := 0
	err := s.retry(ctx, false, func() error {
		done, err := s.directly(ctx, args,
			func(l *link, args []driver.NamedValue) (err error) { rows, err = execOn(l, text, args); return err },
			func() (string, int64) { return text, int64(rows) })
		if done {
			return err
		}
		tx := s.conn(ctx).Exec(text, args...)
		rows = int(tx.RowsAffected)
		return tx.Error
	})
	return rows, err
}

// query runs one SELECT and scans its rows: all of them, or none and an error,
// which is the driver's and must not leave the package.
func query[T any](ctx context.Context, s *Store, text string, scan func(*row, *T) error, args ...any) ([]T, error) {
	var found []T
	err := s.retry(ctx, true, func() error {
		found = nil
		r := &row{room: make([]any, 0, 16)}
		add := func(one scanner) error {
			found = append(found, *new(T))
			r.scanner = one
			return scan(r, &found[len(found)-1])
		}
		if p := s.prepared[text]; p != nil {
			done, err := s.directly(ctx, args, func(l *link, args []driver.NamedValue) error { return selectOn(l, text, args, add) }, p.describe)
			if done {
				return err
			}
		}
		rows, err := s.rows(ctx, text, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := add(rows); err != nil {
				return err
			}
		}
		// An answer cut off in the middle must not pass for a short one, nor
		// one cut off at its start for "no such session".
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// retry repeats a statement that lost a race: 3 tries, 1 to 20 ms apart, inside
// the context's deadline. A read is repeated once on mysql.ErrInvalidConn; a
// write is not, because nobody knows whether it happened.
func (s *Store) retry(ctx context.Context, read bool, attempt func() error) error {
	reconnected := false
	for try := 1; ; {
		err := attempt()
		switch {
		case err == nil || ctx.Err() != nil:
			return err
		case read && !reconnected && errors.Is(err, mysql.ErrInvalidConn):
			reconnected = true
			continue
		case try == 3 || !s.dialect.lostRace(err) || !pause(ctx):
			return err
		}
		try++
	}
}

// pause waits a moment that two rivals will not share. It reports whether the
// context leaves time for another try.
func pause(ctx context.Context) bool {
	wait := time.Millisecond + rand.N(19*time.Millisecond)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
