package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/ginsession/ginsession"
)

// purgeMargin is that of Manager.Purge: a clock that runs ahead signs nobody out.
const purgeMargin = 5 * time.Minute

// purgeBatch is what a Store deletes at once.
const purgeBatch = 500

func (c *command) purge() *cobra.Command {
	return &cobra.Command{
		Use:   "purge",
		Short: "Delete sessions that have expired",
		Long: `Deletes the sessions that expired more than five minutes ago, 500 at a time. They are
refused with or without it. Several may run at once, and beside Manager.StartPurge.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := c.environment.open(cmd.Context())
			if err != nil {
				return err
			}
			defer p.close()
			n, err := c.purgeAll(cmd.Context(), p.store)
			c.print(struct {
				Deleted int `json:"deleted"`
			}{n}, "%s deleted\n", counted(n, "expired session"))
			return err
		},
	}
}

func (c *command) purgeAll(ctx context.Context, store ginsession.Store) (int, error) {
	bar := c.bar(-1, "purging") // how many there are nobody counts beforehand
	defer bar.Finish()
	before, total := time.Now().Add(-purgeMargin), 0
	for ctx.Err() == nil {
		batch, cancel := within(ctx)
		n, err := store.Purge(batch, before, purgeBatch)
		cancel()
		total += n
		if err != nil || n == 0 {
			return total, err
		}
		_ = bar.Add(n)
		time.Sleep(5 * time.Millisecond) // others have their turn
	}
	return total, ctx.Err()
}
