package rig

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
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
	"prefix":               func(o *Options) { o.CookiePrefix = "acme" },
	"trusted": func(o *Options) {
		o.TrustedOrigins = []string{"https://*.trusted.example", "http://other.example:8080"}
	},
}

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
