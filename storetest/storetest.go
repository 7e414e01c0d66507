// Package storetest holds the laws of ginsession.Store, as tests that every
// implementation passes.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Harness {
//			store := mystore.New(storetest.Schema(), …)
//			return storetest.Harness{Store: store, AddUser: store.PutUser}
//		})
//	}
package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// Schema declares the additional fields of the suite's sessions and users, which
// the store under test must have. How it names its tables and columns is its own
// affair, and it may set IntegerUserIDs: the suite's users have digits for ids.
func Schema() models.Schema {
	return models.Schema{
		Session: models.Table{Fields: []models.Field{
			{Name: "theme", Type: models.String, Input: true, Returned: true},
			{Name: "count", Type: models.Number, Default: 7},
			{Name: "pinned", Type: models.Boolean},
			{Name: "seenAt", Type: models.Date},
			{Name: "hidden", Type: models.String},
		}},
		User: models.Table{Fields: []models.Field{{Name: "role", Type: models.String}}},
	}
}

// A Harness is one empty store and what the suite needs around it.
type Harness struct {
	// Store has the fields of Schema.
	Store ginsession.Store

	// AddUser makes a user known to the store, with all that is in it: Fields
	// too, where a field that is missing is null.
	AddUser func(t *testing.T, user models.User)

	// RemoveUser, if the store can be made to, forgets a user and keeps his
	// sessions, as a database without foreign keys does.
	RemoveUser func(t *testing.T, userID string)

	// Stall, if the store can be made to, lets it hang until release is called.
	Stall func(t *testing.T) (release func())

	// Excused names laws that cannot hold for the store, each with the reason,
	// which must be one of what it is and not of how it is made.
	Excused map[string]string
}

// Run runs the suite. It calls open once for each test, each time for an empty
// store of its own, and lets the tests run in parallel.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	laws := []struct {
		name string
		law  func(t *testing.T, h Harness)
	}{
		{"CreatedSessionIsFoundWithItsUser", createdIsFound},
		{"NullIsNotEmpty", nullIsNotEmpty},
		{"SecondSessionWithTokenOrIDIsDuplicate", duplicates}, // SR-02
		{"SessionWithoutUserIsNoSession", noUser},
		{"OrphanIsNoSession", orphan},                   // SR-09, rule 8
		{"TokenIsFoundByItsExactBytesOnly", exactBytes}, // SR-07, rule 3
		{"ExpiredSessionIsFoundAsItIs", expiredIsFound},
		{"TimesAreCutToMilliseconds", milliseconds}, // SR-38, rule 7
		{"ZeroTimesAreRefused", zeroTimes},          // rule 7
		{"TouchMovesTheExpiry", touchMoves},
		{"TouchNeverMovesTheExpiryBack", touchNeverBack}, // SR-34, rule 11
		{"TouchLeavesAnExpiredSession", touchExpired},    // SR-10
		{"TouchOfAGoneSessionIsNotFound", touchGone},
		{"OneOfManyTouchesWritesAndAllAgree", touchRace},          // SR-35, rule 11
		{"RevokedSessionIsNotRevivedByTouch", revokeAgainstTouch}, // SR-34, rule 10
		{"ListHoldsTheUsersLivingSessionsByID", list},             // SR-10, SR-44
		{"ListHoldsAtMostOneHundred", listLimit},
		{"TokensHoldsAll", tokens},
		{"RevokeByTokenWantsItsExactBytes", revokeToken},        // SR-07, rule 3
		{"RevokeByTokenAndOwnerWantsBoth", revokeOwned},         // SR-43
		{"RevokeNotAfterSparesARenewedSession", revokeNotAfter}, // SR-10
		{"RevokeByUserLeavesOtherUsers", revokeUser},
		{"RevokeOthersSparesOneAndTheExpired", revokeOthers}, // SR-45
		{"RevocationThatNamesNothingIsAnError", revokeNothing},
		{"PurgeDeletesTheExpiredInBatches", purge},
		{"PurgeLeavesARenewedSession", purgeRenewed}, // rule 17
		{"FindManyReadsManyWithTheirUsers", findMany},
		{"FindManyWantsExactBytes", findManyExact}, // SR-07, rule 3
		{"FindManyReadsAtMostOneHundred", findManyLimit},
		{"FieldsGoRound", fieldsGoRound},
		{"FieldThatIsMissingIsNull", fieldsMissing},
		{"FieldOfAStringHoldsAnyText", fieldsText},
		{"FieldThatIsNoneIsRefused", fieldsRefused},
		{"UpdateChangesWhatItIsGiven", updateChanges}, // SR-75
		{"UpdateToTheSameChangesNothing", updateSame},
		{"UpdateLeavesTheExpiry", updateExpiry}, // rule 2
		{"UpdateOfAGoneSessionIsNotFound", updateGone},
		{"UpdateWritesTheSessionThatWasRead", updateOther},
		{"RevokedSessionIsNotRevivedByUpdate", revokeAgainstUpdate}, // SR-34, rule 10
		{"UpdateAndTouchAtOnceBothHappen", updateBesideTouch},
		{"ReplacePutsOneInThePlaceOfAnother", replaces},
		{"ReplaceWantsTheSessionThatWasRead", replacesNothing},
		{"ReplaceRevokeAndTouchAtOnce", replaceAgainstRevoke},
		{"EndedContextIsNoAnswer", endedContext},    // SR-81, rule 18
		{"StalledStoreEndsWithItsContext", stalled}, // SR-78, rule 19
	}
	for _, test := range laws {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			if reason := h.Excused[test.name]; reason != "" {
				t.Logf("excused: %s", reason)
				return
			}
			test.law(t, h)
		})
	}
}

// base is the suite's clock. Expiries must lie in a range that all columns
// hold, and the past of one test must not be the future of another.
var base = time.Date(2026, 11, 25, 12, 0, 0, 123e6, time.UTC)

const hour = time.Hour

// The suite's users.
const u1, u2 = "1", "2"

// token makes a token of 32 characters that ends in name.
func token(name string) string {
	return "TokenAbcdefghijklmnopqrstuvwxyz0"[:32-len(name)] + name
}

func newUser(id string) models.User {
	image := "https://example.org/" + id + ".png"
	return models.User{
		ID: id, Name: "Ünï " + id, Email: id + "@example.org", EmailVerified: true, Image: &image,
		CreatedAt: base.Add(-hour), UpdatedAt: base.Add(-hour),
		Fields: map[string]any{"role": "ädmin"},
	}
}

func newSession(id, userID string, expires time.Time) models.Session {
	address, agent := "203.0.113.7", "suite/1 日本語"
	return models.Session{
		ID: id, Token: token(id), UserID: userID,
		ExpiresAt: expires, CreatedAt: base, UpdatedAt: base,
		IPAddress: &address, UserAgent: &agent,
		Fields: map[string]any{"theme": "dark", "count": int64(7), "pinned": true, "seenAt": base.Add(-hour), "hidden": nil},
	}
}

func text(p *string) string {
	if p == nil {
		return "NULL"
	}
	return fmt.Sprintf("%q", *p)
}

// show is everything of a session but its token, which is compared apart: the
// suite's own output shows none.
func show(s models.Session) string {
	return fmt.Sprintf("%s of %s expires %s created %s updated %s from %s with %s and %s",
		s.ID, s.UserID, stamp(s.ExpiresAt), stamp(s.CreatedAt), stamp(s.UpdatedAt), text(s.IPAddress), text(s.UserAgent), showFields(s.Fields))
}

// showFields shows the Go type of each value as well.
func showFields(fields map[string]any) string {
	var shown []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fmt.Sprintf("%#v", fields[name])
		if at, ok := fields[name].(time.Time); ok {
			value = stamp(at)
		}
		shown = append(shown, fmt.Sprintf("%s=%T %s", name, fields[name], value))
	}
	return "{" + strings.Join(shown, ", ") + "}"
}

func stamp(t time.Time) string { return t.Format(time.RFC3339Nano) }

func sameSession(t *testing.T, got, want models.Session) {
	t.Helper()
	if show(got) != show(want) {
		t.Errorf("got session %s\nwant        %s", show(got), show(want))
	}
	if got.Token != want.Token {
		t.Errorf("session %s has another token", want.ID)
	}
}

func sameUser(t *testing.T, got, want models.User) {
	t.Helper()
	show := func(u models.User) string {
		return fmt.Sprintf("%s %q %q %t %s created %s updated %s with %s",
			u.ID, u.Name, u.Email, u.EmailVerified, text(u.Image), stamp(u.CreatedAt), stamp(u.UpdatedAt), showFields(u.Fields))
	}
	if show(got) != show(want) {
		t.Errorf("got user %s\nwant     %s", show(got), show(want))
	}
}

func create(t *testing.T, h Harness, sessions ...models.Session) {
	t.Helper()
	for _, session := range sessions {
		if err := h.Store.Create(t.Context(), session); err != nil {
			t.Fatalf("Create %s: %v", session.ID, err)
		}
	}
}

func found(t *testing.T, h Harness, token string) bool {
	t.Helper()
	_, _, err := h.Store.Find(t.Context(), token)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		t.Fatalf("Find: %v", err)
	}
	return err == nil
}

// remain checks which of the sessions are still there.
func remain(t *testing.T, h Harness, want map[string]bool) {
	t.Helper()
	for id, there := range want {
		if got := found(t, h, token(id)); got != there {
			t.Errorf("session %s is there: %t, want %t", id, got, there)
		}
	}
}

func answered(err error) bool {
	return errors.Is(err, models.ErrNotFound) || errors.Is(err, models.ErrDuplicate) || errors.Is(err, models.ErrNoUser)
}

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
	const races = 200
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
			_, err := h.Store.Touch(t.Context(), read, base.Add(2*hour), base)
			if errors.Is(err, models.ErrNotFound) {
				return nil
			}
			return err
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

// race starts n calls at once and fails the test with their errors.
func race(t *testing.T, n int, call func(i int) error) {
	t.Helper()
	var wait sync.WaitGroup
	start := make(chan struct{})
	errs := make([]error, n)
	for i := range n {
		wait.Go(func() {
			<-start
			errs[i] = call(i)
		})
	}
	close(start)
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func ids(sessions []models.Session) []string {
	ids := make([]string, 0, len(sessions))
	for _, session := range sessions {
		ids = append(ids, session.ID)
	}
	return ids
}

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

// calls are all methods, each about a session that exists.
func calls(h Harness) map[string]func(ctx context.Context) error {
	session := newSession("s1", u1, base.Add(hour))
	return map[string]func(ctx context.Context) error{
		"Create": func(ctx context.Context) error { return h.Store.Create(ctx, newSession("s2", u1, base.Add(hour))) },
		"Find":   func(ctx context.Context) error { _, _, err := h.Store.Find(ctx, session.Token); return err },
		"FindMany": func(ctx context.Context) error {
			_, err := h.Store.FindMany(ctx, []string{session.Token})
			return err
		},
		"Update": func(ctx context.Context) error {
			_, err := h.Store.Update(ctx, session, map[string]any{"theme": "late"}, base)
			return err
		},
		"Touch": func(ctx context.Context) error {
			_, err := h.Store.Touch(ctx, session, base.Add(2*hour), base)
			return err
		},
		"Replace": func(ctx context.Context) error {
			_, err := h.Store.Replace(ctx, session, successor(session, "s3"), base)
			return err
		},
		"List":   func(ctx context.Context) error { _, err := h.Store.List(ctx, u1, base); return err },
		"Tokens": func(ctx context.Context) error { _, err := h.Store.Tokens(ctx, u1); return err },
		"Revoke": func(ctx context.Context) error {
			_, err := h.Store.Revoke(ctx, models.Revocation{Token: session.Token})
			return err
		},
		"Purge": func(ctx context.Context) error { _, err := h.Store.Purge(ctx, base, 0); return err },
	}
}

func endedContext(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	session := newSession("s1", u1, base.Add(hour))
	create(t, h, session)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls(h) {
		err := call(ctx)
		switch {
		case err == nil:
			t.Errorf("%s: got no error", name)
		case answered(err):
			t.Errorf("%s: got %v, which is an answer", name, err)
		case !errors.Is(err, context.Canceled):
			t.Errorf("%s: got %v, which does not wrap context.Canceled", name, err)
		case strings.Contains(err.Error(), session.Token):
			t.Errorf("%s: the error holds the token", name)
		}
	}
	remain(t, h, map[string]bool{"s1": true, "s2": false, "s3": false})
}

func stalled(t *testing.T, h Harness) {
	if h.Stall == nil {
		t.Log("not run: the harness has no Stall")
		return
	}
	h.AddUser(t, newUser(u1))
	create(t, h, newSession("s1", u1, base.Add(hour)))
	release := h.Stall(t)
	var once sync.Once
	defer once.Do(release)

	const patience, slack = 200 * time.Millisecond, 2 * time.Second
	var wait sync.WaitGroup
	for name, call := range calls(h) {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			begin := time.Now()
			err := call(ctx)
			if took := time.Since(begin); took > patience+slack {
				t.Errorf("%s: took %s of %s", name, took, patience)
			}
			if err == nil || answered(err) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v, want an error that wraps context.DeadlineExceeded", name, err)
			}
		})
	}
	wait.Wait()

	// What was written under the stall may still happen, as it does when a
	// lock goes; but the store works again.
	once.Do(release)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := h.Store.List(ctx, u1, base); err != nil {
		t.Errorf("List after the stall: %v", err)
	}
}
