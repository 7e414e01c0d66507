package models

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"gorm.io/gorm"
)

// Migrate makes Better Auth's tables, without additional fields: it is
// Schema.Migrate of the zero Schema.
func Migrate(ctx context.Context, db *gorm.DB) error { return Schema{}.Migrate(ctx, db) }

// Migrate creates the tables of the schema where they are absent, as Better Auth
// does, with an index on the session's expiresAt for the purge, and the table of
// a Feed. To tables that are there it adds that index and the columns of declared
// fields that are missing, all of which may be NULL. It alters and drops nothing:
// what differs is Check's to report.
//
// The table of users is created only if it is Better Auth's to the letter. One
// that the schema names otherwise, maps a column of, or gives integer ids is the
// application's own: Migrate fails if it is missing, and adds nothing to it but
// the declared fields.
//
// It can be repeated and may run in several processes at once. It knows MySQL,
// MariaDB and SQLite, and returns an error for any other. If a statement fails,
// which is an *Error, those before it stay done: MySQL does not roll back table
// definitions.
func (s Schema) Migrate(ctx context.Context, db *gorm.DB) error {
	store, err := s.Store(db)
	if err != nil {
		return err
	}
	switch store.dialect {
	case mariadb:
		err = store.migrateMySQL(ctx)
	case sqlite:
		err = store.migrateSQLite(ctx)
	default:
		sessions, users := store.schema.Session, store.schema.User
		return fmt.Errorf("models: Migrate knows MySQL and SQLite, not %s: create the tables %s and %s with Better Auth's own migration, and an index %s on %s (%s)",
			store.dialect, users.Name, sessions.Name, store.index("expiresAt"), sessions.Name, sessions.Columns["expiresAt"])
	}
	var explained *Error
	if err == nil || errors.As(err, &explained) {
		return err
	}
	return store.dialect.wrap(ctx, "migrate", err)
}

// unfit is a database that Migrate can do nothing about.
func unfit(format string, args ...any) error {
	return &Error{Op: "migrate", Class: Configuration, fault: fmt.Sprintf(format, args...)}
}

// index is the name of an index that Migrate makes, which is Better Auth's. In
// SQLite such names are the whole database's; MySQL bounds them.
func (s *Store) index(column string) string {
	t := s.schema.Session
	name := t.Name + "_" + t.Columns[column] + "_idx"
	if s.dialect == mariadb && len(name) > longestName {
		name = name[len(name)-longestName:]
	}
	return name
}

// userIDColumn reads how the id of users is declared, whose table must exist by
// now.
func (s *Store) userIDColumn(ctx context.Context) (column, error) {
	users := s.schema.User
	columns, err := s.columns(ctx, users.Name)
	if err != nil {
		return column{}, err
	}
	if len(columns) == 0 {
		return column{}, unfit("table %s is missing: the Schema makes it the application's own, so create it first", users.Name)
	}
	id, found := find(columns, users.Columns["id"])
	if !found {
		return column{}, unfit("table %s has no column %s", users.Name, users.Columns["id"])
	}
	return id, nil
}

// addFields adds the columns of declared fields that are missing, in the types
// that the table's fields have.
func (s *Store) addFields(ctx context.Context, types func(ctx context.Context, table string) (map[Type]string, error)) error {
	for _, t := range []Table{s.schema.Session, s.schema.User} {
		if len(t.Fields) == 0 {
			continue
		}
		there, err := s.columns(ctx, t.Name)
		if err != nil {
			return err
		}
		typeOf, err := types(ctx, t.Name)
		if err != nil {
			return err
		}
		for _, f := range t.Fields {
			if _, found := find(there, f.Column); found {
				continue
			}
			if err := s.addColumn(ctx, t.Name, f.Column, typeOf[f.Type]); err != nil {
				return err
			}
		}
	}
	return nil
}

// addColumn adds a column unless another process comes first, which SQLite does
// not tell by a number of its own.
func (s *Store) addColumn(ctx context.Context, table, name, typ string) error {
	_, err := s.exec(ctx, "ALTER TABLE "+s.quote(table)+" ADD COLUMN "+s.quote(name)+" "+typ)
	if err == nil {
		return nil
	}
	there, again := s.columns(ctx, table)
	if _, found := find(there, name); again == nil && found {
		return nil
	}
	return err
}

// Timestamps carry a DEFAULT each: without one, and under
// explicit_defaults_for_timestamp=OFF, the first would get ON UPDATE
// CURRENT_TIMESTAMP and sign a user out at every write. A session inserted
// without an expiry is expired.
//
// %[1]s: character set of texts. Ids keep the database's, because Better Auth's
// other tables refer to them.
const userTableMySQL = "CREATE TABLE IF NOT EXISTS `user` (\n" +
	"  `id` varchar(36) NOT NULL,\n" +
	"  `name` varchar(255)%[1]s NOT NULL,\n" +
	"  `email` varchar(255)%[1]s NOT NULL,\n" +
	"  `emailVerified` boolean NOT NULL,\n" +
	"  `image` text%[1]s NULL,\n" +
	"  `createdAt` timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),\n" +
	"  `updatedAt` timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),\n" +
	"  PRIMARY KEY (`id`),\n" +
	"  UNIQUE KEY `email` (`email`)\n" +
	") ENGINE=InnoDB"

// %[2]s: type of userId, which must be that of the user's id, %[3]s. The reference
// stands on the table: MySQL before 9.0 ignores one that stands on the column.
// %[4]s, %[5]s: names of indexes.
const sessionTableMySQL = `CREATE TABLE IF NOT EXISTS "session" (
  "id" varchar(36) NOT NULL,
  "expiresAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  "token" varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  "ipAddress" text%[1]s NULL,
  "userAgent" text%[1]s NULL,
  "userId" %[2]s NOT NULL,
  PRIMARY KEY ("id"),
  UNIQUE KEY "token" ("token"),
  KEY %[4]s ("userId"),
  KEY %[5]s ("expiresAt"),
  FOREIGN KEY ("userId") REFERENCES "user" (%[3]s) ON DELETE CASCADE
) ENGINE=InnoDB`

func (s *Store) migrateMySQL(ctx context.Context) error {
	charset, err := query(ctx, s, "SELECT default_character_set_name FROM information_schema.schemata WHERE schema_name = DATABASE()", scanText)
	if err != nil {
		return err
	}
	if len(charset) == 0 {
		return unfit("the DSN names no database")
	}
	// Names and user agents are written in all scripts. In a database for
	// others, a user agent in Japanese would fail the sign-in.
	texts := ""
	if charset[0] != "utf8mb4" {
		texts = " CHARACTER SET utf8mb4"
	}
	if s.schema.ours() {
		if _, err := s.exec(ctx, fmt.Sprintf(userTableMySQL, texts)); err != nil {
			return err
		}
	}
	id, err := s.userIDColumn(ctx)
	if err != nil {
		return err
	}
	idType, err := s.typeLike(id)
	if err != nil {
		return err
	}
	session := fmt.Sprintf(s.schema.text(s.quote, sessionTableMySQL), texts, idType,
		s.quote(s.schema.User.Columns["id"]), s.quote(s.index("userId")), s.quote(s.index("expiresAt")))
	if _, err := s.exec(ctx, session); err != nil {
		return err
	}
	if err := s.addExpiryIndex(ctx); err != nil {
		return err
	}
	if s.schema.Feed {
		if _, err := s.exec(ctx, fmt.Sprintf(feedTableMySQL, s.quote(s.schema.feedTable()))); err != nil {
			return err
		}
	}
	return s.addFields(ctx, s.fieldTypesMySQL)
}

// fieldTypesMySQL are Better Auth's, with texts in all scripts whatever the table
// is for. A timestamp says twice that it may be NULL: under
// explicit_defaults_for_timestamp=OFF it would become NOT NULL by itself.
func (s *Store) fieldTypesMySQL(ctx context.Context, table string) (map[Type]string, error) {
	unicode, err := query(ctx, s, "SELECT table_name FROM information_schema.tables "+
		"WHERE table_schema = DATABASE() AND table_name = ? AND table_collation LIKE 'utf8mb4%'", scanText, table)
	texts := " CHARACTER SET utf8mb4"
	if len(unicode) > 0 {
		texts = ""
	}
	return map[Type]string{
		String:  "text" + texts + " NULL",
		Number:  "integer NULL",
		Boolean: "boolean NULL",
		Date:    "timestamp(3) NULL DEFAULT NULL",
	}, err
}

var safeType = regexp.MustCompile(`^[a-z]+(\([0-9]+\))?( unsigned)?$`)

// typeLike is what userId must be: a foreign key wants the same type, character
// set and collation on both sides.
func (s *Store) typeLike(id column) (string, error) {
	if !safeType.MatchString(id.typ) {
		return "", unfit("%s.%s has a type that no foreign key of ours can follow: create the table %s by hand", s.schema.User.Name, id.name, s.schema.Session.Name)
	}
	if !id.charset.Valid {
		return id.typ, nil
	}
	if !safe(id.charset.String) || !safe(id.collation.String) {
		return "", unfit("%s.%s has a character set or collation of an unknown form", s.schema.User.Name, id.name)
	}
	return id.typ + " CHARACTER SET " + id.charset.String + " COLLATE " + id.collation.String, nil
}

// addExpiryIndex adds the index on expiresAt unless one begins with that column
// already.
func (s *Store) addExpiryIndex(ctx context.Context) error {
	name, table, expiry := s.index("expiresAt"), s.schema.Session.Name, s.schema.Session.Columns["expiresAt"]
	found, err := query(ctx, s, "SELECT index_name FROM information_schema.statistics "+
		"WHERE table_schema = DATABASE() AND table_name = ? "+
		"AND (index_name = ? OR (column_name = ? AND seq_in_index = 1))", scanText, table, name, expiry)
	if err != nil || len(found) > 0 {
		return err
	}
	_, err = s.exec(ctx, "CREATE INDEX "+s.quote(name)+" ON "+s.quote(table)+" ("+s.quote(expiry)+")")
	if s.dialect.number(err) == 1061 { // another process came first
		return nil
	}
	return err
}

// Column types are those of Better Auth's SQLite schema; defaults write times
// in the one form that sorts.
const (
	userTableSQLite = `CREATE TABLE IF NOT EXISTS "user" (
  "id" text NOT NULL PRIMARY KEY,
  "name" text NOT NULL,
  "email" text NOT NULL UNIQUE,
  "emailVerified" integer NOT NULL,
  "image" text,
  "createdAt" date NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  "updatedAt" date NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
)`
	// %[1]s: type of userId, which is that of the user's id, %[2]s. Times are
	// written by the Store in that form too.
	sessionTableSQLite = `CREATE TABLE IF NOT EXISTS "session" (
  "id" text NOT NULL PRIMARY KEY,
  "expiresAt" date NOT NULL,
  "token" text NOT NULL UNIQUE,
  "createdAt" date NOT NULL DEFAULT (strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now')),
  "updatedAt" date NOT NULL,
  "ipAddress" text,
  "userAgent" text,
  "userId" %[1]s NOT NULL REFERENCES "user" (%[2]s) ON DELETE CASCADE
)`
	// %s: the index's name.
	userIndexSQLite   = `CREATE INDEX IF NOT EXISTS %s ON "session" ("userId")`
	expiryIndexSQLite = `CREATE INDEX IF NOT EXISTS %s ON "session" ("expiresAt")`
)

func (s *Store) migrateSQLite(ctx context.Context) error {
	there, err := s.columns(ctx, s.schema.Session.Name)
	if err != nil {
		return err
	}
	if s.schema.ours() {
		if _, err := s.exec(ctx, userTableSQLite); err != nil {
			return err
		}
	}
	id, err := s.userIDColumn(ctx)
	if err != nil {
		return err
	}
	idType := "text"
	if number.MatchString(id.typ) {
		idType = "integer"
	}
	text := func(text string, args ...any) string { return fmt.Sprintf(s.schema.text(s.quote, text), args...) }
	steps := []string{
		text(sessionTableSQLite, idType, s.quote(s.schema.User.Columns["id"])),
		text(userIndexSQLite, s.quote(s.index("userId"))),
		text(expiryIndexSQLite, s.quote(s.index("expiresAt"))),
	}
	if len(there) > 0 {
		steps = steps[2:]
	}
	if s.schema.Feed {
		feed := s.schema.feedTable()
		steps = append(steps, fmt.Sprintf(feedTableSQLite, s.quote(feed)), fmt.Sprintf(feedIndexSQLite, s.quote(feed), s.quote(feed+"_at_idx")))
	}
	for _, step := range steps {
		if _, err := s.exec(ctx, step); err != nil {
			return err
		}
	}
	return s.addFields(ctx, fieldTypesSQLite)
}

func fieldTypesSQLite(context.Context, string) (map[Type]string, error) {
	return map[Type]string{String: "text", Number: "integer", Boolean: "integer", Date: "date"}, nil
}
