package sessiontest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/sessiontest"
)

// newRouter is somebody's application.
func newRouter(sessions *ginsession.Manager) http.Handler {
	router := gin.New()
	router.Use(sessions.Middleware())
	sessions.Routes(router.Group("/api/auth"))
	router.GET("/me", sessions.RequireSession(), func(c *gin.Context) {
		c.String(http.StatusOK, ginsession.From(c).User.Email)
	})
	return router
}

// As an application's own test would be.
func TestMe(t *testing.T) {
	sessions := sessiontest.NewManager(t)
	r := httptest.NewRequest(http.MethodGet, "/me", nil)
	sessiontest.SignIn(t, sessions, "ada").AddTo(r)
	w := httptest.NewRecorder()
	newRouter(sessions).ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Body.String() != "ada@example.com" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func get(sessions *ginsession.Manager, cookies sessiontest.Cookies) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/me", nil)
	cookies.AddTo(r)
	w := httptest.NewRecorder()
	newRouter(sessions).ServeHTTP(w, r)
	return w
}

func TestWithoutCookiesThereIsNoSession(t *testing.T) {
	if w := get(sessiontest.NewManager(t), nil); w.Code != http.StatusUnauthorized {
		t.Errorf("got %d", w.Code)
	}
}

// A POST comes from a page of the application's, unless it says otherwise.
func TestPostHasAnOrigin(t *testing.T) {
	sessions := sessiontest.NewManager(t)
	cookies := sessiontest.SignIn(t, sessions, "ada")
	for origin, want := range map[string]int{"": http.StatusOK, "https://elsewhere.example": http.StatusForbidden} {
		r := httptest.NewRequest(http.MethodPost, "/api/auth/revoke-other-sessions", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		cookies.AddTo(r)
		w := httptest.NewRecorder()
		if newRouter(sessions).ServeHTTP(w, r); w.Code != want {
			t.Errorf("Origin %q: got %d %s", origin, w.Code, w.Body)
		}
	}
}

func TestClockMovesTime(t *testing.T) {
	clock := sessiontest.NewClock(time.Now())
	for _, strategy := range []cookiecache.Strategy{cookiecache.SecureCookie, cookiecache.Compact} {
		sessions := sessiontest.NewManager(t, func(c *ginsession.Config) {
			c.Now = clock.Now
			c.CookieCache.Enabled, c.CookieCache.Strategy = true, strategy
		})
		cookies := sessiontest.SignIn(t, sessions, "ada")
		clock.Advance(7 * 24 * time.Hour)
		if w := get(sessions, cookies); w.Code != http.StatusOK {
			t.Errorf("at its end: got %d", w.Code)
		}
		cookies = sessiontest.SignIn(t, sessions, "ada")
		clock.Advance(7*24*time.Hour + time.Millisecond)
		if w := get(sessions, cookies); w.Code != http.StatusUnauthorized {
			t.Errorf("after its end: got %d", w.Code)
		}
	}
}

func TestUsersOfTheTestsOwn(t *testing.T) {
	store := sessiontest.NewStore()
	anybodys := sessiontest.NewManager(t, func(c *ginsession.Config) { c.Store = store })
	if w := get(anybodys, sessiontest.SignIn(t, anybodys, "ada")); w.Body.String() != "ada@example.com" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	store.AddUser(models.User{ID: "1", Email: "grace@example.com", CreatedAt: time.Now(), UpdatedAt: time.Now()})
	sessions := sessiontest.NewManager(t, func(c *ginsession.Config) { c.Store = store })
	cookies := sessiontest.SignIn(t, sessions, "1")
	if w := get(sessions, cookies); w.Body.String() != "grace@example.com" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if rows := store.Rows(); len(rows) != 2 || !slices.ContainsFunc(rows, func(row models.Session) bool { return row.UserID == "1" }) {
		t.Errorf("rows %v", rows)
	}

	store.Before(func(context.Context, string) error { return errors.New("away") })
	if w := get(sessions, cookies); w.Code != http.StatusServiceUnavailable || w.Header()["Set-Cookie"] != nil {
		t.Errorf("without a database: got %d", w.Code)
	}
	store.Before(nil)
	store.RemoveUser("1")
	if w := get(sessions, cookies); w.Code != http.StatusUnauthorized {
		t.Errorf("without the user: got %d", w.Code)
	}
}

func TestFieldsAreTheSchemas(t *testing.T) {
	schema := models.Schema{Session: models.Table{Fields: []models.Field{{Name: "theme", Returned: true, Default: "dark"}}}}
	sessions := sessiontest.NewManager(t, func(c *ginsession.Config) { c.Schema = schema })
	router := gin.New()
	router.GET("/theme", sessions.RequireSession(), func(c *gin.Context) {
		c.JSON(http.StatusOK, ginsession.From(c).Fields["theme"])
	})
	r := httptest.NewRequest(http.MethodGet, "/theme", nil)
	sessiontest.SignIn(t, sessions, "ada").AddTo(r)
	w := httptest.NewRecorder()
	if router.ServeHTTP(w, r); w.Body.String() != `"dark"` {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
