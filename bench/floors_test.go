package bench

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"hash"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/singleflight"

	"github.com/ginsession/ginsession/cookiecache"
)

// Floors: the least work that does the same, by hand. They answer requests with the
// very cookies that ours issue. They check neither expiry nor version, know no old
// secrets, and take the first cookie of a name.

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

// sqlByHand are statements prepared once, on database/sql.
type sqlByHand struct {
	find, again, create, touch, revoke, list *sql.Stmt
}

const allColumns = "`id`, `expiresAt`, `token`, `createdAt`, `updatedAt`, `ipAddress`, `userAgent`, `userId`"

const joinByHand = "SELECT s.`id`, s.`expiresAt`, s.`token`, s.`createdAt`, s.`updatedAt`, s.`ipAddress`, s.`userAgent`, s.`userId`, " +
	"u.`id`, u.`name`, u.`email`, u.`emailVerified`, u.`image`, u.`createdAt`, u.`updatedAt` " +
	"FROM `session` s INNER JOIN `user` u ON u.`id` = s.`userId` WHERE s.`token` = ?"

func prepare(tb testing.TB, pool *sql.DB) *sqlByHand {
	tb.Helper()
	statement := func(text string) *sql.Stmt {
		s, err := pool.Prepare(text)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = s.Close() })
		return s
	}
	return &sqlByHand{
		find:   statement(joinByHand),
		again:  statement("SELECT " + allColumns + " FROM `session` WHERE `token` = ?"),
		create: statement("INSERT INTO `session` (" + allColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
		touch:  statement("UPDATE `session` FORCE INDEX (PRIMARY) SET `expiresAt` = ?, `updatedAt` = ? WHERE `id` = ? AND `token` = ? AND `expiresAt` = ? AND `expiresAt` >= ?"),
		revoke: statement("DELETE FROM `session` WHERE `token` = ?"),
		list:   statement("SELECT " + allColumns + " FROM `session` WHERE `userId` = ? AND `expiresAt` > ? ORDER BY `id` LIMIT 100"),
	}
}

// A row is what the statements read, as little typed as database/sql allows.
type row struct {
	id, token, userID               string
	expiresAt, createdAt, updatedAt time.Time
	ip, agent                       sql.NullString
	user, name, email               string
	verified                        bool
	image                           sql.NullString
	userCreatedAt, userUpdatedAt    time.Time
}

func (s *sqlByHand) read(token string) (r row, err error) {
	err = s.find.QueryRow(token).Scan(&r.id, &r.expiresAt, &r.token, &r.createdAt, &r.updatedAt, &r.ip, &r.agent, &r.userID,
		&r.user, &r.name, &r.email, &r.verified, &r.image, &r.userCreatedAt, &r.userUpdatedAt)
	if err == nil && r.token != token {
		err = sql.ErrNoRows
	}
	return r, err
}

// reread is read without the user.
func (s *sqlByHand) reread(token string) (r row, err error) {
	err = s.again.QueryRow(token).Scan(&r.id, &r.expiresAt, &r.token, &r.createdAt, &r.updatedAt, &r.ip, &r.agent, &r.userID)
	if err == nil && r.token != token {
		err = sql.ErrNoRows
	}
	return r, err
}

func (s *sqlByHand) insert(r row) error {
	_, err := s.create.Exec(r.id, r.expiresAt, r.token, r.createdAt, r.updatedAt, r.ip, r.agent, r.userID)
	return err
}

func (s *sqlByHand) renew(r row, next, now time.Time) error {
	_, err := s.touch.Exec(next, now, r.id, r.token, r.expiresAt, now)
	return err
}

func (s *sqlByHand) end(token string) error {
	_, err := s.revoke.Exec(token)
	return err
}

func (s *sqlByHand) ofUser(userID string, now time.Time) ([]row, error) {
	rows, err := s.list.Query(userID, now)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make([]row, 0, 10)
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.id, &r.expiresAt, &r.token, &r.createdAt, &r.updatedAt, &r.ip, &r.agent, &r.userID); err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, rows.Err()
}

func newRow(now time.Time) row {
	s := newSession(ada, now)
	return row{
		id: s.ID, token: s.Token, userID: ada, expiresAt: s.ExpiresAt, createdAt: now, updatedAt: now,
		ip: sql.NullString{String: *s.IPAddress, Valid: true}, agent: sql.NullString{String: *s.UserAgent, Valid: true},
	}
}

// adasRow is newRow with its user, as it is read.
func adasRow(now time.Time) row {
	r := newRow(now)
	r.user, r.name, r.email, r.verified, r.userCreatedAt, r.userUpdatedAt = ada, "Ada Lovelace", "ada@example.com", true, now, now
	return r
}

func millis(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// storeByHand is a whole application on those statements: a pooled HMAC, one
// statement, and an answer. With renews, each GET /me renews the session; with
// shared, requests for one token share an answer.
func storeByHand(renews, shared bool) func(testing.TB) *site {
	return func(tb testing.TB) *site {
		pool := openSQL(tb, newDSN(tb), false)
		statements := prepare(tb, pool)
		var flights singleflight.Group
		read := statements.read
		if shared {
			read = func(token string) (row, error) {
				found, err, _ := flights.Do(token, func() (any, error) { return statements.read(token) })
				return found.(row), err
			}
		}
		engine := gin.New()
		engine.GET("/me", func(c *gin.Context) {
			token, ok := tokenByHand(c)
			if !ok {
				answer(c, "")
				return
			}
			r, err := read(token)
			if errors.Is(err, sql.ErrNoRows) {
				answer(c, "")
				return
			}
			if err == nil && renews {
				now := millis(time.Now())
				if err = statements.renew(r, r.expiresAt.Add(2*time.Millisecond), now); err == nil {
					setToken(c, token)
				}
			}
			if err != nil {
				done(c, err)
				return
			}
			answer(c, r.user)
		})
		engine.POST("/sign-in", func(c *gin.Context) {
			r := newRow(millis(time.Now()))
			err := statements.insert(r)
			if err == nil {
				setToken(c, r.token)
			}
			done(c, err)
		})
		engine.POST("/sign-out", func(c *gin.Context) {
			token, ok := tokenByHand(c)
			if !ok {
				answer(c, "")
				return
			}
			c.Writer.Header()["Set-Cookie"] = []string{tokenCookie + "; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"}
			done(c, statements.end(token))
		})
		engine.GET("/list", func(c *gin.Context) {
			token, ok := tokenByHand(c)
			if !ok {
				answer(c, "")
				return
			}
			own, err := statements.read(token)
			if err != nil {
				done(c, err)
				return
			}
			rows, err := statements.ofUser(own.userID, millis(time.Now()))
			if err != nil {
				done(c, err)
				return
			}
			body := append(make([]byte, 0, 64+384*len(rows)), '[')
			for i := range rows {
				body = appendJSON(body, &rows[i], i > 0)
			}
			c.Data(http.StatusOK, "application/json", append(body, ']'))
		})
		return &site{handler: engine, counter: byConnection{pool}, later: func() {}}
	}
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
	body = appendJSON(append(body, `{"session":`...), r, false)
	body = appendUser(append(body, `,"user":`...), r)
	body = strconv.AppendInt(append(body, `,"updatedAt":`...), now.UnixMilli(), 10)
	return append(body, `,"version":"1"}`...)
}

func appendJSON(body []byte, r *row, comma bool) []byte {
	if comma {
		body = append(body, ',')
	}
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
