package ginsession_test

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// What is dangerous wants a fresh session. Upon 403 SESSION_NOT_FRESH the page
// asks for the password and tries again.
func ExampleManager_Elevate() {
	var sessions *ginsession.Manager // of New, with models.FreshAt() among Schema.Session.Fields
	var checkPassword func(c *gin.Context, userID string) bool

	router := gin.New()
	router.POST("/confirm", sessions.RequireOrigin(), sessions.RequireStore(), func(c *gin.Context) {
		if !checkPassword(c, ginsession.From(c).UserID) {
			c.AbortWithStatus(http.StatusForbidden)
			return
		}
		if _, err := sessions.Elevate(c); err != nil {
			c.AbortWithStatus(http.StatusServiceUnavailable)
		}
	})
	router.DELETE("/account", sessions.RequireOrigin(), sessions.RequireFresh(), func(c *gin.Context) {
		c.Status(http.StatusNoContent)
	})
}
