package main

import (
	"fmt"
	"strings"
)

// budgets are what docs/performance.md promises or wants. A gate is what must not
// be passed, a goal what the floors and peers say can be reached.
var budgets = []struct {
	path, gate, goal string
	ours             func(*results) string
}{
	{"cached read, Compact, of a handler that does not look", "≤ 2.5x floor, ≤ 4 allocations, 0 queries", "≤ 1.8x, ≤ 4",
		toFloor("CachedRead, process", "ginsession-compact-untouched")},
	{"cached read, SecureCookie, likewise", "≤ 1.3x securecookie-nop, ≤ 17 allocations, 0 queries", "", func(r *results) string {
		l, nop := r.find("CachedRead, process", "ginsession-securecookie-untouched"), r.find("CachedRead, process", "securecookie-nop")
		if l == nil || nop == nil {
			return unknown
		}
		return ratio(l, nop)
	}},
	{"cached read with session and user, Compact", "≤ 4x floor, ≤ 8 allocations", "≤ 3x, ≤ 5", toFloor("CachedRead, process", "ginsession-compact")},
	{"cached read against peers", "≥ 3x golang-jwt, 4x gin-jwt, 2.5x securecookie, 8x gin-contrib and gorilla", "4x, 6x, 3.5x, 12x",
		toPeers("CachedRead, process", "ginsession-compact-untouched", "golang-jwt", "gin-jwt", "securecookie-json", "gin-contrib-cookie", "gorilla-cookie")},
	{"cached read against Better Auth, over HTTP", "faster", "", toPeers("CachedRead, loopback", "ginsession-compact-untouched", "better-auth-compact")},
	{"`GET /get-session` from the cookie, Compact", "≤ 1.5x cached read", "≤ 1.2x, 1 allocation more", func(r *results) string {
		read, get := r.find("CachedRead, process", "ginsession-compact-untouched"), r.find("GetSession, process", "ginsession-compact")
		if read == nil || get == nil {
			return unknown
		}
		return fmt.Sprintf("%s, %.0f more", times(get.best(nanoseconds)/read.best(nanoseconds)), get.median(allocations)-read.median(allocations))
	}},
	{"issuing cookies, Compact", "≤ 1.5x by hand", "≤ 1.1x, 1 allocation a cookie", never},
	{"forged token cookie", "≤ 1.3x floor, ≤ 1 allocation, 0 queries", "1.0x, 0", toFloor("ForgedCookie, process", "ginsession-compact")},
	{"no cookie", "≤ 0.2x of the floor for a forged one, 0 allocations", "", func(r *results) string {
		none, floor := r.find("NoCookie, process", "ginsession-compact"), r.find("ForgedCookie, process", "floor-token-only")
		if none == nil || floor == nil {
			return unknown
		}
		return ratio(none, floor)
	}},
	{"store read", "≤ 1.25x floor, ≤ 60 allocations, 1 query in 1 trip", "≤ 1.1x, ≤ 48", toFloor("StoreRead, process", "ginsession")},
	{"store read against peers", "≥ 2x gin-contrib on GORM, 1.7x scs on MySQL, 1.1x scs interpolated; ≥ 0.67x gin-contrib on Redis", "2.8x, 2.1x, 1.25x; 0.83x",
		toPeers("StoreRead, process", "ginsession", "gin-contrib-gorm", "scs-mysql", "scs-mysql-interpolated", "gin-contrib-redis")},
	{"store read against Better Auth, over HTTP", "≥ 6x", "8x", toPeers("StoreRead, loopback", "ginsession", "better-auth")},
	{"renewal, its statement", "≤ 1.15x floor, 1 query in 1 trip", "1.05x", toFloor("Statement, touch", "ginsession")},
	{"renewal, the whole request", "", "", toFloor("Refresh, process", "ginsession")},
	{"renewal that another was faster in", "1 UPDATE that meets nothing, no second write", "", never},
	{"sign-in, its statement", "≤ 1.15x floor, 1 query in 1 trip", "1.05x", toFloor("Statement, create", "ginsession")},
	{"sign-in, the whole request", "", "", toFloor("SignIn, process", "ginsession")},
	{"create and revoke, their statements", "≤ 1.15x floor, 2 queries in 2 trips", "1.05x", toFloor("Statement, create-revoke", "ginsession")},
	{"sign-out, the whole request", "", "", toFloor("Revoke, process", "ginsession")},
	{"list of 10, its statement", "≤ 1.2x floor, ≤ 180 allocations, 1 query", "1.05x, ≤ 160", toFloor("Statement, list", "ginsession")},
	{"list of 10, the whole request", "", "", toFloor("List, process", "ginsession")},
	{"reading one and a list, from 10,000 sessions to 1,000,000", "≤ 1.3x", "1.1x", never},
	{"purge of 500, from 10,000 sessions to 1,000,000", "≤ 3x; EXPLAIN says range; ≤ 3 ms when there is nothing to do", "", never},
	{"500 at once, one session that is due", "≤ 5 queries", "2 to 3", func(r *results) string {
		l := r.find("Herd, process", "ginsession-due")
		if l == nil {
			return unknown
		}
		return fmt.Sprintf("%.3g queries", l.median("queries/op"))
	}},
}

const (
	unknown     = "not measured"
	allocations = "allocs/op"
)

// never: no benchmark of this module measures it.
func never(*results) string { return unknown }

func (r *results) find(group, name string) *layer {
	for _, g := range r.groups {
		if g.name == group {
			return g.find(name)
		}
	}
	return nil
}

// ratio is how a layer stands to a floor, with what it allocates and asks.
func ratio(l, floor *layer) string {
	return fmt.Sprintf("%s, %.0f, %s", times(l.best(nanoseconds)/floor.best(nanoseconds)), l.median(allocations), l.asked())
}

func toFloor(group, layer string) func(*results) string {
	return func(r *results) string {
		l := r.find(group, layer)
		if l == nil {
			return unknown
		}
		floor := r.group(group).floor()
		if floor == nil {
			return unknown
		}
		return ratio(l, floor)
	}
}

// toPeers is how many times faster than each of them a layer is.
func toPeers(group, layer string, peers ...string) func(*results) string {
	return func(r *results) string {
		l := r.find(group, layer)
		if l == nil {
			return unknown
		}
		var all []string
		for _, name := range peers {
			if peer := r.find(group, name); peer != nil {
				all = append(all, times(peer.best(nanoseconds)/l.best(nanoseconds))+" "+name)
			} else {
				all = append(all, name+" "+unknown)
			}
		}
		return strings.Join(all, ", ")
	}
}
