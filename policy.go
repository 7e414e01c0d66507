package ginsession

import "time"

// skew is how far ahead another node's clock may be before a time of its
// making is not believed. It never lengthens an expiry.
const skew = 60 * time.Second

// dontRememberFor is how long a don't-remember session lives at most; its
// cookies end with the browser. Better Auth: 60*60*24 in createSession.
const dontRememberFor = 24 * time.Hour

// A policy holds the rules of time. They are pure: all times come in as
// arguments, UTC and in whole milliseconds.
type policy struct {
	expiresIn, updateAge time.Duration
	freshAge             time.Duration // 0: always fresh
	maxLifetime          time.Duration // 0: no cap
}

// expiry is the moment until which a session created at createdAt may live
// when it is created or renewed at now.
func (p policy) expiry(createdAt, now time.Time) time.Time {
	return p.capped(createdAt, now.Add(p.expiresIn))
}

// capped cuts an expiry to the session's absolute lifetime.
func (p policy) capped(createdAt, expiresAt time.Time) time.Time {
	if p.maxLifetime > 0 {
		if end := createdAt.Add(p.maxLifetime); end.Before(expiresAt) {
			return end
		}
	}
	return expiresAt
}

// expired reports whether a session is over. At its very expiry it still is
// alive, as in Better Auth (expiresAt < now).
func (p policy) expired(createdAt, expiresAt, now time.Time) bool {
	return p.capped(createdAt, expiresAt).Before(now)
}

// ended says which of the two ends a session that is expired at now has come to.
func (p policy) ended(expiresAt, now time.Time) Reason {
	if expiresAt.Before(now) {
		return ReasonExpired
	}
	return ReasonLifetime
}

// due reports whether reading the session should renew it: its last renewal is
// updateAge old, and renewing would gain anything. The age of the renewal is
// derived from the expiry, as in Better Auth, so that a row with a shorter
// life than expiresIn is due at once.
func (p policy) due(createdAt, expiresAt, now time.Time) bool {
	return !expiresAt.Add(p.updateAge-p.expiresIn).After(now) && p.expiry(createdAt, now).After(expiresAt)
}

// fresh reports whether the session was created recently enough for sensitive
// work. Renewing does not make fresh; a creation in the future, beyond what
// clocks may differ, is not believed.
func (p policy) fresh(createdAt, now time.Time) bool {
	if p.freshAge == 0 {
		return true
	}
	age := now.Sub(createdAt)
	return age >= -skew && age < p.freshAge
}

// maxAge is the Max-Age, in whole seconds, of a cookie that ends with the
// session. RFC 6265bis caps it at 400 days.
func maxAge(expiresAt, now time.Time) int {
	return int(min(max(expiresAt.Sub(now), 0), maxCookieAge) / time.Second)
}

const maxCookieAge = 400 * 24 * time.Hour
