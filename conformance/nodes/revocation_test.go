package nodes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// A form is how many sessions are ended, and how many of them at once.
type form struct{ tries, atOnce int }

func chosenForm() form {
	if os.Getenv("TEST_LONG") != "" {
		return form{tries: 1000, atOnce: 12}
	}
	return form{tries: 60, atOnce: 10}
}

func TestRevocationReachesTheOtherNodes(t *testing.T) {
	t.Parallel()
	for _, f := range feeds {
		if !f.same {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				newCluster(t, f).measure(t, chosenForm())
			})
		}
	}
}

// measure ends sessions under traffic and logs when the other nodes refused them.
func (c *cluster) measure(t *testing.T, form form) {
	y := new(tally)
	hush := c.crowd(t, y)
	users := c.users(t, form.tries)

	var mu sync.Mutex
	took := make(map[string][]time.Duration)
	began := time.Now()
	var trying sync.WaitGroup
	for i := range form.atOnce {
		trying.Go(func() {
			for number := i; number < form.tries && !t.Failed(); number += form.atOnce {
				w := ways[number%len(ways)]
				lags, err := c.try(t, y, w, users[number])
				if err != nil {
					t.Errorf("%s, try %d: %v", w.name, number, err)
				}
				mu.Lock()
				took[w.name] = append(took[w.name], lags...)
				took["all"] = append(took["all"], lags...)
				mu.Unlock()
			}
		})
	}
	trying.Wait()
	text := fmt.Sprintf("%d tries in %v", form.tries, time.Since(began).Round(time.Millisecond))
	hush()
	for _, w := range append(slices.Clone(ways), way{name: "all"}) {
		text += "\n" + w.name + ": " + summary(took[w.name])
	}
	t.Log(text)
	y.judge(t)
}

// summary says how long the other nodes took to refuse.
func summary(took []time.Duration) string {
	if len(took) == 0 {
		return "nothing"
	}
	slices.Sort(took)
	at := func(share float64) time.Duration {
		return took[int(share*float64(len(took)-1))].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("%d nodes refused after median %v, p99 %v, maximum %v", len(took), at(0.5), at(0.99), at(1))
}

// try ends a session in the given way on one node, whose very next answer must be a
// refusal, and returns how long each of the others went on accepting its copy. The
// tally judges the accepts.
func (c *cluster) try(t *testing.T, y *tally, w way, user string) ([]time.Duration, error) {
	d, other := c.signIn(t, y, user), c.signIn(t, y, user)
	c.believed(t, d)
	on := c.nodes[rand.IntN(len(c.nodes))]
	others := c.others(on)
	ctx, cancel := context.WithCancel(t.Context())
	refused := make([]time.Time, len(others))
	var polling sync.WaitGroup
	for i, n := range others {
		polling.Go(func() { refused[i] = d.poll(ctx, n) })
	}
	defer polling.Wait()
	defer cancel()

	time.Sleep(rand.N(maxLag / 2)) // the last try ended with a reading of the feed: not right behind it
	if !w.end(on, d, other) {
		return nil, fmt.Errorf("not confirmed on %s", on.name)
	}
	ended := d.fate.Load().at
	if a, _ := d.read(on, me); a.accepts() {
		return nil, fmt.Errorf("%s, where it was ended, takes it from the %s", on.name, a.body)
	}
	give := time.AfterFunc(30*time.Second, cancel)
	defer give.Stop()
	polling.Wait()
	var took []time.Duration
	for i, n := range others {
		if refused[i].IsZero() {
			return nil, fmt.Errorf("%s never refused", n.name)
		}
		took = append(took, max(0, refused[i].Sub(ended)))
		for range 3 {
			if a, _ := d.read(n, me); a.accepts() {
				return nil, fmt.Errorf("%s refused, and then takes it from the %s", n.name, a.body)
			}
		}
	}
	if !w.all {
		for _, n := range c.nodes {
			other.read(n, me)
		}
	}
	return took, nil
}

// poll reads the session on the node every few milliseconds until it is refused,
// and returns when that was; or until ctx ends.
func (d *device) poll(ctx context.Context, n *node) time.Time {
	for ctx.Err() == nil {
		if a, _ := d.read(n, me); a.status == http.StatusUnauthorized {
			return time.Now()
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Time{}
}
