package ginsession

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ginsession/ginsession/internal/detached"
)

// flights let concurrent reads of one session share one question to the store. The
// zero value is ready.
type flights struct {
	mu       sync.Mutex
	underWay map[flightKey]*flight
}

// A flightKey tells which reads may share an answer.
type flightKey struct {
	epoch uint64 // of the revoked set: a read that starts after a revocation has answered never joins one from before it
	renew renewal
	token string
}

// A flight is a read that is under way. It has a deadline of its own, a whole one for
// those who come later, and its first client's values, so that one visitor who leaves
// does not fail the others.
type flight struct {
	ctx    context.Context
	cancel context.CancelFunc

	done    chan struct{} // closed once there is an answer:
	reading reading
	err     error
}

var errStorePanicked = errors.New("the store panicked")

// join returns the flight of the key, and whether it is new: the caller then makes
// it fly.
func (f *flights) join(client context.Context, key flightKey, within time.Duration) (one *flight, isNew bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one, ok := f.underWay[key]; ok {
		return one, false
	}
	if f.underWay == nil {
		f.underWay = make(map[flightKey]*flight)
	}
	one = &flight{done: make(chan struct{}), err: errStorePanicked} // unless it returns
	one.ctx, one.cancel = context.WithTimeout(detached.From(client), within)
	f.underWay[key] = one
	return one, true
}

func (f *flights) landed(key flightKey, one *flight) {
	f.mu.Lock()
	delete(f.underWay, key)
	f.mu.Unlock()
	close(one.done)
	one.cancel() // in this order: see wait
}

// unnoticed is by how much a wait may be longer than it must. Of the first question
// that a request has the deadline is that of the flight, but for microseconds, and a
// timer less is three of sixty allocations.
const unnoticed = 10 * time.Millisecond

// wait waits for the flight's end, which is the error, but no longer than ctx, the
// deadline or the flight's own deadline allow: not every driver hears its context.
func (f *flight) wait(ctx context.Context, deadline time.Time) error {
	var late <-chan time.Time
	if last, _ := f.ctx.Deadline(); last.Sub(deadline) > unnoticed {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	case <-late:
		return context.DeadlineExceeded
	case <-f.ctx.Done():
		select {
		case <-f.done: // over, and not too late
			return f.err
		default:
			return f.ctx.Err()
		}
	}
}
