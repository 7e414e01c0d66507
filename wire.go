package ginsession

import (
	"crypto/subtle"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/strictjson"
	"github.com/ginsession/ginsession/models"
)

// A refusal is an answer other than success: status and body as Better Auth
// sends them, byte for byte.
type refusal struct {
	status int
	body   string
}

// The answers that need no detail. Messages and codes are Better Auth's, but
// for the last two, which it does not have.
var (
	invalidSessionToken = refused(http.StatusUnauthorized, "INVALID_SESSION_TOKEN", "Invalid session token")

	unauthorized    = refused(http.StatusUnauthorized, "UNAUTHORIZED", "Unauthorized")
	notFresh        = refused(http.StatusForbidden, "SESSION_NOT_FRESH", "Session is not fresh")
	missingOrigin   = refused(http.StatusForbidden, "MISSING_OR_NULL_ORIGIN", "Missing or null Origin")
	invalidOrigin   = refused(http.StatusForbidden, "INVALID_ORIGIN", "Invalid origin")
	invalidJSON     = refused(http.StatusBadRequest, "BAD_REQUEST", "Invalid JSON in request body")
	nothingToUpdate = refused(http.StatusBadRequest, "", "No fields to update")
	postNeedsDefer  = refused(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED", "POST method requires deferSessionRefresh to be enabled in session config")
	sessionGone     = refused(http.StatusUnauthorized, "FAILED_TO_GET_SESSION", "Failed to get session")
	sessionUnknown  = refused(http.StatusServiceUnavailable, "FAILED_TO_GET_SESSION", "Failed to get session")

	bodyTooLarge = refused(http.StatusRequestEntityTooLarge, "PAYLOAD_TOO_LARGE", "Request body is too large")
	unavailable  = refused(http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", "Service unavailable")
)

func refused(status int, code, message string) *refusal {
	body := append([]byte(`{"message":`), strictjson.AppendString(nil, message)...)
	if code != "" {
		body = append(append(body, `,"code":`...), strictjson.AppendString(nil, code)...)
	}
	return &refusal{status, string(append(body, '}'))}
}

// invalid is the answer to a body that has not the right shape. The wording is
// zod's, on which Better Auth builds.
func invalid(path, want string, got strictjson.Kind) *refusal {
	return refused(http.StatusBadRequest, "VALIDATION_ERROR", "["+path+"] Invalid input: expected "+want+", received "+kindName(got))
}

func kindName(k strictjson.Kind) string {
	if k == strictjson.KindInvalid {
		return "undefined"
	}
	return k.String()
}

var (
	jsonType   = []string{"application/json"}
	noStore    = []string{"no-store"}
	noCache    = []string{"no-cache"}
	noSniff    = []string{"nosniff"}
	retryAfter = []string{"1"}
)

// answer writes a JSON body. Better Auth's content type has no charset.
func answer(c *gin.Context, status int, body string) {
	beginJSON(c, status)
	_, _ = c.Writer.WriteString(body)
}

// answerBuilt is answer with 200 and a body that was built for it.
func answerBuilt(c *gin.Context, body []byte) {
	beginJSON(c, http.StatusOK)
	_, _ = c.Writer.Write(body)
}

func beginJSON(c *gin.Context, status int) {
	h := c.Writer.Header()
	h["Content-Type"] = jsonType
	h["X-Content-Type-Options"] = noSniff
	c.Writer.WriteHeader(status)
}

// refuse ends the request with a refusal.
func refuse(c *gin.Context, r *refusal) {
	h := c.Writer.Header()
	h["Cache-Control"] = noStore
	if r.status == http.StatusServiceUnavailable {
		h["Retry-After"] = retryAfter
	}
	c.Abort()
	answer(c, r.status, r.body)
}

// refuseLoad ends the request for the reason that load gave.
func (m *Manager) refuseLoad(c *gin.Context, err error) {
	if isAnswer(err) {
		refuse(c, m.explained(unauthorized, err))
		return
	}
	refuse(c, unavailable)
}

// explained is a refusal with the reason for which the session ended, if there is
// one and ExposeReasons is set.
func (m *Manager) explained(r *refusal, err error) *refusal {
	var ended *EndedError
	if !m.exposeReasons || !errors.As(err, &ended) {
		return r
	}
	body := appendText([]byte(strings.TrimSuffix(r.body, "}")), "reason", string(ended.Reason))
	return &refusal{r.status, string(append(body, '}'))}
}

// JSON of sessions and users. The order of keys is part of the bytes: rows
// from the store and from the cookie cache come in different ones, as in
// Better Auth.

func appendMember(dst []byte, key string) []byte {
	if last := dst[len(dst)-1]; last != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, key...)
	return append(dst, '"', ':')
}

func appendText(dst []byte, key, value string) []byte {
	return strictjson.AppendString(appendMember(dst, key), value)
}

func appendNullable(dst []byte, key string, value *string) []byte {
	dst = appendMember(dst, key)
	if value == nil {
		return append(dst, "null"...)
	}
	return strictjson.AppendString(dst, *value)
}

func appendInstant(dst []byte, key string, t time.Time) []byte {
	return strictjson.AppendTime(appendMember(dst, key), t)
}

// appendStored writes a session in the order of the store. token is what takes
// the token's place.
func (m *Manager) appendStored(dst []byte, s models.Session, token string) []byte {
	dst = append(dst, '{')
	dst = appendInstant(dst, "expiresAt", s.ExpiresAt)
	dst = appendText(dst, "token", token)
	dst = appendInstant(dst, "createdAt", s.CreatedAt)
	dst = appendInstant(dst, "updatedAt", s.UpdatedAt)
	dst = appendNullable(dst, "ipAddress", s.IPAddress)
	dst = appendNullable(dst, "userAgent", s.UserAgent)
	dst = appendText(dst, "userId", s.UserID)
	dst = appendFields(dst, m.sessionFields, s.Fields)
	dst = appendText(dst, "id", s.ID)
	return append(dst, '}')
}

func (m *Manager) appendStoredUser(dst []byte, u models.User) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, "name", u.Name)
	dst = appendText(dst, "email", u.Email)
	dst = strconv.AppendBool(appendMember(dst, "emailVerified"), u.EmailVerified)
	dst = appendNullable(dst, "image", u.Image)
	dst = appendInstant(dst, "createdAt", u.CreatedAt)
	dst = appendInstant(dst, "updatedAt", u.UpdatedAt)
	dst = appendFields(dst, m.userFields, u.Fields)
	dst = appendText(dst, "id", u.ID)
	return append(dst, '}')
}

// appendCached writes a session in the order of Better Auth's cookie cache.
func (m *Manager) appendCached(dst []byte, s models.Session, token string) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, "id", s.ID)
	dst = appendInstant(dst, "createdAt", s.CreatedAt)
	dst = appendInstant(dst, "updatedAt", s.UpdatedAt)
	dst = appendText(dst, "userId", s.UserID)
	dst = appendInstant(dst, "expiresAt", s.ExpiresAt)
	dst = appendText(dst, "token", token)
	dst = appendNullable(dst, "ipAddress", s.IPAddress)
	dst = appendNullable(dst, "userAgent", s.UserAgent)
	dst = appendFields(dst, m.sessionFields, s.Fields)
	return append(dst, '}')
}

// appendCachedUser lower-cases the address, as Better Auth does on that way.
func (m *Manager) appendCachedUser(dst []byte, u models.User) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, "id", u.ID)
	dst = appendInstant(dst, "createdAt", u.CreatedAt)
	dst = appendInstant(dst, "updatedAt", u.UpdatedAt)
	dst = appendText(dst, "email", strings.ToLower(u.Email))
	dst = strconv.AppendBool(appendMember(dst, "emailVerified"), u.EmailVerified)
	dst = appendText(dst, "name", u.Name)
	dst = appendNullable(dst, "image", u.Image)
	dst = appendFields(dst, m.userFields, u.Fields)
	return append(dst, '}')
}

// appendFields writes the additional fields that may be seen, in the order of
// their declaration.
func appendFields(dst []byte, fields []models.Field, values map[string]any) []byte {
	for _, field := range fields {
		if !field.Returned {
			continue
		}
		dst = appendMember(dst, field.Name)
		switch v := values[field.Name].(type) {
		case string:
			dst = strictjson.AppendString(dst, v)
		case int64:
			dst = strconv.AppendInt(dst, v, 10)
		case bool:
			dst = strconv.AppendBool(dst, v)
		case time.Time:
			dst = strictjson.AppendTime(dst, v)
		default:
			dst = append(dst, "null"...)
		}
	}
	return dst
}

// appendSessionAndUser writes the body of /get-session up to the last brace.
func (m *Manager) appendSessionAndUser(dst []byte, o *outcome) []byte {
	if o.source != FromCookieCache {
		return m.appendFound(dst, o.row, o.user)
	}
	dst = append(dst, `{"session":`...)
	dst = m.appendCached(dst, o.row, m.publicToken(o.row.Token))
	dst = append(dst, `,"user":`...)
	return m.appendCachedUser(dst, o.user)
}

// appendFound is the same for what was read from the store.
func (m *Manager) appendFound(dst []byte, s models.Session, u models.User) []byte {
	dst = append(dst, `{"session":`...)
	dst = m.appendStored(dst, s, m.publicToken(s.Token))
	dst = append(dst, `,"user":`...)
	return m.appendStoredUser(dst, u)
}

// publicToken is what JSON shows for a token: a handle, or under ExposeTokens the
// token.
func (m *Manager) publicToken(token string) string {
	if m.exposeTokens {
		return token
	}
	return m.handles.of(m.stored(token))
}

// appendCachePayload writes what the cookie cache holds: Better Auth's payload, with
// the token, which the copy must name.
func (m *Manager) appendCachePayload(dst []byte, o original) []byte {
	user := m.appendStoredUser
	if o.userInCacheOrder {
		user = m.appendCachedUser
	}
	dst = append(dst, `{"session":`...)
	dst = m.appendStored(dst, o.row, m.stored(o.row.Token))
	dst = append(dst, `,"user":`...)
	dst = user(dst, o.user)
	dst = append(dst, `,"updatedAt":`...)
	dst = strconv.AppendInt(dst, o.readAt.UnixMilli(), 10)
	dst = appendText(dst, "version", m.cacheVersion(o.row, o.user, false))
	return append(dst, '}')
}

// cacheVersion is what copies of this session must bear.
func (m *Manager) cacheVersion(s models.Session, u models.User, cached bool) string {
	if m.cache.versionOf == nil {
		return m.cache.version
	}
	session := m.session(s, u, cached)
	dropHidden(session.Fields, m.sessionFields)
	dropHidden(session.User.Fields, m.userFields)
	return m.cache.versionOf(session)
}

// dropHidden leaves what a copy holds, so that a version is the same when a copy
// is made and when it is read.
func dropHidden(values map[string]any, fields []models.Field) {
	for _, field := range fields {
		if !field.Returned {
			delete(values, field.Name)
		}
	}
}

// cachedCopy is a decoded payload.
type cachedCopy struct {
	row      models.Session
	user     models.User
	issuedAt time.Time
	version  string
}

// parseCachePayload reads a payload whose signature holds. It is as strict as
// the shape check of Better Auth and stricter where that coerces: what we
// refuse is merely read from the store instead.
func (m *Manager) parseCachePayload(payload string) (cachedCopy, bool) {
	copied := cachedCopy{version: "1"} // Better Auth: version || "1"
	var session, user, issued bool
	ok := members(payload, func(key, value string) bool {
		switch key {
		case "session":
			session = parseCachedSession(value, m.sessionFields, &copied.row)
			return session
		case "user":
			user = parseCachedUser(value, m.userFields, &copied.user)
			return user
		case "updatedAt":
			ms, err := strconv.ParseInt(value, 10, 64)
			issued = err == nil
			copied.issuedAt = time.UnixMilli(ms).UTC()
			return issued
		case "version":
			return readText(value, &copied.version)
		}
		return true
	})
	return copied, ok && session && user && issued
}

func parseCachedSession(value string, fields []models.Field, s *models.Session) bool {
	var expires, created, updated bool
	texts := new([2]string) // of ipAddress and userAgent: one allocation
	ok := members(value, func(key, value string) bool {
		switch key {
		case "id":
			return readText(value, &s.ID)
		case "token":
			return readText(value, &s.Token)
		case "userId":
			return readText(value, &s.UserID)
		case "expiresAt":
			expires = readInstant(value, &s.ExpiresAt)
			return expires
		case "createdAt":
			created = readInstant(value, &s.CreatedAt)
			return created
		case "updatedAt":
			updated = readInstant(value, &s.UpdatedAt)
			return updated
		case "ipAddress":
			return readNullable(value, &s.IPAddress, &texts[0])
		case "userAgent":
			return readNullable(value, &s.UserAgent, &texts[1])
		}
		return readField(fields, key, value, &s.Fields)
	})
	return ok && s.ID != "" && s.Token != "" && s.UserID != "" && expires && created && updated && whole(fields, s.Fields)
}

func parseCachedUser(value string, fields []models.Field, u *models.User) bool {
	var name, email, created, updated bool
	ok := members(value, func(key, value string) bool {
		switch key {
		case "id":
			return readText(value, &u.ID)
		case "name":
			name = true
			return readText(value, &u.Name)
		case "email":
			email = true
			return readText(value, &u.Email)
		case "emailVerified":
			u.EmailVerified = value == "true"
			return u.EmailVerified || value == "false"
		case "image":
			return readNullable(value, &u.Image, nil)
		case "createdAt":
			created = readInstant(value, &u.CreatedAt)
			return created
		case "updatedAt":
			updated = readInstant(value, &u.UpdatedAt)
			return updated
		}
		return readField(fields, key, value, &u.Fields)
	})
	return ok && u.ID != "" && name && email && created && updated && whole(fields, u.Fields)
}

// readField reads an additional field of a copy. Members that are not declared
// are ignored, and so are those that a copy should not hold.
func readField(fields []models.Field, key string, value string, into *map[string]any) bool {
	i := slices.IndexFunc(fields, func(f models.Field) bool { return f.Name == key })
	if i < 0 || !fields[i].Returned {
		return true
	}
	read, ok := fieldValue(fields[i].Type, value)
	if s, isText := read.(string); isText && strictjson.LooksLikeTime(s) {
		return false // see readText
	}
	if *into == nil {
		*into = make(map[string]any, len(fields))
	}
	(*into)[key] = read
	return ok
}

// whole reports whether a copy holds all the fields that it should: one that
// was made before a field was declared knows nothing about it.
func whole(fields []models.Field, values map[string]any) bool {
	for _, field := range fields {
		if _, ok := values[field.Name]; field.Returned && !ok {
			return false
		}
	}
	return true
}

// fieldValue reads the JSON of a field: the type's Go value, or nil for null.
func fieldValue(t models.Type, value string) (any, bool) {
	kind := strictjson.KindOf(value)
	switch {
	case kind == strictjson.KindNull:
		return nil, true
	case t == models.String && kind == strictjson.KindString:
		return strictjson.Text(value)
	case t == models.Number && kind == strictjson.KindNumber:
		return wholeNumber(value)
	case t == models.Boolean && kind == strictjson.KindBoolean:
		return value[0] == 't', true
	case t == models.Date && kind == strictjson.KindString:
		text, _ := strictjson.Text(value)
		at, err := time.Parse(time.RFC3339Nano, text) // with an offset too
		return at.UTC().Truncate(time.Millisecond), err == nil
	}
	return nil, false
}

// wholeNumber reads a number as JavaScript does, if it is a whole one that
// JavaScript can tell from its neighbours.
func wholeNumber(value string) (any, bool) {
	const largest = 1<<53 - 1 // Number.MAX_SAFE_INTEGER
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || n != math.Trunc(n) || math.Abs(n) > largest {
		return nil, false
	}
	return int64(n), true
}

// maxMembers is how many members an object that we read may have.
const maxMembers = 256

// members walks an object and refuses one that names a member twice.
func members(src string, member func(key, value string) bool) bool {
	seen := make([]string, 0, 16)
	return strictjson.Object(src, func(key, value string) bool {
		k := string(key)
		if len(seen) == maxMembers || slices.Contains(seen, k) {
			return false
		}
		seen = append(seen, k)
		return member(k, value)
	})
}

// readText refuses a string that Better Auth would turn into a time on
// reading: a user so named never gets a cache hit there either.
func readText(value string, into *string) bool {
	s, ok := strictjson.Text(value)
	*into = s
	return ok && !strictjson.LooksLikeTime(s)
}

// readNullable reads a text or null. into is where the text goes, nil for memory of
// its own.
func readNullable(value string, text **string, into *string) bool {
	if value == "null" {
		*text = nil
		return true
	}
	if into == nil {
		into = new(string)
	}
	*text = into
	return readText(value, into)
}

func readInstant(value string, into *time.Time) bool {
	s, ok := strictjson.Text(value)
	if !ok {
		return false
	}
	*into, ok = strictjson.ParseTime(s)
	return ok
}

// sameToken compares two tokens in constant time.
func sameToken(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
