package models

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Schema says which tables and columns hold sessions and users, and which
// additional fields there are. Its zero value is Better Auth's: the tables
// `session` and `user` with their camel-case columns and nothing more.
//
// Its methods Migrate and Store make the tables and a Store on them; pass the
// same Schema to ginsession.Config. They report every fault of a Schema at once
// and keep a copy: what changes in it afterwards has no effect.
type Schema struct {
	// Session is the table of sessions, of which id is the primary key and token
	// unique. Better Auth: session.modelName, session.fields,
	// session.additionalFields.
	Session Table

	// User is the table of users, whose rows are only read. It may be a table of
	// the application's own. Better Auth: user.modelName, user.fields,
	// user.additionalFields.
	User Table

	// IntegerUserIDs says that users have integer ids. In Go and in JSON they
	// are their decimal digits; any other text, "042" for 42 included, is
	// nobody's id.
	IntegerUserIDs bool

	// Feed keeps a third table, named after that of sessions and then
	// _revocation, in which every session that is ended is written down, so that
	// processes with a cookie cache hear of what others end within
	// ginsession.CookieCache.MaxLag. Set it for all processes that end sessions,
	// whether they have a cookie cache or not; MySQL, MariaDB and SQLite only.
	// Default none.
	Feed bool
}

// A Table maps one of the two tables. Names in the database are 1 to 64
// letters, digits and underscores.
type Table struct {
	// Name is the table's. Default "session" and "user".
	Name string

	// Columns gives the column for Better Auth's name of it ("userId":
	// "user_id"). Names left out stay as they are. A table of users that lacks
	// name, email, emailVerified, image, createdAt or updatedAt says Absent: users
	// then have none, are not verified, and began at the zero time.
	Columns map[string]string

	// Fields are the additional ones, in the order in which JSON has them.
	Fields []Field
}

// Absent, as a column of Table.Columns, says that the table of users has none.
const Absent = "-"

// A Field is an additional field of sessions or users. By default nobody
// outside can write or see it.
type Field struct {
	// Name is what JSON and Fields call it: a letter, then letters, digits and
	// underscores, at most 64 in all. It is none of Better Auth's names of the
	// table's columns, nor user, session or version, in any case.
	Name string
	// Column is where it is stored. Default Name.
	Column string
	// Type is what it holds. Every field may also be null.
	Type Type
	// Input lets clients write it, through POST /update-session. Of users no
	// field is ever written. Better Auth: input, where the default is true.
	Input bool
	// Returned lets it into JSON and the cookie cache. A field that is not
	// returned is missing in a session that the cookie cache vouched for.
	// Better Auth: returned, where the default is true.
	Returned bool
	// Default is what a new session has, of a Go type that Value takes. Nil is
	// null. It is ginsession that gives it: a Store writes what it is given, and
	// the column that Migrate adds has no default. Better Auth: defaultValue.
	Default any
}

// FreshAt is the field that ginsession's Elevate writes: when a session was last
// made fresh. Put it among the Fields of Schema.Session. Clients can neither
// write nor see it.
func FreshAt() Field { return Field{Name: "freshAt", Type: Date} }

// A Type is what a Field holds, in Go and in the column that Migrate adds.
// Values of the four are string, int64, bool and time.Time (UTC, whole
// milliseconds), or nil. Better Auth's names for them are the same in lower
// case.
type Type uint8

const (
	String  Type = iota // text
	Number              // whole numbers: integer, which on MySQL ends at 2147483647
	Boolean             // boolean
	Date                // timestamp(3), which on MySQL ends in 2038
)

// String is Better Auth's name of the type.
func (t Type) String() string {
	switch t {
	case String:
		return "string"
	case Number:
		return "number"
	case Boolean:
		return "boolean"
	case Date:
		return "date"
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}

// Value turns what an application gives for the field into what a Store takes:
// nil, or the type's one Go type. It returns an error, without the value, for
// any other type, and for a time that is zero or not between the years 1 and
// 9999.
func (f Field) Value(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		if f.Type == String {
			return v, nil
		}
	case bool:
		if f.Type == Boolean {
			return v, nil
		}
	case int:
		if f.Type == Number {
			return int64(v), nil
		}
	case int32:
		if f.Type == Number {
			return int64(v), nil
		}
	case int64:
		if f.Type == Number {
			return v, nil
		}
	case time.Time:
		if f.Type == Date {
			if fault := strange(v); fault != "" {
				return nil, fmt.Errorf("field %s %s", f.Name, fault)
			}
			return millis(v), nil
		}
	}
	return nil, fmt.Errorf("field %s is a %v, which a %T is not", f.Name, f.Type, v)
}

// Better Auth's names of the columns, which are the keys of Table.Columns.
var (
	sessionColumns = []string{"id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId"}
	userColumns    = []string{"id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt"}
)

// absent are the columns of users that may be Absent, and what is selected in
// their place.
var absent = map[string]string{
	"name": "''", "email": "''", "emailVerified": "0", "image": "NULL", "createdAt": "NULL", "updatedAt": "NULL",
}

// Complete returns a copy of the schema with everything written out that was
// left to its default: the tables' names, all columns, the column of each field
// and its Default as Value returns it. It reports every fault, each with the
// value at fault and what to do. Completing a complete Schema changes nothing.
//
// Migrate and Store do it themselves.
func (s Schema) Complete() (Schema, error) {
	sessions, faults := s.Session.complete("session", sessionColumns)
	users, more := s.User.complete("user", userColumns)
	s.Session, s.User, faults = sessions, users, append(faults, more...)
	if strings.EqualFold(s.Session.Name, s.User.Name) {
		faults = append(faults, fmt.Errorf("models: Schema.Session.Name and Schema.User.Name are both %q: sessions and users are two tables; name the other", s.User.Name))
	}
	if s.Feed && len(s.feedTable()) > longestName-len("_session") {
		faults = append(faults, fmt.Errorf("models: Schema.Session.Name is %q, too long for the names that Feed makes of it: use at most 45 letters", s.Session.Name))
	}
	if s.Feed && strings.EqualFold(s.feedTable(), s.User.Name) {
		faults = append(faults, fmt.Errorf("models: Schema.User.Name is %q, which is the feed's table: name it otherwise", s.User.Name))
	}
	if err := errors.Join(faults...); err != nil {
		return Schema{}, err
	}
	return s, nil
}

var (
	safeName  = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
	fieldName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
)

// longestName is MySQL's bound on names of tables and columns.
const longestName = 64

func safe(name string) bool { return len(name) <= longestName && safeName.MatchString(name) }

// complete is Schema.Complete of the table that Better Auth calls model and
// whose columns it calls names.
func (t Table) complete(model string, names []string) (Table, []error) {
	c := completion{model: model, names: names, holder: map[string]string{}}
	if t.Name == "" {
		t.Name = model
	}
	if !safe(t.Name) {
		c.fault("Name is %q: %s", t.Name, formOfNames)
	}
	t.Columns = c.columns(t.Columns)
	t.Fields = c.fields(t.Fields)
	return t, c.faults
}

// A completion goes through one table of a schema and collects its faults.
type completion struct {
	model  string
	names  []string
	holder map[string]string // who is stored in a column, by its lower case: databases tell no more
	faults []error
}

func (c *completion) fault(format string, args ...any) {
	part := "Session"
	if c.model == "user" {
		part = "User"
	}
	c.faults = append(c.faults, fmt.Errorf("models: Schema."+part+"."+format, args...))
}

// hold gives a column to one name or field.
func (c *completion) hold(column, holder string) {
	key := strings.ToLower(column)
	if other, taken := c.holder[key]; taken {
		c.fault("%s is stored in the column %q, and so is %s: give one of them another", holder, column, other)
	}
	c.holder[key] = holder
}

const formOfNames = "such a name has letters, digits and underscores, 1 to 64 of them"

func (c *completion) columns(given map[string]string) map[string]string {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(c.names, name) {
			c.fault("Columns has the name %q: the names of a %s are %s", name, c.model, strings.Join(c.names, ", "))
		}
	}
	columns := make(map[string]string, len(c.names))
	for _, name := range c.names {
		column, mapped := given[name]
		if !mapped {
			column = name
		}
		_, mayBeAbsent := absent[name]
		switch {
		case column == Absent && c.model == "user" && mayBeAbsent:
		case column == Absent:
			c.fault("Columns[%q] is Absent: a %s cannot do without it; name its column", name, c.model)
		case !safe(column):
			c.fault("Columns[%q] is %q: %s", name, column, formOfNames)
		default:
			c.hold(column, fmt.Sprintf("Columns[%q]", name))
		}
		columns[name] = column
	}
	return columns
}

func (c *completion) fields(given []Field) []Field {
	fields, seen := slices.Clone(given), map[string]int{}
	for i := range fields {
		f, at := &fields[i], fmt.Sprintf("Fields[%d]", i)
		same := func(other string) bool { return strings.EqualFold(other, f.Name) }
		twin, twice := seen[strings.ToLower(f.Name)]
		seen[strings.ToLower(f.Name)] = i
		switch {
		case len(f.Name) > longestName || !fieldName.MatchString(f.Name):
			c.fault("%s.Name is %q: a field's name is a letter, then letters, digits and underscores, at most 64 in all", at, f.Name)
		case slices.ContainsFunc(c.names, same), same("user"), same("session"), same("version"):
			c.fault("%s.Name is %q, which has its own meaning in a %s: choose another name", at, f.Name, c.model)
		case twice:
			c.fault("%s.Name is %q, as is that of Fields[%d]: choose another name", at, f.Name, twin)
		}
		switch {
		case f.Column == "":
			f.Column = f.Name
			c.hold(f.Column, at)
		case !safe(f.Column):
			c.fault("%s.Column is %q: %s", at, f.Column, formOfNames)
		default:
			c.hold(f.Column, at)
		}
		if f.Type > Date {
			c.fault("%s.Type is %v: the types are String, Number, Boolean and Date", at, f.Type)
			continue
		}
		value, err := f.Value(f.Default)
		if err != nil {
			c.fault("%s.Default: %v", at, err)
		}
		f.Default = value
	}
	return fields
}

// ours reports whether the table of users is Better Auth's to the letter, which
// Migrate creates. Any other is the application's own.
func (s Schema) ours() bool {
	for name, column := range s.User.Columns {
		if column != name {
			return false
		}
	}
	return s.User.Name == "user" && !s.IntegerUserIDs
}
