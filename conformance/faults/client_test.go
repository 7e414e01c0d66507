package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A state is what a client knows of a session of its own.
type state int

const (
	alive   state = iota // nobody tried to end it: it must be honoured
	unknown              // a revocation got no answer: it may be there or not
	ended                // a revocation was confirmed, or it was seen gone: it must stay gone
)

// A session is one sign-in, as the browser that did it has it.
type session struct {
	id, handle string
	state      state
	expiresAt  time.Time // as last answered
	cookies    map[string]string
}

// A client is one user with a browser that stays signed in and a second device
// that signs in and is signed out again and again. It does one thing at a time,
// so that it knows what each answer must be.
type client struct {
	app    *app
	tally  *tally
	user   string
	main   *session
	second *session   // nil when signed out
	past   []*session // ended ones, the last few
	orphan int        // sign-ins without an answer, whose rows may be there
}

const tokenCookie = "better-auth.session_token"

// An answer is what a request got; a nil one is none.
type answer struct {
	status int
	body   []byte
}

// ask sends a request and judges what holds for all answers. from is the session
// whose cookies it carries, nil for none. The answer is nil if it was none that
// may be believed.
func (c *client) ask(method, path, body string, from *session) *answer {
	req, err := http.NewRequest(method, c.app.url+path, strings.NewReader(body))
	if err != nil {
		panic(err) // a slip of this file's
	}
	if method == http.MethodPost {
		req.Header.Set("Origin", c.app.url)
		req.Header.Set("Content-Type", "application/json")
	}
	// As long as those of real browsers can be; it fills the server's pages.
	req.Header.Set("User-Agent", "Mozilla/5.0 "+strings.Repeat("(like Gecko) ", 38))
	if from != nil {
		for name, value := range from.cookies {
			req.Header.Add("Cookie", name+"="+value)
		}
	}
	what := method + " " + path
	start := c.tally.begin(path)
	resp, err := c.app.http.Do(req)
	var content []byte
	if err == nil {
		content, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	c.tally.end(path, start)
	if err != nil {
		c.tally.wrong("%s: no answer: %v", what, err)
		return nil
	}
	everything.KeepCookies(resp.Cookies())
	everything.Read(string(content))
	c.keep(what, resp, from)
	switch resp.StatusCode {
	case http.StatusOK, http.StatusUnauthorized:
	case http.StatusServiceUnavailable:
		c.tally.refused(start)
		if resp.Header.Get("Retry-After") == "" {
			c.tally.wrong("%s: 503 without Retry-After", what)
		}
		for _, cookie := range resp.Cookies() { // a renewed one is as good as true
			if cookie.Name == tokenCookie && cookie.MaxAge < 0 {
				c.tally.wrong("%s: 503 expires a session cookie", what)
			}
		}
	default:
		c.tally.wrong("%s: %s %s", what, resp.Status, content)
		return nil
	}
	return &answer{resp.StatusCode, content}
}

// keep is what a browser does with the cookies of an answer. A session that has
// ended keeps its own: whoever stole them would.
func (c *client) keep(what string, resp *http.Response, from *session) {
	if from == nil || from.state == ended {
		return
	}
	for _, cookie := range resp.Cookies() {
		switch {
		case cookie.MaxAge >= 0:
			from.cookies[cookie.Name] = cookie.Value
		case cookie.Name != tokenCookie:
			delete(from.cookies, cookie.Name)
		case from.state == alive:
			c.tally.wrong("%s: %d expires the cookie of a live session", what, resp.StatusCode)
		}
	}
}

// read gets the session: its state decides what may come. It reports whether
// the request was served.
func (c *client) read(s *session, query string) bool {
	a := c.ask(http.MethodGet, "/api/auth/get-session"+query, "", s)
	if a == nil || a.status == http.StatusServiceUnavailable {
		if c.app.cached && s.state == alive && query == "" {
			c.tally.wrong("get-session: %s was refused in spite of its copy", s.id)
		}
		return false
	}
	var got *struct {
		Session struct {
			ID        string    `json:"id"`
			Token     string    `json:"token"`
			ExpiresAt time.Time `json:"expiresAt"`
		} `json:"session"`
	}
	if err := json.Unmarshal(a.body, &got); err != nil {
		c.tally.wrong("get-session: %v: %s", err, a.body)
		return false
	}
	there := a.status == http.StatusOK && got != nil && got.Session.ID == s.id
	switch {
	case there && s.state == ended:
		c.tally.resurrected("get-session: %s is back", s.id)
	case there:
		if got.Session.ExpiresAt.Before(s.expiresAt) {
			c.tally.wrong("get-session: the expiry of %s went back from %v to %v", s.id, s.expiresAt, got.Session.ExpiresAt)
		}
		s.expiresAt = got.Session.ExpiresAt
	case s.state == alive:
		c.tally.lost("get-session: %s: %d %s", s.id, a.status, a.body)
	default:
		s.state = ended
	}
	return true
}

// list gets the user's sessions, as the main browser.
func (c *client) list() bool {
	a := c.ask(http.MethodGet, "/api/auth/list-sessions", "", c.main)
	if a == nil || a.status == http.StatusServiceUnavailable {
		return false
	}
	var got []struct {
		ID string `json:"id"`
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &got) != nil {
		c.tally.lost("list-sessions: %s: %d %s", c.main.id, a.status, a.body)
		return true
	}
	listed := func(s *session) bool {
		return slices.ContainsFunc(got, func(row struct {
			ID string `json:"id"`
		}) bool {
			return row.ID == s.id
		})
	}
	for _, s := range c.living() {
		if !listed(s) {
			c.tally.lost("list-sessions: %s is not in it", s.id)
		}
	}
	for _, s := range c.past {
		if listed(s) {
			c.tally.resurrected("list-sessions: %s is back", s.id)
		}
	}
	return true
}

// signIn signs a device in.
func (c *client) signIn() (*session, bool) {
	s := &session{cookies: make(map[string]string)}
	a := c.ask(http.MethodPost, "/sign-in/"+c.user, "", s)
	if a == nil || a.status == http.StatusServiceUnavailable {
		c.orphan++
		return nil, false
	}
	var got struct{ ID, Token string }
	if err := json.Unmarshal(a.body, &got); err != nil || a.status != http.StatusOK || s.cookies[tokenCookie] == "" {
		c.tally.wrong("sign-in: %d %s, cookies %d", a.status, a.body, len(s.cookies))
		return nil, false
	}
	s.id, s.handle = got.ID, got.Token
	return s, true
}

// revoke signs the second device out, as the main browser.
func (c *client) revoke() bool {
	a := c.ask(http.MethodPost, "/api/auth/revoke-session", fmt.Sprintf(`{"token":%q}`, c.second.handle), c.main)
	switch {
	case a == nil || a.status == http.StatusServiceUnavailable:
		c.second.state = unknown
		return false
	case a.status != http.StatusOK:
		c.tally.lost("revoke-session: %s: %d %s", c.main.id, a.status, a.body)
		return true
	}
	c.second.state = ended
	c.past = append(c.past, c.second)
	if len(c.past) > 5 {
		c.past = c.past[1:]
	}
	c.second = nil
	return true
}

// toggle signs the second device in, or out.
func (c *client) toggle() (served bool) {
	if c.second == nil {
		c.second, served = c.signIn()
		return served
	}
	return c.revoke()
}

// living are the sessions that must be honoured.
func (c *client) living() []*session {
	if c.second != nil && c.second.state == alive {
		return []*session{c.main, c.second}
	}
	return []*session{c.main}
}

// step does one thing at random.
func (c *client) step() {
	switch n := rand.IntN(10); {
	case n < 4:
		c.read(c.main, "")
	case n < 5 && c.second != nil:
		c.read(c.second, "")
	case n < 6 && len(c.past) > 0:
		c.read(c.past[rand.IntN(len(c.past))], "")
	case n < 8:
		c.list()
	default:
		c.toggle()
	}
}

// everything does one thing of each kind and reports whether all were served.
func (c *client) everything() bool {
	if !c.read(c.main, "?disableCookieCache=1") || !c.list() {
		return false
	}
	for range 2 { // a sign-in and a revocation, whichever comes first
		if !c.toggle() {
			return false
		}
	}
	return true
}

// served goes on until one thing of each kind was served and returns how long that
// took, a quarter of a minute if it never came to that.
func (c *client) served() time.Duration {
	start := time.Now()
	for !c.everything() && time.Since(start) < 15*time.Second {
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(start)
}

// verify asks the store about all sessions that the client knows, once nothing
// is broken any more.
func (c *client) verify() {
	for _, s := range append(slices.Clone(c.past), c.main, c.second) {
		for end := time.Now().Add(10 * time.Second); s != nil && !c.read(s, "?disableCookieCache=1"); {
			if time.Now().After(end) { // so many at once may each take a second try
				c.tally.wrong("get-session: %s cannot be read though nothing is broken", s.id)
				break
			}
		}
	}
}

// count compares the client's rows with what it knows.
func (c *client) count(rows []string) {
	for _, s := range c.living() {
		if !slices.Contains(rows, s.id) {
			c.tally.lost("%s has no row", s.id)
		}
	}
	for _, s := range c.past {
		if slices.Contains(rows, s.id) {
			c.tally.resurrected("%s has a row", s.id)
		}
	}
	most := len(c.living()) + c.orphan
	if c.second != nil && c.second.state == unknown {
		most++
	}
	if len(rows) > most {
		c.tally.wrong("%s has %d rows, at most %d can be", c.user, len(rows), most)
	}
}
