package ginsession

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/ginsession/ginsession/internal/signed"
)

// A cookie is the full name of one of ours and its attributes: "; Path=/;
// HttpOnly; SameSite=Lax" and so on; Max-Age goes in front.
type cookie struct{ name, attributes string }

// cookies are our cookies and the key that signs them. Lines are written by
// hand: http.SetCookie orders and quotes otherwise than Better Auth does.
type cookies struct {
	token, data, marker cookie
	device              string // what names of device cookies begin with; "" without multi-session
	authHeader          bool   // announce session tokens in set-auth-token too
	signer              *signed.Signer
}

func (c Cookies) check(f *faults, base *origin, insecure bool) cookies {
	https := base != nil && base.scheme == "https"
	secure := https
	switch c.Secure {
	case SecureByBaseURL:
	case SecureAlways:
		secure = true
	case SecureNever:
		if https && !insecure {
			f.add("Cookies.Secure is SecureNever under an https BaseURL, so that the cookies would also travel over plain http: leave it zero, or set InsecureHTTP")
		}
		secure = false
	default:
		f.add("Cookies.Secure is %d: use SecureByBaseURL, SecureAlways or SecureNever", c.Secure)
	}
	if c.HostPrefix && !secure {
		f.add("Cookies.HostPrefix needs an https BaseURL: browsers refuse __Host- cookies otherwise")
	}
	front := ""
	switch {
	case c.HostPrefix:
		front = "__Host-"
	case secure:
		front = "__Secure-"
	}
	prefix := c.Prefix
	if prefix == "" {
		prefix = "better-auth"
	}
	if strings.Trim(prefix, tokenCharacters+".") != "" || len(prefix) > 64 {
		f.add("Cookies.Prefix is %q: use up to 64 letters, digits, -, _ and dots", c.Prefix)
	}
	if hasNamePrefix(prefix) {
		f.add("Cookies.Prefix is %q: the part in front follows from BaseURL and HostPrefix; leave it out", c.Prefix)
	}
	every := CookieOptions{Domain: c.Domain, Path: c.Path, SameSite: c.SameSite, Partitioned: c.Partitioned}
	one := func(field, name string, own CookieOptions) cookie {
		o := every.with(own)
		if own.Name == "" {
			o.Name = prefix + "." + name
		} else if strings.Trim(own.Name, tokenCharacters+".") != "" || len(own.Name) > 128 || hasNamePrefix(own.Name) {
			f.add("Cookies.%s.Name is %q: use up to 128 letters, digits, -, _ and dots; the part in front (__Secure-) follows from BaseURL and HostPrefix", field, own.Name)
		}
		return cookie{front + o.Name, o.attributes(f, base, secure, c.HostPrefix)}
	}
	k := cookies{
		token:  one("SessionToken", "session_token", c.SessionToken),
		data:   one("SessionData", "session_data", c.SessionData),
		marker: one("DontRemember", "dont_remember", c.DontRemember),
	}
	for _, pair := range [][2]string{{k.token.name, k.data.name}, {k.token.name, k.marker.name}, {k.data.name, k.marker.name}} {
		if overlap(pair[0], pair[1]) || overlap(pair[1], pair[0]) {
			f.add("Cookies: the names %s and %s cannot be told apart: choose others", pair[0], pair[1])
		}
	}
	return k
}

// overlap reports whether b could be a chunk or a device cookie of a, or a
// itself.
func overlap(a, b string) bool {
	rest, ok := strings.CutPrefix(b, a)
	return ok && (rest == "" || rest[0] == '.' || strings.HasPrefix(rest, devicePart))
}

func hasNamePrefix(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "__secure-") || strings.HasPrefix(name, "__host-") ||
		strings.HasPrefix(name, "__http-") || strings.HasPrefix(name, "__host-http-")
}

// with lays the options of one cookie over those of all.
func (o CookieOptions) with(own CookieOptions) CookieOptions {
	own.Domain = cmp.Or(own.Domain, o.Domain)
	own.Path = cmp.Or(own.Path, o.Path)
	own.SameSite = cmp.Or(own.SameSite, o.SameSite)
	own.Partitioned = own.Partitioned || o.Partitioned
	return own
}

func (o CookieOptions) attributes(f *faults, base *origin, secure, hostPrefix bool) string {
	text := ""
	if o.Domain != "" {
		domain := strings.TrimPrefix(strings.ToLower(o.Domain), ".")
		switch suffix, _ := publicsuffix.PublicSuffix(domain); {
		case hostPrefix:
			f.add("Cookies.Domain is %q beside HostPrefix, which excludes it: remove one of the two", o.Domain)
		case base == nil:
			f.add("Cookies.Domain is %q without a BaseURL: set BaseURL", o.Domain)
		case suffix == domain:
			f.add("Cookies.Domain is %q, a public suffix shared with strangers: name your own domain", o.Domain)
		case base.host != domain && !strings.HasSuffix(base.host, "."+domain):
			f.add("Cookies.Domain is %q, neither the host of BaseURL (%s) nor a parent of it: browsers would refuse the cookies", o.Domain, base.host)
		}
		text = "; Domain=" + o.Domain
	}
	path := cmp.Or(o.Path, "/")
	switch {
	case path[0] != '/' || strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ';' || r == ',' }):
		f.add("Cookies.Path is %q: begin it with a slash, without blanks, commas and semicolons", o.Path)
	case hostPrefix && path != "/":
		f.add("Cookies.Path is %q beside HostPrefix, which wants /: remove one of the two", o.Path)
	}
	text += "; Path=" + path + "; HttpOnly"
	// Browsers take SameSite=None and Partitioned from Secure cookies only,
	// which they keep over plain http on loopback alone.
	crossSite := o.SameSite == http.SameSiteNoneMode || o.Partitioned
	if crossSite && !secure && (base == nil || !loopback(base.host)) {
		f.add("Cookies.SameSite is None, or Partitioned set, without an https BaseURL: browsers would refuse the cookies; use Lax")
	}
	if secure || crossSite || o.Secure {
		text += "; Secure"
	}
	switch o.SameSite {
	case 0, http.SameSiteLaxMode:
		text += "; SameSite=Lax"
	case http.SameSiteStrictMode:
		text += "; SameSite=Strict"
	case http.SameSiteNoneMode:
		text += "; SameSite=None"
	default:
		f.add("Cookies.SameSite is %d: use Lax, Strict or None of net/http", o.SameSite)
	}
	if o.Partitioned {
		text += "; Partitioned"
	}
	return text
}

const tokenCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// ours tells our cookies from other people's. Names compare exactly: browsers
// enforce the prefixes, servers must not loosen them.
func (k *cookies) ours(name string) bool {
	return name == k.token.name || name == k.marker.name || k.isData(name) || k.isDevice(name)
}

// isData reports whether name is the cookie cache or one of its chunks:
// session_data, session_data.0 and so on, indices canonical.
func (k *cookies) isData(name string) bool {
	rest, ok := strings.CutPrefix(name, k.data.name)
	return ok && (rest == "" || chunkIndex(rest) >= 0)
}

// chunkIndex reads ".0", ".1" and so on, digits without leading zeros, else -1.
func chunkIndex(suffix string) int {
	if len(suffix) < 2 || len(suffix) > 16 || suffix[0] != '.' || suffix[1] == '0' && len(suffix) > 2 {
		return -1
	}
	n, err := strconv.ParseUint(suffix[1:], 10, 62)
	if err != nil {
		return -1
	}
	return int(n)
}
