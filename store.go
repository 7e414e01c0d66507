package ginsession

import (
	"context"
	"time"

	"github.com/ginsession/ginsession/models"
)

// mostListed is how many sessions Store.List reads at most, and mostFound for how
// many tokens Store.FindMany looks.
const (
	mostListed = 100
	mostFound  = 100
)

// A Store keeps sessions. models.Store, on GORM, is the one most applications
// use; package storetest holds the suite that every implementation passes.
//
// Three kinds of answer must stay apart in all methods: a row; a sentinel of
// package models (models.ErrNotFound and its neighbours), which says that the
// store looked and answers; any other error, which says that it could not
// tell. A Store never turns the third into the second: that would sign users
// out whenever the database is down.
//
// Tokens are compared byte for byte, whatever the collation of the column.
// Times go in and come out as UTC milliseconds. There is no save and no
// upsert: a session that was revoked must not come back.
//
// A Store is safe for concurrent use and returns soon after its context ends.
type Store interface {
	// Create inserts the session. It returns models.ErrDuplicate if its token
	// or id is taken and models.ErrNoUser if the database knows that its user
	// does not exist.
	Create(ctx context.Context, session models.Session) error

	// Find reads the session with this token and its user, in one query. A
	// session whose user is gone is models.ErrNotFound. An expired session is
	// returned as it is: time is the caller's to judge.
	Find(ctx context.Context, token string) (models.Session, models.User, error)

	// FindMany reads the sessions with these tokens, at most 100 of them, each
	// with its user, in one query and in no particular order. Tokens without a
	// session, or whose user is gone, are left out; expired sessions are not.
	FindMany(ctx context.Context, tokens []string) ([]models.Found, error)

	// Update writes the given additional fields of a session that was read with
	// Find, and sets updatedAt to now; nothing else changes. Values are of the
	// types that models.Field.Value returns. The result is the session as it
	// stands afterwards. models.ErrNotFound means that the row is gone.
	Update(ctx context.Context, read models.Session, fields map[string]any, now time.Time) (models.Session, error)

	// Touch moves the expiry of a session that was read with Find to next, in
	// one conditional write: only if the row still has the expiry that was read
	// and is not expired at now. The result is the session as it stands
	// afterwards: with next if this call wrote, with the winner's expiry if
	// another did. models.ErrNotFound means that the row is gone.
	Touch(ctx context.Context, read models.Session, next, now time.Time) (models.Session, error)

	// Replace puts next in the place of a session that was read with Find and is
	// not expired at now, in one write: its id, token, createdAt and updatedAt,
	// and its expiry, unless that has moved beyond next's meanwhile. The rest of
	// next is that of read. The result is the session as it stands afterwards.
	// models.ErrNotFound means that the row is gone or expired, models.ErrDuplicate
	// that next's id or token is taken; then nothing has changed.
	Replace(ctx context.Context, read, next models.Session, now time.Time) (models.Session, error)

	// List reads the user's sessions that are alive at now (expiresAt > now),
	// at most 100, ordered by id.
	List(ctx context.Context, userID string, now time.Time) ([]models.Session, error)

	// Tokens reads the tokens of all sessions of the user, however many.
	Tokens(ctx context.Context, userID string) ([]string, error)

	// Revoke deletes what the revocation names in one statement and returns how
	// many sessions that were.
	Revoke(ctx context.Context, revocation models.Revocation) (int, error)

	// Purge deletes at most limit sessions that expired before the given time
	// and returns how many it deleted. A session renewed meanwhile stays.
	Purge(ctx context.Context, before time.Time, limit int) (int, error)
}
