package nodes

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	tokenCookie = "better-auth.session_token"
	dataCookie  = "better-auth.session_data"
)

// A jar is the cookies of a browser at one moment.
type jar map[string]string

func (j jar) header() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(j)) {
		parts = append(parts, name+"="+j[name])
	}
	return strings.Join(parts, "; ")
}

// A device is one sign-in. What it reads may be read by many at once, with the
// cookies that it has then; everything else it does one at a time.
type device struct {
	tally            *tally
	user, id, handle string
	cookies          jar
	fate             atomic.Pointer[fate] // nil: nobody tried to end it, it must be honoured
}

// A fate is how a session was ended. Without a node somebody tries to, or got no
// answer: it may be there or not.
type fate struct {
	on *node
	at time.Time // when the answer had come
}

// token is the session's own, out of the signed cookie.
func (d *device) token() string {
	value, err := url.QueryUnescape(d.cookies[tokenCookie])
	if err != nil {
		panic(err) // it was taken by a node
	}
	token, _, _ := strings.Cut(value, ".")
	return token
}

// signIn signs a device of the user in.
func signIn(y *tally, n *node, user string) (*device, bool) {
	a, ok := y.ask(n, http.MethodPost, "/sign-in/"+user, nil, "")
	if !ok || a.status == http.StatusServiceUnavailable {
		return nil, false
	}
	var got struct{ ID, Token string }
	d := &device{tally: y, user: user, cookies: make(jar)}
	for _, cookie := range a.set {
		d.cookies[cookie.Name] = cookie.Value
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != http.StatusOK || d.cookies[tokenCookie] == "" || d.cookies[dataCookie] == "" {
		y.wrong("sign-in on %s: %d %s, cookies %d", n.name, a.status, a.body, len(a.set))
		return nil, false
	}
	d.id, d.handle = got.ID, got.Token
	return d, true
}

// The routes that read one session.
const (
	me      = "/me"    // believes a copy
	byStore = "/store" // does not
	renew   = "/api/auth/get-session?disableCookieCache=1"
)

// read reads the session and judges the answer. It reports whether there is one.
func (d *device) read(n *node, path string) (answer, bool) {
	a, ok := d.tally.ask(n, http.MethodGet, path, d.cookies, "")
	if !ok {
		return a, false
	}
	fate := d.fate.Load() // after the answer: until then the session was all the more alive
	switch {
	case a.status == http.StatusServiceUnavailable:
	case a.accepts():
		if fate != nil && fate.on != nil {
			d.tally.accepted(d, a, fate)
		}
	case fate == nil:
		d.tally.lost("%s on %s: %s: %d %s", path, n.name, d.id, a.status, a.body)
	}
	if fate == nil {
		d.tally.expires(path, a)
		if path == me && a.body != fromCopy {
			d.tally.doubt()
		}
	}
	return a, true
}

// keep does with an answer's cookies what a browser does.
func (d *device) keep(a answer) {
	for _, cookie := range a.set {
		if cookie.MaxAge < 0 {
			delete(d.cookies, cookie.Name)
		} else {
			d.cookies[cookie.Name] = cookie.Value
		}
	}
}

// A way is one to end a session.
type way struct {
	name, path string
	// by says that another device of the user does it, which body names the first.
	by   bool
	body func(d *device) string
	// all says that the other device's session ends too.
	all bool
}

var ways = []way{
	{name: "sign-out", path: "/api/auth/sign-out"},
	{name: "revoke-session", path: "/api/auth/revoke-session", by: true, body: func(d *device) string { return fmt.Sprintf(`{"token":%q}`, d.handle) }},
	{name: "revoke-others", path: "/api/auth/revoke-other-sessions", by: true},
	{name: "revoke-all", path: "/api/auth/revoke-sessions", by: true, all: true},
}

// end ends a session on the node. other is another device of its user. It reports
// whether that was confirmed.
func (w way) end(n *node, d, other *device) bool {
	ended := []*device{d}
	if w.all {
		ended = append(ended, other)
	}
	for _, one := range ended {
		one.fate.CompareAndSwap(nil, new(fate))
	}
	actor, body := d, ""
	if w.by {
		actor = other
	}
	if w.body != nil {
		body = w.body(d)
	}
	a, ok := d.tally.ask(n, http.MethodPost, w.path, actor.cookies, body)
	if !ok || a.status == http.StatusServiceUnavailable {
		return false
	}
	if a.status != http.StatusOK {
		d.tally.wrong("%s on %s: %d %s", w.name, n.name, a.status, a.body)
		return false
	}
	done := &fate{on: n, at: time.Now()}
	for _, one := range ended {
		one.fate.Store(done)
	}
	return true
}
