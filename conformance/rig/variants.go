package rig

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// Secret is the one of the contract's vectors and traces.
const Secret = "contract-secret-0123456789-abcdefghijklmnopqrstuvwxyz"

// Defaults are the options of a rig about which nothing is said: the `_defaults`
// of the contract's variants, but for the base URL, which becomes the address
// that the rig listens on.
func Defaults() Options {
	return Options{
		Secret:            Secret,
		ExpiresIn:         7 * 24 * time.Hour,
		UpdateAge:         24 * time.Hour,
		FreshAge:          10 * time.Minute,
		CookieCache:       CacheOff,
		CookieCacheMaxAge: 5 * time.Minute,
	}
}

// variants are the entries of the contract's variants.json that this rig can
// play, each as what it changes in the defaults.
var variants = map[string]func(*Options){
	"base":                 func(*Options) {},
	"nofresh":              func(o *Options) { o.FreshAge = 0 },
	"compact":              func(o *Options) { o.CookieCache = CacheCompact },
	"compact_nofresh":      func(o *Options) { o.CookieCache = CacheCompact; o.FreshAge = 0 },
	"compact_v2":           func(o *Options) { o.CookieCache = CacheCompact; o.CookieCacheVersion = "2" },
	"compact_refreshCache": func(o *Options) { o.CookieCache = CacheCompact }, // ignored where there is a store
	"defer":                func(o *Options) { o.DeferRefresh = true },
	"defer_compact":        func(o *Options) { o.DeferRefresh = true; o.CookieCache = CacheCompact },
	"norefresh":            func(o *Options) { o.DisableRefresh = true },
	"prefix":               func(o *Options) { o.Cookies.Prefix = "acme" },
	"jwt":                  func(o *Options) { o.CookieCache = CacheJWT },
	"jwe":                  func(o *Options) { o.CookieCache = CacheJWE },
	"multi":                func(o *Options) { multi(o); o.Bearer, o.BearerAllowUnsigned = true, true },
	"multi2":               func(o *Options) { multi(o); o.MaximumSessions = 2 },
	"multi_compact": func(o *Options) {
		multi(o)
		o.Bearer, o.BearerAllowUnsigned = true, true
		o.CookieCache = CacheCompact
	},
	"bearer_strict":     func(o *Options) { o.Bearer = true },
	"extra":             func(o *Options) { o.SessionFields = extraFields },
	"extra_compact":     func(o *Options) { o.SessionFields = extraFields; o.CookieCache = CacheCompact },
	"https":             func(o *Options) { https(o); multi(o); o.CookieCache = CacheCompact },
	"crosssub":          func(o *Options) { https(o); o.Cookies.Domain = ".example.com" },
	"crosssub_nodomain": func(o *Options) { https(o); o.Cookies.Domain = "app.example.com" }, // by default the host there
	"secureflag":        func(o *Options) { o.Cookies.Secure = ginsession.SecureAlways },
	"secureoff":         func(o *Options) { https(o); o.Cookies.Secure = ginsession.SecureNever },
	"attrs": func(o *Options) { // and there HttpOnly is switched off, which is not possible here
		o.Cookies.SessionToken = ginsession.CookieOptions{
			Name: "sid", SameSite: http.SameSiteNoneMode, Secure: true, Partitioned: true, Path: "/app",
		}
	},
	"ips": func(o *Options) { o.IPHeaders = []string{"cf-connecting-ip", "x-forwarded-for"} },
	"ips_proxy": func(o *Options) {
		o.TrustedProxies = []string{"10.0.0.0/8", "2001:db8:ffff::/48"}
		o.IPv6Subnet = 128
	},
	"trusted": func(o *Options) {
		o.TrustedOrigins = []string{"https://*.trusted.example", "http://other.example:8080"}
	},
	"secrets_rot": func(o *Options) {
		o.CookieCache = CacheJWE
		o.OldSecrets = []string{"old-secret-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
	},
	"hook_block": func(o *Options) { o.LoseRenewals = true }, // stands for a row that vanished

	"secondary":          func(o *Options) { o.Secondary = SecondaryOnly },
	"secondary_db":       func(o *Options) { o.Secondary = SecondaryAndDatabase },
	"secondary_preserve": func(o *Options) { o.Secondary = SecondaryPreserving },
	"secondary_compact":  func(o *Options) { o.Secondary = SecondaryOnly; o.CookieCache = CacheCompact; multi(o) },
	"secondary_extra":    func(o *Options) { o.Secondary = SecondaryOnly; o.SessionFields = extraFields },
}

func multi(o *Options) { o.MultiSession = true }

func https(o *Options) { o.BaseURL = "https://app.example.com" }

// extraFields are the additional fields of the variants of that name.
var extraFields = []models.Field{
	{Name: "theme", Input: true, Returned: true},
	{Name: "count", Type: models.Number, Input: true, Returned: true, Default: 7},
	{Name: "pinned", Type: models.Boolean, Input: true, Returned: true, Default: false},
	{Name: "seenAt", Type: models.Date, Input: true, Returned: true},
	{Name: "internalNote", Input: true},
	{Name: "locked", Returned: true},
	{Name: "mode", Returned: true, Default: "std"},
}

// SessionFields are additional fields for a rig that is asked for some, as the
// contract's reference server has them.
var SessionFields = extraFields[:3:3]

// Variants lists the names that Variant takes.
func Variants() []string { return slices.Sorted(maps.Keys(variants)) }

// Variant returns the options of one entry of the contract's variants.json over
// its `_defaults`.
func Variant(name string) (Options, error) {
	change, ok := variants[name]
	if !ok {
		return Options{}, fmt.Errorf("variant %q is not known; there are %s", name, strings.Join(Variants(), ", "))
	}
	options := Defaults()
	options.BaseURL = "http://localhost:3000"
	change(&options)
	return options, nil
}
