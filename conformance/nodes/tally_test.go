package nodes

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A tally is what is counted while three nodes are asked.
type tally struct {
	mu          sync.Mutex
	requests    int
	unavailable int // 503
	doubted     int // live sessions whose copy was not believed
	early       int // accepts of ended sessions by nodes that could not know yet
	latest      time.Duration
	waited      int // requests that waited in the sockets of a stopped node
	stale       int // accepts of ended sessions by nodes that must have known
	expired     int // Set-Cookie lines that expire a live session
	losses      int
	wrongs      int
	notes       []string // what was wrong, the first few
}

// ask sends a request and judges what holds for all answers. It reports whether
// there is one that may be believed.
func (y *tally) ask(n *node, method, path string, cookies jar, body string) (answer, bool) {
	away := n.away.Load()
	a, err := n.ask(method, path, cookies, body)
	y.mu.Lock()
	y.requests++
	if a.looked.After(a.sent) {
		y.waited++
	}
	if a.status == http.StatusServiceUnavailable {
		y.unavailable++
	}
	y.mu.Unlock()
	what := method + " " + path + " on " + n.name
	switch {
	case err != nil:
		if !away && !n.away.Load() {
			y.wrong("%s: no answer: %v", what, err)
		}
		return a, false
	case a.status == http.StatusOK, a.status == http.StatusUnauthorized:
	case a.status == http.StatusServiceUnavailable:
		if !a.retry {
			y.wrong("%s: 503 without Retry-After", what)
		}
		y.expires(what, a)
	default:
		y.wrong("%s: %d %s", what, a.status, a.body)
		return a, false
	}
	return a, true
}

// accepted notes that an ended session was accepted.
func (y *tally) accepted(d *device, a answer, end *fate) {
	late := a.looked.Sub(end.at)
	if late > maxLag || a.node == end.on && late > 0 {
		y.note(&y.stale, "stale: %s on %s takes %s from the %s, %v after its end on %s, sent %v after it",
			d.user, a.node.name, d.id, a.body, late, end.on.name, a.sent.Sub(end.at))
		return
	}
	if late > 0 {
		y.mu.Lock()
		defer y.mu.Unlock()
		y.early++
		y.latest = max(y.latest, late)
	}
}

// expires notes an answer that tells a browser to drop the cookie of a session
// which is alive, or may be.
func (y *tally) expires(what string, a answer) {
	for _, cookie := range a.set {
		if cookie.Name == tokenCookie && cookie.MaxAge < 0 {
			y.note(&y.expired, "%s: %d expires the cookie of a live session", what, a.status)
		}
	}
}

func (y *tally) doubt() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.doubted++
}

func (y *tally) wrong(format string, args ...any) { y.note(&y.wrongs, "wrong: "+format, args...) }

func (y *tally) lost(format string, args ...any) { y.note(&y.losses, "lost: "+format, args...) }

func (y *tally) note(counter *int, format string, args ...any) {
	y.mu.Lock()
	defer y.mu.Unlock()
	*counter++
	if len(y.notes) < 10 {
		y.notes = append(y.notes, fmt.Sprintf(format, args...))
	}
}

// judge fails the test for everything that must not be, and logs the rest.
func (y *tally) judge(t *testing.T) {
	t.Helper()
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.stale+y.expired+y.losses+y.wrongs > 0 {
		t.Errorf("among what was wrong:\n%s", strings.Join(y.notes, "\n"))
	}
	t.Logf("stale accepts past the bound: %d, cookies of live sessions expired: %d, sessions lost: %d, other wrong answers: %d; "+
		"%d requests, %d times 503, %d copies of live sessions doubted, %d waited in a stopped node, %d accepts within the bound, the latest after %v",
		y.stale, y.expired, y.losses, y.wrongs, y.requests, y.unavailable, y.doubted, y.waited, y.early, y.latest.Round(time.Millisecond))
}
