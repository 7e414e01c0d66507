package ginsession_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

func TestExportHoldsEverySessionAndOpensNothing(t *testing.T) {
	t.Parallel()
	for _, hash := range []bool{false, true} {
		s := serve(t, func(c *ginsession.Config) {
			c.HashTokens = hash
			c.Schema.Session.Fields = []models.Field{{Name: "theme", Input: true, Returned: true}, {Name: "risk", Type: models.Number}}
		})
		var secrets []string
		create := func(user string, opts ...ginsession.SignInOption) *ginsession.Session {
			t.Helper()
			session, err := s.sessions.Create(t.Context(), user, opts...)
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, session.Token.Reveal(), session.Handle())
			return session
		}
		first := create("ada", ginsession.WithClient("203.0.113.7", "Firefox"), ginsession.WithFields(map[string]any{"theme": "dark", "risk": 7}))
		create("bob")
		s.advance(8 * 24 * time.Hour) // and those have expired
		const many = 120              // more than one list or one look holds
		for range many {
			create("ada")
		}

		text, err := s.sessions.Export(t.Context(), "ada")
		if err != nil {
			t.Fatal(err)
		}
		var got []struct {
			ID, UserID, IPAddress, UserAgent string
			CreatedAt, ExpiresAt             time.Time
			Fields                           map[string]any
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if len(got) != many+1 {
			t.Fatalf("got %d sessions, want %d", len(got), many+1)
		}
		oldest := got[0]
		if oldest.ID != first.ID || oldest.IPAddress != "203.0.113.7" || oldest.UserAgent != "Firefox" || !oldest.CreatedAt.Equal(start) || !oldest.ExpiresAt.Equal(first.ExpiresAt) ||
			oldest.Fields["theme"] != "dark" || oldest.Fields["risk"] != 7.0 {
			t.Errorf("got %+v", oldest)
		}
		for _, one := range got {
			if one.UserID != "ada" {
				t.Errorf("got a session of %s's", one.UserID)
			}
		}
		for _, secret := range secrets {
			if strings.Contains(string(text), secret) {
				t.Fatal("it holds a token or a handle")
			}
		}

		if n, err := s.sessions.RevokeAll(t.Context(), "ada"); err != nil || n != many+1 {
			t.Errorf("erased %d, want %d; %v", n, many+1, err)
		}
		for _, user := range []string{"ada", "nobody", ""} {
			if text, err := s.sessions.Export(t.Context(), user); err != nil || string(text) != "[]" {
				t.Errorf("%q has %s; %v", user, text, err)
			}
		}
		if text, err := s.sessions.Export(t.Context(), "bob"); err != nil || !strings.Contains(string(text), `"bob"`) {
			t.Errorf("bob has %s; %v", text, err)
		}
	}
}

func TestExportTellsNoneFromCannotTell(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.signedIn("ada")
	for _, failing := range []string{"tokens", "findMany"} {
		s.downFor(failing)
		if text, err := s.sessions.Export(t.Context(), "ada"); !errors.Is(err, ginsession.ErrStore) || text != nil {
			t.Errorf("%s: got %s and %v", failing, text, err)
		}
	}
}

func TestAddressesAreTruncatedAfterASetAge(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *ginsession.Config) { c.TruncateAddressesAfter = 48 * time.Hour })
	addresses := func() string {
		t.Helper()
		sessions, err := s.sessions.List(t.Context(), "ada")
		if err != nil {
			t.Fatal(err)
		}
		byAge := map[time.Time]string{}
		for _, session := range sessions {
			byAge[session.CreatedAt] = session.IPAddress
		}
		return byAge[start] + " " + byAge[start.Add(24*time.Hour)]
	}
	for _, ip := range []string{"203.0.113.7", "2001:db8:1:2::3"} {
		if _, err := s.sessions.Create(t.Context(), "ada", ginsession.WithClient(ip, "")); err != nil {
			t.Fatal(err)
		}
		s.advance(24 * time.Hour)
	}
	for _, test := range []struct {
		later time.Duration
		n     int
		want  string
	}{
		{0, 0, "203.0.113.7 2001:0db8:0001:0002:0000:0000:0000:0000"}, // not a moment before
		{time.Millisecond, 1, "203.0.113.0 2001:0db8:0001:0002:0000:0000:0000:0000"},
		{time.Hour, 0, "203.0.113.0 2001:0db8:0001:0002:0000:0000:0000:0000"},
		{24 * time.Hour, 1, "203.0.113.0 2001:0db8:0001:0000:0000:0000:0000:0000"},
	} {
		s.advance(test.later)
		if n, err := s.sessions.TruncateAddresses(t.Context()); err != nil || n != test.n {
			t.Errorf("got %d and %v, want %d", n, err, test.n)
		}
		if got := addresses(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}

	if _, err := s.sessions.Create(t.Context(), "ada", ginsession.WithClient("198.51.100.7", "")); err != nil {
		t.Fatal(err)
	}
	s.advance(72 * time.Hour)
	s.sessions.StartPurge(t.Context())
	eventually(t, "StartPurge cuts an address", func() bool {
		return slices.ContainsFunc(s.store.Rows(), func(row models.Session) bool { return *row.IPAddress == "198.51.100.0" })
	})

	s.down()
	if _, err := s.sessions.TruncateAddresses(t.Context()); !errors.Is(err, ginsession.ErrStore) {
		t.Errorf("got %v of a store that is down", err)
	}
	if _, err := serve(t).sessions.TruncateAddresses(t.Context()); err == nil || !strings.Contains(err.Error(), "TruncateAddressesAfter is not set") {
		t.Errorf("got %v without an age", err)
	}
}

// inPages has two pages of addresses to cut.
type inPages struct {
	*memStore
	after []string
}

func (s *inPages) TruncateAddresses(_ context.Context, _ time.Time, after string) (next string, truncated int, err error) {
	if s.after = append(s.after, after); after == "" {
		return "middle", 2, nil
	}
	return "", 1, nil
}

func TestAddressesAreTruncatedPageByPage(t *testing.T) {
	t.Parallel()
	store := &inPages{memStore: newMemStore()}
	s := serve(t, func(c *ginsession.Config) { c.Store, c.TruncateAddressesAfter = store, 48*time.Hour })
	if n, err := s.sessions.TruncateAddresses(t.Context()); err != nil || n != 3 || !slices.Equal(store.after, []string{"", "middle"}) {
		t.Errorf("got %d and %v, after %q", n, err, store.after)
	}
}
