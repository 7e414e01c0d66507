package cookiecache

import (
	"bytes"
	"strconv"
	"time"

	"github.com/ginsession/ginsession/internal/strictjson"
)

// JWT and JWE carry the payload with members of their own behind its last,
//
//	{"session":{…},"user":{…},"updatedAt":1768478401234,"version":"1","iat":1768478401,"exp":1768478701}
//
// which is how jose, Better Auth's library, writes claims (RFC 7519).
const (
	beforeIssued  = `,"iat":`
	beforeExpires = `,"exp":`
)

// appendClaims appends the claims of a payload.
func appendClaims(dst, payload []byte, issued, expires time.Time) ([]byte, error) {
	if err := checkPayload(payload); err != nil {
		return nil, err
	}
	iat, err := milliseconds(issued)
	if err != nil {
		return nil, err
	}
	exp, err := milliseconds(expires)
	if err != nil {
		return nil, err
	}
	dst = append(dst, payload[:len(payload)-1]...)
	dst = append(dst, beforeIssued...)
	dst = strconv.AppendInt(dst, iat/1000, 10)
	dst = append(dst, beforeExpires...)
	dst = strconv.AppendInt(dst, exp/1000, 10)
	return append(dst, '}'), nil
}

// parseClaims undoes appendClaims, on claims that are already verified, which it
// changes. Members are found by their place: claims spelled in any other way are none
// that Better Auth writes (SR-16).
func parseClaims(claims []byte) (payload string, expires time.Time, err error) {
	rest, ok := bytes.CutSuffix(claims, []byte{'}'})
	if !ok {
		return "", time.Time{}, ErrInvalid
	}
	rest, exp, ok := cutSeconds(rest, beforeExpires)
	if !ok {
		return "", time.Time{}, ErrInvalid
	}
	rest, _, ok = cutSeconds(rest, beforeIssued)
	if !ok {
		return "", time.Time{}, ErrInvalid
	}
	rest = append(rest, '}') // over the comma
	if checkPayload(rest) != nil || !strictjson.Valid(rest, maxDepth) {
		return "", time.Time{}, ErrInvalid
	}
	if payload = string(rest); !strictjson.Object(payload, isPayloads) {
		return "", time.Time{}, ErrInvalid
	}
	return payload, time.Unix(exp, 0).UTC(), nil
}

// cutSeconds cuts a member that is a time off the end of text.
func cutSeconds(text []byte, before string) (rest []byte, seconds int64, ok bool) {
	rest, digits, ok := cutInteger(text)
	if !ok {
		return nil, 0, false
	}
	rest, ok = bytes.CutSuffix(rest, []byte(before))
	if !ok {
		return nil, 0, false
	}
	seconds, err := strconv.ParseInt(string(digits), 10, 64)
	return rest, seconds, err == nil && seconds <= maxTime/1000
}

// isPayloads reports whether a member can be one of a payload. jose judges
// these by name, wherever they stand: two of one name, or a time before which
// the claims are not good, would be read in two ways.
func isPayloads(key, _ string) bool {
	switch key {
	case "iat", "exp", "nbf", "jti":
		return false
	}
	return true
}
