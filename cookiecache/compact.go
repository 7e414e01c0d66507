package cookiecache

import (
	"bytes"
	"strconv"
	"time"

	"github.com/ginsession/ginsession/internal/strictjson"
)

// The document inside a compact value, around payload, expiry and signature.
const (
	beforePayload   = `{"session":`
	beforeExpiry    = `,"expiresAt":`
	beforeSignature = `,"signature":"`
	afterSignature  = `"}`
)

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
	keys keys
}

func newCompact(secrets []string) *compact { return &compact{keys: newKeys(secrets)} }

// Encode implements Codec.
func (c *compact) Encode(payload []byte, _, expires time.Time) (string, error) {
	if err := checkPayload(payload); err != nil {
		return "", err
	}
	expiry, err := milliseconds(expires)
	if err != nil {
		return "", err
	}
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)

	document := append(buf.document[:0], beforePayload...)
	document = append(document, payload...)
	tail := len(document)
	document = append(document, beforeExpiry...)
	document = strconv.AppendInt(document, expiry, 10)
	document = append(document, '}') // closes what is signed; the document goes on here

	var signature [signatureLength]byte
	c.keys.appendSignature(signature[:0], payload[:len(payload)-1], document[tail:])
	document = append(document[:len(document)-1], beforeSignature...)
	document = append(document, signature[:]...)
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
func (c *compact) Decode(value string) (payload string, last time.Time, err error) {
	if len(value) > MaxValue || hasLineBreak(value) {
		return "", time.Time{}, ErrInvalid
	}
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)

	buf.value = append(buf.value[:0], value...)
	buf.document, err = base64url.AppendDecode(buf.document[:0], buf.value)
	if err != nil {
		return "", time.Time{}, ErrInvalid
	}
	received, tail, signature, ok := cut(buf.document)
	if !ok {
		return "", time.Time{}, ErrInvalid
	}
	// The document goes on with a comma where the signed text ends with a brace.
	tail[len(tail)-1] = '}'
	if !c.keys.verify(received[:len(received)-1], tail, signature) {
		return "", time.Time{}, ErrInvalid
	}
	expiry, err := strconv.ParseInt(string(tail[len(beforeExpiry):len(tail)-1]), 10, 64)
	if err != nil || expiry > maxTime || !strictjson.Valid(received, maxDepth) {
		return "", time.Time{}, ErrInvalid
	}
	return string(received), time.UnixMilli(expiry).UTC(), nil
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
	if !ok || len(rest) < signatureLength {
		return nil, nil, nil, false
	}
	rest, signature = rest[:len(rest)-signatureLength], rest[len(rest)-signatureLength:]
	rest, ok = bytes.CutSuffix(rest, []byte(beforeSignature))
	if !ok {
		return nil, nil, nil, false
	}
	before, _, ok := cutInteger(rest)
	if !ok {
		return nil, nil, nil, false
	}
	payload, ok = bytes.CutSuffix(before, []byte(beforeExpiry))
	if !ok || checkPayload(payload) != nil {
		return nil, nil, nil, false
	}
	return payload, rest[len(payload) : len(rest)+1], signature, true
}
