package races_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testhook"
	"github.com/ginsession/ginsession/models"
)

// Several clients of one node create, read, renew and revoke one session, some
// of whose answers from the store are lost. Each history must be explained by
// the model: above all, no read that starts after a revocation has answered
// succeeds on that node.
func TestHistoriesAreLinearizable(t *testing.T) {
	for _, d := range databases {
		for _, cached := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, cookie cache %t", d.name, cached), func(t *testing.T) {
				t.Parallel()
				w := newWorker(t, d.open(t), 0, cached)
				store, err := models.NewStore(heard(w.db))
				if err != nil {
					t.Fatal(err)
				}
				n := witnessed(t, &lossy{Store: store}, cached)
				counts := map[string]int{}
				began := time.Now()
				total := chosenForm().histories
				for number := range total {
					history, err := record(w, n)
					if err == nil && !explained(history) {
						err = errors.New("no order of these calls explains the answers:\n" + written(history))
					}
					if err != nil {
						t.Fatalf("history %d: %v", number, err)
					}
					count(counts, history)
				}
				t.Logf("%d histories in %v: %s", total, time.Since(began).Round(time.Millisecond), summary(counts))
				for _, wanted := range []string{"find: yes", "find: no", "refresh: yes", "refresh: no", "revoke: yes", "revoke all: yes", "revoke: unknown", "find: unknown"} {
					if counts[wanted] == 0 {
						t.Errorf("never %q", wanted)
					}
				}
			})
		}
	}
}

// The same rig notices a store that brings a session back, as one that saves
// what it has read does.
func TestHistoriesShowAResurrection(t *testing.T) {
	w := newWorker(t, openSQLite(t), 0, false)
	store, err := models.NewStore(heard(w.db))
	if err != nil {
		t.Fatal(err)
	}
	isNoticed(t, w, witnessed(t, saving{store}, false))
}

// And a node that forgets its revocations, on which copies of ended sessions are
// believed.
func TestHistoriesShowABelievedCopy(t *testing.T) {
	w := newWorker(t, openSQLite(t), 0, true)
	store, err := models.NewStore(heard(w.db))
	if err != nil {
		t.Fatal(err)
	}
	var n *node
	n = witnessed(t, forgetful{Store: store, forget: func() { testhook.Forget(n.sessions) }}, true)
	isNoticed(t, w, n)
}

func isNoticed(t *testing.T, w *worker, n *node) {
	t.Helper()
	for range 2000 {
		history, err := record(w, n)
		if err != nil {
			t.Fatal(err)
		}
		if !explained(history) {
			return
		}
	}
	t.Error("nothing was noticed in 2000 histories")
}

// witnessed starts the node whose histories are recorded: on it every reading
// renews.
func witnessed(t *testing.T, store ginsession.Store, cached bool) *node {
	t.Helper()
	n := newNode(t, "the node", func(c *ginsession.Config) {
		c.Store = store
		c.UpdateAge = time.Millisecond
		c.CookieCache.Enabled, c.CookieCache.NoFeed = cached, true
	})
	n.clock.set(begin)
	return n
}

const (
	clients       = 4
	callsOfClient = 5
)

// A recorder writes down what clients ask of a node about one session.
type recorder struct {
	n     *node
	user  string
	ticks atomic.Int64 // a clock that never gives the same time twice

	mu      sync.Mutex
	history []porcupine.Operation
}

// record makes one history. The session is the user's only one: what is asked
// by user may come before the session is created; what needs its token or its
// cookies comes after the sign-in has answered, as in life.
func record(w *worker, n *node) ([]porcupine.Operation, error) {
	n.clock.pass(2 * time.Minute) // beyond what the last history's revocations doubt
	r := &recorder{n: n, user: w.user}
	signedIn := make(chan *device, 1)
	faults := make([]error, clients)
	var wait sync.WaitGroup
	for client := range clients {
		// A script for each client, drawn before it starts.
		calls := make([]call, callsOfClient)
		for i := range calls {
			calls[i] = drawn()
		}
		wait.Go(func() {
			var d *device
			if client == 0 {
				if d, faults[client] = r.create(); d != nil {
					for range clients - 1 {
						signedIn <- d
					}
				}
				if d == nil {
					close(signedIn)
				}
			} else if rand.N(2) == 0 {
				faults[client] = r.do(client, []call{list, revokeAll}[rand.N(8)/7], nil)
			}
			if client != 0 {
				d = <-signedIn
			}
			for _, c := range calls {
				if faults[client] == nil {
					faults[client] = r.do(client, c, d)
				}
			}
		})
	}
	wait.Wait()
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return r.history, w.clear()
}

// drawn is a call at random, one in twelve of which ends the session.
func drawn() call {
	switch reads := []call{find, refresh, list, load, load}; rand.N(24) {
	case 0:
		return revoke
	case 1:
		return revokeAll
	default:
		return reads[rand.N(len(reads))]
	}
}

// create signs in. A sign-in that fails leaves no cookies, and it undoes what it
// has inserted: some time later there is a revocation of which nobody hears. It
// also fails if everything of the user is revoked before it has answered; then
// it takes him for gone.
func (r *recorder) create() (*device, error) {
	from := r.ticks.Add(1)
	d, err := r.n.signIn(r.user)
	switch {
	case err == nil:
		r.note(0, create, from, answer{yes: true})
		return d, nil
	case strings.Contains(err.Error(), ginsession.ErrStore.Error()):
		r.note(0, create, from, answer{unknown: true})
	case strings.Contains(err.Error(), ginsession.ErrNotFound.Error()):
		r.note(0, create, from, answer{yes: true})
	default:
		return nil, err
	}
	r.note(0, revoke, from, answer{unknown: true})
	return nil, nil
}

// do makes one call and notes it. Without a device, only what is asked by user
// can be.
func (r *recorder) do(client int, c call, d *device) error {
	ctx := context.Background()
	switch {
	case d != nil:
	case c == revoke:
		c = revokeAll
	case c.reads():
		c = list
	}
	r.n.clock.tick()
	from := r.ticks.Add(1)
	var a answer
	var err error
	switch c {
	case find:
		var s *ginsession.Session
		if s, err = r.n.sessions.Find(ctx, d.Token); err == nil {
			a = answer{yes: true, expires: s.ExpiresAt.UnixMilli()}
		}
	case list:
		var all []*ginsession.Session
		all, err = r.n.sessions.List(ctx, r.user)
		if len(all) > 1 {
			return fmt.Errorf("%d sessions of one", len(all))
		}
		if len(all) == 1 {
			a = answer{yes: true, expires: all[0].ExpiresAt.UnixMilli()}
		}
	case refresh:
		a, err = r.refresh(d)
	case load:
		switch got := r.n.get("/me", d.cookies); got.status {
		case http.StatusOK:
			a.yes = true
		case http.StatusUnauthorized:
		case http.StatusServiceUnavailable:
			err = ginsession.ErrStore
		default:
			return fmt.Errorf("load: %d %s", got.status, got.body)
		}
	case revoke:
		err = r.n.sessions.Revoke(ctx, r.user, d.Token)
		a.yes = err == nil
	case revokeAll:
		var ended int
		ended, err = r.n.sessions.RevokeAll(ctx, r.user)
		if ended > 1 {
			return fmt.Errorf("ended %d sessions of one", ended)
		}
		a.yes = ended == 1
	}
	switch {
	case errors.Is(err, ginsession.ErrStore):
		a = answer{unknown: true}
	case err != nil && !errors.Is(err, ginsession.ErrNotFound):
		return err
	}
	r.note(client, c, from, a)
	return nil
}

func (r *recorder) refresh(d *device) (answer, error) {
	said, expires, got, err := r.n.renew(d)
	switch {
	case got.status == http.StatusServiceUnavailable:
		return answer{}, ginsession.ErrStore
	case err != nil:
		return answer{}, err
	case said == alive:
		return answer{yes: true, expires: expires.UnixMilli()}, nil
	}
	return answer{}, nil
}

func (r *recorder) note(client int, c call, from int64, a answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	to := r.ticks.Add(1)
	if a.unknown {
		if c.reads() && c != refresh {
			to = from // it says nothing, and has done nothing
		} else {
			to = never
		}
	}
	r.history = append(r.history, porcupine.Operation{ClientId: client, Input: c, Call: from, Output: a, Return: to})
}

func count(counts map[string]int, history []porcupine.Operation) {
	for _, o := range history {
		a := o.Output.(answer)
		word := map[bool]string{true: "yes", false: "no"}[a.yes]
		if a.unknown {
			word = "unknown"
		}
		counts[fmt.Sprint(o.Input, ": ", word)]++
	}
}

func written(history []porcupine.Operation) string {
	history = slices.Clone(history)
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var b strings.Builder
	for _, o := range history {
		to := fmt.Sprint(o.Return)
		if o.Return == never {
			to = "?"
		}
		fmt.Fprintf(&b, "%4d to %4s  client %d  %v: %v\n", o.Call, to, o.ClientId, o.Input, o.Output)
	}
	return b.String()
}
