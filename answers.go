package ginsession

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/strictjson"
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
