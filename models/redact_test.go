package models_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"testing"
	"time"

	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

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
			out := new(logbook)
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
	_, err = store.Touch(t.Context(), session, moment.Add(2*time.Hour), moment)
	wantError(t, err, "touch", models.Configuration, 1146)
	exec(t, db, "RENAME TABLE gone TO session")
	exec(t, db, "ALTER TABLE session DROP COLUMN userAgent")
	_, err = store.List(t.Context(), "u1", moment)
	wantError(t, err, "list", models.Configuration, 1054)

	exec(t, db, "ALTER TABLE session ADD COLUMN userAgent text, ADD COLUMN tenant int NOT NULL")
	session.ID, session.Token = "s2", "another"+secret
	wantError(t, store.Create(t.Context(), session), "create", models.Configuration, 1364)
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
				if name == "quiet" && got != "" && !strings.Contains(got, "redact_test.go:") {
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

// SR-67: rows and revocations in somebody's log show everything but the token.
func TestSR67_RowsPrintWithoutTheirTokens(t *testing.T) {
	session := models.Session{ID: "s1", Token: secret, UserID: "u1", ExpiresAt: moment}
	revocation := models.Revocation{Token: secret, UserID: "u1"}
	for _, value := range []any{session, &session, []models.Session{session}, models.Found{Session: session}, map[string]models.Session{"a": session}, revocation, &revocation, []models.Revocation{revocation}} {
		var out bytes.Buffer
		for _, verb := range []string{"%v ", "%+v ", "%#v ", "%s ", "%q\n"} {
			fmt.Fprintf(&out, verb, value)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "row", value)
		if strings.Contains(out.String(), "SECRET") || !strings.Contains(out.String(), "u1") {
			t.Errorf("%T prints as %s", value, out.String())
		}
	}
	for _, value := range []any{session, []models.Session{session}, models.Found{Session: session}} {
		text, err := json.Marshal(value)
		if err != nil || strings.Contains(string(text), "SECRET") {
			t.Errorf("%T in JSON: %s, %v", value, text, err)
		}
	}
	if session.Token != secret || revocation.Token != secret {
		t.Error("printing changes the value")
	}
}
