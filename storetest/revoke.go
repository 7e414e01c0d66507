package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ginsession/ginsession/models"
)

func revoke(t *testing.T, h Harness, r models.Revocation, want int) {
	t.Helper()
	if got, err := h.Store.Revoke(t.Context(), r); err != nil || got != want {
		t.Errorf("Revoke: got %d and %v, want %d", got, err, want)
	}
}

func revokeToken(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	create(t, h,
		newSession("s1", u1, base.Add(hour)),
		newSession("s2", u1, base.Add(hour)),
		newSession("old", u1, base.Add(-hour)))
	for name, stranger := range strangers(token("s1")) {
		if stranger == "" {
			continue // names no session, which is an error of its own
		}
		if got, err := h.Store.Revoke(t.Context(), models.Revocation{Token: stranger}); err != nil || got != 0 {
			t.Errorf("Revoke, %s: got %d and %v, want 0", name, got, err)
		}
	}
	remain(t, h, map[string]bool{"s1": true, "s2": true, "old": true})
	revoke(t, h, models.Revocation{Token: token("s1")}, 1)
	revoke(t, h, models.Revocation{Token: token("s1")}, 0)
	revoke(t, h, models.Revocation{Token: token("old")}, 1) // expired ones too
	remain(t, h, map[string]bool{"s1": false, "s2": true, "old": false})
}

func revokeOwned(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	h.AddUser(t, newUser(u2))
	create(t, h, newSession("s1", u1, base.Add(hour)), newSession("s2", u2, base.Add(hour)))
	revoke(t, h, models.Revocation{Token: token("s2"), UserID: u1}, 0)
	revoke(t, h, models.Revocation{Token: token("s2"), UserID: "nobody"}, 0)
	revoke(t, h, models.Revocation{Token: token("s2"), UserID: u2 + "abc"}, 0)
	for name, stranger := range strangers(token("s1")) {
		if stranger == "" {
			continue // with UserID that is every session of the user
		}
		if got, err := h.Store.Revoke(t.Context(), models.Revocation{Token: stranger, UserID: u1}); err != nil || got != 0 {
			t.Errorf("Revoke, %s: got %d and %v, want 0", name, got, err)
		}
	}
	remain(t, h, map[string]bool{"s1": true, "s2": true})
	revoke(t, h, models.Revocation{Token: token("s1"), UserID: u1}, 1)
	remain(t, h, map[string]bool{"s1": false, "s2": true})
}

func revokeNotAfter(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	session := newSession("s1", u1, base.Add(hour))
	create(t, h, session)
	revoke(t, h, models.Revocation{Token: session.Token, UserID: u1, NotAfter: base.Add(hour - time.Millisecond)}, 0)
	remain(t, h, map[string]bool{"s1": true})
	revoke(t, h, models.Revocation{Token: session.Token, UserID: u1, NotAfter: base.Add(hour)}, 1)
	remain(t, h, map[string]bool{"s1": false})
}

func revokeUser(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	h.AddUser(t, newUser(u2))
	create(t, h,
		newSession("s1", u1, base.Add(hour)),
		newSession("s2", u1, base.Add(-hour)),
		newSession("s3", u2, base.Add(hour)))
	for _, stranger := range []string{"nobody", "404", u1 + "abc", "0" + u1, " " + u1} {
		revoke(t, h, models.Revocation{UserID: stranger}, 0)
		revoke(t, h, models.Revocation{UserID: stranger, Except: "s9", Now: base}, 0)
	}
	revoke(t, h, models.Revocation{UserID: u1}, 2)
	remain(t, h, map[string]bool{"s1": false, "s2": false, "s3": true})
}

func revokeOthers(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	h.AddUser(t, newUser(u2))
	create(t, h,
		newSession("own", u1, base.Add(hour)),
		newSession("s1", u1, base.Add(hour)),
		newSession("s2", u1, base.Add(time.Millisecond)),
		newSession("s3", u1, base),                        // can be renewed even now
		newSession("s4", u1, base.Add(-time.Millisecond)), // the purge's
		newSession("s5", u2, base.Add(hour)))
	revoke(t, h, models.Revocation{UserID: u1, Except: "own", Now: base}, 3)
	remain(t, h, map[string]bool{"own": true, "s1": false, "s2": false, "s3": false, "s4": true, "s5": true})
}

func revokeNothing(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	create(t, h, newSession("s1", u1, base.Add(hour)), newSession("s2", u1, base.Add(hour)))
	for name, r := range map[string]models.Revocation{
		"zero":                  {},
		"Now alone":             {Now: base},
		"Except without UserID": {Except: "s1", Now: base},
		"Except without Now":    {Except: "s1", UserID: u1},
		"Except with Token":     {Except: "s1", UserID: u1, Token: token("s1"), Now: base},
	} {
		if got, err := h.Store.Revoke(t.Context(), r); err == nil || answered(err) || got != 0 {
			t.Errorf("%s: got %d and %v, want an error that is no answer", name, got, err)
		}
	}
	remain(t, h, map[string]bool{"s1": true, "s2": true})
}

func purge(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	for i := range 12 {
		create(t, h, newSession(fmt.Sprintf("old%02d", i), u1, base.Add(-time.Duration(12-i)*time.Minute)))
	}
	create(t, h, newSession("edge", u1, base), newSession("live", u1, base.Add(hour)))

	for _, batch := range []struct{ limit, want int }{{5, 5}, {5, 5}, {5, 2}, {5, 0}, {0, 0}} {
		if got, err := h.Store.Purge(t.Context(), base, batch.limit); err != nil || got != batch.want {
			t.Fatalf("Purge of at most %d: got %d and %v, want %d", batch.limit, got, err, batch.want)
		}
	}
	remain(t, h, map[string]bool{"old00": false, "old11": false, "edge": true, "live": true})

	create(t, h, newSession("x1", u1, base.Add(-hour)), newSession("x2", u1, base.Add(-hour)))
	if got, err := h.Store.Purge(t.Context(), base, -1); err != nil || got != 2 {
		t.Errorf("Purge with a negative limit: got %d and %v, want 2", got, err)
	}
}

// purgeRenewed lets purges run beside renewals of the very rows that they are
// after.
func purgeRenewed(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	const sessions = 60
	before := base.Add(hour)
	var read []models.Session
	for i := range sessions {
		session := newSession(fmt.Sprintf("s%02d", i), u1, base)
		create(t, h, session)
		read = append(read, session)
	}
	renewed := make([]bool, sessions)
	race(t, 3, func(side int) error {
		if side > 0 {
			for range 20 {
				if _, err := h.Store.Purge(t.Context(), before, 7); err != nil {
					return err
				}
			}
			return nil
		}
		for i, session := range slices.Backward(read) {
			got, err := h.Store.Touch(t.Context(), session, base.Add(2*hour), base)
			if err != nil && !errors.Is(err, models.ErrNotFound) {
				return err
			}
			renewed[i] = err == nil && got.ExpiresAt.Equal(base.Add(2*hour))
		}
		return nil
	})
	for i, session := range read {
		if there := found(t, h, session.Token); there != renewed[i] {
			t.Errorf("session %s: renewed %t, there %t", session.ID, renewed[i], there)
		}
	}
}
