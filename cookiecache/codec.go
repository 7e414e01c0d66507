// Package cookiecache writes and reads the value of the session_data cookie,
// the signed copy of a session that saves a store read. It knows bytes, not
// sessions: a payload goes in, a string comes out, and back.
//
// There are four formats. One deployment has one of them: a Codec reads no
// other, whatever a value looks like.
//
//   - SecureCookie is the default. It encrypts, and no other server reads it.
//   - JWE is the choice for deployments that share their cookies with a Better
//     Auth server: it encrypts too.
//   - Compact is what such a server uses unless told otherwise. It is signed but
//     not secret: who sees the cookie, on disk or in the log of a proxy, reads the
//     user's name and e-mail address.
//   - JWT is no more secret than Compact. Choose it where something that is not
//     Better Auth, such as a gateway with a JOSE library, has to check the copy;
//     HS256 is symmetric, so whoever can check copies can also make them.
//
// Compact, JWT and JWE are those of Better Auth 1.7.25, byte for byte. Of several
// secrets a Better Auth server tries all on a JWE, and on the others the first
// alone.
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
	// JWT is Better Auth's "jwt": a JSON Web Token signed with HS256 under the
	// secret.
	JWT
	// JWE is Better Auth's "jwe": a JSON Web Token encrypted with A256CBC-HS512
	// under a key derived from the secret.
	JWE
)

// String is the strategy's name in lower case, as Better Auth spells it.
func (s Strategy) String() string {
	switch s {
	case SecureCookie:
		return "securecookie"
	case Compact:
		return "compact"
	case JWT:
		return "jwt"
	case JWE:
		return "jwe"
	}
	return fmt.Sprintf("Strategy(%d)", uint8(s))
}

// Encrypted reports whether the payload is unreadable to others.
func (s Strategy) Encrypted() bool { return s == SecureCookie || s == JWE }

// BetterAuth reports whether a Better Auth server with the same secret reads
// and writes this format.
func (s Strategy) BetterAuth() bool { return s == Compact || s == JWT || s == JWE }

// A Codec turns a payload into the value of a cookie and back. A Codec is safe
// for concurrent use.
type Codec interface {
	// Encode returns the cookie value for a payload that is good until expires.
	// The payload is a JSON object with at least one member, without
	// insignificant spaces, nested at most 32 deep, and stays as it is; Encode
	// glances at its ends only. None of its members is named iat, exp, nbf or
	// jti: those are the format's own in JWT and JWE, which do not decode with
	// two of them. The value is not yet cut into chunks and holds only characters
	// that need no escaping in a cookie: A-Z a-z 0-9 - _ .
	//
	// SecureCookie and Compact keep expires in whole milliseconds, JWT and JWE in
	// whole seconds, rounded down. issued, when the copy was made, goes into the
	// iat of JWT and JWE, rounded down likewise: Better Auth writes one, and
	// other readers of tokens expect it. SecureCookie and Compact have no place
	// for it and ignore it.
	//
	// Encode returns ErrTooLarge if the value would exceed MaxValue, and another
	// error for no object or for a time before 1970 or behind JavaScript's last
	// date.
	Encode(payload []byte, issued, expires time.Time) (string, error)

	// Decode verifies a value and returns its payload, as it was given to Encode,
	// and the last millisecond in which it is good: the expiry, or, for JWT, the
	// one before. A JWT is good before its expiry and not at it (RFC 7519, "exp"),
	// while Better Auth lets the other formats pass at that very moment.
	//
	// Decode does not compare anything with a clock: that, and whether the
	// payload is a session at all, is the caller's to judge. Better Auth signs
	// other tokens with the secret of its JWT. The payload is the caller's to
	// keep. Every failure is ErrInvalid, which says nothing an attacker can use.
	Decode(value string) (payload string, last time.Time, err error)
}

// MaxValue is the longest cookie value, chunks joined, that a Codec writes or
// reads, in bytes.
const MaxValue = 32 << 10

var (
	// ErrInvalid is the one error of Decode.
	ErrInvalid = errors.New("cookiecache: not a valid value")
	// ErrTooLarge is returned by Encode if the value would be longer than MaxValue.
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
	case JWT:
		return newJWT(secrets), nil
	case JWE:
		return newJWE(secrets)
	}
	return nil, fmt.Errorf("cookiecache: unknown strategy %v", strategy)
}
