package emailpassword

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/gin-gonic/gin"
)

const (
	maxBody     = 64 << 10 // bytes
	minPassword = 8        // UTF-16 units, as JavaScript counts
	maxPassword = 128
	maxColumn   = 255 // characters of user.name and user.email
)

// A refusal is an error that the client is told.
type refusal struct {
	status  int
	Message string `json:"message"`
	Code    string `json:"code"`
}

func (r *refusal) Error() string { return r.Code + ": " + r.Message }

// Better Auth's words, as its version 1.7 says them.
var (
	errInvalidJSON      = &refusal{http.StatusBadRequest, "Invalid JSON in request body", "BAD_REQUEST"}
	errInvalidEmail     = &refusal{http.StatusBadRequest, "Invalid email", "INVALID_EMAIL"}
	errPasswordTooShort = &refusal{http.StatusBadRequest, "Password too short", "PASSWORD_TOO_SHORT"}
	errPasswordTooLong  = &refusal{http.StatusBadRequest, "Password too long", "PASSWORD_TOO_LONG"}
	errWrongPassword    = &refusal{http.StatusUnauthorized, "Invalid email or password", "INVALID_EMAIL_OR_PASSWORD"}
	errBodyTooLarge     = &refusal{http.StatusRequestEntityTooLarge, "Request body is too large", "PAYLOAD_TOO_LARGE"}
	errUserExists       = &refusal{http.StatusUnprocessableEntity, "User already exists. Use another email.", "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"}
	errUserNotCreated   = &refusal{http.StatusUnprocessableEntity, "Failed to create user", "FAILED_TO_CREATE_USER"}
	errUnavailable      = &refusal{http.StatusServiceUnavailable, "Service unavailable", "SERVICE_UNAVAILABLE"}
)

// emailAddress is the pattern that Better Auth's validator uses. It admits
// ASCII only, so lower-casing and comparing need no Unicode rules.
var emailAddress = regexp.MustCompile(`^(?:[A-Za-z0-9_'+\-]+\.)*[A-Za-z0-9_'+\-]*[A-Za-z0-9_+\-]@(?:[A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$`)

// fields are the members of a request's JSON object. Each accessor notes what
// is wrong with its field; err reports all of it, in the order of the calls.
type fields struct {
	values map[string]any
	faults []string
}

// readBody reads the request's JSON object. shapes are the words for it: for
// anything but an object the answer is one complaint for each.
func readBody(c *gin.Context, shapes ...string) (*fields, error) {
	var value any = absent{}
	if contentType := c.GetHeader("Content-Type"); contentType != "" && c.Request.ContentLength != 0 {
		if media, _, _ := strings.Cut(contentType, ";"); !strings.EqualFold(strings.TrimSpace(media), "application/json") {
			return nil, &refusal{http.StatusUnsupportedMediaType,
				`Content-Type "` + contentType + `" is not allowed. Allowed types: application/json`, "UNSUPPORTED_MEDIA_TYPE"}
		}
		raw, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			return nil, errBodyTooLarge
		case err != nil, json.Unmarshal(raw, &value) != nil:
			return nil, errInvalidJSON
		}
	}
	values, ok := value.(map[string]any)
	if !ok {
		f := &fields{}
		for _, shape := range shapes {
			f.complain("", shape, value)
		}
		return nil, f.err()
	}
	return &fields{values: values}, nil
}

// absent stands for JavaScript's undefined.
type absent struct{}

func (f *fields) value(name string) any {
	if v, ok := f.values[name]; ok {
		return v
	}
	return absent{}
}

func (f *fields) text(name string) string {
	text, ok := f.value(name).(string)
	if !ok {
		f.complain(name, "string", f.value(name))
	}
	return text
}

// filled is a text that must not be empty.
func (f *fields) filled(name string) string {
	text, ok := f.value(name).(string)
	switch {
	case !ok:
		f.complain(name, "string", f.value(name))
	case text == "":
		f.faults = append(f.faults, "[body."+name+"] Too small: expected string to have >=1 characters")
	}
	return text
}

// email is a text that must be an e-mail address; the result is in lower case.
func (f *fields) email(name string) string {
	text, ok := f.value(name).(string)
	switch {
	case !ok:
		f.complain(name, "string", f.value(name))
	case !emailAddress.MatchString(text):
		f.faults = append(f.faults, "[body."+name+"] Invalid email address")
	}
	return strings.ToLower(text)
}

func (f *fields) optionalText(name string) *string {
	if f.value(name) == (absent{}) {
		return nil
	}
	text := f.text(name)
	return &text
}

func (f *fields) optionalBool(name string, fallback bool) bool {
	switch v := f.value(name).(type) {
	case bool:
		return v
	case absent:
	default:
		f.complain(name, "boolean", v)
	}
	return fallback
}

// complain notes that the field, or the whole body, has the wrong type.
func (f *fields) complain(name, want string, got any) {
	path := "body"
	if name != "" {
		path += "." + name
	}
	f.faults = append(f.faults, fmt.Sprintf("[%s] Invalid input: expected %s, received %s", path, want, jsType(got)))
}

func (f *fields) err() error {
	if len(f.faults) == 0 {
		return nil
	}
	return &refusal{http.StatusBadRequest, strings.Join(f.faults, "; "), "VALIDATION_ERROR"}
}

func jsType(v any) string {
	switch v.(type) {
	case absent:
		return "undefined"
	case nil:
		return "null"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}

// length counts as JavaScript does, in UTF-16 units, so that both sides agree
// on which passwords are too short.
func length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}
