package ginsession

import (
	"net/http"
	"strconv"
	"strings"

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

// cookies are the names and attributes of our cookies, and the key that signs
// them. Lines are written by hand: http.SetCookie orders and quotes otherwise
// than Better Auth does.
type cookies struct {
	token, data, marker string // full names
	attributes          string // "; Path=/; HttpOnly; SameSite=Lax" and so on, Max-Age goes in front
	signer              *signed.Signer
}

func (c Cookies) check(f *faults, base *origin) cookies {
	secure := base != nil && base.scheme == "https"
	prefix := c.Prefix
	if prefix == "" {
		prefix = "better-auth"
	}
	if strings.Trim(prefix, tokenCharacters) != "" || len(prefix) > 64 {
		f.add("Cookies.Prefix is %q: use up to 64 letters, digits, - and _", c.Prefix)
	}
	if strings.HasPrefix(strings.ToLower(prefix), "__secure-") || strings.HasPrefix(strings.ToLower(prefix), "__host-") {
		f.add("Cookies.Prefix is %q: the part in front follows from BaseURL and HostPrefix; leave it out", c.Prefix)
	}
	var attributes string
	if c.Domain != "" {
		domain := strings.TrimPrefix(strings.ToLower(c.Domain), ".")
		switch suffix, _ := publicsuffix.PublicSuffix(domain); {
		case c.HostPrefix:
			f.add("Cookies.Domain is %q beside HostPrefix, which excludes it: remove one of the two", c.Domain)
		case base == nil:
			f.add("Cookies.Domain is %q without a BaseURL: set BaseURL", c.Domain)
		case suffix == domain:
			f.add("Cookies.Domain is %q, a public suffix shared with strangers: name your own domain", c.Domain)
		case base.host != domain && !strings.HasSuffix(base.host, "."+domain):
			f.add("Cookies.Domain is %q, neither the host of BaseURL (%s) nor a parent of it: browsers would refuse the cookies", c.Domain, base.host)
		}
		attributes = "; Domain=" + c.Domain
	}
	attributes += "; Path=/; HttpOnly"
	if secure {
		attributes += "; Secure"
	}
	switch c.SameSite {
	case 0, http.SameSiteLaxMode:
		attributes += "; SameSite=Lax"
	case http.SameSiteStrictMode:
		attributes += "; SameSite=Strict"
	case http.SameSiteNoneMode:
		if !secure {
			f.add("Cookies.SameSite is None without an https BaseURL: browsers would refuse the cookies; use Lax")
		}
		attributes += "; SameSite=None"
	default:
		f.add("Cookies.SameSite is %d: use Lax, Strict or None of net/http", c.SameSite)
	}
	if c.HostPrefix && !secure {
		f.add("Cookies.HostPrefix needs an https BaseURL: browsers refuse __Host- cookies otherwise")
	}
	switch {
	case c.HostPrefix:
		prefix = "__Host-" + prefix
	case secure:
		prefix = "__Secure-" + prefix
	}
	return cookies{
		token:      prefix + ".session_token",
		data:       prefix + ".session_data",
		marker:     prefix + ".dont_remember",
		attributes: attributes,
	}
}

const tokenCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// ours tells our cookies from other people's. Names compare exactly: browsers
// enforce the prefixes, servers must not loosen them.
func (k *cookies) ours(name string) bool {
	return name == k.token || name == k.marker || k.isData(name)
}

// isData reports whether name is the cookie cache or one of its chunks:
// session_data, session_data.0 and so on, indices canonical.
func (k *cookies) isData(name string) bool {
	rest, ok := strings.CutPrefix(name, k.data)
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

// presented is what the cookies of one request say, as far as signatures
// prove it.
type presented struct {
	tokens       []proved // distinct, in the request's order; usually one
	dontRemember bool     // a valid marker came along
	sent         []string // names of the session_data cookies, in order, each once

	plain   []string          // distinct non-empty values of session_data
	chunks  [maxChunks]string // values of session_data.N
	torn    bool              // chunks that contradict each other or lie beyond maxChunks
	chunked bool
}

// proved is a session token whose signature holds.
type proved struct {
	token  string
	secret int // index of the secret that signed it
}

// read scans the request's cookies once. A header beyond the limits is read as
// empty: no session, and nothing of it is cleared.
func (k *cookies) read(r *http.Request) presented {
	var p presented
	var room [8]cookiescan.Pair
	pairs, _ := cookiescan.Scan(room[:0], r.Header["Cookie"], k.ours)
	candidates, markers := 0, 0
	for _, pair := range pairs {
		switch pair.Name {
		case k.token:
			if candidates++; candidates <= maxCandidates {
				p.addToken(k.signer.Verify(pair.Value))
			}
		case k.marker:
			if markers++; markers <= maxCandidates && !p.dontRemember {
				value, _, ok := k.signer.Verify(pair.Value)
				p.dontRemember = ok && value == "true"
			}
		default:
			p.addData(pair, pair.Name[len(k.data):])
		}
	}
	return p
}

func (p *presented) addToken(token string, secret int, ok bool) {
	if !ok || !isToken(token) {
		return
	}
	for _, earlier := range p.tokens {
		if earlier.token == token {
			return
		}
	}
	p.tokens = append(p.tokens, proved{token, secret})
}

func (p *presented) addData(pair cookiescan.Pair, suffix string) {
	seen := false
	for _, name := range p.sent {
		seen = seen || name == pair.Name
	}
	if !seen {
		p.sent = append(p.sent, pair.Name)
	}
	if pair.Value == "" {
		return
	}
	if suffix == "" {
		if len(p.plain) == 0 || p.plain[0] != pair.Value {
			p.plain = append(p.plain, pair.Value)
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
	if len(p.tokens) != 1 {
		return proved{}, false
	}
	return p.tokens[0], true
}

// hasData reports whether the request carries a cookie cache, good or bad.
func (p *presented) hasData() bool { return len(p.plain) > 0 || p.chunked }

// dataValue joins the cookie cache. The unchunked cookie wins over chunks and
// is never mixed with them; chunks must be whole from 0 on. Better Auth does
// not notice gaps; a gap is a miss here.
func (p *presented) dataValue() (string, bool) {
	switch {
	case len(p.plain) == 1:
		return p.plain[0], true
	case len(p.plain) > 1 || p.torn || p.chunks[0] == "":
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

// appendLine builds one Set-Cookie line. The value must need no escaping.
func (k *cookies) appendLine(dst []byte, name, value string, maxAge int) []byte {
	dst = append(dst, name...)
	dst = append(dst, '=')
	dst = append(dst, value...)
	if maxAge != browserSession {
		dst = append(dst, "; Max-Age="...)
		dst = strconv.AppendInt(dst, int64(maxAge), 10)
	}
	return append(dst, k.attributes...)
}

func (k *cookies) write(h http.Header, name, value string, maxAge int) {
	line := k.appendLine(make([]byte, 0, len(name)+len(value)+len(k.attributes)+24), name, value, maxAge)
	h["Set-Cookie"] = append(h["Set-Cookie"], string(line))
}

// setToken writes the session cookie.
func (k *cookies) setToken(h http.Header, token string, maxAge int) {
	k.supersede(h, k.token)
	k.write(h, k.token, string(signed.AppendEscaped(nil, k.signer.Sign(token))), maxAge)
}

// setMarker writes the don't-remember marker, which ends with the browser.
func (k *cookies) setMarker(h http.Header) {
	k.supersede(h, k.marker)
	k.write(h, k.marker, string(signed.AppendEscaped(nil, k.signer.Sign("true"))), browserSession)
}

// setData writes the cookie cache, in chunks where it must, and expires what
// the browser sent of an earlier one: the browser's names first, in its order,
// then new ones. It reports false, having only expired, if the value needs too
// many chunks.
func (k *cookies) setData(h http.Header, p *presented, value string, maxAge int) bool {
	k.supersede(h, k.data)
	room := lineLimit - len(k.appendLine(nil, k.data+".99", "", maxAge))
	var names, values []string
	if len(value) <= room {
		names, values = []string{k.data}, []string{value}
	} else if len(value) <= room*maxChunks {
		for i := 0; i*room < len(value); i++ {
			names = append(names, k.data+"."+strconv.Itoa(i))
			values = append(values, value[i*room:min(len(value), (i+1)*room)])
		}
	}
	written := make([]bool, len(names))
	for _, name := range p.sent {
		if i := indexOf(names, name); i >= 0 {
			k.write(h, name, values[i], maxAge)
			written[i] = true
		} else {
			k.write(h, name, "", 0)
		}
	}
	for i, name := range names {
		if !written[i] {
			k.write(h, name, values[i], maxAge)
		}
	}
	return len(names) > 0
}

func indexOf(names []string, name string) int {
	for i := range names {
		if names[i] == name {
			return i
		}
	}
	return -1
}

// expire tells the browser to drop a cookie. Lines that an earlier decision of
// the same response wrote for it, or for its chunks, go.
func (k *cookies) expire(h http.Header, name string) {
	drop(h, func(line string) bool { return isLineOf(line, name) })
	k.write(h, name, "", 0)
}

// supersede removes the values that earlier decisions of the same response
// gave to a cookie, so that none of them stays on the wire. Expiring lines
// stay, as in Better Auth: the later line counts.
func (k *cookies) supersede(h http.Header, name string) {
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
	for _, name := range p.sent {
		k.write(h, name, "", 0)
	}
}

// expireAll tells the browser to drop everything of the session. The line for
// session_data is there once for itself and once more for each that was sent,
// as Better Auth has it.
func (k *cookies) expireAll(h http.Header, p *presented) {
	k.expire(h, k.token)
	k.expire(h, k.data)
	k.expireSent(h, p)
	k.expire(h, k.marker)
}
