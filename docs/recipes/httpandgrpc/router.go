// Package httpandgrpc is the code of http-and-grpc.md.
package httpandgrpc

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// newRouter has plain handlers behind gin: reports under a path of their own, and
// an older mux wherever gin has no route.
func newRouter(sessions *ginsession.Manager, older http.Handler) *gin.Engine {
	router := gin.New()
	router.Use(
		gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, _ any) { c.AbortWithStatus(http.StatusInternalServerError) }),
		// CORS, if there is any, stands here: a preflight needs no session.
		sessions.Middleware(),
	)
	sessions.Routes(router.Group("/api/auth"))

	router.GET("/report", sessions.RequireSession(), gin.WrapF(report))
	router.NoRoute(found, gin.WrapH(older))
	return router
}

// found undoes the 404 with which gin begins where it has no route: a handler that
// writes without naming a status means 200.
func found(c *gin.Context) { c.Status(http.StatusOK) }

// report knows nothing of gin.
func report(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "the report of %s", ginsession.FromContext(r.Context()).User.Name)
}
