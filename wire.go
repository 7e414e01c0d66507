package ginsession

import (
	"bytes"
	"crypto/subtle"
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
	h := c.Writer.Header()
	h["Content-Type"] = jsonType
	h["X-Content-Type-Options"] = noSniff
	c.Writer.WriteHeader(status)
	_, _ = c.Writer.WriteString(body)
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
func refuseLoad(c *gin.Context, err error) {
	if isAnswer(err) {
		refuse(c, unauthorized)
		return
	}
	refuse(c, unavailable)
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
func appendStored(dst []byte, s models.Session, token string) []byte {
	dst = append(dst, '{')
	dst = appendInstant(dst, "expiresAt", s.ExpiresAt)
	dst = appendText(dst, "token", token)
	dst = appendInstant(dst, "createdAt", s.CreatedAt)
	dst = appendInstant(dst, "updatedAt", s.UpdatedAt)
	dst = appendNullable(dst, "ipAddress", s.IPAddress)
	dst = appendNullable(dst, "userAgent", s.UserAgent)
	dst = appendText(dst, "userId", s.UserID)
	dst = appendText(dst, "id", s.ID)
	return append(dst, '}')
}

func appendStoredUser(dst []byte, u models.User) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, "name", u.Name)
	dst = appendText(dst, "email", u.Email)
	dst = strconv.AppendBool(appendMember(dst, "emailVerified"), u.EmailVerified)
	dst = appendNullable(dst, "image", u.Image)
	dst = appendInstant(dst, "createdAt", u.CreatedAt)
	dst = appendInstant(dst, "updatedAt", u.UpdatedAt)
	dst = appendText(dst, "id", u.ID)
	return append(dst, '}')
}

// appendCached writes a session in the order of Better Auth's cookie cache.
func appendCached(dst []byte, s models.Session, token string) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, "id", s.ID)
	dst = appendInstant(dst, "createdAt", s.CreatedAt)
	dst = appendInstant(dst, "updatedAt", s.UpdatedAt)
	dst = appendText(dst, "userId", s.UserID)
	dst = appendInstant(dst, "expiresAt", s.ExpiresAt)
	dst = appendText(dst, "token", token)
	dst = appendNullable(dst, "ipAddress", s.IPAddress)
	dst = appendNullable(dst, "userAgent", s.UserAgent)
	return append(dst, '}')
}

// appendCachedUser lower-cases the address, as Better Auth does on that way.
func appendCachedUser(dst []byte, u models.User) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, "id", u.ID)
	dst = appendInstant(dst, "createdAt", u.CreatedAt)
	dst = appendInstant(dst, "updatedAt", u.UpdatedAt)
	dst = appendText(dst, "email", strings.ToLower(u.Email))
	dst = strconv.AppendBool(appendMember(dst, "emailVerified"), u.EmailVerified)
	dst = appendText(dst, "name", u.Name)
	dst = appendNullable(dst, "image", u.Image)
	return append(dst, '}')
}

// appendSessionAndUser writes the body of /get-session up to the last brace.
func (m *Manager) appendSessionAndUser(dst []byte, o *outcome) []byte {
	session, user := appendStored, appendStoredUser
	if o.cached {
		session, user = appendCached, appendCachedUser
	}
	dst = append(dst, `{"session":`...)
	dst = session(dst, o.row, m.publicToken(o.row.Token))
	dst = append(dst, `,"user":`...)
	return user(dst, o.user)
}

// publicToken is what JSON shows for a stored token: a handle, or under
// ExposeTokens the token.
func (m *Manager) publicToken(stored string) string {
	if m.exposeTokens {
		return stored
	}
	return m.handles.of(stored)
}

// cachePayload writes what the cookie cache holds: Better Auth's payload, with
// the token, which the copy must name.
func cachePayload(s models.Session, u models.User, issuedAt time.Time, version string) []byte {
	dst := make([]byte, 0, 1024)
	dst = append(dst, `{"session":`...)
	dst = appendStored(dst, s, s.Token)
	dst = append(dst, `,"user":`...)
	dst = appendStoredUser(dst, u)
	dst = append(dst, `,"updatedAt":`...)
	dst = strconv.AppendInt(dst, issuedAt.UnixMilli(), 10)
	dst = appendText(dst, "version", version)
	return append(dst, '}')
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
func parseCachePayload(payload []byte) (cachedCopy, bool) {
	copied := cachedCopy{version: "1"} // Better Auth: version || "1"
	var session, user, issued bool
	ok := members(payload, func(key string, value []byte) bool {
		switch key {
		case "session":
			session = parseCachedSession(value, &copied.row)
			return session
		case "user":
			user = parseCachedUser(value, &copied.user)
			return user
		case "updatedAt":
			ms, err := strconv.ParseInt(string(value), 10, 64)
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

func parseCachedSession(value []byte, s *models.Session) bool {
	ok := members(value, func(key string, value []byte) bool {
		switch key {
		case "id":
			return readText(value, &s.ID)
		case "token":
			return readText(value, &s.Token)
		case "userId":
			return readText(value, &s.UserID)
		case "expiresAt":
			return readInstant(value, &s.ExpiresAt)
		case "createdAt":
			return readInstant(value, &s.CreatedAt)
		case "updatedAt":
			return readInstant(value, &s.UpdatedAt)
		case "ipAddress":
			return readNullable(value, &s.IPAddress)
		case "userAgent":
			return readNullable(value, &s.UserAgent)
		}
		return true
	})
	return ok && s.ID != "" && s.Token != "" && s.UserID != "" &&
		!s.ExpiresAt.IsZero() && !s.CreatedAt.IsZero() && !s.UpdatedAt.IsZero()
}

func parseCachedUser(value []byte, u *models.User) bool {
	var name, email bool
	ok := members(value, func(key string, value []byte) bool {
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
			u.EmailVerified = bytes.Equal(value, []byte("true"))
			return u.EmailVerified || bytes.Equal(value, []byte("false"))
		case "image":
			return readNullable(value, &u.Image)
		case "createdAt":
			return readInstant(value, &u.CreatedAt)
		case "updatedAt":
			return readInstant(value, &u.UpdatedAt)
		}
		return true
	})
	return ok && name && email && u.ID != "" && !u.CreatedAt.IsZero() && !u.UpdatedAt.IsZero()
}

// maxMembers is how many members an object that we read may have.
const maxMembers = 256

// members walks an object and refuses one that names a member twice.
func members(src []byte, member func(key string, value []byte) bool) bool {
	seen := make([]string, 0, 16)
	return strictjson.Object(src, func(key, value []byte) bool {
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
func readText(value []byte, into *string) bool {
	s, ok := strictjson.Text(value)
	*into = s
	return ok && !strictjson.LooksLikeTime(s)
}

func readNullable(value []byte, into **string) bool {
	if bytes.Equal(value, []byte("null")) {
		*into = nil
		return true
	}
	var s string
	*into = &s
	return readText(value, &s)
}

func readInstant(value []byte, into *time.Time) bool {
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
