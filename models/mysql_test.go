package models_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

var _ ginsession.Store = (*models.Store)(nil)

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

func newStore(t *testing.T, db *gorm.DB) *models.Store {
	t.Helper()
	store, err := models.NewStore(db)
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

func exec(t *testing.T, db *gorm.DB, statement string, args ...any) {
	t.Helper()
	if _, err := pool(t, db).ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func addUser(t *testing.T, db *gorm.DB, u models.User) {
	t.Helper()
	exec(t, db, "INSERT INTO `user` (`id`, `name`, `email`, `emailVerified`, `image`, `createdAt`, `updatedAt`) VALUES (?, ?, ?, ?, ?, ?, ?)",
		u.ID, u.Name, u.Email, u.EmailVerified, u.Image, u.CreatedAt, u.UpdatedAt)
}

// storeOf is a Store on the tables of a schema.
func storeOf(t *testing.T, schema models.Schema, db *gorm.DB) *models.Store {
	t.Helper()
	store, err := schema.Store(db)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func migrateTo(t *testing.T, schema models.Schema, db *gorm.DB) {
	t.Helper()
	if err := schema.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
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

func TestStoreOnOurTables(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		db := openMySQL(t, testdb.MySQL(t, utf8mb4))
		migrateTo(t, storetest.Schema(), db)
		return harness(t, db)
	})
}

func TestStoreOnBetterAuthTables(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		db := openMySQL(t, testdb.MySQL(t, utf8mb4))
		execFile(t, db, "better-auth-mysql.sql")
		addFields(t, db)
		return harness(t, db)
	})
}

// Rule 12 of the store, with an application's own db.
func TestRule12StoreWithoutClientFoundRows(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		dsn := with(testdb.MySQL(t, utf8mb4), "parseTime=true&time_zone=%27%2B00%3A00%27")
		db := openPlain(t, dsn, &gorm.Config{PrepareStmt: true})
		execFile(t, db, "better-auth-mysql.sql")
		addFields(t, db)
		return harness(t, db)
	})
}

// Rule 3 of the store. unicode_ci ignores NUL, bin pads blanks, general_ci
// ignores case and accents, latin1 lacks most characters.
func TestRule3TokenIsExactUnderEveryCollation(t *testing.T) {
	strangers := []string{
		"", strings.ToLower(secret), strings.ToUpper(secret), secret + " ", secret + "\x00", secret + "\x00x",
		strings.Replace(secret, "o", "ó", 1), strings.Replace(secret, "S", "ſ", 1), strings.Replace(secret, "t", "ｔ", 1),
		secret + "\xff", secret + "😀", secret + strings.Repeat("x", 256-len(secret)),
	}
	for _, options := range []string{
		"CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
		"CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
		"CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
		"CHARACTER SET latin1 COLLATE latin1_swedish_ci",
		"CHARACTER SET ucs2", // two bytes a character: equal bytes are no equal text
		"ours",
	} {
		t.Run(options, func(t *testing.T) {
			t.Parallel()
			ours := options == "ours"
			if ours {
				options = utf8mb4
			}
			db := openMySQL(t, testdb.MySQL(t, options))
			if !ours {
				execFile(t, db, "better-auth-mysql.sql")
			}
			migrate(t, db)
			seed(t, db)
			store := newStore(t, db)
			for _, stranger := range strangers {
				if _, _, err := store.Find(t.Context(), stranger); err != models.ErrNotFound {
					t.Errorf("Find %q: got %v, want ErrNotFound", stranger, err)
				}
				for _, owner := range []string{"", "u1"} {
					if stranger == "" {
						continue
					}
					if n, err := store.Revoke(t.Context(), models.Revocation{Token: stranger, UserID: owner}); err != nil || n != 0 {
						t.Errorf("Revoke %q: got %d and %v, want 0", stranger, n, err)
					}
				}
			}
			if n, err := store.Revoke(t.Context(), models.Revocation{Token: secret, UserID: "u1"}); err != nil || n != 1 {
				t.Errorf("Revoke: got %d and %v, want 1", n, err)
			}
		})
	}
}

// Rule 9 of the store: texts in all scripts, whatever the database is for.
func TestRule9OurTablesHoldAllScripts(t *testing.T) {
	db := openMySQL(t, testdb.MySQL(t, "CHARACTER SET latin1"))
	migrate(t, db)
	session, store := seed(t, db), newStore(t, db)
	agent := "日本語 😀"
	session.ID, session.Token, session.UserAgent = "s2", "another"+secret, &agent
	if err := store.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	if got, _, err := store.Find(t.Context(), session.Token); err != nil || *got.UserAgent != agent {
		t.Errorf("got %v and %v", got.UserAgent, err)
	}
}

// On tables of others whose columns lack the letters, the letters go and the
// sign-in succeeds.
func TestSR66_ColumnThatCannotHoldTheUserAgent(t *testing.T) {
	for _, options := range []string{"CHARACTER SET latin1", "CHARACTER SET utf8mb3"} {
		db := openMySQL(t, testdb.MySQL(t, options))
		execFile(t, db, "better-auth-mysql.sql")
		session, store := seed(t, db), newStore(t, db)
		agent := "Browser/1.0 😀 日本語"
		session.ID, session.Token, session.UserAgent = "s2", "another"+secret, &agent
		if err := store.Create(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		if got, _, err := store.Find(t.Context(), session.Token); err != nil || *got.UserAgent != "Browser/1.0  " {
			t.Errorf("%s: got %q and %v", options, *got.UserAgent, err)
		}
	}
}

// Rule 2 of the store: the tables as Better Auth's migration leaves them on
// MariaDB before 10.10 and MySQL 5.7, where every write that does not name
// expiresAt ends the session.
func TestRule2StoreOnTablesWithOnUpdate(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		db := openMySQL(t, with(testdb.MySQL(t, utf8mb4), "explicit_defaults_for_timestamp=OFF"))
		execFile(t, db, "better-auth-mysql.sql")
		if got := definition(t, db, "session"); !strings.Contains(got, "ON UPDATE") {
			t.Fatalf("the table has no ON UPDATE: %s", got)
		}
		addFields(t, db)
		return harness(t, db)
	})
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

func TestAnswersToCreate(t *testing.T) {
	for name, config := range map[string]*gorm.Config{"translated": {TranslateError: true}, "raw": {}} {
		t.Run(name, func(t *testing.T) {
			dsn := with(testdb.MySQL(t, utf8mb4), "parseTime=true&time_zone=%27%2B00%3A00%27")
			db := openPlain(t, dsn, config)
			migrate(t, db)
			session, store := seed(t, db), newStore(t, db)

			if err := store.Create(t.Context(), session); err != models.ErrDuplicate {
				t.Errorf("1062: got %v, want ErrDuplicate itself", err)
			}
			session.ID, session.Token, session.UserID = "s2", "other"+secret, "nobody"
			if err := store.Create(t.Context(), session); err != models.ErrNoUser {
				t.Errorf("1452: got %v, want ErrNoUser itself", err)
			}
		})
	}
}

// A foreign table's collation calls two spellings of a token equal. The
// stranger is then a collision and must not take the session over.
func TestOtherCaseOfATakenTokenIsADuplicate(t *testing.T) {
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	execFile(t, db, "better-auth-mysql.sql")
	session := seed(t, db)
	session.ID, session.Token = "s2", strings.ToLower(secret)
	if err := newStore(t, db).Create(t.Context(), session); !errors.Is(err, models.ErrDuplicate) {
		t.Errorf("got %v, want ErrDuplicate", err)
	}
}

func TestRule7CreateRefusesWhatNoColumnHolds(t *testing.T) {
	_, store, session := one(t)
	session.ID, session.Token = "s2", "other"+secret
	tests := []struct {
		name   string
		change func(s *models.Session)
		says   string
	}{
		{"expiry after 2038", func(s *models.Session) { s.ExpiresAt = time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC) }, "2038-01-19"},
		{"creation before 1970", func(s *models.Session) { s.CreatedAt = time.Unix(0, 0) }, "1970"},
		{"five digits", func(s *models.Session) { s.UpdatedAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "updatedAt"},
		{"zero update", func(s *models.Session) { s.UpdatedAt = time.Time{} }, "updatedAt is the zero time"},
		{"no id", func(s *models.Session) { s.ID = "" }, "id is empty"},
		{"no user", func(s *models.Session) { s.UserID = "" }, "userId is empty"},
		{"no token", func(s *models.Session) { s.Token = "" }, "token is not"},
		{"long token", func(s *models.Session) { s.Token = secret + strings.Repeat("x", 256-len(secret)) }, "token is not"},
		{"accent", func(s *models.Session) { s.Token = secret + "é" }, "token is not"},
		{"blank", func(s *models.Session) { s.Token = secret + " " }, "token is not"},
		{"long user agent", func(s *models.Session) { s.UserAgent = new(string); *s.UserAgent = strings.Repeat("x", 70_000) }, "1406"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			session := session
			test.change(&session)
			err := store.Create(t.Context(), session)
			var e *models.Error
			if !errors.As(err, &e) || e.Class != models.BadValue || !strings.Contains(e.Error(), test.says) {
				t.Fatalf("got %v, want a bad value that says %q", err, test.says)
			}
			if strings.Contains(e.Error(), "SECRET") {
				t.Error("the error holds the token")
			}
		})
	}
	session.ExpiresAt = time.Date(2038, 1, 19, 3, 14, 7, 999_999_999, time.UTC)
	if err := store.Create(t.Context(), session); err != nil {
		t.Errorf("the last millisecond of 2038-01-19 03:14:07: %v", err)
	}
	if _, err := store.Touch(t.Context(), session, session.ExpiresAt.Add(time.Hour), moment); err == nil || !strings.Contains(err.Error(), "2038") {
		t.Errorf("Touch past 2038: got %v, want an error that names 2038", err)
	}
}

// Rule 4 of the store: the statements that requests wait for find their rows
// by index.
// In the long form among a million rows, of which a purge takes a whole turn.
func TestRule4EachStatementFindsItsIndex(t *testing.T) {
	long := os.Getenv("TEST_LONG") != ""
	turn := 10
	if long {
		turn = 500
	}
	for _, tables := range []string{"ours", "better-auth"} {
		t.Run(tables, func(t *testing.T) {
			if !long { // which takes all the memory that the server has
				t.Parallel()
			}
			var lines bytes.Buffer
			var mu sync.Mutex
			dsn := with(testdb.MySQL(t, utf8mb4), "parseTime=true&time_zone=%27%2B00%3A00%27&interpolateParams=true")
			db := openPlain(t, dsn, &gorm.Config{})
			if tables == "better-auth" {
				execFile(t, db, "better-auth-mysql.sql")
			}
			migrateTo(t, storetest.Schema(), db)
			if long {
				crowd(t, db, 1_000_000)
			}
			// Enough rows that a scan would look dear, and few a user.
			for u := range 40 {
				id := fmt.Sprintf("u%d", u)
				addUser(t, db, models.User{ID: id, Email: id, CreatedAt: moment, UpdatedAt: moment})
				var values []string
				for s := range 50 {
					values = append(values, fmt.Sprintf("('%ss%d', '2026-11-%02d 12:00:00', 'TOKEN%sx%d', now(), '203.0.113.7', '%s')", id, s, 1+s%28, id, s, id))
				}
				exec(t, db, "INSERT INTO session (id, expiresAt, token, updatedAt, ipAddress, userId) VALUES "+strings.Join(values, ", "))
			}
			exec(t, db, "ANALYZE TABLE session, user")

			// The texts are taken from the Store's own log, where values are
			// question marks.
			spy := logger.New(log.New(&locked{w: &lines, mu: &mu}, "", 0), logger.Config{LogLevel: logger.Info})
			store := storeOf(t, storetest.Schema(), db.Session(&gorm.Session{Logger: spy}))
			tests := []struct {
				name string
				call func() error
				args []any
				want string // type and key of each line
			}{
				{"find", func() error { _, _, err := store.Find(t.Context(), "TOKENu1x1"); return err },
					[]any{"TOKENu1x1"}, "const token, const PRIMARY"},
				{"find many", func() error {
					_, err := store.FindMany(t.Context(), []string{"TOKENu1x1", "TOKENu2x2", "TOKENu3x3"})
					return err
				}, []any{"TOKENu1x1", "TOKENu2x2", "TOKENu3x3"}, "range token, eq_ref PRIMARY"},
				{"update", func() error {
					_, err := store.Update(t.Context(), models.Session{ID: "u1s1", Token: "TOKENu1x1"}, map[string]any{"theme": "x"}, moment)
					return err
				}, []any{moment, "x", "u1s1", "TOKENu1x1", "TOKENu1x1"}, "range PRIMARY"},
				{"touch", func() error {
					_, err := store.Touch(t.Context(), models.Session{ID: "u1s27", Token: "TOKENu1x27", ExpiresAt: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}, moment.Add(999*time.Hour), moment)
					return err
				}, []any{moment, moment, "u1s1", "TOKENu1x1", moment, moment}, "range PRIMARY"},
				{"touch that only reads", func() error {
					_, err := store.Touch(t.Context(), models.Session{ID: "u1s27", Token: "TOKENu1x27", ExpiresAt: moment}, moment, moment)
					return err
				}, []any{"TOKENu1x27"}, "const token"},
				{"replace", func() error {
					next := models.Session{ID: "u8s27b", Token: "TOKENu8x27b", ExpiresAt: moment, CreatedAt: moment, UpdatedAt: moment}
					_, err := store.Replace(t.Context(), models.Session{ID: "u8s27", Token: "TOKENu8x27"}, next, time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC))
					return err
				}, []any{"x", "x", moment, moment, moment, moment, "u9s27", "TOKENu9x27", moment, "TOKENu9x27"}, "range PRIMARY"},
				{"list", func() error { _, err := store.List(t.Context(), "u1", moment); return err },
					[]any{"u1", moment}, "ref session_userId_idx"},
				{"tokens", func() error { _, err := store.Tokens(t.Context(), "u1"); return err },
					[]any{"u1"}, "ref session_userId_idx"},
				{"page", func() error { _, err := store.Page(t.Context(), "u1s1", 10); return err },
					[]any{"u1s1", 10}, "range PRIMARY"},
				{"revoke by token", func() error {
					_, err := store.Revoke(t.Context(), models.Revocation{Token: "TOKENu2x1"})
					return err
				}, []any{"TOKENu3x1", "TOKENu3x1"}, "range token"},
				{"revoke by token and owner", func() error {
					_, err := store.Revoke(t.Context(), models.Revocation{Token: "TOKENu2x2", UserID: "u2"})
					return err
				}, []any{"u3", "TOKENu3x1", "TOKENu3x1"}, "range token"},
				{"revoke by user", func() error {
					_, err := store.Revoke(t.Context(), models.Revocation{UserID: "u4"})
					return err
				}, []any{"u5"}, "range session_userId_idx"},
				{"revoke others", func() error {
					_, err := store.Revoke(t.Context(), models.Revocation{UserID: "u6", Except: "u6s1", Now: moment})
					return err
				}, []any{"u7", "u7s1", moment}, "range session_userId_idx"},
				{"preserve by token", func() error {
					_, err := store.Preserve(t.Context(), models.Revocation{Token: "TOKENu10x27"}, moment)
					return err
				}, []any{moment, moment, "TOKENu11x27", "TOKENu11x27", moment}, "range token"},
				{"preserve by token and owner", func() error {
					_, err := store.Preserve(t.Context(), models.Revocation{Token: "TOKENu10x26", UserID: "u10"}, moment)
					return err
				}, []any{moment, moment, "u11", "TOKENu11x26", "TOKENu11x26", moment}, "range token"},
				{"preserve by user", func() error {
					_, err := store.Preserve(t.Context(), models.Revocation{UserID: "u12"}, moment)
					return err
				}, []any{moment, moment, "u13", moment}, "range session_userId_idx"},
				{"preserve others", func() error {
					_, err := store.Preserve(t.Context(), models.Revocation{UserID: "u14", Except: "u14s1", Now: moment}, moment)
					return err
				}, []any{moment, moment, "u15", "u15s1", moment, moment}, "range session_userId_idx"},
				{"user", func() error { _, err := store.User(t.Context(), "u1"); return err },
					[]any{"u1"}, "const PRIMARY"},
				{"purge", func() error {
					_, err := store.Purge(t.Context(), moment.Add(-20*24*time.Hour), turn)
					return err
				}, []any{moment.Add(-20 * 24 * time.Hour), turn}, "range session_expiresAt_idx"},
				{"truncate addresses", func() error {
					_, _, err := store.TruncateAddresses(t.Context(), time.Now().Add(time.Hour), "u9s")
					return err
				}, []any{"u9s", 500}, "range PRIMARY"},
			}
			then := map[string]string{"purge": "DELETE", "truncate addresses": "UPDATE"}
			for _, test := range tests {
				mu.Lock()
				lines.Reset()
				mu.Unlock()
				if err := test.call(); err != nil {
					t.Fatalf("%s: %v", test.name, err)
				}
				mu.Lock()
				text := lines.String()
				mu.Unlock()
				statement, _, _ := strings.Cut(afterRows(text), "\n")
				if got := explain(t, db, statement, test.args...); got != test.want {
					t.Errorf("%s: got %q, want %q\n%s", test.name, got, test.want, statement)
				}
				if verb := then[test.name]; verb != "" { // what it writes to the rows that it has read
					_, write, _ := strings.Cut(text, verb)
					var args []any
					for i := range strings.Count(write, "?") {
						args = append(args, fmt.Sprintf("u9s%d", i))
					}
					if test.name == "purge" {
						args[len(args)-1] = moment
					}
					if got := explain(t, db, verb+write, args...); got != "range PRIMARY" {
						t.Errorf("%s: got %q, want %q\n%s%s", test.name, got, "range PRIMARY", verb, write)
					}
				}
			}
		})
	}
}

// crowd fills empty tables with sessions of users who have ten each. All but a
// thousand have yet to expire.
func crowd(t *testing.T, db *gorm.DB, rows int) {
	t.Helper()
	conn, err := pool(t, db).Conn(t.Context()) // of which the settings are
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exec := func(statement string) {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec("SET SESSION unique_checks = 0, foreign_key_checks = 0, autocommit = 0") // MariaDB sorts, then
	for n := 0; n < rows; n += 1000 {
		numbers := fmt.Sprintf("WITH RECURSIVE counted AS (SELECT %d AS n UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < %d) ", n, n+1000)
		if n < rows/10 {
			exec("INSERT INTO user (id, name, email, emailVerified, createdAt, updatedAt) " + numbers +
				"SELECT MD5(n), 'Somebody', CONCAT(n, '@crowd.example'), FALSE, NOW(3), NOW(3) FROM counted")
		}
		exec("INSERT INTO session (id, expiresAt, token, createdAt, updatedAt, userId) " + numbers +
			fmt.Sprintf("SELECT MD5(CONCAT('id', n)), IF(n < 1000, TIMESTAMP '2026-10-01 12:00:00', TIMESTAMP '2026-12-01 12:00:00' + INTERVAL n MOD 600000 SECOND), MD5(CONCAT('token', n)), NOW(3), NOW(3), MD5(n %% %d) FROM counted", rows/10))
	}
	exec("COMMIT")
	exec("SET SESSION unique_checks = 1, foreign_key_checks = 1, autocommit = 1")
}

// afterRows is the statement of a line of GORM's log.
func afterRows(line string) string {
	_, line, _ = strings.Cut(line, "[rows:")
	_, line, _ = strings.Cut(line, "] ")
	return line
}

func explain(t *testing.T, db *gorm.DB, statement string, args ...any) string {
	t.Helper()
	rows, err := pool(t, db).QueryContext(t.Context(), "EXPLAIN "+statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		values := make([]sql.NullString, len(names))
		targets := make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		line := map[string]string{}
		for i, name := range names {
			line[name] = values[i].String
		}
		lines = append(lines, line["type"]+" "+line["key"])
	}
	return strings.Join(lines, ", ")
}

// locked is a writer for loggers that several connections share.
type locked struct {
	w  *bytes.Buffer
	mu *sync.Mutex
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.String()
}

// Rule 13 of the store.
func TestRule13NoTokenInAnyLog(t *testing.T) {
	tests := []struct {
		name  string
		level logger.LogLevel
		slow  time.Duration
		debug bool
	}{
		{"info", logger.Info, 0, false},
		{"slow", logger.Warn, time.Nanosecond, false},
		{"errors", logger.Error, 0, false},
		{"debug", logger.Error, 0, true},
		{"debug and slow", logger.Info, time.Nanosecond, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			out := &locked{w: &bytes.Buffer{}, mu: &sync.Mutex{}}
			dsn := with(testdb.MySQL(t, utf8mb4), "parseTime=true&time_zone=%27%2B00%3A00%27")
			db := openPlain(t, dsn, &gorm.Config{ // TranslateError off: the server's text is all there
				Logger: logger.New(log.New(out, "", 0), logger.Config{LogLevel: test.level, SlowThreshold: test.slow}),
			})
			if test.debug {
				db = db.Debug()
			}
			migrateTo(t, storetest.Schema(), db)
			session, store := seed(t, db), storeOf(t, storetest.Schema(), db)
			ctx := t.Context()

			var errs []error
			note := func(_ any, err error) { errs = append(errs, err) }
			errs = append(errs, store.Create(ctx, session)) // the server quotes it: Duplicate entry '…'
			foreign := session
			foreign.ID, foreign.Token, foreign.UserID = "s2", "another"+secret, secret
			errs = append(errs, store.Create(ctx, foreign))
			_, _, err := store.Find(ctx, secret)
			errs = append(errs, err)
			_, _, err = store.Find(ctx, "unknown"+secret)
			errs = append(errs, err)
			note(store.Touch(ctx, session, moment.Add(2*time.Hour), moment))
			note(store.Touch(ctx, session, moment.Add(3*time.Hour), moment)) // moved: a re-read
			note(store.FindMany(ctx, []string{secret, "unknown" + secret}))
			note(store.Update(ctx, session, map[string]any{"theme": secret}, moment))
			note(store.Update(ctx, session, map[string]any{"count": secret}, moment))
			note(store.Update(ctx, session, map[string]any{"theme": strings.Repeat(secret, 9_999)}, moment))
			note(store.List(ctx, "u1", moment))
			note(store.Tokens(ctx, "u1"))
			note(store.Revoke(ctx, models.Revocation{Token: "unknown" + secret, UserID: secret}))
			note(store.Purge(ctx, moment, 0))
			ended, cancel := context.WithCancel(ctx)
			cancel()
			errs = append(errs, store.Create(ended, session))
			exec(t, db, "DROP TABLE session")
			errs = append(errs, store.Create(ctx, session))
			_, _, err = store.Find(ctx, secret)
			errs = append(errs, err)

			text := out.String()
			if strings.Contains(text, "SECRET") {
				t.Error("the log holds a token")
			}
			if strings.Contains(text, "Duplicate entry") || strings.Contains(text, "doesn't exist") {
				t.Error("the log holds the server's own text")
			}
			if !strings.Contains(text, "1146") {
				t.Error("the log does not tell of the missing table")
			}
			for _, err := range errs {
				for _, part := range []string{"SECRET", "Duplicate entry", "doesn't exist"} {
					if err != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), part) {
						t.Errorf("an error holds %q", part)
					}
				}
			}
		})
	}
}

func TestRule13ErrorsTellClassAndNumberOnly(t *testing.T) {
	db, store, session := one(t)
	_, _, notFound := store.Find(t.Context(), "unknown"+secret)
	if notFound != models.ErrNotFound {
		t.Errorf("got %v, want ErrNotFound itself", notFound)
	}
	exec(t, db, "RENAME TABLE session TO gone")
	_, _, err := store.Find(t.Context(), session.Token)
	wantError(t, err, "find", models.Configuration, 1146)
	if want := "models: find: database configuration error 1146"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if errors.Unwrap(err) != nil {
		t.Errorf("the error unwraps to %v, whose text may hold a token", errors.Unwrap(err))
	}
	if _, err = store.Touch(t.Context(), session, moment.Add(2*time.Hour), moment); err != nil {
		wantError(t, err, "touch", models.Configuration, 1146)
	}
	exec(t, db, "RENAME TABLE gone TO session")
	exec(t, db, "ALTER TABLE session DROP COLUMN userAgent")
	_, err = store.List(t.Context(), "u1", moment)
	wantError(t, err, "list", models.Configuration, 1054)

	exec(t, db, "ALTER TABLE session ADD COLUMN userAgent text, ADD COLUMN tenant int NOT NULL")
	session.ID, session.Token = "s2", "another"+secret
	wantError(t, store.Create(t.Context(), session), "create", models.Configuration, 1364)
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

// Rule 19 of the store: a row that another connection has locked.
func TestRule19LockedRowEndsWithTheContext(t *testing.T) {
	db, store, session := one(t)
	tx, err := pool(t, db).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(t.Context(), "SELECT id FROM session WHERE id = 's1' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err = store.Touch(ctx, session, moment.Add(2*time.Hour), moment)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("took %s of 300ms", took)
	}
	wantError(t, err, "touch", models.Transient, 0)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, which does not wrap context.DeadlineExceeded", err)
	}
	if _, _, err := store.Find(t.Context(), session.Token); err != nil {
		t.Errorf("a read behind a locked row: %v", err)
	}
}

// Rule 14 of the store. The lock wait ends by itself here, and each wait is one
// try.
func TestRule14LostRacesAreTriedAgain(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	migrate(t, openMySQL(t, dsn))
	db := openMySQL(t, with(dsn, "innodb_lock_wait_timeout=1"))
	session, store := seed(t, db), newStore(t, db)
	tx, err := pool(t, db).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(t.Context(), "SELECT id FROM session WHERE id = 's1' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	go func() {
		time.Sleep(1500 * time.Millisecond) // in the second try
		tx.Rollback()
	}()
	got, err := store.Touch(t.Context(), session, moment.Add(2*time.Hour), moment)
	if err != nil || !got.ExpiresAt.Equal(moment.Add(2*time.Hour)) {
		t.Errorf("got %s and %v, want the renewal", got.ExpiresAt, err)
	}
}

// Rule 23 of the store: no BEGIN, no COMMIT, no PREPARE.
func TestRule23OneRoundTripAStatement(t *testing.T) {
	db, _, session := one(t)
	migrateTo(t, storetest.Schema(), db)
	store, pool := storeOf(t, storetest.Schema(), db), pool(t, db)
	pool.SetMaxOpenConns(1)
	questions := func() (n int) {
		var name string
		if err := pool.QueryRow("SHOW SESSION STATUS LIKE 'Questions'").Scan(&name, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	tests := []struct {
		name string
		want int
		call func(ctx context.Context) error
	}{
		{"find", 1, func(ctx context.Context) error { _, _, err := store.Find(ctx, session.Token); return err }},
		{"find, empty", 0, func(ctx context.Context) error {
			if _, _, err := store.Find(ctx, ""); err != models.ErrNotFound {
				return errors.New("an empty token is not ErrNotFound")
			}
			return nil
		}},
		{"find many", 1, func(ctx context.Context) error {
			_, err := store.FindMany(ctx, []string{session.Token, "another" + secret})
			return err
		}},
		{"find many, empty", 0, func(ctx context.Context) error { _, err := store.FindMany(ctx, []string{"", "é"}); return err }},
		{"update", 2, func(ctx context.Context) error {
			_, err := store.Update(ctx, session, map[string]any{"theme": "x", "count": 1}, moment)
			return err
		}},
		{"touch", 1, func(ctx context.Context) error {
			_, err := store.Touch(ctx, session, moment.Add(2*time.Hour), moment)
			return err
		}},
		{"touch, lost", 2, func(ctx context.Context) error {
			_, err := store.Touch(ctx, session, moment.Add(3*time.Hour), moment)
			return err
		}},
		{"create", 1, func(ctx context.Context) error {
			session := session
			session.ID, session.Token = "s2", "another"+secret
			return store.Create(ctx, session)
		}},
		{"list", 1, func(ctx context.Context) error { _, err := store.List(ctx, "u1", moment); return err }},
		{"tokens", 1, func(ctx context.Context) error { _, err := store.Tokens(ctx, "u1"); return err }},
		{"purge of none", 1, func(ctx context.Context) error { _, err := store.Purge(ctx, moment, 0); return err }},
		{"purge", 2, func(ctx context.Context) error {
			n, err := store.Purge(ctx, moment.Add(90*time.Minute), 0)
			if err == nil && n != 1 {
				err = fmt.Errorf("purged %d", n)
			}
			return err
		}},
		{"revoke", 1, func(ctx context.Context) error {
			_, err := store.Revoke(ctx, models.Revocation{Token: session.Token, UserID: "u1"})
			return err
		}},
	}
	for _, test := range tests {
		before := questions()
		if err := test.call(t.Context()); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if got := questions() - before - 1; got != test.want {
			t.Errorf("%s: took %d questions, want %d", test.name, got, test.want)
		}
	}
}

// Rule 17 of the store: a session renewed between the purge's two statements.
func TestRule17PurgeLeavesASessionRenewedMeanwhile(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	db := openMySQL(t, dsn)
	migrate(t, db)
	session, rival := seed(t, db), newStore(t, openMySQL(t, dsn))
	renewed := 0
	if err := db.Callback().Raw().Before("gorm:raw").Register("rival", func(tx *gorm.DB) {
		if strings.HasPrefix(tx.Statement.SQL.String(), "DELETE") {
			renewed++
			if _, err := rival.Touch(t.Context(), session, moment.Add(9*time.Hour), moment); err != nil {
				t.Error(err)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	n, err := newStore(t, db).Purge(t.Context(), moment.Add(2*time.Hour), 0)
	if err != nil || n != 0 || renewed != 1 {
		t.Errorf("got %d purged and %v after %d renewals, want none after one", n, err, renewed)
	}
	if _, _, err := rival.Find(t.Context(), session.Token); err != nil {
		t.Errorf("the renewed session: %v", err)
	}
}

func TestNewStoreRefusesWhatIsNotOpen(t *testing.T) {
	cfg := testdb.Server(t)
	cfg.Addr = "127.0.0.1:1"
	cfg.Net = "tcp"
	refused, err := gorm.Open(gormmysql.Open(cfg.FormatDSN()), &gorm.Config{Logger: logger.Discard})
	if err == nil {
		t.Fatal("gorm.Open reached port 1")
	}
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	failed := db.Session(&gorm.Session{})
	failed.AddError(errors.New("earlier"))
	tx := db.Begin()
	defer tx.Rollback()
	for name, db := range map[string]*gorm.DB{
		"nil":         nil,
		"empty":       {},
		"refused":     refused,
		"failed":      failed,
		"dry run":     db.Session(&gorm.Session{DryRun: true}),
		"transaction": tx,
	} {
		if store, err := models.NewStore(db); err == nil || store != nil {
			t.Errorf("%s: got %v and no error", name, store)
		}
		if err := models.Migrate(t.Context(), db); err == nil {
			t.Errorf("Migrate, %s: got no error", name)
		}
	}
	if newStore(t, db) == nil {
		t.Error("the db itself was refused")
	}
}
