package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// bar shows how far something is, of most or, with -1, of nobody knows how many. It
// is for a terminal; elsewhere it shows nothing.
func (c *command) bar(most int, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions(most,
		progressbar.OptionSetWriter(c.err),
		progressbar.OptionSetVisibility(c.interactive),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("sessions"),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
}
