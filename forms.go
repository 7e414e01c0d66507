package ginsession

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/ginsession/ginsession/internal/signed"
)

// forms make values that only our own pages for one session can hold: MACs of the
// session's token under keys of their own, which tell nothing about it. They end
// with the token.
type forms struct {
	keys []*signed.Key // the first makes values, all recognise them
}

func newForms(secrets []string) (forms, error) {
	keys, err := derivedKeys(secrets, "ginsession form v1")
	return forms{keys}, err
}

// value is the one for a purpose, which is text of ours, and a stored token. 128
// bits cannot be guessed, and a log that holds them in an address holds nothing
// with the form of a token.
func (f forms) value(purpose, stored string) string { return formValue(f.keys[0], purpose, stored) }

func formValue(key *signed.Key, purpose, stored string) string {
	var sum [sha256.Size]byte
	key.SumString(&sum, purpose+"\x00"+stored)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// proves reports whether a value is the one for this purpose and token, under any
// secret still configured.
func (f forms) proves(value, purpose, stored string) bool {
	found := false
	for _, key := range f.keys {
		found = hmac.Equal([]byte(formValue(key, purpose, stored)), []byte(value)) || found
	}
	return found
}
