package fromscs

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/docs/recipes/internal/site"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/sessiontest"
)

func ada(*gin.Context) (string, bool) { return "ada", true }

func over(c *gin.Context) { c.Status(http.StatusOK) }

// oldSessions has no goroutine that cleans up.
func oldSessions() *scs.SessionManager {
	old := scs.New()
	old.Store = memstore.NewWithCleanupInterval(0)
	return old
}

// after is the service of today.
func after(t *testing.T, s *site.Site, store *sessiontest.Store, old *scs.SessionManager, until time.Time) http.Handler {
	sessions := sessiontest.NewManager(t, func(c *ginsession.Config) {
		c.BaseURL, c.Schema, c.Store = s.URL, schema, store
	})
	router := newRouter(sessions, ada)
	router.POST("/email", sessions.RequireOrigin(), sessions.RequireFresh(), provedHere, over)
	return withOld(router, sessions, old, until, over)
}

func newStore() *sessiontest.Store {
	store := sessiontest.NewStore()
	store.AddUser(models.User{ID: "ada", Email: "ada@example.com", CreatedAt: time.Now(), UpdatedAt: time.Now()})
	return store
}

func TestBeforeAndAfterDoTheSame(t *testing.T) {
	s, old := site.New(t), oldSessions()
	tests := []struct {
		name    string
		behind  http.Handler
		signOut string
	}{
		{"before", newHandlerBefore(old, ada), "/logout"},
		{"after", after(t, s, newStore(), old, time.Now()), "/api/auth/sign-out"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s.Behind = test.behind
			b := s.Browser(t)
			b.Expect(http.MethodGet, "/me", http.StatusUnauthorized)
			b.Expect(http.MethodPost, "/login", http.StatusOK)
			b.Expect(http.MethodGet, "/me", http.StatusOK)
			b.Expect(http.MethodPost, test.signOut, http.StatusOK)
			b.Expect(http.MethodGet, "/me", http.StatusUnauthorized)
		})
	}
}

func TestUsersMoveWithoutSigningIn(t *testing.T) {
	old, store, s := oldSessions(), newStore(), site.New(t)
	b := s.Browser(t)
	s.Behind = newHandlerBefore(old, ada)
	b.Expect(http.MethodPost, "/login", http.StatusOK)
	thief := b.Copy()

	s.Behind = after(t, s, store, old, time.Now().Add(time.Hour))
	store.Before(func(context.Context, string) error { return errors.New("away") })
	b.Expect(http.MethodGet, "/", http.StatusOK)
	if got := b.Cookies(); got != "session" {
		t.Errorf("while the database was away: cookies %q", got)
	}
	store.Before(nil)
	b.Expect(http.MethodGet, "/me", http.StatusUnauthorized) // until a page is loaded
	b.Expect(http.MethodGet, "/", http.StatusOK)
	if got := b.Cookies(); got != "better-auth.session_token" {
		t.Errorf("cookies %q", got)
	}
	thief.Expect(http.MethodGet, "/", http.StatusOK)
	thief.Expect(http.MethodGet, "/me", http.StatusUnauthorized) // the old session is gone
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
}

func TestOldSessionsOfNobodyAndOfTooLate(t *testing.T) {
	old, s := oldSessions(), site.New(t)
	late, nobody := s.Browser(t), s.Browser(t)
	s.Behind = newHandlerBefore(old, ada)
	late.Expect(http.MethodPost, "/login", http.StatusOK)
	nobody.Expect(http.MethodPost, "/login", http.StatusOK)

	s.Behind = after(t, s, newStore(), old, time.Now().Add(-time.Second))
	late.Expect(http.MethodGet, "/", http.StatusOK)
	late.Expect(http.MethodGet, "/me", http.StatusUnauthorized)

	gone := newStore()
	gone.RemoveUser("ada")
	s.Behind = after(t, s, gone, old, time.Now().Add(time.Hour))
	nobody.Expect(http.MethodGet, "/", http.StatusOK)
	if got := nobody.Cookies(); got != "" {
		t.Errorf("cookies %q", got)
	}
}
