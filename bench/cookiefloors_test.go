package bench

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/cookiecache"
)

// Floors: the least work that does the same, by hand; here with cookies, with the very
// ones that ours issues. They check neither expiry nor version, know no old secrets,
// and take the first cookie of a name.

const (
	tokenCookie = "better-auth.session_token="
	dataCookie  = "better-auth.session_data="
)

// macs are HMAC states that know the secret, with the memory that they write to.
var macs = sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, []byte(secret))} }}

type mac struct {
	hash.Hash
	sum, sent        [sha256.Size + 1]byte // base64 of a sum may decode to one more
	value            [128]byte
	encoded, decoded []byte
	payload          [1 << 10]byte
}

// presented is the value of a cookie in the Cookie header, as it was sent.
func presented(r *http.Request, name string) string {
	for _, line := range r.Header["Cookie"] {
		if at := strings.Index(line, name); at >= 0 {
			value, _, _ := strings.Cut(line[at+len(name):], ";")
			return value
		}
	}
	return ""
}

// holds reports whether signature, base64 of an HMAC, is that of the parts.
func (m *mac) holds(signature []byte, encoding *base64.Encoding, parts ...[]byte) bool {
	n, err := encoding.Decode(m.sent[:], signature)
	if err != nil {
		return false
	}
	m.Reset()
	for _, part := range parts {
		m.Write(part)
	}
	return hmac.Equal(m.sent[:n], m.Sum(m.sum[:0]))
}

// token verifies the session cookie and returns its token.
func (m *mac) token(r *http.Request) (string, bool) {
	raw := presented(r, tokenCookie)
	token, signature, ok := strings.Cut(raw, ".")
	if !ok || len(raw) > 200 {
		return "", false
	}
	value := append(m.value[:0], token...)
	for i := 0; i < len(signature) && len(value) < cap(value); i++ {
		c := signature[i]
		if c == '%' && len(signature) >= i+3 {
			code, err := strconv.ParseUint(signature[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			c, i = byte(code), i+2
		}
		value = append(value, c)
	}
	if len(value)-len(token) != base64.StdEncoding.EncodedLen(sha256.Size) {
		return "", false
	}
	return token, m.holds(value[len(token):], base64.StdEncoding, value[:len(token)])
}

// open verifies a value of the cookie cache of format compact and returns its
// payload, which is good until the next call.
func (m *mac) open(value string) ([]byte, bool) {
	m.encoded = append(m.encoded[:0], value...)
	var err error
	if m.decoded, err = base64.RawURLEncoding.AppendDecode(m.decoded[:0], m.encoded); err != nil {
		return nil, false
	}
	// {"session":P,"expiresAt":E,"signature":"S"}; S is of P with E put into it.
	rest, ok := bytes.CutPrefix(m.decoded, []byte(`{"session":`))
	end := bytes.LastIndex(rest, []byte(`,"signature":"`))
	if !ok || end < 0 {
		return nil, false
	}
	middle := bytes.LastIndex(rest[:end], []byte(`,"expiresAt":`))
	signature := bytes.TrimSuffix(rest[end+len(`,"signature":"`):], []byte(`"}`))
	if middle < 1 || len(signature) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return nil, false
	}
	rest[end] = '}'
	return rest[:middle], m.holds(signature, base64.RawURLEncoding, rest[:middle-1], rest[middle:end+1])
}

// seal appends the payload as a value of the cookie cache of format compact.
func (m *mac) seal(value, payload []byte, expires time.Time) []byte {
	text := append(append(m.decoded[:0], `{"session":`...), payload...)
	end := len(text)
	text = strconv.AppendInt(append(text, `,"expiresAt":`...), expires.UnixMilli(), 10)
	text = append(text, '}')
	m.Reset()
	_, _ = m.Write(payload[:len(payload)-1])
	_, _ = m.Write(text[end:])
	text = append(text[:len(text)-1], `,"signature":"`...)
	text = base64.RawURLEncoding.AppendEncode(text, m.Sum(m.sum[:0]))
	m.decoded = append(text, `"}`...)
	return base64.RawURLEncoding.AppendEncode(value, m.decoded)
}

// byHand is a site whose GET /me is a handler, and whose visitors sign in at ours.
func byHand(me gin.HandlerFunc) func(testing.TB) *site {
	return func(tb testing.TB) *site {
		ours := cachedSite(cookiecache.Compact)(tb)
		engine := gin.New()
		engine.POST("/sign-in", gin.WrapH(ours.handler))
		engine.GET("/me", me)
		return &site{handler: engine}
	}
}

// issuedByHand is a site that signs visitors in by hand, with cookies that ours reads.
func issuedByHand(tb testing.TB) *site {
	ours := cachedSite(cookiecache.Compact)(tb)
	engine := gin.New()
	engine.POST("/sign-in", issueCompact)
	engine.GET("/me", gin.WrapH(ours.handler))
	return &site{handler: engine}
}

// issueCompact makes a session and issues its two cookies, without a store.
func issueCompact(c *gin.Context) {
	now := millis(time.Now())
	r := adasRow(now)
	setToken(c, r.token)

	m := macs.Get().(*mac)
	defer macs.Put(m)
	m.encoded = m.seal(append(m.encoded[:0], dataCookie...), appendPayload(m.payload[:0], &r, now), now.Add(5*time.Minute))
	m.encoded = append(m.encoded, "; Max-Age=300; Path=/; HttpOnly; SameSite=Lax"...)
	header := c.Writer.Header()
	header["Set-Cookie"] = append(header["Set-Cookie"], string(m.encoded))
	header["Cache-Control"], header["Vary"] = []string{"no-store"}, []string{"Cookie"}
	c.Status(http.StatusNoContent)
}

func nothing(c *gin.Context) { c.Status(http.StatusNoContent) }

// checkToken is the one HMAC that a forged cookie must cost.
func checkToken(c *gin.Context) {
	m := macs.Get().(*mac)
	defer macs.Put(m)
	if _, ok := m.token(c.Request); !ok {
		c.Status(http.StatusUnauthorized)
		return
	}
	c.Status(http.StatusNoContent)
}

// checkCompact is the least that a read of Better Auth's compact cookie cache can
// be: two HMACs, one base64, and a comparison of two places with a token.
func checkCompact(c *gin.Context) {
	m := macs.Get().(*mac)
	defer macs.Put(m)
	token, ok := m.token(c.Request)
	if !ok {
		c.Status(http.StatusUnauthorized)
		return
	}
	payload, ok := m.open(presented(c.Request, dataCookie))
	if !ok || !bytes.Contains(payload, []byte(ada)) || !containsText(payload, token) {
		c.Status(http.StatusUnauthorized)
		return
	}
	c.Status(http.StatusNoContent)
}

// containsText is bytes.Contains without making bytes of the text.
func containsText(payload []byte, text string) bool {
	for at := 0; at+len(text) <= len(payload); at++ {
		next := bytes.IndexByte(payload[at:], text[0])
		if at += next; next < 0 || at+len(text) > len(payload) {
			return false
		}
		if string(payload[at:at+len(text)]) == text {
			return true
		}
	}
	return false
}

func tokenByHand(c *gin.Context) (string, bool) {
	m := macs.Get().(*mac)
	defer macs.Put(m)
	return m.token(c.Request)
}

func setToken(c *gin.Context, token string) {
	m := macs.Get().(*mac)
	defer macs.Put(m)
	m.Reset()
	_, _ = m.Write(append(m.value[:0], token...))
	signature := base64.StdEncoding.EncodeToString(m.Sum(m.sum[:0]))
	c.Writer.Header()["Set-Cookie"] = []string{tokenCookie + token + "." + url.QueryEscape(signature) + "; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"}
}

// appendPayload is what the cookie cache holds.
func appendPayload(body []byte, r *row, now time.Time) []byte {
	body = appendSession(append(body, `{"session":`...), r)
	body = appendUser(append(body, `,"user":`...), r)
	body = strconv.AppendInt(append(body, `,"updatedAt":`...), now.UnixMilli(), 10)
	return append(body, `,"version":"1"}`...)
}

func appendSession(body []byte, r *row) []byte {
	body = appendTime(body, `{"expiresAt":"`, r.expiresAt)
	body = appendText(body, `,"token":"`, r.token)
	body = appendTime(body, `,"createdAt":"`, r.createdAt)
	body = appendTime(body, `,"updatedAt":"`, r.updatedAt)
	body = appendText(body, `,"ipAddress":"`, r.ip.String)
	body = appendText(body, `,"userAgent":"`, r.agent.String)
	body = appendText(body, `,"userId":"`, r.userID)
	body = appendText(body, `,"id":"`, r.id)
	return append(body, '}')
}

func appendUser(body []byte, r *row) []byte {
	body = appendText(body, `{"name":"`, r.name)
	body = appendText(body, `,"email":"`, r.email)
	body = strconv.AppendBool(append(body, `,"emailVerified":`...), r.verified)
	body = appendTime(body, `,"image":null,"createdAt":"`, r.userCreatedAt)
	body = appendTime(body, `,"updatedAt":"`, r.userUpdatedAt)
	body = appendText(body, `,"id":"`, r.user)
	return append(body, '}')
}

func appendText(body []byte, key, value string) []byte {
	return append(append(append(body, key...), value...), '"')
}

func appendTime(body []byte, key string, t time.Time) []byte {
	return append(t.AppendFormat(append(body, key...), "2006-01-02T15:04:05.000Z"), '"')
}
