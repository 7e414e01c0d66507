package ginsession_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

func TestManager(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := serve(t)
	one, err := s.sessions.Create(ctx, "ada")
	if err != nil {
		t.Fatal(err)
	}
	two, _ := s.sessions.Create(ctx, "ada")
	three, _ := s.sessions.Create(ctx, "ada")
	bob, _ := s.sessions.Create(ctx, "bob")

	found, err := s.sessions.Find(ctx, one.Token.Reveal())
	if err != nil || found.ID != one.ID || found.User.Email != "ada@example.com" || found.Handle() != one.Handle() {
		t.Errorf("Find: %+v, %v", found, err)
	}
	for _, bad := range []string{"", "short", one.Handle(), "unknownTokenUnknownTokenUnknown1"} {
		if _, err := s.sessions.Find(ctx, bad); !errors.Is(err, ginsession.ErrNotFound) {
			t.Errorf("Find(%q): %v", bad, err)
		}
		if err := s.sessions.Revoke(ctx, "bob", bad); !errors.Is(err, ginsession.ErrNotFound) {
			t.Errorf("Revoke(bob, %q): %v", bad, err)
		}
		if _, err := s.sessions.RevokeOthers(ctx, "bob", bad); !errors.Is(err, ginsession.ErrNotFound) {
			t.Errorf("RevokeOthers(bob, %q): %v", bad, err)
		}
	}
	if list, err := s.sessions.List(ctx, "ada"); err != nil || len(list) != 3 || list[0].UserID != "ada" {
		t.Errorf("List: %v, %v", list, err)
	}
	if err := s.sessions.Revoke(ctx, "ada", two.Handle()); err != nil {
		t.Errorf("Revoke: %v", err)
	}
	if err := s.sessions.Revoke(ctx, "ada", two.Handle()); !errors.Is(err, ginsession.ErrNotFound) {
		t.Errorf("Revoke again: %v", err)
	}
	if err := s.sessions.Revoke(ctx, "ada", bob.Token.Reveal()); !errors.Is(err, ginsession.ErrNotFound) {
		t.Errorf("Revoke another user's: %v", err)
	}
	if n, err := s.sessions.RevokeOthers(ctx, "ada", bob.Token.Reveal()); !errors.Is(err, ginsession.ErrNotFound) || n != 0 {
		t.Errorf("RevokeOthers but another user's: %d, %v", n, err)
	}
	if n, err := s.sessions.RevokeOthers(ctx, "ada", three.Handle()); err != nil || n != 1 {
		t.Errorf("RevokeOthers: %d, %v", n, err)
	}
	if n, err := s.sessions.RevokeAll(ctx, "ada"); err != nil || n != 1 { // SR-50
		t.Errorf("RevokeAll: %d, %v", n, err)
	}
	if n, err := s.sessions.RevokeAll(ctx, "ada"); err != nil || n != 0 {
		t.Errorf("RevokeAll again: %d, %v", n, err)
	}
	for _, err := range []error{s.sessions.Revoke(ctx, "", "x"), second(s.sessions.RevokeAll(ctx, "")), second(s.sessions.RevokeOthers(ctx, "", "x"))} {
		if !errors.Is(err, ginsession.ErrNotFound) {
			t.Errorf("without a user: %v", err)
		}
	}
	if rows := s.store.Rows(); len(rows) != 1 || rows[0].ID != bob.ID {
		t.Errorf("left: %v", rows)
	}
	s.advance(8 * 24 * time.Hour)
	if _, err := s.sessions.Find(ctx, bob.Token.Reveal()); !errors.Is(err, ginsession.ErrNotFound) {
		t.Errorf("Find an expired one: %v", err)
	}
}

func second(_ int, err error) error { return err }

func TestManagerWithTheStoreDown(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := serve(t)
	session, _ := s.sessions.Create(ctx, "ada")
	s.down()
	_, create := s.sessions.Create(ctx, "ada")
	_, find := s.sessions.Find(ctx, session.Token.Reveal())
	_, list := s.sessions.List(ctx, "ada")
	for name, err := range map[string]error{
		"Create": create, "Find": find, "List": list,
		"Revoke":             s.sessions.Revoke(ctx, "ada", session.Token.Reveal()),
		"Revoke by handle":   s.sessions.Revoke(ctx, "ada", session.Handle()),
		"RevokeOthers":       second(s.sessions.RevokeOthers(ctx, "ada", session.Token.Reveal())),
		"RevokeOthers by h.": second(s.sessions.RevokeOthers(ctx, "ada", session.Handle())),
		"RevokeAll":          second(s.sessions.RevokeAll(ctx, "ada")),
		"Purge":              second(s.sessions.Purge(ctx)),
	} {
		if !errors.Is(err, ginsession.ErrStore) || !errors.Is(err, errDown) || errors.Is(err, ginsession.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
