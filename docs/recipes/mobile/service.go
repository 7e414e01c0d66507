// Package mobile is the code of mobile.md.
package mobile

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// withBearer is for clients that have no cookies, and leaves those alone that have.
func withBearer(c *ginsession.Config) { c.Bearer.Enabled = true }

func newRouter(sessions *ginsession.Manager, check func(*gin.Context) (userID string, ok bool)) *gin.Engine {
	router := gin.New()
	router.Use(sessions.Middleware())
	sessions.Routes(router.Group("/api/auth"))

	router.POST("/login", sessions.RequireOrigin(), func(c *gin.Context) {
		userID, ok := check(c)
		if !ok {
			c.Status(http.StatusForbidden) // 401 is for requests whose session has ended
			return
		}
		if _, err := sessions.SignIn(c, userID); err != nil { // its answer has set-auth-token
			c.Status(http.StatusServiceUnavailable)
		}
	})
	router.GET("/me", sessions.RequireSession(), func(c *gin.Context) {
		c.JSON(http.StatusOK, ginsession.From(c).User)
	})
	return router
}
