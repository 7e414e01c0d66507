package ginsession_test

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// After a change of password all devices are signed out but this one. Only a
// fresh session may ask for it: one that was signed in minutes ago.
func ExampleManager_RevokeOthers() {
	var sessions *ginsession.Manager // of ginsession.New
	router := gin.New()
	router.POST("/password", sessions.RequireOrigin(), sessions.RequireFresh(), func(c *gin.Context) {
		session := ginsession.From(c)
		// … change the password of session.UserID …
		if _, err := sessions.RevokeOthers(c.Request.Context(), session.UserID, session.Handle()); err != nil {
			c.Status(http.StatusServiceUnavailable) // some may still be alive: ask again
			return
		}
		c.Status(http.StatusNoContent)
	})
}
