package bench

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/ginsession/ginsession/cookiecache"
)

// budgets are what a request costs: how often it allocates at least, with Go 1.26
// and the versions of go.mod, and its queries, each of one round trip. Whoever makes a path
// cheaper lowers its numbers; whoever must raise one says why in the commit. Times
// are nobody's to assert: see docs/performance.md.
var budgets = []struct {
	path        string
	allocations int
	queries     int
	open        func(testing.TB) *exchange
}{
	{"cached read, Compact", 2, 0, cachedExchange(cookiecache.Compact, "/untouched")},
	{"cached read, SecureCookie", 2, 0, cachedExchange(cookiecache.SecureCookie, "/untouched")},
	{"cached read, Compact, and From", 2, 0, cachedExchange(cookiecache.Compact, "/me")},
	{"cached read, SecureCookie, and From", 2, 0, cachedExchange(cookiecache.SecureCookie, "/me")},
	{"get-session from the cookie, Compact", 3, 0, cachedExchange(cookiecache.Compact, "/api/auth/get-session")},
	{"get-session from the cookie, SecureCookie", 3, 0, cachedExchange(cookiecache.SecureCookie, "/api/auth/get-session")},
	{"issuing cookies, Compact", 33, 2, signInExchange(cachedSite(cookiecache.Compact))},           // of a store in memory
	{"issuing cookies, SecureCookie", 51, 2, signInExchange(cachedSite(cookiecache.SecureCookie))}, // likewise
	{"no cookie", 2, 0, refusedExchange(withoutCookies)},
	{"forged cookie", 2, 0, refusedExchange(forged)},
	{"store read", 53, 1, readExchange(storedSite)},
	{"refresh", 88, 2, readExchange(renewingSite)},                                 // SELECT, UPDATE
	{"refresh that another was faster in", 123, 3, readExchange(losingSite)},       // SELECT, UPDATE of nothing, SELECT
	{"sign-in", 102, 2, signInExchange(storedSite)},                                // INSERT, and a SELECT that proves that there is a user
	{"sign-out", 44, 1, signOutExchange},                                           // DELETE
	{"revoke another session by its token", 85, 2, revokeExchange(false)},          // who asks; DELETE
	{"revoke another session by its handle", notAsserted, 3, revokeExchange(true)}, // and the user's tokens
	{"list of 10", 267, 2, listExchange},                                           // who asks; the list
}

// An exchange is one request that can be made again and again.
type exchange struct {
	site *site
	ask  func() int
	want int
	// ready prepares the next n requests, where each needs a session of its own.
	ready func(n int)
}

func TestBudgets(t *testing.T) {
	for _, tt := range budgets {
		t.Run(tt.path, func(t *testing.T) {
			e := tt.open(t)
			ask := func() {
				if got := e.ask(); got != e.want {
					t.Fatalf("status %d, want %d", got, e.want)
				}
			}
			ready := func(n int) {
				if e.ready != nil {
					e.ready(n)
				}
			}

			const n = 5
			var got asked
			if e.site.counter != nil { // which leaves one connection, that stays
				ready(2 * n)
				got = e.site.counter.count(t, func() {
					for range n {
						ask()
					}
				})
			}
			if want := (asked{n * tt.queries, n * tt.queries}); got != want {
				t.Errorf("%d requests made %d queries in %d round trips, want %d and %d", n, got.queries, got.trips, want.queries, want.trips)
			}

			if raceDetector || tt.allocations == notAsserted {
				return
			}
			switch least, median := allocations(tt.allocations, ask, ready); {
			case least > tt.allocations:
				t.Errorf("%d allocations, want %d", least, tt.allocations)
			case median < tt.allocations-tt.allocations/10: // fewer may be luck: of which goroutine comes first
				t.Errorf("%d allocations, want %d: lower the number", median, tt.allocations)
			}
		})
	}
}

// allocations is how often a request allocates, at least and as a rule. Whatever
// else goes on in the process can only add to that, and one request in two or in
// ten goes without: there are enough of them for want to be met if it can be.
func allocations(want int, ask func(), ready func(int)) (least, median int) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which empties pools
	var counts []int
	for len(counts) < 50 || slices.Min(counts) > want && len(counts) < 500 {
		ready(2) // AllocsPerRun warms up
		counts = append(counts, int(testing.AllocsPerRun(1, ask)))
	}
	slices.Sort(counts)
	return counts[0], counts[len(counts)/2]
}

// notAsserted: there are as many as the user has sessions.
const notAsserted = -1

func readExchange(open func(testing.TB) *site) func(testing.TB) *exchange {
	return func(tb testing.TB) *exchange {
		s := open(tb)
		q, want := s.read(signedIn(tb, s))
		c := newCaller(s.handler, q)
		return &exchange{site: s, want: want, ask: func() int {
			if s.later != nil {
				s.later()
			}
			return c.do()
		}}
	}
}

func cachedExchange(strategy cookiecache.Strategy, path string) func(testing.TB) *exchange {
	return readExchange(func(tb testing.TB) *site {
		s := cachedSite(strategy)(tb)
		s.me.path = path
		if path == "/api/auth/get-session" {
			s.meWant = http.StatusOK
		}
		return s
	})
}

// refusedExchange asks a store for nothing: it fails if it is.
func refusedExchange(cookies func(string) string) func(testing.TB) *exchange {
	return func(tb testing.TB) *exchange {
		s := storedSite(tb)
		q, _ := s.read(cookies(signedIn(tb, s)))
		return &exchange{site: s, want: http.StatusUnauthorized, ask: newCaller(s.handler, q).do}
	}
}

func signInExchange(open func(testing.TB) *site) func(testing.TB) *exchange {
	return func(tb testing.TB) *exchange {
		s := open(tb)
		q := question{method: http.MethodPost, path: "/sign-in"}
		return &exchange{site: s, want: http.StatusNoContent, ask: newCaller(s.handler, q).do}
	}
}

func signOutExchange(tb testing.TB) *exchange {
	s := storedSite(tb)
	var visitors []string
	c := newCaller(s.handler, question{method: http.MethodPost, path: "/api/auth/sign-out", cookies: signedIn(tb, s)})
	return &exchange{site: s, want: http.StatusOK, ready: func(n int) {
		for range n {
			visitors = append(visitors, signedIn(tb, s))
		}
	}, ask: func() int {
		c.present(visitors[0])
		visitors = visitors[1:]
		return c.do()
	}}
}

// revokeExchange ends other sessions of the same user.
func revokeExchange(byHandle bool) func(testing.TB) *exchange {
	return func(tb testing.TB) *exchange {
		s := storedSite(tb)
		own := signedIn(tb, s)
		var callers []*caller
		return &exchange{site: s, want: http.StatusOK, ready: func(n int) {
			var names []string
			for range n {
				token, _, _ := strings.Cut(strings.TrimPrefix(signedIn(tb, s), tokenCookie), ".")
				names = append(names, token)
			}
			if byHandle {
				names = handles(tb, s, own)
			}
			for _, name := range names {
				q := question{method: http.MethodPost, path: "/api/auth/revoke-session", cookies: own, body: `{"token":"` + name + `"}`}
				callers = append(callers, newCaller(s.handler, q))
			}
		}, ask: func() int {
			c := callers[0]
			callers = callers[1:]
			return c.do()
		}}
	}
}

// handles are what a page knows of its user's other sessions.
func handles(tb testing.TB, s *site, cookies string) (all []string) {
	tb.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, question{method: http.MethodGet, path: "/api/auth/list-sessions", cookies: cookies}.request())
	var listed []struct{ Token string }
	if err := json.Unmarshal(w.Body.Bytes(), &listed); err != nil {
		tb.Fatal(err)
	}
	w = httptest.NewRecorder()
	s.handler.ServeHTTP(w, question{method: http.MethodGet, path: "/api/auth/get-session", cookies: cookies}.request())
	for _, session := range listed {
		if !strings.Contains(w.Body.String(), session.Token) {
			all = append(all, session.Token)
		}
	}
	return all
}

func listExchange(tb testing.TB) *exchange {
	s := storedSite(tb)
	for range 9 {
		signedIn(tb, s)
	}
	q := question{method: http.MethodGet, path: "/api/auth/list-sessions", cookies: signedIn(tb, s)}
	return &exchange{site: s, want: http.StatusOK, ask: newCaller(s.handler, q).do}
}
