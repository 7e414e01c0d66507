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

// copy verifies the cookie cache of format compact and returns its payload, which
// is good until the next call.
func (m *mac) copy(r *http.Request) ([]byte, bool) {
	m.encoded = append(m.encoded[:0], presented(r, dataCookie)...)
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
	payload, ok := m.copy(c.Request)
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
	find, create, touch, revoke, list *sql.Stmt
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

func appendJSON(body []byte, r *row, comma bool) []byte {
	if comma {
		body = append(body, ',')
	}
	text := func(key, value string) {
		body = append(body, key...)
		body = append(body, value...)
		body = append(body, '"')
	}
	moment := func(key string, t time.Time) {
		body = append(body, key...)
		body = t.AppendFormat(body, "2006-01-02T15:04:05.000Z")
		body = append(body, '"')
	}
	moment(`{"expiresAt":"`, r.expiresAt)
	text(`,"token":"`, r.token)
	moment(`,"createdAt":"`, r.createdAt)
	moment(`,"updatedAt":"`, r.updatedAt)
	text(`,"ipAddress":"`, r.ip.String)
	text(`,"userAgent":"`, r.agent.String)
	text(`,"userId":"`, r.userID)
	text(`,"id":"`, r.id)
	return append(body, '}')
}
