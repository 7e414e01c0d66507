// Command server runs the rig of package rig until it is interrupted:
//
//	go run ./conformance/server -addr 127.0.0.1:0
//
// The first line that it prints is "listening on http://HOST:PORT".
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/conformance/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	addr, options, err := parse(os.Args[1:])
	if err == nil {
		err = run(ctx, addr, options)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance/server:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr string, options rig.Options) error {
	gin.SetMode(gin.ReleaseMode) // no route list on standard output
	var log patientLog
	defer log.release()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	r, err := rig.Start(ctx, addr, options)
	if err != nil {
		return err
	}
	fmt.Println("listening on", r.URL)
	log.release()
	<-ctx.Done()
	return r.Close()
}

// A patientLog writes to standard error, but not before it is released: the
// line that tests wait for comes first even where the two outputs are one.
type patientLog struct {
	mu       sync.Mutex
	held     bytes.Buffer
	released bool
}

func (l *patientLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return os.Stderr.Write(line)
	}
	return l.held.Write(line)
}

func (l *patientLog) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.held.WriteTo(os.Stderr)
	l.released = true
}

// parse reads the flags twice: first for the variant, then, over the variant's
// options, for all the others.
func parse(args []string) (addr string, options rig.Options, err error) {
	scout := flag.NewFlagSet("server", flag.ContinueOnError)
	scout.SetOutput(io.Discard)
	_, variant := declare(scout, &options)
	if scout.Parse(args) == nil && *variant != "" {
		if options, err = rig.Variant(*variant); err != nil {
			return "", options, err
		}
	} else {
		options = rig.Defaults()
	}
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	address, _ := declare(flags, &options)
	if err := flags.Parse(args); err != nil {
		return "", options, err
	}
	if flags.NArg() > 0 {
		return "", options, fmt.Errorf("what is %q? There are flags only", flags.Arg(0))
	}
	return *address, options, nil
}

// declare names the flags; what stands in options is their default.
func declare(f *flag.FlagSet, o *rig.Options) (addr, variant *string) {
	addr = f.String("addr", "127.0.0.1:3000", "`address` to listen on; port 0 picks a free one")
	variant = f.String("variant", "", "start from the options of this `variant`: "+strings.Join(rig.Variants(), ", "))
	f.StringVar(&o.DSN, "dsn", o.DSN, "MySQL data source `name` (default SQLite in a temporary file)")
	f.StringVar(&o.SQLite, "sqlite", o.SQLite, "SQLite `file` to use in place of a temporary one")
	f.StringVar(&o.Static, "static", o.Static, "`folder` of files to serve at /")
	f.StringVar(&o.Secret, "secret", o.Secret, "`secret` that signs the cookies")
	f.Func("old-secret", "former `secret` that still verifies; may be repeated", func(secret string) error {
		o.OldSecrets = append(o.OldSecrets, secret)
		return nil
	})
	f.StringVar(&o.BaseURL, "base-url", o.BaseURL, "`origin` that clients see (default the address listened on)")
	f.Func("trusted-origins", "other `origins`, with commas between", func(list string) error {
		o.TrustedOrigins = strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
		return nil
	})
	f.DurationVar(&o.ExpiresIn, "expires-in", o.ExpiresIn, "life of a session")
	f.DurationVar(&o.UpdateAge, "update-age", o.UpdateAge, "age at which a session is renewed; 0 renews on every read")
	f.DurationVar(&o.FreshAge, "fresh-age", o.FreshAge, "age up to which a session is fresh; 0: always")
	f.DurationVar(&o.MaxLifetime, "max-lifetime", o.MaxLifetime, "age at which a session ends however busy; 0: never")
	f.BoolVar(&o.DisableRefresh, "disable-refresh", o.DisableRefresh, "never renew")
	f.BoolVar(&o.DeferRefresh, "defer-refresh", o.DeferRefresh, "renew on POST /get-session only")
	f.Func("cookie-cache", "`kind` of cookie cache: off, securecookie, compact, jwt or jwe", func(kind string) error {
		o.CookieCache = rig.Cache(kind)
		return nil
	})
	f.DurationVar(&o.CookieCacheMaxAge, "cookie-cache-max-age", o.CookieCacheMaxAge, "life of a cached copy")
	f.StringVar(&o.CookieCacheVersion, "cookie-cache-version", o.CookieCacheVersion, "`version` of the copies (default 1)")
	f.StringVar(&o.Cookies.Prefix, "cookie-prefix", o.Cookies.Prefix, "first `part` of each cookie name (default better-auth)")
	f.BoolVar(&o.MultiSession, "multi-session", o.MultiSession, "several accounts on one device")
	f.IntVar(&o.MaximumSessions, "maximum-sessions", o.MaximumSessions, "how `many` accounts on one device (default 5)")
	f.BoolVar(&o.Bearer, "bearer", o.Bearer, "take signed tokens from the Authorization header")
	f.BoolVar(&o.BearerAllowUnsigned, "bearer-allow-unsigned", o.BearerAllowUnsigned, "take plain tokens there too (needs -bearer)")
	f.BoolFunc("session-fields", "declare the session fields theme, count and pinned", func(string) error {
		o.SessionFields = rig.SessionFields
		return nil
	})
	f.BoolVar(&o.Feed, "feed", o.Feed, "keep a revocation feed, on MySQL with triggers for what others delete")
	f.BoolVar(&o.SessionEvents, "session-events", o.SessionEvents, "serve GET /session-events")
	f.StringVar(&o.RevokedSecret, "revoked-secret", o.RevokedSecret, "bearer `secret` for GET /revoked (needs -feed and a -cookie-cache)")
	f.BoolVar(&o.Elevate, "elevate", o.Elevate, "keep when sessions were last made fresh, and serve POST /elevate")
	f.StringVar((*string)(&o.Secondary), "secondary", string(o.Secondary), "`use` of Redis for sessions: only, database or preserve")
	f.StringVar(&o.Redis, "redis", o.Redis, "`address` of the Redis for -secondary")
	f.StringVar(&o.RedisPrefix, "redis-prefix", o.RedisPrefix, "`text` before each key there")
	f.BoolVar(&o.ExposeTokens, "expose-tokens", o.ExposeTokens, "raw tokens in JSON bodies, in place of handles")
	f.BoolFunc("log-sql", "log each statement about sessions to standard error", func(string) error {
		o.SQLLog = os.Stderr
		return nil
	})
	f.StringVar(&o.ClockHeader, "clock-header", o.ClockHeader, "`header` that holds the time of each request, which must come one by one")
	return addr, variant
}
