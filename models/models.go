// Package models holds the rows of a session store, their tables and every SQL
// statement about them. It knows rows and SQL; it knows no HTTP and no policy:
// which session is expired or due for renewal is decided by its callers, in
// package ginsession.
//
//	db, err := models.OpenMySQL(os.Getenv("DATABASE_DSN")) // or gorm.Open(…), with SQLite too
//	if err != nil { … }
//	err = models.Migrate(ctx, db) // makes the tables that are missing
//	…
//	err = db.Create(&models.User{ID: id, Name: name, Email: email, CreatedAt: now, UpdatedAt: now}).Error // a sign-up
//
// The tables are Better Auth's, so that a Go service and a Better Auth server
// can share one database. A [Schema] names others and declares additional fields.
//
// That is all that most applications need of this package. [Store] and what its
// methods take and return ([Session], [Found], [Revocation]), and [Feed] with
// [Revoked] and [Heard], are for who writes a ginsession.Store or RevocationFeed.
package models

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// A Session is one row of the table of sessions.
//
// Times are UTC and whole milliseconds, because the columns hold no more.
type Session struct {
	ID        string    `gorm:"column:id;primaryKey"`
	ExpiresAt time.Time `gorm:"column:expiresAt"`
	// Token is the column as stored. It is a secret: whoever holds it and the
	// signing secret is the user.
	Token     string    `gorm:"column:token" json:"-"`
	CreatedAt time.Time `gorm:"column:createdAt;autoCreateTime:false"`
	UpdatedAt time.Time `gorm:"column:updatedAt;autoUpdateTime:false"`
	// IPAddress and UserAgent are nil for NULL, which differs from "" on the
	// wire.
	IPAddress *string `gorm:"column:ipAddress"`
	UserAgent *string `gorm:"column:userAgent"`
	UserID    string  `gorm:"column:userId"`
	// Fields are the additional ones that the Schema declares, by name: nil,
	// string, int64, bool or time.Time. It is nil if none are declared. Rows may
	// be shared between requests: never change it.
	Fields map[string]any `gorm:"-"`
}

// TableName is Better Auth's.
func (Session) TableName() string { return "session" }

const withheld = "[redacted]"

// String shows everything but the token.
func (s Session) String() string {
	type plain Session
	s.Token = withheld
	return fmt.Sprintf("%+v", plain(s))
}

// GoString keeps the token out of logs.
func (s Session) GoString() string { return "models.Session" + s.String() }

// LogValue keeps the token out of logs.
func (s Session) LogValue() slog.Value { return slog.StringValue(s.String()) }

// A User is one row of the table of users. This package reads it and never writes
// it: making one at sign-up is the application's, db.Create(&user) with a *gorm.DB
// or any other way.
type User struct {
	ID            string    `gorm:"column:id;primaryKey"`
	Name          string    `gorm:"column:name"`
	Email         string    `gorm:"column:email"`
	EmailVerified bool      `gorm:"column:emailVerified"`
	Image         *string   `gorm:"column:image"` // nil for NULL
	CreatedAt     time.Time `gorm:"column:createdAt;autoCreateTime:false"`
	UpdatedAt     time.Time `gorm:"column:updatedAt;autoUpdateTime:false"`
	// Fields are the additional ones, as those of a Session.
	Fields map[string]any `gorm:"-"`
}

// TableName is Better Auth's.
func (User) TableName() string { return "user" }

// A Found is a session with its user.
type Found struct {
	Session Session
	User    User
}

// A Revocation names the sessions that end together. Its zero value names none.
type Revocation struct {
	// Token ends the one session with this stored token, byte for byte. With
	// UserID set, only if it belongs to that user. Without UserID the caller
	// vouches that the token was proved by a verified cookie.
	Token string
	// NotAfter, with Token, ends it only if its expiry is not later: the expired
	// row that a reader met must not die if somebody renewed it meanwhile. Zero
	// means whatever the expiry.
	NotAfter time.Time
	// UserID alone ends every session of the user, expired ones too.
	UserID string
	// Except, with UserID, spares the session with this id; then only sessions
	// still alive at Now, which must be set, end (expiresAt >= Now; expired ones
	// are the purge's).
	Except string
	Now    time.Time
	// Reason is what a feed tells of it: a few words, at most 64 bytes, or "".
	Reason string
}

// ReasonRotated is the reason that a feed gives for the end of a token which Replace
// exchanged for another.
const ReasonRotated = "rotated"

// Revoked is what a feed tells of a revocation that ended something.
func (r Revocation) Revoked() Revoked {
	if r.Token != "" {
		return Revoked{TokenSHA256: sha256.Sum256([]byte(r.Token)), At: r.Now, Reason: r.Reason}
	}
	return Revoked{UserID: r.UserID, Except: r.Except, At: r.Now, Reason: r.Reason}
}

// String shows everything but the token.
func (r Revocation) String() string {
	type plain Revocation
	if r.Token != "" {
		r.Token = withheld
	}
	return fmt.Sprintf("%+v", plain(r))
}

// GoString keeps the token out of logs.
func (r Revocation) GoString() string { return "models.Revocation" + r.String() }

// LogValue keeps the token out of logs.
func (r Revocation) LogValue() slog.Value { return slog.StringValue(r.String()) }

// What a store answers beside a row. Every other error of a store means that it
// could not tell, and must never be taken for an answer.
var (
	// ErrNotFound: the store answered that there is no such session, or no longer.
	ErrNotFound = errors.New("models: no such session")
	// ErrDuplicate: a session with this token or id exists already.
	ErrDuplicate = errors.New("models: token or id exists already")
	// ErrNoUser: the session's user does not exist.
	ErrNoUser = errors.New("models: no such user")
)
