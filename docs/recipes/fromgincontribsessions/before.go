// Package fromgincontribsessions is the code of from-gin-contrib-sessions.md.
package fromgincontribsessions

import (
	"net/http"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
)

// checkPassword is the application's own; it says who the user is.
type checkPassword func(*gin.Context) (userID string, ok bool)

func newRouterBefore(store sessions.Store, check checkPassword) *gin.Engine {
	router := gin.New()
	router.Use(sessions.Sessions("session", store))

	router.POST("/login", func(c *gin.Context) {
		userID, ok := check(c)
		if !ok {
			c.Status(http.StatusForbidden)
			return
		}
		session := sessions.Default(c)
		session.Set("user_id", userID)
		if err := session.Save(); err != nil {
			c.Status(http.StatusInternalServerError)
		}
	})
	router.GET("/me", func(c *gin.Context) {
		userID, ok := sessions.Default(c).Get("user_id").(string)
		if !ok {
			c.Status(http.StatusUnauthorized)
			return
		}
		c.String(http.StatusOK, userID)
	})
	router.POST("/theme/:theme", func(c *gin.Context) {
		session := sessions.Default(c)
		session.Set("theme", c.Param("theme"))
		if err := session.Save(); err != nil {
			c.Status(http.StatusInternalServerError)
		}
	})
	router.POST("/logout", func(c *gin.Context) {
		session := sessions.Default(c)
		session.Clear()
		session.Options(sessions.Options{Path: "/", MaxAge: -1})
		if err := session.Save(); err != nil {
			c.Status(http.StatusInternalServerError)
		}
	})
	return router
}
