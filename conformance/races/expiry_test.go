package races_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// At the very millisecond of its expiry a session lives (Better Auth: expired is
// expiresAt < now), so that it can be renewed even then; lists, which ask for
// expiresAt > now, no longer name it, as in Better Auth. Before it everything
// agrees that the session lives, after it that it is dead.
func TestExpiryToTheMillisecond(t *testing.T) {
	for _, d := range databases {
		for _, cached := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, cookie cache %t", d.name, cached), func(t *testing.T) {
				t.Parallel()
				w := newWorker(t, d.open(t), 0, cached)
				for _, off := range []time.Duration{-time.Millisecond, 0, time.Millisecond} {
					if err := atExpiry(w, off); err != nil {
						t.Errorf("%v from the expiry: %v", off, err)
					}
				}
			})
		}
	}
}

func atExpiry(w *worker, off time.Duration) error {
	phone, err := w.a.signIn(w.user)
	if err != nil {
		return err
	}
	row, err := w.row(phone)
	if err != nil || row == nil {
		return fmt.Errorf("no row: %v", err)
	}
	w.set(row.ExpiresAt.Add(off))
	ctx := context.Background()
	lives, listed := off <= 0, off < 0
	saw := map[string]bool{}
	// What changes nothing comes first.
	_, err = w.a.sessions.Find(ctx, phone.Token)
	saw["Find"] = err == nil
	if err != nil && !errors.Is(err, ginsession.ErrNotFound) {
		return err
	}
	list, err := w.a.sessions.List(ctx, w.user)
	if err != nil || (len(list) == 1) != listed {
		return fmt.Errorf("List: %d sessions, %v", len(list), err)
	}
	ended, err := w.a.sessions.Purge(ctx)
	if err != nil || ended != 0 {
		return fmt.Errorf("Purge: %d, %v", ended, err)
	}
	path := "/api/auth/get-session?disableRefresh=true"
	if lives { // a dead session's row goes with the first that meets it
		saw["get-session without renewal"] = w.a.get(path, phone.cookies).body != "null"
		saw["list-sessions"] = w.a.get("/api/auth/list-sessions", phone.cookies).status == 200
	}
	saw["the store's guard"] = w.b.get("/store", phone.cookies).status == 200
	saw["the guard"] = w.a.get("/me", phone.cookies).status == 200
	said, _, _, err := w.b.renew(phone)
	saw["get-session"] = said == alive
	for who, yes := range saw {
		if yes != lives {
			err = errors.Join(err, fmt.Errorf("to %s the session lives: %t, want %t", who, yes, lives))
		}
	}
	row, rowErr := w.row(phone)
	if lives && (row == nil || !row.ExpiresAt.Equal(w.b.clock.in(expiresIn))) || !lives && row != nil {
		err = errors.Join(err, fmt.Errorf("the row afterwards: %v", row))
	}
	return errors.Join(err, rowErr, w.clear())
}

// Two nodes meet a session at its expiry, each a millisecond before, at, or
// after it by its own clock. Who finds it alive renews it, who finds it dead
// deletes it: one of the two happens, and the row afterwards says which.
func TestExpiryAtTheVeryMillisecond(t *testing.T) {
	race(t, func(w *worker, number int) (outcome string, err error) {
		w.set(later(w.a.clock.now(), w.b.clock.now()))
		phone, err := w.a.signIn(w.user)
		if err != nil {
			return "", err
		}
		expires := w.a.clock.in(expiresIn)
		nodes := [2]*node{w.a, w.b}
		var dead [2]bool
		for i, n := range nodes {
			off := number % 3
			if i == 1 {
				off = number / 3 % 3
			}
			n.clock.set(expires.Add(time.Duration(off-1) * time.Millisecond))
			dead[i] = off == 2
		}
		var results [2]renewal
		act := func(i int) func() {
			return func() { results[i].said, results[i].expires, _, results[i].err = nodes[i].renew(phone) }
		}
		w.together(act(0), act(1))

		row, err := w.row(phone)
		if err := errors.Join(err, results[0].err, results[1].err); err != nil {
			return "", err
		}
		switch {
		case dead[0] && dead[1]:
			outcome = "dead to both"
			if row != nil || results[0].said != none || results[1].said != none {
				return outcome, fmt.Errorf("%s and %s, row %v", results[0].said, results[1].said, row)
			}
		case !dead[0] && !dead[1]:
			outcome = "alive to both"
			if row == nil || results[0].said != alive || results[1].said != alive {
				return outcome, fmt.Errorf("%s and %s, row %v", results[0].said, results[1].said, row)
			}
		default:
			living := 0
			if dead[0] {
				living = 1
			}
			outcome = "deleted"
			if row != nil {
				outcome = "renewed"
			}
			// Who finds it alive has renewed it exactly if it is there; to the
			// other it lives only if it was renewed before he looked.
			if (results[living].said == alive) != (row != nil) || results[1-living].said == midway || results[1-living].said == alive && row == nil {
				return outcome, fmt.Errorf("%s to the living, %s to the other, row %v", results[living].said, results[1-living].said, row)
			}
		}
		for _, r := range results {
			if r.said == alive && !r.expires.Equal(row.ExpiresAt) {
				return outcome, fmt.Errorf("an answer says %v, the row %v", r.expires, row.ExpiresAt)
			}
		}
		return outcome, w.clear()
	}, "dead to both", "alive to both", "renewed", "deleted")
}

// Who signs all others out at a millisecond at which one of them still lives
// ends that one too, whether or not it is being renewed at that moment.
func TestRevokeOthersAtTheVeryMillisecond(t *testing.T) {
	race(t, func(w *worker, number int) (outcome string, err error) {
		phone, err := w.a.signIn(w.user)
		if err != nil {
			return "", err
		}
		expires := w.a.clock.in(expiresIn)
		w.pass(updateAge)
		laptop, err := w.a.signIn(w.user)
		if err != nil {
			return "", err
		}
		w.set(expires)
		revoking, reading := w.nodes(number)
		var said verdict
		var readErr error
		var got reply
		w.together(
			func() { got = revoking.post("/api/auth/revoke-other-sessions", laptop.cookies, "") },
			func() { said, _, _, readErr = reading.renew(phone) },
		)
		if err := errors.Join(readErr, wants(got, 200, `{"status":true}`)); err != nil {
			return "", err
		}
		outcome = map[verdict]string{alive: renewedFirst, none: endedFirst, midway: endedMidway}[said]
		return outcome, errors.Join(w.isGone(revoking, phone, phone.cookies), w.clear())
	}, renewedFirst, endedFirst)
}
