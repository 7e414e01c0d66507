package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libtnb/sqlite"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// newFile makes an empty file that only its owner can read, because it will
// hold tokens: SQLite would make it for everybody.
func newFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "app.db")
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	return name
}

func open(t *testing.T, file string) *gorm.DB { return openWith(t, file, testdb.Pragmas) }

func openWith(t *testing.T, file, pragmas string) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open("file:"+file+pragmas), &gorm.Config{Logger: everything.SQL()})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return db
}

func newStore(t *testing.T, db *gorm.DB) *models.Store {
	t.Helper()
	return storeOf(t, models.Schema{}, db)
}

func storeOf(t *testing.T, schema models.Schema, db *gorm.DB) *models.Store {
	t.Helper()
	store, err := schema.Store(db)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func migrate(t *testing.T, db *gorm.DB) {
	t.Helper()
	migrateTo(t, models.Schema{}, db)
}

func migrateTo(t *testing.T, schema models.Schema, db *gorm.DB) {
	t.Helper()
	if err := schema.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
}

func exec(t *testing.T, db *gorm.DB, statement string, args ...any) {
	t.Helper()
	if err := db.Exec(statement, args...).Error; err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// iso is what a Better Auth server writes.
func iso(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

func addUser(t *testing.T, db *gorm.DB, u models.User) {
	t.Helper()
	exec(t, db, `INSERT INTO "user" ("id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt") VALUES (?, ?, ?, ?, ?, ?, ?)`,
		u.ID, u.Name, u.Email, u.EmailVerified, u.Image, iso(u.CreatedAt), iso(u.UpdatedAt))
}

// betterAuth are the tables as Better Auth's migration makes them on SQLite.
const betterAuth = `
create table "user" ("id" text not null primary key, "name" text not null, "email" text not null unique, "emailVerified" integer not null, "image" text, "createdAt" date not null, "updatedAt" date not null);
create table "session" ("id" text not null primary key, "expiresAt" date not null, "token" text not null unique, "createdAt" date not null, "updatedAt" date not null, "ipAddress" text, "userAgent" text, "userId" text not null references "user" ("id") on delete cascade);
create index "session_userId_idx" on "session" ("userId")`

// addFields adds the suite's as Better Auth's migration does.
func addFields(t *testing.T, db *gorm.DB) {
	t.Helper()
	for _, column := range []string{`"theme" text`, `"count" integer`, `"pinned" integer`, `"seenAt" date`, `"hidden" text`} {
		exec(t, db, `ALTER TABLE "session" ADD COLUMN `+column)
	}
	exec(t, db, `ALTER TABLE "user" ADD COLUMN "role" text`)
}

// without runs one statement while foreign keys are off.
func without(t *testing.T, db *gorm.DB, statement string, args ...any) {
	t.Helper()
	if err := db.Connection(func(conn *gorm.DB) error {
		return errors.Join(
			conn.Exec("PRAGMA foreign_keys=0").Error,
			conn.Exec(statement, args...).Error,
			conn.Exec("PRAGMA foreign_keys=1").Error)
	}); err != nil {
		t.Fatal(err)
	}
}

func TestSQLiteStore(t *testing.T) {
	for name, tables := range map[string]func(*testing.T, *gorm.DB){
		"ours": func(t *testing.T, db *gorm.DB) { migrateTo(t, storetest.Schema(), db) },
		"better-auth": func(t *testing.T, db *gorm.DB) {
			for statement := range strings.SplitSeq(betterAuth, ";") {
				exec(t, db, statement)
			}
			addFields(t, db)
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Harness {
				db := open(t, newFile(t))
				tables(t, db)
				return storetest.Harness{
					Store: everything.Store(storeOf(t, storetest.Schema(), db)),
					AddUser: func(t *testing.T, u models.User) {
						addUser(t, db, u)
						exec(t, db, `UPDATE "user" SET "role" = ? WHERE "id" = ?`, u.Fields["role"], u.ID)
					},
					RemoveUser: func(t *testing.T, id string) { without(t, db, `DELETE FROM "user" WHERE "id" = ?`, id) },
				}
			})
		})
	}
}

// feedFile is a file of our own with a feed.
func feedFile(t *testing.T) (*gorm.DB, *models.Store) {
	t.Helper()
	schema := storetest.Schema()
	schema.Feed = true
	db := open(t, newFile(t))
	migrateTo(t, schema, db)
	store := storeOf(t, schema, db)
	if err := store.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db, store
}

func TestSQLiteStoreWithFeed(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		db, store := feedFile(t)
		return storetest.Harness{Store: everything.Store(store), AddUser: func(t *testing.T, u models.User) {
			addUser(t, db, u)
			exec(t, db, `UPDATE "user" SET "role" = ? WHERE "id" = ?`, u.Fields["role"], u.ID)
		}}
	})
	storetest.RunFeed(t, func(t *testing.T) storetest.FeedHarness {
		db, store := feedFile(t)
		return storetest.FeedHarness{
			Harness: storetest.Harness{Store: everything.Store(store), AddUser: func(t *testing.T, u models.User) { addUser(t, db, u) }},
			Feed:    everything.Feed(store.Feed()),
		}
	})
}

// Lines that no cookie cache can be older than are dropped.
func TestSQLiteFeedDropsOldLines(t *testing.T) {
	db, store := feedFile(t)
	exec(t, db, `INSERT INTO "session_revocation" ("at", "userId") VALUES (strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-3 hours'), 'old'), (strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 hours'), 'young')`)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	var left []string
	if err := store.Feed().Follow(ctx, time.Minute, 10*time.Millisecond, func(models.Heard) {
		if db.Raw(`SELECT "userId" FROM "session_revocation"`).Scan(&left); len(left) == 1 {
			stop()
		}
	}); !errors.Is(err, context.Canceled) || left[0] != "young" {
		t.Errorf("%q are left: %v", left, err)
	}
}

var now = time.Date(2026, 11, 25, 12, 0, 0, 123e6, time.UTC)

func newSession(id, userID string, expires time.Time) models.Session {
	return models.Session{
		ID: id, Token: strings.Repeat("T", 32) + id, UserID: userID,
		ExpiresAt: expires, CreatedAt: now, UpdatedAt: now,
	}
}

func seeded(t *testing.T) (*gorm.DB, *models.Store) {
	t.Helper()
	db := open(t, newFile(t))
	migrate(t, db)
	addUser(t, db, models.User{ID: "u1", Email: "e", CreatedAt: now, UpdatedAt: now})
	return db, newStore(t, db)
}

func TestSQLiteMigrateAndCheck(t *testing.T) {
	db := open(t, newFile(t))
	store := newStore(t, db)
	err := store.Check(t.Context())
	for _, table := range []string{"session", "user"} {
		if err == nil || !strings.Contains(err.Error(), "table "+table+" is missing: call models.Migrate") {
			t.Errorf("Check of an empty file: got %v, want it to name %s", err, table)
		}
	}
	for range 2 {
		migrate(t, db)
		if err := store.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, db, `ALTER TABLE "session" DROP COLUMN "userAgent"`)
	if err := store.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "session.userAgent is missing") {
		t.Errorf("Check: got %v, want it to name session.userAgent", err)
	}
	// Rows that others insert without times still sort.
	exec(t, db, `INSERT INTO "user" ("id", "name", "email", "emailVerified") VALUES ('u', 'n', 'e', 0)`)
	// SQLite is asked for the form: the driver makes a time of the column, which
	// would come back without the zeros at its end.
	var fixed bool
	if err := db.Raw(`SELECT "createdAt" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9]Z' FROM "user"`).Row().Scan(&fixed); err != nil {
		t.Fatal(err)
	}
	if !fixed {
		t.Error("the default time has not the fixed form")
	}
}

func TestSQLiteMigrateAddsAnIndexToBetterAuthsTables(t *testing.T) {
	db := open(t, newFile(t))
	for statement := range strings.SplitSeq(betterAuth, ";") {
		exec(t, db, statement)
	}
	schema := func() (all []string) {
		if err := db.Raw(`SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid`).Scan(&all).Error; err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := schema()
	migrate(t, db)
	after := schema()
	if len(after) != len(before)+1 || strings.Join(after[:len(before)], ";") != strings.Join(before, ";") ||
		!strings.Contains(after[len(before)], "session_expiresAt_idx") {
		t.Errorf("Migrate changed\n%v\nto\n%v", before, after)
	}
}

func TestSQLiteMigrateAtOnce(t *testing.T) {
	file := newFile(t)
	var wait sync.WaitGroup
	for range 4 {
		db := open(t, file)
		wait.Go(func() {
			if err := models.Migrate(t.Context(), db); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

func TestSQLiteAnswers(t *testing.T) {
	_, store := seeded(t)
	session := newSession("s1", "u1", now.Add(time.Hour))
	if err := store.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	if err := store.Create(t.Context(), session); err != models.ErrDuplicate {
		t.Errorf("a taken id: got %v, want ErrDuplicate itself", err)
	}
	session.ID = "s2"
	if err := store.Create(t.Context(), session); err != models.ErrDuplicate {
		t.Errorf("a taken token: got %v, want ErrDuplicate itself", err)
	}
	session.UserID, session.Token = "nobody", "other"
	if err := store.Create(t.Context(), session); err != models.ErrNoUser {
		t.Errorf("an unknown user: got %v, want ErrNoUser itself", err)
	}
	session.ExpiresAt = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC) // text has no 2038
	session.UserID = "u1"
	if err := store.Create(t.Context(), session); err != nil {
		t.Errorf("an expiry in 2040: %v", err)
	}
}

// Rule 25 of the store.
func TestRule25SQLiteStoresFixedWidthText(t *testing.T) {
	db, store := seeded(t)
	session := newSession("s1", "u1", time.Date(2026, 11, 25, 8, 0, 0, 600_000, time.FixedZone("", -5*3600)))
	if err := store.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Touch(t.Context(), session, now.Add(100*time.Hour), now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	var expires, created, updated string
	// Concatenation keeps the driver from making times of them.
	row := db.Raw(`SELECT "expiresAt" || '', "createdAt" || '', "updatedAt" || '' FROM "session"`).Row()
	if err := row.Scan(&expires, &created, &updated); err != nil {
		t.Fatal(err)
	}
	if expires != "2026-11-29T16:00:00.123Z" || created != "2026-11-25T12:00:00.123Z" || updated != "2026-11-25T12:01:00.123Z" {
		t.Errorf("got %s, %s, %s", expires, created, updated)
	}
}

// Rule 25 of the store: rows of a Better Auth server, as it writes them.
func TestRule25SQLiteISORows(t *testing.T) {
	db, store := seeded(t)
	insert := `INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "userId") VALUES (?, ?, ?, ?, ?, 'u1')`
	exec(t, db, insert, "dead", iso(now.Add(-10*time.Minute)), "dead", iso(now), iso(now))
	exec(t, db, insert, "live", iso(now.Add(10*time.Minute)), "live", iso(now), iso(now))

	got, err := store.List(t.Context(), "u1", now)
	if err != nil || len(got) != 1 || got[0].ID != "live" {
		t.Errorf("List: got %v and %v, want live alone", got, err)
	}
	read, _, err := store.Find(t.Context(), "live")
	if err != nil {
		t.Fatal(err)
	}
	moved, err := store.Touch(t.Context(), read, now.Add(time.Hour), now)
	if err != nil || !moved.ExpiresAt.Equal(now.Add(time.Hour)) {
		t.Errorf("Touch: got %s and %v", moved.ExpiresAt, err)
	}
	if n, err := store.Purge(t.Context(), now, 0); err != nil || n != 1 {
		t.Errorf("Purge: got %d and %v, want 1", n, err)
	}
}

// Rule 25 of the store: each of several connections has the pragmas, and the
// file and its companions belong to their owner.
func TestRule25SQLitePragmasAndFileMode(t *testing.T) {
	file := newFile(t)
	db := open(t, file)
	migrate(t, db)
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for pragma, want := range map[string]string{"busy_timeout": "5000", "journal_mode": "wal", "synchronous": "1", "foreign_keys": "1"} {
			var got string
			if err := conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s: got %s and %v, want %s", pragma, got, err, want)
			}
		}
	}
	files, err := filepath.Glob(file + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("got files %v and %v", files, err)
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(name), mode)
		}
	}
}

// Rule 25 of the store: 8 workers, no BUSY.
func TestRule25SQLiteWorkersMeetNoBusyError(t *testing.T) {
	_, store := seeded(t)
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := range 40 {
				session := newSession(fmt.Sprintf("w%di%d", worker, i), "u1", now.Add(time.Hour))
				err := store.Create(t.Context(), session)
				if err == nil {
					_, _, err = store.Find(t.Context(), session.Token)
				}
				if err == nil {
					_, err = store.Touch(t.Context(), session, now.Add(2*time.Hour), now)
				}
				if err == nil && i%2 == 0 {
					_, err = store.Revoke(t.Context(), models.Revocation{Token: session.Token, UserID: "u1"})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
}

// SQLite's wait for a lock does not hear the context: busy_timeout ends it.
func TestSQLiteWriterBehindALockEndsWithBusyTimeout(t *testing.T) {
	db, store := seeded(t)
	var file string
	if err := db.Raw(`SELECT file FROM pragma_database_list`).Row().Scan(&file); err != nil {
		t.Fatal(err)
	}
	lock := open(t, file).Begin()
	defer lock.Rollback()
	if err := lock.Exec(`UPDATE "user" SET "name" = 'x'`).Error; err != nil {
		t.Fatal(err)
	}
	hasty := newStore(t, openWith(t, file, strings.Replace(testdb.Pragmas, "busy_timeout(5000)", "busy_timeout(200)", 1)))

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	err := hasty.Create(ctx, newSession("s1", "u1", now.Add(time.Hour)))
	// SQLite adds up what it meant to sleep, which on a busy machine is less
	// than what it slept.
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("took %s, want the 200ms of busy_timeout", took)
	}
	var e *models.Error
	if !errors.As(err, &e) || e.Class != models.Transient || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a transient error that wraps context.DeadlineExceeded", err)
	}
	if _, _, err := store.Find(t.Context(), "nothing"); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("a read beside the writer: got %v, want ErrNotFound", err)
	}
}

func TestSQLiteClasses(t *testing.T) {
	db, store := seeded(t)
	exec(t, db, `DROP TABLE "session"`)
	_, _, err := store.Find(t.Context(), "nothing")
	var e *models.Error
	if !errors.As(err, &e) || e.Class != models.Configuration || e.Number != 1 {
		t.Errorf("got %v, want a configuration error 1", err)
	}
}
