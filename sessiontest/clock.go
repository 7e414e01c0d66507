package sessiontest

import (
	"sync/atomic"
	"time"
)

// A Clock stands until it is moved. Its Now is for Config.Now:
//
//	clock := sessiontest.NewClock(time.Now())
//	sessions := sessiontest.NewManager(t, func(c *ginsession.Config) { c.Now = clock.Now })
//	clock.Advance(8 * 24 * time.Hour) // and whoever signed in before is signed out
//
// It is safe for concurrent use.
type Clock struct{ now atomic.Pointer[time.Time] }

// NewClock makes a Clock that stands at a time.
func NewClock(at time.Time) *Clock {
	c := &Clock{}
	c.now.Store(&at)
	return c
}

// Now is the time at which the Clock stands.
func (c *Clock) Now() time.Time { return *c.now.Load() }

// Advance moves the Clock, back if d is negative.
func (c *Clock) Advance(d time.Duration) {
	for {
		now := c.now.Load()
		if then := now.Add(d); c.now.CompareAndSwap(now, &then) {
			return
		}
	}
}
