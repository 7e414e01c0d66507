package otelsession_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/detached"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/otelsession"
	"github.com/ginsession/ginsession/sessiontest"
)

// reading returns what makes one request of a signed-in browser, from the cookie cache
// or from a store in memory.
func reading(t testing.TB, observer ginsession.Observer, fromCookie bool) (ask func()) {
	sessions := sessiontest.NewManager(t, func(c *ginsession.Config) {
		c.CookieCache.Enabled, c.Observer, c.Logger = true, observer, everything.Log()
	})
	engine := gin.New()
	engine.Use(sessions.Middleware())
	cached := false
	engine.GET("/me", func(c *gin.Context) { cached = ginsession.From(c).Cached })
	r := httptest.NewRequest(http.MethodGet, "/me", nil)
	cookies := sessiontest.SignIn(t, sessions, "ada")
	everything.KeepCookies(cookies)
	if !fromCookie {
		cookies = tokenOnly(cookies)
	}
	cookies.AddTo(r)
	w := silent{http.Header{}}
	return func() {
		clear(w.header)
		if engine.ServeHTTP(w, r); cached != fromCookie {
			t.Fatalf("cached: %t", cached)
		}
	}
}

// recording is an Observer whose spans are recorded and exported to nobody.
func recording(t testing.TB) ginsession.Observer {
	observer, err := otelsession.New(newBackend(t).meters, trace.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	return observer
}

// A silent writer writes nothing, and allocates nothing.
type silent struct{ header http.Header }

func (w silent) Header() http.Header         { return w.header }
func (w silent) Write(p []byte) (int, error) { return len(p), nil }
func (w silent) WriteHeader(int)             {}

// What an Observer costs:
//
//	go test -run '^$' -bench . -count 10 . | benchstat -col /observed -
func BenchmarkRead(b *testing.B) {
	for _, from := range []string{"cookie", "store"} {
		for _, observed := range []string{"no", "yes"} {
			b.Run("from="+from+"/observed="+observed, func(b *testing.B) {
				var observer ginsession.Observer
				if observed == "yes" {
					observer = recording(b)
				}
				ask := reading(b, observer, from == "cookie")
				b.ReportAllocs()
				for b.Loop() {
					ask()
				}
			})
		}
	}
}

// A store that keeps deadlines is asked in the same way as without an Observer: with a
// context that nothing but its deadline ends.
func TestDeadlinesReachTheStore(t *testing.T) {
	config, _ := inMemory(t)
	b := newBackend(t)
	asked := deadlines{Store: config.Store}
	config.Store, config.Observer = &asked, b.observer()
	s := newService(t, b, config)
	s.ask("GET", "/me", s.ask("POST", "/sign-in/ada", nil, 200), 200)
	if !asked.detached {
		t.Error("the store was asked with a context that may end otherwise")
	}
}

type deadlines struct {
	ginsession.Store
	detached bool
}

func (d *deadlines) KeepsDeadlines() bool { return true }

func (d *deadlines) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	_, bounded := ctx.Deadline()
	d.detached = bounded && detached.Only(ctx)
	return d.Store.Find(ctx, token)
}
