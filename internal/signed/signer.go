package signed

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"log/slog"
	"strings"
)

// MaxLength is the longest raw cookie value that Verify looks at, in bytes. No
// browser keeps a longer cookie (RFC 6265bis, "Storage model").
const MaxLength = 4096

// signatureLength is that of 32 bytes in padded base64.
const signatureLength = 44

// A Signer signs with the first of its secrets and verifies with all of them,
// so that secrets can be rotated without signing anybody out (SR-18).
//
// A Signer is safe for concurrent use. It prints itself as [redacted].
type Signer struct {
	keys []*Key
}

// New makes a signer. The bytes of a secret are the HMAC key as they are:
// neither decoded nor derived, as Better Auth uses them. Without a secret the
// signer verifies nothing and Sign panics.
func New(secrets []string) *Signer {
	s := &Signer{keys: make([]*Key, len(secrets))}
	for i, secret := range secrets {
		s.keys[i] = NewKey([]byte(secret))
	}
	return s
}

// Secrets returns how many secrets there are, which is how many MACs a forged
// value costs.
func (s *Signer) Secrets() int { return len(s.keys) }

// Sign returns value.signature, not yet percent-encoded for a cookie (see
// AppendEscaped). The value may be anything but empty: an empty one is signed,
// yet never verifies.
func (s *Signer) Sign(value string) string {
	var sum [32]byte
	sumOf(s.keys[0], &sum, value)
	var signature [signatureLength]byte
	base64.StdEncoding.Encode(signature[:], sum[:])
	return value + "." + string(signature[:])
}

// Verify checks a cookie value as it stood in the header, outer quotes already
// stripped, and returns what was signed and the index of the secret that did.
//
// The value is percent-decoded exactly once if it holds a %, and stays as it is
// when that fails. It is split at the last dot, which must not be the first
// character; the signature must be the one canonical spelling of the MAC:
// standard alphabet, padding, no spare bits (SR-15). Nothing is decoded that is
// longer than MaxLength.
//
// Two refusals are ours alone: spare bits in the last base64 character, and raw
// bytes above 0x7F, which Node reads as Latin-1 where Go reads UTF-8; a value
// in them would have two meanings.
//
// In the usual case, a value that needs no decoding, Verify allocates nothing
// and the result shares memory with raw.
func (s *Signer) Verify(raw string) (value string, secret int, ok bool) {
	if len(raw) > MaxLength || !ascii(raw) {
		return "", 0, false
	}
	dot := strings.LastIndexByte(raw, '.')
	switch percent := strings.IndexByte(raw, '%'); {
	case percent < 0:
		if dot <= 0 {
			return "", 0, false
		}
		var buf [signatureLength]byte
		if len(raw)-dot-1 != len(buf) {
			return "", 0, false
		}
		copy(buf[:], raw[dot+1:])
		value = raw[:dot]
		secret, ok = verify(s, value, buf[:])
	case dot > 0 && dot < percent && len(raw)-dot-1 <= 3*signatureLength:
		// Only the signature is escaped, as encodeURIComponent leaves a token.
		var buf [3 * signatureLength]byte
		signature, decoded := unescape(buf[:0], raw[dot+1:])
		if !decoded {
			return "", 0, false // then the raw signature counts, and % is no base64
		}
		if bytes.IndexByte(signature, '.') >= 0 {
			return s.verifyEscaped(raw) // a later dot was hidden in an escape
		}
		value = raw[:dot]
		secret, ok = verify(s, value, signature)
	default:
		return s.verifyEscaped(raw)
	}
	if !ok {
		return "", 0, false
	}
	return value, secret, true
}

// verifyEscaped is Verify for values with escapes anywhere. It has a frame of
// its own to keep the large buffer out of the usual case.
func (s *Signer) verifyEscaped(raw string) (value string, secret int, ok bool) {
	var buf [MaxLength]byte
	text, decoded := unescape(buf[:0], raw)
	if !decoded {
		text = append(buf[:0], raw...)
	}
	dot := bytes.LastIndexByte(text, '.')
	if dot <= 0 {
		return "", 0, false
	}
	if secret, ok = verify(s, text[:dot], text[dot+1:]); !ok {
		return "", 0, false
	}
	return string(text[:dot]), secret, true
}

// verify finds the secret whose MAC over value is the signature. Comparing the
// text of the signature, not its bytes, makes every other spelling differ.
func verify[T string | []byte](s *Signer, value T, signature []byte) (secret int, ok bool) {
	if len(signature) != signatureLength {
		return 0, false
	}
	var sum [32]byte
	var want [signatureLength]byte
	for i, key := range s.keys {
		sumOf(key, &sum, value)
		base64.StdEncoding.Encode(want[:], sum[:])
		if hmac.Equal(want[:], signature) {
			return i, true
		}
	}
	return 0, false
}

// String hides the secrets from %v and %s.
func (s *Signer) String() string { return redacted }

// GoString hides the secrets from %#v.
func (s *Signer) GoString() string { return redacted }

// LogValue hides the secrets from log/slog.
func (s *Signer) LogValue() slog.Value { return slog.StringValue(redacted) }
