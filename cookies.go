package ginsession

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/internal/cookiescan"
	"github.com/ginsession/ginsession/internal/signed"
)

// lineLimit is how long a whole Set-Cookie line may become before the cookie
// cache is cut into chunks; maxChunks is how many we write and read. Better
// Auth reads and writes up to 100, more than browsers keep.
const (
	lineLimit = 4050
	maxChunks = 8
)

// maxCandidates is how many cookies of one name are looked at. More than one
// is rare and means that another host or path set one too.
const maxCandidates = 4

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

// presented is what one request says about its session, as far as signatures
// prove it.
type presented struct {
	tokens       few[proved] // distinct, in the request's order
	dontRemember bool        // a valid marker came along
	sent         few[string] // names of the session_data cookies, in order, each once
	bearer       bool        // the token came in the Authorization header
	dead         bool        // and cannot be one of a session
	forged       bool        // a session cookie's signature does not hold

	plain   few[string]       // distinct non-empty values of session_data
	chunks  [maxChunks]string // values of session_data.N
	torn    bool              // chunks that contradict each other or lie beyond maxChunks
	chunked bool

	unproved []cookiescan.Pair // device cookies; devices proves them
	asked    bool              // and has done so
	held     []proved
	macs     int // computed so far

	began time.Time // of an observed request
}

// few are things of which a request mostly brings one, which then takes no memory
// of its own.
type few[T any] struct {
	n    int
	one  T
	more []T
}

func (f *few[T]) add(v T) {
	if f.n++; f.n == 1 {
		f.one = v
	} else {
		f.more = append(f.more, v)
	}
}

// all yields them in order.
func (f *few[T]) all(yield func(T) bool) {
	if f.n == 0 || !yield(f.one) {
		return
	}
	for _, v := range f.more {
		if !yield(v) {
			return
		}
	}
}

// proved is a session token whose signature holds.
type proved struct {
	token  string
	secret int // index of the secret that signed it
}

// maxMACs bounds the signatures that are computed for what one request brings,
// but for the cookie cache, which costs one for each secret (SR-72). What comes
// after is ignored.
const maxMACs = 27

// verify checks a signed value within the budget.
func (k *cookies) verify(p *presented, raw string) (value string, secret int, ok bool) {
	if p.macs+k.signer.Secrets() > maxMACs {
		return "", 0, false
	}
	value, secret, ok = k.signer.Verify(raw)
	if p.macs += k.signer.Secrets(); ok {
		p.macs += secret + 1 - k.signer.Secrets() // it stopped at the one that fits
	}
	return value, secret, ok
}

// read scans the request's cookies once. A header beyond the limits is read as
// empty: no session, and nothing of it is cleared.
func (k *cookies) read(r *http.Request) presented {
	var p presented
	var room [8]cookiescan.Pair
	pairs, _ := cookiescan.Scan(room[:0], r.Header["Cookie"], k.ours)
	candidates, markers := 0, 0
	for _, pair := range pairs {
		switch {
		case pair.Name == k.token.name:
			if candidates++; candidates <= maxCandidates {
				p.addToken(k.verify(&p, pair.Value))
			}
		case pair.Name == k.marker.name:
			if markers++; markers <= maxCandidates && !p.dontRemember {
				value, _, ok := k.verify(&p, pair.Value)
				p.dontRemember = ok && value == "true"
			}
		case k.isDevice(pair.Name):
			p.unproved = append(p.unproved, pair)
		default:
			p.addData(pair, pair.Name[len(k.data.name):])
		}
	}
	return p
}

func (p *presented) addToken(token string, secret int, ok bool) {
	if !ok || !isToken(token) {
		p.forged = p.forged || !ok
		return
	}
	for earlier := range p.tokens.all {
		if earlier.token == token {
			return
		}
	}
	p.tokens.add(proved{token, secret})
}

func (p *presented) addData(pair cookiescan.Pair, suffix string) {
	seen := false
	for name := range p.sent.all {
		seen = seen || name == pair.Name
	}
	if !seen {
		p.sent.add(pair.Name)
	}
	if pair.Value == "" {
		return
	}
	if suffix == "" {
		if p.plain.n == 0 || p.plain.one != pair.Value {
			p.plain.add(pair.Value)
		}
		return
	}
	p.chunked = true
	n := chunkIndex(suffix)
	if n >= maxChunks || p.chunks[n] != "" && p.chunks[n] != pair.Value {
		p.torn = true
		return
	}
	p.chunks[n] = pair.Value
}

// session returns the one token that the request proves. Two different ones
// are no session, for a sibling host may have planted one of them; neither is
// none.
func (p *presented) session() (proved, bool) {
	return p.tokens.one, p.tokens.n == 1
}

// hasData reports whether the request carries a cookie cache, good or bad.
func (p *presented) hasData() bool { return p.plain.n > 0 || p.chunked }

// dataValue joins the cookie cache. The unchunked cookie wins over chunks and
// is never mixed with them; chunks must be whole from 0 on. Better Auth does
// not notice gaps; a gap is a miss here.
func (p *presented) dataValue() (string, bool) {
	switch {
	case p.plain.n == 1:
		return p.plain.one, true
	case p.plain.n > 1 || p.torn || p.chunks[0] == "":
		return "", false
	}
	n, size, gap := 0, 0, false
	for _, chunk := range p.chunks {
		switch {
		case chunk == "":
			gap = true
		case gap:
			return "", false
		default:
			n++
			size += len(chunk)
		}
	}
	if size > cookiecache.MaxValue {
		return "", false
	}
	return strings.Join(p.chunks[:n], ""), true
}

// isToken reports whether s has the form of a session token. Nothing else ever
// reaches the store, so that no cookie signed for another purpose is taken for
// one: JSON, signed values, handles and hashes all contain other characters.
func isToken(s string) bool {
	if len(s) < 16 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// browserSession is the Max-Age of a cookie that ends with the browser.
const browserSession = -1

// line is the Set-Cookie line of a cookie, of one of its chunks or of one of its
// device cookies: name is its own, the attributes are c's. The value must need no
// escaping.
func (c *cookie) line(name, value string, maxAge int) string {
	var line strings.Builder
	line.Grow(len(name) + len(value) + len(c.attributes) + 24)
	line.WriteString(name)
	line.WriteByte('=')
	line.WriteString(value)
	if maxAge != browserSession {
		var digits [20]byte
		line.WriteString("; Max-Age=")
		line.Write(strconv.AppendInt(digits[:0], int64(maxAge), 10))
	}
	line.WriteString(c.attributes)
	return line.String()
}

func (c *cookie) write(h http.Header, name, value string, maxAge int) {
	h["Set-Cookie"] = append(h["Set-Cookie"], c.line(name, value, maxAge))
}

// setToken writes the session cookie.
func (k *cookies) setToken(h http.Header, token string, maxAge int) {
	value := k.signer.Sign(token)
	supersede(h, k.token.name)
	var escaped [128]byte // of a token of ours; more is no harm
	k.token.write(h, k.token.name, string(signed.AppendEscaped(escaped[:0], value)), maxAge)
	if k.authHeader {
		announce(h, value)
	}
}

// setMarker writes the don't-remember marker, which ends with the browser.
func (k *cookies) setMarker(h http.Header) {
	supersede(h, k.marker.name)
	k.marker.write(h, k.marker.name, string(signed.AppendEscaped(nil, k.signer.Sign("true"))), browserSession)
}

// setData writes the cookie cache, in chunks where it must, and expires what
// the browser sent of an earlier one: the browser's names first, in its order,
// then new ones. It reports false, having only expired, if the value needs too
// many chunks.
func (k *cookies) setData(h http.Header, p *presented, value string, maxAge int) bool {
	supersede(h, k.data.name)
	room := lineLimit - len(k.data.line(k.data.name+".99", "", maxAge))
	var names, values []string
	if len(value) <= room {
		names, values = []string{k.data.name}, []string{value}
	} else if len(value) <= room*maxChunks {
		for i := 0; i*room < len(value); i++ {
			names = append(names, k.data.name+"."+strconv.Itoa(i))
			values = append(values, value[i*room:min(len(value), (i+1)*room)])
		}
	}
	written := make([]bool, len(names))
	for name := range p.sent.all {
		if i := slices.Index(names, name); i >= 0 {
			k.data.write(h, name, values[i], maxAge)
			written[i] = true
		} else {
			k.data.write(h, name, "", 0)
		}
	}
	for i, name := range names {
		if !written[i] {
			k.data.write(h, name, values[i], maxAge)
		}
	}
	return len(names) > 0
}

// expire tells the browser to drop a cookie. Lines that an earlier decision of
// the same response wrote for it, or for its chunks, go.
func (k *cookies) expire(h http.Header, c *cookie) {
	drop(h, func(line string) bool { return isLineOf(line, c.name) })
	c.write(h, c.name, "", 0)
	if c == &k.token {
		h.Del(authTokenHeader)
	}
}

// supersede removes the values that earlier decisions of the same response
// gave to a cookie, so that none of them stays on the wire. Expiring lines
// stay, as in Better Auth: the later line counts.
func supersede(h http.Header, name string) {
	drop(h, func(line string) bool {
		return isLineOf(line, name) && !strings.Contains(line, "=; Max-Age=0;")
	})
}

// isLineOf reports whether a Set-Cookie line is about the named cookie or one
// of its chunks.
func isLineOf(line, name string) bool {
	rest, ok := strings.CutPrefix(line, name)
	return ok && rest != "" && (rest[0] == '=' || rest[0] == '.')
}

func drop(h http.Header, unwanted func(line string) bool) {
	lines := h["Set-Cookie"]
	kept := lines[:0]
	for _, line := range lines {
		if !unwanted(line) {
			kept = append(kept, line)
		}
	}
	clear(lines[len(kept):])
	if len(kept) == 0 {
		delete(h, "Set-Cookie")
		return
	}
	h["Set-Cookie"] = kept
}

// expireSent expires each session_data cookie that the browser sent.
func (k *cookies) expireSent(h http.Header, p *presented) {
	for name := range p.sent.all {
		k.data.write(h, name, "", 0)
	}
}

// expireAll tells the browser to drop everything of the session. The line for
// session_data is there once for itself and once more for each that was sent,
// as Better Auth has it.
func (k *cookies) expireAll(h http.Header, p *presented) {
	k.expire(h, &k.token)
	k.expire(h, &k.data)
	k.expireSent(h, p)
	k.expire(h, &k.marker)
}
