package storetest

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/models"
)

func fieldsGoRound(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	for i, fields := range []map[string]any{
		{"theme": "dark", "count": int64(7), "pinned": true, "seenAt": base, "hidden": "x"},
		{"theme": "", "count": int64(0), "pinned": false, "seenAt": base.Add(-20 * 365 * 24 * hour), "hidden": ""},
		{"theme": "0", "count": int64(-1), "pinned": nil, "seenAt": base.Add(999 * time.Millisecond), "hidden": "null"},
		{"theme": "true", "count": int64(1<<31 - 1), "pinned": true, "seenAt": nil, "hidden": "2026-11-25T12:00:00.123Z"},
		{"theme": nil, "count": nil, "pinned": nil, "seenAt": nil, "hidden": nil},
	} {
		want := newSession(fmt.Sprintf("s%d", i), u1, base.Add(hour))
		want.Fields = fields
		create(t, h, want)
		stands(t, h, want)
		listed, err := h.Store.List(t.Context(), u1, base)
		if err != nil || len(listed) != i+1 {
			t.Fatalf("List: got %d sessions and %v, want %d", len(listed), err, i+1)
		}
		sameSession(t, listed[i], want)

		// Touch answers with the fields whether it writes or not.
		unmoved, err := h.Store.Touch(t.Context(), want, want.ExpiresAt, base)
		if err != nil {
			t.Fatal(err)
		}
		sameSession(t, unmoved, want)
		moved, err := h.Store.Touch(t.Context(), unmoved, base.Add(2*hour), base.Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		want.ExpiresAt, want.UpdatedAt = base.Add(2*hour), base.Add(time.Minute)
		sameSession(t, moved, want)
		stands(t, h, want)
	}

	// Dates are cut as all times are, and come back as UTC.
	fine := time.Date(2026, 11, 25, 8, 0, 0, 999_600_999, time.FixedZone("", -5*3600))
	session := newSession("fine", u1, base.Add(hour))
	session.Fields["seenAt"] = fine
	create(t, h, session)
	session.Fields["seenAt"] = time.Date(2026, 11, 25, 13, 0, 0, 999e6, time.UTC)
	stands(t, h, session)
	got, err := h.Store.Update(t.Context(), session, map[string]any{"seenAt": fine.Add(hour)}, base)
	if err != nil {
		t.Fatal(err)
	}
	session.Fields["seenAt"] = time.Date(2026, 11, 25, 14, 0, 0, 999e6, time.UTC)
	sameSession(t, got, session)
	if at := got.Fields["seenAt"].(time.Time); at.Location() != time.UTC {
		t.Errorf("a date is in zone %s, want UTC", at.Location())
	}
}

func fieldsMissing(t *testing.T, h Harness) {
	user := newUser(u1)
	user.Fields = nil
	h.AddUser(t, user)
	want := newSession("s1", u1, base.Add(hour))
	want.Fields = map[string]any{"theme": "dark"}
	empty := newSession("s2", u1, base.Add(hour))
	empty.Fields = nil
	create(t, h, want, empty)

	// No default either: that is the caller's to give.
	want.Fields = map[string]any{"theme": "dark", "count": nil, "pinned": nil, "seenAt": nil, "hidden": nil}
	stands(t, h, want)
	empty.Fields = map[string]any{"theme": nil, "count": nil, "pinned": nil, "seenAt": nil, "hidden": nil}
	stands(t, h, empty)
	_, owner, err := h.Store.Find(t.Context(), want.Token)
	if err != nil {
		t.Fatal(err)
	}
	user.Fields = map[string]any{"role": nil}
	sameUser(t, owner, user)
}

func fieldsText(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	session := newSession("s1", u1, base.Add(hour))
	create(t, h, session)
	for i, text := range []string{
		`'; DROP TABLE session; -- "`,
		"quotes ' \" ` and \\ \\' \\\" \\n",
		"<script>&amp;</script>",
		"\u2028\u2029\u0085\ufeff",
		"😀 日本語 e\u0301 ß ı İ",
		" blank at both ends ",
		"line\r\nfeed\ttab\x1b",
		"NUL \x00 inside",
		"? and :name and @name and %s and $1",
		strings.Repeat("長", 10_000),
	} {
		made := newSession(fmt.Sprintf("t%d", i), u1, base.Add(hour))
		made.Fields["theme"] = text
		create(t, h, made)
		stands(t, h, made)

		written, err := h.Store.Update(t.Context(), session, map[string]any{"theme": text}, base)
		if err != nil {
			t.Fatalf("%.40q: %v", text, err)
		}
		session.Fields["theme"] = text
		sameSession(t, written, session)
		stands(t, h, session)
	}
}

func fieldsRefused(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	session := newSession("s1", u1, base.Add(hour))
	create(t, h, session)
	for name, fields := range map[string]map[string]any{
		"unknown":          {"nonesuch": "x"},
		"the core's":       {"userId": u1},
		"unknown beside":   {"theme": "x", "nonesuch": nil},
		"other case":       {"Theme": "x"},
		"a user's":         {"role": "x"},
		"number":           {"theme": 7},
		"text":             {"count": "7"},
		"fraction":         {"count": 7.5},
		"bytes":            {"theme": []byte("x")},
		"text of a truth":  {"pinned": "true"},
		"number of a date": {"seenAt": int64(1)},
		"zero time":        {"seenAt": time.Time{}},
		"right and wrong":  {"theme": "x", "count": true},
	} {
		made := newSession("s2", u1, base.Add(hour))
		made.Fields = fields
		if err := h.Store.Create(t.Context(), made); err == nil || answered(err) {
			t.Errorf("Create, %s: got %v, want an error that is no answer", name, err)
		}
		if _, err := h.Store.Update(t.Context(), session, fields, base); err == nil || answered(err) {
			t.Errorf("Update, %s: got %v, want an error that is no answer", name, err)
		}
	}
	for name, fields := range map[string]map[string]any{"nil": nil, "none": {}} {
		if _, err := h.Store.Update(t.Context(), session, fields, base); err == nil || answered(err) {
			t.Errorf("Update, %s: got %v, want an error that is no answer", name, err)
		}
	}
	if _, err := h.Store.Update(t.Context(), session, map[string]any{"theme": "x"}, time.Time{}); err == nil || answered(err) {
		t.Errorf("Update at the zero time: got %v, want an error that is no answer", err)
	}
	remain(t, h, map[string]bool{"s2": false})
	stands(t, h, session)
}

func updateChanges(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	want, other := newSession("s1", u1, base.Add(hour)), newSession("s2", u1, base.Add(hour))
	create(t, h, want, other)
	for i, fields := range []map[string]any{
		{"theme": "light"},
		{"hidden": "x", "count": int64(8)},
		{"theme": nil, "count": nil, "pinned": nil, "seenAt": nil, "hidden": nil},
		{"theme": "dark", "count": int64(9), "pinned": false, "seenAt": base, "hidden": ""},
	} {
		read, _, err := h.Store.Find(t.Context(), want.Token)
		if err != nil {
			t.Fatal(err)
		}
		now := base.Add(time.Duration(i+1) * time.Minute).Add(600 * time.Microsecond)
		got, err := h.Store.Update(t.Context(), read, fields, now)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(want.Fields, fields)
		want.UpdatedAt = base.Add(time.Duration(i+1) * time.Minute)
		clear(fields) // what a store was given is its caller's again
		sameSession(t, got, want)
		stands(t, h, want)
	}
	stands(t, h, other)

	// The answer is the row, not what the caller remembers of it.
	stale := newSession("s1", u1, base.Add(-hour))
	stale.UserAgent, stale.Fields = nil, nil
	got, err := h.Store.Update(t.Context(), stale, map[string]any{"theme": "last"}, base.Add(hour))
	if err != nil {
		t.Fatal(err)
	}
	want.Fields["theme"], want.UpdatedAt = "last", base.Add(hour)
	sameSession(t, got, want)
}

func updateSame(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	want := newSession("s1", u1, base.Add(hour))
	create(t, h, want)
	// Some databases count a row that stays as it is as none.
	for range 2 {
		got, err := h.Store.Update(t.Context(), want, map[string]any{"theme": want.Fields["theme"]}, want.UpdatedAt)
		if err != nil {
			t.Fatal(err)
		}
		sameSession(t, got, want)
	}
}

func updateExpiry(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	for _, want := range []models.Session{newSession("s1", u1, base.Add(hour)), newSession("old", u1, base.Add(-hour))} {
		create(t, h, want)
		got, err := h.Store.Update(t.Context(), want, map[string]any{"theme": "light"}, base.Add(2*hour))
		if err != nil {
			t.Fatal(err)
		}
		want.Fields["theme"], want.UpdatedAt = "light", base.Add(2*hour)
		sameSession(t, got, want)
		stands(t, h, want)
	}
}

func updateGone(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	read := newSession("s1", u1, base.Add(hour))
	fields := map[string]any{"theme": "light"}
	if _, err := h.Store.Update(t.Context(), read, fields, base); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("a session never stored: got %v, want ErrNotFound", err)
	}
	create(t, h, read)
	revoke(t, h, models.Revocation{Token: read.Token}, 1)
	if _, err := h.Store.Update(t.Context(), read, fields, base); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("a revoked session: got %v, want ErrNotFound", err)
	}
	if found(t, h, read.Token) {
		t.Error("Update brought a revoked session back")
	}
}

// updateOther has reads that no longer are of one row.
func updateOther(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	first, second := newSession("s1", u1, base.Add(hour)), newSession("s2", u1, base.Add(hour))
	create(t, h, first, second)
	mixed := first
	mixed.Token = second.Token
	reads := map[string]models.Session{"the token of another": mixed}
	for name, stranger := range strangers(first.Token) {
		read := first
		read.Token = stranger
		reads[name] = read
	}
	for name, read := range reads {
		if _, err := h.Store.Update(t.Context(), read, map[string]any{"theme": "stolen"}, base); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", name, err)
		}
	}
	stands(t, h, first)
	stands(t, h, second)
}

func revokeAgainstUpdate(t *testing.T, h Harness) {
	revokeAgainst(t, h, 100, func(read models.Session) error {
		_, err := h.Store.Update(t.Context(), read, map[string]any{"theme": "late"}, base)
		return err
	})
}

func updateBesideTouch(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	for i := range 30 {
		read := newSession(fmt.Sprintf("s%d", i), u1, base.Add(hour))
		create(t, h, read)
		race(t, 3, func(side int) (err error) {
			switch side {
			case 0:
				_, err = h.Store.Touch(t.Context(), read, base.Add(2*hour), base)
			case 1:
				_, err = h.Store.Update(t.Context(), read, map[string]any{"theme": "light"}, base)
			case 2:
				_, err = h.Store.Update(t.Context(), read, map[string]any{"count": int64(8)}, base)
			}
			return err
		})
		want := read
		want.ExpiresAt, want.Fields = base.Add(2*hour), maps.Clone(read.Fields)
		want.Fields["theme"], want.Fields["count"] = "light", int64(8)
		stands(t, h, want)
	}
}
