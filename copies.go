package ginsession

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ginsession/ginsession/models"
)

// The copies of sessions that the cookie cache holds: made, read, judged.

// An original is what a cookie cache is made of.
type original struct {
	row          models.Session
	user         models.User
	readAt       time.Time // before the store was asked
	dontRemember bool
	// userInCacheOrder: /update-session writes the user in the order in which it
	// stood in the cookie cache that came with the request, as in Better Auth,
	// where that copy is what it has of the user.
	userInCacheOrder bool
}

// payloads are of cookie caches that were minted: their room is used again.
var payloads = sync.Pool{New: func() any { return new([]byte) }}

// mint writes a cookie cache. A copy too large for cookies is no failure: there
// is none.
func (m *Manager) mint(h http.Header, p *presented, o original) {
	whole := false
	defer func() {
		if !whole { // VersionFunc panicked: no half of our cookies goes out
			drop(h, func(line string) bool {
				name, _, _ := strings.Cut(line, "=")
				return m.cookies.ours(name)
			})
			h.Del(authTokenHeader)
		}
	}()
	good, age := m.cache.maxAge, int(m.cache.maxAge/time.Second)
	if o.dontRemember {
		good, age = min(good, m.cache.unremembered), browserSession
	}
	payload := payloads.Get().(*[]byte)
	defer payloads.Put(payload)
	*payload = m.appendCachePayload((*payload)[:0], o)
	value, err := m.codec.Encode(*payload, o.readAt, o.readAt.Add(good))
	whole = true
	if err != nil {
		m.cookies.expireSent(h, p)
	}
	if err != nil || !m.cookies.setData(h, p, value, age) {
		m.oversize.Do(func() {
			m.logger.Warn("ginsession: a session is too large for the cookie cache and is read from the store every time; this is said once", "sessionId", o.row.ID)
		})
	}
}

// twoLooks is how far apart Better Auth's two looks at the clock may be, one for
// when a copy is made and one for when it ends.
const twoLooks = 2 * time.Second

// readCopy returns the session in the cookie cache if it may be believed: it
// verifies, names the very token of the session cookie, is of this version, in
// time, whole, and not of a session that this process ended. began is now by the
// monotonic clock.
func (m *Manager) readCopy(p *presented, token string, now, began time.Time) (cachedCopy, bool) {
	value, ok := p.dataValue()
	if !ok {
		return cachedCopy{}, false
	}
	c, last, ok := m.decoded(token, value)
	if !ok {
		return cachedCopy{}, false
	}
	stored := m.stored(token)
	if !sameToken(c.row.Token, stored) {
		return cachedCopy{}, false
	}
	good := c.row.UserID == c.user.ID &&
		c.version == m.cacheVersion(c.row, c.user, true) &&
		!last.Before(now) &&
		last.Sub(c.issuedAt) <= m.cache.maxAge+twoLooks &&
		!c.issuedAt.After(now.Add(skew)) &&
		!m.policy.expired(c.row.CreatedAt, c.row.ExpiresAt, now) &&
		!m.revoked.doubts(stored, c.row, began)
	c.row.Token = token
	return c, good
}

// decoded verifies and parses a cookie cache, once.
func (m *Manager) decoded(token, value string) (c cachedCopy, last time.Time, ok bool) {
	if known := m.verified.find(token, value); known != nil {
		return known.copied, known.last, true
	}
	payload, last, err := m.codec.Decode(value)
	if err != nil {
		return cachedCopy{}, time.Time{}, false
	}
	if c, ok = m.parseCachePayload(payload); ok {
		m.verified.keep(token, value, c, last)
	}
	return c, last, ok
}
