package mobile

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/sessiontest"
)

// memory is a Keeper for tests.
type memory struct {
	mu    sync.Mutex
	token string
}

func (m *memory) Token() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.token
}

func (m *memory) Replace(old, token string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.token == old {
		m.token = token
	}
}

// A world has a service, its database and its clock.
type world struct {
	t     *testing.T
	url   *url.URL
	store *sessiontest.Store
	clock *sessiontest.Clock
	serve func(...func(*ginsession.Config)) // begins anew on the same database
}

func newWorld(t *testing.T) *world {
	var behind http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { behind.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, url: at, store: sessiontest.NewStore(), clock: sessiontest.NewClock(time.Now())}
	w.store.AddUser(models.User{ID: "ada", Email: "ada@example.com", CreatedAt: time.Now(), UpdatedAt: time.Now()})
	w.serve = func(change ...func(*ginsession.Config)) {
		change = append([]func(*ginsession.Config){withBearer, func(c *ginsession.Config) {
			c.BaseURL, c.Store, c.Now = server.URL, w.store, w.clock.Now
		}}, change...)
		router := newRouter(sessiontest.NewManager(t, change...), func(*gin.Context) (string, bool) { return "ada", true })
		router.GET("/away", func(c *gin.Context) { c.Redirect(http.StatusFound, c.Query("to")) })
		behind = router
	}
	w.serve()
	return w
}

// app is a client with nothing but a Transport.
func (w *world) app() (*Transport, *memory) {
	keeper := &memory{}
	return &Transport{w.url, keeper, http.DefaultTransport}, keeper
}

func (w *world) expect(app *Transport, method, path string, want int) http.Header {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url.JoinPath(path).String(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: app}).Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != want {
		w.t.Errorf("%s %s: got %d, want %d", method, path, answer.StatusCode, want)
	}
	return answer.Header
}

func TestTokenFromSignInToSignOut(t *testing.T) {
	w := newWorld(t)
	app, kept := w.app()
	w.expect(app, http.MethodGet, "/me", http.StatusUnauthorized)
	w.expect(app, http.MethodPost, "/login", http.StatusOK)
	token := kept.Token()
	if token == "" {
		t.Fatal("no token")
	}
	if h := w.expect(app, http.MethodGet, "/me", http.StatusOK); h.Get("Set-Auth-Token") != "" {
		t.Error("a token with every answer")
	}
	plain, _, _ := strings.Cut(token, ".")
	w.expect(&Transport{w.url, &memory{token: plain}, http.DefaultTransport}, http.MethodGet, "/me", http.StatusUnauthorized)

	w.store.Before(func(context.Context, string) error { return errors.New("away") })
	w.expect(app, http.MethodGet, "/me", http.StatusServiceUnavailable)
	if err := app.SignOut(t.Context()); err == nil || kept.Token() != token {
		t.Errorf("while the database is away: %v, and the token has changed: %v", err, kept.Token() != token)
	}
	w.store.Before(nil)
	w.expect(app, http.MethodGet, "/me", http.StatusOK)
	if err := app.SignOut(t.Context()); err != nil || kept.Token() != "" {
		t.Errorf("%v, and a token is kept: %v", err, kept.Token() != "")
	}
	w.expect(&Transport{w.url, &memory{token: token}, http.DefaultTransport}, http.MethodGet, "/me", http.StatusUnauthorized)
}

func TestUseRenews(t *testing.T) {
	w := newWorld(t)
	app, kept := w.app()
	w.expect(app, http.MethodPost, "/login", http.StatusOK)
	token := kept.Token()
	for range 3 { // three times 6 days are more than the 7 that a session lives
		w.clock.Advance(6 * 24 * time.Hour)
		if h := w.expect(app, http.MethodGet, "/me", http.StatusOK); h.Get("Set-Auth-Token") != token {
			t.Error("not renewed")
		}
	}
	w.clock.Advance(8 * 24 * time.Hour)
	w.expect(app, http.MethodGet, "/me", http.StatusUnauthorized)
	if kept.Token() != "" {
		t.Error("a dead session's token is kept")
	}
}

func TestNewSecretBringsANewToken(t *testing.T) {
	w := newWorld(t)
	app, kept := w.app()
	w.expect(app, http.MethodPost, "/login", http.StatusOK)
	token := kept.Token()
	w.serve(func(c *ginsession.Config) {
		c.OldSecrets, c.Secret = []string{c.Secret}, "another-secret-0123456789-abcdefghijklmnop"
	})
	w.expect(app, http.MethodGet, "/me", http.StatusOK)
	if kept.Token() == token {
		t.Error("the token of the old secret is kept")
	}
	w.serve(func(c *ginsession.Config) { c.Secret = "another-secret-0123456789-abcdefghijklmnop" })
	w.expect(app, http.MethodGet, "/me", http.StatusOK)
}

func TestTokenStaysAtItsOrigin(t *testing.T) {
	w := newWorld(t)
	app, _ := w.app()
	w.expect(app, http.MethodPost, "/login", http.StatusOK)
	seen := make(chan string, 1)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Get("Authorization") }))
	t.Cleanup(elsewhere.Close)
	answer, err := (&http.Client{Transport: app}).Get(w.url.String() + "/away?to=" + url.QueryEscape(elsewhere.URL))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if header := <-seen; header != "" {
		t.Error("the token went elsewhere")
	}
}

// An answer that was long under way says nothing of a session that began since.
func TestLateAnswerLeavesANewTokenAlone(t *testing.T) {
	late := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{}, Body: http.NoBody}, nil
	})
	at, _ := url.Parse("https://api.example.com")
	kept := &memory{token: "old"}
	app := &Transport{at, kept, roundTripper(func(r *http.Request) (*http.Response, error) {
		kept.Replace("old", "new")
		return late(r)
	})}
	r := httptest.NewRequest(http.MethodGet, at.String(), nil)
	if answer, err := app.RoundTrip(r); err != nil || answer.StatusCode != http.StatusUnauthorized {
		t.Fatal(err)
	}
	if kept.Token() != "new" || r.Header.Get("Authorization") != "" {
		t.Error("the new token is gone, or the caller's request was changed")
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
