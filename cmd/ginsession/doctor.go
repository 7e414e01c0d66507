package main

import (
	"context"

	"github.com/spf13/cobra"
)

// A check is one thing that was looked at.
type check struct {
	Name string `json:"name"`
	// Result is ok, warn or fail.
	Result string `json:"result"`
	// Text is what was found; of a warning and a failure also what to do.
	Text string `json:"text"`
}

const (
	resultOK   = "ok"
	resultWarn = "warn"
	resultFail = "fail"
)

func pass(name, text string) check { return check{name, resultOK, text} }
func warn(name, text string) check { return check{name, resultWarn, text} }
func fail(name, text string) check { return check{name, resultFail, text} }

func (c *command) doctor() *cobra.Command {
	var cookies cookieFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the configuration and the database",
		Long: `Checks what the service is told, and the database: whether it can be reached, its
tables, collation, time zone, isolation and clock, the secrets, and the cookies against
BASE_URL. Each check is ok, warn or fail, with what to do. It changes nothing. The
flags say what the service has in Config.Cookies.`,
		Args: usage(cobra.NoArgs),
	}
	cmd.Flags().StringVar(&cookies.domain, "domain", "", "Config.Cookies.Domain")
	cmd.Flags().StringVar(&cookies.sameSite, "same-site", "lax", "Config.Cookies.SameSite: lax, strict or none")
	cmd.Flags().StringVar(&cookies.secure, "secure", "base-url", "Config.Cookies.Secure: base-url, always or never")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		settings, err := cookies.settings()
		if err != nil {
			return err
		}
		checks := c.environment.checkConfig(settings)
		checks = append(checks, c.environment.checkDatabase(cmd.Context())...)
		if c.environment.redis != "" {
			checks = append(checks, c.environment.checkRedis(cmd.Context())...)
		}
		c.tellChecks(checks)
		for _, one := range checks {
			if one.Result == resultFail {
				return &exitError{code: exitFailed}
			}
		}
		return nil
	}
	return cmd
}

func (c *command) tellChecks(checks []check) {
	if c.json {
		printJSON(c.out, struct {
			Checks []check `json:"checks"`
		}{checks})
		return
	}
	rows := make([][]string, len(checks))
	for i, one := range checks {
		rows[i] = []string{one.Result, one.Name, one.Text}
	}
	c.table(rows)
}

// checkRedis asks whether Redis answers, and whether it drops sessions.
func (e environment) checkRedis(ctx context.Context) []check {
	const name = "redis"
	client, err := e.redisClient()
	if err != nil {
		return []check{fail(name, err.Error())}
	}
	defer client.Close()
	ctx, cancel := within(ctx)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		return []check{fail(name, "no Redis answers at GINSESSION_REDIS, or it refuses the user or password")}
	}
	checks := []check{pass(name, "it answers")}
	switch policy, err := client.ConfigGet(ctx, "maxmemory-policy").Result(); {
	case err != nil:
		checks = append(checks, warn("redis eviction", "it does not tell its maxmemory-policy: make sure that it is noeviction"))
	case policy["maxmemory-policy"] != "noeviction":
		checks = append(checks, fail("redis eviction", "maxmemory-policy is "+policy["maxmemory-policy"]+", and drops sessions and what tells of revocations: set it to noeviction"))
	default:
		checks = append(checks, pass("redis eviction", "noeviction"))
	}
	return checks
}
