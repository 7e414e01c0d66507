package ginsession

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/signed"
	"github.com/ginsession/ginsession/models"
)

// MultiSession keeps several accounts signed in on one device, one of them
// active. Each has a device cookie of its own beside the session cookie, which
// holds the active one. Signing in ends only the same user's earlier session on
// the device; the others stay, and SignOut ends them all.
//
// Better Auth: the plugin multiSession.
type MultiSession struct {
	// Enabled switches it on. Default off.
	Enabled bool

	// MaximumSessions is how many accounts a device may hold. The session of
	// one more ends the oldest. Default 5, at most 20. Better Auth:
	// maximumSessions, beyond which a new session gets no device cookie there.
	MaximumSessions int
}

// devicePart follows the session cookie's name in those of device cookies; the
// token in lower case comes behind it.
const devicePart = "_multi-"

func (ms MultiSession) check(f *faults) int {
	switch {
	case ms.MaximumSessions == 0:
		return 5
	case ms.MaximumSessions < 1 || ms.MaximumSessions > 20:
		f.add("MultiSession.MaximumSessions is %d: use 1 to 20, or leave it zero for 5", ms.MaximumSessions)
	case !ms.Enabled:
		f.add("MultiSession.MaximumSessions is %d, but MultiSession.Enabled is not set: set it", ms.MaximumSessions)
	}
	return ms.MaximumSessions
}

// isDevice reports whether name has the form of a device cookie's. The session
// cookie itself is matched by equality, so that neither passes for the other.
func (k *cookies) isDevice(name string) bool {
	return k.device != "" && len(name) > len(k.device) && strings.HasPrefix(name, k.device)
}

// deviceName is the name of the device cookie of a token.
func (k *cookies) deviceName(token string) string { return k.device + strings.ToLower(token) }

// devices proves the device cookies of a request, the first time that it is
// asked, and returns them in their order, each token once. A device cookie counts
// only if its name is that of its token and its signature holds. The name is
// compared first: a cookie that somebody planted under another name costs no
// signature.
func (k *cookies) devices(p *presented) []proved {
	if p.asked {
		return slices.Clone(p.held)
	}
	p.asked = true
	for _, pair := range p.unproved {
		token, _, _ := strings.Cut(pair.Value, ".")
		if !isToken(token) || pair.Name != k.deviceName(token) {
			continue
		}
		token, secret, ok := k.verify(p, pair.Value)
		if ok && pair.Name == k.deviceName(token) && !slices.ContainsFunc(p.held, func(d proved) bool { return d.token == token }) {
			p.held = append(p.held, proved{token, secret})
		}
	}
	return slices.Clone(p.held)
}

func (k *cookies) setDevice(h http.Header, token string, maxAge int) {
	name := k.deviceName(token)
	supersede(h, name)
	k.token.write(h, name, string(signed.AppendEscaped(nil, k.signer.Sign(token))), maxAge)
}

func (k *cookies) expireDevice(h http.Header, token string) {
	name := k.deviceName(token)
	drop(h, func(line string) bool { return isLineOf(line, name) })
	k.token.write(h, name, "", 0)
}

// keepDevice makes sure that a session which becomes, or stays, the active one
// has a device cookie, signed by the present secret: without one it would be
// lost at the next switch.
func (m *Manager) keepDevice(h http.Header, p *presented, token string, maxAge int) {
	if m.cookies.device == "" {
		return
	}
	devices := m.cookies.devices(p)
	at := slices.IndexFunc(devices, func(d proved) bool { return d.token == token })
	if at < 0 && len(devices) < m.maximumSessions || at >= 0 && devices[at].secret > 0 {
		m.cookies.setDevice(h, token, maxAge)
	}
}

// joinDevice gives a session just made its device cookie. The same user's
// earlier sessions on this device end, and so does the oldest one if there are
// too many: nobody could reach it any more. Those that were active until now
// stay as device sessions. Cookies of dead ones go. The sign-in stands whatever
// becomes of the others.
func (m *Manager) joinDevice(ctx context.Context, h http.Header, p *presented, active []proved, made models.Session, age int) {
	defer func() { m.cookies.setDevice(h, made.Token, age) }()
	held := m.cookies.devices(p)
	tokens := make([]string, len(held))
	for i, d := range held {
		tokens[i] = d.token
	}
	for _, t := range active { // perhaps without a device cookie yet
		if !slices.Contains(tokens, t.token) {
			tokens = append(tokens, t.token)
		}
	}
	found, err := m.findDevices(ctx, tokens)
	if err != nil {
		m.logger.Warn("ginsession: the other sessions of a device could not be read at a sign-in", "sessionId", made.ID, "error", err)
		return
	}
	now := m.clock()
	var others []models.Session
	for i, token := range tokens {
		at := slices.IndexFunc(found, func(f models.Found) bool { return f.Session.Token == token })
		switch {
		case at < 0 || m.policy.expired(found[at].Session.CreatedAt, found[at].Session.ExpiresAt, now):
			m.cookies.expireDevice(h, token)
		case found[at].Session.UserID == made.UserID:
			m.leaveDevice(ctx, h, found[at].Session, made.ID, ReasonReplaced)
		default:
			others = append(others, found[at].Session)
			if i >= len(held) {
				m.cookies.setDevice(h, token, maxAge(found[at].Session.ExpiresAt, now))
			}
		}
	}
	slices.SortStableFunc(others, func(a, b models.Session) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for len(others)+1 > m.maximumSessions {
		m.leaveDevice(ctx, h, others[0], made.ID, ReasonLimit)
		others = others[1:]
	}
}

// leaveDevice ends a session that another sign-in drove from the device.
func (m *Manager) leaveDevice(ctx context.Context, h http.Header, row models.Session, madeID string, reason Reason) {
	m.replaced.note(row.Token, m.clock())
	if _, err := m.revoke(ctx, models.Revocation{Token: row.Token}, ending{reason, madeID, row.ID, row.UserID}); err != nil {
		m.logger.Warn("ginsession: a session of the same device could not be ended at a sign-in", "sessionId", madeID, "error", err)
	}
	m.cookies.expireDevice(h, row.Token)
}

// findDevices reads sessions by tokens that signatures proved.
func (m *Manager) findDevices(ctx context.Context, tokens []string) ([]models.Found, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithDeadline(ctx, m.deadline(ctx))
	defer cancel()
	found, err := m.store.FindMany(ctx, tokens)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	return found, nil
}

// aliveDevices reads the sessions of the given device cookies that are alive,
// in the order of the cookies.
func (m *Manager) aliveDevices(ctx context.Context, devices []proved, now time.Time) ([]models.Found, error) {
	tokens := make([]string, len(devices))
	for i, d := range devices {
		tokens[i] = d.token
	}
	found, err := m.findDevices(ctx, tokens)
	if err != nil {
		return nil, err
	}
	var alive []models.Found
	for _, token := range tokens {
		for _, f := range found {
			if sameToken(f.Session.Token, token) && f.Session.ExpiresAt.After(now) &&
				!m.policy.expired(f.Session.CreatedAt, f.Session.ExpiresAt, now) {
				alive = append(alive, f)
			}
		}
	}
	return alive, nil
}

// deviceNamed finds the device cookie that a body names, by its token in any
// case, or by its handle.
func (m *Manager) deviceNamed(devices []proved, name string) (proved, bool) {
	for _, d := range devices {
		if isHandle(name) && m.handles.names(name, m.stored(d.token)) || sameToken(strings.ToLower(name), strings.ToLower(d.token)) {
			return d, true
		}
	}
	return proved{}, false
}

// activate makes a session just read the active one of the browser: cookies as
// at a sign-in, for as long as a new session lives. The don't-remember marker is
// the browser's, so that the session inherits it.
func (m *Manager) activate(c *gin.Context, p *presented, o original) {
	h := c.Writer.Header()
	now := m.clock()
	age := maxAge(m.policy.expiry(o.row.CreatedAt, now), now)
	o.dontRemember = p.dontRemember
	if o.dontRemember {
		age = browserSession
	}
	m.cookies.setToken(h, o.row.Token, age)
	if o.dontRemember {
		m.cookies.setMarker(h)
	}
	if m.cache.enabled {
		m.mint(h, p, o)
	}
	m.keepDevice(h, p, o.row.Token, age)
	private(h)
	m.know(c, loaded{session: m.session(o.row, o.user, false)})
}

// listDeviceSessions serves GET /multi-session/list-device-sessions: an array
// of {"session":{},"user":{}}, one for each user with a device cookie whose
// session is alive. It needs no session, reads the store and sets no cookie.
func (m *Manager) listDeviceSessions(c *gin.Context) {
	p := m.present(c.Request)
	alive, err := m.aliveDevices(c.Request.Context(), m.cookies.devices(&p), m.clock())
	if err != nil {
		m.storeFailed(c, err)
		refuse(c, unavailable)
		return
	}
	body := []byte{'['}
	var users []string
	for _, f := range alive {
		if slices.Contains(users, f.User.ID) {
			continue
		}
		if users = append(users, f.User.ID); len(users) > 1 {
			body = append(body, ',')
		}
		body = m.appendFound(body, f.Session, f.User)
		body = append(body, '}')
	}
	answerBuilt(c, append(body, ']'))
}

// setActiveSession serves POST /multi-session/set-active {"sessionToken":
// handle or token}: the session of that device cookie becomes the active one.
// It needs no active session, renews nothing and makes nothing fresh.
//
//	200 {"session":{},"user":{}}
//	401 INVALID_SESSION_TOKEN        no such device cookie, or its session is
//	                                 over; then the cookie expires
func (m *Manager) setActiveSession(c *gin.Context) {
	named, ok := m.namedSession(c)
	if !ok {
		return
	}
	p := m.present(c.Request)
	switch read, err := m.switchAccount(c.Request.Context(), c, &p, named); {
	case errors.Is(err, ErrNotFound):
		refuse(c, invalidSessionToken)
	case err != nil:
		m.storeFailed(c, err)
		refuse(c, unavailable)
	default:
		answerBuilt(c, append(m.appendFound(make([]byte, 0, 1024), read.row, read.user), '}'))
	}
}

// switchAccount makes the session of the device cookie that a request names the
// active one. It returns ErrNotFound if there is no such cookie, or its session is
// over, in which case the cookie expires.
func (m *Manager) switchAccount(ctx context.Context, c *gin.Context, p *presented, named string) (reading, error) {
	device, ok := m.deviceNamed(m.cookies.devices(p), named)
	if !ok {
		return reading{}, ErrNotFound
	}
	read, err := m.find(ctx, device.token)
	switch {
	case errors.Is(err, ErrNotFound):
		m.cookies.expireDevice(c.Writer.Header(), device.token)
	case err == nil:
		m.activate(c, p, original{row: read.row, user: read.user, readAt: read.at})
	}
	return read, err
}

// revokeDeviceSession serves POST /multi-session/revoke {"sessionToken": handle
// or token}: the session of that device cookie ends. If it was the active one,
// the first of the others becomes active, or the browser is signed out.
//
//	200 {"status":true}
//	401 UNAUTHORIZED                 no active session
//	401 INVALID_SESSION_TOKEN        no such device cookie
func (m *Manager) revokeDeviceSession(c *gin.Context) {
	named, ok := m.namedSession(c)
	if !ok {
		return
	}
	ctx := m.bounded(c.Request.Context())
	p := m.present(c.Request)
	o, ok := m.caller(ctx, c, &p, how{confirm: true})
	if !ok {
		return
	}
	switch err := m.signOutAccount(ctx, c, &p, named, o.row.ID, o.row.Token); {
	case errors.Is(err, ErrNotFound):
		refuse(c, invalidSessionToken)
	case err != nil:
		m.storeFailed(c, err)
		refuse(c, unavailable)
	default:
		answer(c, http.StatusOK, statusTrue)
	}
}

// signOutAccount ends the session of the device cookie that a request names. If it
// was the active one, the first of the others becomes active, or the browser is
// signed out. It returns ErrNotFound if there is no such cookie.
func (m *Manager) signOutAccount(ctx context.Context, c *gin.Context, p *presented, named, activeID, active string) error {
	devices := m.cookies.devices(p)
	device, ok := m.deviceNamed(devices, named)
	if !ok {
		return ErrNotFound
	}
	now := m.clock()
	var next []models.Found
	if device.token == active {
		others := slices.DeleteFunc(devices, func(d proved) bool { return d == device })
		var err error
		if next, err = m.aliveDevices(ctx, others, now); err != nil {
			return err
		}
	}
	if _, err := m.revoke(ctx, models.Revocation{Token: device.token}, m.endingOf(ctx, device.token, ReasonSignedOut, activeID)); err != nil {
		return err
	}
	m.cookies.expireDevice(c.Writer.Header(), device.token)
	switch {
	case device.token != active:
	case len(next) > 0:
		m.activate(c, p, original{row: next[0].Session, user: next[0].User, readAt: now})
	default:
		m.signedOut(c, p)
	}
	return nil
}

// namedSession reads the body of the two routes above. It answers the request
// and returns false if it is not as it must be.
func (m *Manager) namedSession(c *gin.Context) (string, bool) {
	body, ok := m.post(c)
	if !ok {
		return "", false
	}
	named, fault := stringMember(body, "sessionToken")
	if fault != nil {
		refuse(c, fault)
		return "", false
	}
	return named, true
}
