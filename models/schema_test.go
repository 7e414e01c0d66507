package models_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

func sessionTable(t models.Table) models.Schema { return models.Schema{Session: t} }
func userTable(t models.Table) models.Schema    { return models.Schema{User: t} }
func fields(f ...models.Field) models.Table     { return models.Table{Fields: f} }
func columns(pairs ...string) models.Table {
	t := models.Table{Columns: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		t.Columns[pairs[i]] = pairs[i+1]
	}
	return t
}

func TestSR08_SchemaNamesEachFault(t *testing.T) {
	long := strings.Repeat("a", 65)
	tests := []struct {
		name   string
		schema models.Schema
		says   string
	}{
		{"table", sessionTable(models.Table{Name: "my sessions"}), `Session.Name is "my sessions": such a name has letters`},
		{"table of another database", userTable(models.Table{Name: "other.user"}), `User.Name is "other.user"`},
		{"quote in a table", sessionTable(models.Table{Name: "a`b"}), "Session.Name is"},
		{"long table", sessionTable(models.Table{Name: long}), "Session.Name is"},
		{"one table", models.Schema{Session: models.Table{Name: "User"}}, `Session.Name and Schema.User.Name are both "user"`},

		{"unknown name", sessionTable(columns("userID", "user_id")), `Session.Columns has the name "userID": the names of a session are id, expiresAt`},
		{"a session's name of users", userTable(columns("token", "t")), `User.Columns has the name "token": the names of a user are id, name`},
		{"unsafe column", sessionTable(columns("userId", "user-id")), `Session.Columns["userId"] is "user-id"`},
		{"empty column", sessionTable(columns("userId", "")), `Session.Columns["userId"] is ""`},
		{"injection", userTable(columns("name", `x" FROM "user" --`)), `User.Columns["name"] is`},
		{"placeholder", userTable(columns("name", "a?")), `User.Columns["name"] is`},
		{"format", userTable(columns("name", "%s")), `User.Columns["name"] is`},
		{"absent from sessions", sessionTable(columns("ipAddress", models.Absent)), `Session.Columns["ipAddress"] is Absent: a session cannot do without it`},
		{"absent id", userTable(columns("id", models.Absent)), `User.Columns["id"] is Absent: a user cannot do without it`},
		{"one column twice", userTable(columns("name", "mail", "email", "Mail")), `Columns["email"] is stored in the column "Mail", and so is Columns["name"]`},
		{"another's column", userTable(columns("name", "email")), `Columns["email"] is stored in the column "email", and so is Columns["name"]`},

		{"no name", sessionTable(fields(models.Field{})), `Fields[0].Name is "": a field's name is a letter`},
		{"digit first", sessionTable(fields(models.Field{Name: "2fa"})), `Fields[0].Name is "2fa"`},
		{"prototype", sessionTable(fields(models.Field{Name: "__proto__"})), `Fields[0].Name is "__proto__"`},
		{"dash", sessionTable(fields(models.Field{Name: "a-b"})), `Fields[0].Name is "a-b"`},
		{"accent", sessionTable(fields(models.Field{Name: "é"})), `Fields[0].Name is "é"`},
		{"line feed", sessionTable(fields(models.Field{Name: "a\n"})), `Fields[0].Name is "a\n"`},
		{"long name", sessionTable(fields(models.Field{Name: long})), `Fields[0].Name is "aaa`},
		{"the core's", sessionTable(fields(models.Field{Name: "userId", Column: "x"})), `Fields[0].Name is "userId", which has its own meaning in a session`},
		{"the core's in other case", userTable(fields(models.Field{Name: "EMAIL", Column: "x"})), `Fields[0].Name is "EMAIL", which has its own meaning in a user`},
		{"the core's, absent", userTable(models.Table{Columns: map[string]string{"image": models.Absent}, Fields: []models.Field{{Name: "image"}}}), `Fields[0].Name is "image"`},
		{"the cache's", sessionTable(fields(models.Field{Name: "version"})), `Fields[0].Name is "version"`},
		{"the body's", userTable(fields(models.Field{Name: "session"})), `Fields[0].Name is "session"`},
		{"the other's", sessionTable(fields(models.Field{Name: "user"})), `Fields[0].Name is "user"`},
		{"twice", sessionTable(fields(models.Field{Name: "a"}, models.Field{Name: "a", Column: "b"})), `Fields[1].Name is "a", as is that of Fields[0]`},
		{"twice in other case", sessionTable(fields(models.Field{Name: "a"}, models.Field{Name: "A", Column: "b"})), `Fields[1].Name is "A", as is that of Fields[0]`},
		{"unsafe column of a field", sessionTable(fields(models.Field{Name: "a", Column: "a b"})), `Fields[0].Column is "a b"`},
		{"column of the core", sessionTable(fields(models.Field{Name: "a", Column: "TOKEN"})), `Fields[0] is stored in the column "TOKEN", and so is Columns["token"]`},
		{"column of another field", sessionTable(fields(models.Field{Name: "a", Column: "x"}, models.Field{Name: "b", Column: "X"})), `Fields[1] is stored in the column "X", and so is Fields[0]`},
		{"type", sessionTable(fields(models.Field{Name: "a", Type: 9})), `Fields[0].Type is Type(9): the types are String, Number, Boolean and Date`},
		{"default of another type", sessionTable(fields(models.Field{Name: "a", Type: models.Number, Default: "7"})), `Fields[0].Default: field a is a number, which a string is not`},
		{"default without a time", sessionTable(fields(models.Field{Name: "a", Type: models.Date, Default: time.Time{}})), `Fields[0].Default: field a is the zero time`},
	}
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.schema.Complete()
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.HasPrefix(err.Error(), "models: Schema.") {
				t.Errorf("Complete: got %v, want it to say %q", err, test.says)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("Complete: got more than one fault: %v", err)
			}
			if store, err := test.schema.Store(db); err == nil || store != nil {
				t.Errorf("Store: got %v and %v", store, err)
			}
			if err := test.schema.Migrate(t.Context(), db); err == nil {
				t.Error("Migrate: got no error")
			}
		})
	}

	all := models.Schema{
		Session: models.Table{Name: "a b", Columns: map[string]string{"x": "y", "id": models.Absent}, Fields: []models.Field{{Name: "1"}, {Name: "b", Type: 7}}},
		User:    models.Table{Name: "c d", Columns: map[string]string{"x": "y", "id": models.Absent}, Fields: []models.Field{{Name: "1"}, {Name: "b", Type: 7}}},
	}
	_, err := all.Complete()
	if err == nil || len(strings.Split(err.Error(), "\n")) != 10 {
		t.Errorf("got %v, want all 10 faults", err)
	}
}

func TestSchemaTakesWhatIsFine(t *testing.T) {
	long := strings.Repeat("a", 64)
	for name, schema := range map[string]models.Schema{
		"zero":              {},
		"the suite's":       storetest.Schema(),
		"64 characters":     {Session: models.Table{Name: long, Columns: map[string]string{"userId": "u" + long[1:]}, Fields: []models.Field{{Name: long}}}},
		"the same twice":    {Session: fields(models.Field{Name: "role"}), User: fields(models.Field{Name: "role"})},
		"columns exchanged": userTable(columns("name", "email", "email", "name")),
		"all absent": userTable(columns("name", models.Absent, "email", models.Absent, "emailVerified", models.Absent,
			"image", models.Absent, "createdAt", models.Absent, "updatedAt", models.Absent)),
		"column of an absent name": userTable(models.Table{Columns: map[string]string{"image": models.Absent}, Fields: []models.Field{{Name: "avatar", Column: "image"}}}),
		"reserved words":           {Session: models.Table{Name: "select"}, User: models.Table{Name: "where"}},
	} {
		if _, err := schema.Complete(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCompleteWritesOutWhatWasLeftOut(t *testing.T) {
	at := time.Date(2026, 11, 25, 8, 0, 0, 999_600_999, time.FixedZone("", -5*3600))
	schema := models.Schema{Session: models.Table{
		Columns: map[string]string{"userId": "user_id"},
		Fields:  []models.Field{{Name: "count", Type: models.Number, Default: 7}, {Name: "since", Type: models.Date, Column: "s", Default: at}},
	}}
	complete, err := schema.Complete()
	if err != nil {
		t.Fatal(err)
	}
	want := models.Schema{
		Session: models.Table{
			Name: "session",
			Columns: map[string]string{"id": "id", "expiresAt": "expiresAt", "token": "token", "createdAt": "createdAt",
				"updatedAt": "updatedAt", "ipAddress": "ipAddress", "userAgent": "userAgent", "userId": "user_id"},
			Fields: []models.Field{
				{Name: "count", Column: "count", Type: models.Number, Default: int64(7)},
				{Name: "since", Column: "s", Type: models.Date, Default: time.Date(2026, 11, 25, 13, 0, 0, 999e6, time.UTC)},
			},
		},
		User: models.Table{
			Name: "user",
			Columns: map[string]string{"id": "id", "name": "name", "email": "email", "emailVerified": "emailVerified",
				"image": "image", "createdAt": "createdAt", "updatedAt": "updatedAt"},
		},
	}
	if !reflect.DeepEqual(complete, want) {
		t.Errorf("got  %+v\nwant %+v", complete, want)
	}
	again, err := complete.Complete()
	if err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("a second time: got %+v and %v", again, err)
	}

	complete.Session.Columns["userId"], complete.Session.Fields[0].Name = "other", "other"
	if schema.Session.Columns["userId"] != "user_id" || schema.Session.Fields[0].Name != "count" || schema.Session.Fields[0].Column != "" {
		t.Error("Complete shares memory with the schema that it was given")
	}
}

// A Store's statements, and what it reads, stay what they were when it began.
func TestStoreKeepsACopyOfItsSchema(t *testing.T) {
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	schema := storetest.Schema()
	schema.Session.Columns = map[string]string{"userId": "user_id"}
	migrateTo(t, schema, db)
	store := storeOf(t, schema, db)
	schema.Session.Columns["userId"] = "gone"
	for i := range schema.Session.Fields {
		schema.Session.Fields[i] = models.Field{Name: "gone", Type: models.Date}
	}
	addUser(t, db, models.User{ID: "u1", Email: "e", CreatedAt: moment, UpdatedAt: moment})
	session := scriptedSession
	session.Fields = map[string]any{"theme": "dark"}
	if err := store.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	if got, _, err := store.Find(t.Context(), secret); err != nil || got.Fields["theme"] != "dark" || len(got.Fields) != 5 {
		t.Errorf("got %v and %v", got.Fields, err)
	}
	if err := store.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFieldValue(t *testing.T) {
	at := time.Date(2026, 11, 25, 8, 0, 0, 999_600_999, time.FixedZone("", -5*3600))
	cut := time.Date(2026, 11, 25, 13, 0, 0, 999e6, time.UTC)
	types := []models.Type{models.String, models.Number, models.Boolean, models.Date}
	for _, test := range []struct {
		give any
		want [4]any // by type; "no" where it is refused
	}{
		{nil, [4]any{nil, nil, nil, nil}},
		{"x", [4]any{"x", "no", "no", "no"}},
		{"", [4]any{"", "no", "no", "no"}},
		{7, [4]any{"no", int64(7), "no", "no"}},
		{int32(7), [4]any{"no", int64(7), "no", "no"}},
		{int64(7), [4]any{"no", int64(7), "no", "no"}},
		{uint(7), [4]any{"no", "no", "no", "no"}},
		{7.0, [4]any{"no", "no", "no", "no"}},
		{true, [4]any{"no", "no", true, "no"}},
		{at, [4]any{"no", "no", "no", cut}},
		{time.Time{}, [4]any{"no", "no", "no", "no"}},
		{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), [4]any{"no", "no", "no", "no"}},
		{time.Date(1, 1, 1, 0, 0, 0, 0, time.FixedZone("", 3600)), [4]any{"no", "no", "no", "no"}},
		{[]byte("SECRET"), [4]any{"no", "no", "no", "no"}},
		{new(string), [4]any{"no", "no", "no", "no"}},
	} {
		for i, typ := range types {
			got, err := models.Field{Name: "f", Type: typ}.Value(test.give)
			if refused := test.want[i] == "no"; refused != (err != nil) || !refused && got != test.want[i] {
				t.Errorf("%v of %#v: got %#v and %v, want %#v", typ, test.give, got, err, test.want[i])
			}
			if err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Error("the error holds the value")
			}
		}
	}
	if _, err := (models.Field{Name: "f", Type: 9}).Value("x"); err == nil || !strings.Contains(err.Error(), "Type(9)") {
		t.Errorf("an unknown type: got %v", err)
	}
}
