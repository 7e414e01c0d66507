package models

import (
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
	for _, column := range []struct {
		name string
		time time.Time
	}{
		{"expiresAt", session.ExpiresAt},
		{"createdAt", session.CreatedAt},
		{"updatedAt", session.UpdatedAt},
	} {
		if err := s.dialect.storable("create", column.name, column.time); err != nil {
			return err
		}
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
	if err == nil {
		return nil
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
// revoked meanwhile does not come back. expiresAt is always assigned, because the column may
// carry ON UPDATE CURRENT_TIMESTAMP.
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
	if err := s.dialect.meaningful("touch", "the expiry that was read", read.ExpiresAt); err != nil {
		return Session{}, err
	}
	if err := s.dialect.storable("touch", "next", next); err != nil {
		return Session{}, err
	}
	if err := s.dialect.storable("touch", "now", now); err != nil {
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
	for _, column := range []struct {
		name string
		time time.Time
	}{
		{"expiresAt", next.ExpiresAt},
		{"createdAt", next.CreatedAt},
		{"updatedAt", next.UpdatedAt},
		{"now", now},
	} {
		if err := s.dialect.storable("replace", column.name, column.time); err != nil {
			return Session{}, err
		}
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
	switch {
	case s.dialect.answer(s.db, err) != nil:
		return Session{}, s.dialect.answer(s.db, err)
	case err != nil:
		return Session{}, s.dialect.wrap(ctx, "replace", err)
	case replaced == 0:
		return Session{}, ErrNotFound
	}
	return s.reread(ctx, "replace", next.ID, next.Token)
}

// Index: token (unique), to which tokenExactly adds.
const (
	revokeTokenSQL = `DELETE FROM "session" WHERE "token" = ?`
	revokeOwnedSQL = `DELETE FROM "session" WHERE "userId" = ? AND "token" = ?`
)

// tokenExactly is MySQL's byte for byte beside "token" = ?, which finds the row
// by index under a collation that ignores case. Alone it would scan the table.
// CONVERT, because equal texts are other bytes in a column of ucs2: the session
// would outlive its revocation.
const tokenExactly = ` AND CAST(CONVERT("token" USING utf8mb4) AS BINARY) = CAST(? AS BINARY)`

// notAfterSQL spares a session that was renewed since it was read as expired.
const notAfterSQL = ` AND "expiresAt" <= ?`

// Index: session_userId_idx. One statement however many rows, so that a session
// that begins meanwhile is either caught or younger than the call. One that
// expires at this very moment can still be renewed at it (touchSQL) and would
// outlive the call: it ends too.
const (
	revokeUserSQL   = `DELETE FROM "session" WHERE "userId" = ?`
	revokeOthersSQL = `DELETE FROM "session" WHERE "userId" = ? AND "id" <> ? AND "expiresAt" >= ?`
)

// Revoke deletes what the revocation names and returns how many sessions that
// were; none is no error. A revocation that names no session, or one that
// contradicts itself, is an error and deletes nothing.
//
// Revoking is safe to repeat, and after an error must be: whether the sessions
// are still there is then not known. If the Schema has a Feed, what ended stands
// there when Revoke returns, in one transaction with the deletion.
func (s *Store) Revoke(ctx context.Context, r Revocation) (int, error) {
	text, args, err := s.revocation(r)
	if err != nil || text == "" {
		return 0, err
	}
	deleted, err := s.end(ctx, r, text, args)
	if err != nil {
		return 0, s.dialect.wrap(ctx, "revoke", err)
	}
	return deleted, nil
}

// preserveSQL stands in the place of a revocation's DELETE. What has ended
// before keeps the time of its end.
const (
	deleteSQL     = `DELETE FROM "session"`
	preserveSQL   = `UPDATE "session" SET "expiresAt" = ?, "updatedAt" = ?`
	stillAliveSQL = ` AND "expiresAt" > ?`
)

// Preserve does what Revoke does, but keeps the rows: those still alive at now
// expire at now. It is for a Store beside another, which decides who is signed in;
// alone it would let a Touch at that very moment bring the session back.
//
// Better Auth: session.preserveSessionInDatabase.
func (s *Store) Preserve(ctx context.Context, r Revocation, now time.Time) (int, error) {
	if err := s.dialect.storable("preserve", "now", now); err != nil {
		return 0, err
	}
	text, args, err := s.revocation(r)
	if err != nil || text == "" {
		return 0, err
	}
	at := s.dialect.bind(now)
	text = s.sql.preserve + strings.TrimPrefix(text, s.sql.delete) + s.sql.stillAlive
	ended, err := s.end(ctx, r, text, append(append([]any{at, at}, args...), at))
	if err != nil {
		return 0, s.dialect.wrap(ctx, "preserve", err)
	}
	return ended, nil
}

// revocation is the statement of a Revoke, or "" if no session can be meant.
func (s *Store) revocation(r Revocation) (text string, args []any, err error) {
	user, possible := s.userID(r.UserID)
	switch {
	case r.Except != "" && r.UserID == "":
		return "", nil, badValue("revoke", "Except without UserID")
	case r.Except != "" && r.Token != "":
		return "", nil, badValue("revoke", "Except together with Token")
	case len(r.Reason) > mostReason:
		return "", nil, badValue("revoke", "Reason is longer than 64 bytes")
	case r.Except != "":
		if err := s.dialect.meaningful("revoke", "Now", r.Now); err != nil {
			return "", nil, err
		}
		text, args = s.sql.revokeOthers, []any{user, r.Except, s.dialect.bind(r.Now)}
	case r.Token != "" && !possibleToken(r.Token):
		return "", nil, nil
	case r.Token != "" && r.UserID != "":
		text, args = s.sql.revokeOwned, []any{user, r.Token}
	case r.Token != "":
		text, args = s.sql.revokeToken, []any{r.Token}
	case r.UserID != "":
		text, args = s.sql.revokeUser, []any{user}
	default:
		return "", nil, badValue("revoke", "names no session")
	}
	if r.UserID != "" && !possible {
		return "", nil, nil
	}
	if r.Token != "" && s.dialect == mariadb {
		args = append(args, r.Token) // of tokenExactly
	}
	if r.Token != "" && !r.NotAfter.IsZero() {
		text, args = text+s.sql.notAfter, append(args, s.dialect.bind(r.NotAfter))
	}
	return text, args, nil
}

// purgeBatch bounds what one statement deletes: Galera and Vitess refuse more,
// and sign-ins wait for as long as it runs.
const purgeBatch = 500

// Index: session_expiresAt_idx. A plain read locks nothing.
const expiredSQL = `SELECT "id" FROM "session" WHERE "expiresAt" < ? ORDER BY "expiresAt" LIMIT ?`

// Index: primary key. The condition is repeated: a session renewed between the
// two statements lives.
const (
	purgeSQL       = `DELETE FROM "session" WHERE "id" IN `
	purgeBeforeSQL = ` AND "expiresAt" < ?`
)

// Purge deletes at most limit sessions that expired before the given time, the
// oldest first, and returns how many it deleted. It does one batch of at most
// 500, which is also what a limit of zero or less means; call it again, after a
// pause, while it deletes as many.
//
// Let before lie some minutes in the past, so that a clock that runs ahead
// signs nobody out.
func (s *Store) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := s.dialect.meaningful("purge", "before", before); err != nil {
		return 0, err
	}
	if limit <= 0 || limit > purgeBatch {
		limit = purgeBatch
	}
	ids, err := query(ctx, s, s.sql.expired, scanText, s.dialect.bind(before), limit)
	if err != nil || len(ids) == 0 {
		return 0, s.dialect.wrap(ctx, "purge", err)
	}
	slices.Sort(ids) // two purges at once take the rows in the same order
	args := make([]any, 0, len(ids)+1)
	for _, id := range ids {
		args = append(args, id)
	}
	args = append(args, s.dialect.bind(before))
	deleted, err := s.exec(ctx, s.sql.purge+marks(len(ids))+s.sql.purgeBefore, args...)
	if err != nil {
		return 0, s.dialect.wrap(ctx, "purge", err)
	}
	return deleted, nil
}
