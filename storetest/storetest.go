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

// stands checks that the store holds what it answered.
func stands(t *testing.T, h Harness, want models.Session) {
	t.Helper()
	got, _, err := h.Store.Find(t.Context(), want.Token)
	if err != nil {
		t.Fatal(err)
	}
	sameSession(t, got, want)
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

func text(p *string) string {
	if p == nil {
		return "NULL"
	}
	return fmt.Sprintf("%q", *p)
}
