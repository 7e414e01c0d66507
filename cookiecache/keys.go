package cookiecache

import (
	"crypto/hmac"

	"github.com/ginsession/ginsession/internal/signed"
)

// signatureLength is that of a signature of keys: 32 bytes in unpadded base64url.
const signatureLength = 43

// keys sign with the first of the raw secrets and verify with all of them
// (SR-18), as Compact and JWT do.
type keys []*signed.Key

func newKeys(secrets []string) keys {
	k := make(keys, len(secrets))
	for i, secret := range secrets {
		k[i] = signed.NewKey([]byte(secret))
	}
	return k
}

// appendSignature appends the signature of a followed by b.
func (k keys) appendSignature(dst, a, b []byte) []byte {
	var sum [32]byte
	k[0].Sum(&sum, a, b)
	return base64url.AppendEncode(dst, sum[:])
}

// verify tries each secret. It compares signatures as text, which makes every
// other spelling of the same bytes differ.
func (k keys) verify(a, b, signature []byte) bool {
	var sum [32]byte
	var want [signatureLength]byte
	for _, key := range k {
		key.Sum(&sum, a, b)
		base64url.Encode(want[:], sum[:])
		if hmac.Equal(want[:], signature) {
			return true
		}
	}
	return false
}
