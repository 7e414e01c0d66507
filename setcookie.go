package ginsession

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ginsession/ginsession/internal/signed"
)

// lineLimit is how long a whole Set-Cookie line may become before the cookie
// cache is cut into chunks; maxChunks is how many we write and read. Better
// Auth reads and writes up to 100, more than browsers keep.
const (
	lineLimit = 4050
	maxChunks = 8
)

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
