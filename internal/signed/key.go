// Package signed makes and checks Better Auth's signed cookie values:
// value.signature, an HMAC-SHA256 over the value under the raw secret.
//
// Better Auth signs with the secret as it stands and leaves the cookie's name
// out of the signature. Whatever is signed under one name therefore verifies
// under every other, and two rules keep that harmless (SR-17): nothing outside
// this module reaches a signer with text of its own choice, which is why the
// package is internal, and a caller accepts a verified value only if it has the
// grammar of the cookie it came in.
package signed

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"log/slog"
	"sync"
)

const redacted = "[redacted]"

// A Key computes HMAC-SHA256 under one secret. It keeps hash states that have
// already taken in the secret, because hmac.New costs seven allocations and
// twice the time of the sum itself; Reset brings a state back to that point.
//
// A Key is safe for concurrent use. It prints itself as [redacted].
type Key struct {
	states sync.Pool // of *state
}

// A state is one running computation and the memory it writes through. What
// goes to a hash.Hash escapes; going through here, callers' buffers may stay on
// their stacks.
type state struct {
	mac   hash.Hash
	sum   [sha256.Size]byte
	chunk [128]byte
}

// NewKey makes a key of the secret's bytes, of which it keeps a copy.
func NewKey(secret []byte) *Key {
	// The secret lives in the closure only, where no fmt verb can print it.
	secret = bytes.Clone(secret)
	k := new(Key)
	k.states.New = func() any {
		return &state{mac: hmac.New(sha256.New, secret)}
	}
	return k
}

// Sum stores in dst the MAC over a followed by b. In steady state it allocates
// nothing.
func (k *Key) Sum(dst *[32]byte, a, b []byte) {
	st := k.states.Get().(*state)
	st.mac.Reset()
	st.mac.Write(a)
	st.mac.Write(b)
	st.mac.Sum(st.sum[:0])
	*dst = st.sum
	k.states.Put(st)
}

// SumString is Sum over one short value.
func (k *Key) SumString(dst *[32]byte, value string) { sumOf(k, dst, value) }

// sumOf is Sum over one short value, a string or bytes on the caller's stack.
func sumOf[T string | []byte](k *Key, dst *[32]byte, value T) {
	st := k.states.Get().(*state)
	st.mac.Reset()
	for len(value) > 0 {
		n := copy(st.chunk[:], value)
		st.mac.Write(st.chunk[:n])
		value = value[n:]
	}
	st.mac.Sum(st.sum[:0])
	*dst = st.sum
	k.states.Put(st)
}

// String hides the secret from %v and %s.
func (k *Key) String() string { return redacted }

// GoString hides the secret from %#v.
func (k *Key) GoString() string { return redacted }

// LogValue hides the secret from log/slog.
func (k *Key) LogValue() slog.Value { return slog.StringValue(redacted) }
