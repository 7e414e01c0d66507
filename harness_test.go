package ginsession_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/models"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	gin.DefaultWriter, gin.DefaultErrorWriter = everything, everything
	everything.Keep(secret, oldSecret)
	os.Exit(everything.Main(m)) // SR-67
}

const (
	secret    = "test-secret-0123456789-abcdefghijklmnopqrstuvwxyz"
	oldSecret = "old-secret-9876543210-zyxwvutsrqponmlkjihgfedcba"
	home      = "http://localhost:3000"
)

var errDown = errors.New("connection refused")

// start is the moment at which the clock of a test stands.
var start = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// A service is a small application around a Manager: the suite's routes, a
// sign-in by user id, and one route behind each guard.
type service struct {
	t        *testing.T
	sessions *ginsession.Manager
	store    *memStore
	engine   *gin.Engine
	log      *logBuffer
	exposes  bool // raw tokens in bodies

	mu  sync.Mutex
	now time.Time
}

// serve starts a service; change may alter its Config.
func serve(t *testing.T, change ...func(*ginsession.Config)) *service {
	t.Helper()
	s := &service{t: t, store: newMemStore(), now: start, log: &logBuffer{}}
	config := ginsession.Config{
		Secret:  secret,
		BaseURL: home,
		Store:   s.store,
		Now:     s.clock,
		Logger:  slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&config)
	}
	if _, own := config.Store.(*memStore); own && config.CookieCache.Enabled { // it keeps no feed
		config.CookieCache.NoFeed = true
	}
	s.store.Declare(config.Schema)
	s.exposes = config.ExposeTokens
	everything.Keep(append(config.OldSecrets, config.Secret)...)
	var err error
	if s.sessions, err = ginsession.New(config); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"ada", "bob"} {
		s.store.AddUser(user(id))
	}
	s.engine = gin.New()
	s.engine.Use(func(c *gin.Context) {
		c.Next()
		for _, err := range c.Errors {
			_ = everything.Hear(err)
		}
	}, s.sessions.Middleware())
	s.sessions.Routes(s.engine.Group("/api/auth"))
	s.engine.POST("/sign-in/:user", func(c *gin.Context) {
		var opts []ginsession.SignInOption
		if c.Query("forget") != "" {
			opts = append(opts, ginsession.DontRemember())
		}
		session, err := s.sessions.SignIn(c, c.Param("user"), opts...)
		_ = everything.Hear(err)
		switch {
		case errors.Is(err, ginsession.ErrNotFound):
			c.String(http.StatusNotFound, "no such user")
		case err != nil:
			c.String(http.StatusServiceUnavailable, "later")
		default:
			c.String(http.StatusOK, session.UserID)
		}
	})
	who := func(c *gin.Context) {
		if session := ginsession.From(c); session != nil {
			c.String(http.StatusOK, "%s %t", session.User.Email, session.Cached)
			return
		}
		c.String(http.StatusOK, "nobody")
	}
	s.engine.GET("/open", who)
	s.engine.HEAD("/open", who)
	s.engine.GET("/me", s.sessions.RequireSession(), who)
	s.engine.GET("/store", s.sessions.RequireStore(), who)
	s.engine.GET("/fresh", s.sessions.RequireFresh(), who)
	s.engine.POST("/app", s.sessions.RequireOrigin(), who)
	return s
}

func user(id string) models.User {
	return models.User{ID: id, Name: "Name of " + id, Email: id + "@example.com", CreatedAt: start, UpdatedAt: start}
}

func (s *service) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *service) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// A browser keeps cookies as browsers do, and sends the page's Origin.
type browser struct {
	s       *service
	cookies []pair
	origin  string
	header  http.Header // sent with each request
	host    string
	peer    string
}

type pair struct{ name, value string }

func (s *service) browser() *browser {
	return &browser{s: s, origin: home, header: http.Header{}, host: "localhost:3000"}
}

// signedIn is a browser with a session of the user.
func (s *service) signedIn(user string) *browser {
	s.t.Helper()
	b := s.browser()
	if got := b.post("/sign-in/"+user, ""); got.status != http.StatusOK {
		s.t.Fatalf("sign-in: %d %s", got.status, got.body)
	}
	return b
}

// A reply is what came back over the wire.
type reply struct {
	status  int
	body    string
	header  http.Header
	cookies []string // Set-Cookie lines
}

func (b *browser) get(path string) reply { return b.send(http.MethodGet, path, "") }

// post sends a JSON body, or none.
func (b *browser) post(path, body string) reply { return b.send(http.MethodPost, path, body) }

func (b *browser) send(method, path, body string) reply {
	b.s.t.Helper()
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	return b.do(r.WithContext(context.Background()), path, body)
}

func (b *browser) do(r *http.Request, path, body string) reply {
	b.s.t.Helper()
	r.Host = b.host
	r.RequestURI = path
	u, err := url.ParseRequestURI(path) // as a server reads it: dots stay
	if err != nil {
		b.s.t.Fatal(err)
	}
	r.URL = u
	if b.peer != "" {
		r.RemoteAddr = b.peer
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if r.Method != http.MethodGet && b.origin != "" {
		r.Header.Set("Origin", b.origin)
	}
	if len(b.cookies) > 0 {
		r.Header.Set("Cookie", b.cookieHeader())
	}
	for name, values := range b.header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	b.s.engine.ServeHTTP(w, r)
	result := w.Result()
	text, err := io.ReadAll(result.Body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	got := reply{result.StatusCode, string(text), result.Header, result.Header["Set-Cookie"]}
	for _, line := range got.cookies {
		b.keep(line)
	}
	everything.KeepCookie(got.header.Get("Set-Auth-Token"))
	if !b.s.exposes {
		everything.Read(got.body)
	}
	return got
}

func (b *browser) cookieHeader() string {
	parts := make([]string, len(b.cookies))
	for i, c := range b.cookies {
		parts[i] = c.name + "=" + c.value
	}
	return strings.Join(parts, "; ")
}

func (b *browser) keep(line string) {
	name, rest, _ := strings.Cut(line, "=")
	value, attributes, _ := strings.Cut(rest, ";")
	i := slices.IndexFunc(b.cookies, func(c pair) bool { return c.name == name })
	if i >= 0 {
		b.cookies = slices.Delete(b.cookies, i, i+1)
	}
	everything.KeepCookie(value)
	if !strings.Contains(attributes, "Max-Age=0;") {
		b.cookies = append(b.cookies, pair{name, value})
	}
}

const (
	tokenCookie  = "better-auth.session_token"
	dataCookie   = "better-auth.session_data"
	markerCookie = "better-auth.dont_remember"
)

// cookie returns the value of a cookie, "" if the browser has none.
func (b *browser) cookie(name string) string {
	for _, c := range b.cookies {
		if c.name == name {
			return c.value
		}
	}
	return ""
}

// token is the raw session token in the browser's cookie.
func (b *browser) token() string {
	token, _, _ := strings.Cut(b.cookie(tokenCookie), ".")
	return token
}

// copy is another browser with the same cookies: a thief's.
func (b *browser) copy() *browser {
	return &browser{s: b.s, cookies: slices.Clone(b.cookies), origin: b.origin, header: b.header.Clone(), host: b.host, peer: b.peer}
}

// at is another browser with the same cookies, which asks another service.
func (b *browser) at(s *service) *browser {
	c := b.copy()
	c.s = s
	return c
}

// withCookies is a browser with a raw Cookie header in place of a jar.
func (s *service) withCookies(header string) *browser {
	b := s.browser()
	b.header["Cookie"] = []string{header}
	return b
}

// sessionBody is the JSON of /get-session.
type sessionBody struct {
	Session struct {
		ID, Token, UserID    string
		ExpiresAt, CreatedAt time.Time
		UpdatedAt            time.Time
		IPAddress, UserAgent *string
	}
	User         struct{ ID, Name, Email string }
	NeedsRefresh *bool
}

func decode[T any](t *testing.T, body string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

// session is what /get-session answers the browser.
func (b *browser) session() *sessionBody {
	b.s.t.Helper()
	got := b.get("/api/auth/get-session")
	if got.status != http.StatusOK {
		b.s.t.Fatalf("get-session: %d %s", got.status, got.body)
	}
	return decode[*sessionBody](b.s.t, got.body)
}

// expect compares status and body.
func (r reply) expect(t *testing.T, status int, body string) {
	t.Helper()
	if r.status != status || r.body != body {
		t.Errorf("got %d %s, want %d %s", r.status, r.body, status, body)
	}
}

// expectCookies compares the Set-Cookie lines.
func (r reply) expectCookies(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(r.cookies, want) {
		t.Errorf("set-cookie\n got %q\nwant %q", r.cookies, want)
	}
}

// Bodies of the protocol.
const (
	bodyUnauthorized = `{"message":"Unauthorized","code":"UNAUTHORIZED"}`
	bodyUnavailable  = `{"message":"Service unavailable","code":"SERVICE_UNAVAILABLE"}`
	bodyFailed       = `{"message":"Failed to get session","code":"FAILED_TO_GET_SESSION"}`
	bodyNotFresh     = `{"message":"Session is not fresh","code":"SESSION_NOT_FRESH"}`
	bodyOrigin       = `{"message":"Invalid origin","code":"INVALID_ORIGIN"}`
	bodyNoOrigin     = `{"message":"Missing or null Origin","code":"MISSING_OR_NULL_ORIGIN"}`
	statusTrue       = `{"status":true}`
	successTrue      = `{"success":true}`
)

// What /me answers ada.
const (
	byCache = "ada@example.com true"
	byStore = "ada@example.com false"
)

// gone are the lines that drop a session's cookies.
func gone(names ...string) []string {
	lines := make([]string, len(names))
	for i, name := range names {
		lines[i] = name + "=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
	}
	return lines
}

// strategies are the formats of the cookie cache.
var strategies = []cookiecache.Strategy{cookiecache.SecureCookie, cookiecache.Compact, cookiecache.JWT, cookiecache.JWE}

func cached(c *ginsession.Config) { c.CookieCache.Enabled = true }

// down makes every call to the store fail.
func (s *service) down() {
	s.store.hook(func(context.Context, string) error { return errDown })
}

// downFor makes these calls fail.
func (s *service) downFor(calls ...string) {
	s.store.hook(func(_ context.Context, call string) error {
		if slices.Contains(calls, call) {
			return errDown
		}
		return nil
	})
}

func (s *service) up() { s.store.hook(nil) }

// logBuffer keeps what was logged, and lets the witness hear it.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	_, _ = everything.Write(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// sign makes a cookie value as Better Auth does, with the standard library
// alone.
func sign(secret, value string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(value))
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	everything.Keep(signature)
	return url.QueryEscape(value + "." + signature)
}

// eventually waits for what must come soon.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after 10 s: %s", what)
		}
	}
}

// listen starts a server of the service for a bubble of synctest, on a network in
// memory: in a bubble time passes while all wait, which nobody can tell of a real one.
func (s *service) listen(server *http.Server) *http.Client {
	server.Handler = s.engine
	network := make(pipes)
	go server.Serve(network)
	s.t.Cleanup(func() {
		server.Close()
		time.Sleep(time.Second) // for connections that take their time
	})
	return &http.Client{Transport: &http.Transport{DialContext: network.dial}}
}

type pipes chan net.Conn

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p <- server
	return client, nil
}

func (p pipes) Accept() (net.Conn, error) {
	if server, open := <-p; open {
		return server, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error {
	close(p)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }
