package ginsession

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/models"
)

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
	exposeReasons                bool
	maxStreams                   int
	revokedSecret                [sha256.Size]byte // its hash
	tellsRevoked                 bool
	hashTokens                   bool
	bearer                       Bearer
	maximumSessions              int // accounts on one device
	maxSessions                  int // of one user; 0: no limit
	rejectOverLimit              bool

	sessionFields, userFields []models.Field
	elevates                  bool // models.FreshAt is among them

	clientIP     func(*gin.Context) string // nil: ask gin, warily
	ipv6Subnet   int
	addressAge   time.Duration // 0: for ever
	addresses    truncater     // nil if addressAge is 0
	beforeCreate func(context.Context, *Session) error
	logger       *slog.Logger
	now          func() time.Time
	ownClock     bool // now is the application's, and may stand still
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
		exposeReasons:   c.ExposeReasons,
		hashTokens:      c.HashTokens,
		keepPrevious:    c.KeepPreviousSession,
		bearer:          c.Bearer,
		maxSessions:     c.MaxSessionsPerUser,
		rejectOverLimit: c.RejectOverLimit,
		clientIP:        c.ClientIP,
		ipv6Subnet:      cmp.Or(c.IPv6Subnet, 64),
		addressAge:      c.TruncateAddressesAfter,
		beforeCreate:    c.BeforeCreate,
		logger:          c.Logger,
		now:             c.Now,
		ownClock:        c.Now != nil,
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
	s.maxStreams = c.SessionEvents.check(&f)
	s.tellsRevoked, s.revokedSecret = c.RevokedSecret != "", sha256.Sum256([]byte(c.RevokedSecret))
	switch {
	case !s.tellsRevoked:
	case len(c.RevokedSecret) < 32:
		f.add("RevokedSecret has %d bytes, at least 32 are needed: generate one with `openssl rand -base64 32`", len(c.RevokedSecret))
	case slices.Contains(s.secrets, c.RevokedSecret):
		f.add("RevokedSecret is Secret or one of OldSecrets, and is known to those who only verify: generate another")
	case !c.CookieCache.Enabled || c.CookieCache.NoFeed:
		f.add("RevokedSecret is set without a cookie cache and its feed: there would be nothing to tell; enable CookieCache, or leave it empty")
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
	if c.CookieCache.Feed != nil && c.CookieCache.NoFeed {
		f.add("CookieCache.Feed is set beside NoFeed: what it loses nobody would hear of; remove one of the two")
	}
	store := c.checkStore(&f)
	s.addresses = c.checkAddresses(&f, store)
	if len(f) > 0 {
		return settings{}, nil, errors.Join(f...)
	}
	c.warn(s)
	return s, store, nil
}

func (c Config) checkAddresses(f *faults, store Store) truncater {
	switch addresses, ok := store.(truncater); {
	case c.TruncateAddressesAfter < 0:
		f.add("TruncateAddressesAfter is %v, negative: leave it zero for never", c.TruncateAddressesAfter)
	case c.TruncateAddressesAfter > 0 && store != nil && !ok:
		f.add("TruncateAddressesAfter is %v, but a %T cannot do that: leave it zero, and let ClientIP return what may be kept", c.TruncateAddressesAfter, store)
	case c.TruncateAddressesAfter > 0:
		return addresses
	}
	return nil
}

// wellKnownSecret is what Better Auth falls back to without a secret.
const wellKnownSecret = "better-auth-secret-12345678901234567890"

func (c Config) checkSecrets(f *faults) []string {
	secrets := append([]string{c.Secret}, c.OldSecrets...)
	for i, secret := range secrets {
		field, wayOut := "Secret", "generate one with `openssl rand -base64 32`"
		if i > 0 {
			field, wayOut = fmt.Sprintf("OldSecrets[%d]", i-1), "remove it, which ends what it signed"
		}
		switch {
		case len(secret) == 0:
			f.add("%s is empty: %s", field, wayOut)
		case len(secret) < 32:
			f.add("%s has %d bytes, at least 32 are needed: %s", field, len(secret), wayOut)
		case strings.Contains(secret, wellKnownSecret):
			f.add("%s is Better Auth's published default: %s", field, wayOut)
		case repeats(secret):
			f.add("%s only repeats a short piece: %s", field, wayOut)
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
		freshAge:    optional(f, "FreshAge", c.FreshAge, 10*time.Minute),
		maxLifetime: optional(f, "MaxLifetime", c.MaxLifetime, 0),
	}
	// Half of a short ExpiresIn, because a session must fall due before it expires.
	p.updateAge = duration(f, "UpdateAge", c.UpdateAge, min(day, (p.expiresIn/2).Truncate(time.Millisecond)), time.Millisecond, maxCookieAge)
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
	"CookieCache.MaxLag": ", or set CookieCache.NoFeed",
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
		switch none := feedOf(c.Store) == nil; {
		case none && c.Schema.Feed:
			f.add("Schema.Feed is set, but Store keeps no feed: implement RevocationFeed, or leave it false")
		case none && c.CookieCache.Enabled && !c.CookieCache.NoFeed:
			f.add("CookieCache.Enabled is set, but Store keeps no feed: implement RevocationFeed; or set CookieCache.NoFeed, and sessions ended by another process stay visible for CookieCache.MaxAge")
		}
		return c.Store
	case len(*f) > 0: // asking the database can wait
	default:
		c.Schema.Feed = c.Schema.Feed || c.CookieCache.Enabled && !c.CookieCache.NoFeed
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
func (c Config) warn(s settings) {
	if c.Cookies.Secure == SecureNever && strings.HasPrefix(c.BaseURL, "https") {
		s.logger.Warn("ginsession: Cookies.Secure is SecureNever: browsers send the session over plain http too")
	}
	if c.Bearer.AllowUnsigned {
		s.logger.Warn("ginsession: Bearer.AllowUnsigned is set: whoever reads a session token anywhere, in a backup or in a list, is its user")
	}
	if c.CookieCache.RefreshCache {
		s.logger.Warn("ginsession: CookieCache.RefreshCache has no effect: copies are made of stored sessions only")
	}
	if s.policy.updateAge == s.policy.expiresIn {
		s.logger.Warn("ginsession: UpdateAge equals ExpiresIn: sessions are renewed in their last millisecond only")
	}
	if !s.cache.enabled {
		return
	}
	if c.CookieCache.NoFeed {
		s.logger.Warn("ginsession: the cookie cache is on without a feed: a session ended by another process stays visible here until its copy ends", "CookieCache.MaxAge", s.cache.maxAge)
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
