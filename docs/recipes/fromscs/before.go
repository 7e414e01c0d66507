// Package fromscs is the code of from-scs.md.
package fromscs

import (
	"net/http"

	"github.com/alexedwards/scs/v2"
	"github.com/gin-gonic/gin"
)

// checkPassword is the application's own; it says who the user is.
type checkPassword func(*gin.Context) (userID string, ok bool)

func newHandlerBefore(sessions *scs.SessionManager, check checkPassword) http.Handler {
	router := gin.New()
	router.POST("/login", func(c *gin.Context) {
		userID, ok := check(c)
		if !ok {
			c.Status(http.StatusForbidden)
			return
		}
		if err := sessions.RenewToken(c.Request.Context()); err != nil {
			c.Status(http.StatusInternalServerError)
			return
		}
		sessions.Put(c.Request.Context(), "userID", userID)
	})
	router.GET("/me", func(c *gin.Context) {
		userID := sessions.GetString(c.Request.Context(), "userID")
		if userID == "" {
			c.Status(http.StatusUnauthorized)
			return
		}
		c.String(http.StatusOK, userID)
	})
	router.POST("/logout", func(c *gin.Context) {
		if err := sessions.Destroy(c.Request.Context()); err != nil {
			c.Status(http.StatusInternalServerError)
		}
	})
	return sessions.LoadAndSave(router)
}
