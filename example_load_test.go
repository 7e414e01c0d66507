package ginsession_test

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// A page that looks different signed in and signed out, and that does not
// show the signed-out one because the database is down.
func ExampleManager_Load() {
	var sessions *ginsession.Manager // of ginsession.New
	router := gin.New()
	router.GET("/", func(c *gin.Context) {
		session, err := sessions.Load(c)
		switch {
		case err == nil:
			c.String(http.StatusOK, "Welcome back, %s", session.User.Name)
		case errors.Is(err, ginsession.ErrNoSession):
			c.String(http.StatusOK, "Please sign in")
		default: // ErrStore: nobody knows
			c.Header("Retry-After", "1")
			c.String(http.StatusServiceUnavailable, "One moment, please")
		}
	})
}
