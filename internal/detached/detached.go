// Package detached makes contexts that end at their deadline and never before it. Who
// keeps to a deadline by other means need not watch them.
package detached

import (
	"context"
	"time"
)

// From is context.WithoutCancel: a context with the values of ctx that does not end.
// Only recognises it, and what context.WithDeadline makes of it.
func From(ctx context.Context) context.Context { return detached{ctx} }

// Only reports whether nothing but its deadline ends ctx, as far as anybody should
// care: whoever cancels it has no use for what goes on.
func Only(ctx context.Context) bool { return ctx.Value(key{}) != nil }

type key struct{}

type detached struct{ values context.Context }

func (detached) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
func (detached) Done() <-chan struct{}                   { return nil }
func (detached) Err() error                              { return nil }

func (d detached) Value(k any) any {
	if k == (key{}) {
		return true
	}
	return d.values.Value(k)
}
