package races_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

const (
	secret = "races-secret-0123456789-abcdefghijklmnopqrstuvwxyz"
	home   = "http://localhost:3000"

	tokenCookie = "better-auth.session_token"
	dataCookie  = "better-auth.session_data"
)

// Sessions live an hour and are due for renewal when they are a minute old.
const (
	expiresIn = time.Hour
	updateAge = time.Minute
)

// A clock stands until it is moved.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time               { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) set(at time.Time)             { c.ms.Store(at.UnixMilli()) }
func (c *clock) tick() time.Time              { return time.UnixMilli(c.ms.Add(1)).UTC() }
func (c *clock) pass(d time.Duration)         { c.ms.Add(d.Milliseconds()) }
func (c *clock) in(d time.Duration) time.Time { return c.now().Add(d) }

// A node is one process of a service: a Manager with its routes and its clock.
type node struct {
	name     string
	clock    *clock
	sessions *ginsession.Manager
	engine   *gin.Engine
}

// newNode starts a node; change may alter its Config, which lacks a store.
func newNode(t *testing.T, name string, change func(*ginsession.Config)) *node {
	t.Helper()
	n := &node{name: name, clock: &clock{}}
	config := ginsession.Config{
		Secret:              secret,
		BaseURL:             home,
		ExpiresIn:           expiresIn,
		UpdateAge:           updateAge,
		StoreTimeout:        20 * time.Second, // a machine with other work is no failure
		KeepPreviousSession: true,
		Logger:              everything.Log(),
		Now:                 n.clock.now,
	}
	change(&config)
	var err error
	if n.sessions, err = ginsession.New(config); err != nil {
		t.Fatal(err)
	}
	n.engine = gin.New()
	n.engine.Use(n.sessions.Middleware())
	n.sessions.Routes(n.engine.Group("/api/auth"))
	n.engine.POST("/sign-in/:user", func(c *gin.Context) {
		session, err := n.sessions.SignIn(c, c.Param("user"))
		if err != nil {
			c.String(http.StatusServiceUnavailable, "%v", err)
			return
		}
		c.JSON(http.StatusOK, device{ID: session.ID, Handle: session.Handle(), Token: session.Token.Reveal()})
	})
	source := func(c *gin.Context) {
		if ginsession.From(c).Cached {
			c.String(http.StatusOK, "copy")
			return
		}
		c.String(http.StatusOK, "store")
	}
	n.engine.GET("/me", n.sessions.RequireSession(), source)
	n.engine.GET("/store", n.sessions.RequireStore(), source)
	return n
}

// A jar is the cookies of a browser at one moment.
type jar map[string]string

// A device is a browser that signed in.
type device struct {
	ID, Handle, Token string
	cookies           jar
}

// signIn signs a new device in.
func (n *node) signIn(user string) (*device, error) {
	got := n.post("/sign-in/"+user, nil, "")
	var d device
	if err := json.Unmarshal([]byte(got.body), &d); err != nil || got.status != http.StatusOK {
		return nil, fmt.Errorf("sign-in on %s: %d %s", n.name, got.status, got.body)
	}
	d.cookies = got.kept(nil)
	return &d, nil
}

// A reply is what came back.
type reply struct {
	status int
	body   string
	set    []*http.Cookie
}

func (n *node) get(path string, cookies jar) reply { return n.send(http.MethodGet, path, cookies, "") }
func (n *node) post(path string, cookies jar, body string) reply {
	return n.send(http.MethodPost, path, cookies, body)
}

func (n *node) send(method, path string, cookies jar, body string) reply {
	r := httptest.NewRequest(method, home+path, strings.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Origin", home)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if len(cookies) > 0 {
		r.Header.Set("Cookie", cookies.header())
	}
	w := httptest.NewRecorder()
	n.engine.ServeHTTP(w, r)
	got := reply{w.Code, w.Body.String(), w.Result().Cookies()}
	everything.KeepCookies(got.set)
	if !strings.HasPrefix(path, "/sign-in/") || got.status != http.StatusOK { // which tells the token
		everything.Read(got.body)
	}
	return got
}

func (j jar) header() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(j)) {
		parts = append(parts, name+"="+j[name])
	}
	return strings.Join(parts, "; ")
}

// kept are the cookies of a browser after the reply.
func (r reply) kept(before jar) jar {
	after := maps.Clone(before)
	if after == nil {
		after = jar{}
	}
	for _, c := range r.set {
		if c.MaxAge < 0 {
			delete(after, c.Name)
		} else {
			after[c.Name] = c.Value
		}
	}
	return after
}

// extends reports whether the reply gives the browser a session cookie.
func (r reply) extends() bool {
	return slices.ContainsFunc(r.set, func(c *http.Cookie) bool { return c.Name == tokenCookie && c.MaxAge >= 0 })
}

// What a renewing read can say of a session.
type verdict string

const (
	alive  verdict = "alive"
	none   verdict = "no session"
	midway verdict = "ended while being renewed"
)

// renewing is a read of the store that renews the session if it is due,
// whatever copy the browser has.
const renewing = "/api/auth/get-session?disableCookieCache=true"

// renew reads and renews the device's session. It returns its expiry if it is
// alive.
func (n *node) renew(d *device) (verdict, time.Time, reply, error) {
	got := n.get(renewing, d.cookies)
	switch {
	case got.status == http.StatusOK && got.body == "null":
		return none, time.Time{}, got, nil
	case got.status == http.StatusUnauthorized && strings.Contains(got.body, "FAILED_TO_GET_SESSION"):
		return midway, time.Time{}, got, nil
	case got.status != http.StatusOK:
		return "", time.Time{}, got, fmt.Errorf("get-session on %s: %d %s", n.name, got.status, got.body)
	}
	var body struct {
		Session struct {
			ID        string
			ExpiresAt time.Time
		}
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || body.Session.ID != d.ID {
		return "", time.Time{}, got, fmt.Errorf("get-session on %s: %v in %s", n.name, err, got.body)
	}
	return alive, body.Session.ExpiresAt, got, nil
}

// refuses asserts that a node gives the cookies nothing at a path.
func (n *node) refuses(path string, cookies jar) error {
	if got := n.get(path, cookies); got.status != http.StatusUnauthorized {
		return fmt.Errorf("%s on %s: %d %s, want 401", path, n.name, got.status, got.body)
	}
	return nil
}

// takes asserts that a node answers the cookies from the given source.
func (n *node) takes(path string, cookies jar, source string) error {
	if got := n.get(path, cookies); got.status != http.StatusOK || got.body != source {
		return fmt.Errorf("%s on %s: %d %s, want it from the %s", path, n.name, got.status, got.body, source)
	}
	return nil
}

// sign makes a session cookie as Better Auth does, with the standard library
// alone.
func sign(token string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(token))
	return url.QueryEscape(token + "." + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
