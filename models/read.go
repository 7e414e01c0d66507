package models

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"time"
)

// possibleToken reports whether a session with this token can exist. The rule
// keeps questions away that MySQL answers in surprising ways: collations that
// ignore accents, blanks and NUL, a text that the column's character set lacks,
// and values cut to the column's length outside strict mode.
func possibleToken(token string) bool {
	if len(token) == 0 || len(token) > 255 {
		return false
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] >= 0x7f {
			return false
		}
	}
	return true
}

// sameToken is the equality that the database does not offer: under MySQL's
// usual collations WHERE token = ? ignores case. The time it takes says nothing
// about where two tokens differ.
func sameToken(stored, presented string) bool {
	return subtle.ConstantTimeCompare([]byte(stored), []byte(presented)) == 1
}

// Index: token (unique); the user by its primary key. INNER, so that a session
// without its user is none: MySQL before 9.0 ignores Better Auth's foreign key.
const findSQL = `SELECT s."id", s."expiresAt", s."token", s."createdAt", s."updatedAt", s."ipAddress", s."userAgent", s."userId", ` +
	`u."id", u."name", u."email", u."emailVerified", u."image", u."createdAt", u."updatedAt" ` +
	`FROM "session" s INNER JOIN "user" u ON u."id" = s."userId" WHERE s."token" = ?`

// Find reads the session with this token and its user. It returns ErrNotFound
// if there is none with exactly this token, or if its user is gone. An expired
// session is returned as it is.
func (s *Store) Find(ctx context.Context, token string) (Session, User, error) {
	if !possibleToken(token) {
		return Session{}, User{}, ErrNotFound
	}
	found, err := query(ctx, s, s.sql.find, scanSessionAndUser, token)
	if err != nil {
		return Session{}, User{}, s.dialect.wrap(ctx, "find", err)
	}
	for _, row := range found {
		if sameToken(row.Session.Token, token) {
			return row.Session, row.User, nil
		}
	}
	return Session{}, User{}, ErrNotFound
}

// Index: token (unique).
const rereadSQL = `SELECT "id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId" ` +
	`FROM "session" WHERE "token" = ?`

// reread reads the session alone, as it stands after a Touch that wrote
// nothing.
func (s *Store) reread(ctx context.Context, id, token string) (Session, error) {
	found, err := query(ctx, s, s.sql.reread, scanSession, token)
	if err != nil {
		return Session{}, s.dialect.wrap(ctx, "touch", err)
	}
	for _, session := range found {
		if sameToken(session.Token, token) && session.ID == id {
			return session, nil
		}
	}
	return Session{}, ErrNotFound
}

// Index: session_userId_idx, which holds the primary key and so the order too.
const listSQL = `SELECT "id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId" ` +
	`FROM "session" WHERE "userId" = ? AND "expiresAt" > ? ORDER BY "id" LIMIT 100`

// List reads the user's sessions that are alive at now (expiresAt > now), at
// most 100, ordered by id. For a user without any it returns no error.
func (s *Store) List(ctx context.Context, userID string, now time.Time) ([]Session, error) {
	if err := s.dialect.meaningful("list", "now", now); err != nil {
		return nil, err
	}
	sessions, err := query(ctx, s, s.sql.list, scanSession, userID, s.dialect.bind(now))
	if err != nil {
		return nil, s.dialect.wrap(ctx, "list", err)
	}
	// Judged once more: in a SQLite file times are text, and others than this
	// package may have written them in a form that sorts differently.
	alive := sessions[:0]
	for _, session := range sessions {
		if session.ExpiresAt.After(millis(now)) {
			alive = append(alive, session)
		}
	}
	return alive, nil
}

// Index: session_userId_idx.
const tokensSQL = `SELECT "token" FROM "session" WHERE "userId" = ?`

// Tokens reads the tokens of all sessions of the user, however many, expired
// ones included.
func (s *Store) Tokens(ctx context.Context, userID string) ([]string, error) {
	tokens, err := query(ctx, s, s.sql.tokens, scanText, userID)
	return tokens, s.dialect.wrap(ctx, "tokens", err)
}

type sessionAndUser struct {
	Session Session
	User    User
}

func scanSessionAndUser(rows *sql.Rows, row *sessionAndUser) error {
	var expires, created, updated, userCreated, userUpdated instant
	session, user := &row.Session, &row.User
	err := rows.Scan(
		&session.ID, &expires, &session.Token, &created, &updated, &session.IPAddress, &session.UserAgent, &session.UserID,
		&user.ID, &user.Name, &user.Email, &user.EmailVerified, &user.Image, &userCreated, &userUpdated,
	)
	session.ExpiresAt, session.CreatedAt, session.UpdatedAt = expires.Time, created.Time, updated.Time
	user.CreatedAt, user.UpdatedAt = userCreated.Time, userUpdated.Time
	return err
}

func scanSession(rows *sql.Rows, session *Session) error {
	var expires, created, updated instant
	err := rows.Scan(
		&session.ID, &expires, &session.Token, &created, &updated, &session.IPAddress, &session.UserAgent, &session.UserID,
	)
	session.ExpiresAt, session.CreatedAt, session.UpdatedAt = expires.Time, created.Time, updated.Time
	return err
}
