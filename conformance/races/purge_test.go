package races_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginsession/ginsession/models"
)

// margin is how long ago a session must have expired to be purged.
const margin = 5 * time.Minute

// The purge runs beside reads that renew. Its node's clock is right in half of
// the purges; in the other half it is ten minutes ahead, beyond the margin, so
// that it takes sessions for dead which others are just renewing. Either it
// gets one or the renewal does: a session that was renewed is there afterwards,
// one that is gone was not.
//
// A purge takes several sessions at once, so that a round here is one of them.
func TestPurgeBesideTraffic(t *testing.T) {
	const herd = 8
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			w := newWorker(t, d.open(t), 0, false)
			outcomes := map[string]int{}
			began := time.Now()
			total := chosenForm().rounds / herd
			for number := range total {
				if err := purgeBesideTraffic(w, number, herd, outcomes); err != nil {
					t.Fatalf("purge %d: %v", number, err)
				}
			}
			t.Logf("%d sessions in %v: %s", total*herd, time.Since(began).Round(time.Millisecond), summary(outcomes))
			for _, outcome := range []string{"renewed", "renewed before an early purge", "purged early"} {
				if outcomes[outcome] == 0 {
					t.Errorf("never %q", outcome)
				}
			}
		})
	}
}

func purgeBesideTraffic(w *worker, number, herd int, outcomes map[string]int) error {
	w.set(w.a.clock.in(24 * time.Hour))
	now := w.a.clock.now()
	ahead := number%2 == 1
	// Sessions that are alive, by four minutes or by nothing, and due.
	w.a.clock.set(now.Add(-expiresIn))
	if ahead {
		w.a.clock.pass(4 * time.Minute)
	}
	devices := make([]*device, herd)
	for i := range devices {
		session, err := w.a.sessions.Create(context.Background(), w.user)
		if err != nil {
			return err
		}
		devices[i] = &device{ID: session.ID, Token: session.Token.Reveal()}
		devices[i].cookies = jar{tokenCookie: sign(devices[i].Token)}
	}
	w.a.clock.set(now)
	dead, lately, err := w.twoDead(number, now)
	if err != nil {
		return err
	}
	if ahead {
		w.b.clock.set(now.Add(2 * margin))
	}

	var purged atomic.Int64
	var purgeErr [2]error
	results := make([]renewal, herd)
	var rivals []func()
	for i := range purgeErr { // two purges at once are as good as one
		rivals = append(rivals, func() {
			n, err := w.b.sessions.Purge(context.Background())
			purged.Add(int64(n))
			purgeErr[i] = err
		})
	}
	for i, d := range devices {
		rivals = append(rivals, func() { results[i].said, results[i].expires, _, results[i].err = w.a.renew(d) })
	}
	w.together(rivals...)
	w.b.clock.set(now)

	rows, err := w.rows()
	if err := errors.Join(err, purgeErr[0], purgeErr[1]); err != nil {
		return err
	}
	has := func(id string) bool {
		return slices.ContainsFunc(rows, func(s models.Session) bool { return s.ID == id })
	}
	gone := int64(0)
	for i, d := range devices {
		r := results[i]
		at := slices.IndexFunc(rows, func(s models.Session) bool { return s.ID == d.ID })
		switch {
		case r.err != nil:
			return r.err
		case r.said == alive && (at < 0 || !rows[at].ExpiresAt.Equal(r.expires) || !r.expires.Equal(now.Add(expiresIn))):
			return fmt.Errorf("a session just renewed until %v is gone or another: %v", r.expires, rows)
		case r.said != alive && at >= 0:
			return fmt.Errorf("%s, and yet there is a row until %v", r.said, rows[at].ExpiresAt)
		case r.said != alive && !ahead:
			return fmt.Errorf("%s: the purge deleted a session that was alive", r.said)
		case r.said == midway:
			gone++
			outcomes["purged while being renewed"]++
		case r.said != alive:
			gone++
			outcomes["purged early"]++
		case ahead:
			outcomes["renewed before an early purge"]++
		default:
			outcomes["renewed"]++
		}
	}
	switch {
	case has(dead):
		return errors.New("a session that expired long ago is still there")
	case has(lately) == ahead:
		return fmt.Errorf("a session that expired within the margin: kept is %t, the clock is ahead is %t", has(lately), ahead)
	case ahead && purged.Load() != gone+2 || !ahead && purged.Load() != 1:
		return fmt.Errorf("the purges count %d sessions, but %d of the live ones went", purged.Load(), gone)
	}
	return w.clear()
}

// twoDead makes two expired sessions: one beyond the purge's margin by a
// millisecond, one exactly at it.
func (w *worker) twoDead(number int, now time.Time) (beyond, within string, err error) {
	beyond, within = fmt.Sprintf("beyond%d", number), fmt.Sprintf("within%d", number)
	store, err := models.NewStore(heard(w.db))
	if err != nil {
		return "", "", err
	}
	for id, expires := range map[string]time.Time{beyond: now.Add(-margin - time.Millisecond), within: now.Add(-margin)} {
		err = errors.Join(err, store.Create(context.Background(), models.Session{
			ID: id, Token: strings.Repeat("D", 16) + id, UserID: w.user,
			ExpiresAt: expires, CreatedAt: expires.Add(-expiresIn), UpdatedAt: expires.Add(-expiresIn),
		}))
	}
	return beyond, within, err
}
