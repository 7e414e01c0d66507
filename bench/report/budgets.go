package main

import (
	"fmt"
	"math"
	"strings"
)

// budgets are what docs/performance.md promises or wants, one row each.
var budgets = []budget{
	{"cached read, Compact, of a handler that does not look", list(
		atMost(2.5, 1.8, "x floor", compact.toFloor()), atMost(4, 4, " allocations", compact.allocations()), atMost(0, none, " queries", compact.queries()))},
	{"cached read, SecureCookie, likewise", list(
		atMost(1.3, none, "x securecookie-nop", encrypted.to(at{cachedRead, "securecookie-nop"})),
		atMost(17, none, " allocations", encrypted.allocations()), atMost(0, none, " queries", encrypted.queries()))},
	{"cached read of a cookie that the process has not seen, Compact", list(
		atMost(4, 3, "x floor", firstSeen.toFloor()), atMost(8, 5, " allocations", firstSeen.allocations()),
		atLeast(none, 4, "x golang-jwt", firstSeen.faster("golang-jwt")), atLeast(none, 3.5, "x securecookie-json", firstSeen.faster("securecookie-json")),
		atLeast(none, 12, "x gin-contrib-cookie", firstSeen.faster("gin-contrib-cookie")))},
	{"the same, SecureCookie", list(
		atMost(none, 1.3, "x securecookie-nop", at{firstSeenRead, "ginsession-securecookie"}.to(at{firstSeenRead, "securecookie-nop"})))},
	{"cached read against peers", list(
		atLeast(3, 4, "x golang-jwt", compact.faster("golang-jwt")), atLeast(4, 6, "x gin-jwt", compact.faster("gin-jwt")),
		atLeast(2.5, 3.5, "x securecookie-json", compact.faster("securecookie-json")),
		atLeast(8, 12, "x gin-contrib-cookie", compact.faster("gin-contrib-cookie")), atLeast(8, 12, "x gorilla-cookie", compact.faster("gorilla-cookie")),
		atLeast(150, 300, "x better-auth-api", compact.faster("better-auth-api")))},
	{"cached read with session and user, Compact", list(
		atMost(4, 3, "x floor", looked.toFloor()), atMost(8, 5, " allocations", looked.allocations()))},
	{"`GET /get-session` from the cookie, Compact", list(
		atMost(1.5, 1.2, "x cached read", getSession.to(compact)),
		atMost(none, 1, " allocations more", func(r *results) float64 { return getSession.allocations()(r) - compact.allocations()(r) }))},
	{"issuing cookies, Compact: a sign-in, less one without cookies", list(atMost(1.5, 1.1, "x floor", issued))},
	{"a cookie alone, Compact", list(
		atMost(1.5, 1.1, "x floor to encode", encode.toFloor()), atMost(none, 1, " allocations", encode.allocations()),
		atMost(1.5, 1.1, "x floor to decode", at{"Cookie, compact, decode", "ginsession"}.toFloor()))},
	{"a cookie alone, SecureCookie", list(
		atMost(1.3, none, "x floor to encode", at{"Cookie, securecookie, encode", "ginsession"}.toFloor()),
		atMost(1.3, none, "x floor to decode", at{"Cookie, securecookie, decode", "ginsession"}.toFloor()))},
	{"forged token cookie", list(
		atMost(1.3, 1, "x floor", forged.toFloor()), atMost(1, 0, " allocations", forged.allocations()), atMost(0, none, " queries", forged.queries()))},
	{"no cookie", list(
		atMost(0.2, none, "x floor of a forged one", nothing.to(at{"ForgedCookie, process", "floor-token-only"})),
		atMost(0, none, " allocations", nothing.allocations()))},
	{"store read", list(
		atMost(1.25, 1.1, "x floor", stored.toFloor()), atMost(60, 48, " allocations", stored.allocations()),
		atMost(1, none, " queries", stored.queries()), atMost(1, none, " trips", stored.trips()))},
	{"store read against peers", list(
		atLeast(2, 2.8, "x gin-contrib-gorm", stored.faster("gin-contrib-gorm")), atLeast(1.7, 2.1, "x scs-mysql", stored.faster("scs-mysql")),
		atLeast(1.1, 1.25, "x scs-mysql-interpolated", stored.faster("scs-mysql-interpolated")),
		atLeast(6, 8, "x better-auth-api", stored.faster("better-auth-api")))},
	{"store read against Redis", list(
		atMost(1.5, 1.2, "x the time of gin-contrib-redis", stored.to(redis)),
		atMost(1, none, "x its processor's time", stored.of(redis, "cpu-ns/op")))},
	{"refresh, its statement", list(
		atMost(1.15, 1.05, "x floor", touch.toFloor()), atMost(1, none, " queries", touch.queries()), atMost(1, none, " trips", touch.trips()),
		atLeast(none, 2, "x gorm", touch.faster("gorm")))},
	{"refresh, race lost: one UPDATE of nothing, one SELECT", list(
		atMost(none, 1.05, "x floor", lost.toFloor()), atMost(2, none, " queries", lost.queries()), atMost(2, none, " trips", lost.trips()))},
	{"create, its statement", list(
		atMost(1.15, 1.05, "x floor", create.toFloor()), atMost(1, none, " queries", create.queries()), atMost(1, none, " trips", create.trips()))},
	{"create and revoke, their statements", list(
		atMost(1.15, 1.05, "x floor", revoke.toFloor()), atMost(2, none, " queries", revoke.queries()), atMost(2, none, " trips", revoke.trips()))},
	{"list of 10, its statement", list(
		atMost(1.2, 1.05, "x floor", ofUser.toFloor()), atMost(180, 160, " allocations", ofUser.allocations()), atMost(1, none, " queries", ofUser.queries()))},
	{"growth from 10,000 sessions to 1,000,000", list(
		atMost(1.3, 1.1, "x to find one", grown("find")), atMost(1.3, 1.1, "x to list a user's", grown("list")))},
	{"purge, from 10,000 sessions to 1,000,000", list(
		atMost(3, none, "x for a turn of 500", grown("purge")),
		atMost(3, none, " ms when idle", func(r *results) float64 {
			return at{"Growth, 1000000, idle-purge", "ginsession"}.best(r, nanoseconds) / 1e6
		}))},
	{"500 at once, one session that is due", list(atMost(5, 3, " queries", at{"Herd, process", "ginsession-due"}.queries()))},
}

const (
	cachedRead    = "CachedRead, process"
	firstSeenRead = "CachedReadFirstSeen, process"
)

var (
	compact    = at{cachedRead, "ginsession-compact-untouched"}
	encrypted  = at{cachedRead, "ginsession-securecookie-untouched"}
	looked     = at{cachedRead, "ginsession-compact"}
	firstSeen  = at{firstSeenRead, "ginsession-compact"}
	getSession = at{"GetSession, process", "ginsession-compact"}
	encode     = at{"Cookie, compact, encode", "ginsession"}
	forged     = at{"ForgedCookie, process", "ginsession-compact"}
	nothing    = at{"NoCookie, process", "ginsession-compact"}
	stored     = at{"StoreRead, process", "ginsession"}
	redis      = at{"StoreRead, process", "gin-contrib-redis"}
	touch      = at{"Statement, touch", "ginsession"}
	lost       = at{"Statement, touch-lost", "ginsession"}
	create     = at{"Statement, create", "ginsession"}
	revoke     = at{"Statement, create-revoke", "ginsession"}
	ofUser     = at{"Statement, list", "ginsession"}
)

// issued is what the cookies of a sign-in take. The floor writes nothing else.
func issued(r *results) float64 {
	best := func(layer string) float64 { return at{"Issue, process", layer}.best(r, nanoseconds) }
	return (best("ginsession-compact") - best("ginsession-without-cookies")) / best("floor-by-hand")
}

// A budget is a path and what is measured of it.
type budget struct {
	path     string
	measures []measure
}

func list(measures ...measure) []measure { return measures }

// A measure is one number and its bounds. A gate is what must not be passed, a goal
// what the floors and peers say can be reached.
type measure struct {
	sign       string // of the bounds
	gate, goal float64
	unit       string
	of         figure
}

// A figure is a number of the results, NaN if they do not have it.
type figure func(*results) float64

// none is a bound that there is not.
const none = -1

func atMost(gate, goal float64, unit string, of figure) measure {
	return measure{"≤", gate, goal, unit, of}
}

func atLeast(gate, goal float64, unit string, of figure) measure {
	return measure{"≥", gate, goal, unit, of}
}

func (m measure) misses(bound, got float64) bool {
	return bound != none && (m.sign == "≤" && got > bound || m.sign == "≥" && got < bound)
}

// row is the budget in Markdown: bounds, figures, and whether these keep to those.
func (b budget) row(r *results) string {
	var gates, goals, ours, gatesMissed, goalsMissed []string
	known := 0
	for _, m := range b.measures {
		bound := func(all []string, bound float64) []string {
			if bound == none {
				return all
			}
			return append(all, fmt.Sprintf("%s %.4g%s", m.sign, bound, m.unit))
		}
		gates, goals = bound(gates, m.gate), bound(goals, m.goal)
		got := m.of(r)
		if math.IsNaN(got) {
			continue
		}
		known++
		text := fmt.Sprintf("%.3g%s", got, m.unit)
		ours = append(ours, text)
		if m.misses(m.gate, got) {
			gatesMissed = append(gatesMissed, text)
		}
		if m.misses(m.goal, got) {
			goalsMissed = append(goalsMissed, text)
		}
	}
	verdict := func(bounds, missed []string) string {
		switch {
		case len(bounds) == 0:
			return ""
		case len(missed) > 0:
			return "**missed**: " + strings.Join(missed, ", ")
		case known < len(b.measures):
			return "not all measured"
		}
		return "met"
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", b.path, strings.Join(gates, ", "), strings.Join(goals, ", "),
		strings.Join(ours, ", "), verdict(gates, gatesMissed), verdict(goals, goalsMissed))
}

// at is where a layer's figures stand.
type at struct{ group, layer string }

func (a at) find(r *results) *layer {
	for _, g := range r.groups {
		if g.name == a.group {
			return g.find(a.layer)
		}
	}
	return nil
}

func (a at) best(r *results, unit string) float64 {
	if l := a.find(r); l != nil {
		return l.best(unit)
	}
	return math.NaN()
}

// of is how many times as much of a unit a layer takes as another.
func (a at) of(other at, unit string) figure {
	return func(r *results) float64 { return a.best(r, unit) / other.best(r, unit) }
}

func (a at) to(other at) figure { return a.of(other, nanoseconds) }

func (a at) toFloor() figure {
	return func(r *results) float64 {
		if a.find(r) == nil {
			return math.NaN()
		}
		floor := r.group(a.group).floor()
		if floor == nil {
			return math.NaN()
		}
		return a.to(at{a.group, floor.name})(r)
	}
}

// faster is how many times as long a peer takes on the same path.
func (a at) faster(peer string) figure { return at{a.group, peer}.to(a) }

func (a at) median(unit string) figure {
	return func(r *results) float64 {
		if l := a.find(r); l != nil {
			return l.median(unit)
		}
		return math.NaN()
	}
}

func (a at) allocations() figure { return a.median("allocs/op") }
func (a at) queries() figure     { return a.median("queries/op") }
func (a at) trips() figure       { return a.median("trips/op") }

// grown is how many times as long something takes on the largest table.
func grown(op string) figure {
	return at{"Growth, 1000000, " + op, "ginsession"}.to(at{"Growth, 10000, " + op, "ginsession"})
}
