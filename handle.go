package ginsession

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/ginsession/ginsession/internal/signed"
)

// handlePrefix marks a handle. The underscore is no character of tokens, so
// that neither can be taken for the other.
const handlePrefix = "h_"

// handleLength is the prefix and 32 bytes in base64url.
const handleLength = len(handlePrefix) + 43

// handles turns stored tokens into handles: public stand-ins that name a
// session and authenticate nobody. A handle is the token's MAC under a key
// derived for that purpose, so that it tells nothing about the token.
type handles struct {
	keys []*signed.Key // the first makes handles, all recognise them
}

func newHandles(secrets []string) (handles, error) {
	keys, err := derivedKeys(secrets, "ginsession handle v1")
	return handles{keys}, err
}

// derivedKeys are keys of the secrets for one purpose: what is made with them is
// worth nothing in a cookie, nor for another purpose (SR-17).
func derivedKeys(secrets []string, purpose string) ([]*signed.Key, error) {
	var keys []*signed.Key
	for _, secret := range secrets {
		key, err := hkdf.Key(sha256.New, []byte(secret), nil, purpose, sha256.Size)
		if err != nil {
			return nil, err
		}
		keys = append(keys, signed.NewKey(key))
	}
	return keys, nil
}

// of returns the handle of a stored token.
func (h handles) of(stored string) string { return handleUnder(h.keys[0], stored) }

func handleUnder(key *signed.Key, stored string) string {
	var sum [sha256.Size]byte
	key.SumString(&sum, stored)
	var text [handleLength]byte
	copy(text[:], handlePrefix)
	base64.RawURLEncoding.Encode(text[len(handlePrefix):], sum[:])
	return string(text[:])
}

// isHandle reports whether s has the form of a handle.
func isHandle(s string) bool {
	return len(s) == handleLength && strings.HasPrefix(s, handlePrefix)
}

// names reports whether the handle names the stored token, under any secret
// still configured.
func (h handles) names(handle, stored string) bool {
	found := false
	for _, key := range h.keys {
		found = hmac.Equal([]byte(handleUnder(key, stored)), []byte(handle)) || found
	}
	return found
}
