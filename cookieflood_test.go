package ginsession_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cookiecache"
)

// SR-70, SR-72: what a request costs, all the way through Middleware, is bounded
// whatever stands in its Cookie header. The price of a request without cookies
// is what the hostile ones are compared with, or that of one with a dead session
// where they bring one: on top of it come a handful of allocations and a few KiB.
// Only of a copy that is within the limits is more made: SecureCookie decodes it
// for each secret before its MAC tells.
//
// Allocations are exact where no store is asked. How long it takes has only an
// absolute bound, far beyond what any machine needs.
func TestSR70_HostileCookieHeadersAreCheap(t *testing.T) {
	const (
		kib        = 1 << 10
		fullHeader = 64 * kib
	)
	token := strings.Repeat("A", 32)
	forged := token + "." + strings.Repeat("A", 43) + "%3D"
	fill := func(prefix string) string { return prefix + strings.Repeat("x", fullHeader-len(prefix)) }
	// A copy is only looked at beside a session cookie that verifies.
	good := tokenCookie + "=" + sign(secret, token) + "; "
	chunks := func(size int) string {
		header := good
		for i := range 8 {
			header += dataCookie + "." + string(rune('0'+i)) + "=" + strings.Repeat("A", size) + "; "
		}
		return header[:len(header)-2]
	}
	const pairs = 199 // and one to spare

	tests := []struct {
		name   string
		header string
		allocs float64 // at most, beyond those of a request without cookies
		bytes  uint64
	}{
		// Beyond the limits nothing is looked at.
		{"10,000 cookies", strings.Repeat("a=1; ", 10_000), 0, kib},
		{"10,000 of ours", strings.Repeat(tokenCookie+"="+forged+"; ", 10_000), 0, kib},
		{"10,000 chunks", strings.Repeat(dataCookie+".0=x; ", 10_000), 0, kib},
		{"10,000 device cookies", strings.Repeat(tokenCookie+"_multi-a=b.c; ", 10_000), 0, kib},
		{"10,000 semicolons", strings.Repeat(";", 10_000), 0, kib},
		{"64 KiB and a byte", fill("a=") + "x", 0, kib},
		// Within them a foreign cookie costs nothing, and ours what its kind is
		// worth: names to expire, a copy to be opened, signatures to be made.
		{"64 KiB of one cookie", fill("a="), 0, kib},
		{"64 KiB without =", fill("a"), 0, kib},
		{"64 KiB of one name", fill("")[1:] + "=", 0, kib},
		{"64 KiB of a session cookie", fill(tokenCookie + "="), 0, kib},
		{"64 KiB of a forged one", fill(tokenCookie + "=")[:fullHeader-len(forged)] + forged, 0, kib},
		{"64 KiB of escapes", fill(tokenCookie + "=")[:len(tokenCookie)+1] + strings.Repeat("%41", 21_000), 0, kib},
		{"64 KiB of a marker", fill(markerCookie + "="), 0, kib},
		{"64 KiB of a copy", fill(good + dataCookie + "="), 12, 4 * kib},
		{"the longest copy that is looked at", good + dataCookie + "=" + strings.Repeat("A", cookiecache.MaxValue), 32, 192 * kib},
		{"64 KiB of chunks", chunks(8*kib - 64), 40, 8 * kib},
		{"the most chunks that are looked at", chunks(cookiecache.MaxValue / 8), 56, 224 * kib},
		{"session cookies", strings.Repeat(tokenCookie+"="+forged+"; ", pairs), 5, 32 * kib},
		{"markers", strings.Repeat(markerCookie+"="+forged+"; ", pairs), 5, 32 * kib},
		{"copies", strings.Repeat(dataCookie+"=x; ", pairs), 10, 40 * kib},
		{"device cookies", strings.Repeat(tokenCookie+"_multi-"+strings.ToLower(token)+"="+forged+"; ", pairs), 14, 64 * kib},
	}
	for name, config := range map[string]func(*ginsession.Config){
		"cache off": func(*ginsession.Config) {},
		"securecookie, devices, bearer": func(c *ginsession.Config) {
			c.CookieCache.Enabled, c.MultiSession.Enabled, c.Bearer.Enabled = true, true, true
			c.OldSecrets = []string{oldSecret, secret + "2", secret + "3", secret + "4"}
		},
		"compact": strategy(cookiecache.Compact), "jwt": strategy(cookiecache.JWT), "jwe": strategy(cookiecache.JWE),
	} {
		s := serve(t, config)
		bare, signedIn := measured(s, ""), measured(s, good)
		for _, tt := range tests {
			s.store.reset()
			base, questions := bare, 0
			if strings.HasPrefix(tt.header, good) {
				base, questions = signedIn, 1+2*runs
			}
			got := measured(s, tt.header)
			if poolsForget {
				base.allocs, base.bytes = base.allocs+64, base.bytes+16*kib
			}
			if got.allocs > base.allocs+tt.allocs || got.bytes > base.bytes+tt.bytes {
				t.Errorf("%s, %s: %.0f allocations and %d bytes beyond %.0f and %d", name, tt.name, got.allocs-base.allocs, int64(got.bytes)-int64(base.bytes), base.allocs, base.bytes)
			}
			if got.time > time.Second {
				t.Errorf("%s, %s: %v for one request", name, tt.name, got.time)
			}
			if n := s.store.count(""); n != questions {
				t.Errorf("%s, %s: %d questions to the store, want %d", name, tt.name, n, questions)
			}
		}
	}
}

func strategy(s cookiecache.Strategy) func(*ginsession.Config) {
	return func(c *ginsession.Config) { c.CookieCache.Enabled, c.CookieCache.Strategy = true, s }
}

type price struct {
	allocs float64
	bytes  uint64
	time   time.Duration
}

const runs = 20

// measured is what one request to an open route costs on average.
func measured(s *service, cookie string) price {
	r := httptest.NewRequest(http.MethodGet, "/open", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := &discarder{header: http.Header{}}
	run := func() {
		clear(w.header)
		s.engine.ServeHTTP(w, r)
	}
	p := price{allocs: testing.AllocsPerRun(runs, run)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	for range runs {
		run()
	}
	p.time = time.Since(began) / runs
	runtime.ReadMemStats(&after)
	p.bytes = (after.TotalAlloc - before.TotalAlloc) / runs
	return p
}

// discarder is a ResponseWriter that keeps nothing.
type discarder struct {
	header http.Header
	io.Writer
}

func (d *discarder) Header() http.Header         { return d.header }
func (d *discarder) Write(p []byte) (int, error) { return len(p), nil }
func (d *discarder) WriteHeader(int)             {}
