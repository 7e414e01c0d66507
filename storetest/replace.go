package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ginsession/ginsession/models"
)

// successor is another session in the place of one.
func successor(read models.Session, name string) models.Session {
	next := read
	next.ID, next.Token = name, token(name)
	next.CreatedAt, next.UpdatedAt, next.ExpiresAt = base.Add(hour/2), base.Add(hour/2), base.Add(3*hour)
	return next
}

func replaces(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	read, other := newSession("s1", u1, base.Add(hour)), newSession("s2", u1, base.Add(hour))
	create(t, h, read, other)
	next := successor(read, "s3")
	got, err := h.Store.Replace(t.Context(), read, next, base)
	if err != nil {
		t.Fatal(err)
	}
	sameSession(t, got, next)
	stands(t, h, next)
	stands(t, h, other)
	if found(t, h, read.Token) {
		t.Error("the former token is alive")
	}
	// The token alone: the same row, whose expiry another moved on meanwhile.
	turned := next
	turned.Token = token("turned")
	if _, err := h.Store.Touch(t.Context(), next, base.Add(4*hour), base.Add(hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Store.Replace(t.Context(), next, turned, base.Add(hour)); err != nil {
		t.Fatal(err)
	}
	turned.ExpiresAt = base.Add(4 * hour)
	stands(t, h, turned)
}

func replacesNothing(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	read, other := newSession("s1", u1, base.Add(hour)), newSession("s2", u1, base.Add(hour))
	create(t, h, read, other)
	mixed := read
	mixed.Token = other.Token
	reads := map[string]models.Session{"the token of another": mixed, "never stored": newSession("s9", u1, base.Add(hour))}
	for name, stranger := range strangers(read.Token) {
		changed := read
		changed.Token = stranger
		reads[name] = changed
	}
	for name, read := range reads {
		if _, err := h.Store.Replace(t.Context(), read, successor(read, "s3"), base); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", name, err)
		}
	}
	if _, err := h.Store.Replace(t.Context(), read, successor(read, "s3"), base.Add(hour+1e6)); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("an expired session: got %v, want ErrNotFound", err)
	}
	taken := successor(read, "s3")
	taken.Token = other.Token
	if _, err := h.Store.Replace(t.Context(), read, taken, base); !errors.Is(err, models.ErrDuplicate) {
		t.Errorf("a token that is taken: got %v, want ErrDuplicate", err)
	}
	if _, err := h.Store.Replace(t.Context(), read, models.Session{}, base); err == nil {
		t.Error("a session of zero values is taken")
	}
	stands(t, h, read)
	stands(t, h, other)
}

// A session that is revoked, renewed and replaced at the same time ends revoked,
// or lives on under the new token; never under both, and never again.
func replaceAgainstRevoke(t *testing.T, h Harness) {
	const races = 100
	h.AddUser(t, newUser(u1))
	for i := range races {
		read := newSession(fmt.Sprintf("s%d", i), u1, base.Add(hour))
		next := successor(read, fmt.Sprintf("n%d", i))
		create(t, h, read)
		replaced := false
		race(t, 3, func(side int) error {
			var err error
			switch side {
			case 0:
				_, err = h.Store.Revoke(t.Context(), models.Revocation{Token: read.Token})
			case 1:
				_, err = h.Store.Replace(t.Context(), read, next, base)
				replaced = err == nil
			case 2:
				_, err = h.Store.Touch(t.Context(), read, base.Add(2*hour), base)
			}
			if errors.Is(err, models.ErrNotFound) {
				err = nil
			}
			return err
		})
		if found(t, h, read.Token) || found(t, h, next.Token) != replaced {
			t.Fatalf("round %d: the former lives: %t, the new: %t, replaced: %t", i, found(t, h, read.Token), found(t, h, next.Token), replaced)
		}
	}
}
