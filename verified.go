package ginsession

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
	"time"
)

// verified remembers cookie caches that this process has verified and parsed: one
// that comes again byte for byte, as it does with each request until it is renewed,
// is neither decrypted nor parsed again. What may change meanwhile, such as its age or
// a revocation, is judged each time.
//
// Each session has one place, which it shares with strangers: whoever comes later
// takes it. So there is a bound, 18 MiB of the longest values (BenchmarkVerified), and
// nothing to sweep.
type verified struct {
	seed   maphash.Seed
	places [4096]atomic.Pointer[verifiedCopy]
}

type verifiedCopy struct {
	value  string // of the cookie
	copied cachedCopy
	last   time.Time // when it is good
}

// longestVerified is the length beyond which a value is verified each time.
const longestVerified = 2304

func newVerified() *verified { return &verified{seed: maphash.MakeSeed()} }

func (v *verified) place(token string) *atomic.Pointer[verifiedCopy] {
	return &v.places[maphash.String(v.seed, token)%uint64(len(v.places))]
}

// find returns the copy that was verified of this very value, or nil.
func (v *verified) find(token, value string) *verifiedCopy {
	known := v.place(token).Load()
	if known == nil || len(known.value) != len(value) {
		return nil
	}
	// The signature, of which no time may tell how much was right, is at the end.
	rest := max(0, len(value)-signatureWithin)
	if known.value[:rest] != value[:rest] || !sameToken(known.value[rest:], value[rest:]) {
		return nil
	}
	return known
}

// signatureWithin is how many bytes at the end of a value hold its signature, of
// every strategy.
const signatureWithin = 128

// keep remembers a copy that was verified.
func (v *verified) keep(token, value string, copied cachedCopy, last time.Time) {
	if len(value) <= longestVerified {
		// A copy of the value, which is a piece of a header that may be much longer.
		v.place(token).Store(&verifiedCopy{strings.Clone(value), copied, last})
	}
}
