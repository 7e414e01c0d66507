package races_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// An ending ends the device's session on a node.
type ending func(w *worker, n *node, d *device) error

// How a renewal that raced an ending came out.
const (
	renewedFirst = "renewed first"
	endedFirst   = "ended first"
	endedMidway  = "ended midway"
)

func TestRevokeAgainstRefresh(t *testing.T) {
	race(t, func(w *worker, number int) (string, error) {
		if number%2 == 0 {
			return endAgainstRefresh(w, number, revokeByManager)
		}
		laptop, err := w.a.signIn(w.user)
		if err != nil {
			return "", err
		}
		outcome, err := endAgainstRefresh(w, number, revokeFrom(laptop))
		if err == nil {
			err = w.a.takes("/store", laptop.cookies, "store")
		}
		return outcome, errors.Join(err, w.clear())
	}, renewedFirst, endedFirst)
}

func TestSignOutAgainstRefresh(t *testing.T) {
	race(t, func(w *worker, number int) (string, error) {
		return endAgainstRefresh(w, number, signOut)
	}, renewedFirst, endedFirst)
}

// revokeByManager is what an application's own code does.
func revokeByManager(w *worker, n *node, d *device) error {
	return n.sessions.Revoke(context.Background(), w.user, d.Token)
}

// revokeFrom is what the user does on another device.
func revokeFrom(laptop *device) ending {
	return func(_ *worker, n *node, d *device) error {
		got := n.post("/api/auth/revoke-session", laptop.cookies, `{"token":"`+d.Handle+`"}`)
		return wants(got, 200, `{"status":true}`)
	}
}

func signOut(_ *worker, n *node, d *device) error {
	got := n.post("/api/auth/sign-out", d.cookies, "")
	if got.extends() {
		return errors.New("a sign-out sets the session cookie")
	}
	return wants(got, 200, `{"success":true}`)
}

func wants(got reply, status int, body string) error {
	if got.status != status || got.body != body {
		return fmt.Errorf("got %d %s, want %d %s", got.status, got.body, status, body)
	}
	return nil
}

// endAgainstRefresh ends a session on one node while its device renews it on
// the same node or on another.
func endAgainstRefresh(w *worker, number int, end ending) (outcome string, err error) {
	phone, err := w.a.signIn(w.user)
	if err != nil {
		return "", err
	}
	w.pass(2 * updateAge) // due for renewal; the copy is still good
	if w.cached {
		if err := errors.Join(w.a.takes("/me", phone.cookies, "copy"), w.b.takes("/me", phone.cookies, "copy")); err != nil {
			return "", err
		}
	}
	ending, reading := w.nodes(number)
	var (
		endErr, readErr error
		said            verdict
		expires         time.Time
		got             reply
	)
	w.together(
		func() { endErr = end(w, ending, phone) },
		func() { said, expires, got, readErr = reading.renew(phone) },
	)
	if err := errors.Join(endErr, readErr); err != nil {
		return "", err
	}
	switch said {
	case alive:
		outcome = renewedFirst
		if want := reading.clock.in(expiresIn); !expires.Equal(want) {
			return outcome, fmt.Errorf("renewed to %v, want %v", expires, want)
		}
	case none:
		outcome = endedFirst
	case midway:
		outcome = endedMidway
	}
	if said != alive && got.extends() {
		return outcome, errors.New("no session, and yet its cookie is set")
	}
	return outcome, w.isGone(ending, phone, got.kept(phone.cookies))
}

// isGone asserts that the device's session is over: its row, and what its
// cookies of before and after the race are worth. A copy is good on another
// node until it lapses, except where no copy is asked.
func (w *worker) isGone(ended *node, d *device, after jar) error {
	switch row, err := w.row(d); {
	case err != nil:
		return err
	case row != nil:
		return fmt.Errorf("the session came back, until %v", row.ExpiresAt)
	}
	after[tokenCookie] = d.cookies[tokenCookie] // an answer may have dropped it; a thief would not
	for _, n := range []*node{w.a, w.b} {
		if err := n.refuses("/store", after); err != nil {
			return err
		}
	}
	if !w.cached {
		return nil
	}
	return errors.Join(ended.refuses("/me", d.cookies), ended.refuses("/me", after))
}
