package store_test

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// newMariaDB opens a new database on the server of TEST_MYSQL_DSN, without
// tables. It ends with the test.
func newMariaDB(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := models.OpenMySQL(testdb.MySQL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { poolOf(t, db).Close() })
	db.Logger = everything.SQL()
	return db
}

func poolOf(t *testing.T, db *gorm.DB) *sql.DB {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

// A counted pool counts what it is asked, and what of it to prepare.
type counted struct {
	*sql.DB
	asked, prepared atomic.Int64
}

func (c *counted) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	c.asked.Add(1)
	c.prepared.Add(1)
	return c.DB.PrepareContext(ctx, query)
}

func (c *counted) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	c.asked.Add(1)
	return c.DB.ExecContext(ctx, query, args...)
}

func (c *counted) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	c.asked.Add(1)
	return c.DB.QueryContext(ctx, query, args...)
}

func (c *counted) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	c.asked.Add(1)
	return c.DB.QueryRowContext(ctx, query, args...)
}

func (c *counted) BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error) {
	c.asked.Add(1)
	return c.DB.BeginTx(ctx, opts)
}

// dialector makes the pool one that dbresolver can be given.
func (c *counted) dialector() gorm.Dialector {
	return gormmysql.New(gormmysql.Config{Conn: c, SkipInitializeWithVersion: true})
}

// replicated is a database as an application opens it, with dbresolver. What
// its source is told, its replica never learns.
type replicated struct {
	db      *gorm.DB // the application's
	source  *gorm.DB // these two without dbresolver
	replica *gorm.DB
	strays  []*counted // pools that no statement about sessions belongs to
}

// An arrangement is a way to register dbresolver.
type arrangement struct {
	name    string
	prepare bool
	// named says that the source is not the database that gorm.Open opened,
	// which has nothing to do with sessions then.
	named  bool
	tables []any // that the arrangement is for: none for all
}

var arrangements = []arrangement{
	{name: "SourceIsTheOpenedDatabase"},
	{name: "SourceIsNamed", named: true},
	{name: "SourceIsNamedForTheTableOfSessions", named: true, tables: []any{"session"}},
	{name: "Prepared", prepare: true, named: true},
}

func (a arrangement) open(t *testing.T) replicated {
	t.Helper()
	r := replicated{source: newMariaDB(t), replica: newMariaDB(t)}
	source, replica := &counted{DB: poolOf(t, r.source)}, &counted{DB: poolOf(t, r.replica)}
	config := dbresolver.Config{Replicas: []gorm.Dialector{replica.dialector()}}
	opened := source
	r.strays = []*counted{replica}
	if a.named {
		opened = &counted{DB: poolOf(t, newMariaDB(t))}
		config.Sources = []gorm.Dialector{source.dialector()}
		r.strays = append(r.strays, opened)
	}
	db, err := gorm.Open(opened.dialector(), &gorm.Config{PrepareStmt: a.prepare, DisableAutomaticPing: true, Logger: everything.SQL()})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Use(dbresolver.Register(config, a.tables...)); err != nil {
		t.Fatal(err)
	}
	r.db = db
	for _, stray := range r.strays {
		stray.asked.Store(0)
	}
	t.Cleanup(func() {
		for i, stray := range r.strays {
			if n := stray.asked.Load(); n != 0 {
				t.Errorf("pool %d (0: the replica, 1: the one that was opened) was asked %d times", i, n)
			}
		}
		if n := source.prepared.Load(); n != 0 { // the Store undoes PrepareStmt
			t.Errorf("%d statements were prepared", n)
		}
	})
	return r
}

func withFeed() models.Schema {
	schema := storetest.Schema()
	schema.Feed = true
	return schema
}

func (r replicated) addUser(t *testing.T, u models.User) {
	t.Helper()
	exec(t, r.source, "INSERT INTO `user` (`id`, `name`, `email`, `emailVerified`, `image`, `createdAt`, `updatedAt`, `role`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		u.ID, u.Name, u.Email, u.EmailVerified, u.Image, u.CreatedAt, u.UpdatedAt, u.Fields["role"])
}

// Rule 24 of the store: with a replica that has not even the tables, every law
// holds, and nothing was asked of it, by Migrate and Check neither.
func TestRule24NothingIsAskedOfAReplica(t *testing.T) {
	harness := func(t *testing.T) storetest.FeedHarness {
		r := arrangement{prepare: true, named: true, tables: []any{"session"}}.open(t)
		migrateTo(t, withFeed(), r.db)
		store := storeOf(t, withFeed(), r.db)
		if err := store.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		return storetest.FeedHarness{Harness: storetest.Harness{Store: everything.Store(store), AddUser: r.addUser}, Feed: everything.Feed(store.Feed())}
	}
	storetest.Run(t, func(t *testing.T) storetest.Harness { return harness(t).Harness })
	storetest.RunFeed(t, harness)
}

// Rule 24 of the store: a replica that lags still has the session that was
// revoked and not yet the one that began. Neither is believed.
func TestRule24ReplicaThatLagsIsNotBelieved(t *testing.T) {
	for _, a := range arrangements {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			ctx, r := t.Context(), a.open(t)
			migrateTo(t, withFeed(), r.db)
			migrateTo(t, withFeed(), r.replica)
			store, behind := storeOf(t, withFeed(), r.db), storeOf(t, withFeed(), r.replica)
			user := models.User{ID: "u1", Email: "e", CreatedAt: now, UpdatedAt: now}
			r.addUser(t, user)
			replicated{source: r.replica}.addUser(t, user)

			began := newSession("began", "u1", now.Add(time.Hour))
			ended := newSession("ended", "u1", now.Add(time.Hour))
			for _, err := range []error{
				store.Create(ctx, began), store.Create(ctx, ended), behind.Create(ctx, ended),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if n, err := store.Revoke(ctx, models.Revocation{Token: ended.Token, Reason: "sign-out"}); n != 1 || err != nil {
				t.Fatalf("Revoke ended %d: %v", n, err)
			}

			if _, _, err := store.Find(ctx, began.Token); err != nil {
				t.Errorf("the session that began: %v", err)
			}
			if _, _, err := store.Find(ctx, ended.Token); !errors.Is(err, models.ErrNotFound) {
				t.Errorf("the session that was revoked: %v", err)
			}
			if found, err := store.FindMany(ctx, []string{began.Token, ended.Token}); err != nil || len(found) != 1 || found[0].Session.ID != "began" {
				t.Errorf("FindMany: %v and %v", found, err)
			}
			if listed, err := store.List(ctx, "u1", now); err != nil || len(listed) != 1 || listed[0].ID != "began" {
				t.Errorf("List: %v and %v", listed, err)
			}
			if tokens, err := store.Tokens(ctx, "u1"); err != nil || len(tokens) != 1 || tokens[0] != began.Token {
				t.Errorf("Tokens: %d and %v", len(tokens), err)
			}
			if _, err := store.Touch(ctx, ended, now.Add(2*time.Hour), now); !errors.Is(err, models.ErrNotFound) {
				t.Errorf("Touch of the session that was revoked: %v", err)
			}
			// One that was moved by another is read again.
			moved := began
			moved.ExpiresAt = now.Add(time.Minute)
			if got, err := store.Touch(ctx, moved, now.Add(2*time.Hour), now); err != nil || !got.ExpiresAt.Equal(began.ExpiresAt) {
				t.Errorf("Touch that lost: %v and %v", got.ExpiresAt, err)
			}
			if got, err := store.Update(ctx, began, map[string]any{"theme": "dark"}, now); err != nil || got.Fields["theme"] != "dark" {
				t.Errorf("Update: %v and %v", got.Fields, err)
			}
			next := newSession("next", "u1", now.Add(time.Hour))
			if got, err := store.Replace(ctx, began, next, now); err != nil || got.ID != "next" {
				t.Errorf("Replace: %v and %v", got, err)
			}
			if n, err := store.Purge(ctx, now.Add(24*time.Hour), 0); err != nil || n != 1 {
				t.Errorf("Purge deleted %d: %v", n, err)
			}

			var reasons []string
			follow, stop := context.WithTimeout(ctx, 20*time.Second)
			defer stop()
			err := store.Feed().Follow(follow, time.Minute, time.Second, func(heard models.Heard) {
				for _, line := range heard.Revoked {
					reasons = append(reasons, line.Reason)
				}
				stop()
			})
			if len(reasons) != 2 || !errors.Is(err, context.Canceled) {
				t.Errorf("the feed told %q: %v", reasons, err)
			}
			if n := r.strays[0].asked.Load(); n != 0 {
				t.Errorf("the replica was asked %d times", n)
			}

			// The application's own reads still go to the replica: without this
			// the test would pass where dbresolver does nothing.
			var id string
			if err := r.db.Raw("SELECT id FROM session").Row().Scan(&id); err != nil || id != "ended" {
				t.Errorf("the application read %q: %v", id, err)
			}
			if n := r.strays[0].asked.Swap(0); n == 0 {
				t.Error("dbresolver asked the replica nothing")
			}
		})
	}
}
