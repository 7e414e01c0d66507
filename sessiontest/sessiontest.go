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
//
// A Clock moves the time, and a Store can be one whose database is away:
//
//	clock, store := sessiontest.NewClock(time.Now()), sessiontest.NewStore()
//	sessions := sessiontest.NewManager(t, func(c *ginsession.Config) { c.Now, c.Store = clock.Now, store })
//	…
//	store.Before(func(context.Context, string) error { return errors.New("away") })
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

// NewManager makes a Manager that keeps its sessions in a Store of its own, to which
// every id is a user's. change may alter the Config, whose Secret, BaseURL and Store
// are set: a Clock's Now, a cookie cache, a Store that the test keeps hold of. The
// Manager is closed when the test ends. The test fails if the Config is no good.
func NewManager(t testing.TB, change ...func(*ginsession.Config)) *ginsession.Manager {
	t.Helper()
	config := ginsession.Config{Secret: "sessiontest-secret-0123456789-abcdefghijklmnop", BaseURL: BaseURL, Store: NewStore()}
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

// AddTo sends the cookies with a request, and with one that may change something the
// Origin of a page at BaseURL, as a browser does, unless the request has an Origin.
func (cookies Cookies) AddTo(r *http.Request) {
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions:
	default:
		if r.Header["Origin"] == nil {
			r.Header.Set("Origin", BaseURL)
		}
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
