package react

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/sessiontest"
)

func TestPageIsServedBesideTheRoutes(t *testing.T) {
	gin.SetMode(gin.TestMode)
	sessions := sessiontest.NewManager(t)
	router := gin.New()
	router.Use(sessions.Middleware())
	sessions.Routes(router.Group("/api/auth"))
	servePage(router, fstest.MapFS{
		"index.html":    {Data: []byte("<title>page</title>")},
		"assets/app.js": {Data: []byte("script()")},
	})
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/":              {200, "<title>page</title>"},
		"/login":         {200, "<title>page</title>"},
		"/a/b/c":         {200, "<title>page</title>"},
		"/assets":        {200, "<title>page</title>"},
		"/assets/app.js": {200, "script()"},

		"/api/auth/get-session":                        {200, "null"},
		"/api/auth/nothing":                            {404, ""},
		"/api/auth/multi-session/list-device-sessions": {404, ""},
		"/api/nothing":                                 {404, "404 page not found"},
		"/api":                                         {404, "404 page not found"},
	} {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want.status || strings.TrimSpace(w.Body.String()) != want.body {
			t.Errorf("%s: got %d %q, want %d %q", path, w.Code, w.Body, want.status, want.body)
		}
	}
}
