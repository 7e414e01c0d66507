package detached_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/detached"
)

type key struct{}

func TestFromEndsAtItsDeadlineAlone(t *testing.T) {
	client, leave := context.WithTimeout(context.WithValue(t.Context(), key{}, 1), time.Hour)
	ctx := detached.From(client)
	leave()
	if _, ok := ctx.Deadline(); ok || ctx.Err() != nil || ctx.Done() != nil || ctx.Value(key{}) != 1 {
		t.Errorf("%v: Err %v, value %v", ctx, ctx.Err(), ctx.Value(key{}))
	}
	bounded, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	<-bounded.Done()
	if !errors.Is(context.Cause(bounded), context.DeadlineExceeded) {
		t.Errorf("ended by %v", context.Cause(bounded))
	}
	half, cancel := context.WithTimeout(bounded, time.Hour)
	defer cancel()
	for _, one := range []context.Context{ctx, bounded, half} {
		if !detached.Only(one) {
			t.Errorf("%v is not recognised", one)
		}
	}
	if detached.Only(client) {
		t.Error("a client's context is recognised")
	}
}
