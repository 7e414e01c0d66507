package rig

import (
	"fmt"
	"io"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cookiecache"
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

// orOff translates Better Auth's 0.
func orOff(d time.Duration) time.Duration {
	if d == 0 {
		return ginsession.Off
	}
	return d
}
