// Package otherdomain is the code of other-domain.md.
package otherdomain

import (
	"net/http"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// otherSite is for pages of another site.
func otherSite(c *ginsession.Config) {
	c.BaseURL = "https://api.example.com"
	c.TrustedOrigins = []string{"https://app.example.net"}
	c.Cookies = ginsession.Cookies{SameSite: http.SameSiteNoneMode, Partitioned: true} // Secure, since BaseURL is https
}

// sameSite is for pages of a host beside the service's. Its cookies are as always.
func sameSite(c *ginsession.Config) {
	c.BaseURL = "https://api.example.com"
	c.TrustedOrigins = []string{"https://app.example.com"}
}

func newRouter(sessions *ginsession.Manager, frontEnd string) *gin.Engine {
	router := gin.New()
	router.Use(
		cors.New(cors.Config{
			AllowOrigins:     []string{frontEnd}, // each one whole: no *, no pattern, no function that says yes
			AllowMethods:     []string{http.MethodGet, http.MethodPost},
			AllowHeaders:     []string{"Content-Type"},
			AllowCredentials: true,
			MaxAge:           time.Hour,
		}),
		sessions.Middleware(),
	)
	sessions.Routes(router.Group("/api/auth"))
	router.GET("/me", sessions.RequireSession(), func(c *gin.Context) {
		c.JSON(http.StatusOK, ginsession.From(c).User)
	})
	router.POST("/notes", sessions.RequireOrigin(), sessions.RequireSession(), func(c *gin.Context) {
		c.Status(http.StatusCreated)
	})
	return router
}
