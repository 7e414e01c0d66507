package ginsession_test

import (
	"fmt"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// A route has the middleware that was there when it was registered; gin warns
// of nothing. From is nil in such a route, so nobody gets in, but nobody is
// recognised either.
func Example_middlewareOrder_incorrect() {
	var sessions *ginsession.Manager // of ginsession.New
	router := gin.New()
	router.GET("/me", func(c *gin.Context) {
		fmt.Println(ginsession.From(c)) // always <nil>
	})
	router.Use(sessions.Middleware()) // too late for /me
}

// First Use, then the routes.
func Example_middlewareOrder() {
	var sessions *ginsession.Manager // of ginsession.New
	router := gin.New()
	router.Use(sessions.Middleware())
	router.GET("/me", sessions.RequireSession(), func(c *gin.Context) {
		fmt.Println(ginsession.From(c).User.Name)
	})
}
