package faults

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// A tally is what is counted before, during and after a fault.
type tally struct {
	name string

	mu            sync.Mutex
	requests      int
	flying        int // requests under way
	peak          int // of these, at most, since the fault began
	refusals      int // 503
	wrongs        int
	losses        int
	resurrections int
	slowest       time.Duration
	slowestOf     string
	idle          time.Duration // the slowest answer that needs no store
	rush          time.Duration // one request of each kind when all rush and nothing is broken
	lastRefused   time.Time     // when the last of the refused requests was sent
	full          time.Duration
	notes         []string // what was wrong, the first few
}

// idlePath is the route that needs no store.
const idlePath = "/api/auth/ok"

// begin notes that a request is sent.
func (y *tally) begin(path string) time.Time {
	y.mu.Lock()
	defer y.mu.Unlock()
	if path != idlePath {
		y.requests++
		y.flying++
		y.peak = max(y.peak, y.flying)
	}
	return time.Now()
}

// end notes the answer to a request that was sent at start.
func (y *tally) end(path string, start time.Time) {
	took := time.Since(start)
	y.mu.Lock()
	defer y.mu.Unlock()
	if path == idlePath {
		y.idle = max(y.idle, took)
		return
	}
	y.flying--
	if took > y.slowest {
		y.slowest, y.slowestOf = took, path
	}
}

// unbroken notes how long it took to be served one request of each kind when nothing
// was broken.
func (y *tally) unbroken(took time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.rush = took
}

// broken notes that the fault begins.
func (y *tally) broken() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.peak = y.flying
}

// refused notes a 503 to a request that was sent at start.
func (y *tally) refused(start time.Time) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.refusals++
	if start.After(y.lastRefused) {
		y.lastRefused = start
	}
}

// mended notes when the fault ended and how long after that one request of each kind
// was served. Full service is when nobody was refused any more.
func (y *tally) mended(end time.Time, served time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.full = max(served, y.lastRefused.Sub(end))
}

func (y *tally) wrong(format string, args ...any) { y.note(&y.wrongs, "wrong: "+format, args...) }

func (y *tally) lost(format string, args ...any) { y.note(&y.losses, "lost: "+format, args...) }

func (y *tally) resurrected(format string, args ...any) {
	y.note(&y.resurrections, "resurrected: "+format, args...)
}

func (y *tally) note(counter *int, format string, args ...any) {
	y.mu.Lock()
	defer y.mu.Unlock()
	*counter++
	if len(y.notes) < 10 {
		y.notes = append(y.notes, fmt.Sprintf(format, args...))
	}
}

// bad reports whether there is anything that no machine excuses.
func (y *tally) bad() bool { return y.wrongs+y.losses+y.resurrections > 0 }

// late says what took too long, "" if nothing did.
func (y *tally) late(form form) string {
	if most := form.deadline + slack + 2*y.idle; y.slowest > most {
		return fmt.Sprintf("%s was answered after %v, want at most %v", y.slowestOf, y.slowest, most)
	}
	if most := withinFull + max(y.idle, y.rush); y.full > most {
		return fmt.Sprintf("full service %v after the fault's end, want at most %v", y.full, most)
	}
	return ""
}

// judge fails the test for everything that must not be. unseen says that the
// fault may have passed without anybody being refused.
func (y *tally) judge(t *testing.T, form form, unseen bool) {
	t.Helper()
	if y.bad() {
		t.Errorf("%d wrong answers, %d sessions lost, %d resurrected, among them:\n%s", y.wrongs, y.losses, y.resurrections, strings.Join(y.notes, "\n"))
	}
	if late := y.late(form); late != "" {
		t.Error(late)
	}
	if y.refusals == 0 && !unseen {
		t.Error("every request was served: the fault broke nothing, and this proves nothing")
	}
}

// table writes the figures of all faults.
func table(tallies []*tally) string {
	const line = "%-34s %9v %9v %6v %6v %5v %11v %8v %8v %8v %8v\n"
	text := fmt.Sprintf(line, "fault", "requests", "in flight", "503", "wrong", "lost", "resurrected", "slowest", "no store", "rush", "full in")
	for _, y := range tallies {
		text += fmt.Sprintf(line, y.name, y.requests, y.peak, y.refusals, y.wrongs, y.losses, y.resurrections,
			y.slowest.Round(time.Millisecond), y.idle.Round(time.Millisecond), y.rush.Round(time.Millisecond), y.full.Round(time.Millisecond))
	}
	return text
}
