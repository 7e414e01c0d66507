package models_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

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

// bare is mapped, on a table of users that has an id and a name.
func bare() models.Schema {
	schema := mapped()
	for _, name := range []string{"email", "emailVerified", "image", "createdAt", "updatedAt"} {
		schema.User.Columns[name] = models.Absent
	}
	schema.User.Fields = nil
	return schema
}

func TestStatementsHaveTheSchemasNames(t *testing.T) {
	store, script := scriptedOn(t, bare(), "mysql", func(int) (*answer, error) {
		return &answer{rows: [][]driver.Value{{"s1"}}}, nil
	})
	ctx, session := t.Context(), scriptedSession
	session.UserID, session.Fields = "42", map[string]any{"hidden": "x"}
	store.Create(ctx, session)
	store.Find(ctx, secret)
	store.FindMany(ctx, []string{secret, "other", " "})
	store.Touch(ctx, session, moment.Add(2*time.Hour), moment)
	store.Update(ctx, session, map[string]any{"hidden": nil, "theme": "x", "seenAt": moment}, moment)
	store.List(ctx, "42", moment)
	store.Tokens(ctx, "42")
	store.Revoke(ctx, models.Revocation{Token: secret, NotAfter: moment})
	store.Revoke(ctx, models.Revocation{Token: secret, UserID: "42"})
	store.Revoke(ctx, models.Revocation{UserID: "42"})
	store.Revoke(ctx, models.Revocation{UserID: "42", Except: "s1", Now: moment})
	store.Purge(ctx, moment, 10)
	const row = "`session_no`, `expires_at`, `session_token`, `created_at`, `updated_at`, `ip`, `agent`, `user_id`"
	const found = "SELECT s.`session_no`, s.`expires_at`, s.`session_token`, s.`created_at`, s.`updated_at`, s.`ip`, s.`agent`, s.`user_id`, " +
		"u.`user_no`, u.`full_name`, '', 0, NULL, NULL, NULL, s.`ui_theme`, s.`count`, s.`pinned`, s.`seenAt`, s.`hidden` " +
		"FROM `app_sessions` s INNER JOIN `users` u ON u.`user_no` = s.`user_id` WHERE s.`session_token` "
	const reread = "SELECT " + row + ", `ui_theme`, `count`, `pinned`, `seenAt`, `hidden` FROM `app_sessions` WHERE `session_token` = ?"
	const exactly = " AND CAST(CONVERT(`session_token` USING utf8mb4) AS BINARY) = CAST(? AS BINARY)"
	want := []string{
		"INSERT INTO `app_sessions` (" + row + ", `ui_theme`, `count`, `pinned`, `seenAt`, `hidden`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		found + "= ?",
		found + "IN (?, ?)",
		"UPDATE `app_sessions` FORCE INDEX (PRIMARY) SET `expires_at` = ?, `updated_at` = ? WHERE `session_no` = ? AND `session_token` = ? AND `expires_at` = ? AND `expires_at` >= ?",
		reread,
		"UPDATE `app_sessions` FORCE INDEX (PRIMARY) SET `expires_at` = `expires_at`, `updated_at` = ?, `ui_theme` = ?, `seenAt` = ?, `hidden` = ? " +
			"WHERE `session_no` = ? AND `session_token` = ?" + exactly,
		reread,
		"SELECT " + row + ", `ui_theme`, `count`, `pinned`, `seenAt`, `hidden` FROM `app_sessions` WHERE `user_id` = ? AND `expires_at` > ? ORDER BY `session_no` LIMIT 100",
		"SELECT `session_token` FROM `app_sessions` WHERE `user_id` = ?",
		"DELETE FROM `app_sessions` WHERE `session_token` = ?" + exactly + " AND `expires_at` <= ?",
		"DELETE FROM `app_sessions` WHERE `user_id` = ? AND `session_token` = ?" + exactly,
		"DELETE FROM `app_sessions` WHERE `user_id` = ?",
		"DELETE FROM `app_sessions` WHERE `user_id` = ? AND `session_no` <> ? AND `expires_at` >= ?",
		"SELECT `session_no` FROM `app_sessions` WHERE `expires_at` < ? ORDER BY `expires_at` LIMIT ?",
		"DELETE FROM `app_sessions` WHERE `session_no` IN (?) AND `expires_at` < ?",
	}
	if !slices.Equal(script.queries, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(script.queries, "\n"), strings.Join(want, "\n"))
	}
	values := func(call int) (values []any) {
		for _, arg := range script.args[call] {
			values = append(values, arg.Value)
		}
		return values
	}
	if got, want := fmt.Sprint(values(0)[7:]), fmt.Sprint([]any{int64(42), nil, nil, nil, nil, "x"}); got != want {
		t.Errorf("Create: got the arguments %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(values(5)), fmt.Sprint([]any{moment, "x", moment, nil, "s1", secret, secret}); got != want {
		t.Error("Update: the arguments are in another order than the columns")
	}
}

// Ids that are not canonical decimal digits are nobody's, and MySQL, which
// takes '42abc' for 42, is not asked.
func TestIntegerIDsAreTheirDigitsAlone(t *testing.T) {
	store, script := scriptedOn(t, mapped(), "mysql", func(int) (*answer, error) {
		return &answer{rows: [][]driver.Value{{"x"}}, met: 1}, nil
	})
	for _, id := range []string{
		"42abc", " 42", "42 ", "042", "4e1", "+42", "-0", "42.0", "0x2a", "４２", "٤٢", "4_2", "--42", "9223372036854775808", "'42'", "42\x00", "\n42", "true",
	} {
		ctx, session := t.Context(), scriptedSession
		session.UserID = id
		if err := store.Create(ctx, session); err != models.ErrNoUser {
			t.Errorf("Create %q: got %v, want ErrNoUser itself", id, err)
		}
		if got, err := store.List(ctx, id, moment); err != nil || got != nil {
			t.Errorf("List %q: got %d sessions and %v", id, len(got), err)
		}
		if got, err := store.Tokens(ctx, id); err != nil || got != nil {
			t.Errorf("Tokens %q: got %d and %v", id, len(got), err)
		}
		for _, r := range []models.Revocation{{UserID: id}, {UserID: id, Token: secret}, {UserID: id, Except: "s1", Now: moment}} {
			if n, err := store.Revoke(ctx, r); err != nil || n != 0 {
				t.Errorf("Revoke %q: got %d and %v", id, n, err)
			}
		}
	}
	if _, err := store.Revoke(t.Context(), models.Revocation{UserID: "nobody", Except: "s1"}); err == nil {
		t.Error("a revocation without Now: got no error")
	}
	if script.calls != 0 {
		t.Errorf("the database was asked %d times: %q", script.calls, script.queries)
	}
	for _, id := range []string{"0", "42", "-42", "9223372036854775807", "-9223372036854775808"} {
		if _, err := store.Tokens(t.Context(), id); err != nil {
			t.Errorf("Tokens %q: %v", id, err)
		}
		if got := script.args[len(script.args)-1][0].Value; fmt.Sprintf("%T %[1]v", got) != "int64 "+id {
			t.Errorf("the id %q is bound as %T %[2]v", id, got)
		}
	}
}

func TestFieldsAsTheDriversReadThem(t *testing.T) {
	at := time.Date(2026, 11, 25, 12, 0, 0, 123e6, time.UTC)
	type bad struct{}
	for _, test := range []struct {
		field string
		value driver.Value
		want  any
	}{
		{"theme", "x", "x"},
		{"theme", []byte("x"), "x"},
		{"theme", []byte{}, ""},
		{"theme", int64(7), "7"},
		{"theme", uint64(7), "7"},
		{"theme", 7.5, bad{}},
		{"theme", at, bad{}},
		{"theme", true, bad{}},
		{"count", int64(-7), int64(-7)},
		{"count", uint64(7), int64(7)},
		{"count", uint64(1 << 63), bad{}},
		{"count", []byte("7"), int64(7)},
		{"count", "7", int64(7)},
		{"count", 7.0, int64(7)},
		{"count", float32(7), int64(7)},
		{"count", 7.5, int64(8)}, // as MySQL's column rounds
		{"count", 1e19, bad{}},
		{"count", "seven", bad{}},
		{"count", "", bad{}},
		{"count", at, bad{}},
		{"count", true, bad{}},
		{"pinned", true, true},
		{"pinned", int64(0), false},
		{"pinned", int64(1), true},
		{"pinned", int64(2), true},
		{"pinned", uint64(1), true},
		{"pinned", []byte("0"), false},
		{"pinned", []byte("1"), true},
		{"pinned", []byte{0}, false}, // bit(1)
		{"pinned", []byte{1}, true},
		{"pinned", "true", true},
		{"pinned", "FALSE", false},
		{"pinned", "perhaps", bad{}},
		{"pinned", []byte{}, bad{}},
		{"pinned", at, bad{}},
		{"seenAt", at, at},
		{"seenAt", at.Add(404185).In(time.FixedZone("", -5*3600)), at},
		{"seenAt", "2026-11-25T12:00:00.123Z", at},
		{"seenAt", []byte("2026-11-25 12:00:00.123"), at},
		{"seenAt", "today", bad{}},
		{"seenAt", int64(1), bad{}},
		{"hidden", nil, nil},
		{"count", nil, nil},
		{"pinned", nil, nil},
		{"seenAt", nil, nil},
	} {
		row := append(findRow[:15:15], nil, nil, nil, nil, nil, nil)
		row[15+slices.Index([]string{"theme", "count", "pinned", "seenAt", "hidden"}, test.field)] = test.value
		store, _ := scriptedOn(t, storetest.Schema(), "mysql", func(int) (*answer, error) {
			return &answer{rows: [][]driver.Value{row}}, nil
		})
		got, _, err := store.Find(t.Context(), secret)
		if test.want == (bad{}) {
			wantClass(t, fmt.Sprintf("%s of %#v", test.field, test.value), err, models.BadValue)
			continue
		}
		if err != nil || got.Fields[test.field] != test.want {
			t.Errorf("%s of %#v: got %#v and %v, want %#v", test.field, test.value, got.Fields[test.field], err, test.want)
		}
	}
}

func TestUsersOfAnApplicationMayLackWhatOursHave(t *testing.T) {
	row := append([]driver.Value{}, findRow...)
	row[7], row[8] = int64(42), uint64(42)
	for i := 9; i < 15; i++ {
		row[i] = nil
	}
	store, _ := scripted(t, "mysql", func(int) (*answer, error) { return &answer{rows: [][]driver.Value{row}}, nil })
	session, user, err := store.Find(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if session.UserID != "42" || user.ID != "42" || user.Name+user.Email != "" || user.EmailVerified || user.Image != nil ||
		!user.CreatedAt.IsZero() || !user.UpdatedAt.IsZero() || user.Fields != nil || session.Fields != nil {
		t.Errorf("got %+v and a session of %s", user, session.UserID)
	}
	for i, value := range map[int]driver.Value{9: 7.5, 10: moment, 11: "perhaps", 13: "today", 14: int64(1)} {
		strange := append([]driver.Value{}, row...)
		strange[i] = value
		store, _ := scripted(t, "mysql", func(int) (*answer, error) { return &answer{rows: [][]driver.Value{strange}}, nil })
		_, _, err := store.Find(t.Context(), secret)
		wantClass(t, fmt.Sprint(value), err, models.BadValue)
	}
}

// What is refused before the database sees it, with what is at fault.
func TestFieldsAreRefusedByName(t *testing.T) {
	store, script := scriptedOn(t, storetest.Schema(), "mysql", func(int) (*answer, error) { return &answer{}, nil })
	for _, test := range []struct {
		fields map[string]any
		says   string
	}{
		{map[string]any{"nonesuch": 1}, `sessions have no field "nonesuch"`},
		{map[string]any{"role": "x"}, `sessions have no field "role"`},
		{map[string]any{"a\nb": 1}, `sessions have no field "a\nb"`},
		{map[string]any{"count": "SECRET"}, "field count is a number, which a string is not"},
		{map[string]any{"seenAt": time.Time{}}, "field seenAt is the zero time"},
	} {
		session := scriptedSession
		session.Fields = test.fields
		_, updated := store.Update(t.Context(), scriptedSession, test.fields, moment)
		for op, err := range map[string]error{"create": store.Create(t.Context(), session), "update": updated} {
			wantError(t, err, op, models.BadValue, 0)
			if err != nil && (!strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "SECRET")) {
				t.Errorf("%s: got %v, want it to say %q", op, err, test.says)
			}
		}
	}
	_, err := store.Update(t.Context(), scriptedSession, nil, moment)
	wantError(t, err, "update", models.BadValue, 0)
	if script.calls != 0 {
		t.Errorf("the database was asked %d times", script.calls)
	}
	zero, _ := scripted(t, "mysql", func(int) (*answer, error) { return &answer{}, nil })
	_, err = zero.Update(t.Context(), scriptedSession, map[string]any{"theme": "x"}, moment)
	wantError(t, err, "update", models.BadValue, 0)
}

// A field's column may have keys of the application's own.
func TestUpdateAgainstAKeyIsABadValue(t *testing.T) {
	for _, test := range []struct {
		dialect string
		err     error
		number  int
	}{
		{"mysql", mysqlError(1062), 1062},
		{"mysql", mysqlError(1452), 1452},
		{"mysql", gorm.ErrDuplicatedKey, 0},
		{"mysql", gorm.ErrForeignKeyViolated, 0},
		{"mysql", mysqlError(1264), 1264},
		{"sqlite", sqliteError(2067), 2067},
		{"sqlite", sqliteError(787), 787},
		{"sqlite", sqliteError(275), 275}, // CHECK
	} {
		store, _ := scriptedOn(t, storetest.Schema(), test.dialect, func(int) (*answer, error) { return nil, test.err })
		_, err := store.Update(t.Context(), scriptedSession, map[string]any{"theme": "x"}, moment)
		wantError(t, err, "update", models.BadValue, test.number)
		if errors.Is(err, models.ErrDuplicate) || errors.Is(err, models.ErrNoUser) {
			t.Errorf("%v: got %v, which is an answer", test.err, err)
		}
	}
}

func TestMigrateNamesAnothersTables(t *testing.T) {
	none := &script{answer: func(int) (*answer, error) { return &answer{}, nil }}
	err := mapped().Migrate(t.Context(), openScript(t, "postgres", none))
	const want = "not postgres: create the tables users and app_sessions with Better Auth's own migration, and an index app_sessions_expires_at_idx on app_sessions (expires_at)"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

// Whichever statement of Migrate and Check fails, its error is theirs and tells
// class and number alone.
func TestMigrateAndCheckReportEachStatementThatFails(t *testing.T) {
	id := answer{rows: [][]driver.Value{{"user_no", "bigint", "", nil, nil}}}
	for dialect, want := range map[string]struct {
		fault          error
		class          models.Class
		number         int
		migrate, check []answer
	}{
		"mysql": {mysqlError(1142), models.Configuration, 1142,
			[]answer{
				{rows: [][]driver.Value{{"utf8mb4"}}}, id, {}, {}, {}, // character set, user's id, table, index there?, index
				{}, {}, {}, {}, {}, {}, {}, // session: columns, collation, five fields
				{}, {}, {}, // user: columns, collation, one field
			},
			[]answer{{}, id, {rows: [][]driver.Value{{"2026-01-15 07:34:56.789", 1768480496.0, 1784118896.0, moment}}}}},
		"sqlite": {sqliteError(8), models.Configuration, 8,
			[]answer{
				{}, id, {}, {}, {}, // columns, user's id, table, two indexes
				{}, {}, {}, {}, {}, {}, // session: columns, five fields
				{}, {}, // user: columns, one field
			},
			[]answer{{}, id}},
	} {
		t.Run(dialect, func(t *testing.T) {
			run := func(answers []answer, failing int, call func(db *gorm.DB) error) (int, error) {
				s := &script{answer: func(call int) (*answer, error) {
					if call == failing {
						return nil, want.fault
					}
					a := answer{}
					if call <= len(answers) {
						a = answers[call-1]
					}
					return &a, nil
				}}
				err := call(openScript(t, dialect, s))
				return s.calls, err
			}
			migrate := func(db *gorm.DB) error { return mapped().Migrate(t.Context(), db) }
			check := func(db *gorm.DB) error { return storeOf(t, mapped(), db).Check(t.Context()) }
			if calls, err := run(want.migrate, 0, migrate); err != nil || calls != len(want.migrate) {
				t.Fatalf("Migrate: got %d statements and %v, want %d", calls, err, len(want.migrate))
			}
			for failing := range want.migrate {
				_, err := run(want.migrate, failing+1, migrate)
				wantError(t, err, "migrate", want.class, want.number)
				if err != nil && strings.Contains(err.Error(), "SECRET") {
					t.Error("the error holds the driver's text")
				}
			}
			for failing := range want.check {
				_, err := run(want.check, failing+1, check)
				wantError(t, err, "check", want.class, want.number)
			}
		})
	}
}

// Another process adds the column first.
func TestMigrateTakesAColumnThatCameMeanwhile(t *testing.T) {
	schema := mapped()
	schema.Session.Fields, schema.User.Fields = nil, []models.Field{{Name: "role", Column: "user_role"}}
	s := &script{answer: func(call int) (*answer, error) {
		switch call {
		case 1:
			return &answer{rows: [][]driver.Value{{"utf8mb4"}}}, nil
		case 2, 6:
			return &answer{rows: [][]driver.Value{{"user_no", "bigint", "", nil, nil}}}, nil
		case 8:
			return nil, mysqlError(1060)
		case 9:
			return &answer{rows: [][]driver.Value{{"USER_ROLE", "text", "", nil, nil}}}, nil
		}
		return &answer{}, nil
	}}
	if err := schema.Migrate(t.Context(), openScript(t, "mysql", s)); err != nil || s.calls != 9 {
		t.Errorf("got %v after %d statements", err, s.calls)
	}
}

// MySQL bounds the names of indexes as it does those of tables.
func TestIndexesOfLongNames(t *testing.T) {
	long := strings.Repeat("a", 60)
	name := long[:56] // the server names the foreign key after the table, and bounds that too
	schema := models.Schema{Session: models.Table{Name: name, Columns: map[string]string{"userId": long + "user", "expiresAt": long + "exp"}}}
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	for range 2 {
		migrateTo(t, schema, db)
	}
	got := definition(t, db, name)
	for _, column := range []string{long + "user", long + "exp"} {
		if !strings.Contains(got, column[len(column)-60:]+"_idx` (`"+column+"`)") {
			t.Errorf("no index on %s in\n%s", column, got)
		}
	}
}
