package races_test

import (
	"errors"
	"fmt"
	"testing"
)

// Two devices sign all others out at once. What each does is one statement
// behind a guard that reads the store, so that there are two ways to end:
//
//   - One is through before the other's guard looks: it is the only session
//     left, and the other gets a 401, having ended nothing.
//   - Both guards look before either ends anything. Then both do as they were
//     told and both are answered so: each has ended the other, and nobody is
//     left. That is Better Auth's outcome too, and the safe one of the two
//     that are possible: if one device is a thief's, the user signs in again.
//
// Never do both survive, never both get a 401, and never does a bystanding
// third device survive.
func TestRevokeOthersFromTwoDevices(t *testing.T) {
	race(t, func(w *worker, number int) (outcome string, err error) {
		var devices [3]*device
		for i := range devices {
			if devices[i], err = w.a.signIn(w.user); err != nil {
				return "", err
			}
		}
		w.pass(2 * updateAge) // the guards renew, too
		nodes := [2]*node{}
		nodes[0], nodes[1] = w.nodes(number)
		var got [2]reply
		act := func(i int) func() {
			return func() { got[i] = nodes[i].post("/api/auth/revoke-other-sessions", devices[i].cookies, "") }
		}
		w.together(act(0), act(1))

		var survivor *device
		switch {
		case got[0].status == 200 && got[1].status == 200:
			outcome = "both ended"
		case got[0].status == 200 && got[1].status == 401:
			outcome, survivor = "one left", devices[0]
		case got[0].status == 401 && got[1].status == 200:
			outcome, survivor = "one left", devices[1]
		default:
			return "", fmt.Errorf("answers %d %s and %d %s", got[0].status, got[0].body, got[1].status, got[1].body)
		}
		rows, err := w.rows()
		if err != nil {
			return outcome, err
		}
		if survivor == nil && len(rows) != 0 || survivor != nil && (len(rows) != 1 || rows[0].ID != survivor.ID) {
			return outcome, fmt.Errorf("%d sessions are left", len(rows))
		}
		for i, d := range devices {
			if d == survivor {
				err = errors.Join(err, w.a.takes("/store", d.cookies, "store"), w.b.takes("/store", d.cookies, "store"))
				continue
			}
			err = errors.Join(err, w.a.refuses("/store", d.cookies), w.b.refuses("/store", d.cookies))
			for j, n := range nodes { // who has answered refuses the copies too
				if got[j].status == 200 && i != j {
					err = errors.Join(err, n.refuses("/me", d.cookies))
				}
			}
		}
		return outcome, errors.Join(err, w.clear())
	}, "one left")
}
