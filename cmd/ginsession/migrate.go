package main

import (
	"github.com/spf13/cobra"
)

func (c *command) migrate() *cobra.Command {
	var feed bool
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Make the tables that are missing",
		Long: `Makes the tables of sessions and users where they are missing, the index for the
purge, the columns of declared fields, and with --feed the table of the revocation
feed, which a cookie cache wants. It alters and drops nothing, and can be repeated.`,
		Args: usage(cobra.NoArgs),
	}
	cmd.Flags().BoolVar(&feed, "feed", false, "with the table of the revocation feed")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		db, schema, err := c.environment.database()
		if err != nil {
			return err
		}
		defer closeDatabase(db)
		// No deadline: an index on a large table takes its time.
		rows, before, err := survey(cmd.Context(), db, schema)
		if err != nil {
			return err
		}
		schema = rows.Schema()
		schema.Feed = feed || before.HasFeed
		if err := schema.Migrate(cmd.Context(), db); err != nil {
			return err
		}
		if rows, err = schema.Store(db); err != nil {
			return err
		}
		if err := rows.Check(cmd.Context()); err != nil {
			return err
		}
		result := struct {
			Tables []string `json:"tables"`
			Feed   bool     `json:"feed"`
		}{[]string{schema.User.Name, schema.Session.Name}, schema.Feed}
		feedText := "there is no revocation feed (--feed makes its table)"
		if schema.Feed {
			feedText = "the revocation feed has its table"
		}
		c.print(result, "the tables %s and %s are as they must be; %s\n", schema.User.Name, schema.Session.Name, feedText)
		return nil
	}
	return cmd
}
