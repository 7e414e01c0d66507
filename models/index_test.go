package models_test

import (
	"database/sql"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

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
			lines := new(logbook)
			spy := logger.New(log.New(lines, "", 0), logger.Config{LogLevel: logger.Info})
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
				lines.take()
				if err := test.call(); err != nil {
					t.Fatalf("%s: %v", test.name, err)
				}
				text := lines.take()
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

// The window is found by index, not by reading the table.
func TestRule4FeedFindsItsIndex(t *testing.T) {
	t.Parallel()
	_, db := feedHarness(t)
	exec(t, db, "INSERT INTO session_revocation (at, userId) SELECT NOW(3) - INTERVAL seq SECOND, seq FROM seq_1_to_5000")
	exec(t, db, "ANALYZE TABLE session_revocation")
	for statement, want := range map[string]string{
		"SELECT id FROM session_revocation WHERE at > NOW(3) - INTERVAL 30000000 MICROSECOND ORDER BY at DESC LIMIT 100001": "range at",
		"SELECT id FROM session_revocation WHERE at < NOW(3) - INTERVAL 5000000000 MICROSECOND ORDER BY at LIMIT 500":       "range at",
		"SELECT at, tokenHash, userId, exceptId, reason FROM session_revocation WHERE id IN (1, 2, 3)":                      "range PRIMARY",
	} {
		if got := explain(t, db, statement); got != want {
			t.Errorf("got %q, want %q\n%s", got, want, statement)
		}
	}
}
