package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

var (
	tokenForm  = regexp.MustCompile(`^[0-9A-Za-z]{16,128}$`)
	handleForm = regexp.MustCompile(`^h_[0-9A-Za-z_-]{43}$`)
)

// hashed is what is stored of a token under Config.HashTokens.
func hashed(token string) string {
	sum := sha256.Sum256([]byte(token))
	return "sha256." + base64.RawURLEncoding.EncodeToString(sum[:])
}

// reason is what the feed tells of a session that ended here.
const reason = string(ginsession.ReasonApplication)

func (c *command) revoke() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:   "revoke {TOKEN|HANDLE|-} | --user USER",
		Short: "End one session, or all of a user's",
		Long: `Ends the session with this token; with --user, that of the user with this handle (as
list prints it) or token; with --user alone, all of the user's. From - the token or
handle is read from standard input, which other users of the machine cannot see.
Processes with a cookie cache hear of it through the revocation feed.`,
		Args: usage(cobra.MaximumNArgs(1)),
	}
	cmd.Flags().StringVar(&user, "user", "", "the user's id")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, err := c.argument(args)
		if err != nil {
			return err
		}
		if err := checkRevoke(name, len(args) > 0, user, cmd.Flags().Changed("user")); err != nil {
			return err
		}
		p, err := c.environment.open(cmd.Context())
		if err != nil {
			return err
		}
		defer p.close()
		n, err := c.endNamed(cmd.Context(), p, name, user)
		if err != nil {
			return err
		}
		c.print(struct {
			Ended int `json:"ended"`
		}{n}, "%s ended\n", counted(n, "session"))
		if n == 0 {
			return &exitError{code: exitNothing}
		}
		return nil
	}
	return cmd
}

// argument is the one that was given, or what standard input has in place of -.
func (c *command) argument(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	if args[0] != "-" {
		return args[0], nil
	}
	const most = 256 << 10
	text, err := io.ReadAll(io.LimitReader(c.in, most))
	if err != nil {
		return "", errors.New("standard input cannot be read")
	}
	return strings.TrimSpace(string(text)), nil
}

// checkRevoke refuses what names no session, or might name more than was meant: the
// variable of a script that is empty.
func checkRevoke(name string, named bool, user string, ofUser bool) error {
	switch {
	case ofUser && user == "":
		return badUsage("--user is empty: name the user's id")
	case !named && !ofUser:
		return badUsage("name a session's token or handle, or a user with --user")
	case named && handleForm.MatchString(name) && !ofUser:
		return badUsage("a handle names one of a user's sessions: add --user")
	case named && !handleForm.MatchString(name) && !tokenForm.MatchString(name):
		return badUsage("this is neither a token nor a handle: a token is the part of the session cookie before the dot, a handle what list prints")
	}
	return nil
}

// endNamed ends what checkRevoke let pass, and returns how many sessions that were.
func (c *command) endNamed(ctx context.Context, p *place, name, user string) (int, error) {
	if handleForm.MatchString(name) {
		sessions, err := c.environment.manager(p.store)
		if err != nil {
			return 0, err
		}
		defer sessions.Close()
		err = sessions.Revoke(ctx, user, name)
		if errors.Is(err, ginsession.ErrNotFound) {
			return 0, nil
		}
		return 1, err
	}
	ctx, cancel := within(ctx)
	defer cancel()
	n, err := p.store.Revoke(ctx, models.Revocation{Token: name, UserID: user, Reason: reason})
	if err != nil || n > 0 || name == "" {
		return n, err
	}
	return p.store.Revoke(ctx, models.Revocation{Token: hashed(name), UserID: user, Reason: reason})
}
