package models

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// %[1]s: the additional fields, %[2]s: their values.
const createSQL = `INSERT INTO "session" ` +
	`("id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId"%[1]s) ` +
	`VALUES (?, ?, ?, ?, ?, ?, ?, ?%[2]s)`

// Create inserts the session. It returns ErrDuplicate if its token or id is
// taken, in any spelling that the column's collation calls equal, and ErrNoUser
// if a foreign key says that its user does not exist.
//
// Every declared field is written. One that is missing in session.Fields is
// NULL, not its Default, which is the caller's to give.
//
// An *Error of class Transient leaves open whether the row is there: an INSERT
// that waits for a lock may still happen after the context has ended.
func (s *Store) Create(ctx context.Context, session Session) error {
	switch {
	case session.ID == "":
		return badValue("create", "id is empty")
	case session.UserID == "":
		return badValue("create", "userId is empty")
	case !possibleToken(session.Token):
		return badValue("create", "token is not 1 to 255 printable ASCII characters")
	}
	if err := s.dialect.storableTimes("create", session); err != nil {
		return err
	}
	fields, err := s.fieldArgs("create", session.Fields)
	if err != nil {
		return err
	}
	user, possible := s.userID(session.UserID)
	if !possible {
		return ErrNoUser
	}
	err = s.insert(ctx, session, user, fields)
	if number := s.dialect.number(err); s.dialect == mariadb && number == 1366 && session.UserAgent != nil {
		// A column of latin1 or utf8mb3 cannot hold what browsers call
		// themselves in some parts of the world. That costs the letters, not the
		// sign-in.
		plain := ascii(*session.UserAgent)
		session.UserAgent = &plain
		err = s.insert(ctx, session, user, fields)
	}
	if answer := s.dialect.answer(s.db, err); answer != nil {
		return answer
	}
	return s.dialect.wrap(ctx, "create", err)
}

func (s *Store) insert(ctx context.Context, session Session, user any, fields map[string]any) error {
	args := []any{
		session.ID, s.dialect.bind(session.ExpiresAt), session.Token,
		s.dialect.bind(session.CreatedAt), s.dialect.bind(session.UpdatedAt),
		nullable(session.IPAddress), nullable(session.UserAgent), user,
	}
	for _, f := range s.schema.Session.Fields {
		args = append(args, fields[f.Name])
	}
	_, err := s.exec(ctx, s.sql.create, args...)
	return err
}

// fieldArgs are the given values of additional fields as a statement's
// arguments, by name. It refuses fields that are not declared and values of
// another type.
func (s *Store) fieldArgs(op string, given map[string]any) (map[string]any, error) {
	fields := s.schema.Session.Fields
	args := make(map[string]any, len(given))
	for name, value := range given {
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
		if i < 0 {
			return nil, badValue(op, fmt.Sprintf("sessions have no field %q", name))
		}
		arg, err := fields[i].Value(value)
		if err != nil {
			return nil, badValue(op, err.Error())
		}
		if at, isTime := arg.(time.Time); isTime {
			arg = s.dialect.bind(at)
		}
		args[name] = arg
	}
	return args, nil
}

// ascii drops what is not ASCII.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r > '~' {
			return -1
		}
		return r
	}, text)
}

func nullable(text *string) any {
	if text == nil {
		return nil
	}
	return *text
}

// Index: primary key (byPrimaryKey). The expiry that was read is in the
// condition: of several requests that renew at once one writes, and one that was
// revoked meanwhile does not come back. expiresAt is always assigned, because the
// column may carry ON UPDATE CURRENT_TIMESTAMP.
const touchSQL = `UPDATE "session" SET "expiresAt" = ?, "updatedAt" = ? ` +
	`WHERE "id" = ? AND "token" = ? AND "expiresAt" = ? AND "expiresAt" >= ?`

// byPrimaryKey follows the table's name on MySQL, where session_expiresAt_idx
// looks as good to the optimiser; it would lock that index before the row, and
// at REPEATABLE READ the gaps beside it.
const byPrimaryKey = ` FORCE INDEX (PRIMARY)`

// Touch moves the expiry of a session that was read with Find to next, if the
// row still has the expiry that was read and is not expired at now. It returns
// the session as it stands afterwards, whoever wrote it, and ErrNotFound if the
// row is gone. It never moves an expiry back: with a next that is no later than
// what was read it only reads.
//
// If it wrote, everything but the two times is as in read, Fields included.
func (s *Store) Touch(ctx context.Context, read Session, next, now time.Time) (Session, error) {
	if !possibleToken(read.Token) {
		return Session{}, ErrNotFound
	}
	if err := cmp.Or(
		meaningful("touch", "the expiry that was read", read.ExpiresAt),
		s.dialect.storable("touch", "next", next),
		s.dialect.storable("touch", "now", now)); err != nil {
		return Session{}, err
	}
	next, now = millis(next), millis(now)
	if !next.After(millis(read.ExpiresAt)) {
		return s.reread(ctx, "touch", read.ID, read.Token)
	}
	written, err := s.exec(ctx, s.sql.touch,
		s.dialect.bind(next), s.dialect.bind(now),
		read.ID, read.Token, s.dialect.bind(read.ExpiresAt), s.dialect.bind(now))
	switch {
	case err != nil:
		return Session{}, s.dialect.wrap(ctx, "touch", err)
	case written == 0:
		// Gone, or moved by another, or expired. Only the first is an answer
		// that signs somebody out.
		return s.reread(ctx, "touch", read.ID, read.Token)
	}
	read.ExpiresAt, read.UpdatedAt, read.CreatedAt = next, now, millis(read.CreatedAt)
	return read, nil
}

// Index: primary key (byPrimaryKey). expiresAt is assigned for the same reason
// as in touchSQL. The token is in the condition, by tokenExactly too, so that
// the row is the one that was read. %s: the fields that are given.
const updateSQL = `UPDATE "session" SET "expiresAt" = "expiresAt", "updatedAt" = ?%s WHERE "id" = ? AND "token" = ?`

// Update writes the given additional fields of a session that was read with
// Find, and sets updatedAt to now. It returns the session as it stands
// afterwards, and ErrNotFound if the row is gone. An expired session is written
// as any other.
//
// No fields at all, a field that is not declared, and a value of another type
// than its field's are refused, as an *Error of class BadValue. So is what the
// column cannot hold, if the database says so.
func (s *Store) Update(ctx context.Context, read Session, fields map[string]any, now time.Time) (Session, error) {
	if len(fields) == 0 {
		return Session{}, badValue("update", "no fields are given")
	}
	given, err := s.fieldArgs("update", fields)
	if err != nil {
		return Session{}, err
	}
	if err := s.dialect.storable("update", "now", now); err != nil {
		return Session{}, err
	}
	if !possibleToken(read.Token) {
		return Session{}, ErrNotFound
	}
	sets, args := "", []any{s.dialect.bind(now)}
	for i, f := range s.schema.Session.Fields {
		if arg, isGiven := given[f.Name]; isGiven {
			sets, args = sets+s.sql.set[i], append(args, arg)
		}
	}
	args = append(args, read.ID, read.Token)
	if s.dialect == mariadb {
		args = append(args, read.Token) // of tokenExactly
	}
	_, err = s.exec(ctx, fmt.Sprintf(s.sql.update, sets), args...)
	if s.dialect.answer(s.db, err) != nil {
		// A key of the application's, on a column that is a field.
		return Session{}, &Error{Op: "update", Class: BadValue, Number: s.dialect.number(err), fault: "a field is against a key of its column"}
	}
	if err != nil {
		return Session{}, s.dialect.wrap(ctx, "update", err)
	}
	// How many rows it met does not tell: MySQL counts one that keeps its values
	// as none, unless the DSN says clientFoundRows.
	return s.reread(ctx, "update", read.ID, read.Token)
}

// Index: primary key (byPrimaryKey). The token is in the condition, by
// tokenExactly too, so that the row is the one that was read, and so is the
// expiry: what has ended begins no new life. What another renewed further stays so.
const replaceSQL = `UPDATE "session" SET "id" = ?, "token" = ?, "createdAt" = ?, "updatedAt" = ?, ` +
	`"expiresAt" = CASE WHEN "expiresAt" > ? THEN "expiresAt" ELSE ? END ` +
	`WHERE "id" = ? AND "token" = ? AND "expiresAt" >= ?`

// Replace puts next in the place of a session that was read with Find and is not
// expired at now: its id, token, createdAt and updatedAt, and its expiry unless
// the stored one is later. It returns the session as it stands afterwards,
// ErrNotFound if the row is gone or expired, and ErrDuplicate if next's id or token
// is taken. If the Schema has a Feed, the token that was read stands there
// afterwards.
//
// After an *Error of class Transient either of the two may be stored.
func (s *Store) Replace(ctx context.Context, read, next Session, now time.Time) (Session, error) {
	switch {
	case next.ID == "":
		return Session{}, badValue("replace", "id is empty")
	case !possibleToken(next.Token):
		return Session{}, badValue("replace", "token is not 1 to 255 printable ASCII characters")
	case !possibleToken(read.Token):
		return Session{}, ErrNotFound
	}
	if err := cmp.Or(s.dialect.storableTimes("replace", next), meaningful("replace", "now", now)); err != nil {
		return Session{}, err
	}
	expires := s.dialect.bind(next.ExpiresAt)
	args := []any{
		next.ID, next.Token, s.dialect.bind(next.CreatedAt), s.dialect.bind(next.UpdatedAt), expires, expires,
		read.ID, read.Token, s.dialect.bind(now),
	}
	if s.dialect == mariadb {
		args = append(args, read.Token) // of tokenExactly
	}
	replaced, err := s.end(ctx, Revocation{Token: read.Token, Reason: ReasonRotated}, s.sql.replace, args)
	if answer := s.dialect.answer(s.db, err); answer != nil {
		return Session{}, answer
	}
	switch {
	case err != nil:
		return Session{}, s.dialect.wrap(ctx, "replace", err)
	case replaced == 0:
		return Session{}, ErrNotFound
	}
	return s.reread(ctx, "replace", next.ID, next.Token)
}
