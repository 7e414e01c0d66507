package races_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// The model of one session: absent, then alive until an expiry that only moves
// forward, then revoked for good. Histories of calls on one node must be
// explained by it, each call taking effect at one moment between its start and
// its answer.
type phase byte

const (
	absent phase = iota
	living
	revoked
)

type state struct {
	phase   phase
	expires int64 // in milliseconds, while living
}

// A call is what a client asked of a node.
type call byte

const (
	create    call = iota // SignIn
	find                  // Find: reads the store, renews nothing
	refresh               // GET /get-session past the copy: reads and renews
	list                  // List, by the user
	load                  // a guarded route: the copy in the cookie may answer
	revoke                // Revoke, by the token
	revokeAll             // RevokeAll, by the user, whose one session it is
)

var callNames = [...]string{"create", "find", "refresh", "list", "load", "revoke", "revoke all"}

func (c call) String() string { return callNames[c] }

// reads reports whether the call changes at most the expiry.
func (c call) reads() bool { return c == find || c == refresh || c == list || c == load }

// An answer is what came back.
type answer struct {
	// unknown: the error wraps ErrStore. What the call was to write may have
	// been written, may be later, or never.
	unknown bool
	// yes: it was created; there is a session; one was ended.
	yes bool
	// expires is the session's expiry as a read shows it, 0 if it does not.
	expires int64
}

func (a answer) String() string {
	switch {
	case a.unknown:
		return "unknown"
	case a.yes && a.expires != 0:
		return fmt.Sprint("yes, until ", a.expires)
	}
	return fmt.Sprint(a.yes)
}

// A view is what reads of one kind see. Within a view the law is strict. From
// one view to another it is not, while a revocation is under way: the row is
// gone and no copy is refused yet, and a read that shares the store's answer of
// a moment ago still finds what another no longer does. The promise is about
// revocations that have answered, and these hold in all views: each holds all
// that is written.
var views = []call{find, refresh, list, load}

func viewOf(history []porcupine.Operation) [][]porcupine.Operation {
	var parts [][]porcupine.Operation
	for _, view := range views {
		parts = append(parts, slices.DeleteFunc(slices.Clone(history), func(o porcupine.Operation) bool {
			c := o.Input.(call)
			return c.reads() && c != view
		}))
	}
	return parts
}

var session = porcupine.Model{
	Partition: viewOf,
	Init:      func() any { return state{} },
	Step: func(before, input, output any) (bool, any) {
		return step(before.(state), input.(call), output.(answer))
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprint(input, ": ", output) },
}

// step says whether the call could be so answered, and what is then.
func step(s state, c call, a answer) (bool, state) {
	switch c {
	case create:
		if a.unknown && s.phase != absent {
			return true, s // a late INSERT finds nothing to do
		}
		return s.phase == absent, state{living, 0}
	case revoke, revokeAll:
		ends := s.phase == living
		if ends {
			s = state{phase: revoked}
		}
		return a.unknown || a.yes == ends, s
	}
	switch {
	case a.unknown:
		return true, s
	case !a.yes:
		return s.phase != living, s
	case a.expires == 0:
		return s.phase == living, s
	}
	return s.phase == living && a.expires >= s.expires, state{s.phase, a.expires}
}

// explained asks the checker. A history that is too hard for it in a minute is
// not taken for a good one.
func explained(history []porcupine.Operation) bool {
	return porcupine.CheckOperationsTimeout(session, history, time.Minute) == porcupine.Ok
}

// never is when a call answers of which nobody knows whether it happened.
const never = math.MaxInt64

// The checker takes what is right and refuses what is wrong: else it would
// prove nothing.
func TestCheckerTellsRightFromWrong(t *testing.T) {
	op := func(client int, c call, from, to int64, a answer) porcupine.Operation {
		return porcupine.Operation{ClientId: client, Input: c, Call: from, Output: a, Return: to}
	}
	yes, no, lost := answer{yes: true}, answer{}, answer{unknown: true}
	until := func(ms int64) answer { return answer{yes: true, expires: ms} }
	created := op(0, create, 1, 2, yes)
	tests := []struct {
		name    string
		history []porcupine.Operation
		want    bool
	}{
		{"one after the other", []porcupine.Operation{created, op(1, find, 3, 4, until(10)), op(1, revoke, 5, 6, yes), op(1, find, 7, 8, no)}, true},
		{"a read after an answered revoke succeeds", []porcupine.Operation{created, op(1, revoke, 3, 4, yes), op(2, find, 5, 6, until(10))}, false},
		{"a renewal after an answered revoke succeeds", []porcupine.Operation{created, op(1, revoke, 3, 4, yes), op(2, refresh, 5, 6, until(20))}, false},
		{"a copy after an answered revoke is believed", []porcupine.Operation{created, op(1, revoke, 3, 4, yes), op(2, load, 5, 6, yes)}, false},
		{"a list after all are revoked", []porcupine.Operation{created, op(1, revokeAll, 3, 4, yes), op(2, list, 5, 6, until(10))}, false},
		{"a read beside a revoke, either way", []porcupine.Operation{created, op(1, revoke, 3, 9, yes), op(2, find, 4, 5, until(10)), op(2, find, 6, 7, no)}, true},
		{"a read beside a revoke comes back to life", []porcupine.Operation{created, op(1, revoke, 3, 9, yes), op(2, find, 4, 5, no), op(2, find, 6, 7, until(10))}, false},
		{"the views part while a revoke is under way", []porcupine.Operation{created, op(1, revoke, 3, 9, yes), op(2, find, 4, 5, no), op(2, load, 6, 7, yes)}, true},
		{"the views part after it", []porcupine.Operation{created, op(1, revoke, 3, 5, yes), op(2, find, 4, 6, no), op(2, load, 7, 8, yes)}, false},
		{"revoked twice", []porcupine.Operation{created, op(1, revoke, 3, 4, yes), op(2, revoke, 5, 6, yes)}, false},
		{"revoked by one of two", []porcupine.Operation{created, op(1, revoke, 3, 6, no), op(2, revokeAll, 4, 5, yes)}, true},
		{"no session before it is created", []porcupine.Operation{op(1, list, 1, 2, no), op(0, create, 3, 4, yes), op(1, list, 5, 6, until(10))}, true},
		{"a session before it is created", []porcupine.Operation{op(1, list, 1, 2, until(10)), op(0, create, 3, 4, yes)}, false},
		{"a session lost after it was created", []porcupine.Operation{created, op(1, find, 3, 4, no)}, false},
		{"all revoked beside the creation, too early", []porcupine.Operation{op(0, create, 1, 5, yes), op(1, revokeAll, 2, 3, no), op(1, find, 6, 7, until(10))}, true},
		{"an expiry goes forward", []porcupine.Operation{created, op(1, refresh, 3, 4, until(10)), op(2, refresh, 5, 6, until(20))}, true},
		{"an expiry goes backwards", []porcupine.Operation{created, op(1, refresh, 3, 4, until(20)), op(2, refresh, 5, 6, until(10))}, false},
		{"a lost revoke that happened", []porcupine.Operation{created, op(1, revoke, 3, never, lost), op(2, find, 5, 6, no)}, true},
		{"a lost revoke that happens later", []porcupine.Operation{created, op(1, revoke, 3, never, lost), op(2, find, 5, 6, until(10)), op(2, find, 7, 8, no)}, true},
		{"a lost revoke and a session that comes back", []porcupine.Operation{created, op(1, revoke, 3, never, lost), op(2, find, 5, 6, no), op(2, find, 7, 8, until(10))}, false},
		{"a lost creation that happened", []porcupine.Operation{op(0, create, 1, never, lost), op(1, list, 3, 4, until(10)), op(1, revokeAll, 5, 6, yes), op(1, list, 7, 8, no)}, true},
		{"a lost creation that happens twice", []porcupine.Operation{op(0, create, 1, never, lost), op(1, revokeAll, 5, 6, yes), op(1, list, 7, 8, until(10))}, false},
	}
	for _, tt := range tests {
		if got := explained(tt.history); got != tt.want {
			t.Errorf("%s: explained is %t", tt.name, got)
		}
	}
}
