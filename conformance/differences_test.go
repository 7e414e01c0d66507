package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// A difference from Better Auth that we chose, and what we answer instead.
type difference struct {
	step   *regexp.Regexp // over "variant step"
	reason string
	// change turns the recorded answer into what is wanted here. Nil: it is the same.
	change func(want *answer, x exchange)
	rows   rowChange
	// secondary turns the recorded secondary storage afterwards into ours.
	secondary func(after map[string]kept, x exchange)
}

// about tells whether the difference is one of this exchange.
func (d difference) about(x exchange) bool { return d.step.MatchString(x.Variant + " " + x.Step) }

type rowChange int

const (
	sameRows rowChange = iota
	keptRows           // the store is as before
)

const (
	unauthorized = `{"message":"Unauthorized","code":"UNAUTHORIZED"}`
	unavailable  = `{"message":"Service unavailable","code":"SERVICE_UNAVAILABLE"}`
)

// differences is the whole allow-list. Anything else that differs fails.
var differences = []difference{
	{
		step: regexp.MustCompile(`^attrs ck-`), reason: "HttpOnly cannot be switched off",
		change: func(w *answer, _ exchange) {
			for i, line := range w.SetCookie {
				w.SetCookie[i] = regexp.MustCompile(`Path=[^;]+`).ReplaceAllString(line, "$0; HttpOnly")
			}
		},
	},
	{
		step: regexp.MustCompile(`^(extra|extra_compact) ex-wrong-type`), reason: "a field of another type is 400, not an empty 500",
		change: wrongType,
	},
	{
		step: regexp.MustCompile(`^extra_compact ex-update-revoked-cached$`), reason: "B2: update-session reads the store, and finds no session before it would find none to update",
		change: func(w *answer, _ exchange) { w.Body = unauthorized },
	},
	{
		step: regexp.MustCompile(`^secrets_rot rot-old-cookies$`), reason: "B18: old secrets verify what they signed",
		change: func(w *answer, x exchange) { w.Body = cachedOf(x) },
	},
	{
		step: regexp.MustCompile(`^(compact|jwt|jwe) cc-list-revoked-but-cached$`), reason: "B1: the list reads the store, so a revoked session lists nothing",
		change: func(w *answer, _ exchange) {
			w.Status, w.Body, w.SetCookie = 401, unauthorized, expired("session_token", "session_data", "session_data", "dont_remember")
		},
	},
	{
		step: regexp.MustCompile(`^(compact|jwt|jwe) cc-update-revoked-but-cached$`), reason: "B2: update-session reads the store",
		change: func(w *answer, _ exchange) {
			w.Status, w.Body, w.SetCookie = 401, unauthorized, expired("session_token", "session_data", "session_data", "dont_remember")
		},
	},
	{
		step: regexp.MustCompile(`^base db-get$`), reason: "SR-79: a store that cannot answer is 503",
		change: func(w *answer, _ exchange) { w.Status = 503 },
	},
	{
		step: regexp.MustCompile(`^base db-(list|revoke|revoke-others|revoke-all)$`), reason: "B5: a store that cannot answer is 503, not 401, which is a logout",
		change: func(w *answer, _ exchange) { w.Status, w.Body = 503, unavailable },
	},
	{
		step: regexp.MustCompile(`^base db-sign-out$`), reason: "B4: a sign-out that did not reach the store is 503 and keeps the session cookie for the retry",
		change: func(w *answer, _ exchange) {
			w.Status, w.Body, w.SetCookie = 503, unavailable, expired("session_data")
		},
	},
	{
		step: regexp.MustCompile(`^base get-duplicate-cookie-first-junk$`), reason: "B8: of duplicates the one whose signature holds counts",
		change: func(w *answer, x exchange) { w.Body = sessionOf(x) },
	},
	{
		step: regexp.MustCompile(`^base ho-(huge-token|token-sql|token-trailing-space)$`), reason: "SR-03: what has not the form of a token is no session and clears nothing",
		change: func(w *answer, _ exchange) { w.Body, w.SetCookie = "null", nil },
		rows:   keptRows,
	},
	{
		step: regexp.MustCompile(`^base get-token-other-case$`), reason: "B14: tokens are compared byte for byte",
		change: func(w *answer, _ exchange) {
			w.Body, w.SetCookie = "null", expired("session_token", "session_data", "dont_remember")
		},
		rows: keptRows,
	},
	{
		step: regexp.MustCompile(`^base (rev-self-other-case|ho-revoke-token-trailing-space)$`), reason: "B14: tokens are compared byte for byte",
		rows: keptRows,
	},
	{
		step: regexp.MustCompile(`^compact_nofresh list-slides-row-cache$`), reason: "CONTRACT 12.1: all of the middleware's cookies arrive, the slid session_token too",
		change: func(w *answer, x exchange) {
			token := "better-auth.session_token=" + cookieIn(x, "better-auth.session_token") + "; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"
			w.SetCookie = append(append(expired("session_data"), token), w.SetCookie...)
		},
	},
	{
		step: regexp.MustCompile(`^compact mw-list-chunked-cache-expired$`), reason: "CONTRACT 12.1: all chunks arrive, not the last alone",
		change: func(w *answer, x exchange) { w.SetCookie = responseOf("mw-get-chunked-cache-expired").SetCookie },
	},
	{
		step: regexp.MustCompile(`^compact ho-session-data-(not-base64|percent-garbage)$`), reason: "CONTRACT 12.2: a corrupt cookie cache is a miss",
		change: func(w *answer, x exchange) {
			junk := responseOf("ho-session-data-json-array")
			w.Status, w.Body, w.SetCookie = 200, junk.Body, junk.SetCookie
		},
	},
	{
		step: regexp.MustCompile(`^compact ho-list-not-base64$`), reason: "CONTRACT 12.2: a corrupt cookie cache is a miss",
		change: func(w *answer, x exchange) {
			list := responseOf("ho-list-query-disable-cache")
			w.Status, w.Body = 200, list.Body
			w.SetCookie = append(expired("session_data"), list.SetCookie...)
		},
	},
	{
		step: regexp.MustCompile(`^base cs-revoke-evil-origin-no-cookie$`), reason: "B6: the origin is checked without cookies too",
		change: func(w *answer, _ exchange) {
			w.Status, w.Body = 403, `{"message":"Invalid origin","code":"INVALID_ORIGIN"}`
		},
	},
	{
		step: regexp.MustCompile(`^base error-`), reason: "/error is not ours",
		change: func(w *answer, _ exchange) { *w = answer{Status: 404} },
	},
	{
		step: regexp.MustCompile(`^secondary_compact ss-revoke-all$`), reason: "SR-89: the cookie of a device session goes when it ends",
		change: func(w *answer, x exchange) {
			token, _, _ := strings.Cut(cookieIn(x, "better-auth.session_token"), ".")
			w.SetCookie = append(w.SetCookie, expired("session_token_multi-"+strings.ToLower(token))...)
		},
	},
	{
		step: regexp.MustCompile(`^secondary_extra ex-wrong-type`), reason: "a field of another type is 400, and not stored",
		change: wrongType,
		rows:   keptRows,
	},
	{
		step: regexp.MustCompile(`^secondary_extra ex-(unknown-mixed|list)$`), reason: "a stored value of another type than its field's reads as null",
		change: func(w *answer, _ exchange) {
			w.Body = strings.NewReplacer(`"count":"abc"`, `"count":null`, `"pinned":"yes"`, `"pinned":null`).Replace(w.Body)
		},
	},
	{
		step: regexp.MustCompile(`^secondary_extra ex-hidden$`), reason: "CONTRACT 12.20: a field that is not returned is stored all the same",
		secondary: func(after map[string]kept, x exchange) {
			token, _, _ := strings.Cut(cookieIn(x, "better-auth.session_token"), ".")
			value := after[token]
			value.Value = strings.Replace(value.Value, `},"user":`, `,"internalNote":"secret note"},"user":`, 1)
			after[token] = value
		},
	},
	{
		step: regexp.MustCompile(`^secondary\w* ss-revoke-others$`), reason: "CONTRACT 11.2: deletions at once lose nothing of the list",
		secondary: func(after map[string]kept, x exchange) {
			own, _, _ := strings.Cut(cookieIn(x, "better-auth.session_token"), ".")
			for key, value := range after {
				if strings.HasPrefix(key, "active-sessions-") {
					value.Value = "[" + regexp.MustCompile(`\{"token":"`+own+`"[^}]*\}`).FindString(value.Value) + "]"
					after[key] = value
				}
			}
		},
	},
	{
		step: regexp.MustCompile(`.`), reason: "B17: every answer of a route has cache-control: no-store",
		change: func(w *answer, _ exchange) {
			if w.Status == http.StatusNotFound {
				return
			}
			w.Headers["cache-control"] = "no-store"
		},
	},
}

// expired are the lines that expire cookies.
func expired(names ...string) []string {
	lines := make([]string, len(names))
	for i, name := range names {
		lines[i] = "better-auth." + name + "=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
	}
	return lines
}

// wrongType is how an additional field of another type is refused.
func wrongType(w *answer, x exchange) {
	field, kind := "count", "int"
	if x.Step == "ex-wrong-type-bool" {
		field, kind = "pinned", "boolean"
	}
	w.Status, w.Headers["content-type"], w.SetCookie = 400, "application/json", nil
	w.Body = `{"message":"[body.` + field + `] Invalid input: expected ` + kind + `, received string","code":"VALIDATION_ERROR"}`
}

// sessionOf is the body of get-session, read from the store, for the signed
// token among the cookies.
func sessionOf(x exchange) string {
	return bodyOf(x,
		[]string{"expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId", "id"},
		[]string{"name", "email", "emailVerified", "image", "createdAt", "updatedAt", "id"})
}

// cachedOf is the same, read from the cookie cache.
func cachedOf(x exchange) string {
	return bodyOf(x,
		[]string{"id", "createdAt", "updatedAt", "userId", "expiresAt", "token", "ipAddress", "userAgent"},
		[]string{"id", "createdAt", "updatedAt", "email", "emailVerified", "name", "image"})
}

func bodyOf(x exchange, session, user []string) string {
	for _, s := range x.StoreBefore.Session {
		if !strings.Contains(x.Request.Headers["cookie"], "="+fmt.Sprint(s["token"])+".") {
			continue
		}
		for _, u := range x.StoreBefore.User {
			if u["id"] != s["userId"] {
				continue
			}
			return members("{\"session\":", s, session) + members(",\"user\":", u, user) + "}"
		}
	}
	return "no session among the recorded rows"
}

func members(before string, row map[string]any, names []string) string {
	parts := make([]string, len(names))
	for i, name := range names {
		value := row[name]
		if name == "emailVerified" {
			value = value == float64(1)
		}
		text, _ := json.Marshal(value)
		parts[i] = strconv.Quote(name) + ":" + string(text)
	}
	return before + "{" + strings.Join(parts, ",") + "}"
}
