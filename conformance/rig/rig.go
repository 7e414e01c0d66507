// Package rig assembles the service that the conformance tests drive: the
// suite on a database of its own, the example's sign-in by e-mail, a guarded
// route for each guard, and a clock that the tests can move.
//
// It is for tests only. Whoever reaches it can move its clock.
package rig

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/libtnb/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/device"
	"github.com/ginsession/ginsession/example/emailpassword"
	"github.com/ginsession/ginsession/internal/testhook"
	"github.com/ginsession/ginsession/internal/witness"
	"github.com/ginsession/ginsession/models"
)

// Options are a rig's flags. Durations mean what they mean to Better Auth,
// whose options they stand for: zero is zero and not a default. Begin with
// Defaults or Variant.
type Options struct {
	DSN    string // MySQL; empty: SQLite
	SQLite string // its file; empty: a temporary one
	Static string // a folder of files to serve at /; empty: none

	Secret         string
	OldSecrets     []string
	BaseURL        string // empty: the address that the rig listens on
	TrustedOrigins []string

	ExpiresIn   time.Duration
	UpdateAge   time.Duration // 0 renews on every read
	FreshAge    time.Duration // 0: every session is fresh
	MaxLifetime time.Duration // 0: no cap

	DisableRefresh bool
	DeferRefresh   bool

	CookieCache        Cache
	CookieCacheMaxAge  time.Duration
	CookieCacheVersion string // empty: "1"
	Cookies            ginsession.Cookies

	MultiSession        bool
	MaximumSessions     int // 0: the default
	Bearer              bool
	BearerAllowUnsigned bool

	SessionFields []models.Field

	// Feed keeps a revocation feed, which on MySQL hears of what others delete.
	Feed bool
	// SessionEvents serves GET /session-events.
	SessionEvents bool
	// RevokedSecret serves GET /revoked, and needs Feed and a CookieCache.
	RevokedSecret string
	// Elevate declares models.FreshAt and serves POST /elevate.
	Elevate bool

	IPHeaders      []string // that name the client's address, in turn
	TrustedProxies []string
	IPv6Subnet     int // 0: the default

	ExposeTokens  bool
	ExposeReasons bool

	// Secondary keeps sessions in Redis, at the address Redis: Better Auth's
	// secondaryStorage. Empty: in the database. RedisPrefix stands before each key.
	Secondary   Secondary
	Redis       string
	RedisPrefix string

	// SQLLog gets the statements about sessions, as GORM logs them at its most
	// talkative. Nil: OpenMySQL's own log, and none on SQLite.
	SQLLog io.Writer

	// LoseRenewals makes every renewal, and every update, find its row gone.
	LoseRenewals bool

	// ClockHeader names a request header that holds the time of the request, in
	// ISO form. Exchanges then stand alone: before each the rig forgets what
	// the last one made it remember. Requests must come one after the other.
	ClockHeader string
}

// Cache names a kind of cookie cache.
type Cache string

// The kinds of cookie cache.
const (
	CacheOff          Cache = "off"
	CacheSecureCookie Cache = "securecookie"
	CacheCompact      Cache = "compact"
	CacheJWT          Cache = "jwt"
	CacheJWE          Cache = "jwe"
)

func (c Cache) config(o Options) (ginsession.CookieCache, error) {
	config := ginsession.CookieCache{Enabled: true, MaxAge: o.CookieCacheMaxAge, Version: o.CookieCacheVersion, NoFeed: !o.Feed}
	switch c {
	case CacheOff:
		config.Enabled = false
	case CacheSecureCookie:
		config.Strategy = cookiecache.SecureCookie
	case CacheCompact:
		config.Strategy = cookiecache.Compact
	case CacheJWT:
		config.Strategy = cookiecache.JWT
	case CacheJWE:
		config.Strategy = cookiecache.JWE
	default:
		return config, fmt.Errorf("cookie cache %q is not known; there are off, securecookie, compact, jwt, jwe", string(c))
	}
	return config, nil
}

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

// quick is no way to keep a real password. How passwords are kept is not what is
// looked at here.
type quick struct{}

func (quick) Hash(_ context.Context, password string) (string, error) {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(password))), nil
}

func (q quick) Verify(ctx context.Context, hash, password string) (bool, error) {
	fits, err := q.Hash(ctx, password)
	return fits == hash, err
}

// A loser is a store whose renewals and updates all come too late.
type loser struct{ ginsession.Store }

func (loser) Touch(context.Context, models.Session, time.Time, time.Time) (models.Session, error) {
	return models.Session{}, models.ErrNotFound
}

func (loser) Update(context.Context, models.Session, map[string]any, time.Time) (models.Session, error) {
	return models.Session{}, models.ErrNotFound
}

// orOff translates Better Auth's 0.
func orOff(d time.Duration) time.Duration {
	if d == 0 {
		return ginsession.Off
	}
	return d
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

func (r *Rig) router(accounts *emailpassword.Accounts, options Options) (*gin.Engine, error) {
	router := gin.New()
	router.RedirectTrailingSlash = false
	if err := router.SetTrustedProxies(options.TrustedProxies); err != nil {
		return nil, err
	}
	if options.IPHeaders != nil {
		router.RemoteIPHeaders = options.IPHeaders
	}
	router.Use(r.Sessions.Middleware())
	noRoute := func(c *gin.Context) { c.AbortWithStatus(http.StatusNotFound) }
	if options.Static != "" {
		files := http.FileServerFS(os.DirFS(options.Static))
		noRoute = func(c *gin.Context) {
			if strings.HasPrefix(c.Request.URL.Path, "/api/") {
				c.AbortWithStatus(http.StatusNotFound)
				return
			}
			c.Status(http.StatusOK) // gin has put a 404 there
			files.ServeHTTP(c.Writer, c.Request)
		}
	}
	router.NoRoute(noRoute)

	auth := router.Group("/api/auth")
	r.Sessions.Routes(auth)
	accounts.Routes(auth)

	router.GET("/me", r.Sessions.RequireSession(), func(c *gin.Context) {
		user := ginsession.From(c).User
		c.PureJSON(http.StatusOK, struct {
			ID    string `json:"id"`
			Email string `json:"email"`
		}{user.ID, user.Email})
	})
	router.POST("/fresh", r.Sessions.RequireFresh(), func(c *gin.Context) {
		c.JSON(http.StatusOK, gin.H{"fresh": true})
	})
	if options.Elevate {
		router.POST("/elevate", func(c *gin.Context) {
			if _, err := r.Sessions.Elevate(c); err != nil {
				c.AbortWithStatus(http.StatusUnauthorized)
			}
		})
	}
	devices := r.Sessions.DevicesPage(ginsession.DevicesPage{Describe: device.Describe})
	router.GET("/devices", devices)
	router.POST("/devices", devices)
	router.POST("/__clock", r.moveClock)
	return router, nil
}

// moveClock serves POST /__clock {"advance":"25h"}. 200 {"now": ISO time}.
func (r *Rig) moveClock(c *gin.Context) {
	var body struct {
		Advance string `json:"advance"`
	}
	if err := c.ShouldBindJSON(&body); err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"message": err.Error()})
		return
	}
	by, err := time.ParseDuration(body.Advance)
	if err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"message": err.Error()})
		return
	}
	r.clock.advance(by)
	c.JSON(http.StatusOK, gin.H{"now": r.clock.now().UTC().Format(isoTime)})
}

// timed sets the clock to the time in the header, if one is named.
func (r *Rig) timed(header string, next http.Handler) http.Handler {
	if header == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		at, err := time.Parse(time.RFC3339Nano, req.Header.Get(header))
		if err != nil {
			http.Error(w, fmt.Sprintf("the header %s must hold the time of the request: %v", header, err), http.StatusBadRequest)
			return
		}
		r.clock.set(at)
		testhook.Forget(r.Sessions)
		next.ServeHTTP(w, req)
	})
}

const isoTime = "2006-01-02T15:04:05.000Z"

// A clock is time.Now, moved, or a fixed time. Its zero value is time.Now.
type clock struct {
	offset atomic.Int64 // nanoseconds
	fixed  atomic.Pointer[time.Time]
}

func (c *clock) now() time.Time {
	if t := c.fixed.Load(); t != nil {
		return *t
	}
	return time.Now().Add(time.Duration(c.offset.Load()))
}

func (c *clock) advance(by time.Duration) { c.offset.Add(int64(by)) }

func (c *clock) set(t time.Time) { c.fixed.Store(&t) }
