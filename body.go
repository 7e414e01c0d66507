package ginsession

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/strictjson"
)

// maxBody bounds request bodies; the largest legitimate one is a redirect URL.
const maxBody = 64 << 10

// maxDepth bounds how deep JSON may nest.
const maxDepth = 32

// post checks what every POST route checks before anything is looked up: the
// media type by its header alone, then where the request comes from, then the
// body, then the redirects it names. It returns the body, nil if there is
// none, and false if the request has been answered.
func (m *Manager) post(c *gin.Context) (body string, proceed bool) {
	r := c.Request
	contentType := r.Header.Get("Content-Type")
	// Without a Content-Type there is no body, as in Better Auth.
	hasBody := contentType != "" && r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
	if hasBody && !isJSON(contentType) {
		refuse(c, refused(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE",
			`Content-Type "`+clip(contentType)+`" is not allowed. Allowed types: application/json`))
		return "", false
	}
	if fault := m.origins.check(r); fault != nil {
		m.rejected(r.Context(), ReasonOrigin, "", "")
		refuse(c, fault)
		return "", false
	}
	if hasBody {
		read, err := io.ReadAll(http.MaxBytesReader(c.Writer, r.Body, maxBody))
		switch {
		case err != nil:
			var over *http.MaxBytesError
			if errors.As(err, &over) {
				// MaxBytesReader cannot say so itself through gin's writer.
				c.Header("Connection", "close")
				refuse(c, bodyTooLarge)
			} else {
				refuse(c, invalidJSON)
			}
			return "", false
		case len(read) == 0: // announced, yet nothing came: no body
		case !strictjson.Valid(read, maxDepth):
			refuse(c, invalidJSON)
			return "", false
		default:
			body = string(bytes.Trim(read, " \t\r\n"))
		}
	}
	if fault := m.checkRedirects(r, body); fault != nil {
		refuse(c, fault)
		return "", false
	}
	return body, true
}

// isJSON compares what stands before the parameters. No letter but ASCII's that
// folds to one of them has its length.
func isJSON(contentType string) bool {
	const want = "application/json"
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.Trim(kind, " \t")
	return len(kind) == len(want) && strings.EqualFold(kind, want)
}

// clip bounds what of a request an answer repeats.
func clip(s string) string {
	if len(s) > 128 {
		return s[:128]
	}
	return s
}

// redirects are the members that Better Auth takes URLs from, with the name
// and the code of its refusals.
var redirects = []struct{ member, label, code string }{
	{"callbackURL", "callbackURL", "INVALID_CALLBACK_URL"},
	{"redirectTo", "redirectURL", "INVALID_REDIRECT_URL"},
	{"errorCallbackURL", "errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"},
	{"newUserCallbackURL", "newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"},
}

// checkRedirects refuses URLs that lead elsewhere. We never redirect, but what
// we answered with success the front end may follow.
func (m *Manager) checkRedirects(r *http.Request, body string) *refusal {
	named := map[string]string{}
	whole := members(body, func(key, value string) bool {
		named[key] = value
		return true
	})
	if !whole && strictjson.KindOf(body) == strictjson.KindObject {
		return invalidJSON // a member named twice: which one counts is anybody's guess
	}
	for _, redirect := range redirects {
		value, inBody := named[redirect.member]
		if inBody && !truthy(value) {
			inBody = false
		}
		target, isText := "", true
		switch {
		case inBody:
			target, isText = strictjson.Text(value)
		case redirect.member == "callbackURL":
			target = r.URL.Query().Get("callbackURL")
		}
		if !isText {
			return refused(http.StatusBadRequest, "", "Invalid "+redirect.label+": expected a string")
		}
		if target != "" && !m.origins.trustsURL(target, r.Host) {
			return refused(http.StatusForbidden, redirect.code, "Invalid "+redirect.label)
		}
	}
	return nil
}

// truthy is JavaScript's notion, on which Better Auth's checks rest.
func truthy(value string) bool {
	switch value {
	case "null", "false", `""`, "0", "-0":
		return false
	}
	return true
}

// stringMember reads a required string member of a body.
func stringMember(body string, name string) (string, *refusal) {
	if kind := strictjson.KindOf(body); kind != strictjson.KindObject {
		return "", invalid("body", "object", kind)
	}
	kind := strictjson.KindInvalid
	var found string
	if !members(body, func(key, value string) bool {
		if key != name {
			return true
		}
		if kind = strictjson.KindOf(value); kind != strictjson.KindString {
			return true
		}
		var ok bool
		found, ok = strictjson.Text(value)
		return ok
	}) {
		return "", invalidJSON
	}
	if kind != strictjson.KindString {
		return "", invalid("body."+name, "string", kind)
	}
	return found, nil
}

// checkSignOut checks the optional body of /sign-out.
func checkSignOut(body string) *refusal {
	if body == "" {
		return nil
	}
	if kind := strictjson.KindOf(body); kind != strictjson.KindObject {
		return invalid("body", "object", kind)
	}
	var messages []string
	fields := []struct {
		name, want string
		kind       strictjson.Kind
	}{
		{"callbackURL", "string", strictjson.KindString},
		{"disableRedirect", "boolean", strictjson.KindBoolean},
		{"state", "string", strictjson.KindString},
	}
	named := map[string]strictjson.Kind{}
	members(body, func(key, value string) bool {
		named[key] = strictjson.KindOf(value)
		return true
	})
	for _, field := range fields {
		if kind, ok := named[field.name]; ok && kind != field.kind {
			messages = append(messages, "[body."+field.name+"] Invalid input: expected "+field.want+", received "+kind.String())
		}
	}
	if len(messages) > 0 {
		return refused(http.StatusBadRequest, "VALIDATION_ERROR", strings.Join(messages, "; "))
	}
	return nil
}
