package ginsession

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ginsession/ginsession/models"
)

// How one request loads its session. The zero value is what Middleware and GET
// /get-session do.
type how struct {
	skipCache bool // ?disableCookieCache: read the store whatever the cookie says
	confirm   bool // the store must agree with a good cookie cache; then nothing is written
	noRefresh bool // ?disableRefresh: neither renew nor write a cookie cache
	noSlide   bool // HEAD and the like: do not renew
	deferred  bool // Config.DeferRefresh, and this is not its POST: neither renew nor delete
	silent    bool // write no cookie at all: an upgraded connection sends none
	renewing  bool // DeferRefresh's POST, which is there to renew
}

// An outcome is what a request's cookies and the store say, and what the
// response's cookies must say for it. Deciding and writing are separate.
type outcome struct {
	row          models.Session
	user         models.User
	err          error // nil, ErrNoSession, errRevokedMeanwhile, or wraps ErrStore
	source       ReadSource
	confirmed    bool  // they come from the store, and the cookie cache was good too
	needsRefresh *bool // for /get-session under DeferRefresh

	expireSent bool      // the cookie cache is off, yet the browser sent one
	expireData bool      // the cookie cache was no good
	expireAll  bool      // the store answered that the session is gone
	setToken   int       // Max-Age of a session cookie to write; 0: none
	mint       bool      // write a cookie cache
	issuedAt   time.Time // of that: before the store read that it is made of
}

// errRevokedMeanwhile: the session was there, and gone when it was to be
// renewed. To everybody but /get-session it is ErrNoSession.
var errRevokedMeanwhile = fmt.Errorf("%w: ended while being renewed", ErrNoSession)

// ended is why a session that the store does not have is no more, if this process
// knows. Of the row all may be missing.
func (m *Manager) ended(token string, row models.Session) error {
	if why := m.revoked.why(sha256.Sum256([]byte(m.stored(token))), row); why != "" {
		return &EndedError{why}
	}
	return ErrNoSession
}

// isAnswer reports whether a load that failed is sure that there is no session.
func isAnswer(err error) bool { return errors.Is(err, ErrNoSession) }

// load finds out which session, if any, a request carries, and tells the Observer.
func (m *Manager) load(ctx context.Context, p *presented, how how) outcome {
	o := m.look(ctx, p, how)
	if m.observer != nil {
		m.observeRead(ctx, Read{o.source, p.readOutcome(ctx, o.err), time.Since(p.began)})
	}
	return o
}

func (m *Manager) look(ctx context.Context, p *presented, how how) outcome {
	began := m.now()
	now := millis(began)
	o := outcome{err: ErrNoSession}
	o.expireSent = !m.cache.enabled && p.sent.n > 0
	key, ok := p.session()
	if !ok {
		o.expireAll = p.dead
		if p.forged && p.tokens.n == 0 {
			m.rejected(ctx, ReasonSignature, "", "")
		}
		if p.tokens.n > 1 {
			m.rejected(ctx, ReasonAmbiguous, "", "")
			m.logger.Debug("ginsession: a request carries several valid session cookies: taken for none", "count", p.tokens.n)
		}
		return o
	}
	var copied cachedCopy
	if m.cache.enabled && p.hasData() && !how.skipCache {
		began = m.monotonic(began)
		lags := m.revoked.lags(began) // first: see there
		if copied, ok = m.readCopy(p, key.token, now, began); !ok {
			o.expireData = true
		} else if how.renewing && m.overdue(copied, p, now) {
			// The store is asked as if there were no copy.
		} else if !how.confirm && !lags {
			o.row, o.user, o.source, o.err = copied.row, copied.user, FromCookieCache, nil
			return o
		} else {
			how.noRefresh, o.confirmed = true, true // the copy is good: the store is only asked
		}
	}
	ctx = m.bounded(ctx) // not before: a cached read needs no deadline
	read, err := m.read(ctx, key.token, m.renewal(p, how), now)
	if o.source = FromStore; read.shared {
		o.source = FromShared
	}
	switch {
	case errors.Is(err, models.ErrNotFound):
		m.rejected(ctx, ReasonUnknown, "", "")
		o.expireAll = !m.replaced.recently(key.token, now)
		o.err = m.ended(key.token, copied.row)
		return o
	case err != nil:
		o.err = fmt.Errorf("%w: %w", ErrStore, err)
		return o
	case m.policy.expired(read.row.CreatedAt, read.row.ExpiresAt, now):
		o.expireAll = true
		why := m.policy.ended(read.row.ExpiresAt, now)
		o.err = &EndedError{why}
		m.rejected(ctx, why, read.row.ID, read.row.UserID)
		if !how.deferred {
			m.deleteExpired(ctx, read.row, now)
		}
		return o
	case read.gone:
		m.rejected(ctx, ReasonUnknown, read.row.ID, read.row.UserID)
		o.expireAll = !m.replaced.recently(key.token, now)
		o.err = fmt.Errorf("%w: %w", errRevokedMeanwhile, m.ended(key.token, read.row))
		return o
	}
	o.row, o.user, o.issuedAt, o.err = read.row, read.user, read.at, nil
	if how.noRefresh {
		return o
	}
	switch {
	case read.slid:
		o.setToken = maxAge(read.row.ExpiresAt, now)
	case key.secret > 0: // signed by an old secret: sign anew, for the time that is left
		o.setToken = maxAge(read.row.ExpiresAt, now)
		if p.dontRemember {
			o.setToken = browserSession
		}
	}
	if key.secret > 0 && o.setToken != 0 && !how.silent && m.hasListener() {
		m.tell(ctx, Event{Kind: EventOldSecretUsed, At: now, SessionID: o.row.ID, UserID: o.row.UserID, OldSecret: key.secret - 1})
	}
	if p.dontRemember {
		return o
	}
	o.mint = m.cache.enabled
	if how.deferred {
		due := !m.disableRefresh && m.policy.due(read.row.CreatedAt, read.row.ExpiresAt, now)
		o.needsRefresh = &due
	}
	return o
}

// overdue reports whether a session in the cookie cache fell due for renewal so
// long ago that its copy no longer excuses it. Under DeferRefresh a copy of a
// session that is due has always just been made, by the GET that answered
// needsRefresh; Better Auth lets it answer the POST too, so that there no session
// is ever renewed. Here one cookie cache's life is as long as it lasts.
func (m *Manager) overdue(c cachedCopy, p *presented, now time.Time) bool {
	return !p.dontRemember && !m.disableRefresh && m.policy.due(c.row.CreatedAt, c.row.ExpiresAt, now.Add(-m.cache.maxAge))
}

// renewal is what a read of the store may do to the session.
func (m *Manager) renewal(p *presented, how how) renewal {
	switch {
	case how.noRefresh, how.noSlide, how.deferred, p.dontRemember, m.disableRefresh:
		return never
	case p.bearer:
		return unlessShort
	default:
		return whenDue
	}
}

// clock is the time in whole milliseconds, the only times there are here.
func (m *Manager) clock() time.Time { return millis(m.now()) }

func millis(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// monotonic is a time from Config.Now with a reading of the monotonic clock, which
// costs more than the rest of what a feed adds to a cached read and is taken once.
func (m *Manager) monotonic(now time.Time) time.Time {
	if m.ownClock {
		return time.Now()
	}
	return now
}

// writeCookies tells the browser what the outcome means for its cookies.
func (m *Manager) writeCookies(h http.Header, p *presented, o *outcome) {
	k := &m.cookies
	if o.expireSent {
		k.expireSent(h, p)
	}
	if o.expireData {
		k.expire(h, &k.data)
	}
	if o.expireAll {
		k.expireAll(h, p)
	}
	if o.setToken != 0 {
		k.setToken(h, o.row.Token, o.setToken)
		if p.dontRemember { // an old secret may have signed the marker as well
			k.setMarker(h)
		}
	}
	if o.mint {
		m.mint(h, p, original{row: o.row, user: o.user, readAt: o.issuedAt})
	}
	if o.setToken != 0 {
		m.keepDevice(h, p, o.row.Token, o.setToken)
	}
}

// deleteExpired removes the expired row that a request met, unless somebody
// whose clock is behind renewed it meanwhile. That it may fail matters little:
// the row is dead, and the purge comes.
func (m *Manager) deleteExpired(ctx context.Context, row models.Session, now time.Time) {
	ctx, cancel := m.storeContext(ctx)
	defer cancel()
	switch ended, err := m.store.Revoke(ctx, models.Revocation{Token: row.Token, UserID: row.UserID, NotAfter: row.ExpiresAt}); {
	case err != nil:
		m.logger.Warn("ginsession: an expired session could not be deleted", "sessionId", row.ID, "error", err)
	case ended > 0 && m.hasListener():
		m.tell(ctx, Event{Kind: EventRevoked, Reason: m.policy.ended(row.ExpiresAt, now), At: now, SessionID: row.ID, UserID: row.UserID, Ended: ended})
	}
}
