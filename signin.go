package ginsession

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/clientaddr"
	"github.com/ginsession/ginsession/models"
)

// SignIn makes a session for a user whom the application has just
// authenticated, sets its cookies and makes it the session of the request. It
// must come before the first byte of the response. The user must be a row of the
// table of users: models.User is one, Config.Schema may name the application's own.
//
// The session that the browser presented until now ends, whoever's it was: a
// browser holds one session, and one planted before the sign-in is worth
// nothing after it. That this may fail does not undo the sign-in. With
// MultiSession a browser holds several, and only the same user's ends.
//
// SignIn returns ErrStarted if the response has begun or c is a copy,
// ErrNotFound if there is no such user, ErrTooManySessions, the error of
// Config.BeforeCreate, one about WithFields, or one that wraps ErrStore; in all
// these cases no cookie was touched. Upon ErrStore answer 503, so that the client
// tries again; ErrNotFound, ErrStarted and an error about WithFields are mistakes
// of the application.
func (m *Manager) SignIn(c *gin.Context, userID string, opts ...SignInOption) (*Session, error) {
	if !writable(c) {
		return nil, ErrStarted
	}
	var how creation
	for _, opt := range opts {
		opt.apply(&how)
	}
	if !how.clientGiven {
		how.ip, how.agent = m.address(c), c.Request.UserAgent()
	}
	p := m.present(c.Request)
	now := m.clock()
	ctx := m.bounded(c.Request.Context())
	row, err := m.create(ctx, userID, how, now)
	if err != nil {
		return nil, err
	}
	user, err := m.userOf(ctx, row)
	if err != nil {
		return nil, err
	}
	var previous []proved
	if !m.keepPrevious && !how.keepPrevious {
		previous = slices.Collect(p.tokens.all)
	}
	multi := m.cookies.device != ""
	ends := slices.Concat(previous, m.cookies.devices(&p)) // or are somebody else's
	if err := m.admit(ctx, row, ends); err != nil {
		return nil, err
	}
	m.happened(ctx, EventCreated, row)
	m.evict(ctx, row, ends)
	if !multi {
		m.endPrevious(ctx, previous, row.ID)
	}
	h := c.Writer.Header()
	age := maxAge(row.ExpiresAt, now)
	if how.dontRemember {
		age = browserSession
	}
	m.cookies.setToken(h, row.Token, age)
	switch {
	case how.dontRemember:
		m.cookies.setMarker(h)
	case p.dontRemember:
		m.cookies.expire(h, &m.cookies.marker)
	}
	if m.cache.enabled {
		m.mint(h, &p, original{row: row, user: user, readAt: now, dontRemember: how.dontRemember})
	}
	if multi {
		m.joinDevice(ctx, h, &p, previous, row, age)
	}
	private(h)
	session := m.session(row, user, false)
	m.know(c, loaded{session: session})
	return session, nil
}

// endPrevious ends the sessions that the browser presented before a sign-in.
func (m *Manager) endPrevious(ctx context.Context, previous []proved, madeID string) {
	for _, t := range previous {
		m.replaced.note(t.token, m.clock())
		if _, err := m.revoke(ctx, models.Revocation{Token: t.token}, m.endingOf(ctx, t.token, ReasonReplaced, madeID)); err != nil {
			m.logger.Warn("ginsession: the session before a sign-in could not be ended", "sessionId", madeID, "error", err)
		}
	}
}

// userOf reads the new session back with its user, which proves that there is
// one where the database does not check. Without one the row goes again.
func (m *Manager) userOf(ctx context.Context, row models.Session) (models.User, error) {
	finding, cancel := m.storeContext(ctx)
	defer cancel()
	_, user, err := m.store.Find(finding, row.Token)
	if err == nil {
		return user, nil
	}
	// Within the same deadline: a store that let it pass will not do this either.
	m.undo(ctx, row)
	if errors.Is(err, models.ErrNotFound) {
		return models.User{}, fmt.Errorf("%w: no such user", ErrNotFound)
	}
	return models.User{}, fmt.Errorf("%w: %w", ErrStore, err)
}

// SignOut ends the session that the request presents, and with MultiSession
// those of all accounts on the device, and tells the browser to drop its
// cookies. Without a session it only does the latter.
//
// If the store does not answer, SignOut returns an error that wraps ErrStore
// and keeps the session cookie, so that the user can try again; the cookie
// cache goes, and this process believes no copy of the session any more. It
// returns ErrStarted as SignIn does.
func (m *Manager) SignOut(c *gin.Context) error {
	if !writable(c) {
		return ErrStarted
	}
	p := m.present(c.Request)
	devices := m.cookies.devices(&p)
	h := c.Writer.Header()
	private(h)
	var failed error
	ctx := m.bounded(c.Request.Context())
	for _, t := range append(slices.Collect(p.tokens.all), devices...) {
		if _, err := m.revoke(ctx, models.Revocation{Token: t.token}, m.endingOf(ctx, t.token, ReasonSignedOut, "")); err != nil {
			m.revoked.token(m.stored(t.token), m.clock(), ReasonSignedOut)
			failed = err
		}
	}
	if failed != nil {
		m.cookies.expire(h, &m.cookies.data)
		m.cookies.expireSent(h, &p)
		m.know(c, loaded{err: failed})
		return failed
	}
	m.signedOut(c, &p)
	for _, d := range devices {
		m.cookies.expireDevice(h, d.token)
	}
	return nil
}

// signedOut tells the browser, and the rest of the request, that its session
// has ended.
func (m *Manager) signedOut(c *gin.Context, p *presented) {
	m.cookies.expireAll(c.Writer.Header(), p)
	m.know(c, loaded{err: ErrNoSession})
}

// endedHere is signedOut where the device cookie goes too.
func (m *Manager) endedHere(c *gin.Context, p *presented, token string) {
	m.signedOut(c, p)
	for _, d := range m.cookies.devices(p) {
		if d.token == token {
			m.cookies.expireDevice(c.Writer.Header(), token)
		}
	}
}

// writable reports whether cookies can still be set: nothing of the response
// has been sent, and c is no copy, whose writer has nothing behind it.
func writable(c *gin.Context) bool {
	if c.Writer == nil || c.Request == nil {
		return false
	}
	if w, ok := c.Writer.(interface{ Unwrap() http.ResponseWriter }); ok && w.Unwrap() == nil {
		return false
	}
	return !c.Writer.Written()
}

// private keeps a response that carries our cookies out of shared caches,
// unless the application has already said as much.
func private(h http.Header) {
	if v := h.Get("Cache-Control"); !strings.Contains(v, "private") && !strings.Contains(v, "no-store") {
		h["Cache-Control"] = noStore
	}
}

// strangers are addresses of the documentation blocks (RFC 5737, RFC 3849),
// with ports: nobody's proxies.
var strangers = []string{"192.0.2.1:1024", "198.51.100.1:1024", "[2001:db8::1]:1024"}

// forwarding headers that gin or a platform in front of it may go by.
var forwarding = []string{"X-Forwarded-For", "X-Real-Ip", "Cf-Connecting-Ip", "X-Appengine-Remote-Addr", "Fly-Client-Ip", "Forwarded", "True-Client-Ip"}

// address says where the request comes from. gin trusts every proxy unless
// told otherwise, so it is first asked what it would say of a stranger who sent
// the same headers: if it would believe him, it would believe anyone, and the
// peer's own address counts.
func (m *Manager) address(c *gin.Context) string {
	if m.clientIP != nil {
		return clientaddr.Address(m.clientIP(c), m.ipv6Subnet)
	}
	if !slices.ContainsFunc(forwarding, func(name string) bool { return c.Request.Header[name] != nil }) {
		return clientaddr.Address(c.RemoteIP(), m.ipv6Subnet)
	}
	for _, stranger := range strangers {
		probe := c.Copy()
		request := *c.Request
		request.RemoteAddr = stranger
		probe.Request = &request
		if named, err := netip.ParseAddr(probe.ClientIP()); err != nil || named != netip.MustParseAddrPort(stranger).Addr() {
			m.gullible.Do(func() {
				m.logger.Warn("ginsession: gin believes forwarding headers from anyone, so the peer's address is stored instead; call Engine.SetTrustedProxies or set Config.ClientIP; this is said once")
			})
			return clientaddr.Address(c.RemoteIP(), m.ipv6Subnet)
		}
	}
	return clientaddr.Address(c.ClientIP(), m.ipv6Subnet)
}
