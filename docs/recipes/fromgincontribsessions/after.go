package fromgincontribsessions

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// schema is for Config.Schema; its Migrate adds the columns.
var schema = models.Schema{Session: models.Table{Fields: []models.Field{
	{Name: "theme", Returned: true},
	{Name: "carriedOver", Type: models.Boolean},
}}}

func newRouter(sessions *ginsession.Manager, check checkPassword) *gin.Engine {
	router := gin.New()
	router.Use(sessions.Middleware())
	sessions.Routes(router.Group("/api/auth")) // POST /api/auth/sign-out among them

	router.POST("/login", sessions.RequireOrigin(), func(c *gin.Context) {
		userID, ok := check(c)
		if !ok {
			c.Status(http.StatusForbidden)
			return
		}
		if _, err := sessions.SignIn(c, userID); err != nil {
			c.Status(http.StatusServiceUnavailable)
		}
	})
	router.GET("/me", sessions.RequireSession(), func(c *gin.Context) {
		c.String(http.StatusOK, ginsession.From(c).UserID)
	})
	router.POST("/theme/:theme", sessions.RequireOrigin(), sessions.RequireSession(), func(c *gin.Context) {
		if _, err := sessions.SetFields(c, map[string]any{"theme": c.Param("theme")}); err != nil {
			c.Status(http.StatusServiceUnavailable)
		}
	})
	return router
}
