package ginsession

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/strictjson"
)

// listOverlap is how far /revoked looks back beyond what it is asked for: for
// clocks that differ, and for revocations that became known late.
const listOverlap = 90 * time.Second

// revokedList serves GET /revoked: what this process knows of sessions that ended
// before they expired, for those who verify cookie caches elsewhere. With
// ?since=, the asOf of an answer before, it leaves out what that one told.
//
//	200 {"asOf":time,"all":false,"tokens":[{"sha256","at","reason"}],
//	     "users":[{"userId","except","at","reason"}]}
//	304                              with If-None-Match: nothing new
//	400 VALIDATION_ERROR             since is no time
//	401 UNAUTHORIZED                 the secret is missing or wrong
//	503 SERVICE_UNAVAILABLE          the feed is silent: nobody knows
func (m *Manager) revokedList(c *gin.Context) {
	h := c.Writer.Header()
	h["Vary"] = []string{"Authorization"}
	given := sha256.Sum256([]byte(strings.TrimPrefix(c.GetHeader("Authorization"), "Bearer ")))
	if subtle.ConstantTimeCompare(given[:], m.revokedSecret[:]) != 1 {
		refuse(c, unauthorized)
		return
	}
	var since time.Time
	if text := c.Query("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			refuse(c, refused(http.StatusBadRequest, "VALIDATION_ERROR", "since must be a time, the asOf of an answer before"))
			return
		}
		since = since.Add(-listOverlap)
	}
	if m.revoked.lags(time.Now()) {
		refuse(c, unavailable)
		return
	}
	asOf := m.clock().Add(-m.FeedLag())
	list := m.revoked.list(since)
	sum := sha256.Sum256(list)
	tag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"` // of what is told, not of asOf
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, max-age="+strconv.Itoa(max(1, int(m.cache.maxLag/2/time.Second))))
	if c.GetHeader("If-None-Match") == tag {
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return
	}
	body := appendInstant([]byte("{"), "asOf", asOf)
	answerBuilt(c, append(append(body, ','), list...))
}

// list is the JSON of what ended at since or later, without the brace that opens it.
func (r *revoked) list(since time.Time) []byte {
	type entry struct {
		at   int64
		name string // orders those of one moment
		json func(dst []byte) []byte
	}
	from := since.UnixMilli()
	r.mu.RLock()
	now := time.Since(r.started)
	all := now < r.full
	var tokens, users []entry
	for hash, e := range r.tokens {
		if now < e.until && e.at >= from {
			name := base64.RawURLEncoding.EncodeToString(hash[:])
			tokens = append(tokens, entry{e.at, name, func(dst []byte) []byte {
				return appendText(appendInstant(appendText(dst, "sha256", name), "at", time.UnixMilli(e.at).UTC()), "reason", string(e.reason))
			}})
		}
	}
	for id, e := range r.users {
		if now < e.until && e.at >= from {
			users = append(users, entry{e.at, id, func(dst []byte) []byte {
				return appendText(appendInstant(appendText(appendText(dst, "userId", id), "except", e.except), "at", time.UnixMilli(e.at).UTC()), "reason", string(e.reason))
			}})
		}
	}
	r.mu.RUnlock()
	dst := strconv.AppendBool([]byte(`"all":`), all)
	for _, part := range []struct {
		name    string
		entries []entry
	}{{"tokens", tokens}, {"users", users}} {
		slices.SortFunc(part.entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.name, b.name)) })
		dst = append(strictjson.AppendString(append(dst, ','), part.name), ":["...)
		for i, e := range part.entries {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(e.json(append(dst, '{')), '}')
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}
