package ginsession_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

func hashing(c *ginsession.Config) { c.HashTokens = true }

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return "sha256." + base64.RawURLEncoding.EncodeToString(sum[:])
}

// SR-06: the store holds hashes alone, and what it holds authenticates nobody.
func TestSR06_StoredHashSignsNobodyIn(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ginsession.Config){"plain": func(*ginsession.Config) {}, "cached": cached} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, hashing, change, unsigned)
			b := s.signedIn("ada")
			rows := s.store.Rows()
			if len(rows) != 1 || rows[0].Token != hashOf(b.token()) {
				t.Fatalf("stored is %q, want the hash of the token", rows[0].Token)
			}
			stolen := rows[0].Token
			for what, thief := range map[string]*browser{
				"signed cookie": s.withCookies(tokenCookie + "=" + sign(secret, stolen)),
				"plain bearer":  s.browser(),
				"bearer":        s.browser(),
			} {
				switch what {
				case "plain bearer":
					thief.header.Set("Authorization", "Bearer "+stolen)
				case "bearer":
					thief.header.Set("Authorization", "Bearer "+sign(secret, stolen))
				}
				thief.get("/open").expect(t, http.StatusOK, "nobody")
			}
			if _, err := s.sessions.Find(t.Context(), stolen); err == nil {
				t.Error("Find takes a hash")
			}
			b.get("/me").expect(t, http.StatusOK, map[string]string{"plain": "ada@example.com false", "cached": "ada@example.com true"}[name])
		})
	}
}

// Everything works on hashes as it does on tokens.
func TestHashedTokensAreListedRenewedAndRevoked(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ginsession.Config){"plain": func(*ginsession.Config) {}, "cached": cached} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, hashing, change, themed)
			laptop, phone, tablet := s.signedIn("ada"), s.signedIn("ada"), s.signedIn("ada")
			listed := laptop.get("/api/auth/list-sessions").body
			for _, b := range []*browser{laptop, phone, tablet} {
				if handle := b.session().Session.Token; !strings.HasPrefix(handle, "h_") || strings.Count(listed, handle) != 1 {
					t.Errorf("the list has %d times %s", strings.Count(listed, handle), handle)
				}
			}
			s.advance(25 * time.Hour)
			was := laptop.session().Session.ExpiresAt
			laptop.get("/open")
			if got := laptop.session().Session.ExpiresAt; !got.Equal(start.Add(25*time.Hour+7*24*time.Hour)) && !got.After(was) {
				t.Errorf("expires at %v: not renewed", got)
			}
			if got := laptop.post("/api/auth/update-session", `{"theme":"dark"}`); got.status != http.StatusOK || !strings.Contains(got.body, `"dark"`) {
				t.Errorf("update: %d %s", got.status, got.body)
			}
			thief := phone.copy()
			laptop.post("/api/auth/revoke-session", `{"token":"`+phone.session().Session.Token+`"}`).expect(t, http.StatusOK, statusTrue)
			thief.get("/open").expect(t, http.StatusOK, "nobody")
			listedByGo, err := s.sessions.List(t.Context(), "ada")
			if err != nil || len(listedByGo) != 2 {
				t.Fatalf("List: %d, %v", len(listedByGo), err)
			}
			for _, one := range listedByGo {
				if one.Handle() != laptop.session().Session.Token && one.Handle() != tablet.session().Session.Token {
					t.Error("List has another handle")
				}
			}
			if n, err := s.sessions.RevokeOthers(t.Context(), "ada", laptop.session().Session.Token); err != nil || n != 1 {
				t.Errorf("RevokeOthers by handle: %d, %v", n, err)
			}
			tablet.get("/open").expect(t, http.StatusOK, "nobody")
			if _, err := s.sessions.Find(t.Context(), laptop.token()); err != nil {
				t.Errorf("Find: %v", err)
			}
			thief = laptop.copy()
			laptop.post("/api/auth/revoke-session", `{"token":"`+laptop.session().Session.Token+`"}`).expect(t, http.StatusOK, statusTrue)
			thief.get("/open").expect(t, http.StatusOK, "nobody")
			b := s.signedIn("ada")
			thief = b.copy()
			b.post("/api/auth/sign-out", "")
			thief.get("/open").expect(t, http.StatusOK, "nobody")
			s.signedIn("ada").post("/sign-in/bob", "") // which ends the first
			if n := len(s.store.Rows()); n != 1 {
				t.Errorf("%d sessions are left, want bob's", n)
			}
		})
	}
}

// From reflects that the request ended its own session by its handle.
func TestSR92_HashedSessionEndedByItsHandleIsGone(t *testing.T) {
	t.Parallel()
	s := serve(t, hashing)
	s.engine.POST("/leave", func(c *gin.Context) {
		session := ginsession.From(c)
		if err := s.sessions.Revoke(c.Request.Context(), session.UserID, session.Handle()); err != nil {
			t.Error(err)
		}
		if ginsession.From(c) != nil {
			t.Error("From still has the session")
		}
	})
	s.signedIn("ada").post("/leave", "")
}

func themed(c *ginsession.Config) {
	c.Schema.Session.Fields = []models.Field{{Name: "theme", Input: true, Returned: true}}
}

func TestHashedTokensOnOneDevice(t *testing.T) {
	t.Parallel()
	s := serve(t, hashing, cached, multi)
	b := s.signedIn("ada")
	b.post("/sign-in/bob", "")
	accounts := decode[[]sessionBody](t, b.get(listDevices).body)
	if len(accounts) != 2 {
		t.Fatalf("%d accounts", len(accounts))
	}
	b.post(setActive, named(accounts[0].Session.Token))
	b.get("/store").expect(t, http.StatusOK, "ada@example.com false")
	b.post(revokeOne, named(accounts[0].Session.Token)).expect(t, http.StatusOK, statusTrue)
	b.get("/store").expect(t, http.StatusOK, "bob@example.com false")
	b.post("/api/auth/sign-out", "")
	if n := len(s.store.Rows()); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// A table of plain tokens becomes one of hashes with nobody signed out, and the
// statement can be repeated.
func TestSR06_ExistingTokensAreHashedInPlace(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, statement, _ := strings.Cut(string(page), "```sql\n")
	statement, _, _ = strings.Cut(statement, "```")
	plain, db := serveMySQL(t)
	b := plain.signedIn("ada")
	for range 2 {
		if err := db.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	b.copy().get("/open").expect(t, http.StatusOK, "nobody")
	s := serve(t, hashing, func(c *ginsession.Config) { c.Store, c.DB = nil, db })
	b.at(s).get("/me").expect(t, http.StatusOK, "ada@example.com false")
	if rows, err := s.sessions.List(t.Context(), "ada"); err != nil || len(rows) != 1 || rows[0].Token.Reveal() != hashOf(b.token()) {
		t.Errorf("List: %v, %v", rows, err)
	}
}
