// Package cookiecache writes and reads the value of the session_data cookie,
// the signed copy of a session that saves a store read. It knows bytes, not
// sessions: a payload goes in, a string comes out, and back.
//
// SecureCookie is the default and encrypts. Compact is Better Auth's default
// format, byte for byte, for deployments that share their cookies with a
// Better Auth server; it is signed but readable by anyone who sees it.
package cookiecache

import (
	"errors"
	"fmt"
	"time"
)

// A Strategy names a format. Better Auth: session.cookieCache.strategy.
type Strategy uint8

const (
	// SecureCookie signs and encrypts with gorilla/securecookie. Keys are
	// derived from the secret; the cookie's name is bound into the signature.
	SecureCookie Strategy = iota
	// Compact is Better Auth's "compact": base64url JSON with an HMAC-SHA256.
	Compact
)

// String is the strategy's name in lower case, as Better Auth spells it.
func (s Strategy) String() string {
	switch s {
	case SecureCookie:
		return "securecookie"
	case Compact:
		return "compact"
	}
	return fmt.Sprintf("Strategy(%d)", uint8(s))
}

// Encrypted reports whether the payload is unreadable to others.
func (s Strategy) Encrypted() bool { return s == SecureCookie }

// BetterAuth reports whether a Better Auth server with the same secret reads
// and writes this format.
func (s Strategy) BetterAuth() bool { return s == Compact }

// A Codec turns a payload into the value of a cookie and back. A Codec is safe
// for concurrent use.
type Codec interface {
	// Encode returns the cookie value for a payload that is good until expires,
	// kept in whole milliseconds. The payload is a JSON object with at least one
	// member, without insignificant spaces, nested at most 32 deep, and stays as
	// it is; Encode glances at its braces only. The value is not yet cut into
	// chunks and holds only characters that need no escaping in a cookie: A-Z
	// a-z 0-9 - _ .
	//
	// Encode returns ErrTooLarge if the value would exceed MaxValue, and another
	// error for no object or for an expiry before 1970 or behind JavaScript's
	// last date.
	Encode(payload []byte, expires time.Time) (string, error)

	// Decode verifies a value and returns its payload and expiry. It does not
	// compare the expiry with any clock. The payload is the caller's to keep.
	// Every failure is ErrInvalid, which says nothing an attacker can use.
	Decode(value string) (payload []byte, expires time.Time, err error)
}

// MaxValue is the longest cookie value, chunks joined, that a Codec writes or
// reads, in bytes.
const MaxValue = 32 << 10

var (
	// ErrInvalid is the one error of Decode.
	ErrInvalid = errors.New("cookiecache: not a valid value")
	// ErrTooLarge is returned by Encode for payloads that no browser would keep.
	ErrTooLarge = errors.New("cookiecache: payload too large for cookies")
)

// New makes the codec of one deployment. cookie is the full name of the cookie
// that carries the values; formats of our own bind it into the signature. The
// first secret signs, all of them verify; there must be at least one.
func New(strategy Strategy, cookie string, secrets []string) (Codec, error) {
	if len(secrets) == 0 {
		return nil, errors.New("cookiecache: no secret")
	}
	switch strategy {
	case SecureCookie:
		return newSecureCookie(cookie, secrets)
	case Compact:
		return newCompact(secrets), nil
	}
	return nil, fmt.Errorf("cookiecache: unknown strategy %v", strategy)
}
