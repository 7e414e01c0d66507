package ginsession

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// Middleware loads the session of each request, from the cookie cache or from
// the store, renews it when that is due, and makes it available to From and
// FromContext. It never ends a request: whether a route needs a session is the
// guards' to say. Add it with Engine.Use before the routes.
//
// A request without a valid session passes without one. If the store does not
// answer, the request passes without a session too, no cookie is touched, and
// Load and the guards tell the difference.
//
// It also gives unknown paths under our prefixes the protocol's empty 404,
// unless a handler of the host answers them.
func (m *Manager) Middleware() gin.HandlerFunc {
	return func(c *gin.Context) {
		routes := m.routes.Load()
		path := c.FullPath()
		switch {
		case path == "" && routes.under(c.Request.URL.Path):
			finish(c)
		case path != "" && routes.paths[path]:
			// Our own handlers load as their route demands.
		default:
			m.ensure(c)
		}
	}
}

// finish lets the host answer an unknown path under our prefix, and sends the
// empty 404 if it does not.
func finish(c *gin.Context) {
	c.Next()
	if !c.Writer.Written() {
		c.Writer.Header().Del("Allow")
		c.Status(http.StatusNotFound)
		c.Writer.WriteHeaderNow()
	}
}

// ensure loads the session of the request unless that has been done.
func (m *Manager) ensure(c *gin.Context) loaded {
	if s := m.stateIn(c); s != nil {
		if now := s.now.Load(); now != nil {
			return *now
		}
	}
	return m.loadFor(c, how{})
}

// loadFor loads the session of a request to a route of the application, for
// which the store must agree with the cookie cache if how says so.
func (m *Manager) loadFor(c *gin.Context, how how) loaded {
	how.deferred = m.deferRefresh
	switch c.Request.Method {
	case http.MethodHead, http.MethodOptions:
		how.noSlide = true
	}
	if c.Request.Header["Upgrade"] != nil {
		how.noSlide, how.silent = true, true
	}
	p := m.present(c.Request)
	o := m.load(c.Request.Context(), &p, how)
	h := c.Writer.Header()
	m.vary(h)
	if !how.silent && !c.Writer.Written() {
		before := len(h["Set-Cookie"])
		m.writeCookies(h, &p, &o)
		if len(h["Set-Cookie"]) != before {
			private(h)
		}
	}
	if o.err == nil {
		return m.found(c, &o)
	}
	if !isAnswer(o.err) {
		m.storeFailed(c, o.err)
	}
	now := loaded{err: o.err}
	m.know(c, now)
	return now
}

// loadToChange loads, from the store, the session that the application is about to change.
// If there is none, the browser and the rest of the request learn of it.
func (m *Manager) loadToChange(ctx context.Context, c *gin.Context, p *presented, how how) outcome {
	how.confirm, how.deferred = true, m.deferRefresh
	o := m.load(ctx, p, how)
	if o.err != nil {
		if writable(c) {
			m.writeCookies(c.Writer.Header(), p, &o)
		}
		m.know(c, loaded{err: o.err})
	}
	return o
}

// vary tells caches what the answer depends on.
func (m *Manager) vary(h http.Header) {
	vary(h, "Cookie")
	if m.bearer.Enabled {
		vary(h, "Authorization")
	}
}

// varyCookie is shared: whoever appends to it gets a slice of their own.
var varyCookie = []string{"Cookie"}

func vary(h http.Header, name string) {
	for _, line := range h["Vary"] {
		for _, field := range strings.Split(line, ",") {
			if field = strings.TrimSpace(field); field == "*" || strings.EqualFold(field, name) {
				return
			}
		}
	}
	if len(h["Vary"]) == 0 && name == "Cookie" {
		h["Vary"] = varyCookie
		return
	}
	h["Vary"] = append(h["Vary"], name)
}

// Load returns the session of the request, or ErrNoSession if there is none,
// or an error that wraps ErrStore if the store could not tell. It is for
// handlers that answer these cases in their own way, and works with or without
// Middleware.
func (m *Manager) Load(c *gin.Context) (*Session, error) {
	now := m.ensure(c)
	return now.session, now.err
}

// RequireSession lets requests with a session pass; the cookie cache may
// vouch for it. Others end with 401, or with 503 and Retry-After if the store
// could not tell. It works with or without Middleware.
func (m *Manager) RequireSession() gin.HandlerFunc {
	return func(c *gin.Context) {
		if now := m.ensure(c); now.err != nil {
			m.refuseLoad(c, now.err)
		}
	}
}

// RequireStore is RequireSession without trust in the cookie cache: a session
// that was ended anywhere does not pass. Use it for what authorises.
func (m *Manager) RequireStore() gin.HandlerFunc {
	return func(c *gin.Context) {
		if now := m.ensureStored(c); now.err != nil {
			m.refuseLoad(c, now.err)
		}
	}
}

// RequireFresh is RequireStore for sessions younger than Config.FreshAge, or
// elevated within it: changing a password or an address, deleting an account.
// Others end with 403 SESSION_NOT_FRESH, upon which the application should ask for
// a password or another factor once more, and call Elevate or SignIn.
func (m *Manager) RequireFresh() gin.HandlerFunc {
	return func(c *gin.Context) {
		switch now := m.ensureStored(c); {
		case now.err != nil:
			m.refuseLoad(c, now.err)
		case !m.fresh(now.session.CreatedAt, now.session.Fields, m.clock()):
			m.rejected(c.Request.Context(), ReasonNotFresh, now.session.ID, now.session.UserID)
			_ = c.Error(ErrNotFresh)
			refuse(c, notFresh)
		}
	}
}

// ensureStored loads the session of the request unless the store has been
// asked for it. It confirms what the cookie cache said and writes no cookie
// for it, unless the store answers that the session is gone.
func (m *Manager) ensureStored(c *gin.Context) loaded {
	if s := m.stateIn(c); s != nil {
		if now := s.now.Load(); now != nil && (now.session == nil || !now.session.Cached) {
			return *now
		}
	}
	return m.loadFor(c, how{confirm: true})
}
