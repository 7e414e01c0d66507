package fromgincontribsessions

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	gincontrib "github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/docs/recipes/internal/site"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/sessiontest"
)

func ada(*gin.Context) (string, bool) { return "ada", true }

func over(c *gin.Context) { c.Status(http.StatusOK) }

// oldStores are without Secure, which has no place on the tests' http.
func oldStores() map[string]gincontrib.Store {
	secret := []byte("an old secret of thirty-two bytes")
	stores := map[string]gincontrib.Store{"cookie": cookie.NewStore(secret), "memstore": memstore.NewStore(secret)}
	for _, store := range stores {
		store.Options(gincontrib.Options{Path: "/", MaxAge: 3600, HttpOnly: true})
	}
	return stores
}

// after is the service of today.
func after(t *testing.T, s *site.Site, store *sessiontest.Store, old gincontrib.Store, until time.Time) http.Handler {
	sessions := sessiontest.NewManager(t, func(c *ginsession.Config) {
		c.BaseURL, c.Schema, c.Store = s.URL, schema, store
	})
	router := newRouter(sessions, ada)
	routePages(router, sessions, old, until, over)
	router.POST("/email", sessions.RequireOrigin(), sessions.RequireFresh(), provedHere, over)
	return router
}

func newStore() *sessiontest.Store {
	store := sessiontest.NewStore()
	store.AddUser(models.User{ID: "ada", Email: "ada@example.com", CreatedAt: time.Now(), UpdatedAt: time.Now()})
	return store
}

func TestBeforeAndAfterDoTheSame(t *testing.T) {
	s, old := site.New(t), oldStores()["cookie"]
	tests := []struct {
		name    string
		behind  http.Handler
		signOut string
	}{
		{"before", newRouterBefore(old, ada), "/logout"},
		{"after", after(t, s, newStore(), old, time.Now()), "/api/auth/sign-out"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s.Behind = test.behind
			b := s.Browser(t)
			b.Expect(http.MethodGet, "/me", http.StatusUnauthorized)
			b.Expect(http.MethodPost, "/login", http.StatusOK)
			b.Expect(http.MethodGet, "/me", http.StatusOK)
			b.Expect(http.MethodPost, "/theme/dark", http.StatusOK)
			b.Expect(http.MethodPost, test.signOut, http.StatusOK)
			b.Expect(http.MethodGet, "/me", http.StatusUnauthorized)
		})
	}
}

func TestUsersMoveWithoutSigningIn(t *testing.T) {
	for name, old := range oldStores() {
		t.Run(name, func(t *testing.T) {
			store, s := newStore(), site.New(t)
			b := s.Browser(t)
			s.Behind = newRouterBefore(old, ada)
			b.Expect(http.MethodPost, "/login", http.StatusOK)

			s.Behind = after(t, s, store, old, time.Now().Add(time.Hour))
			b.Expect(http.MethodGet, "/me", http.StatusUnauthorized) // until a page is loaded
			b.Expect(http.MethodGet, "/", http.StatusOK)
			if got := b.Cookies(); got != "better-auth.session_token" {
				t.Errorf("cookies %q", got)
			}
			b.Expect(http.MethodGet, "/me", http.StatusOK)
			b.Expect(http.MethodGet, "/", http.StatusOK)
			if rows := store.Rows(); len(rows) != 1 {
				t.Errorf("%d sessions", len(rows))
			}

			b.Expect(http.MethodPost, "/email", http.StatusForbidden) // nobody gave a password
			b.Expect(http.MethodPost, "/login", http.StatusOK)
			b.Expect(http.MethodPost, "/email", http.StatusOK)
			b.Expect(http.MethodPost, "/api/auth/sign-out", http.StatusOK)
			b.Expect(http.MethodGet, "/", http.StatusOK)
			b.Expect(http.MethodGet, "/me", http.StatusUnauthorized)
		})
	}
}

func TestOldSessionStaysWhileTheDatabaseIsAway(t *testing.T) {
	old, store, s := oldStores()["cookie"], newStore(), site.New(t)
	b := s.Browser(t)
	s.Behind = newRouterBefore(old, ada)
	b.Expect(http.MethodPost, "/login", http.StatusOK)

	s.Behind = after(t, s, store, old, time.Now().Add(time.Hour))
	store.Before(func(context.Context, string) error { return errors.New("away") })
	b.Expect(http.MethodGet, "/", http.StatusOK)
	if got := b.Cookies(); got != "session" {
		t.Errorf("cookies %q", got)
	}
	store.Before(nil)
	b.Expect(http.MethodGet, "/", http.StatusOK)
	b.Expect(http.MethodGet, "/me", http.StatusOK)
}

// Which is why until should be soon where the old store was the cookie.
func TestStolenOldSessionEndsWithTheMoveUnlessItIsACookie(t *testing.T) {
	want := map[string]int{"cookie": http.StatusOK, "memstore": http.StatusUnauthorized}
	for name, old := range oldStores() {
		t.Run(name, func(t *testing.T) {
			s := site.New(t)
			b := s.Browser(t)
			s.Behind = newRouterBefore(old, ada)
			b.Expect(http.MethodPost, "/login", http.StatusOK)
			thief := b.Copy()

			s.Behind = after(t, s, newStore(), old, time.Now().Add(time.Hour))
			b.Expect(http.MethodGet, "/", http.StatusOK)
			thief.Expect(http.MethodGet, "/", http.StatusOK)
			thief.Expect(http.MethodGet, "/me", want[name])
		})
	}
}

func TestNobodyMovesTooLate(t *testing.T) {
	old, s := oldStores()["cookie"], site.New(t)
	b := s.Browser(t)
	s.Behind = newRouterBefore(old, ada)
	b.Expect(http.MethodPost, "/login", http.StatusOK)
	s.Behind = after(t, s, newStore(), old, time.Now().Add(-time.Second))
	b.Expect(http.MethodGet, "/", http.StatusOK)
	b.Expect(http.MethodGet, "/me", http.StatusUnauthorized)
}

func TestOldSessionOfADeletedUserGoes(t *testing.T) {
	old, s := oldStores()["cookie"], site.New(t)
	b := s.Browser(t)
	s.Behind = newRouterBefore(old, ada)
	b.Expect(http.MethodPost, "/login", http.StatusOK)
	gone := newStore()
	gone.RemoveUser("ada")
	s.Behind = after(t, s, gone, old, time.Now().Add(time.Hour))
	b.Expect(http.MethodGet, "/", http.StatusOK)
	if got := b.Cookies(); got != "" {
		t.Errorf("cookies %q", got)
	}
}
