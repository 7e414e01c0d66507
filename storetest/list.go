package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ginsession/ginsession/models"
)

func list(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	h.AddUser(t, newUser(u2))
	want := newSession("s2", u1, base.Add(time.Millisecond))
	create(t, h,
		newSession("s3", u1, base.Add(hour)),
		newSession("s1", u1, base.Add(2*hour)),
		want,
		newSession("s4", u1, base), // lists want expiresAt > now, not >=
		newSession("s5", u1, base.Add(-hour)),
		newSession("s6", u2, base.Add(hour)))

	got, err := h.Store.List(t.Context(), u1, base)
	if err != nil {
		t.Fatal(err)
	}
	if order := ids(got); !slices.Equal(order, []string{"s1", "s2", "s3"}) {
		t.Fatalf("got %v, want [s1 s2 s3]", order)
	}
	sameSession(t, got[1], want)

	for _, stranger := range []string{"nobody", "", "404", u1 + "abc", "0" + u1, " " + u1} {
		if got, err := h.Store.List(t.Context(), stranger, base); err != nil || len(got) != 0 {
			t.Errorf("List of user %q: got %d sessions and %v, want none", stranger, len(got), err)
		}
	}
}

func listLimit(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	for i := range 105 {
		create(t, h, newSession(fmt.Sprintf("s%03d", 104-i), u1, base.Add(hour)))
	}
	got, err := h.Store.List(t.Context(), u1, base)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 100 || got[0].ID != "s000" || got[99].ID != "s099" {
		t.Errorf("got %d sessions, %v, want s000 to s099", len(got), ids(got))
	}
}

func ids(sessions []models.Session) []string {
	ids := make([]string, 0, len(sessions))
	for _, session := range sessions {
		ids = append(ids, session.ID)
	}
	return ids
}

func tokens(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	h.AddUser(t, newUser(u2))
	want := map[string]bool{}
	for i := range 103 {
		expires := base.Add(hour)
		if i%2 == 0 {
			expires = base.Add(-hour)
		}
		session := newSession(fmt.Sprintf("s%03d", i), u1, expires)
		create(t, h, session)
		want[session.Token] = true
	}
	create(t, h, newSession("other", u2, base.Add(hour)))
	got, err := h.Store.Tokens(t.Context(), u1)
	if err != nil {
		t.Fatal(err)
	}
	strange := 0
	for _, token := range got {
		if !want[token] {
			strange++
		}
	}
	if len(got) != len(want) || strange != 0 {
		t.Errorf("got %d tokens, %d of them not the user's, want %d", len(got), strange, len(want))
	}
	for _, stranger := range []string{"nobody", "404", u1 + "abc", "0" + u1} {
		if got, err := h.Store.Tokens(t.Context(), stranger); err != nil || len(got) != 0 {
			t.Errorf("Tokens of the unknown user %q: got %d and %v, want none", stranger, len(got), err)
		}
	}
}
