// Package rig assembles the service that the conformance tests drive: the
// suite on a database of its own, the example's sign-in by e-mail, a guarded
// route for each guard, and a clock that the tests can move.
//
// It is for tests only. Whoever reaches it can move its clock.
package rig

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/libtnb/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/example/emailpassword"
	"github.com/ginsession/ginsession/internal/witness"
	"github.com/ginsession/ginsession/models"
)

// A Rig is a service ready to be driven. Close it after use.
type Rig struct {
	Sessions *ginsession.Manager
	DB       *gorm.DB
	// URL is where Start serves; "" if the rig was made by New.
	URL string

	handler http.Handler
	clock   clock
	closers []func() error // called in reverse
}

// New assembles a rig that serves nowhere yet; options.BaseURL must be set.
func New(ctx context.Context, options Options) (_ *Rig, err error) {
	r := new(Rig)
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	schema := models.Schema{Session: models.Table{Fields: options.SessionFields}, Feed: options.Feed}
	if options.Elevate {
		schema.Session.Fields = append(slices.Clone(schema.Session.Fields), models.FreshAt())
	}
	if err := r.open(ctx, options, schema); err != nil {
		return nil, err
	}
	sessions := r.DB // as the sessions' store has it
	if options.SQLLog != nil {
		sessions = r.DB.Session(&gorm.Session{Logger: witness.SQL(options.SQLLog)})
	}
	cache, err := options.CookieCache.config(options)
	if err != nil {
		return nil, err
	}
	config := ginsession.Config{
		Secret:         options.Secret,
		OldSecrets:     options.OldSecrets,
		BaseURL:        options.BaseURL,
		InsecureHTTP:   true, // the base URL may name any host, the rig still listens on loopback
		TrustedOrigins: options.TrustedOrigins,
		AllowInsecureOrigins: slices.ContainsFunc(options.TrustedOrigins, func(o string) bool {
			return strings.HasPrefix(o, "http://")
		}),
		DB:        sessions,
		Schema:    schema,
		ExpiresIn: options.ExpiresIn,
		// Better Auth takes any two values; New wants the second within the first.
		UpdateAge:      min(max(options.UpdateAge, time.Millisecond), options.ExpiresIn),
		FreshAge:       orOff(options.FreshAge),
		MaxLifetime:    orOff(options.MaxLifetime),
		DisableRefresh: options.DisableRefresh,
		DeferRefresh:   options.DeferRefresh,
		CookieCache:    cache,
		Cookies:        options.Cookies,
		MultiSession:   ginsession.MultiSession{Enabled: options.MultiSession, MaximumSessions: options.MaximumSessions},
		Bearer:         ginsession.Bearer{Enabled: options.Bearer, AllowUnsigned: options.BearerAllowUnsigned},
		SessionEvents:  ginsession.SessionEvents{Enabled: options.SessionEvents},
		RevokedSecret:  options.RevokedSecret,
		ExposeTokens:   options.ExposeTokens,
		ExposeReasons:  options.ExposeReasons,
		IPv6Subnet:     options.IPv6Subnet,
		Now:            r.clock.now,
	}
	if options.LoseRenewals {
		store, err := schema.Store(sessions)
		if err != nil {
			return nil, err
		}
		config.DB, config.Store = nil, loser{store}
	}
	if options.Secondary != SecondaryOff {
		store, err := r.secondary(options, schema, sessions)
		if err != nil {
			return nil, err
		}
		config.DB, config.Store = nil, store
	}
	if r.Sessions, err = ginsession.New(config); err != nil {
		return nil, err
	}
	r.closers = append(r.closers, func() error { r.Sessions.Close(); return nil })
	accounts, err := emailpassword.New(ctx, r.DB, r.Sessions, emailpassword.Options{Now: r.clock.now, ExposeTokens: options.ExposeTokens, Hasher: quick{}})
	if err != nil {
		return nil, err
	}
	router, err := r.router(accounts, options)
	if err != nil {
		return nil, err
	}
	r.handler = r.timed(options.ClockHeader, router)
	return r, nil
}

// Start assembles a rig and serves it on addr; port 0 picks a free one.
func Start(ctx context.Context, addr string, options Options) (*Rig, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	address := "http://" + listener.Addr().String()
	if options.BaseURL == "" {
		options.BaseURL = address
	}
	r, err := New(ctx, options)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	r.URL = address
	server := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends with Close, which says how it went
	}()
	r.closers = append(r.closers, func() error {
		err := server.Close()
		<-done
		return err
	})
	return r, nil
}

// ServeHTTP serves the rig's routes.
func (r *Rig) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.handler.ServeHTTP(w, req) }

// Close stops the server, closes the database and removes the temporary file.
func (r *Rig) Close() error {
	var errs []error
	for _, c := range slices.Backward(r.closers) {
		errs = append(errs, c())
	}
	r.closers = nil
	return errors.Join(errs...)
}

// open connects to MySQL or SQLite and makes the tables: exactly Better Auth's
// columns, nothing of ours between them.
func (r *Rig) open(ctx context.Context, options Options, schema models.Schema) (err error) {
	if options.DSN != "" {
		r.DB, err = models.OpenMySQL(options.DSN)
	} else {
		r.DB, err = r.openSQLite(options.SQLite)
	}
	if err != nil {
		return err
	}
	pool, err := r.DB.DB()
	if err != nil {
		return err
	}
	r.closers = append(r.closers, pool.Close)
	if err := schema.Migrate(ctx, r.DB); err != nil || !options.Feed || options.DSN == "" {
		return err
	}
	triggers, err := schema.FeedTriggers()
	for _, trigger := range triggers {
		err = errors.Join(err, r.DB.WithContext(ctx).Exec(trigger).Error)
	}
	return err
}

func (r *Rig) openSQLite(file string) (*gorm.DB, error) {
	if file == "" {
		dir, err := os.MkdirTemp("", "ginsession-rig-") // 0700: the file is ours alone
		if err != nil {
			return nil, err
		}
		r.closers = append(r.closers, func() error { return os.RemoveAll(dir) })
		file = filepath.Join(dir, "rig.db")
	}
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: "_pragma=busy_timeout(5000)" +
		"&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)&_txlock=immediate"}
	return gorm.Open(sqlite.Open(dsn.String()), &gorm.Config{Logger: logger.Discard})
}
