package ginsession

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/models"
)

// Off switches a duration of [Config] off where the zero value means the
// default: FreshAge (every session is fresh) and MaxLifetime (no cap). Any
// other negative duration, and Off anywhere else, is refused by [New].
const Off time.Duration = math.MinInt64

// Config is what [New] needs to know. Only Secret and one of DB and Store must
// be set. Durations are whole milliseconds; zero means the default named in
// the field's comment.
//
// New copies the Config: changing it afterwards has no effect. It prints
// without its secrets.
type Config struct {
	// Secret signs the cookies. It needs at least 32 bytes that are hard to
	// guess: `openssl rand -base64 32`. Better Auth: secret; the two must be
	// equal to share sessions.
	Secret string

	// OldSecrets still verify what they once signed, in every format, but sign
	// nothing: put the former Secret here to change it without signing anyone
	// out. A cookie that an old secret verified is signed anew when its session
	// is next read from the store. Removing a secret ends what it signed. With
	// Secret there may be five.
	OldSecrets []string

	// BaseURL is the origin under which browsers reach the service, such as
	// https://app.example.com. It decides the Secure attribute, the __Secure-
	// name prefix and which origin is our own; request headers never do.
	//
	// Empty means development: no prefix, and our own origin is the Host of the
	// request where that is a loopback address. In gin's release mode an empty
	// BaseURL is refused. Better Auth: baseURL.
	BaseURL string

	// InsecureHTTP allows a BaseURL with http:// outside loopback. Session
	// cookies then travel in the clear.
	InsecureHTTP bool

	// TrustedOrigins lists the other origins that may call the POST routes:
	// https://admin.example.com, https://*.example.com (one or more labels
	// below, never example.com itself), http://localhost:* (any port, loopback
	// only) or myapp://host (compared as it is). Without a scheme https is
	// meant. A path, a bare *, a wildcard over a public suffix and, without
	// AllowInsecureOrigins, http outside loopback are refused.
	// Better Auth: trustedOrigins, whose patterns are looser.
	TrustedOrigins []string

	// AllowInsecureOrigins lets TrustedOrigins name http:// outside loopback.
	AllowInsecureOrigins bool

	// DB is where sessions live: models.OpenMySQL(dsn), or the application's
	// own connection to any database that GORM speaks. Set DB or Store.
	DB *gorm.DB

	// Schema names other tables and columns than Better Auth's, and declares
	// additional fields of sessions and users. Pass the same to its Migrate
	// method. With Store set it only declares fields.
	Schema models.Schema

	// Store replaces the GORM store. See package storetest for what one must do.
	Store Store

	// StoreTimeout bounds what one of our routes, or one call of a method such as
	// SignIn or Revoke, waits for the store, however often it asks. A renewal
	// gets at most half of it. Default 2 s.
	StoreTimeout time.Duration

	// ExpiresIn is how long a session lives after it was created or last
	// renewed. Default 7 days; at least a second, at most 400 days (the most
	// that browsers keep a cookie). Better Auth: session.expiresIn.
	ExpiresIn time.Duration

	// UpdateAge is how old a session's last renewal must be before reading it
	// renews it again. It keeps a busy session from writing on every request.
	//
	// Default 24 h; time.Millisecond renews on every read. It must not exceed
	// ExpiresIn and has no effect under DisableRefresh.
	//
	// Better Auth: session.updateAge, where 0 renews on every read.
	UpdateAge time.Duration

	// FreshAge is how young, counted from its creation, a session must be for
	// RequireFresh. Renewing does not make fresh; signing in again and Elevate do.
	// Default 10 min; Off makes every session fresh.
	//
	// Better Auth: session.freshAge, where the default is a day and 0 is Off.
	FreshAge time.Duration

	// MaxLifetime ends a session this long after its creation however busy it
	// is. Default Off; 30 days is a good value. Better Auth has no such limit,
	// and a Better Auth server on the same table does not enforce it.
	MaxLifetime time.Duration

	// DisableRefresh never renews sessions. Better Auth:
	// session.disableSessionRefresh.
	DisableRefresh bool

	// DeferRefresh keeps reads free of writes: only POST /get-session renews
	// and deletes; GET answers needsRefresh, upon which the official client
	// sends the POST. Better Auth: session.deferSessionRefresh.
	DeferRefresh bool

	// CookieCache keeps a signed copy of the session in a second cookie.
	CookieCache CookieCache

	// Cookies changes names and attributes.
	Cookies Cookies

	// MultiSession keeps several accounts signed in on one device.
	MultiSession MultiSession

	// Bearer takes session tokens from the Authorization header too.
	Bearer Bearer

	// ExposeTokens shows raw session tokens in JSON bodies, as Better Auth does,
	// in place of handles, for front ends that talk to Go and Node routes
	// alike; /list-sessions then needs a fresh session. Any script on a page
	// can then read what HttpOnly hides.
	ExposeTokens bool

	// HashTokens stores only a hash of each token, so that a stolen database signs
	// nobody in: "sha256." and the SHA-256 of the token in base64url. Cookies stay
	// as they are. It is not for tables that a Better Auth server shares, and is
	// refused together with ExposeTokens and with a cookie cache in one of Better
	// Auth's formats. docs/security.md has the one statement that brings an existing
	// table over with nobody signed out; there is no way back.
	HashTokens bool

	// KeepPreviousSession leaves the session that a browser presents at sign-in
	// alive, as Better Auth does. By default SignIn ends it.
	KeepPreviousSession bool

	// MaxSessionsPerUser is how many sessions a user may have at the same time; the
	// sign-in of one more ends the oldest, or is refused with RejectOverLimit.
	// Sign-ins at the same time on several nodes end up with as many. It costs a
	// query at each sign-in, and some more where sign-ins of one user meet. Default no limit; at most 50.
	MaxSessionsPerUser int

	// RejectOverLimit lets SignIn and Create return ErrTooManySessions in place of
	// ending the oldest session. Whoever holds a stolen session can then keep its
	// owner out.
	RejectOverLimit bool

	// ClientIP says which address to store with a new session. The result must
	// be a bare IP address; anything else is stored as "". Nil asks gin, but
	// believes forwarding headers only if gin would not believe them from just
	// anyone (Engine.SetTrustedProxies); else it takes the peer's address.
	ClientIP func(*gin.Context) string

	// IPv6Subnet is how many leading bits of an IPv6 address are stored; the
	// others are zero. Default 64, which is what a network and not a device
	// chooses; 128 stores all. Better Auth: advanced.ipAddress.ipv6Subnet.
	IPv6Subnet int

	// BeforeCreate may veto a new session: its error comes back from SignIn or
	// Create, and neither a row nor a cookie is made. Nil vetoes nothing.
	BeforeCreate func(ctx context.Context, session *Session) error

	// OnEvent is told what happens to sessions: for audit logs, alerts and metrics.
	// It is called from one goroutine, one event after the other, after the fact
	// and apart from the request, whose context it gets without its end. An event
	// that comes while 1024 are waiting is dropped and counted in the next, and so
	// is, beyond 100 a second, what anybody can cause: EventRejected,
	// EventStoreFailed, EventOldSecretUsed. Close tells what is waiting. LogEvents
	// makes one that logs. Nil tells nobody.
	OnEvent func(context.Context, Event)

	// Logger takes warnings: a store that fails, a setting that deserves a
	// second look. No line holds a token, a cookie or a secret.
	// Default slog.Default().
	Logger *slog.Logger

	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// CookieCache configures the signed copy of the session that saves store
// reads. A session ended by another process stays visible until its copy ends, at
// most MaxAge, or with Schema.Feed for MaxLag. What authorises never trusts the copy: the list and revoke
// routes, RequireStore and RequireFresh read the store.
//
// Better Auth: session.cookieCache.
type CookieCache struct {
	// Enabled switches the cache on. Default off.
	Enabled bool

	// MaxAge is how long a copy is good, counted from before the store read
	// that it was made of. Default 5 min; from 1 s to 1 h.
	MaxAge time.Duration

	// MaxLag is how long after a session was ended by another process, at most,
	// this one still believes a copy of it, if Schema.Feed is set. The feed is
	// read twice in that time, for each process with a cookie cache; while it does
	// not answer, no copy is believed, and every request reads the store. Default
	// 2 s; from 100 ms to 1 min. Without a feed it has no effect.
	MaxLag time.Duration

	// Strategy is the format. Default cookiecache.SecureCookie, signed and
	// encrypted; name Better Auth's where a Better Auth server shares the
	// cookies, and mind that it does not encrypt.
	Strategy cookiecache.Strategy

	// Version is written into each copy; copies of another version are not
	// believed. Change it to be rid of all of them. Default "1".
	Version string

	// VersionFunc says the version of one session's copies, in place of Version:
	// change what it says for a user to be rid of that user's. It is called for
	// each copy that is made or read, with what the copy holds, and must be quick.
	// Better Auth: a function as cookieCache.version.
	VersionFunc func(*Session) string

	// RefreshCache has no effect: a copy is only ever made of a session just
	// read from the store, for otherwise a revoked one could renew itself. It is
	// here so that a configuration of Better Auth's can be taken over as it is;
	// there too it is ignored, with a warning, wherever sessions are stored.
	RefreshCache bool
}

// Cookies changes the names and attributes of our cookies. They always are
// HttpOnly.
type Cookies struct {
	// Prefix is the first part of each name. Default "better-auth". Better
	// Auth: advanced.cookiePrefix.
	Prefix string

	// Domain lets subdomains share the cookies, at a price: each of them can
	// read and overwrite the session. It must be the host of BaseURL or a
	// parent of it, and no public suffix. Default none: this host only.
	// Better Auth: advanced.crossSubDomainCookies.domain; without a domain it
	// takes the host of the base URL there.
	Domain string

	// HostPrefix names the cookies __Host-… in place of __Secure-…, so that no
	// other host can set them. It needs an https BaseURL and excludes Domain.
	// Better Auth: advanced.useSecureCookies false and a cookiePrefix that begins
	// with __Host-.
	HostPrefix bool

	// Secure overrules BaseURL about the Secure attribute and the __Secure- in
	// front of the names. Default SecureByBaseURL. Better Auth:
	// advanced.useSecureCookies.
	Secure Secure

	// SameSite is Lax by default. None needs https and leaves the defence
	// against foreign pages to the origin check alone.
	SameSite http.SameSite

	// Path limits the cookies to a part of the site. Default "/". It protects
	// nothing: other paths of the origin can read what they like.
	Path string

	// Partitioned keeps the cookies apart for each site that embeds this one
	// (CHIPS). It needs https.
	Partitioned bool

	// SessionToken, SessionData and DontRemember change one cookie each; what
	// they leave zero is as above. Device cookies of MultiSession follow
	// SessionToken. Better Auth: advanced.cookies.session_token and so on;
	// HttpOnly cannot be switched off here.
	SessionToken, SessionData, DontRemember CookieOptions
}

// CookieOptions are the name and attributes of one cookie.
type CookieOptions struct {
	// Name takes the place of prefix and name; __Secure- or __Host- stays in
	// front.
	Name        string
	Domain      string
	Path        string
	SameSite    http.SameSite
	Secure      bool // in any case; the name stays
	Partitioned bool
}

// Secure says when cookies are Secure.
type Secure uint8

const (
	// SecureByBaseURL: when BaseURL is https.
	SecureByBaseURL Secure = iota
	// SecureAlways: always. Browsers keep such cookies over http on loopback only.
	SecureAlways
	// SecureNever: never, nor have names a __Secure- in front. Under an https
	// BaseURL it needs InsecureHTTP.
	SecureNever
)

const redactedConfig = "ginsession.Config[redacted]"

// String keeps secrets out of logs.
func (Config) String() string { return redactedConfig }

// GoString keeps secrets out of logs.
func (Config) GoString() string { return redactedConfig }

// LogValue keeps secrets out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(redactedConfig) }

// MarshalJSON keeps secrets out of logs.
func (Config) MarshalJSON() ([]byte, error) { return []byte(`"` + redactedConfig + `"`), nil }

// settings are a validated Config.
type settings struct {
	policy       policy
	secrets      []string // the first signs
	origins      origins
	cookies      cookies
	cache        cacheSettings
	storeTimeout time.Duration

	disableRefresh, deferRefresh bool
	exposeTokens, keepPrevious   bool
	hashTokens                   bool
	bearer                       Bearer
	maximumSessions              int // accounts on one device
	maxSessions                  int // of one user; 0: no limit
	rejectOverLimit              bool

	sessionFields, userFields []models.Field
	elevates                  bool // models.FreshAt is among them

	clientIP     func(*gin.Context) string // nil: ask gin, warily
	ipv6Subnet   int
	beforeCreate func(context.Context, *Session) error
	logger       *slog.Logger
	now          func() time.Time
}

type cacheSettings struct {
	enabled      bool
	maxAge       time.Duration
	maxLag       time.Duration
	unremembered time.Duration // of don't-remember sessions
	version      string
	versionOf    func(*Session) string // nil: version
}

// faults collects what is wrong with a Config, so that all of it is reported
// at once.
type faults []error

func (f *faults) add(format string, args ...any) {
	fault := fmt.Errorf("ginsession: Config."+format, args...)
	for _, earlier := range *f { // the three cookies share most of what can be wrong
		if earlier.Error() == fault.Error() {
			return
		}
	}
	*f = append(*f, fault)
}

// validate turns the Config into settings and a Store, or says everything that
// is wrong with it. Warnings go to the logger.
func (c Config) validate() (settings, Store, error) {
	var f faults
	s := settings{
		secrets:         c.checkSecrets(&f),
		disableRefresh:  c.DisableRefresh,
		deferRefresh:    c.DeferRefresh,
		exposeTokens:    c.ExposeTokens,
		hashTokens:      c.HashTokens,
		keepPrevious:    c.KeepPreviousSession,
		bearer:          c.Bearer,
		maxSessions:     c.MaxSessionsPerUser,
		rejectOverLimit: c.RejectOverLimit,
		clientIP:        c.ClientIP,
		ipv6Subnet:      cmp.Or(c.IPv6Subnet, 64),
		beforeCreate:    c.BeforeCreate,
		logger:          c.Logger,
		now:             c.Now,
	}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	base := c.checkBaseURL(&f)
	s.policy = c.checkDurations(&f)
	s.storeTimeout = duration(&f, "StoreTimeout", c.StoreTimeout, 2*time.Second, time.Millisecond, time.Minute)
	s.origins = compileOrigins(&f, base, c.TrustedOrigins, c.AllowInsecureOrigins)
	s.cookies = c.Cookies.check(&f, base, c.InsecureHTTP)
	s.cache = c.CookieCache.check(&f)
	s.maximumSessions = c.MultiSession.check(&f)
	if c.MultiSession.Enabled {
		s.cookies.device = s.cookies.token.name + devicePart
	}
	switch {
	case c.MaxSessionsPerUser < 0 || c.MaxSessionsPerUser > mostSessions:
		f.add("MaxSessionsPerUser is %d: use 1 to %d, or leave it zero for no limit", c.MaxSessionsPerUser, mostSessions)
	case c.RejectOverLimit && c.MaxSessionsPerUser == 0:
		f.add("RejectOverLimit is set, but MaxSessionsPerUser is not: set it")
	}
	if c.Bearer.AllowUnsigned && !c.Bearer.Enabled {
		f.add("Bearer.AllowUnsigned is set, but Bearer.Enabled is not: set it")
	}
	s.cookies.authHeader = c.Bearer.Enabled
	if c.IPv6Subnet < 0 || c.IPv6Subnet > 128 {
		f.add("IPv6Subnet is %d: use 1 to 128, or leave it zero for 64", c.IPv6Subnet)
	}
	schema, err := c.Schema.Complete()
	if err != nil {
		f.add("Schema is not valid: %w", err)
	}
	s.sessionFields, s.userFields = schema.Session.Fields, schema.User.Fields
	s.elevates = checkFreshAt(&f, s.sessionFields)
	if c.HashTokens && c.ExposeTokens {
		f.add("HashTokens is set beside ExposeTokens: there would be no tokens to expose; remove one of the two")
	}
	if c.HashTokens && c.CookieCache.Enabled && c.CookieCache.Strategy.BetterAuth() {
		f.add("HashTokens is set beside CookieCache.Strategy %v: a Better Auth server on the same table would find no session; use cookiecache.SecureCookie, or remove HashTokens", c.CookieCache.Strategy)
	}
	store := c.checkStore(&f)
	if len(f) > 0 {
		return settings{}, nil, errors.Join(f...)
	}
	c.warn(s, feedOf(store) != nil)
	return s, store, nil
}

// wellKnownSecret is what Better Auth falls back to without a secret.
const wellKnownSecret = "better-auth-secret-12345678901234567890"

func (c Config) checkSecrets(f *faults) []string {
	secrets := append([]string{c.Secret}, c.OldSecrets...)
	const generate = "generate one with `openssl rand -base64 32`"
	for i, secret := range secrets {
		field := "Secret"
		if i > 0 {
			field = fmt.Sprintf("OldSecrets[%d]", i-1)
		}
		switch {
		case len(secret) == 0:
			f.add("%s is empty: %s", field, generate)
		case len(secret) < 32:
			f.add("%s has %d bytes, at least 32 are needed: %s", field, len(secret), generate)
		case strings.Contains(secret, wellKnownSecret):
			f.add("%s is Better Auth's published default: %s", field, generate)
		case repeats(secret):
			f.add("%s only repeats a short piece: %s", field, generate)
		}
		for _, earlier := range secrets[:i] {
			if secret == earlier && secret != "" {
				f.add("%s occurs twice: remove it", field)
				break
			}
		}
	}
	if len(secrets) > 5 {
		f.add("OldSecrets has %d entries, at most 4 are allowed: each costs a MAC on every forged cookie; drop the oldest", len(c.OldSecrets))
	}
	return secrets
}

// repeats reports whether the secret is one piece of up to 16 bytes again and
// again.
func repeats(secret string) bool {
	for n := 1; n <= 16; n++ {
		if strings.HasPrefix(secret, strings.Repeat(secret[:n], len(secret)/n)) &&
			strings.HasPrefix(secret[:n], secret[len(secret)/n*n:]) {
			return true
		}
	}
	return false
}

func (c Config) checkBaseURL(f *faults) *origin {
	if c.BaseURL == "" {
		if gin.Mode() == gin.ReleaseMode {
			f.add("BaseURL is empty in gin's release mode: set the origin that browsers see, such as https://app.example.com")
		}
		return nil
	}
	base, ok := parseOrigin(strings.TrimSuffix(c.BaseURL, "/"))
	switch {
	case !ok || base.scheme != "https" && base.scheme != "http":
		f.add("BaseURL is %q, not an origin: write scheme and host alone, such as https://app.example.com", c.BaseURL)
		return nil
	case base.scheme == "http" && !loopback(base.host) && !c.InsecureHTTP:
		f.add("BaseURL is %q, where cookies would travel in the clear: use https, or set InsecureHTTP", c.BaseURL)
	}
	return &base
}

func (c Config) checkDurations(f *faults) policy {
	const day = 24 * time.Hour
	p := policy{
		expiresIn:   duration(f, "ExpiresIn", c.ExpiresIn, 7*day, time.Second, maxCookieAge),
		updateAge:   duration(f, "UpdateAge", c.UpdateAge, day, time.Millisecond, maxCookieAge),
		freshAge:    optional(f, "FreshAge", c.FreshAge, 10*time.Minute),
		maxLifetime: optional(f, "MaxLifetime", c.MaxLifetime, 0),
	}
	if c.UpdateAge == 0 && p.updateAge > p.expiresIn {
		p.updateAge = p.expiresIn // a short ExpiresIn alone is no mistake
	}
	if p.updateAge > p.expiresIn && !c.DisableRefresh {
		f.add("UpdateAge is %v, longer than ExpiresIn (%v): no session would ever be renewed; lower UpdateAge or raise ExpiresIn", p.updateAge, p.expiresIn)
	}
	return p
}

// duration checks a duration that cannot be switched off.
func duration(f *faults, field string, value, fallback, least, most time.Duration) time.Duration {
	switch {
	case value == 0:
		return fallback
	case value == Off:
		f.add("%s is Off, which has no meaning here: leave it zero for the default (%v)%s", field, fallback, offInstead[field])
	case value < 0:
		f.add("%s is %v, negative: leave it zero for the default (%v)", field, value, fallback)
	case value%time.Millisecond != 0:
		f.add("%s is %v, not whole milliseconds: round it", field, value)
	case value < least:
		f.add("%s is %v, at least %v is needed: raise it", field, value, least)
	case value > most:
		f.add("%s is %v, at most %v is allowed: lower it", field, value, most)
	default:
		return value
	}
	return fallback
}

// offInstead names the switch that does what Off was meant to do.
var offInstead = map[string]string{
	"UpdateAge":          ", set DisableRefresh never to renew, or a millisecond to renew at every read",
	"CookieCache.MaxAge": ", or leave CookieCache.Enabled false",
	"CookieCache.MaxLag": ", or leave Schema.Feed false",
}

// optional checks a duration for which Off, and therefore the result 0, has a
// meaning.
func optional(f *faults, field string, value, fallback time.Duration) time.Duration {
	switch {
	case value == 0:
		return fallback
	case value == Off:
		return 0
	case value < 0:
		f.add("%s is %v, negative: use ginsession.Off to switch it off", field, value)
	case value%time.Millisecond != 0:
		f.add("%s is %v, not whole milliseconds: round it", field, value)
	default:
		return value
	}
	return fallback
}

func (cc CookieCache) check(f *faults) cacheSettings {
	s := cacheSettings{
		enabled:   cc.Enabled,
		maxAge:    duration(f, "CookieCache.MaxAge", cc.MaxAge, 5*time.Minute, time.Second, time.Hour),
		maxLag:    duration(f, "CookieCache.MaxLag", cc.MaxLag, 2*time.Second, 100*time.Millisecond, time.Minute),
		version:   cc.Version,
		versionOf: cc.VersionFunc,
		// Better Auth: 60 s for compact, 300 s for the others.
		unremembered: time.Minute,
	}
	if cc.Strategy == cookiecache.JWT || cc.Strategy == cookiecache.JWE {
		s.unremembered = 5 * time.Minute
	}
	if s.version == "" {
		s.version = "1"
	}
	if cc.Version != "" && cc.VersionFunc != nil {
		f.add("CookieCache.Version is %q beside VersionFunc, which takes its place: remove one of the two", cc.Version)
	}
	if cc.Strategy > cookiecache.JWE {
		f.add("CookieCache.Strategy is %v, which is not known: use one of package cookiecache", cc.Strategy)
	}
	return s
}

func (c Config) checkStore(f *faults) Store {
	switch {
	case c.DB == nil && c.Store == nil:
		f.add("DB is nil: set it, for example to models.OpenMySQL(dsn)")
	case c.DB != nil && c.Store != nil:
		f.add("Store is set beside DB: sessions live in one place; remove one of the two")
	case c.Store != nil:
		if c.Schema.Feed && feedOf(c.Store) == nil {
			f.add("Schema.Feed is set, but Store keeps no feed: implement RevocationFeed, or leave it false")
		}
		return c.Store
	case len(*f) > 0: // asking the database can wait
	default:
		store, err := c.Schema.Store(c.DB)
		if err != nil {
			f.add("DB cannot be used: %w", err)
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := store.Check(ctx); err != nil {
			f.add("DB cannot be used: %w", err)
		}
		return store
	}
	return nil
}

// warn says, once and at start-up, what is allowed and still worth a thought.
func (c Config) warn(s settings, feed bool) {
	if c.Cookies.Secure == SecureNever && strings.HasPrefix(c.BaseURL, "https") {
		s.logger.Warn("ginsession: Cookies.Secure is SecureNever: browsers send the session over plain http too")
	}
	if c.Bearer.AllowUnsigned {
		s.logger.Warn("ginsession: Bearer.AllowUnsigned is set: whoever reads a session token anywhere, in a backup or in a list, is its user")
	}
	if c.CookieCache.RefreshCache {
		s.logger.Warn("ginsession: CookieCache.RefreshCache has no effect: copies are made of stored sessions only")
	}
	if s.policy.updateAge == s.policy.expiresIn && c.UpdateAge != 0 {
		s.logger.Warn("ginsession: UpdateAge equals ExpiresIn: sessions are renewed in their last millisecond only")
	}
	if !s.cache.enabled {
		return
	}
	if !feed {
		s.logger.Warn("ginsession: the cookie cache is on without a feed: a session ended by another process stays visible here until its copy ends; see models.Schema.Feed", "CookieCache.MaxAge", s.cache.maxAge)
	}
	if s.cache.maxAge > 5*time.Minute {
		s.logger.Warn("ginsession: CookieCache.MaxAge is above 5 minutes", "CookieCache.MaxAge", s.cache.maxAge)
	}
	if !c.CookieCache.Strategy.Encrypted() {
		s.logger.Warn("ginsession: the cookie cache is signed but not encrypted: names and addresses can be read from the cookie", "CookieCache.Strategy", c.CookieCache.Strategy.String())
	}
	if c.ExposeTokens && !c.CookieCache.Strategy.BetterAuth() {
		s.logger.Warn("ginsession: ExposeTokens suggests a Better Auth server beside this one, which cannot read this cookie cache: name its strategy", "CookieCache.Strategy", c.CookieCache.Strategy.String())
	}
}
