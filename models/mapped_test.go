package models_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// ownUsers is an application's own table, as frameworks make them: integer ids,
// other names and NULL where nobody filled anything in.
const ownUsers = "CREATE TABLE `users` (" +
	"`user_no` bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, `full_name` varchar(255) NULL, `mail` varchar(255) NULL, " +
	"`verified` tinyint(1) NULL, `picture` text NULL, `created` datetime(3) NULL, `changed` datetime(3) NULL) ENGINE=InnoDB"

// own is a database of an application's own, migrated to a schema on it.
func own(t *testing.T, dsn string, schema models.Schema) (*gorm.DB, *models.Store) {
	t.Helper()
	db := openMySQL(t, dsn)
	exec(t, db, ownUsers)
	migrateTo(t, schema, db)
	store := storeOf(t, schema, db)
	wantFaults(t, store)
	return db, store
}

func TestStoreOnAnApplicationsOwnTables(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{
		// Rule 2 of the store.
		"explicit_defaults_for_timestamp=OFF": func(t *testing.T) string {
			return with(testdb.MySQL(t, "CHARACTER SET latin1"), "explicit_defaults_for_timestamp=OFF")
		},
		// Rule 12 of the store, and prepared statements, in whose protocol other
		// types arrive.
		"plain": func(t *testing.T) string { return testdb.MySQL(t, utf8mb4) },
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Harness {
				dsn := dsn(t)
				db := openMySQL(t, dsn)
				exec(t, db, strings.Replace(ownUsers, "ENGINE", "CHARACTER SET utf8mb4 ENGINE", 1))
				migrateTo(t, mapped(), db)
				if name == "plain" {
					db = openPlain(t, with(dsn, "parseTime=true&time_zone=%27%2B00%3A00%27"), &gorm.Config{PrepareStmt: true})
				}
				add := func(t *testing.T, u models.User) {
					exec(t, db, "INSERT INTO `users` (`user_no`, `full_name`, `mail`, `verified`, `picture`, `created`, `changed`, `user_role`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
						u.ID, u.Name, u.Email, u.EmailVerified, u.Image, u.CreatedAt, u.UpdatedAt, u.Fields["role"])
				}
				return harnessOf(t, db, mapped(), add)
			})
		})
	}
}

func TestMigrateMakesSessionsBesideAnApplicationsUsers(t *testing.T) {
	db, _ := own(t, testdb.MySQL(t, utf8mb4), mapped())
	got := definition(t, db, "app_sessions")
	for _, want := range []string{
		"`session_no` varchar(36) NOT NULL",
		"`session_token` varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL",
		"`user_id` bigint(20) NOT NULL",
		"`ui_theme` text DEFAULT NULL",
		"`count` int(11) DEFAULT NULL",
		"`pinned` tinyint(1) DEFAULT NULL",
		"`seenAt` timestamp(3) NULL DEFAULT NULL",
		"PRIMARY KEY (`session_no`)",
		"UNIQUE KEY `session_token` (`session_token`)",
		"KEY `app_sessions_user_id_idx` (`user_id`)",
		"KEY `app_sessions_expires_at_idx` (`expires_at`)",
		"FOREIGN KEY (`user_id`) REFERENCES `users` (`user_no`) ON DELETE CASCADE",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if users := definition(t, db, "users"); !strings.Contains(users, "`user_role` text DEFAULT NULL") {
		t.Errorf("no user_role in\n%s", users)
	}
	migrateTo(t, mapped(), db)
	if again := definition(t, db, "app_sessions"); again != got {
		t.Errorf("a second Migrate changed\n%s\nto\n%s", got, again)
	}
	// Better Auth's tables beside them are another Schema's.
	migrate(t, db)
	wantFaults(t, newStore(t, db))
	wantFaults(t, storeOf(t, mapped(), db))
}

func TestIntegerIDsOnMySQL(t *testing.T) {
	db, store := own(t, testdb.MySQL(t, utf8mb4), bare())
	exec(t, db, "INSERT INTO users (user_no, full_name) VALUES (42, NULL), (-7, 'minus seven')")
	session := scriptedSession
	session.UserID = "42"
	if err := store.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	got, user, err := store.Find(t.Context(), secret)
	if err != nil || got.UserID != "42" || user.ID != "42" || user.Name != "" || user.Email != "" || user.EmailVerified || user.Image != nil || !user.CreatedAt.IsZero() {
		t.Errorf("got a session of %q, %+v and %v", got.UserID, user, err)
	}
	session.ID, session.Token, session.UserID = "s3", "minus"+secret, "-7"
	if err := store.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	if _, user, err := store.Find(t.Context(), session.Token); err != nil || user.ID != "-7" || user.Name != "minus seven" {
		t.Errorf("got %+v and %v", user, err)
	}
	session.ID, session.Token, session.UserID = "s4", "missing"+secret, "404"
	if err := store.Create(t.Context(), session); err != models.ErrNoUser {
		t.Errorf("an unknown id: got %v, want ErrNoUser itself", err)
	}
}

// Rule 1 of the store: Migrate adds the declared columns to Better Auth's tables
// and leaves every byte of the rest.
func TestRule1MigrateAddsFieldsToBetterAuthsTables(t *testing.T) {
	for _, test := range []struct{ options, parameters, text string }{
		{utf8mb4, "explicit_defaults_for_timestamp=ON", "text DEFAULT NULL"},
		{"CHARACTER SET latin1", "explicit_defaults_for_timestamp=ON", "text CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci DEFAULT NULL"},
		{utf8mb4, "explicit_defaults_for_timestamp=OFF", "text DEFAULT NULL"},
	} {
		db := openMySQL(t, with(testdb.MySQL(t, test.options), test.parameters))
		execFile(t, db, "better-auth-mysql.sql")
		migrate(t, db)
		before := map[string]string{"user": definition(t, db, "user"), "session": definition(t, db, "session")}
		session := seed(t, db)

		store := storeOf(t, storetest.Schema(), db)
		missing := []string{
			"column session.theme, of the field theme, is missing: call Migrate of the same Schema",
			"session.count, of", "session.pinned, of", "session.seenAt, of", "session.hidden, of",
			"column user.role, of the field role, is missing: call Migrate of the same Schema",
		}
		if strings.Contains(before["session"], "ON UPDATE") {
			missing = append(missing, "ON UPDATE")
		}
		wantFaults(t, store, missing...)
		for range 2 {
			migrateTo(t, storetest.Schema(), db)
		}
		wantFaults(t, store, missing[6:]...)

		added := map[string]string{
			"session": "  `theme` " + test.text + ",\n  `count` int(11) DEFAULT NULL,\n  `pinned` tinyint(1) DEFAULT NULL,\n" +
				"  `seenAt` timestamp(3) NULL DEFAULT NULL,\n  `hidden` " + test.text + ",\n",
			"user": "  `role` " + test.text + ",\n",
		}
		for table, columns := range added {
			if got := definition(t, db, table); !strings.Contains(got, columns) || strings.Replace(got, columns, "", 1) != before[table] {
				t.Errorf("%v: the table %s changed by more than the columns\n%s\nto\n%s", test, table, before[table], got)
			}
		}
		got, user, err := store.Find(t.Context(), session.Token)
		if err != nil || len(got.Fields) != 5 || got.Fields["seenAt"] != nil || len(user.Fields) != 1 {
			t.Errorf("%v: a session from before: got %v, %v and %v", test, got.Fields, user.Fields, err)
		}
		// A write to a row with ON UPDATE, of one field of several.
		updated, err := store.Update(t.Context(), got, map[string]any{"theme": "日本語 😀"}, moment.Add(time.Minute))
		if err != nil || updated.Fields["theme"] != "日本語 😀" || updated.Fields["seenAt"] != nil || !updated.ExpiresAt.Equal(session.ExpiresAt) {
			t.Errorf("%v: got %v, expiry %s and %v", test, updated.Fields, updated.ExpiresAt, err)
		}
	}
}

func TestMigrateAtOnce(t *testing.T) {
	for name, setUp := range map[string]func(*testing.T, *gorm.DB) models.Schema{
		"Better Auth's tables": func(t *testing.T, db *gorm.DB) models.Schema {
			execFile(t, db, "better-auth-mysql.sql")
			return storetest.Schema()
		},
		"an application's own": func(t *testing.T, db *gorm.DB) models.Schema { exec(t, db, ownUsers); return mapped() },
		"none":                 func(*testing.T, *gorm.DB) models.Schema { return storetest.Schema() },
	} {
		t.Run(name, func(t *testing.T) {
			dsn := testdb.MySQL(t, utf8mb4)
			db := openMySQL(t, dsn)
			schema := setUp(t, db)
			var wait sync.WaitGroup
			for range 6 {
				db := openMySQL(t, dsn)
				wait.Go(func() {
					if err := schema.Migrate(t.Context(), db); err != nil {
						t.Error(err)
					}
				})
			}
			wait.Wait()
			wantFaults(t, storeOf(t, schema, db))
		})
	}
}

func TestMigrateWantsTheApplicationsTableFirst(t *testing.T) {
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	renamed := models.Schema{User: models.Table{Name: "users"}}
	column := userTable(columns("email", "mail"))
	absent := userTable(columns("image", models.Absent))
	for name, schema := range map[string]models.Schema{"name": renamed, "column": column, "absent": absent, "integers": {IntegerUserIDs: true}} {
		err := schema.Migrate(t.Context(), db)
		wantError(t, err, "migrate", models.Configuration, 0)
		table := "user"
		if name == "name" {
			table = "users"
		}
		if want := "table " + table + " is missing: the Schema makes it the application's own, so create it first"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
		wantFaults(t, storeOf(t, schema, db),
			"table session is missing: call models.Migrate",
			"table "+table+" is missing: it is the application's own, create it")
	}
	exec(t, db, ownUsers)
	err := renamed.Migrate(t.Context(), db)
	if err == nil || !strings.Contains(err.Error(), "table users has no column id") {
		t.Errorf("no id: got %v", err)
	}
	exec(t, db, "CREATE TABLE `user` (id bigint NOT NULL PRIMARY KEY, name text, email text, emailVerified int, image text, createdAt datetime, updatedAt datetime)")
	migrateTo(t, models.Schema{IntegerUserIDs: true}, db)
	wantFaults(t, storeOf(t, models.Schema{IntegerUserIDs: true}, db))
}

func TestCheckNamesMappedColumns(t *testing.T) {
	db, store := own(t, testdb.MySQL(t, utf8mb4), mapped())
	exec(t, db, "ALTER TABLE users DROP COLUMN mail, DROP COLUMN user_role")
	exec(t, db, "ALTER TABLE app_sessions DROP COLUMN agent, DROP COLUMN ui_theme")
	wantFaults(t, store,
		`column users.mail is missing: add it, or correct Schema.User.Columns["email"]`,
		"column users.user_role, of the field role, is missing: call Migrate of the same Schema, which adds it",
		`column app_sessions.agent is missing: add it, or correct Schema.Session.Columns["userAgent"]`,
		"column app_sessions.ui_theme, of the field theme, is missing")
	exec(t, db, "ALTER TABLE app_sessions ADD COLUMN agent text, ADD COLUMN ui_theme text, MODIFY expires_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)")
	exec(t, db, "ALTER TABLE users ADD COLUMN mail text, ADD COLUMN user_role text")
	wantFaults(t, store, "column app_sessions.expires_at has ON UPDATE CURRENT_TIMESTAMP")
	exec(t, db, "ALTER TABLE `app_sessions` MODIFY `expires_at` timestamp(3) NOT NULL")
	wantFaults(t, store)
}

func TestCheckComparesIDsWithTheSchema(t *testing.T) {
	text := mapped()
	text.IntegerUserIDs = false
	db, _ := own(t, testdb.MySQL(t, utf8mb4), mapped())
	wantFaults(t, storeOf(t, text, db),
		"column app_sessions.user_id is bigint(20), and compared with one the text 42abc is 42: set Schema.IntegerUserIDs",
		"column users.user_no is bigint(20), and compared with one the text 42abc is 42: set Schema.IntegerUserIDs")
	// A session's userId that is no number is as bad as a user's id.
	exec(t, db, "ALTER TABLE app_sessions DROP FOREIGN KEY app_sessions_ibfk_1")
	exec(t, db, "ALTER TABLE app_sessions MODIFY user_id varchar(36) NOT NULL")
	wantFaults(t, storeOf(t, mapped(), db), "column app_sessions.user_id is varchar(36), but Schema.IntegerUserIDs says")

	db = openMySQL(t, testdb.MySQL(t, utf8mb4))
	migrate(t, db)
	wantFaults(t, storeOf(t, models.Schema{IntegerUserIDs: true}, db), "session.userId is varchar(36), but", "user.id is varchar(36), but")
	exec(t, db, "DROP TABLE session, user")
	for _, typ := range []string{"char(36)", "binary(16)", "uuid", "enum('a','int')"} {
		exec(t, db, "CREATE TABLE user (id "+typ+" PRIMARY KEY, name text, email text, emailVerified int, image text, createdAt datetime, updatedAt datetime)")
		exec(t, db, "CREATE TABLE session (id char(36) PRIMARY KEY, expiresAt datetime(3), token varchar(255), createdAt datetime(3), updatedAt datetime(3), ipAddress text, userAgent text, userId "+typ+")")
		wantFaults(t, newStore(t, db))
		exec(t, db, "DROP TABLE session, user")
	}
}

// The value is refused by the database, and nothing is written of it.
func TestValuesThatAColumnCannotHold(t *testing.T) {
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	schema := storetest.Schema()
	migrateTo(t, schema, db)
	exec(t, db, "ALTER TABLE session MODIFY hidden varchar(3) CHARACTER SET latin1, ADD CHECK (count < 100), ADD UNIQUE KEY (pinned)")
	session, store := seed(t, db), storeOf(t, schema, db)
	other := session
	other.ID, other.Token, other.Fields = "s2", "another"+secret, map[string]any{"pinned": true}
	if err := store.Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		field  string
		value  any
		number int
	}{
		{"theme", strings.Repeat("SECRET", 20_000), 1406},
		{"theme", "\xff\xfe", 1366},
		{"hidden", "four", 1406},
		{"hidden", "語", 1366},
		{"count", int64(1 << 31), 1264},
		{"count", int64(100), 4025},
		{"pinned", true, 1062},
		{"seenAt", time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC), 1292},
		{"seenAt", time.Unix(0, 0), 1292},
	} {
		_, err := store.Update(t.Context(), session, map[string]any{test.field: test.value}, moment)
		var e *models.Error
		if !errors.As(err, &e) || e.Class != models.BadValue || e.Number != test.number {
			if e == nil || e.Class != models.BadValue || e.Number != 0 || test.number != 1062 { // GORM has no number for a duplicate
				t.Errorf("%s: got %v, want a bad value %d", test.field, err, test.number)
			}
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Error("the error holds the value")
		}
	}
	got, _, err := store.Find(t.Context(), session.Token)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range got.Fields {
		if value != nil {
			t.Errorf("%s: got %v, want what was there before", name, value)
		}
	}
}
