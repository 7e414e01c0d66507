package models_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
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

// unlocking is a logger that ends a transaction when another statement fails.
type unlocking struct {
	logger.Interface
	tx *sql.Tx
}

func (u unlocking) Trace(_ context.Context, _ time.Time, _ func() (string, int64), err error) {
	if err != nil {
		_ = u.tx.Rollback()
	}
}

// Rule 14 of the store. Each lock wait that ends is one try.
func TestRule14LostRacesAreTriedAgain(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	migrate(t, openMySQL(t, dsn))
	db := openMySQL(t, with(dsn, "innodb_lock_wait_timeout=1"))
	session := seed(t, db)
	tx, err := pool(t, db).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(t.Context(), "SELECT id FROM session WHERE id = 's1' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	store := newStore(t, db.Session(&gorm.Session{Logger: unlocking{logger.Discard, tx}}))
	got, err := store.Touch(t.Context(), session, moment.Add(2*time.Hour), moment)
	if err != nil || !got.ExpiresAt.Equal(moment.Add(2*time.Hour)) {
		t.Errorf("got %s and %v, want the renewal", got.ExpiresAt, err)
	}
}

// Rule 23 of the store: no BEGIN, no COMMIT. To prepare a statement is no question.
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
		{"replace", 2, func(ctx context.Context) (err error) {
			next := session
			next.ID, next.Token = "s3", "third"+secret
			session, err = store.Replace(ctx, session, next, moment)
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
