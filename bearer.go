package ginsession

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Bearer lets clients without a cookie jar, mobile applications above all, send
// the session token in an Authorization header, signed as in the cookie:
//
//	Authorization: Bearer <token>.<signature>
//
// It then takes the place of the session cookie. Whenever a response sets that
// cookie, it also has the header set-auth-token with the value to send next.
// Scripts of a page can read it there, which HttpOnly cookies prevent; leave
// Bearer off where only browsers call.
//
// Better Auth: the plugin bearer.
type Bearer struct {
	// Enabled switches it on. Default off.
	Enabled bool

	// AllowUnsigned takes plain tokens too. Whoever can read the table of
	// sessions, a backup of it or a list with raw tokens, is then every user.
	// Better Auth: the default there; requireSignature switches it off.
	AllowUnsigned bool
}

// authTokenHeader, in canonical form, brings a client its signed token.
const authTokenHeader = "Set-Auth-Token"

// present reads what a request says about its session: its cookies, and the
// Authorization header in place of the session cookie if that is switched on.
func (m *Manager) present(r *http.Request) presented {
	var began time.Time
	if m.observer != nil {
		began = time.Now()
	}
	p := m.cookies.read(r)
	p.began = began
	if values := r.Header["Authorization"]; m.bearer.Enabled && len(values) == 1 {
		m.presentBearer(&p, values[0])
	}
	return p
}

// presentBearer reads an Authorization header. One of another scheme, or whose
// signature does not hold, is none of ours: then the cookie counts.
func (m *Manager) presentBearer(p *presented, header string) {
	const scheme = "bearer "
	if len(header) <= len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return
	}
	value := strings.Trim(header[len(scheme):], " \t")
	switch {
	case value == "":
	case strings.Contains(value, "."):
		token, secret, ok := m.cookies.verify(p, value)
		if ok && isToken(token) {
			p.tokens, p.bearer = few[proved]{n: 1, one: proved{token, secret}}, true
		}
	case !m.bearer.AllowUnsigned:
	case isToken(value):
		p.tokens, p.bearer = few[proved]{n: 1, one: proved{value, 0}}, true
	default:
		p.tokens, p.bearer, p.dead = few[proved]{}, true, true
	}
}

// announce puts the signed token into a header of its own and lets pages of
// other origins read it.
func announce(h http.Header, value string) {
	h[authTokenHeader] = []string{value}
	const name, expose = "set-auth-token", "Access-Control-Expose-Headers"
	var exposed []string
	for _, line := range h[expose] {
		for _, field := range strings.Split(line, ",") {
			if field = strings.TrimSpace(field); field != "" {
				exposed = append(exposed, field)
			}
		}
	}
	if !slices.ContainsFunc(exposed, func(field string) bool { return strings.EqualFold(field, name) }) {
		exposed = append(exposed, name)
	}
	h[expose] = []string{strings.Join(exposed, ", ")}
}
