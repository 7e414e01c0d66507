package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/models"
)

func createdIsFound(t *testing.T, h Harness) {
	user := newUser(u1)
	h.AddUser(t, user)
	h.AddUser(t, newUser(u2))
	want := newSession("s1", u1, base.Add(hour))
	create(t, h, want, newSession("s2", u2, base.Add(hour)))

	session, owner, err := h.Store.Find(t.Context(), want.Token)
	if err != nil {
		t.Fatal(err)
	}
	sameSession(t, session, want)
	sameUser(t, owner, user)
	for _, at := range []time.Time{session.ExpiresAt, session.CreatedAt, owner.CreatedAt} {
		if at.Location() != time.UTC {
			t.Errorf("a time is in zone %s, want UTC", at.Location())
		}
	}
}

func nullIsNotEmpty(t *testing.T, h Harness) {
	empty := ""
	user := newUser(u1)
	user.Image, user.Fields = nil, map[string]any{"role": nil}
	h.AddUser(t, user)
	null := newSession("null", u1, base.Add(hour))
	null.IPAddress, null.UserAgent = nil, nil
	blank := newSession("blank", u1, base.Add(hour))
	blank.IPAddress, blank.UserAgent = &empty, &empty
	create(t, h, null, blank)
	for _, want := range []models.Session{null, blank} {
		got, owner, err := h.Store.Find(t.Context(), want.Token)
		if err != nil {
			t.Fatal(err)
		}
		sameSession(t, got, want)
		sameUser(t, owner, user)
	}
}

func duplicates(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	h.AddUser(t, newUser(u2))
	first := newSession("s1", u1, base.Add(hour))
	create(t, h, first)

	sameToken := newSession("s2", u2, base.Add(2*hour))
	sameToken.Token = first.Token
	sameID := newSession("s1", u2, base.Add(2*hour))
	sameID.Token = token("other")
	for name, session := range map[string]models.Session{"token": sameToken, "id": sameID} {
		if err := h.Store.Create(t.Context(), session); !errors.Is(err, models.ErrDuplicate) {
			t.Errorf("Create with a taken %s: got %v, want ErrDuplicate", name, err)
		}
	}
	got, _, err := h.Store.Find(t.Context(), first.Token)
	if err != nil {
		t.Fatal(err)
	}
	sameSession(t, got, first) // the first owner's, as it was
}

func noUser(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	for i, stranger := range []string{"nobody", "404", u1 + "abc", "0" + u1, " " + u1, u1 + "e0", "+" + u1} {
		session := newSession(fmt.Sprintf("s%d", i), stranger, base.Add(hour))
		// Without a foreign key the store cannot know, and the row is an orphan.
		if err := h.Store.Create(t.Context(), session); err != nil && !errors.Is(err, models.ErrNoUser) {
			t.Errorf("Create for the unknown user %q: got %v, want ErrNoUser or nil", stranger, err)
		}
		if found(t, h, session.Token) {
			t.Errorf("a session of the unknown user %q was found", stranger)
		}
	}
}

func orphan(t *testing.T, h Harness) {
	if h.RemoveUser == nil {
		t.Log("not run: the harness has no RemoveUser")
		return
	}
	h.AddUser(t, newUser(u1))
	h.AddUser(t, newUser(u2))
	create(t, h, newSession("s1", u1, base.Add(hour)), newSession("s2", u2, base.Add(hour)))
	h.RemoveUser(t, u1)
	remain(t, h, map[string]bool{"s1": false, "s2": true})
}

// strangers are other strings than the token given, some of which databases
// call equal.
func strangers(token string) map[string]string {
	return map[string]string{
		"empty":              "",
		"other case":         strings.ToLower(token),
		"upper case":         strings.ToUpper(token),
		"trailing space":     token + " ",
		"leading space":      " " + token,
		"accent":             strings.Replace(token, "e", "é", 1),
		"full width":         strings.Replace(token, "e", "ｅ", 1),
		"NUL at the end":     token + "\x00",
		"NUL inside":         token[:5] + "\x00" + token[5:],
		"line feed":          token + "\n",
		"invalid UTF-8":      token + "\xff\xfe",
		"one shorter":        token[:len(token)-1],
		"one longer":         token + "x",
		"256 bytes":          token + strings.Repeat("x", 256-len(token)),
		"70,000 bytes":       token + strings.Repeat("x", 70_000),
		"wildcard":           "%",
		"quote":              "' OR '1'='1",
		"backslash":          token + `\`,
		"the number 0":       "0",
		"comment":            token + "' -- ",
		"emoji":              token + "😀",
		"combining mark":     strings.Replace(token, "e", "e\u0301", 1),
		"zero width":         token + "\u200b",
		"wildcard character": token[:len(token)-1] + "_",
	}
}

func exactBytes(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	session := newSession("s1", u1, base.Add(hour))
	create(t, h, session)
	for name, stranger := range strangers(session.Token) {
		if _, _, err := h.Store.Find(t.Context(), stranger); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("Find, %s: got %v, want ErrNotFound", name, err)
		}
	}
	remain(t, h, map[string]bool{"s1": true})
}

func expiredIsFound(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	want := newSession("s1", u1, base.Add(-hour))
	create(t, h, want)
	got, _, err := h.Store.Find(t.Context(), want.Token)
	if err != nil {
		t.Fatal(err)
	}
	sameSession(t, got, want)
}

func milliseconds(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	// 600 µs would round up to the next second, in another zone and with a
	// fraction that no column holds.
	fine := time.Date(2026, 11, 25, 8, 0, 0, 999_600_999, time.FixedZone("", -5*3600))
	want := time.Date(2026, 11, 25, 13, 0, 0, 999e6, time.UTC)
	session := newSession("s1", u1, fine)
	session.CreatedAt, session.UpdatedAt = fine, fine
	create(t, h, session)
	read, _, err := h.Store.Find(t.Context(), session.Token)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]time.Time{"expiresAt": read.ExpiresAt, "createdAt": read.CreatedAt, "updatedAt": read.UpdatedAt} {
		if !got.Equal(want) {
			t.Errorf("%s: got %s, want %s", name, stamp(got), stamp(want))
		}
	}

	// The very value that was given, unrounded, is the one to compare with.
	session.ExpiresAt = fine
	moved, err := h.Store.Touch(t.Context(), session, fine.Add(hour), fine)
	if err != nil {
		t.Fatal(err)
	}
	if !moved.ExpiresAt.Equal(want.Add(hour)) || !moved.UpdatedAt.Equal(want) {
		t.Errorf("Touch: got expiry %s and update %s, want %s and %s",
			stamp(moved.ExpiresAt), stamp(moved.UpdatedAt), stamp(want.Add(hour)), stamp(want))
	}
	again, _, err := h.Store.Find(t.Context(), session.Token)
	if err != nil {
		t.Fatal(err)
	}
	if show(again) != show(moved) {
		t.Errorf("got %s\nwant what Touch answered, %s", show(again), show(moved))
	}

	alive, err := h.Store.List(t.Context(), u1, fine.Add(hour))
	if err != nil || len(alive) != 0 {
		t.Errorf("List at the millisecond of expiry: got %d sessions and %v, want none", len(alive), err)
	}
}

func zeroTimes(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	session := newSession("s1", u1, time.Time{})
	if err := h.Store.Create(t.Context(), session); err == nil || answered(err) {
		t.Errorf("Create with a zero expiry: got %v, want an error that is no answer", err)
	}
	if found(t, h, session.Token) {
		t.Error("a session with a zero expiry was stored")
	}
	session.ExpiresAt = base.Add(hour)
	create(t, h, session)
	if _, err := h.Store.Touch(t.Context(), session, time.Time{}, base); err == nil || answered(err) {
		t.Errorf("Touch to a zero expiry: got %v, want an error that is no answer", err)
	}
	if _, err := h.Store.Purge(t.Context(), time.Time{}, 0); err == nil || answered(err) {
		t.Errorf("Purge before the zero time: got %v, want an error that is no answer", err)
	}
	got, _, err := h.Store.Find(t.Context(), session.Token)
	if err != nil {
		t.Fatal(err)
	}
	sameSession(t, got, session)
}

func findMany(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	h.AddUser(t, newUser(u2))
	want := map[string]models.Session{
		"s1":  newSession("s1", u1, base.Add(hour)),
		"s2":  newSession("s2", u2, base.Add(2*hour)),
		"old": newSession("old", u1, base.Add(-hour)), // time is the caller's to judge
	}
	other := newSession("other", u1, base.Add(hour))
	create(t, h, want["s1"], want["s2"], want["old"], other)

	asked := []string{token("s2"), token("gone"), token("old"), token("s1"), token("s2"), ""}
	got, err := h.Store.FindMany(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Errorf("got %d sessions, want %d", len(got), len(want))
	}
	for _, row := range got {
		sameSession(t, row.Session, want[row.Session.ID])
		sameUser(t, row.User, newUser(want[row.Session.ID].UserID))
	}
	for name, none := range map[string][]string{"nil": nil, "unknown": {token("gone")}, "impossible": {"", " "}} {
		if got, err := h.Store.FindMany(t.Context(), none); err != nil || len(got) != 0 {
			t.Errorf("FindMany, %s: got %d sessions and %v, want none", name, len(got), err)
		}
	}

	if h.RemoveUser == nil {
		return
	}
	h.RemoveUser(t, u1)
	if got, err := h.Store.FindMany(t.Context(), asked); err != nil || len(got) != 1 || got[0].Session.ID != "s2" {
		t.Errorf("FindMany without the user of two: got %d sessions and %v, want one", len(got), err)
	}
}

func findManyExact(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	session := newSession("s1", u1, base.Add(hour))
	create(t, h, session)
	all := slices.Collect(maps.Values(strangers(session.Token)))
	if got, err := h.Store.FindMany(t.Context(), all); err != nil || len(got) != 0 {
		t.Errorf("strangers alone: got %d sessions and %v, want none", len(got), err)
	}
	if got, err := h.Store.FindMany(t.Context(), append(all, session.Token)); err != nil || len(got) != 1 {
		t.Errorf("strangers and the session: got %d sessions and %v, want one", len(got), err)
	}
}

func findManyLimit(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	var asked []string
	for i := range 103 {
		session := newSession(fmt.Sprintf("s%03d", i), u1, base.Add(hour))
		create(t, h, session)
		asked = append(asked, session.Token)
	}
	got, err := h.Store.FindMany(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	first := asked[:100]
	late := slices.ContainsFunc(got, func(row models.Found) bool { return !slices.Contains(first, row.Session.Token) })
	if len(got) != 100 || late {
		t.Errorf("got %d sessions, one beyond the first 100 among them: %t; want the first 100", len(got), late)
	}
}
