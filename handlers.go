package ginsession

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/strictjson"
	"github.com/ginsession/ginsession/models"
)

// maxBody bounds request bodies; the largest legitimate one is a redirect URL.
const maxBody = 64 << 10

// maxDepth bounds how deep JSON may nest.
const maxDepth = 32

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

// Routes mounts the routes that the Config switches on under a group, usually
// /api/auth, where the official client looks for them.
//
// They answer as Better Auth does: to unknown paths, other methods and
// trailing slashes with an empty 404. Mounting twice under one prefix panics,
// as gin does.
func (m *Manager) Routes(group *gin.RouterGroup) {
	m.SessionRoutes(group)
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

// mount registers one route, and its twin with a slash: gin would redirect
// from there, before any middleware, to wherever X-Forwarded-Prefix says.
func (m *Manager) mount(group *gin.RouterGroup, method, path string, handler func(*gin.Context)) {
	base := strings.TrimSuffix(group.BasePath(), "/")
	full := base + path
	group.Handle(method, path, func(c *gin.Context) {
		if !exact(c.Request, full) {
			c.AbortWithStatus(http.StatusNotFound)
			return
		}
		h := c.Writer.Header()
		h["Cache-Control"] = noStore
		vary(h)
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
func exact(r *http.Request, full string) bool {
	switch path := r.URL.Path; {
	case r.URL.RawPath != "" || strings.Contains(path, "//"):
		return false
	case !strings.ContainsAny(full, ":*"):
		return path == full
	default:
		return strings.HasSuffix(path, full[strings.LastIndexByte(full, '/'):])
	}
}

// post checks what every POST route checks before anything is looked up: the
// media type by its header alone, then where the request comes from, then the
// body, then the redirects it names. It returns the body, nil if there is
// none, and false if the request has been answered.
func (m *Manager) post(c *gin.Context) (body []byte, proceed bool) {
	r := c.Request
	contentType := r.Header.Get("Content-Type")
	// Without a Content-Type there is no body, as in Better Auth.
	hasBody := contentType != "" && r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
	if hasBody && !isJSON(contentType) {
		refuse(c, refused(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE",
			`Content-Type "`+clip(contentType)+`" is not allowed. Allowed types: application/json`))
		return nil, false
	}
	if fault := m.origins.check(r); fault != nil {
		refuse(c, fault)
		return nil, false
	}
	if hasBody {
		read, err := io.ReadAll(http.MaxBytesReader(c.Writer, r.Body, maxBody))
		switch {
		case err != nil:
			var over *http.MaxBytesError
			if errors.As(err, &over) {
				refuse(c, bodyTooLarge)
			} else {
				refuse(c, invalidJSON)
			}
			return nil, false
		case len(read) == 0: // announced, yet nothing came: no body
		case !strictjson.Valid(read, maxDepth):
			refuse(c, invalidJSON)
			return nil, false
		default:
			body = bytes.Trim(read, " \t\r\n")
		}
	}
	if fault := m.checkRedirects(r, body); fault != nil {
		refuse(c, fault)
		return nil, false
	}
	return body, true
}

// isJSON compares what stands before the parameters.
func isJSON(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/json")
}

// clip bounds what of a request an answer repeats.
func clip(s string) string {
	if len(s) > 128 {
		return s[:128]
	}
	return s
}

// redirects are the members that Better Auth takes URLs from, with the name
// and the code of its refusals.
var redirects = []struct{ member, label, code string }{
	{"callbackURL", "callbackURL", "INVALID_CALLBACK_URL"},
	{"redirectTo", "redirectURL", "INVALID_REDIRECT_URL"},
	{"errorCallbackURL", "errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"},
	{"newUserCallbackURL", "newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"},
}

var redirectMessages = map[string]string{
	"callbackURL":        "Invalid callbackURL",
	"redirectURL":        "Invalid redirectURL",
	"errorCallbackURL":   "Invalid errorCallbackURL",
	"newUserCallbackURL": "Invalid newUserCallbackURL",
}

// checkRedirects refuses URLs that lead elsewhere. We never redirect, but what
// we answered with success the front end may follow.
func (m *Manager) checkRedirects(r *http.Request, body []byte) *refusal {
	named := map[string][]byte{}
	members(body, func(key string, value []byte) bool {
		named[key] = value
		return true
	})
	for _, redirect := range redirects {
		value, inBody := named[redirect.member]
		if inBody && !truthy(value) {
			inBody = false
		}
		target, isText := "", true
		switch {
		case inBody:
			target, isText = strictjson.Text(value)
		case redirect.member == "callbackURL":
			target = r.URL.Query().Get("callbackURL")
		}
		if !isText {
			return refused(http.StatusBadRequest, "", "Invalid "+redirect.label+": expected a string")
		}
		if target != "" && !m.origins.trustsURL(target, r.Host) {
			return refused(http.StatusForbidden, redirect.code, redirectMessages[redirect.label])
		}
	}
	return nil
}

// truthy is JavaScript's notion, on which Better Auth's checks rest.
func truthy(value []byte) bool {
	switch string(value) {
	case "null", "false", `""`, "0", "-0":
		return false
	}
	return true
}

// switchedOn reads a query switch as Better Auth does: any text is yes, "false"
// and "0" too, and so is a repeated name.
func switchedOn(r *http.Request, name string) bool {
	values := r.URL.Query()[name]
	return len(values) > 1 || len(values) == 1 && values[0] != ""
}

// queried applies the switches that all of our routes obey.
func (m *Manager) queried(r *http.Request, how how) how {
	if r.URL.RawQuery != "" {
		how.skipCache = how.skipCache || switchedOn(r, "disableCookieCache")
		how.noRefresh = how.noRefresh || switchedOn(r, "disableRefresh")
	}
	return how
}

// getSession serves GET /get-session and, under DeferRefresh, POST.
//
//	200 null                         no session; the cookies of a dead one expire
//	200 {"session":{},"user":{}}     and "needsRefresh" on a deferred GET
//	401 FAILED_TO_GET_SESSION        ended while being renewed
//	503 FAILED_TO_GET_SESSION        the store did not answer (Better Auth: 500)
func (m *Manager) getSession(c *gin.Context) {
	post := c.Request.Method == http.MethodPost
	if post {
		// Its body is never read, whatever its type.
		if fault := m.origins.check(c.Request); fault != nil {
			refuse(c, fault)
			return
		}
	}
	h := c.Writer.Header()
	h["Pragma"] = noCache
	if post && !m.deferRefresh {
		refuse(c, postNeedsDefer)
		return
	}
	p := m.cookies.read(c.Request)
	o := m.load(c.Request.Context(), &p, m.queried(c.Request, how{deferred: m.deferRefresh && !post}))
	m.writeCookies(h, &p, &o)
	switch {
	case errors.Is(o.err, errRevokedMeanwhile):
		refuse(c, sessionGone)
		return
	case isAnswer(o.err):
		answer(c, http.StatusOK, "null")
		return
	case o.err != nil:
		m.storeFailed(c, o.err)
		refuse(c, sessionUnknown)
		return
	}
	body := m.appendSessionAndUser(make([]byte, 0, 1024), &o)
	if o.needsRefresh != nil {
		if *o.needsRefresh {
			body = append(body, `,"needsRefresh":true`...)
		} else {
			body = append(body, `,"needsRefresh":false`...)
		}
	}
	answer(c, http.StatusOK, string(append(body, '}')))
}

func (m *Manager) storeFailed(c *gin.Context, err error) {
	m.logger.Error("ginsession: the session store did not answer", "route", c.FullPath(), "error", err)
	_ = c.Error(err)
}

// caller loads the session of a request to one of our guarded routes, from the
// store. It answers the request and returns false if there is none.
func (m *Manager) caller(c *gin.Context, p *presented, how how) (outcome, bool) {
	how.deferred = m.deferRefresh // a guard reads as GET does
	o := m.load(c.Request.Context(), p, m.queried(c.Request, how))
	if !errors.Is(o.err, errRevokedMeanwhile) { // Better Auth: a plain 401 then
		m.writeCookies(c.Writer.Header(), p, &o)
	}
	if o.err != nil {
		if !isAnswer(o.err) {
			m.storeFailed(c, o.err)
		}
		refuseLoad(c, o.err)
		return o, false
	}
	return o, true
}

// listSessions serves GET /list-sessions: an array of the user's sessions that
// are alive, at most 100, by id. Under ExposeTokens, where the array holds
// what authenticates, the caller's session must be fresh, as in Better Auth.
//
//	401 UNAUTHORIZED, 403 SESSION_NOT_FRESH
func (m *Manager) listSessions(c *gin.Context) {
	p := m.cookies.read(c.Request)
	o, ok := m.caller(c, &p, how{confirm: true})
	if !ok {
		return
	}
	now := m.clock()
	if m.exposeTokens && !m.policy.fresh(o.row.CreatedAt, now) {
		refuse(c, notFresh)
		return
	}
	rows, err := m.list(c.Request.Context(), o.row.UserID, now)
	if err != nil {
		m.storeFailed(c, err)
		refuse(c, unavailable)
		return
	}
	body := append(make([]byte, 0, 64+384*len(rows)), '[')
	for i, row := range rows {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendStored(body, row, m.publicToken(row.Token))
	}
	answer(c, http.StatusOK, string(append(body, ']')))
}

const statusTrue = `{"status":true}`

// revokeSession serves POST /revoke-session {"token": handle or raw token}.
// 200 {"status":true} even when nothing matched, as Better Auth answers, so
// that nobody can probe for other people's tokens. Ending one's own session
// expires its cookies.
func (m *Manager) revokeSession(c *gin.Context) {
	body, ok := m.post(c)
	if !ok {
		return
	}
	named, fault := stringMember(body, "token")
	if fault != nil {
		refuse(c, fault)
		return
	}
	p := m.cookies.read(c.Request)
	o, ok := m.caller(c, &p, how{skipCache: true})
	if !ok {
		return
	}
	own := o.row.Token
	isOwn := sameToken(named, own) || isHandle(named) && m.handles.names(named, own)
	if isOwn {
		named = own
	}
	switch err := m.Revoke(c.Request.Context(), o.row.UserID, named); {
	case err != nil && !errors.Is(err, ErrNotFound):
		m.storeFailed(c, err)
		refuse(c, unavailable)
		return
	case isOwn:
		m.signedOut(c, &p)
	}
	answer(c, http.StatusOK, statusTrue)
}

// revokeSessions serves POST /revoke-sessions: every session of the user ends,
// this one too. The body is optional and ignored.
func (m *Manager) revokeSessions(c *gin.Context) {
	m.revokeMany(c, func(o *outcome, p *presented) error {
		_, err := m.RevokeAll(c.Request.Context(), o.row.UserID)
		if err == nil {
			m.signedOut(c, p)
		}
		return err
	})
}

// revokeOtherSessions serves POST /revoke-other-sessions: every session of the
// user that is alive ends but this one. The body is optional and ignored.
func (m *Manager) revokeOtherSessions(c *gin.Context) {
	m.revokeMany(c, func(o *outcome, _ *presented) error {
		_, err := m.revoke(c.Request.Context(), models.Revocation{UserID: o.row.UserID, Except: o.row.ID, Now: m.clock()})
		return err
	})
}

func (m *Manager) revokeMany(c *gin.Context, end func(*outcome, *presented) error) {
	if _, ok := m.post(c); !ok {
		return
	}
	p := m.cookies.read(c.Request)
	o, ok := m.caller(c, &p, how{skipCache: true})
	if !ok {
		return
	}
	if err := end(&o, &p); err != nil {
		m.storeFailed(c, err)
		refuse(c, unavailable)
		return
	}
	answer(c, http.StatusOK, statusTrue)
}

// updateSession serves POST /update-session. It writes additional fields; none
// can be declared yet, so that there never is one to update.
//
//	400 VALIDATION_ERROR             the body is no object
//	400 (no code)                    nothing to update
func (m *Manager) updateSession(c *gin.Context) {
	body, ok := m.post(c)
	if !ok {
		return
	}
	if kind := strictjson.KindOf(body); kind != strictjson.KindObject {
		refuse(c, invalid("body", "record", kind))
		return
	}
	p := m.cookies.read(c.Request)
	if _, ok := m.caller(c, &p, how{confirm: true}); !ok {
		return
	}
	refuse(c, nothingToUpdate)
}

// signOut serves POST /sign-out. It works without a session; the body may name
// callbackURL, disableRedirect and state, none of which has an effect here.
//
//	200 {"success":true}
//	503 SERVICE_UNAVAILABLE          the store did not answer; the session
//	                                 cookie stays for the retry (Better Auth: 200)
func (m *Manager) signOut(c *gin.Context) {
	body, ok := m.post(c)
	if !ok {
		return
	}
	if fault := checkSignOut(body); fault != nil {
		refuse(c, fault)
		return
	}
	if err := m.SignOut(c); err != nil {
		m.storeFailed(c, err)
		refuse(c, unavailable)
		return
	}
	answer(c, http.StatusOK, `{"success":true}`)
}

// checkSignOut checks the optional body of /sign-out.
func checkSignOut(body []byte) *refusal {
	if body == nil {
		return nil
	}
	if kind := strictjson.KindOf(body); kind != strictjson.KindObject {
		return invalid("body", "object", kind)
	}
	var messages []string
	fields := []struct {
		name, want string
		kind       strictjson.Kind
	}{
		{"callbackURL", "string", strictjson.KindString},
		{"disableRedirect", "boolean", strictjson.KindBoolean},
		{"state", "string", strictjson.KindString},
	}
	named := map[string]strictjson.Kind{}
	if !members(body, func(key string, value []byte) bool {
		named[key] = strictjson.KindOf(value)
		return true
	}) {
		return invalidJSON
	}
	for _, field := range fields {
		if kind, ok := named[field.name]; ok && kind != field.kind {
			messages = append(messages, "[body."+field.name+"] Invalid input: expected "+field.want+", received "+kind.String())
		}
	}
	if len(messages) > 0 {
		return refused(http.StatusBadRequest, "VALIDATION_ERROR", strings.Join(messages, "; "))
	}
	return nil
}

// stringMember reads a required string member of a body.
func stringMember(body []byte, name string) (string, *refusal) {
	if kind := strictjson.KindOf(body); kind != strictjson.KindObject {
		return "", invalid("body", "object", kind)
	}
	kind := strictjson.KindInvalid
	var found string
	if !members(body, func(key string, value []byte) bool {
		if key != name {
			return true
		}
		if kind = strictjson.KindOf(value); kind != strictjson.KindString {
			return true
		}
		var ok bool
		found, ok = strictjson.Text(value)
		return ok
	}) {
		return "", invalidJSON
	}
	if kind != strictjson.KindString {
		return "", invalid("body."+name, "string", kind)
	}
	return found, nil
}

// ok serves GET /ok.
func ok(c *gin.Context) { answer(c, http.StatusOK, `{"ok":true}`) }
