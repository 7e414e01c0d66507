package cookiecache

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
)

// Labels of the keys (RFC 5869, "info"). A key serves one purpose in one version
// of one format, so nothing signed elsewhere with the same secret, by us or by
// Better Auth, can pass here (SR-17).
const (
	macLabel        = "ginsession/cookiecache/securecookie/mac/v1"
	encryptionLabel = "ginsession/cookiecache/securecookie/encryption/v1"

	keyLength = 32 // HMAC-SHA256 and AES-256
)

// expiryLength is that of the expiry in front of the payload: big-endian
// milliseconds.
const expiryLength = 8

// secureCookie is gorilla/securecookie: AES-256-CTR, then HMAC-SHA256 over the
// cookie's name, gorilla's time stamp and the ciphertext.
//
// gorilla's time stamp is not used, as its clock cannot be set (SR-22): our
// expiry is inside the ciphertext, and the caller's clock judges it. gorilla
// ends its base64 with =, which would have to be escaped in a cookie; it is cut
// off here and put back for reading.
type secureCookie struct {
	redacted
	name   string
	codecs []*securecookie.SecureCookie
}

func newSecureCookie(name string, secrets []string) (*secureCookie, error) {
	c := &secureCookie{name: name, codecs: make([]*securecookie.SecureCookie, len(secrets))}
	for i, secret := range secrets {
		macKey, err := derive(secret, macLabel)
		if err != nil {
			return nil, err
		}
		encryptionKey, err := derive(secret, encryptionLabel)
		if err != nil {
			return nil, err
		}
		c.codecs[i] = securecookie.New(macKey, encryptionKey).
			MaxAge(0).
			MaxLength(MaxValue).
			SetSerializer(securecookie.NopEncoder{})
	}
	return c, nil
}

func derive(secret, label string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, label, keyLength)
	if err != nil {
		return nil, fmt.Errorf("cookiecache: deriving a key: %w", err)
	}
	return key, nil
}

// Encode implements Codec.
func (c *secureCookie) Encode(payload []byte, _, expires time.Time) (string, error) {
	if err := checkPayload(payload); err != nil {
		return "", err
	}
	expiry, err := milliseconds(expires)
	if err != nil {
		return "", err
	}
	// A buffer of our own: gorilla encrypts in place what NopEncoder hands on.
	plaintext := make([]byte, 0, expiryLength+len(payload))
	plaintext = binary.BigEndian.AppendUint64(plaintext, uint64(expiry))
	plaintext = append(plaintext, payload...)

	value, err := c.codecs[0].Encode(c.name, plaintext)
	if err != nil {
		// The one error of gorilla's Encode that is not a securecookie.Error
		// says that the value is too long.
		if other := securecookie.Error(nil); errors.As(err, &other) {
			return "", errors.New("cookiecache: encoding failed")
		}
		return "", ErrTooLarge
	}
	return strings.TrimRight(value, "="), nil
}

// Decode implements Codec.
func (c *secureCookie) Decode(value string) (payload string, last time.Time, err error) {
	if len(value) > MaxValue || !canonical(value) {
		return "", time.Time{}, ErrInvalid
	}
	value += "==="[:-len(value)&3]
	buf := buffers.Get().(*buffer) // a variable to which gorilla's any points would be allocated
	defer buffers.Put(buf)
	for _, codec := range c.codecs {
		if codec.Decode(c.name, value, &buf.document) != nil {
			continue
		}
		plaintext := buf.document
		if len(plaintext) < expiryLength {
			break
		}
		expiry := binary.BigEndian.Uint64(plaintext)
		plaintext = plaintext[expiryLength:]
		if expiry > maxTime || checkPayload(plaintext) != nil {
			break
		}
		return string(plaintext), time.UnixMilli(int64(expiry)).UTC(), nil
	}
	return "", time.Time{}, ErrInvalid
}

// canonical reports whether value has no second spelling: no padding, no line
// breaks, which gorilla's decoder skips, and no spare bits in the last
// character, which it ignores (SR-15). The rest of the alphabet it checks.
func canonical(value string) bool {
	if value == "" || hasLineBreak(value) || strings.IndexByte(value, '=') >= 0 {
		return false
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, value[len(value)-1])
	switch len(value) & 3 {
	case 0:
		return true
	case 2:
		return last&15 == 0
	case 3:
		return last&3 == 0
	}
	return false
}
