package ginsession_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// Elevate makes the same session fresh again, and nothing else does.
func TestElevatedSessionIsFreshAgain(t *testing.T) {
	t.Parallel()
	s := serveRotating(t, cached, func(c *ginsession.Config) { c.Schema.Session.Fields = []models.Field{models.FreshAt()} })
	b := s.signedIn("ada")
	before := b.session().Session
	stale := func(when string, want bool) {
		t.Helper()
		if got := b.get("/fresh"); (got.status == http.StatusForbidden) != want {
			t.Errorf("%s: %d %s", when, got.status, got.body)
		}
	}
	s.advance(11 * time.Minute)
	stale("after FreshAge", true)
	got := b.post("/elevate", "")
	got.expect(t, http.StatusOK, before.ID)
	got.expectCookies(t)
	stale("elevated", false)
	if after := b.session().Session; after.Token != before.Token || !after.CreatedAt.Equal(before.CreatedAt) || !after.ExpiresAt.Equal(before.ExpiresAt) {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	if got := b.get("/api/auth/get-session?disableCookieCache=true"); strings.Contains(got.body, "freshAt") {
		t.Errorf("the field is shown: %s", got.body)
	}
	if got := b.post("/api/auth/update-session", `{"freshAt":"2030-01-01T00:00:00.000Z"}`); got.status != http.StatusBadRequest {
		t.Errorf("the field is written: %d %s", got.status, got.body)
	}
	s.advance(10 * time.Minute)
	stale("at FreshAge", true)
	s.advance(25 * time.Hour)
	b.get("/open")
	stale("renewed", true)
	b.post("/rotate", "")
	stale("rotated", true)
}

func TestElevateNeedsItsField(t *testing.T) {
	t.Parallel()
	s := serveRotating(t)
	if got := s.signedIn("ada").post("/elevate", ""); got.status != http.StatusInternalServerError || !strings.Contains(got.body, "declare models.FreshAt()") {
		t.Errorf("%d %s", got.status, got.body)
	}
}
