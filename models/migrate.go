package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"

	"gorm.io/gorm"
)

// Migrate creates the tables `user` and `session` where they are absent, as
// Better Auth does, with an index on session.expiresAt for the purge. To a
// session table that is there it adds that index and nothing else. It alters
// and drops nothing: what differs is Check's to report.
//
// It can be repeated and may run in several processes at once. It knows MySQL,
// MariaDB and SQLite. If a statement fails, those before it stay done: MySQL
// does not roll back table definitions.
func Migrate(ctx context.Context, db *gorm.DB) error {
	s, err := NewStore(db)
	if err != nil {
		return err
	}
	switch s.dialect {
	case mariadb:
		err = s.migrateMySQL(ctx)
	case sqlite:
		err = s.migrateSQLite(ctx)
	default:
		return fmt.Errorf("models: Migrate knows MySQL and SQLite, not %s: create the tables user and session with Better Auth's own migration, and an index session_expiresAt_idx on session (expiresAt)", s.dialect)
	}
	var explained *Error
	if err == nil || errors.As(err, &explained) {
		return err
	}
	return s.dialect.wrap(ctx, "migrate", err)
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

// %[2]s: type of userId, which must be that of user.id. The reference stands on
// the table: MySQL before 9.0 ignores one that stands on the column.
const sessionTableMySQL = "CREATE TABLE IF NOT EXISTS `session` (\n" +
	"  `id` varchar(36) NOT NULL,\n" +
	"  `expiresAt` timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),\n" +
	"  `token` varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,\n" +
	"  `createdAt` timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),\n" +
	"  `updatedAt` timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),\n" +
	"  `ipAddress` text%[1]s NULL,\n" +
	"  `userAgent` text%[1]s NULL,\n" +
	"  `userId` %[2]s NOT NULL,\n" +
	"  PRIMARY KEY (`id`),\n" +
	"  UNIQUE KEY `token` (`token`),\n" +
	"  KEY `session_userId_idx` (`userId`),\n" +
	"  KEY `session_expiresAt_idx` (`expiresAt`),\n" +
	"  FOREIGN KEY (`userId`) REFERENCES `user` (`id`) ON DELETE CASCADE\n" +
	") ENGINE=InnoDB"

func (s *Store) migrateMySQL(ctx context.Context) error {
	charset, err := query(ctx, s, "SELECT default_character_set_name FROM information_schema.schemata WHERE schema_name = DATABASE()", scanText)
	if err != nil {
		return err
	}
	if len(charset) == 0 {
		return &Error{Op: "migrate", Class: Configuration, fault: "the DSN names no database"}
	}
	// Names and user agents are written in all scripts. In a database for
	// others, a user agent in Japanese would fail the sign-in.
	texts := ""
	if charset[0] != "utf8mb4" {
		texts = " CHARACTER SET utf8mb4"
	}
	if _, err := s.exec(ctx, fmt.Sprintf(userTableMySQL, texts)); err != nil {
		return err
	}
	idType, err := s.userIDType(ctx)
	if err != nil {
		return err
	}
	if _, err := s.exec(ctx, fmt.Sprintf(sessionTableMySQL, texts, idType)); err != nil {
		return err
	}
	return s.addExpiryIndex(ctx)
}

var safeType = regexp.MustCompile(`^[a-z]+(\([0-9]+\))?( unsigned)?$`)
var safeName = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// userIDType reads what userId must be: a foreign key wants the same type,
// character set and collation on both sides.
func (s *Store) userIDType(ctx context.Context) (string, error) {
	type column struct{ typ, charset, collation sql.NullString }
	found, err := query(ctx, s, "SELECT column_type, character_set_name, collation_name FROM information_schema.columns "+
		"WHERE table_schema = DATABASE() AND table_name = 'user' AND column_name = 'id'",
		func(rows *sql.Rows, c *column) error { return rows.Scan(&c.typ, &c.charset, &c.collation) })
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", &Error{Op: "migrate", Class: Configuration, fault: "table user has no column id"}
	}
	c := found[0]
	if !safeType.MatchString(c.typ.String) {
		return "", &Error{Op: "migrate", Class: Configuration, fault: "user.id has a type that no foreign key of ours can follow: create the table session by hand"}
	}
	if !c.charset.Valid {
		return c.typ.String, nil
	}
	if !safeName.MatchString(c.charset.String) || !safeName.MatchString(c.collation.String) {
		return "", &Error{Op: "migrate", Class: Configuration, fault: "user.id has a character set or collation of an unknown form"}
	}
	return c.typ.String + " CHARACTER SET " + c.charset.String + " COLLATE " + c.collation.String, nil
}

// addExpiryIndex adds session_expiresAt_idx unless an index begins with that
// column already.
func (s *Store) addExpiryIndex(ctx context.Context) error {
	found, err := query(ctx, s, "SELECT index_name FROM information_schema.statistics "+
		"WHERE table_schema = DATABASE() AND table_name = 'session' "+
		"AND (index_name = 'session_expiresAt_idx' OR (column_name = 'expiresAt' AND seq_in_index = 1))", scanText)
	if err != nil || len(found) > 0 {
		return err
	}
	_, err = s.exec(ctx, "CREATE INDEX `session_expiresAt_idx` ON `session` (`expiresAt`)")
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
	sessionTableSQLite = `CREATE TABLE IF NOT EXISTS "session" (
  "id" text NOT NULL PRIMARY KEY,
  "expiresAt" date NOT NULL,
  "token" text NOT NULL UNIQUE,
  "createdAt" date NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  "updatedAt" date NOT NULL,
  "ipAddress" text,
  "userAgent" text,
  "userId" text NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE
)`
	userIndexSQLite   = `CREATE INDEX IF NOT EXISTS "session_userId_idx" ON "session" ("userId")`
	expiryIndexSQLite = `CREATE INDEX IF NOT EXISTS "session_expiresAt_idx" ON "session" ("expiresAt")`
)

func (s *Store) migrateSQLite(ctx context.Context) error {
	tables, err := query(ctx, s, `SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'session'`, scanText)
	if err != nil {
		return err
	}
	steps := []string{userTableSQLite, sessionTableSQLite, userIndexSQLite, expiryIndexSQLite}
	if len(tables) > 0 {
		steps = []string{userTableSQLite, expiryIndexSQLite}
	}
	for _, step := range steps {
		if _, err := s.exec(ctx, step); err != nil {
			return err
		}
	}
	return nil
}
