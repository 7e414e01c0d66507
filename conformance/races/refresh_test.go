package races_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Several devices of one cookie, tabs for instance, renew the session at once,
// on two nodes whose clocks differ a little, so that it can be seen who wrote.
// One does; all get its expiry.
func TestTwoRefreshes(t *testing.T) {
	race(t, func(w *worker, number int) (outcome string, err error) {
		defer func() { // the clocks agree again
			w.set(later(w.a.clock.now(), w.b.clock.now()))
		}()
		phone, err := w.a.signIn(w.user)
		if err != nil {
			return "", err
		}
		before, err := w.row(phone)
		if err != nil || before == nil {
			return "", fmt.Errorf("no row of a new session: %v", err)
		}
		w.pass(2 * updateAge)
		w.b.clock.pass(time.Duration(1+rand.N(5000)) * time.Millisecond)

		renewals := make([]renewal, 4)
		var rivals []func()
		for i := range renewals {
			n := []*node{w.a, w.b}[i%2]
			rivals = append(rivals, func() { renewals[i].said, renewals[i].expires, _, renewals[i].err = n.renew(phone) })
		}
		w.together(rivals...)

		after, err := w.row(phone)
		if err != nil || after == nil {
			return "", fmt.Errorf("no row after the renewals: %v", err)
		}
		writer := w.a
		if after.ExpiresAt.Equal(w.b.clock.in(expiresIn)) {
			writer = w.b
		}
		outcome = writer.name + " wrote"
		if !after.ExpiresAt.Equal(writer.clock.in(expiresIn)) || !after.UpdatedAt.Equal(writer.clock.now()) {
			return outcome, fmt.Errorf("the row expires at %v and was updated at %v: no node's doing", after.ExpiresAt, after.UpdatedAt)
		}
		if !after.ExpiresAt.After(before.ExpiresAt) || !after.CreatedAt.Equal(before.CreatedAt) {
			return outcome, fmt.Errorf("from %+v to %+v", before, after)
		}
		for _, r := range renewals {
			if r.err != nil || r.said != alive || !r.expires.Equal(after.ExpiresAt) {
				return outcome, fmt.Errorf("%s until %v, %v; the row says %v", r.said, r.expires, r.err, after.ExpiresAt)
			}
		}
		return outcome, w.clear()
	}, "node a wrote", "node b wrote")
}

type renewal struct {
	said    verdict
	expires time.Time
	err     error
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
