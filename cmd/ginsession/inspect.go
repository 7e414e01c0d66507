package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

func (c *command) inspect() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect {COOKIE|-}",
		Short: "Say what a cookie is, and why it is not valid",
		Long: `Looks at a Cookie header, at one NAME=VALUE of it, or at a value alone, given as the
argument or, from -, on standard input, which other users of the machine cannot see.
It says which secret holds, what stands in a cookie cache, and when it expires. If
DATABASE_DSN is set, the store is asked whether the session lives. A token is never
printed in full.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := c.argument(args)
			if err != nil {
				return err
			}
			if len(c.environment.secrets()) == 0 {
				return errors.New("SESSION_SECRET is not set: without it no signature can be checked")
			}
			found := readCookies(text)
			if len(found) == 0 {
				return nothing("there is none of our cookies in this: give a Cookie header, NAME=VALUE or the value")
			}
			now := time.Now()
			j := newJudge(c.environment, now)
			findings := make([]finding, len(found))
			for i, cookie := range found {
				findings[i] = j.judge(cookie)
			}
			compare(findings)
			if err := c.ask(cmd.Context(), findings, now); err != nil {
				return err
			}
			return c.tellFindings(findings)
		},
	}
}

// ask asks the store about the sessions of cookies that hold.
func (c *command) ask(ctx context.Context, findings []finding, now time.Time) error {
	var p *place
	for i := range findings {
		f := &findings[i]
		if !f.Valid || f.token == "" {
			continue
		}
		if c.environment.dsn == "" {
			f.Why = "the signature holds; whether the session lives only the store knows: set DATABASE_DSN"
			continue
		}
		if p == nil {
			var err error
			if p, err = c.environment.open(ctx); err != nil {
				return err
			}
			defer p.close()
		}
		row, err := find(ctx, p.store, f.token)
		if err != nil && !errors.Is(err, models.ErrNotFound) {
			return err
		}
		f.stored(row, err == nil, now)
	}
	return nil
}

// stored takes in what the store says of the cookie's session.
func (f *finding) stored(row models.Session, found bool, now time.Time) {
	switch {
	case !found && f.Kind == kindCopy:
		f.Valid, f.Why = false, "its session has ended; until it expires, a process believes the copy that has not heard so from the revocation feed"
	case !found:
		f.Valid, f.Why = false, "the store has no such session: it was revoked, or has expired and was purged, or its user is gone"
	case f.Kind != kindCopy:
		f.SessionID, f.UserID, f.CreatedAt, f.ExpiresAt = row.ID, row.UserID, &row.CreatedAt, &row.ExpiresAt
	}
	if found && !row.ExpiresAt.After(now) {
		f.Valid, f.Why = false, "the session has expired"
	}
}

// find looks for a token, and for its hash.
func find(ctx context.Context, store ginsession.Store, token string) (models.Session, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	row, _, err := store.Find(ctx, token)
	if errors.Is(err, models.ErrNotFound) {
		row, _, err = store.Find(ctx, hashed(token))
	}
	return row, err
}

func (c *command) tellFindings(findings []finding) error {
	valid := true
	for i := range findings {
		f := &findings[i]
		if f.Valid && f.Why == "" {
			f.Why = "all holds"
		}
		valid = valid && f.Valid
	}
	if c.json {
		printJSON(c.out, struct {
			Cookies []finding `json:"cookies"`
		}{findings})
	} else {
		for i, f := range findings {
			if i > 0 {
				printText(c.out, "\n")
			}
			c.tellFinding(f)
		}
	}
	if !valid {
		return &exitError{code: exitNothing}
	}
	return nil
}

func (c *command) tellFinding(f finding) {
	var rows [][]string
	line := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	at := func(name string, t *time.Time) {
		if t != nil {
			line(name, timeText(*t))
		}
	}
	verdict := "no"
	if f.Valid {
		verdict = "yes"
	}
	line("name", f.Name)
	line("kind", f.Kind)
	line("valid", verdict+": "+f.Why)
	line("secret", f.Secret)
	line("strategy", f.Strategy)
	line("version", f.Version)
	line("token", f.Token)
	line("session", f.SessionID)
	line("user", f.UserID)
	at("made", f.MadeAt)
	at("created", f.CreatedAt)
	at("expires", f.ExpiresAt)
	c.table(rows)
}
