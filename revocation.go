package ginsession

import (
	"crypto/sha256"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ginsession/ginsession/models"
)

// maxRevoked bounds what a process remembers of revocations: 9 to 16 MB
// (BenchmarkRevokedSet).
const maxRevoked = 100_000

// revoked remembers which sessions this process ended, or heard of from its feed,
// for as long as a cookie cache of them could still be around, so that a copy
// saved before a sign-out is worthless here the moment the sign-out has answered.
//
// It only ever sends reads to the store, which knows; so it may say yes too
// often (a restart of the clock, a full set) but never no too often.
type revoked struct {
	keep time.Duration // how long an entry matters

	// epoch counts revocations. Store reads that may be shared are shared
	// within one epoch only: a read that starts after a revocation has answered
	// never sees a row from before it.
	epoch atomic.Uint64
	// until is when, in nanoseconds since started, the last entry stops
	// mattering: 0 in the usual case, that there never was one.
	until   atomic.Int64
	started time.Time

	// maxLag is 0 without a feed. With one, heard is up to when it has told
	// everything, in nanoseconds since started.
	maxLag time.Duration
	heard  atomic.Int64

	mu     sync.RWMutex
	tokens map[[sha256.Size]byte]revokedToken
	users  map[string]revokedUser
	full   time.Duration // since started: until then every copy is doubted
}

// revokedToken says that one session ended. There may be very many.
type revokedToken struct {
	at     int64         // in Unix milliseconds, by the wall clock
	until  time.Duration // since started: when it matters no longer
	reason Reason
}

// revokedUser says that the user's sessions ended at a moment of the wall
// clock. Copies of those that were made up to then, but for one, are doubted.
// When a copy was made says nothing: a Better Auth server beside this one writes
// new copies from old ones.
type revokedUser struct {
	at     int64
	except string // session id
	until  time.Duration
	reason Reason
}

func newRevoked(keep, maxLag time.Duration) *revoked {
	r := &revoked{keep: keep, maxLag: maxLag, started: time.Now()}
	r.heard.Store(math.MinInt64 / 2) // nothing yet
	r.forget()
	return r
}

// forget drops everything, as a restart would.
func (r *revoked) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens = make(map[[sha256.Size]byte]revokedToken)
	r.users = make(map[string]revokedUser)
	r.full = 0
	r.until.Store(0)
	r.epoch.Add(1)
}

// token remembers the end of one session.
func (r *revoked) token(token string, now time.Time, reason Reason) {
	r.epoch.Add(1)
	if r.keep == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addToken(sha256.Sum256([]byte(token)), now, reason)
}

// addToken is token without the epoch. The caller holds mu.
func (r *revoked) addToken(hash [sha256.Size]byte, at time.Time, reason Reason) {
	entry := revokedToken{at.UnixMilli(), r.hold(), reason}
	earlier, known := r.tokens[hash]
	if known && reason == "" { // somebody who has heard of it says it again
		entry.reason = earlier.reason
	}
	if known || r.room() {
		r.tokens[hash] = entry
	}
}

// hold makes lookups happen for as long as an entry made now matters. The
// caller holds mu.
func (r *revoked) hold() time.Duration {
	until := time.Since(r.started) + r.keep
	r.until.Store(int64(until))
	return until
}

// user remembers the end of a user's sessions at now, but for the session with
// the id except, if any.
func (r *revoked) user(userID, except string, now time.Time, reason Reason) {
	r.epoch.Add(1)
	if r.keep == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addUser(userID, except, now, reason)
}

// addUser is user without the epoch. The caller holds mu.
func (r *revoked) addUser(userID, except string, now time.Time, reason Reason) {
	entry := revokedUser{at: now.UnixMilli(), except: except, until: r.hold(), reason: reason}
	if earlier, ok := r.users[userID]; ok && time.Since(r.started) < earlier.until {
		if earlier.except != except {
			entry.except = "" // who was spared once need not be spared again
		}
		entry.at = max(entry.at, earlier.at)
	} else if !ok && !r.room() {
		return
	}
	r.users[userID] = entry
}

// hear takes in what a feed tells.
func (r *revoked) hear(heard models.Heard) {
	if len(heard.Revoked) > 0 || heard.Overflow {
		r.epoch.Add(1)
		r.mu.Lock()
		for _, one := range heard.Revoked {
			if one.UserID == "" {
				r.addToken(one.TokenSHA256, one.At, interned(one.Reason))
			} else {
				r.addUser(one.UserID, one.Except, one.At, interned(one.Reason))
			}
		}
		if heard.Overflow {
			r.full = r.hold()
		}
		r.mu.Unlock()
	}
}

// reasons are ours. A feed gives each a copy of its own.
var reasons = func() map[string]Reason {
	all := map[string]Reason{}
	for _, reason := range []Reason{
		ReasonSignedOut, ReasonUser, ReasonOthers, ReasonApplication, ReasonReplaced, ReasonRotated, ReasonLimit, ReasonExpired, ReasonLifetime, ReasonElsewhere,
	} {
		all[string(reason)] = reason
	}
	return all
}()

func interned(reason string) Reason {
	if ours, ok := reasons[reason]; ok {
		return ours
	}
	return Reason(reason)
}

// upTo says that everything that had ended by then has been taken in. Only then is
// the node up to date: a reader who finds it so finds the entries as well.
func (r *revoked) upTo(asOf time.Time) { r.heard.Store(int64(asOf.Sub(r.started))) }

// silence is for how long, at now, the feed has told nothing that is certain.
func (r *revoked) silence(now time.Time) time.Duration {
	return now.Sub(r.started) - time.Duration(r.heard.Load())
}

// lags reports whether the feed, if there is one, has been silent for so long that
// no copy may be believed. now has a reading of the monotonic clock. Ask before
// doubts: what was up to date then has its entries by now, and not the other way
// round.
func (r *revoked) lags(now time.Time) bool {
	return r.maxLag != 0 && r.silence(now) > r.maxLag
}

// room makes sure that one more entry fits, or doubts everything for a while.
// The caller holds mu.
func (r *revoked) room() bool {
	if len(r.tokens)+len(r.users) < maxRevoked {
		return true
	}
	now := time.Since(r.started)
	if now < r.full { // swept in vain a moment ago
		r.full = now + r.keep
		return false
	}
	for key, entry := range r.tokens {
		if entry.until < now {
			delete(r.tokens, key)
		}
	}
	for key, entry := range r.users {
		if entry.until < now {
			delete(r.users, key)
		}
	}
	if len(r.tokens)+len(r.users) < maxRevoked {
		return true
	}
	r.full = now + r.keep
	return false
}

// doubts reports whether a copy of the session, whose stored token is given, must
// be checked against the store. now has a reading of the monotonic clock.
func (r *revoked) doubts(token string, copied models.Session, now time.Time) bool {
	until, at := r.until.Load(), now.Sub(r.started)
	if until == 0 || int64(at) > until {
		return false
	}
	hash := sha256.Sum256([]byte(token))
	r.mu.RLock()
	defer r.mu.RUnlock()
	if at < r.full || at < r.tokens[hash].until {
		return true
	}
	entry, ok := r.users[copied.UserID]
	return ok && at < entry.until && entry.ends(copied.ID, copied.CreatedAt)
}

// ends reports whether a session may be one of those that ended.
func (e revokedUser) ends(sessionID string, createdAt time.Time) bool {
	return e.except != sessionID && createdAt.UnixMilli() <= e.at+skew.Milliseconds()
}

// why is the reason for which a session ended, as far as this process has heard;
// of the row everything may be missing.
func (r *revoked) why(hash [sha256.Size]byte, row models.Session) Reason {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if entry := r.tokens[hash]; entry.reason != "" {
		return entry.reason
	}
	if entry, ok := r.users[row.UserID]; ok && entry.ends(row.ID, row.CreatedAt) {
		return entry.reason
	}
	return ""
}
