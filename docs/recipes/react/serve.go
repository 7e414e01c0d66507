// Package react serves the page of the recipe.
package react

import (
	"io/fs"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// servePage serves what `vite build` made, and its index.html for all paths of the
// page's own router. What lies under /api is the service's: there an unknown path stays
// a 404, which the client understands.
func servePage(router *gin.Engine, dist fs.FS) {
	files := http.FileServerFS(dist)
	router.NoRoute(func(c *gin.Context) {
		path := c.Request.URL.Path
		if path == "/api" || strings.HasPrefix(path, "/api/") {
			return
		}
		if file, err := fs.Stat(dist, strings.TrimPrefix(path, "/")); err != nil || file.IsDir() {
			c.Request.URL.Path = "/"
		}
		files.ServeHTTP(c.Writer, c.Request)
	})
}
