package ginsession

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/models"
)

// Rotate gives the session of the request another token and sets its cookies: for
// a change of privileges, after which nothing that was known before must count.
// It stays the same session, with its id, its creation and its expiry. The former
// token is dead when Rotate returns, and so are copies of it, as after Revoke.
//
// A request of the same browser that is under way with the former token finds no
// session. In this process it leaves the cookies alone; on another node it may
// expire the new ones, so let the page wait for the answer before it asks for more.
//
// It returns the session as it stands, ErrNoSession if there is none (any more),
// ErrStarted as SignIn does, or an error that wraps ErrStore. After that the
// former token may be dead already; then the user has to sign in again.
func (m *Manager) Rotate(c *gin.Context) (*Session, error) {
	return m.replace(c, EventRotated, func(next *models.Session, _ time.Time) {})
}

// Reauthenticate is for a user who has just signed in once more in place, with a
// password or another factor: it puts a new session in place of that of the
// request, with another id, a new token and a new life, in one statement, so that
// at any moment one of the two works. Additional fields and the address of the
// sign-in go over. The new session is fresh. Elevate does that without a new
// session.
//
// Errors are those of Rotate.
func (m *Manager) Reauthenticate(c *gin.Context) (*Session, error) {
	return m.replace(c, EventCreated, func(next *models.Session, now time.Time) {
		short := next.ExpiresAt.Sub(next.CreatedAt) <= dontRememberFor
		next.ID, next.CreatedAt = randomText(), now
		next.ExpiresAt = m.policy.expiry(now, now)
		if day := now.Add(dontRememberFor); short && day.Before(next.ExpiresAt) { // a don't-remember session stays one
			next.ExpiresAt = day
		}
	})
}

// replace puts next, a session read and changed, in the place of that of the
// request.
func (m *Manager) replace(c *gin.Context, kind EventKind, change func(next *models.Session, now time.Time)) (*Session, error) {
	if !writable(c) {
		return nil, ErrStarted
	}
	ctx := m.bounded(c.Request.Context())
	p := m.present(c.Request)
	o := m.loadToChange(ctx, c, &p, how{noRefresh: true})
	if o.err != nil {
		return nil, o.err
	}
	now := m.clock()
	old, next := o.row, o.row
	next.UpdatedAt = now
	change(&next, now)
	m.replaced.note(old.Token, now) // before anybody can find it gone
	row, err := m.replaceStored(ctx, old, next, now)
	m.noteEnd(models.Revocation{Token: old.Token, Reason: models.ReasonRotated}, now) // in doubt too: then only the store is asked
	switch {
	case errors.Is(err, models.ErrNotFound):
		m.know(c, loaded{err: ErrNoSession})
		return nil, ErrNoSession
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	if m.hasListener() {
		if row.ID != old.ID {
			m.tell(ctx, Event{Kind: EventRevoked, Reason: ReasonReplaced, At: now, SessionID: old.ID, UserID: old.UserID, Ended: 1, By: row.ID})
		}
		m.happened(ctx, kind, row)
	}
	h := c.Writer.Header()
	age := maxAge(row.ExpiresAt, now)
	if p.dontRemember {
		age = browserSession
	}
	m.cookies.setToken(h, row.Token, age)
	if p.dontRemember { // an old secret may have signed the marker
		m.cookies.setMarker(h)
	}
	if m.cache.enabled {
		m.mint(h, &p, original{row: row, user: o.user, readAt: o.issuedAt, dontRemember: p.dontRemember})
	}
	if m.cookies.device != "" {
		m.cookies.expireDevice(h, old.Token)
		m.cookies.setDevice(h, row.Token, age)
	}
	private(h)
	session := m.session(row, o.user, false)
	m.know(c, loaded{session: session})
	return session, nil
}

// replaceStored draws a token for next and writes it. A write that failed may
// have happened all the same; the token that was drawn tells.
func (m *Manager) replaceStored(ctx context.Context, old, next models.Session, now time.Time) (models.Session, error) {
	ctx, cancel := m.storeContext(ctx)
	defer cancel()
	for tries := 3; ; tries-- {
		next.Token = randomText()
		row, err := m.store.Replace(ctx, old, next, now)
		switch {
		case errors.Is(err, models.ErrDuplicate) && tries > 1:
			continue
		case err != nil && !errors.Is(err, models.ErrNotFound):
			if row, _, again := m.store.Find(ctx, next.Token); again == nil {
				return row, nil
			}
		}
		return row, err
	}
}

// replacedTokens remembers for a while which tokens gave way to another in the same
// browser. A request that was under way with the former one finds no session, and
// its answer may come after the one that brought the new cookies: it must not
// expire them.
type replacedTokens struct {
	mu     sync.Mutex
	tokens map[[sha256.Size]byte]time.Time
}

const (
	replacedFor  = 30 * time.Second
	mostReplaced = 10_000
)

func (s *replacedTokens) note(token string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tokens) >= mostReplaced || s.tokens == nil {
		// Forgetting too early costs a late tab its session, no more.
		s.tokens = map[[sha256.Size]byte]time.Time{}
	}
	s.tokens[sha256.Sum256([]byte(token))] = now
}

// recently reports whether the token gave way to another a moment ago.
func (s *replacedTokens) recently(token string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tokens) == 0 {
		return false
	}
	at, ok := s.tokens[sha256.Sum256([]byte(token))]
	return ok && now.Sub(at) < replacedFor
}
