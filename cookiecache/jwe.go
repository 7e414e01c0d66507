package cookiecache

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	josecipher "github.com/go-jose/go-jose/v4/cipher"
)

// What Better Auth derives the key with (RFC 5869).
const (
	jweSalt      = "better-auth-session"
	jweInfo      = "BetterAuth.js Generated Encryption Key"
	jweKeyLength = 64 // A256CBC-HS512: HMAC-SHA512 and AES-256, 32 bytes each
)

const (
	// namelessHeader is {"alg":"dir","enc":"A256CBC-HS512"}: no kid, any key.
	namelessHeader = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0"

	ivLength         = aes.BlockSize
	encodedIVLength  = 22
	encodedTagLength = 43 // 32 bytes

	beforeID = `,"jti":"`
	idLength = 36
	afterID  = `"}`
)

// jwe is Better Auth's format "jwe", byte for byte: a JWE in its compact form
// (RFC 7516, section 7.1),
//
//	base64url({"alg":"dir","enc":"A256CBC-HS512","kid":"K"})..iv.ciphertext.tag
//
// The key is derived from the secret, and K is its thumbprint (RFC 7638). The
// claims end with a jti, a random UUID.
//
// Two headers are read: that, naming one of the keys, and one without a kid, for
// which every key is tried. They are compared, not parsed, so no value chooses
// how it is decrypted, and there is no compression and no key in the header
// (SR-32). Better Auth also allows A256GCM; its key is too long for that, so
// nothing can be encrypted so.
//
// Of go-jose only the cipher is used: its parser would take a header apart, and
// make a hundred allocations, before it knows that a value is forged, and it
// takes line breaks, spare bits and an encrypted key beside dir.
type jwe struct {
	redacted
	keys []jweKey
}

type jweKey struct {
	redacted
	header []byte // base64url
	aead   cipher.AEAD
}

func newJWE(secrets []string) (*jwe, error) {
	c := &jwe{keys: make([]jweKey, len(secrets))}
	for i, secret := range secrets {
		key, err := hkdf.Key(sha256.New, []byte(secret), []byte(jweSalt), jweInfo, jweKeyLength)
		if err != nil {
			return nil, fmt.Errorf("cookiecache: deriving a key: %w", err)
		}
		aead, err := josecipher.NewCBCHMAC(key, aes.NewCipher)
		if err != nil {
			return nil, fmt.Errorf("cookiecache: making a cipher: %w", err)
		}
		header := `{"alg":"dir","enc":"A256CBC-HS512","kid":"` + thumbprint(key) + `"}`
		c.keys[i] = jweKey{header: base64url.AppendEncode(nil, []byte(header)), aead: aead}
	}
	return c, nil
}

// thumbprint is that of a symmetric key (RFC 7638, section 3.2).
func thumbprint(key []byte) string {
	sum := sha256.Sum256([]byte(`{"k":"` + base64url.EncodeToString(key) + `","kty":"oct"}`))
	return base64url.EncodeToString(sum[:])
}

// Encode implements Codec.
func (c *jwe) Encode(payload []byte, issued, expires time.Time) (string, error) {
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)

	claims, err := appendClaims(buf.document[:0], payload, issued, expires)
	if err != nil {
		return "", err
	}
	claims = append(claims[:len(claims)-1], beforeID...)
	claims = appendUUID(claims)
	claims = append(claims, afterID...)
	buf.document = claims

	key := &c.keys[0]
	padded := len(claims) + aes.BlockSize - len(claims)%aes.BlockSize
	if len(key.header)+len("..")+encodedIVLength+len(".")+base64url.EncodedLen(padded)+len(".")+encodedTagLength > MaxValue {
		return "", ErrTooLarge
	}
	iv := make([]byte, ivLength)
	rand.Read(iv) // never fails
	sealed := key.aead.Seal(nil, iv, claims, key.header)

	value := append(buf.value[:0], key.header...)
	value = append(value, ".."...)
	value = base64url.AppendEncode(value, iv)
	value = append(value, '.')
	value = base64url.AppendEncode(value, sealed[:padded])
	value = append(value, '.')
	value = base64url.AppendEncode(value, sealed[padded:])
	buf.value = value
	return string(value), nil
}

// Decode implements Codec. The order of work is length, header, base64, tag,
// grammar (SR-15).
func (c *jwe) Decode(value string) (payload string, last time.Time, err error) {
	if len(value) > MaxValue || hasLineBreak(value) {
		return "", time.Time{}, ErrInvalid
	}
	// Nothing is between the dots: with alg dir there is no encrypted key.
	header, _, found := strings.Cut(value, "..")
	candidates := c.named(header)
	if !found || len(candidates) == 0 {
		return "", time.Time{}, ErrInvalid
	}
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)

	buf.value = append(buf.value[:0], value...)
	authenticated, text := buf.value[:len(header)], buf.value[len(header)+len(".."):]
	var ok bool
	if buf.document, ok = appendSealed(buf.document[:0], text); !ok {
		return "", time.Time{}, ErrInvalid
	}
	iv, sealed := buf.document[:ivLength], buf.document[ivLength:]
	for _, key := range candidates {
		claims, err := key.aead.Open(nil, iv, sealed, authenticated)
		if err != nil {
			continue
		}
		// Better Auth grants jose a tolerance of 15 seconds and then compares the
		// expiry itself: the value is good at that very moment, and not after.
		return parseClaims(cutID(claims))
	}
	return "", time.Time{}, ErrInvalid
}

// named returns the keys that may have encrypted a value with such a header.
func (c *jwe) named(header string) []jweKey {
	if header == namelessHeader {
		return c.keys
	}
	for i := range c.keys {
		if header == string(c.keys[i].header) {
			return c.keys[i : i+1]
		}
	}
	return nil
}

// appendSealed decodes iv.ciphertext.tag. Lengths that are fixed are asked for
// before anything is decoded: what is authenticated is these parts in one piece,
// and does not say where one ends.
func appendSealed(dst, text []byte) (_ []byte, ok bool) {
	tag := len(text) - encodedTagLength
	if tag-1 <= encodedIVLength || text[encodedIVLength] != '.' || text[tag-1] != '.' {
		return dst, false
	}
	for _, part := range [...][]byte{text[:encodedIVLength], text[encodedIVLength+1 : tag-1], text[tag:]} {
		var err error
		if dst, err = base64url.AppendDecode(dst, part); err != nil {
			return dst, false
		}
	}
	return dst, true
}

// appendUUID appends a random one, as crypto.randomUUID of JavaScript writes it
// (RFC 9562, version 4).
func appendUUID(dst []byte) []byte {
	var id [16]byte
	rand.Read(id[:]) // never fails
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	for i, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

// cutID takes the jti off the end of claims, which it changes. Better Auth reads
// claims without one as well.
func cutID(claims []byte) []byte {
	rest, ok := bytes.CutSuffix(claims, []byte(afterID))
	if !ok || len(rest) < idLength {
		return claims
	}
	rest, id := rest[:len(rest)-idLength], rest[len(rest)-idLength:]
	rest, ok = bytes.CutSuffix(rest, []byte(beforeID))
	if !ok || len(bytes.Trim(id, "0123456789abcdef-")) > 0 {
		return claims
	}
	return append(rest, '}')
}
