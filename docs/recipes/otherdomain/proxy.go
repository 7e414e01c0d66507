package otherdomain

import (
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/ginsession/ginsession"
)

// sameOrigin is for pages that are served where the proxy is.
func sameOrigin(c *ginsession.Config) { c.BaseURL = "https://app.example.com" }

// newProxy serves pages and passes on what is under /api/, cookies and all.
func newProxy(pages http.Handler, service *url.URL) http.Handler {
	site := http.NewServeMux()
	site.Handle("/", pages)
	site.Handle("/api/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(service)
		r.SetXForwarded() // and the service names this proxy in Engine.SetTrustedProxies
	}})
	return site
}
