package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/conformance/rig"
	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
)

// listSecret is what GET /revoked wants.
const listSecret = "openapi-list-secret-openapi-list-secret-openapi"

// startRig starts a rig on a database of its own.
func startRig(t *testing.T, change func(*rig.Options)) *rig.Rig {
	t.Helper()
	options := rig.Defaults()
	options.DSN = testdb.MySQL(t)
	options.SQLLog = everything
	change(&options)
	r, err := rig.Start(context.Background(), "127.0.0.1:0", options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// everythingOn is a rig that serves all routes.
func everythingOn(t *testing.T) *rig.Rig {
	t.Helper()
	everything.Keep(listSecret)
	return startRig(t, func(o *rig.Options) {
		o.CookieCache, o.Feed, o.RevokedSecret = rig.CacheJWT, true, listSecret
		o.DeferRefresh, o.MultiSession, o.Bearer, o.SessionEvents, o.ExposeReasons = true, true, true, true, true
		o.SessionFields = append(slices.Clone(rig.SessionFields), models.Field{Name: "locked", Returned: true})
	})
}

// A caller is a client of a rig that holds each answer to the document.
type caller struct {
	t      *testing.T
	rig    *rig.Rig
	doc    *description
	seen   map[outcome]bool
	client *http.Client
}

// newCaller is a browser without cookies.
func newCaller(t *testing.T, r *rig.Rig, seen map[outcome]bool) *caller {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &caller{t, r, described(t), seen, &http.Client{Jar: jar}}
}

// signUp signs a new user up.
func (c *caller) signUp(name string) *caller {
	c.t.Helper()
	if w := c.send("POST", "/sign-up/email", `{"name":"`+name+`","email":"`+name+`@example.com","password":"a long password"}`); w.StatusCode != http.StatusOK {
		c.t.Fatalf("%s cannot sign up: %d", name, w.StatusCode)
	}
	return c
}

// send makes a request as a page of the service does, but for the changes.
func (c *caller) send(method, path, body string, change ...func(http.Header)) *http.Response {
	c.t.Helper()
	r, err := http.NewRequest(method, c.rig.URL+basePath+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Origin", c.rig.URL)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, f := range change {
		f(r.Header)
	}
	w, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	everything.KeepCookies(w.Cookies())
	return w
}

// ask sends a request, holds the answer to the document, and wants it to be
// answered with the status and the code: "403 INVALID_ORIGIN".
func (c *caller) ask(method, path, body, want string, change ...func(http.Header)) (text string) {
	c.t.Helper()
	return c.judge(c.send(method, path, body, change...), body, want)
}

// judge reads an answer and does the rest of that.
func (c *caller) judge(w *http.Response, sent, want string) (text string) {
	c.t.Helper()
	defer w.Body.Close()
	read, err := io.ReadAll(w.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	got := outcome{method: w.Request.Method, path: w.Request.URL.Path, status: w.StatusCode}
	if got.status >= 400 {
		var refusal struct{ Code string }
		_ = json.Unmarshal(read, &refusal) // a 404 has no body
		got.code = refusal.Code
	}
	if said := strings.TrimSpace(w.Status[:3] + " " + got.code); said != want {
		c.t.Errorf("%s %s: %s, want %s: %s", got.method, got.path, said, want, read)
	}
	for _, fault := range c.doc.faults(w.Request, sent, w, read) {
		c.t.Errorf("%v: %s", got, fault)
	}
	c.seen[got] = true
	return string(read)
}

func header(name, value string) func(http.Header) {
	return func(h http.Header) { h.Set(name, value) }
}

func without(name string) func(http.Header) {
	return func(h http.Header) { h.Del(name) }
}

// TestOpenAPI drives rigs through every outcome that the document promises, and
// holds every answer to it.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	seen := map[outcome]bool{}
	t.Run("served", func(t *testing.T) { served(t, everythingOn(t), seen) })
	t.Run("refused", func(t *testing.T) { refused(t, everythingOn(t), seen) })
	t.Run("not switched on", func(t *testing.T) { notSwitchedOn(t, seen) })
	t.Run("ended meanwhile", func(t *testing.T) { endedMeanwhile(t, seen) })
	t.Run("outage", func(t *testing.T) { outage(t, everythingOn(t), seen) })
	for promise := range described(t).promised() {
		if !seen[promise] {
			t.Errorf("the document promises what never came: %v", promise)
		}
	}
}

// served is what signed-in people see.
func served(t *testing.T, r *rig.Rig, seen map[outcome]bool) {
	ada := newCaller(t, r, seen).signUp("ada")
	ada.ask("GET", "/ok", "", "200")
	ada.ask("GET", "/get-session", "", "200")
	ada.ask("GET", "/get-session?disableCookieCache=true&disableRefresh", "", "200")
	ada.ask("GET", "/get-session?disableCookieCache=true", "", "200") // with needsRefresh
	ada.ask("POST", "/get-session", "", "200")
	ada.ask("POST", "/update-session", `{"theme":"dark","count":3,"pinned":true}`, "200")
	ada.ask("GET", "/list-sessions", "", "200")
	ada.ask("POST", "/revoke-session", `{"token":"nobody's"}`, "200")
	ada.ask("POST", "/revoke-other-sessions", "{}", "200")

	ada.signUp("bob") // on the same device
	var accounts []struct{ Session struct{ Token string } }
	if err := json.Unmarshal([]byte(ada.ask("GET", "/multi-session/list-device-sessions", "", "200")), &accounts); err != nil || len(accounts) != 2 {
		t.Fatalf("%v, %d accounts", err, len(accounts))
	}
	ada.ask("POST", "/multi-session/set-active", `{"sessionToken":"`+accounts[0].Session.Token+`"}`, "200")
	ada.ask("POST", "/multi-session/revoke", `{"sessionToken":"`+accounts[0].Session.Token+`"}`, "200")

	stream := ada.send("GET", "/session-events", "")
	begun := bufio.NewReader(stream.Body)
	if _, err := begun.Peek(1); err != nil {
		t.Fatal(err)
	}
	ada.ask("POST", "/sign-out", "{}", "200")
	stream.Body = struct {
		io.Reader
		io.Closer
	}{begun, stream.Body}
	if text := ada.judge(stream, "", "200"); !strings.Contains(text, `{"reason":"signed out"}`) {
		t.Errorf("the stream says %q", text)
	}
	ada.ask("GET", "/get-session", "", "200") // null

	newCaller(t, r, seen).signUp("cleo").ask("POST", "/revoke-sessions", "", "200")
	secret := header("Authorization", "Bearer "+listSecret)
	ada.ask("GET", "/revoked", "", "200", secret)
	ada.ask("GET", "/revoked?since=2026-01-15T12:00:00.000Z", "", "200", secret)
	listed := ada.send("GET", "/revoked", "", secret)
	ada.judge(listed, "", "200")
	ada.ask("GET", "/revoked", "", "304", secret, header("If-None-Match", listed.Header.Get("ETag")))
	ada.ask("GET", "/revoked?since=yesterday", "", "400 VALIDATION_ERROR", secret)
	ada.ask("GET", "/revoked", "", "401 UNAUTHORIZED", header("Authorization", "Bearer another secret"))

	// Over a bearer token, without cookies.
	signedUp := newCaller(t, r, seen).send("POST", "/sign-up/email", `{"name":"dan","email":"dan@example.com","password":"a long password"}`)
	token := signedUp.Header.Get("set-auth-token")
	everything.KeepCookie(token)
	dan := newCaller(t, r, seen)
	dan.client.Jar = nil
	bearer := header("Authorization", "Bearer "+token)
	dan.ask("GET", "/get-session", "", "200", bearer)
	dan.ask("POST", "/update-session", `{"theme":"dark"}`, "200", bearer, without("Origin"))
}

// refused is what is answered to those who are not signed in, and to requests that
// are not as they must be.
func refused(t *testing.T, r *rig.Rig, seen map[outcome]bool) {
	nobody := newCaller(t, r, seen)
	promised := nobody.doc.promised()
	const named = `{"token":"nobody's","sessionToken":"nobody's"}`
	for promise := range promised {
		route := strings.TrimPrefix(promise.path, basePath)
		refuse := func(body, want string, change ...func(http.Header)) {
			t.Helper()
			if promise.method == http.MethodGet {
				body = ""
			}
			nobody.ask(promise.method, route, body, want, change...)
		}
		switch {
		case promise.status == 401 && promise.code == "UNAUTHORIZED",
			promise.status == 401 && promise.code == "INVALID_SESSION_TOKEN" && !promised[outcome{promise.method, promise.path, 401, "UNAUTHORIZED"}]:
			refuse(named, "401 "+promise.code)
		case promise.code == "MISSING_OR_NULL_ORIGIN":
			refuse(named, "403 "+promise.code, without("Origin"), header("Cookie", "any=one"))
		case promise.code == "INVALID_ORIGIN":
			refuse(named, "403 "+promise.code, header("Origin", "https://evil.example"))
		case promise.code == "INVALID_CALLBACK_URL":
			refuse(`{"callbackURL":"https://evil.example/"}`, "403 "+promise.code)
		case promise.code == "INVALID_REDIRECT_URL":
			refuse(`{"redirectTo":"https://evil.example/"}`, "403 "+promise.code)
		case promise.code == "INVALID_ERROR_CALLBACK_URL":
			refuse(`{"errorCallbackURL":"https://evil.example/"}`, "403 "+promise.code)
		case promise.code == "INVALID_NEW_USER_CALLBACK_URL":
			refuse(`{"newUserCallbackURL":"https://evil.example/"}`, "403 "+promise.code)
		case promise.code == "BAD_REQUEST":
			refuse(`{`, "400 "+promise.code)
		case promise.status == 400 && promise.code == "":
			refuse(`{"callbackURL":1}`, "400")
		case promise.code == "VALIDATION_ERROR" && promise.method == http.MethodPost:
			refuse(`[]`, "400 "+promise.code)
		case promise.status == 413:
			refuse(`"`+strings.Repeat("a", 64<<10)+`"`, "413 "+promise.code)
		case promise.status == 415:
			refuse("text", "415 "+promise.code, header("Content-Type", "text/plain"))
		}
	}
	ada := newCaller(t, r, seen).signUp("ada")
	ada.ask("POST", "/update-session", `{"locked":"by me"}`, "400 FIELD_NOT_ALLOWED")
	ada.ask("POST", "/update-session", `{"unknown":1}`, "400")
	ada.ask("POST", "/update-session", `{"count":"three"}`, "400 VALIDATION_ERROR")
	ada.ask("POST", "/multi-session/revoke", named, "401 INVALID_SESSION_TOKEN")

	// Her other device ends this one's session, and this one learns why.
	other := newCaller(t, r, seen)
	other.send("POST", "/sign-in/email", `{"email":"ada@example.com","password":"a long password"}`)
	other.ask("POST", "/revoke-other-sessions", "", "200")
	if text := ada.ask("GET", "/list-sessions", "", "401 UNAUTHORIZED"); !strings.Contains(text, `"reason":"all others revoked"`) {
		t.Errorf("no reason in %s", text)
	}
}

// notSwitchedOn is a service with the least, which shows tokens.
func notSwitchedOn(t *testing.T, seen map[outcome]bool) {
	r := startRig(t, func(o *rig.Options) { o.ExposeTokens = true })
	ada := newCaller(t, r, seen).signUp("ada")
	for promise := range ada.doc.promised() {
		if promise.status == http.StatusNotFound {
			ada.ask(promise.method, strings.TrimPrefix(promise.path, basePath), "", "404")
		}
	}
	ada.ask("GET", "/list-sessions", "", "200")
	ada.ask("POST", "/get-session", "", "405 METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED")
	ada.advance("11m")
	ada.ask("GET", "/list-sessions", "", "403 SESSION_NOT_FRESH")
}

// endedMeanwhile is a session that ends between being read and being written.
func endedMeanwhile(t *testing.T, seen map[outcome]bool) {
	for _, deferred := range []bool{false, true} {
		r := startRig(t, func(o *rig.Options) {
			o.LoseRenewals, o.DeferRefresh, o.SessionFields = true, deferred, rig.SessionFields
		})
		newCaller(t, r, seen).signUp("ada").ask("POST", "/update-session", `{"theme":"dark"}`, "401 FAILED_TO_GET_SESSION")
		bob := newCaller(t, r, seen).signUp("bob")
		bob.advance("25h")
		bob.ask(map[bool]string{false: "GET", true: "POST"}[deferred], "/get-session", "", "401 FAILED_TO_GET_SESSION")
	}
}

// advance moves the rig's clock.
func (c *caller) advance(by string) {
	c.t.Helper()
	w, err := c.client.Post(c.rig.URL+"/__clock", "application/json", strings.NewReader(`{"advance":"`+by+`"}`))
	if err != nil {
		c.t.Fatal(err)
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusOK {
		c.t.Fatalf("the clock cannot be moved: %d", w.StatusCode)
	}
}

// outage is a database whose tables cannot be read.
func outage(t *testing.T, r *rig.Rig, seen map[outcome]bool) {
	ada := newCaller(t, r, seen).signUp("ada")
	var accounts []struct{ Session struct{ Token string } }
	if err := json.Unmarshal([]byte(ada.ask("GET", "/multi-session/list-device-sessions", "", "200")), &accounts); err != nil || len(accounts) != 1 {
		t.Fatalf("%v, %d accounts", err, len(accounts))
	}
	tables, err := r.DB.Migrator().GetTables()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		run(t, r.DB, "RENAME TABLE `"+table+"` TO `"+table+"_away`")
	}
	body := `{"token":"nobody's","theme":"dark","sessionToken":"` + accounts[0].Session.Token + `"}`
	for promise := range ada.doc.promised() {
		if promise.status != http.StatusServiceUnavailable || promise.path == basePath+"/revoked" {
			continue
		}
		sent := body
		if promise.method == http.MethodGet {
			sent = ""
		}
		ada.ask(promise.method, strings.TrimPrefix(promise.path, basePath)+"?disableCookieCache=true", sent, "503 "+promise.code)
	}
	secret := header("Authorization", "Bearer "+listSecret)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		w := ada.send("GET", "/revoked", "", secret) // the feed is missed after a while
		if w.StatusCode == http.StatusServiceUnavailable {
			ada.judge(w, "", "503 SERVICE_UNAVAILABLE")
			return
		}
		_ = w.Body.Close()
	}
	t.Error("the feed is silent, and the list of what it told is still served")
}
