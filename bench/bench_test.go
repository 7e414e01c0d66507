package bench

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ginsession/ginsession/cookiecache"
)

// One function for each path. Names are benchstat's keys: layer, and via, which is
// process (a handler is called) or loopback (16 connections over HTTP, so that the
// time is what a request costs both sides under load). Ratios are to the layer whose
// name begins with floor.

// Layers that ask no server.
var cookieLayers = []layer{
	{"gin-empty", byHand(nothing)},
	{"token-only", byHand(checkToken)},
	{"floor-2hmac-base64", byHand(checkCompact)},
	{"ginsession-compact-untouched", untouched(cachedSite(cookiecache.Compact))},
	{"ginsession-compact", cachedSite(cookiecache.Compact)},
	{"ginsession-securecookie-untouched", untouched(cachedSite(cookiecache.SecureCookie))},
	{"ginsession-securecookie", cachedSite(cookiecache.SecureCookie)},
	{"ginsession-jwt", cachedSite(cookiecache.JWT)},
	{"ginsession-jwe", cachedSite(cookiecache.JWE)},
	{"securecookie-nop", secureCookieNop},
	{"securecookie-json", secureCookieJSON},
	{"golang-jwt", golangJWT},
	{"gin-jwt", ginJWT},
	{"gin-contrib-cookie", ginContribCookie},
	{"gorilla-cookie", gorillaCookie},
	{"better-auth-compact", betterAuth("compact")},
}

// Layers that ask a store.
var storeLayers = []layer{
	{"floor-token-sql", storeByHand(false, false)},
	{"ginsession", storedSite},
	{"gin-contrib-gorm", ginContribGORM(false)},
	{"gin-contrib-gorm-tuned", ginContribGORM(true)},
	{"gin-contrib-redis", ginContribRedis},
	{"scs-mysql", scsMySQL(false)},
	{"scs-mysql-interpolated", scsMySQL(true)},
	{"scs-redis", scsRedis},
	{"scs-memory", scsMemory},
	{"better-auth", betterAuth("off")},
}

// untouched is a site that loads sessions for handlers that do not look at them.
func untouched(open func(testing.TB) *site) func(testing.TB) *site {
	return func(tb testing.TB) *site {
		s := open(tb)
		s.me.path = "/untouched"
		return s
	}
}

// remote layers run in a process of their own and are asked over loopback only.
func remote(l layer) bool { return strings.HasPrefix(l.name, "better-auth") }

// local are the layers that are not.
func local(layers []layer) []layer { return slices.DeleteFunc(slices.Clone(layers), remote) }

// peersOf are the layers that are neither ours nor floors.
func peersOf(layers []layer) (peers []layer) {
	for _, l := range layers {
		if l.name != "floor-token-sql" && l.name != "ginsession" {
			peers = append(peers, l)
		}
	}
	return peers
}

// floorIs makes the named layer the floor, and leaves out what does not tell a
// session from none.
func floorIs(name string, some ...[]layer) []layer {
	var all []layer
	for _, l := range slices.Concat(some...) {
		switch l.name {
		case name:
			all = append(all, layer{"floor-" + name, l.open})
		case "gin-empty", "ginsession-compact-untouched", "ginsession-securecookie-untouched", "better-auth-compact", "better-auth":
		case "floor-2hmac-base64", "floor-token-sql":
			all = append(all, layer{l.name[len("floor-"):], l.open})
		default:
			all = append(all, l)
		}
	}
	return all
}

func asSignedIn(cookies string) string { return cookies }

func withoutCookies(string) string { return "" }

func BenchmarkCachedRead(b *testing.B) {
	read(b, cookieLayers, asSignedIn, 0)
	betterAuthAPI(b, "compact")
}

// A handler of ours answers from the copy in the cookie.
func BenchmarkGetSession(b *testing.B) {
	layers := []layer{{"floor-2hmac-base64", byHand(checkCompact)}}
	for _, strategy := range []cookiecache.Strategy{cookiecache.Compact, cookiecache.SecureCookie} {
		layers = append(layers, layer{"ginsession-" + strategy.String(), func(tb testing.TB) *site {
			s := cachedSite(strategy)(tb)
			s.me.path, s.meWant = "/api/auth/get-session", http.StatusOK
			return s
		}})
	}
	read(b, append(layers, layer{"better-auth-compact", betterAuth("compact")}), asSignedIn, 0)
}

func BenchmarkNoCookie(b *testing.B) {
	read(b, floorIs("gin-empty", cookieLayers, storeLayers), withoutCookies, http.StatusUnauthorized)
}

// Issuing cookies is what a sign-in without a store does, and beside ours there is
// one that issues none. What was issued is read once.
func BenchmarkIssue(b *testing.B) {
	layers := []layer{{"floor-by-hand", issuedByHand}}
	for _, l := range local(cookieLayers) {
		switch l.name {
		case "gin-empty", "token-only", "floor-2hmac-base64", "ginsession-compact-untouched", "ginsession-securecookie-untouched":
		default:
			layers = append(layers, l)
		}
	}
	signIn(b, layers)
	b.Run("layer=ginsession-without-cookies/via=process", func(b *testing.B) {
		s := cachedSite(cookiecache.Compact)(b)
		repeat(b, s, newCaller(s.handler, question{method: http.MethodPost, path: "/create"}), http.StatusNoContent, nil)
	})
}

// Some peers ask their store for what anybody can make up.
func BenchmarkForgedCookie(b *testing.B) {
	read(b, floorIs("token-only", cookieLayers, storeLayers), forged, http.StatusUnauthorized)
}

func BenchmarkStoreRead(b *testing.B) {
	read(b, storeLayers, asSignedIn, 0)
	betterAuthAPI(b, "off")
}

// Each cookie is one that this process sees for the first time.
func BenchmarkCachedReadFirstSeen(b *testing.B) {
	for _, l := range local(cookieLayers) {
		if l.name == "gin-empty" || l.name == "token-only" {
			continue // more would sign in than can be waited for
		}
		b.Run("layer="+l.name+"/via=process", func(b *testing.B) {
			s := l.open(b)
			q, want := s.read(signedIn(b, s))
			eachOnce(b, s, newCaller(s.handler, q), want)
		})
	}
}

// Signing out ends the session in the store.
func BenchmarkRevoke(b *testing.B) {
	for _, l := range local(storeLayers) {
		b.Run("layer="+l.name+"/via=process", func(b *testing.B) {
			s := l.open(b)
			q, want := question{method: http.MethodPost, path: "/sign-out", cookies: signedIn(b, s)}, http.StatusNoContent
			if l.name == "ginsession" { // its own route, for which Middleware reads nothing first
				q.path, want = "/api/auth/sign-out", http.StatusOK
			}
			eachOnce(b, s, newCaller(s.handler, q), want)
			gone := signedIn(b, s)
			q.cookies = gone
			s.ask(b, q)
			s.check(b, gone, false)
		})
	}
}

// Each read renews the session; the peers that can save it anew.
func BenchmarkRefresh(b *testing.B) {
	for _, l := range local(append([]layer{
		{"floor-token-sql", storeByHand(true, false)},
		{"ginsession", renewingSite},
		{"ginsession-race-lost", losingSite},
	}, peersOf(storeLayers)...)) {
		b.Run("layer="+l.name+"/via=process", func(b *testing.B) {
			s := l.open(b)
			q, want := s.read(signedIn(b, s))
			if s.later == nil {
				q.method, q.path = http.MethodPost, "/save"
			}
			repeat(b, s, newCaller(s.handler, q), want, s.later)
		})
	}
}

func BenchmarkSignIn(b *testing.B) { signIn(b, local(storeLayers)) }

// The peers have no lists of one user's sessions.
func BenchmarkList(b *testing.B) {
	for _, l := range []layer{
		{"floor-token-sql", storeByHand(false, false)},
		{"ginsession", func(tb testing.TB) *site {
			s := storedSite(tb)
			s.me.path = "/api/auth/list-sessions"
			return s
		}},
	} {
		b.Run("layer="+l.name+"/via=process", func(b *testing.B) {
			s := l.open(b)
			for range 9 {
				signedIn(b, s)
			}
			q, _ := s.read(signedIn(b, s))
			if q.path == "/me" {
				q.path = "/list"
			}
			repeat(b, s, newCaller(s.handler, q), http.StatusOK, nil)
		})
	}
}

// 500 requests at once for one session that is in nobody's memory. queries/op is
// what the herd asked in all; it is no constant, for late ones find no flight.
func BenchmarkHerd(b *testing.B) {
	const herd = 500
	for _, l := range local(append([]layer{
		{"floor-singleflight", storeByHand(false, true)},
		{"by-hand", storeByHand(false, false)},
		{"ginsession", storedSite},
		{"ginsession-due", renewingSite},
	}, peersOf(storeLayers)...)) {
		b.Run("layer="+l.name+"/via=process", func(b *testing.B) {
			s := l.open(b)
			q, want := s.read(signedIn(b, s))
			var callers [herd]*caller
			for i := range callers {
				callers[i] = newCaller(s.handler, q)
			}
			run := func() {
				if s.later != nil {
					s.later()
				}
				var all sync.WaitGroup
				for _, c := range callers {
					all.Go(func() {
						if got := c.do(); got != want {
							b.Errorf("status %d, want %d", got, want)
						}
					})
				}
				all.Wait()
			}
			run()
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
			reportAsked(b, s.counter, run)
		})
	}
}
