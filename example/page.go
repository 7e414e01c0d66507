package main

import (
	"embed"
	"net/http"

	"github.com/gin-gonic/gin"
)

//go:embed page
var page embed.FS

// routePage mounts the one page and its two files. The policy lets it load
// nothing but these and talk to nobody but this server.
func routePage(router *gin.Engine) {
	for path, file := range map[string]struct{ name, contentType string }{
		"/":          {"page/index.html", "text/html; charset=utf-8"},
		"/style.css": {"page/style.css", "text/css; charset=utf-8"},
		"/app.js":    {"page/app.js", "text/javascript; charset=utf-8"},
	} {
		content, err := page.ReadFile(file.name)
		if err != nil {
			panic(err) // embedded at build time
		}
		router.GET(path, func(c *gin.Context) {
			h := c.Writer.Header()
			h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
				"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "same-origin")
			h.Set("Cache-Control", "no-cache")
			c.Data(http.StatusOK, file.contentType, content)
		})
	}
}
