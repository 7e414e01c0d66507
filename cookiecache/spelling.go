package cookiecache

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// base64url refuses spare bits in the last character. Line breaks it skips all
// the same; Decode refuses those itself.
var base64url = base64.RawURLEncoding.Strict()

// hasLineBreak finds what Go's base64 decoders skip, even strict ones.
func hasLineBreak(value string) bool {
	return strings.IndexByte(value, '\n') >= 0 || strings.IndexByte(value, '\r') >= 0
}

// maxDepth bounds the nesting of a payload, as that of a request's body.
const maxDepth = 32

// checkPayload is a glance at the length and the ends. An object without members is
// refused: what JWT and JWE put behind the last one begins with a comma.
func checkPayload(payload []byte) error {
	if len(payload) > MaxValue {
		return ErrTooLarge
	}
	if len(payload) < len(`{"":0}`) || payload[0] != '{' || payload[1] != '"' || payload[len(payload)-1] != '}' {
		return errors.New("cookiecache: payload is not a JSON object with members")
	}
	return nil
}

// maxTime is the last millisecond of a JavaScript Date (ECMA-262, "Time Values
// and Time Range"), in the year 275760. No time in a value is behind it.
const maxTime = 8_640_000_000_000_000

// milliseconds are those since 1970, as JavaScript counts them.
func milliseconds(t time.Time) (int64, error) {
	// Seconds first: UnixMilli wraps around in the far future.
	s, ms := t.Unix(), t.UnixMilli()
	if s < 0 || s > maxTime/1000 || ms > maxTime {
		return 0, fmt.Errorf("cookiecache: a time in the year %d is outside of what a cookie can say", t.Year())
	}
	return ms, nil
}

// cutInteger cuts a number off the end of text, if it is spelled as JavaScript
// spells an integer: no zero in front. maxTime has 16 digits.
func cutInteger(text []byte) (before, digits []byte, ok bool) {
	start := len(text)
	for start > 0 && '0' <= text[start-1] && text[start-1] <= '9' {
		start--
	}
	before, digits = text[:start], text[start:]
	return before, digits, len(digits) == 1 || 1 < len(digits) && len(digits) <= 16 && digits[0] != '0'
}
