package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// drained is the result of a drain.
type drained struct {
	Which string `json:"which"`
	Found int    `json:"found"` // when it was counted
	Ended int    `json:"ended"`
	Done  bool   `json:"done"` // false after a dry run, and if something failed
}

const (
	// usualRate stays below what makes processes doubt every cookie cache: 277
	// revocations a second at a CookieCache.MaxAge of five minutes.
	usualRate = 100
	mostRate  = 10_000
)

// reportEvery is how often progress is told where there is no terminal.
const reportEvery = 10 * time.Second

func (c *command) drain() *cobra.Command {
	var createdBefore, from, userAgent string
	var yes bool
	var rate int
	cmd := &cobra.Command{
		Use:   "drain {--created-before TIME | --from RANGE | --user-agent TEXT}… [--yes]",
		Short: "End all sessions of a kind: after an incident",
		Long: `Counts the living sessions of which all that is named holds, and with --yes ends them.
Sessions that begin meanwhile are not meant. Each is revoked as by Manager.Revoke: in the
store, and in the revocation feed if there is one. It can be stopped at any time and
run again; what has ended stays so.

Of a cookie cache's version the store knows nothing: to be rid of copies, and of no
session, change Config.CookieCache.Version.`,
		Args: usage(cobra.NoArgs),
	}
	cmd.Flags().StringVar(&createdBefore, "created-before", "", "created before this time: 2026-11-27T10:00:00Z, or now")
	cmd.Flags().StringVar(&from, "from", "", "signed in from this range: 203.0.113.0/24; of IPv6 a /64 or wider")
	cmd.Flags().StringVar(&userAgent, "user-agent", "", "with this text in the user agent, in any case")
	cmd.Flags().BoolVar(&yes, "yes", false, "end them; without it they are only counted")
	cmd.Flags().IntVar(&rate, "rate", usualRate, "how many to end a second, at most")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for _, name := range []string{"created-before", "from", "user-agent"} {
			// The variable of a script that is empty must not mean everybody.
			if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
				return badUsage("--" + name + " is empty: give it a value, or leave it out")
			}
		}
		which, err := readPredicate(createdBefore, from, userAgent, time.Now())
		if err != nil {
			return err
		}
		if rate < 1 || rate > mostRate {
			return badUsage(fmt.Sprintf("--rate is %d: use 1 to %d", rate, mostRate))
		}
		if c.environment.onlyInRedis() {
			return errors.New("drain: sessions are in Redis alone, where none is found by when or where it began: end a user's with revoke --user, or everybody's by another SESSION_SECRET")
		}
		p, err := c.environment.open(cmd.Context())
		if err != nil {
			return err
		}
		defer p.close()
		result := drained{Which: which.String()}
		if result.Found, err = c.count(cmd.Context(), p.rows, which); err != nil {
			return err
		}
		if result.Found > 0 && yes {
			result.Ended, err = c.endAll(cmd.Context(), p, which, result.Found, time.Second/time.Duration(rate))
		}
		result.Done = yes && err == nil
		c.tell(result, yes)
		if err == nil && result.Found == 0 {
			return &exitError{code: exitNothing}
		}
		return err
	}
	return cmd
}

// tell says what was done.
func (c *command) tell(r drained, yes bool) {
	text := "nothing was ended: add --yes to end them\n"
	switch {
	case r.Found == 0:
		text = ""
	case yes:
		text = counted(r.Ended, "session") + " ended\n"
	}
	c.print(r, "%s found: %s\n%s", counted(r.Found, "session"), r.Which, text)
}

// count goes through the table and ends nothing.
func (c *command) count(ctx context.Context, rows *models.Store, which predicate) (int, error) {
	bar := c.bar(-1, "counting")
	defer bar.Finish()
	found := 0
	err := each(ctx, rows, which, func(models.Session) error {
		found++
		_ = bar.Add(1)
		return nil
	})
	return found, err
}

// endAll goes through the table and ends what is meant, one session each pause, until
// it has gone through it and found none: a session whose token was replaced between
// its reading and its end is there the next time. What is still there after two times
// in which nothing ended is an error.
func (c *command) endAll(ctx context.Context, p *place, which predicate, most int, pause time.Duration) (int, error) {
	bar := c.bar(most, "ending")
	defer bar.Finish()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	ended, reported := 0, time.Now()
	for barren := 0; ; {
		met, before := 0, ended
		err := each(ctx, p.rows, which, func(s models.Session) error {
			met++
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-tick.C:
			}
			n, err := endOne(ctx, p.store, s)
			ended += n
			_ = bar.Add(n)
			c.report(ended, most, &reported)
			return err
		})
		if ended == before {
			barren++
		} else {
			barren = 0
		}
		switch {
		case err != nil || met == 0:
			return ended, err
		case barren == 2:
			return ended, fmt.Errorf("drain: %s could not be ended", counted(met, "session"))
		}
	}
}

// endOne revokes a session as Manager.Revoke does.
func endOne(ctx context.Context, store ginsession.Store, s models.Session) (int, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	return store.Revoke(ctx, models.Revocation{Token: s.Token, UserID: s.UserID, Reason: reason})
}

// report tells how far it is, now and then, where no bar does.
func (c *command) report(ended, most int, last *time.Time) {
	if !c.interactive && time.Since(*last) >= reportEvery {
		printText(c.err, "%d of %d ended\n", ended, most)
		*last = time.Now()
	}
}

// each goes through the whole table, by its primary key, and calls do for the
// sessions that are meant.
func each(ctx context.Context, rows *models.Store, which predicate, do func(models.Session) error) error {
	for after := ""; ; {
		reading, cancel := within(ctx)
		page, err := rows.Page(reading, after, 0)
		cancel()
		if err != nil || len(page) == 0 {
			return err
		}
		now := time.Now()
		for _, s := range page {
			if !which.means(s, now) {
				continue
			}
			if err := do(s); err != nil {
				return err
			}
		}
		after = page[len(page)-1].ID
	}
}
