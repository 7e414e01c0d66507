package ginsession

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/models"
)

// Off switches a duration of [Config] off where the zero value means the
// default: FreshAge (every session is fresh) and MaxLifetime (no cap). [New]
// refuses it in other fields, and all other negative durations everywhere.
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
	// Default 24 h, or half of ExpiresIn if that is less; time.Millisecond renews on
	// every read. It must not exceed ExpiresIn, and at ExpiresIn a session is as good
	// as never renewed. It has no effect under DisableRefresh.
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

	// SessionEvents tells open pages of their session's end.
	SessionEvents SessionEvents

	// RevokedSecret lets Routes mount GET /revoked, which tells whoever sends this
	// secret as a bearer token which sessions ended lately: verifiers of a cookie
	// cache elsewhere, at the edge or in other languages. It needs at least 32 bytes,
	// another value than Secret, and a cookie cache with a feed. Default "": no such
	// route. See docs/ends.md.
	RevokedSecret string

	// Bearer takes session tokens from the Authorization header too.
	Bearer Bearer

	// ExposeTokens shows raw session tokens in JSON bodies, as Better Auth does,
	// in place of handles, for front ends that talk to Go and Node routes
	// alike; /list-sessions then needs a fresh session. Any script on a page
	// can then read what HttpOnly hides.
	ExposeTokens bool

	// ExposeReasons says in the body of a 401 why the session ended, as far as this
	// process knows: {"code":"UNAUTHORIZED",…,"reason":"signed out"}. The values
	// are those of Reason. It is said only to whoever presents the session's signed
	// token.
	//
	// A process remembers the reasons that it hears of for five minutes, or as long
	// as a cookie cache lives. Where all sessions of a user ended at once it
	// remembers the user only, whom a request without a cookie cache does not name:
	// then there is no reason.
	ExposeReasons bool

	// HashTokens stores only a hash of each token, so that a stolen database signs
	// nobody in: "sha256." and the SHA-256 of the token in base64url. Cookies stay
	// as they are. It is not for tables that a Better Auth server shares, and is
	// refused together with ExposeTokens and with a cookie cache in one of Better
	// Auth's formats. docs/security.md has the one statement that brings an existing
	// table over with nobody signed out; there is no way back.
	HashTokens bool

	// KeepPreviousSession leaves the session that a browser presents at sign-in
	// alive, as Better Auth does. By default SignIn ends it, because somebody may
	// have planted it, and because nobody will use it again. Default off.
	KeepPreviousSession bool

	// MaxSessionsPerUser is how many sessions a user may have at the same time; the
	// sign-in of one more ends the oldest, or is refused with RejectOverLimit.
	// Sign-ins at the same time on several nodes keep to it as well. It costs a
	// query at each sign-in, and some more where sign-ins of one user coincide.
	// Default no limit; at most 50.
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

	// TruncateAddressesAfter is how long after the sign-in the stored IP address is cut
	// to its network: IPv4 to 24 bits, IPv6 to 48. StartPurge does so once a day, and
	// Manager.TruncateAddresses when it is called. It needs DB, or a Store that has
	// models.Store's TruncateAddresses; redisstore has not. Default 0: never.
	TruncateAddressesAfter time.Duration

	// BeforeCreate may veto a new session: its error comes back from SignIn or
	// Create, and neither a row nor a cookie is made. Nil vetoes nothing.
	BeforeCreate func(ctx context.Context, session *Session) error

	// OnEvent is told what happens to sessions: for audit logs and alerts.
	// It is called from one goroutine, one event after the other, after the fact
	// and apart from the request, whose context it gets without its end. An event
	// that comes while 1024 are waiting is dropped and counted in the next, and so
	// is, beyond 100 a second, what anybody can cause: EventRejected,
	// EventStoreFailed, EventOldSecretUsed. Close tells what is waiting. LogEvents
	// makes one that logs. Nil tells nobody.
	OnEvent func(context.Context, Event)

	// Observer is told of reads, calls of the store and events as they happen, for
	// metrics and traces: module otelsession makes one. Nil costs nothing.
	Observer Observer

	// Logger takes warnings: a store that fails, a setting that deserves a
	// second look. No line holds a token, a cookie or a secret.
	// Default slog.Default().
	Logger *slog.Logger

	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// CookieCache configures the signed copy of the session that saves store
// reads. A session ended by another process stays visible for MaxLag at most, which
// the store's revocation feed sees to, or with NoFeed until its copy ends. What
// authorises never trusts the copy: the list and revoke routes, RequireStore and
// RequireFresh read the store.
//
// Better Auth: session.cookieCache.
type CookieCache struct {
	// Enabled switches the cache on. Default off.
	Enabled bool

	// MaxAge is how long a copy is good, counted from before the store read
	// that it was made of. Default 5 min; from 1 s to 1 h.
	MaxAge time.Duration

	// MaxLag is how long after a session was ended by another process, at most,
	// this one still believes a copy of it. The feed is read twice in that time, for
	// each process with a cookie cache; while it does not answer, no copy is
	// believed, and every request reads the store. Default 2 s; from 100 ms to 1
	// min. Without a feed it has no effect.
	MaxLag time.Duration

	// NoFeed does without the revocation feed, and accepts that a session ended by
	// another process stays visible here until its copy ends, for MaxAge. A single
	// process loses nothing by it.
	//
	// By default a Manager with a cookie cache works as if Schema.Feed were set, and
	// the feed's table must be there: call Migrate of a Schema with Feed. Processes
	// on the same tables without a cookie cache must set Schema.Feed themselves, so
	// that they tell what they end. A Store of your own must implement
	// RevocationFeed.
	NoFeed bool

	// Feed brings revocations sooner than the store's own feed, from one process to
	// all: redisstore.NewFeed. What it loses, or cannot take while it is down, the
	// store's own feed brings within MaxLag. A process without a cookie cache only
	// publishes on it. Nil: none.
	Feed RevocationFeed

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

// CookieOptions are the name and attributes of one cookie. What is zero is as in
// Cookies.
type CookieOptions struct {
	// Name takes the place of prefix and name; __Secure- or __Host- stays in
	// front.
	Name        string
	Domain      string
	Path        string
	SameSite    http.SameSite
	Secure      bool // Secure whatever Cookies.Secure says; no __Secure- comes in front
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
