package ginsession

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// Routes mounts the routes that the Config switches on under a group, usually
// /api/auth, where the official client looks for them: SessionRoutes,
// MultiSessionRoutes, and
//
//	GET /session-events  with SessionEvents.Enabled: tells open pages of the end
//	GET /revoked         with RevokedSecret: tells verifiers elsewhere
//
// They answer as Better Auth does: to unknown paths, other methods and trailing
// slashes with an empty 404. Where the application has a handler for Engine.NoRoute
// that writes, such as a proxy to a Better Auth server, it answers unknown paths
// and other methods in their place; one that serves a page's files must leave these
// paths alone. Mounting twice under one prefix panics, as gin does.
func (m *Manager) Routes(group *gin.RouterGroup) {
	m.SessionRoutes(group)
	if m.cookies.device != "" {
		m.MultiSessionRoutes(group)
	}
	if m.maxStreams > 0 {
		m.mount(group, http.MethodGet, "/session-events", m.sessionEvents)
	}
	if m.tellsRevoked {
		m.mount(group, http.MethodGet, "/revoked", m.revokedList)
	}
}

// SessionRoutes mounts the routes about the caller's own sessions:
//
//	GET  /get-session            the session and its user, or null
//	POST /get-session            the same, and renews, under DeferRefresh
//	GET  /list-sessions          all sessions of the user
//	POST /revoke-session         ends one of them
//	POST /revoke-sessions        ends all of them
//	POST /revoke-other-sessions  ends all of them but this one
//	POST /update-session         writes additional fields
//	POST /sign-out               ends this session
//	GET  /ok                     {"ok":true}
func (m *Manager) SessionRoutes(group *gin.RouterGroup) {
	m.mount(group, http.MethodGet, "/get-session", m.getSession)
	m.mount(group, http.MethodPost, "/get-session", m.getSession)
	m.mount(group, http.MethodGet, "/list-sessions", m.listSessions)
	m.mount(group, http.MethodPost, "/revoke-session", m.revokeSession)
	m.mount(group, http.MethodPost, "/revoke-sessions", m.revokeSessions)
	m.mount(group, http.MethodPost, "/revoke-other-sessions", m.revokeOtherSessions)
	m.mount(group, http.MethodPost, "/update-session", m.updateSession)
	m.mount(group, http.MethodPost, "/sign-out", m.signOut)
	m.mount(group, http.MethodGet, "/ok", ok)
}

// MultiSessionRoutes mounts the routes about the accounts on a device. They
// find nothing unless MultiSession.Enabled is set:
//
//	GET  /multi-session/list-device-sessions  a session and its user for each account
//	POST /multi-session/set-active            makes one of them the active one
//	POST /multi-session/revoke                ends one of them
func (m *Manager) MultiSessionRoutes(group *gin.RouterGroup) {
	m.mount(group, http.MethodGet, "/multi-session/list-device-sessions", m.listDeviceSessions)
	m.mount(group, http.MethodPost, "/multi-session/set-active", m.setActiveSession)
	m.mount(group, http.MethodPost, "/multi-session/revoke", m.revokeDeviceSession)
}

// routes are the paths that we serve, for Middleware to know them by. It is
// replaced as a whole when routes are mounted.
type routes struct {
	paths    map[string]bool // as gin's FullPath gives them
	prefixes []string        // without parameters
}

// under reports whether a path lies under one of our prefixes.
func (r *routes) under(path string) bool {
	for _, prefix := range r.prefixes {
		if rest, ok := strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// mount registers one route, and its twin with a slash: gin would redirect
// from there, before any middleware, to wherever X-Forwarded-Prefix says.
func (m *Manager) mount(group *gin.RouterGroup, method, path string, handler func(*gin.Context)) {
	base := strings.TrimSuffix(group.BasePath(), "/")
	full := base + path
	group.Handle(method, path, func(c *gin.Context) {
		if !exact(c.Request, base, path) {
			c.AbortWithStatus(http.StatusNotFound)
			return
		}
		h := c.Writer.Header()
		h["Cache-Control"] = noStore
		m.vary(h)
		handler(c)
	})
	group.Handle(method, path+"/", func(c *gin.Context) { c.AbortWithStatus(http.StatusNotFound) })

	m.mounting.Lock()
	defer m.mounting.Unlock()
	old := m.routes.Load()
	grown := &routes{paths: maps.Clone(old.paths), prefixes: slices.Clone(old.prefixes)}
	if grown.paths == nil {
		grown.paths = make(map[string]bool)
	}
	grown.paths[full], grown.paths[full+"/"] = true, true
	if base != "" && !strings.ContainsAny(base, ":*") && !slices.Contains(grown.prefixes, base) {
		grown.prefixes = append(grown.prefixes, base)
	}
	m.routes.Store(grown)
}

// exact reports whether the request named this route as it is written. gin
// also leads %2D, %2F and, if the host wishes, double slashes and dots to a
// handler. Under a prefix with parameters the part behind it is compared.
func exact(r *http.Request, base, route string) bool {
	switch path := r.URL.Path; {
	case r.URL.RawPath != "" || strings.Contains(path, "//"):
		return false
	case !strings.ContainsAny(base, ":*"):
		return path == base+route
	default:
		return strings.HasSuffix(path, route)
	}
}
