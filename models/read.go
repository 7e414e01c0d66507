package models

import (
	"context"
	"crypto/subtle"
	"slices"
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
// Which token or tokens follows. %s: the additional fields.
const findSQL = `SELECT s."id", s."expiresAt", s."token", s."createdAt", s."updatedAt", s."ipAddress", s."userAgent", s."userId", ` +
	`u."id", u."name", u."email", u."emailVerified", u."image", u."createdAt", u."updatedAt"%s ` +
	`FROM "session" s INNER JOIN "user" u ON u."id" = s."userId" WHERE s."token" `

// Find reads the session with this token and its user. It returns ErrNotFound
// if there is none with exactly this token, or if its user is gone. An expired
// session is returned as it is.
func (s *Store) Find(ctx context.Context, token string) (Session, User, error) {
	if !possibleToken(token) {
		return Session{}, User{}, ErrNotFound
	}
	found, err := query(ctx, s, s.sql.find, s.scanFound, token)
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

// mostTokens bounds what one FindMany asks for.
const mostTokens = 100

// FindMany reads the sessions with exactly these tokens, each with its user, in
// no particular order. Tokens without a session, or whose user is gone, are left
// out; expired sessions are not. It looks for 100 at most, the first of those that
// can be tokens.
func (s *Store) FindMany(ctx context.Context, tokens []string) ([]Found, error) {
	var wanted []string
	var args []any
	for _, token := range tokens {
		if possibleToken(token) && len(wanted) < mostTokens {
			wanted, args = append(wanted, token), append(args, token)
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	found, err := query(ctx, s, s.sql.findMany+marks(len(args)), s.scanFound, args...)
	if err != nil {
		return nil, s.dialect.wrap(ctx, "find many", err)
	}
	return slices.DeleteFunc(found, func(row Found) bool {
		return !slices.ContainsFunc(wanted, func(token string) bool { return sameToken(row.Session.Token, token) })
	}), nil
}

// Index: token (unique). %s: the additional fields.
const rereadSQL = `SELECT "id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId"%s ` +
	`FROM "session" WHERE "token" = ?`

// reread reads the session alone, as it stands after an Update, a Replace, or a
// Touch that wrote nothing.
func (s *Store) reread(ctx context.Context, op, id, token string) (Session, error) {
	found, err := query(ctx, s, s.sql.reread, s.scanSession, token)
	if err != nil {
		return Session{}, s.dialect.wrap(ctx, op, err)
	}
	for _, session := range found {
		if sameToken(session.Token, token) && session.ID == id {
			return session, nil
		}
	}
	return Session{}, ErrNotFound
}

// Index: session_userId_idx, which holds the primary key and so the order too.
// %s: the additional fields.
const listSQL = `SELECT "id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId"%s ` +
	`FROM "session" WHERE "userId" = ? AND "expiresAt" > ? ORDER BY "id" LIMIT 100`

// List reads the user's sessions that are alive at now (expiresAt > now), at
// most 100, ordered by id. For a user without any it returns no error.
func (s *Store) List(ctx context.Context, userID string, now time.Time) ([]Session, error) {
	if err := meaningful("list", "now", now); err != nil {
		return nil, err
	}
	user, possible := s.userID(userID)
	if !possible {
		return nil, nil
	}
	sessions, err := query(ctx, s, s.sql.list, s.scanSession, user, s.dialect.bind(now))
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
	user, possible := s.userID(userID)
	if !possible {
		return nil, nil
	}
	tokens, err := query(ctx, s, s.sql.tokens, scanText, user)
	return tokens, s.dialect.wrap(ctx, "tokens", err)
}
