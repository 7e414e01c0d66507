package cookiecache

import (
	"strings"
	"time"
)

// jwtHeader is {"alg":"HS256"} and the dot behind it.
const jwtHeader = "eyJhbGciOiJIUzI1NiJ9."

// jwt is Better Auth's format "jwt", byte for byte: a JWS in its compact form
// (RFC 7515, section 7.1),
//
//	base64url({"alg":"HS256"}).base64url(claims).signature
//
// signed with the raw secret over everything before the last dot.
//
// The header is compared, not parsed, so no value chooses how it is verified
// (RFC 8725, section 3.1; SR-32). Better Auth writes no other, though it reads
// some: HS384 and HS512, and further parameters. Those are refused: tokens with
// them are somebody else's, made with the same secret for another purpose, and
// most libraries that sign such tokens add a typ.
type jwt struct {
	redacted
	keys keys
}

func newJWT(secrets []string) *jwt { return &jwt{keys: newKeys(secrets)} }

// Encode implements Codec.
func (c *jwt) Encode(payload []byte, issued, expires time.Time) (string, error) {
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)

	claims, err := appendClaims(buf.document[:0], payload, issued, expires)
	if err != nil {
		return "", err
	}
	buf.document = claims
	if len(jwtHeader)+base64url.EncodedLen(len(claims))+1+signatureLength > MaxValue {
		return "", ErrTooLarge
	}
	value := append(buf.value[:0], jwtHeader...)
	value = base64url.AppendEncode(value, claims)
	input := value
	value = c.keys.appendSignature(append(value, '.'), input, nil)
	buf.value = value
	return string(value), nil
}

// Decode implements Codec. The order of work is length, signature, base64,
// grammar (SR-15).
func (c *jwt) Decode(value string) (payload string, last time.Time, err error) {
	dot := len(value) - signatureLength - 1
	if len(value) > MaxValue || !strings.HasPrefix(value, jwtHeader) || dot < len(jwtHeader) || value[dot] != '.' || hasLineBreak(value) {
		return "", time.Time{}, ErrInvalid
	}
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)

	buf.value = append(buf.value[:0], value...)
	if !c.keys.verify(buf.value[:dot], nil, buf.value[dot+1:]) {
		return "", time.Time{}, ErrInvalid
	}
	buf.document, err = base64url.AppendDecode(buf.document[:0], buf.value[len(jwtHeader):dot])
	if err != nil {
		return "", time.Time{}, ErrInvalid
	}
	payload, expires, err := parseClaims(buf.document)
	if err != nil {
		return "", time.Time{}, err
	}
	// The expiry is the first moment at which a token is good no more (RFC 7519,
	// section 4.1.4), and so says jose: Better Auth passes no tolerance here.
	return payload, expires.Add(-time.Millisecond), nil
}
