package cookiecache

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ginsession/ginsession/internal/signed"
	"github.com/ginsession/ginsession/internal/strictjson"
)

// The document inside a compact value, around payload, expiry and signature.
const (
	beforePayload   = `{"session":`
	beforeExpiry    = `,"expiresAt":`
	beforeSignature = `,"signature":"`
	afterSignature  = `"}`

	// compactSignature is the length of 32 bytes in unpadded base64url.
	compactSignature = 43

	// maxDepth bounds the nesting of a payload, as that of a request's body.
	maxDepth = 32
)

// maxExpiry is the last millisecond of a JavaScript Date (ECMA-262, "Time Values
// and Time Range"), in the year 275760. An expiry is never behind it.
const maxExpiry = 8_640_000_000_000_000

// base64url refuses spare bits in the last character. Line breaks it skips all
// the same; Decode refuses those itself.
var base64url = base64.RawURLEncoding.Strict()

// compact is Better Auth's format "compact", byte for byte:
//
//	base64url({"session":P,"expiresAt":E,"signature":"S"})
//
// where P is the payload, E the expiry in milliseconds and S the HMAC-SHA256,
// under the raw secret, of P with ,"expiresAt":E put in front of its last brace.
//
// Better Auth parses P and serializes it again before it checks S. Here the
// bytes are hashed where they lie: for whatever JSON.stringify wrote they are
// the same, nothing is parsed before it is verified, and no difference between
// two JSON readers can be put to use (SR-16). A document that is spelled in any
// other way, which Better Auth itself never writes, is a cache miss.
type compact struct {
	redacted
	keys    []*signed.Key
	buffers sync.Pool // of *compactBuffer
}

// A compactBuffer holds one document while it is made or checked. It is kept, so
// that a forged value costs no allocation.
type compactBuffer struct {
	document []byte
	value    []byte
}

func newCompact(secrets []string) *compact {
	c := &compact{keys: make([]*signed.Key, len(secrets))}
	for i, secret := range secrets {
		c.keys[i] = signed.NewKey([]byte(secret))
	}
	c.buffers.New = func() any { return new(compactBuffer) }
	return c
}

// Encode implements Codec.
func (c *compact) Encode(payload []byte, expires time.Time) (string, error) {
	if err := checkPayload(payload); err != nil {
		return "", err
	}
	expiry, err := milliseconds(expires)
	if err != nil {
		return "", err
	}
	buf := c.buffers.Get().(*compactBuffer)
	defer c.buffers.Put(buf)

	document := append(buf.document[:0], beforePayload...)
	document = append(document, payload...)
	tail := len(document)
	document = append(document, beforeExpiry...)
	document = strconv.AppendInt(document, expiry, 10)
	document = append(document, '}') // closes what is signed; the document goes on here

	var sum [32]byte
	c.keys[0].Sum(&sum, payload[:len(payload)-1], document[tail:])
	document = append(document[:len(document)-1], beforeSignature...)
	document = base64url.AppendEncode(document, sum[:])
	document = append(document, afterSignature...)
	buf.document = document

	if base64url.EncodedLen(len(document)) > MaxValue {
		return "", ErrTooLarge
	}
	buf.value = base64url.AppendEncode(buf.value[:0], document)
	return string(buf.value), nil
}

// Decode implements Codec. The order of work is length, signature, grammar
// (SR-15).
func (c *compact) Decode(value string) (payload []byte, expires time.Time, err error) {
	if len(value) > MaxValue || hasLineBreak(value) {
		return nil, time.Time{}, ErrInvalid
	}
	buf := c.buffers.Get().(*compactBuffer)
	defer c.buffers.Put(buf)

	buf.value = append(buf.value[:0], value...)
	buf.document, err = base64url.AppendDecode(buf.document[:0], buf.value)
	if err != nil {
		return nil, time.Time{}, ErrInvalid
	}
	payload, tail, signature, ok := cut(buf.document)
	if !ok {
		return nil, time.Time{}, ErrInvalid
	}
	// The document goes on with a comma where the signed text ends with a brace.
	tail[len(tail)-1] = '}'
	if !c.verify(payload[:len(payload)-1], tail, signature) {
		return nil, time.Time{}, ErrInvalid
	}
	expiry, err := strconv.ParseInt(string(tail[len(beforeExpiry):len(tail)-1]), 10, 64)
	if err != nil || expiry > maxExpiry || !strictjson.Valid(payload, maxDepth) {
		return nil, time.Time{}, ErrInvalid
	}
	return bytes.Clone(payload), time.UnixMilli(expiry).UTC(), nil
}

// cut finds the members of a document by their place. What stands behind the
// payload has a fixed shape and is measured from the end, so a document is cut
// in one way only. tail is the expiry with its key and the one byte behind it.
func cut(document []byte) (payload, tail, signature []byte, ok bool) {
	rest, ok := bytes.CutPrefix(document, []byte(beforePayload))
	if !ok {
		return nil, nil, nil, false
	}
	rest, ok = bytes.CutSuffix(rest, []byte(afterSignature))
	if !ok || len(rest) < compactSignature {
		return nil, nil, nil, false
	}
	rest, signature = rest[:len(rest)-compactSignature], rest[len(rest)-compactSignature:]
	rest, ok = bytes.CutSuffix(rest, []byte(beforeSignature))
	if !ok {
		return nil, nil, nil, false
	}
	start := len(rest)
	for start > 0 && '0' <= rest[start-1] && rest[start-1] <= '9' {
		start--
	}
	// maxExpiry has 16 digits; JavaScript writes no zero in front.
	if n := len(rest) - start; n == 0 || n > 16 || n > 1 && rest[start] == '0' {
		return nil, nil, nil, false
	}
	payload, ok = bytes.CutSuffix(rest[:start], []byte(beforeExpiry))
	if !ok || checkPayload(payload) != nil {
		return nil, nil, nil, false
	}
	return payload, rest[len(payload) : len(rest)+1], signature, true
}

// verify tries each secret. It compares signatures as text, which makes every
// other spelling of the same bytes differ.
func (c *compact) verify(payload, tail, signature []byte) bool {
	var sum [32]byte
	var want [compactSignature]byte
	for _, key := range c.keys {
		key.Sum(&sum, payload, tail)
		base64url.Encode(want[:], sum[:])
		if hmac.Equal(want[:], signature) {
			return true
		}
	}
	return false
}

// checkPayload is a glance at the braces. An empty object is refused, because
// putting a member behind it takes no comma.
func checkPayload(payload []byte) error {
	if len(payload) < len(`{"":0}`) || payload[0] != '{' || payload[len(payload)-1] != '}' {
		return errors.New("cookiecache: payload is not a JSON object with members")
	}
	return nil
}

// milliseconds is the expiry as both formats keep it.
func milliseconds(expires time.Time) (int64, error) {
	// Seconds first: UnixMilli wraps around in the far future.
	s, ms := expires.Unix(), expires.UnixMilli()
	if s < 0 || s > maxExpiry/1000 || ms > maxExpiry {
		return 0, fmt.Errorf("cookiecache: expiry in the year %d is outside of what a cookie can say", expires.Year())
	}
	return ms, nil
}

// hasLineBreak finds what Go's base64 decoders skip, even strict ones.
func hasLineBreak(value string) bool {
	return strings.IndexByte(value, '\n') >= 0 || strings.IndexByte(value, '\r') >= 0
}
