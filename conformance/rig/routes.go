package rig

import (
	"net/http"
	"os"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/device"
	"github.com/ginsession/ginsession/example/emailpassword"
)

func (r *Rig) router(accounts *emailpassword.Accounts, options Options) (*gin.Engine, error) {
	router := gin.New()
	router.RedirectTrailingSlash = false
	if err := router.SetTrustedProxies(options.TrustedProxies); err != nil {
		return nil, err
	}
	if options.IPHeaders != nil {
		router.RemoteIPHeaders = options.IPHeaders
	}
	router.Use(r.Sessions.Middleware())
	noRoute := func(c *gin.Context) { c.AbortWithStatus(http.StatusNotFound) }
	if options.Static != "" {
		files := http.FileServerFS(os.DirFS(options.Static))
		noRoute = func(c *gin.Context) {
			if strings.HasPrefix(c.Request.URL.Path, "/api/") {
				c.AbortWithStatus(http.StatusNotFound)
				return
			}
			c.Status(http.StatusOK) // gin has put a 404 there
			files.ServeHTTP(c.Writer, c.Request)
		}
	}
	router.NoRoute(noRoute)

	auth := router.Group("/api/auth")
	r.Sessions.Routes(auth)
	accounts.Routes(auth)

	router.GET("/me", r.Sessions.RequireSession(), func(c *gin.Context) {
		user := ginsession.From(c).User
		c.PureJSON(http.StatusOK, struct {
			ID    string `json:"id"`
			Email string `json:"email"`
		}{user.ID, user.Email})
	})
	router.POST("/fresh", r.Sessions.RequireFresh(), func(c *gin.Context) {
		c.JSON(http.StatusOK, gin.H{"fresh": true})
	})
	if options.Elevate {
		router.POST("/elevate", func(c *gin.Context) {
			if _, err := r.Sessions.Elevate(c); err != nil {
				c.AbortWithStatus(http.StatusUnauthorized)
			}
		})
	}
	devices := r.Sessions.DevicesPage(ginsession.DevicesPage{Describe: device.Describe})
	router.GET("/devices", devices)
	router.POST("/devices", devices)
	router.POST("/__clock", r.moveClock)
	return router, nil
}
