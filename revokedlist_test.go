package ginsession_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

const listSecret = "list-secret-0123456789-abcdefghijklmnopqrstuvwxyz"

// Verifiers of cookie caches elsewhere learn what has ended.
func TestRevokedList(t *testing.T) {
	t.Parallel()
	everything.Keep(listSecret)
	s, feed := serveTold(t, time.Minute, func(c *ginsession.Config) { c.RevokedSecret = listSecret })
	get := func(query string, header ...string) reply {
		t.Helper()
		verifier := s.browser()
		verifier.header.Set("Authorization", "Bearer "+listSecret)
		for i := 0; i < len(header); i += 2 {
			verifier.header.Set(header[i], header[i+1])
		}
		return verifier.get("/api/auth/revoked" + query)
	}
	get("").expect(t, http.StatusServiceUnavailable, bodyUnavailable) // nothing has been heard yet
	for _, wrong := range []string{"", "Bearer ", "Bearer " + secret, listSecret + "x"} {
		get("", "Authorization", wrong).expect(t, http.StatusUnauthorized, bodyUnauthorized)
	}
	feed.heardNow()
	type list struct {
		AsOf   time.Time
		All    bool
		Tokens []struct {
			SHA256, Reason string
			At             time.Time
		}
		Users []struct {
			UserID, Except, Reason string
			At                     time.Time
		}
	}
	empty := get("")
	if got := decode[list](t, empty.body); got.All || len(got.Tokens)+len(got.Users) > 0 || got.AsOf.After(start) || got.AsOf.Before(start.Add(-time.Minute)) {
		t.Errorf("got %s", empty.body)
	}
	if got := empty.header; got.Get("Cache-Control") != "private, max-age=30" || got.Get("Vary") != "Authorization" || got["Set-Cookie"] != nil {
		t.Errorf("got %v", got)
	}
	again := get("?since="+start.Format(time.RFC3339Nano), "If-None-Match", empty.header.Get("ETag"))
	again.expect(t, http.StatusNotModified, "")

	b := s.signedIn("ada")
	hash := sha256.Sum256([]byte(b.token()))
	b.post("/api/auth/sign-out", "")
	feed.heardNow(models.Revoked{UserID: "bob", Except: "kept", At: start.Add(time.Second), Reason: "all others revoked"},
		models.Revoked{TokenSHA256: sha256.Sum256([]byte("old")), At: start.Add(-time.Hour)})
	whole := get("", "If-None-Match", empty.header.Get("ETag"))
	got := decode[list](t, whole.body)
	if len(got.Tokens) != 2 || got.Tokens[1].SHA256 != base64.RawURLEncoding.EncodeToString(hash[:]) || got.Tokens[1].Reason != "signed out" || !got.Tokens[1].At.Equal(start) {
		t.Errorf("tokens: %+v", got.Tokens)
	}
	if len(got.Users) != 1 || got.Users[0].UserID != "bob" || got.Users[0].Except != "kept" || got.Users[0].Reason != "all others revoked" || !got.Users[0].At.Equal(start.Add(time.Second)) {
		t.Errorf("users: %+v", got.Users)
	}
	for later, tokens := range map[time.Duration]int{0: 1, 90 * time.Second: 1, 91 * time.Second: 0} { // it looks back 90 s
		if got := decode[list](t, get("?since="+start.Add(later).Format(time.RFC3339)).body); len(got.Tokens) != tokens || len(got.Users) != 1 {
			t.Errorf("since %v: %+v", later, got)
		}
	}
	for _, bad := range []string{"yesterday", "1737000000"} {
		if got := get("?since=" + bad); got.status != http.StatusBadRequest {
			t.Errorf("since=%s: %d %s", bad, got.status, got.body)
		}
	}
	feed.tell <- told{heard: models.Heard{Overflow: true, AsOf: time.Now()}}
	feed.heardNow()
	if got := decode[list](t, get("").body); !got.All {
		t.Error("more than could be told, and not all are in doubt")
	}
}
