// Package sessiontest helps applications to test what they put behind a session:
//
//	sessions := sessiontest.NewManager(t)
//	router := newRouter(sessions) // the application's own
//
//	r := httptest.NewRequest(http.MethodGet, "/me", nil)
//	sessiontest.SignIn(t, sessions, "ada").AddTo(r)
//	router.ServeHTTP(w, r)
//
// Nothing is mocked: the Manager is the real one, only its Store is in memory. A
// Manager on a database of the test's own does as well.
package sessiontest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// BaseURL is the Config's BaseURL of NewManager, unless the test changes it.
const BaseURL = "http://localhost:8080"

// NewManager makes a Manager that keeps its sessions in a Store of its own, in
// memory, to which every id is a user's: the user "ada" has the name ada and the
// address ada@example.com. change may alter the Config, whose Secret, BaseURL and
// Store are set: a Clock's Now, a cookie cache, a Store with users of the test's
// choice. The Manager is closed when the test ends. The test fails if the Config is
// no good.
func NewManager(t testing.TB, change ...func(*ginsession.Config)) *ginsession.Manager {
	t.Helper()
	own := NewStore()
	own.anybody = true
	config := ginsession.Config{Secret: "sessiontest-secret-0123456789-abcdefghijklmnop", BaseURL: BaseURL, Store: own}
	config.CookieCache.NoFeed = true // there is no other process
	for _, c := range change {
		c(&config)
	}
	if store, ok := config.Store.(*Store); ok {
		store.Declare(config.Schema)
	}
	sessions, err := ginsession.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sessions.Close)
	return sessions
}

// Cookies are those of a browser.
type Cookies []*http.Cookie

// AddTo sends the cookies with a request.
func (cookies Cookies) AddTo(r *http.Request) {
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
}

// SignIn signs a user in, as a browser that brought no cookies, and returns those
// that it got. The test fails if the Manager's store does not know the user.
func SignIn(t testing.TB, sessions *ginsession.Manager, userID string, options ...ginsession.SignInOption) Cookies {
	t.Helper()
	w := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	if _, err := sessions.SignIn(c, userID, options...); err != nil {
		t.Fatalf("signing %s in: %v", userID, err)
	}
	return w.Result().Cookies()
}
