package ginsession_test

import (
	"context"
	"log/slog"

	"github.com/ginsession/ginsession"
)

// An audit log, and an alarm when the database does not answer.
func ExampleConfig_onEvent() {
	log := ginsession.LogEvents(slog.Default())
	alarm := func(error) {}

	_ = ginsession.Config{
		OnEvent: func(ctx context.Context, e ginsession.Event) {
			log(ctx, e)
			if e.Kind == ginsession.EventStoreFailed {
				alarm(e.Err)
			}
		},
	}
}
