package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/ginsession/ginsession/models"
)

// A listed session has no token: its handle is good for revoking it.
type listed struct {
	Handle    string    `json:"handle"`
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt"`
	IPAddress string    `json:"ipAddress"`
	UserAgent string    `json:"userAgent"`
}

func (c *command) list() *cobra.Command {
	return &cobra.Command{
		Use:   "list USER",
		Short: "List a user's sessions",
		Long: `Lists the sessions of the user with this id that are alive, at most 100. A session is
named by its handle, which is good for revoking it and for nothing else.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			user := args[0]
			p, err := c.environment.open(cmd.Context())
			if err != nil {
				return err
			}
			defer p.close()
			sessions, err := c.environment.manager(p.store)
			if err != nil {
				return err
			}
			defer sessions.Close()
			found, err := sessions.List(cmd.Context(), user)
			if err != nil {
				return err
			}
			result := make([]listed, len(found))
			rows := [][]string{{"HANDLE", "CREATED", "EXPIRES", "ADDRESS", "USER AGENT"}}
			for i, s := range found {
				result[i] = listed{s.Handle(), s.ID, s.CreatedAt, s.ExpiresAt, s.IPAddress, s.UserAgent}
				rows = append(rows, []string{s.Handle(), timeText(s.CreatedAt), timeText(s.ExpiresAt), s.IPAddress, s.UserAgent})
			}
			if c.json {
				printJSON(c.out, struct {
					Sessions []listed `json:"sessions"`
				}{result})
			} else if len(found) > 0 {
				c.table(rows)
			}
			if len(found) > 0 {
				return nil
			}
			ctx, cancel := within(cmd.Context())
			defer cancel()
			switch _, err := p.rows.User(ctx, user); {
			case errors.Is(err, models.ErrNoUser):
				return nothing("there is no user with this id")
			case err != nil:
				return err
			}
			return nothing("the user has no session")
		},
	}
}
