package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ginsession/ginsession/models"
)

func touchMoves(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	want := newSession("s1", u1, base.Add(hour))
	other := newSession("s2", u1, base.Add(hour))
	create(t, h, want, other)

	now := base.Add(hour) // at the very moment of expiry it still moves
	got, err := h.Store.Touch(t.Context(), want, base.Add(3*hour), now)
	if err != nil {
		t.Fatal(err)
	}
	want.ExpiresAt, want.UpdatedAt = base.Add(3*hour), now
	sameSession(t, got, want)
	for _, want := range []models.Session{want, other} {
		got, _, err := h.Store.Find(t.Context(), want.Token)
		if err != nil {
			t.Fatal(err)
		}
		sameSession(t, got, want)
	}
}

func touchNeverBack(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	read := newSession("s1", u1, base.Add(2*hour))
	create(t, h, read)

	for name, next := range map[string]time.Time{"earlier": base.Add(hour), "the same": base.Add(2 * hour)} {
		got, err := h.Store.Touch(t.Context(), read, next, base)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sameSession(t, got, read)
	}
	moved, err := h.Store.Touch(t.Context(), read, base.Add(9*hour), base)
	if err != nil {
		t.Fatal(err)
	}
	// A slow request still holds the row as it was before.
	late, err := h.Store.Touch(t.Context(), read, base.Add(4*hour), base)
	if err != nil {
		t.Fatal(err)
	}
	sameSession(t, late, moved)
}

func touchExpired(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	read := newSession("s1", u1, base.Add(-time.Millisecond))
	create(t, h, read)
	got, err := h.Store.Touch(t.Context(), read, base.Add(hour), base)
	if err != nil {
		t.Fatal(err)
	}
	sameSession(t, got, read)
}

func touchGone(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	read := newSession("s1", u1, base.Add(hour))
	if _, err := h.Store.Touch(t.Context(), read, base.Add(2*hour), base); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("a session never stored: got %v, want ErrNotFound", err)
	}
	create(t, h, read)
	if _, err := h.Store.Revoke(t.Context(), models.Revocation{Token: read.Token}); err != nil {
		t.Fatal(err)
	}
	for name, next := range map[string]time.Time{"later": base.Add(2 * hour), "earlier": base} {
		if _, err := h.Store.Touch(t.Context(), read, next, base); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("revoked, %s expiry: got %v, want ErrNotFound", name, err)
		}
	}
	if found(t, h, read.Token) {
		t.Error("Touch brought a revoked session back")
	}
}

func touchRace(t *testing.T, h Harness) {
	const rivals = 8
	h.AddUser(t, newUser(u1))
	for round := range 20 {
		read := newSession(fmt.Sprintf("s%d", round), u1, base.Add(hour))
		create(t, h, read)
		var answers [rivals]models.Session
		race(t, rivals, func(i int) (err error) {
			// Each wants another expiry, so that the answers tell who wrote.
			next := base.Add(2*hour + time.Duration(i)*time.Minute)
			answers[i], err = h.Store.Touch(t.Context(), read, next, base.Add(time.Duration(i)*time.Second))
			return err
		})
		stands, _, err := h.Store.Find(t.Context(), read.Token)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range answers {
			if show(got) != show(stands) {
				t.Fatalf("round %d: rival %d was answered %s, but the store holds %s", round, i, show(got), show(stands))
			}
		}
	}
}

func revokeAgainstTouch(t *testing.T, h Harness) {
	revokeAgainst(t, h, 200, func(read models.Session) error {
		_, err := h.Store.Touch(t.Context(), read, base.Add(2*hour), base)
		return err
	})
}

// revokeAgainst revokes sessions while they are written to, which must not bring them
// back.
func revokeAgainst(t *testing.T, h Harness, races int, write func(read models.Session) error) {
	h.AddUser(t, newUser(u1))
	for i := range races {
		read := newSession(fmt.Sprintf("s%d", i), u1, base.Add(hour))
		create(t, h, read)
		race(t, 2, func(side int) error {
			if side == 0 {
				deleted, err := h.Store.Revoke(t.Context(), models.Revocation{Token: read.Token, UserID: u1})
				if err == nil && deleted != 1 {
					err = fmt.Errorf("revoked %d sessions, want 1", deleted)
				}
				return err
			}
			if err := write(read); !errors.Is(err, models.ErrNotFound) {
				return err
			}
			return nil
		})
	}
	left, err := h.Store.Tokens(t.Context(), u1)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 0 {
		t.Errorf("%d of %d revoked sessions are there again", len(left), races)
	}
}
