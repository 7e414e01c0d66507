// Package races_test runs what two requests can do to one session at once, on
// MariaDB and on SQLite files, again and again, and asserts after each round
// what must hold whoever won:
//
//   - a session that was ended stays ended, whatever was renewing it;
//   - of several renewals one writes, and no expiry goes backwards;
//   - nobody else's session is touched;
//   - the purge deletes no session that is alive or was just renewed;
//   - at the very millisecond of its expiry a session lives, as in Better Auth.
//
// Two nodes, which are two Managers with clocks of their own, share each
// database. A round has a session of its own. The short form runs some hundred
// rounds of each race; TEST_LONG=1 runs 10,000:
//
//	TEST_LONG=1 go test -timeout 3h ./races
//
// Beside the rounds, histories of concurrent calls on one node go through a
// linearizability checker: see model_test.go.
package races_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/witness"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	everything.Keep(secret)
	os.Exit(everything.Main(m))
}

// everything hears the logs of the nodes, their SQL, and the bodies: SR-67 and SR-44.
var everything = witness.New()

// heard is the database as a node has it. The tests' own statements are not heard:
// they hold tokens.
func heard(db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{Logger: everything.SQL()}) }

// A form is how long the tests of this package run.
type form struct{ rounds, cachedRounds, histories int }

func chosenForm() form {
	if os.Getenv("TEST_LONG") != "" {
		return form{rounds: 10_000, cachedRounds: 10_000, histories: 10_000}
	}
	return form{rounds: 300, cachedRounds: 100, histories: 200}
}

// A round races once, on a session of its own, and returns how it came out in
// a few words, or which law was broken.
type round func(w *worker, number int) (outcome string, err error)

// race runs a round on each database, without and with the cookie cache. Each
// of the outcomes that are wanted must have come about at least once: a race
// that always ends the same way is none.
func race(t *testing.T, run round, wanted ...string) {
	for _, d := range databases {
		for _, cached := range []bool{false, true} {
			name, total := d.name, chosenForm().rounds
			if cached {
				name, total = name+" with the cookie cache", chosenForm().cachedRounds
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				db := d.open(t)
				workers := make([]*worker, d.workers)
				for i := range workers {
					workers[i] = newWorker(t, db, i, cached)
				}
				outcomes := rounds(t, workers, total, run)
				for _, outcome := range wanted {
					if outcomes[outcome] == 0 && !t.Failed() {
						t.Errorf("never %q", outcome)
					}
				}
			})
		}
	}
}

// rounds shares the rounds out among the workers and counts their outcomes. It
// stops at the first law that is broken.
func rounds(t *testing.T, workers []*worker, total int, run round) map[string]int {
	t.Helper()
	var mu sync.Mutex
	outcomes := map[string]int{}
	began := time.Now()
	var wait sync.WaitGroup
	for i, w := range workers {
		wait.Go(func() {
			for number := i; number < total && !t.Failed(); number += len(workers) {
				outcome, err := run(w, number)
				if err != nil {
					t.Errorf("round %d, %s: %v", number, outcome, err)
					return
				}
				mu.Lock()
				outcomes[outcome]++
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	t.Logf("%d rounds in %v: %s", total, time.Since(began).Round(time.Millisecond), summary(outcomes))
	return outcomes
}

func summary(outcomes map[string]int) string {
	var parts []string
	for _, outcome := range slices.Sorted(maps.Keys(outcomes)) {
		parts = append(parts, fmt.Sprintf("%d %s", outcomes[outcome], outcome))
	}
	return strings.Join(parts, ", ")
}

// together runs the rivals at once, each after a moment of its own, so that
// either may be first, and returns when all are done. The moments are mostly
// short and reach as far as what races on this machine usually take.
func (w *worker) together(rivals ...func()) {
	began := time.Now()
	start := make(chan struct{})
	var wait sync.WaitGroup
	for _, rival := range rivals {
		moment := rand.N(rand.N(w.usual) + 1)
		wait.Go(func() {
			<-start
			time.Sleep(moment)
			rival()
		})
	}
	close(start)
	wait.Wait()
	w.usual = (7*w.usual+time.Since(began))/8 + 1
}
