package ginsession

import (
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"

	"github.com/gin-gonic/gin"
	"golang.org/x/net/publicsuffix"
)

// An origin is scheme, host and port, lower-cased, the scheme's own port left
// out, so that equal origins are equal values.
type origin struct{ scheme, host, port string }

func (o origin) String() string {
	host := o.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if o.port != "" {
		host += ":" + o.port
	}
	return o.scheme + "://" + host
}

// maxOrigin bounds the Origin and Referer headers that are looked at.
const maxOrigin = 512

// parseOrigin reads scheme://host[:port] and nothing else. User information is
// refused: https://app.example.com@evil.example is evil's.
func parseOrigin(s string) (origin, bool) {
	scheme, host, ok := strings.Cut(s, "://")
	if !ok || len(s) > maxOrigin || strings.ContainsFunc(s, unfitForURL) || strings.ContainsAny(host, "/?#") {
		return origin{}, false
	}
	u, err := url.Parse(scheme + "://" + host)
	if err != nil || u.User != nil || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") {
		return origin{}, false
	}
	o := origin{strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()}
	if o.scheme == "https" && o.port == "443" || o.scheme == "http" && o.port == "80" {
		o.port = ""
	}
	return o, true
}

// originOf is the origin of a URL, whose path and query may be long and hold
// what an origin may not.
func originOf(s string) (origin, bool) {
	if _, tail, ok := strings.Cut(s, "://"); ok {
		if end := strings.IndexAny(tail, "/?#"); end >= 0 {
			s = s[:len(s)-len(tail)+end]
		}
	}
	return parseOrigin(s)
}

// unfitForURL reports characters that browsers drop, rewrite or never send.
func unfitForURL(r rune) bool {
	return r <= ' ' || r == 0x7f || r == '\\' || r == ',' || r == '"' || r == '<' || r == '>' || r > 0x7f
}

// loopback reports hosts that only ever reach this machine (RFC 6761, 1122).
func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// origins are those that may call the POST routes.
type origins struct {
	own      *origin // nil in development: the request's loopback Host
	patterns []originPattern
}

// originPattern is a validated entry of TrustedOrigins.
type originPattern struct {
	origin
	below    bool   // any host below origin.host, never itself
	anyPort  bool   // loopback only
	verbatim string // a native scheme, compared as it is
}

// compileOrigins checks TrustedOrigins. Better Auth takes globs, by which
// *example.com admits evilexample.com and *.example.com admits plain http;
// here a wildcard is a whole first label, and http wants its own word.
func compileOrigins(f *faults, own *origin, entries []string, insecure bool) origins {
	compiled := origins{own: own}
	for i, entry := range entries {
		pattern, fault := compileOrigin(entry, insecure)
		if fault != "" {
			f.add("TrustedOrigins[%d] is %q: %s", i, entry, fault)
			continue
		}
		compiled.patterns = append(compiled.patterns, pattern)
	}
	return compiled
}

func compileOrigin(entry string, insecure bool) (p originPattern, fault string) {
	s := entry
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	scheme, rest, _ := strings.Cut(s, "://")
	scheme = strings.ToLower(scheme)
	if scheme != "http" && scheme != "https" {
		if strings.ContainsAny(s, "*?") || strings.ContainsFunc(s, unfitForURL) || scheme == "" {
			return p, "a native scheme is compared as it is; name it without wildcards"
		}
		return originPattern{verbatim: strings.TrimSuffix(s, "/")}, ""
	}
	if host, ok := strings.CutSuffix(rest, ":*"); ok {
		p.anyPort, rest = true, host
	}
	if host, ok := strings.CutPrefix(rest, "*."); ok {
		p.below, rest = true, host
	}
	if strings.ContainsAny(rest, "*?") {
		return p, "a wildcard stands for whole labels in front (https://*.example.com) or for a loopback port (http://localhost:*)"
	}
	o, ok := parseOrigin(scheme + "://" + rest)
	if !ok {
		return p, "write scheme, host and port alone, without a path or a slash at the end"
	}
	p.origin = o
	local := loopback(o.host)
	suffix, _ := publicsuffix.PublicSuffix(o.host)
	switch {
	case p.anyPort && !local:
		return p, "any port is for loopback hosts only; name the port"
	case p.below && !local && (suffix == o.host || isAddress(o.host)):
		return p, "everyone can have a host below it; name a domain of your own"
	case scheme == "http" && !local && !insecure:
		return p, "plain http can be tampered with on the way; use https, or set AllowInsecureOrigins"
	}
	return p, ""
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func (p originPattern) matches(o origin) bool {
	if p.verbatim != "" || o.scheme != p.scheme || !p.anyPort && o.port != p.port {
		return false
	}
	if p.below {
		return strings.HasSuffix(o.host, "."+p.host) && len(o.host) > len(p.host)+1
	}
	return o.host == p.host
}

// trusts reports whether an Origin header, or the origin of a URL, is ours or
// trusted. host is the request's Host header, believed on loopback only.
func (os origins) trusts(value, host string) bool {
	for _, p := range os.patterns {
		if p.verbatim != "" && (value == p.verbatim || strings.HasPrefix(value, p.verbatim+"/")) {
			return true
		}
	}
	o, ok := originOf(value)
	if !ok {
		return false
	}
	if os.own != nil && o == *os.own || os.own == nil && isLoopbackHost(o, host) {
		return true
	}
	for _, p := range os.patterns {
		if p.matches(o) {
			return true
		}
	}
	return false
}

// isLoopbackHost reports whether the origin is the one that the request's Host
// names, on this machine: the rule of development, without a BaseURL.
func isLoopbackHost(o origin, host string) bool {
	named, ok := parseOrigin(o.scheme + "://" + host)
	return ok && named == o && (o.scheme == "http" || o.scheme == "https") && loopback(o.host)
}

// check decides whether a request with an unsafe method may proceed. The first
// rule that applies decides:
//
//  1. An Origin must be trusted. Origin "null" passes only if the browser says
//     that the request is same-origin.
//  2. Without one, Sec-Fetch-Site must not name another site.
//  3. Without both, the Referer's origin must be trusted.
//  4. With none of them but cookies, it is refused: browsers say where they
//     come from.
//  5. Else it is no browser and carries no cookies: there is nothing to forge.
//
// Cookies or not, rules 1 to 3 hold: a foreign page's form post carries no Lax
// cookies, yet the Set-Cookie of its answer would sign the browser out.
//
// It assumes that browsers do not let pages write these headers (Fetch
// standard, forbidden header names).
func (os origins) check(r *http.Request) *refusal {
	site := r.Header.Get("Sec-Fetch-Site")
	referer := r.Header.Get("Referer")
	switch values := r.Header["Origin"]; {
	case len(values) > 1:
		return invalidOrigin
	case len(values) == 1 && values[0] == "null":
		if site == "same-origin" {
			return nil
		}
		return missingOrigin
	case len(values) == 1 && values[0] != "":
		if len(values[0]) <= maxOrigin && os.trusts(values[0], r.Host) {
			return nil
		}
		return invalidOrigin
	case site == "same-site" || site == "cross-site":
		if referer == "" {
			return missingOrigin
		}
		return invalidOrigin
	case referer != "":
		if o, ok := originOf(referer); ok && os.trusts(o.String(), r.Host) {
			return nil
		}
		return invalidOrigin
	case len(r.Header["Cookie"]) > 0:
		return missingOrigin
	}
	return nil
}

// RequireOrigin guards the application's own routes against other sites' pages
// with the check that our POST routes make: put it in front of whatever
// changes state on the strength of a cookie, and of sign-in. GET, HEAD and
// OPTIONS pass. A refused request ends with 403 and Better Auth's body.
func (m *Manager) RequireOrigin() gin.HandlerFunc {
	return func(c *gin.Context) {
		switch c.Request.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
			return
		}
		if r := m.origins.check(c.Request); r != nil {
			m.rejected(c.Request.Context(), ReasonOrigin, "", "")
			refuse(c, r)
		}
	}
}

// trustsURL reports whether a URL that a client named for a redirect is safe:
// a path on this site, or a URL on a trusted origin. We redirect nowhere; the
// check is there because front ends act on the answer.
func (os origins) trustsURL(s, host string) bool {
	if strings.HasPrefix(s, "/") {
		return isLocalPath(s)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return false
	}
	if o, ok := originOf(s); ok && (o.scheme == "http" || o.scheme == "https") {
		return os.trusts(o.String(), host)
	}
	return os.trusts(s, host)
}

// isLocalPath reports whether browsers resolve a path to this site: not
// //host, not /\host, nor anything that becomes one of them when decoded or
// when dot segments are resolved.
func isLocalPath(s string) bool {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f || r == '\\' }) {
		return false
	}
	p := s
	if end := strings.IndexAny(s, "?#"); end >= 0 {
		p = s[:end]
	}
	lower := strings.ToLower(p)
	if strings.Contains(lower, "%2f") || strings.Contains(lower, "%5c") {
		return false
	}
	// A browser resolves /..//evil to //evil. path.Clean would hide that by
	// merging the slashes, so any double slash is refused.
	return !strings.Contains(p, "//") && strings.HasPrefix(path.Clean(p), "/")
}
