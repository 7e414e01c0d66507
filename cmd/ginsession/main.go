// Command ginsession is for those who run a service with sessions of package
// ginsession: it makes the tables, lists and ends sessions, says what is wrong with a
// cookie or with the configuration. `ginsession --help` says the rest, and
// docs/command.md shows what each command prints.
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func main() { os.Exit(run()) }

func run() int {
	quiet() // before anything else
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := &command{
		environment: readEnvironment(os.Getenv),
		in:          os.Stdin, out: os.Stdout, err: os.Stderr,
		interactive: term.IsTerminal(int(os.Stderr.Fd())),
	}
	return c.run(ctx, os.Args[1:])
}

// A command is one run of the program.
type command struct {
	environment environment
	in          io.Reader
	out, err    io.Writer
	json        bool
	interactive bool // err is a terminal
}

// What the program exits with.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitNothing = 3
)

const help = `ginsession looks after the sessions of a service that uses package ginsession.

What is secret comes from the environment, never from flags, and is never printed:

  DATABASE_DSN               the database: user:password@tcp(host:3306)/database
  SESSION_SECRET             Config.Secret
  SESSION_OLD_SECRETS        Config.OldSecrets, with commas between them
  BASE_URL                   Config.BaseURL

and, only where the service has them,

  GINSESSION_SCHEMA          Config.Schema in JSON: {"User":{"Name":"users"},"IntegerUserIDs":true}
  GINSESSION_REDIS           the Redis of a redisstore.Store: redis://user:password@host:6379/0
  GINSESSION_REDIS_PREFIX    its Prefix
  GINSESSION_REDIS_DATABASE  store for its StoreInDatabase, preserve for PreserveInDatabase too
  GINSESSION_REDIS_REPLICAS  its Replicas

Exit codes:

  0  done, or all is well
  1  failed: a database that does not answer, a configuration at fault
  2  usage: an unknown command or flag, an argument of the wrong form
  3  found nothing: no such session or user, nothing to end, a cookie that is not valid`

// run runs what the arguments ask for and returns the exit code.
func (c *command) run(ctx context.Context, args []string) int {
	root := &cobra.Command{
		Use:               "ginsession",
		Short:             "Look after sessions",
		Long:              help,
		Args:              usage(cobra.NoArgs),
		RunE:              func(*cobra.Command, []string) error { return badUsage("name a command; ginsession --help lists them") },
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print JSON")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return badUsage(err.Error()) })
	root.AddCommand(c.migrate(), c.list(), c.revoke(), c.drain(), c.purge(), c.secret(), c.inspect(), c.doctor())
	root.SetArgs(args)
	root.SetOut(c.out)
	root.SetErr(c.err)
	return c.end(root.ExecuteContext(ctx))
}

// end tells what went wrong and returns the exit code.
func (c *command) end(err error) int {
	if err == nil {
		return exitOK
	}
	code := exitFailed
	var exit *exitError
	if errors.As(err, &exit) {
		code = exit.code
	}
	text := err.Error()
	if errors.Is(err, context.Canceled) {
		text = "interrupted" // what was done until then has been printed
	}
	if text != "" {
		if c.json {
			printJSON(c.err, struct {
				Error string `json:"error"`
			}{text})
		} else {
			printText(c.err, "ginsession: %s\n", text)
		}
	}
	return code
}

// An exitError ends the program with a code of its own. What is printed already has
// no text.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

func badUsage(text string) error { return &exitError{exitUsage, text} }

func nothing(text string) error { return &exitError{exitNothing, text} }

// usage makes what is wrong with arguments a mistake of usage. It says what is right,
// and nothing of what was typed, which may be a token.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case check(cmd, args) == nil:
			return nil
		case !cmd.HasParent():
			return badUsage("there is no such command; ginsession --help lists them")
		}
		return badUsage("usage: " + cmd.UseLine())
	}
}

// quiet silences what libraries print by themselves: whatever fails is returned.
func quiet() {
	_ = mysql.SetLogger(log.New(io.Discard, "", 0))
	redis.SetLogger(silence{})
}

type silence struct{}

// Printf implements the logger of go-redis.
func (silence) Printf(context.Context, string, ...any) {}
