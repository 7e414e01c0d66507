package store_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// An application's own users, as frameworks make them: integer ids, other names
// and NULL where nobody filled anything in.
const ownUsers = `CREATE TABLE "users" (
  "user_no" integer PRIMARY KEY AUTOINCREMENT,
  "first_name" text,
  "last_name" text,
  "full_name" text GENERATED ALWAYS AS ("first_name" || coalesce("last_name", '')) VIRTUAL,
  "mail" text,
  "verified" boolean,
  "picture" text,
  "created" datetime,
  "changed" text
)`

// mapped is the suite's Schema on tables of an application's own.
func mapped() models.Schema {
	schema := storetest.Schema()
	schema.IntegerUserIDs = true
	schema.Session.Name = "app_sessions"
	schema.Session.Columns = map[string]string{
		"id": "session_no", "expiresAt": "expires_at", "token": "session_token", "createdAt": "created_at",
		"updatedAt": "updated_at", "ipAddress": "ip", "userAgent": "agent", "userId": "user_id",
	}
	schema.Session.Fields[0].Column = "ui_theme"
	schema.User.Name = "users"
	schema.User.Columns = map[string]string{
		"id": "user_no", "name": "full_name", "email": "mail", "emailVerified": "verified", "image": "picture",
		"createdAt": "created", "updatedAt": "changed",
	}
	schema.User.Fields[0].Column = "user_role"
	return schema
}

func TestSQLiteStoreOnAnApplicationsOwnTables(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		db := open(t, newFile(t))
		exec(t, db, ownUsers)
		migrateTo(t, mapped(), db)
		store := storeOf(t, mapped(), db)
		if err := store.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		return storetest.Harness{
			Store: store,
			AddUser: func(t *testing.T, u models.User) {
				exec(t, db, `INSERT INTO "users" ("user_no", "first_name", "mail", "verified", "picture", "created", "changed", "user_role") VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
					u.ID, u.Name, u.Email, u.EmailVerified, u.Image, iso(u.CreatedAt), iso(u.UpdatedAt), u.Fields["role"])
			},
			RemoveUser: func(t *testing.T, id string) { without(t, db, `DELETE FROM "users" WHERE "user_no" = ?`, id) },
		}
	})
}

// withUser is a database of an application's own with one user, of the id 42.
func withUser(t *testing.T) (*gorm.DB, *models.Store) {
	t.Helper()
	db := open(t, newFile(t))
	exec(t, db, ownUsers)
	migrateTo(t, mapped(), db)
	exec(t, db, `INSERT INTO "users" ("user_no") VALUES (42)`)
	return db, storeOf(t, mapped(), db)
}

func TestSQLiteIntegerIDsAreTheirDigitsAlone(t *testing.T) {
	_, store := withUser(t)
	if err := store.Create(t.Context(), newSession("s1", "42", now.Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"42abc", " 42", "42 ", "042", "4e1", "+42", "42.0", "0x2a", "٤٢", "4_2", "--42", "92233720368547758080", "'42'", "-0"} {
		if err := store.Create(t.Context(), newSession("s2", id, now.Add(time.Hour))); err != models.ErrNoUser {
			t.Errorf("Create %q: got %v, want ErrNoUser itself", id, err)
		}
		if got, err := store.List(t.Context(), id, now); err != nil || len(got) != 0 {
			t.Errorf("List %q: got %d sessions and %v", id, len(got), err)
		}
		if n, err := store.Revoke(t.Context(), models.Revocation{UserID: id}); err != nil || n != 0 {
			t.Errorf("Revoke %q: got %d and %v", id, n, err)
		}
	}
	session, user, err := store.Find(t.Context(), newSession("s1", "", now).Token)
	if err != nil || session.UserID != "42" || user.ID != "42" {
		t.Errorf("got a session of %q, user %q and %v, want 42", session.UserID, user.ID, err)
	}
}

func TestSQLiteUserWithoutAnythingIsRead(t *testing.T) {
	db, _ := withUser(t)
	schema := mapped()
	bare := mapped()
	bare.User.Fields = nil
	for _, name := range []string{"name", "email", "emailVerified", "image", "createdAt", "updatedAt"} {
		bare.User.Columns[name] = models.Absent
	}
	session := newSession("s1", "42", now.Add(time.Hour))
	if err := storeOf(t, schema, db).Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	for name, schema := range map[string]models.Schema{"NULL": schema, "absent": bare} {
		_, user, err := storeOf(t, schema, db).Find(t.Context(), session.Token)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if user.ID != "42" || user.Name+user.Email != "" || user.EmailVerified || user.Image != nil || !user.CreatedAt.IsZero() || !user.UpdatedAt.IsZero() {
			t.Errorf("%s: got %+v", name, user)
		}
		if role, declared := user.Fields["role"]; role != nil || declared != (name == "NULL") {
			t.Errorf("%s: got the fields %v", name, user.Fields)
		}
	}
}

func TestSQLiteMigrateAddsFieldsToBetterAuthsTables(t *testing.T) {
	db := open(t, newFile(t))
	for statement := range strings.SplitSeq(betterAuth, ";") {
		exec(t, db, statement)
	}
	exec(t, db, `INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt") VALUES ('u1', 'n', 'e', 0, ?, ?)`, iso(now), iso(now))
	exec(t, db, `INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "userId") VALUES ('s1', ?, 'old', ?, ?, 'u1')`, iso(now), iso(now), iso(now))
	store := storeOf(t, storetest.Schema(), db)
	err := store.Check(t.Context())
	for _, want := range []string{
		"column session.theme, of the field theme, is missing: call Migrate of the same Schema",
		"column session.seenAt, of the field seenAt, is missing",
		"column user.role, of the field role, is missing",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check: got %v, want %q", err, want)
		}
	}
	for range 2 {
		migrateTo(t, storetest.Schema(), db)
		if err := store.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var types string
	if err := db.Raw(`SELECT group_concat(type) FROM (SELECT type FROM pragma_table_info('session') ORDER BY cid LIMIT 5 OFFSET 8)`).Row().Scan(&types); err != nil {
		t.Fatal(err)
	}
	if want := "text,integer,integer,date,text"; strings.ToLower(types) != want {
		t.Errorf("got the types %s, want %s", types, want)
	}
	got, user, err := store.Find(t.Context(), "old")
	if err != nil || len(got.Fields) != 5 || got.Fields["theme"] != nil || len(user.Fields) != 1 {
		t.Errorf("a session from before: got %v, %v and %v", got.Fields, user.Fields, err)
	}
}

func TestSQLiteMigrateToFieldsAtOnce(t *testing.T) {
	file := newFile(t)
	db := open(t, file)
	exec(t, db, ownUsers)
	var wait sync.WaitGroup
	for range 4 {
		db := open(t, file)
		wait.Go(func() {
			if err := mapped().Migrate(t.Context(), db); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if err := storeOf(t, mapped(), db).Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// In a SQLite file the names of indexes are shared by all tables.
func TestSQLiteIndexesOfTwoTables(t *testing.T) {
	db := open(t, newFile(t))
	migrate(t, db)
	exec(t, db, ownUsers)
	migrateTo(t, mapped(), db)
	var names []string
	if err := db.Raw(`SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name`).Scan(&names).Error; err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(names, " "), "app_sessions_expires_at_idx app_sessions_user_id_idx session_expiresAt_idx session_userId_idx"; got != want {
		t.Errorf("got the indexes %s, want %s", got, want)
	}
	if err := newStore(t, db).Check(t.Context()); err != nil {
		t.Errorf("the first tables: %v", err)
	}
}

func TestSQLiteSchemaAgainstTheTables(t *testing.T) {
	integer := models.Schema{IntegerUserIDs: true}
	db := open(t, newFile(t))
	err := integer.Migrate(t.Context(), db)
	var e *models.Error
	if !errors.As(err, &e) || e.Class != models.Configuration || !strings.Contains(err.Error(), "table user is missing: the Schema makes it the application's own, so create it first") {
		t.Errorf("Migrate without users: got %v", err)
	}
	migrate(t, db)
	err = storeOf(t, integer, db).Check(t.Context())
	for _, want := range []string{"session.userId is TEXT, but Schema.IntegerUserIDs says", "user.id is TEXT, but Schema.IntegerUserIDs says"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check: got %v, want %q", err, want)
		}
	}

	text := mapped()
	text.IntegerUserIDs = false
	exec(t, db, ownUsers)
	migrateTo(t, text, db)
	err = storeOf(t, text, db).Check(t.Context())
	for _, want := range []string{"app_sessions.user_id is INTEGER, and compared", "users.user_no is INTEGER, and compared", "set Schema.IntegerUserIDs"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check: got %v, want %q", err, want)
		}
	}
	exec(t, db, `DROP TABLE "app_sessions"`)
	exec(t, db, `DROP TABLE "users"`)
	err = storeOf(t, mapped(), db).Check(t.Context())
	for _, want := range []string{"table app_sessions is missing: call models.Migrate", "table users is missing: it is the application's own, create it"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check: got %v, want %q", err, want)
		}
	}
}

// Columns of an application's own hold fields in other forms than ours.
func TestSQLiteFieldsInOtherForms(t *testing.T) {
	db := open(t, newFile(t))
	migrate(t, db)
	for _, column := range []string{`"n" real`, `"b" boolean`, `"d" datetime`, `"s" integer`} {
		exec(t, db, `ALTER TABLE "session" ADD COLUMN `+column)
	}
	addUser(t, db, models.User{ID: "u1", Email: "e", CreatedAt: now, UpdatedAt: now})
	store := storeOf(t, models.Schema{Session: models.Table{Fields: []models.Field{
		{Name: "n", Type: models.Number}, {Name: "b", Type: models.Boolean}, {Name: "d", Type: models.Date}, {Name: "s"},
	}}}, db)
	session := newSession("s1", "u1", now.Add(time.Hour))
	session.Fields = map[string]any{"n": 7, "b": true, "d": now, "s": "text"}
	if err := store.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ n, b, d, s string }{
		{"7", "1", "'2026-11-25T12:00:00.123Z'", "'text'"},
		{"6.5", "1", "'2026-11-25T12:00:00.123Z'", "'text'"}, // rounded, as MySQL's column does
		{"7.0", "'true'", "'2026-11-25 12:00:00.123+00:00'", "'text'"},
		{"'7'", "'1'", "'2026-11-25 12:00:00.123'", "'text'"},
	} {
		exec(t, db, `UPDATE "session" SET "n" = `+test.n+`, "b" = `+test.b+`, "d" = `+test.d+`, "s" = `+test.s)
		got, _, err := store.Find(t.Context(), session.Token)
		if err != nil {
			t.Errorf("%v: %v", test, err)
			continue
		}
		f := got.Fields
		if f["n"] != int64(7) || f["b"] != true || !now.Equal(f["d"].(time.Time)) || f["s"] != "text" {
			t.Errorf("%v: got %#v", test, f)
		}
	}
	exec(t, db, `UPDATE "session" SET "s" = 12`)
	if got, _, err := store.Find(t.Context(), session.Token); err != nil || got.Fields["s"] != "12" {
		t.Errorf("digits: got %#v and %v", got.Fields["s"], err)
	}
	for _, strange := range []string{`"n" = 'seven'`, `"b" = 'perhaps'`, `"d" = 'today'`} {
		exec(t, db, `UPDATE "session" SET "n" = 7, "b" = 1, "d" = NULL`)
		exec(t, db, `UPDATE "session" SET `+strange)
		_, _, err := store.Find(t.Context(), session.Token)
		var e *models.Error
		if !errors.As(err, &e) || e.Class != models.BadValue {
			t.Errorf("%s: got %v, want a bad value", strange, err)
		}
	}
}
