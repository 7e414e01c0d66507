package models_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// SR-08: whatever stands in an id, a token or a field is a value, interpolated
// by the driver or not, and also where a backslash is no escape.
func TestSR08_ValuesAreNeverSQL(t *testing.T) {
	hostile := []string{
		"'OR'1'='1", "'/**/OR/**/1=1/**/--", `\'OR/**/1=1#`, `"OR"1"="1`, "`OR`1`=`1", "0", "u1'#", `u1\`, "%", "_", "?", "u1;DELETE/**/FROM/**/session",
	}
	for _, parameters := range []string{
		"interpolateParams=true",
		"interpolateParams=false",
		"interpolateParams=true&sql_mode=%27NO_BACKSLASH_ESCAPES%27",
		"interpolateParams=true&sql_mode=%27ANSI_QUOTES%27",
	} {
		t.Run(parameters, func(t *testing.T) {
			t.Parallel()
			dsn := testdb.MySQL(t, utf8mb4)
			migrateTo(t, storetest.Schema(), openMySQL(t, dsn))
			db := openPlain(t, with(dsn, "parseTime=true&time_zone=%27%2B00%3A00%27&"+parameters), &gorm.Config{})
			session, store := seed(t, openMySQL(t, dsn)), storeOf(t, storetest.Schema(), db)
			ctx := t.Context()
			for _, h := range hostile {
				if _, _, err := store.Find(ctx, h); err != models.ErrNotFound {
					t.Errorf("Find %s: %v", h, err)
				}
				if found, err := store.FindMany(ctx, []string{h, h + "x"}); err != nil || len(found) != 0 {
					t.Errorf("FindMany %s: %d and %v", h, len(found), err)
				}
				if list, err := store.List(ctx, h, moment); err != nil || len(list) != 0 {
					t.Errorf("List %s: %d and %v", h, len(list), err)
				}
				if tokens, err := store.Tokens(ctx, h); err != nil || len(tokens) != 0 {
					t.Errorf("Tokens %s: %d and %v", h, len(tokens), err)
				}
				for _, r := range []models.Revocation{{Token: h}, {UserID: h}, {Token: h, UserID: "u1"}, {Token: secret, UserID: h}, {UserID: h, Except: "s9", Now: moment}} {
					if n, err := store.Revoke(ctx, r); err != nil || n != 0 {
						t.Errorf("Revoke %s: %d and %v", h, n, err)
					}
				}
				agent := h + "'"
				added := session
				added.ID, added.Token, added.UserAgent, added.IPAddress = h, h, &agent, &agent
				added.Fields = map[string]any{"theme": agent}
				if err := store.Create(ctx, added); err != nil {
					t.Errorf("Create %s: %v", h, err)
				}
				got, err := store.Update(ctx, added, map[string]any{"hidden": agent + `\`}, moment)
				if err != nil || got.ID != h || *got.UserAgent != agent || got.Fields["theme"] != agent || got.Fields["hidden"] != agent+`\` {
					t.Errorf("%s came back as %+v, %v", h, got.Fields, err)
				}
				if n, err := store.Revoke(ctx, models.Revocation{Token: h, UserID: "u1"}); err != nil || n != 1 {
					t.Errorf("Revoke %s: %d and %v, want 1", h, n, err)
				}
			}
			if _, _, err := store.Find(ctx, secret); err != nil {
				t.Errorf("the session that was there: %v", err)
			}
		})
	}
}

// Rule 6 of the store: what this package writes others read as the same
// instant, and the reverse, whatever the zone of their connection.
func TestRule6InstantsAreTheSameInOtherZones(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	db := openMySQL(t, dsn)
	migrate(t, db)
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	session, store := seed(t, db), newStore(t, db)
	session.ID, session.Token = "s2", "another"+secret
	session.ExpiresAt = time.Date(2026, 3, 8, 2, 30, 0, 999_600_000, newYork) // an hour that the clocks skip
	session.CreatedAt = time.Date(2025, 11, 2, 1, 30, 0, 1e6, newYork)        // one that they repeat
	if err := store.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	other := openPlain(t, with(dsn, "parseTime=true&loc=America%2FNew_York&time_zone=%27%2B05%3A30%27"), &gorm.Config{})
	var expires, created string
	row := pool(t, other).QueryRowContext(t.Context(), "SELECT UNIX_TIMESTAMP(expiresAt), UNIX_TIMESTAMP(createdAt) FROM session WHERE id = 's2'")
	if err := row.Scan(&expires, &created); err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]time.Time{expires: session.ExpiresAt, created: session.CreatedAt} {
		if want := fmt.Sprintf("%d.%03d", want.Unix(), want.UnixMilli()%1000); got != want {
			t.Errorf("another reads %s, want %s", got, want)
		}
	}
	exec(t, other, "UPDATE session SET expiresAt = FROM_UNIXTIME(1795608000.123) WHERE id = 's2'")
	read, _, err := store.Find(t.Context(), session.Token)
	if want := time.UnixMilli(1795608000123); err != nil || !read.ExpiresAt.Equal(want) || read.ExpiresAt.Location() != time.UTC {
		t.Errorf("read %s, want %s: %v", read.ExpiresAt, want, err)
	}
}

// Rule 19 of the store: a network that has frozen in the middle of a
// connection, and a pool that others have emptied.
func TestRule19FrozenNetworkAndEmptyPool(t *testing.T) {
	const patience = 300 * time.Millisecond
	dsn := testdb.MySQL(t, utf8mb4)
	migrate(t, openMySQL(t, dsn))
	session := seed(t, openMySQL(t, dsn))
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	relay := newRelay(t, cfg.Addr)
	cfg.Addr = relay.Addr().String()
	frozen := openMySQL(t, cfg.FormatDSN())
	empty := openMySQL(t, dsn)
	pool(t, empty).SetMaxOpenConns(1)
	for name, db := range map[string]*gorm.DB{"frozen": frozen, "empty": empty} {
		store := newStore(t, db)
		if _, _, err := store.Find(t.Context(), session.Token); err != nil {
			t.Fatalf("%s, before: %v", name, err)
		}
		if name == "frozen" {
			close(relay.frozen)
		} else {
			conn, err := pool(t, db).Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		for call, do := range map[string]func(context.Context) error{
			"find": func(ctx context.Context) error { _, _, err := store.Find(ctx, session.Token); return err },
			"touch": func(ctx context.Context) error {
				_, err := store.Touch(ctx, session, moment.Add(2*time.Hour), moment)
				return err
			},
			"revoke": func(ctx context.Context) error {
				_, err := store.Revoke(ctx, models.Revocation{UserID: "u1"})
				return err
			},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			begin := time.Now()
			err := do(ctx)
			cancel()
			if took := time.Since(begin); took > patience+time.Second {
				t.Errorf("%s, %s: took %s", name, call, took)
			}
			wantError(t, err, call, models.Transient, 0)
		}
	}
	if _, _, err := newStore(t, openMySQL(t, dsn)).Find(t.Context(), session.Token); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Rule 22 of the store: a user of the database who may have no more
// connections, and one whose privileges were taken away.
func TestRule22LimitsAndPrivileges(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	admin := openMySQL(t, dsn)
	migrate(t, admin)
	session := seed(t, admin)
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	user := "u" + cfg.DBName[len(cfg.DBName)-12:]
	exec(t, admin, "CREATE USER "+user+"@'%' IDENTIFIED BY 'p' WITH MAX_USER_CONNECTIONS 1")
	t.Cleanup(func() { _, _ = pool(t, openMySQL(t, testdb.Server(t).FormatDSN())).Exec("DROP USER " + user + "@'%'") })
	exec(t, admin, "GRANT SELECT ON "+cfg.DBName+".session TO "+user+"@'%'")
	exec(t, admin, "GRANT SELECT ON "+cfg.DBName+".user TO "+user+"@'%'")
	cfg.User, cfg.Passwd = user, "p"
	db := openPlain(t, with(cfg.FormatDSN(), "parseTime=true"), &gorm.Config{})
	store := newStore(t, db)
	if _, _, err := store.Find(t.Context(), session.Token); err != nil {
		t.Fatal(err)
	}
	_, err = store.Touch(t.Context(), session, moment.Add(2*time.Hour), moment)
	wantError(t, err, "touch", models.Configuration, 1142)

	only, err := pool(t, db).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = store.Find(t.Context(), session.Token)
	wantError(t, err, "find", models.Transient, 1226)
	only.Close()
	if _, _, err := store.Find(t.Context(), session.Token); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
