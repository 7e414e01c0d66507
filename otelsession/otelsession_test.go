package otelsession_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/otelsession"
	"github.com/ginsession/ginsession/sessiontest"
)

// A story of which every metric is known.
func TestMetricsCountWhatHappens(t *testing.T) {
	for _, place := range places {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t)
			clock := sessiontest.NewClock(time.Now())
			config, away := place.open(t)
			config.Observer, config.Now = b.observer(), clock.Now
			config.CookieCache = ginsession.CookieCache{Enabled: true, NoFeed: true}
			s := newService(t, b, config)

			ada := s.ask("POST", "/sign-in/ada", nil, 200) // reads for Middleware, too
			bob := s.ask("POST", "/sign-in/bob", nil, 200)
			for range 3 {
				s.ask("GET", "/me", ada, 200)
			}
			s.ask("GET", "/me", tokenOnly(ada), 200)
			s.ask("GET", "/api/auth/list-sessions", ada, 200) // from the store
			s.ask("GET", "/open", nil, 200)
			s.ask("GET", "/me", sessiontest.Cookies{{Name: "better-auth.session_token", Value: strings.Repeat("x", 32) + "." + strings.Repeat("A", 43) + "%3D"}}, 401)

			if ended, err := s.sessions.RevokeAll(t.Context(), "bob"); ended != 1 || err != nil {
				t.Errorf("ended %d, %v", ended, err)
			}
			s.ask("GET", "/me", bob, 401) // its copy is doubted, the store says no

			clock.Advance(25 * time.Hour)
			s.ask("GET", "/me", ada, 200) // and refreshed
			s.ask("POST", "/api/auth/sign-out", ada, 200)

			gone := s.ask("POST", "/sign-in/ada", nil, 200)
			clock.Advance(8 * 24 * time.Hour)
			s.ask("GET", "/me", gone, 401) // expired, and deleted

			left, leave := context.WithCancel(t.Context())
			leave()
			s.askAs(left, "GET", "/me", tokenOnly(ada), 503)

			away()
			s.ask("GET", "/me", tokenOnly(ada), 503)

			call := func(name, more, n string) string {
				return "store.duration{db.operation.name=" + name + place.system + more + "} " + n
			}
			expectAll(t, "metrics", b.counts(), []string{
				"read.duration{ginsession.read.outcome=client_left,ginsession.read.source=store} 1",
				"read.duration{ginsession.read.outcome=none,ginsession.read.source=none} 4",
				"read.duration{ginsession.read.outcome=refused,ginsession.read.source=none} 1",
				"read.duration{ginsession.read.outcome=refused,ginsession.read.source=store} 2",
				"read.duration{ginsession.read.outcome=session,ginsession.read.source=cookie_cache} 3",
				"read.duration{ginsession.read.outcome=session,ginsession.read.source=store} 3",
				"read.duration{ginsession.read.outcome=store_failed,ginsession.read.source=store} 1",
				"request.rejected{ginsession.reason=bad signature} 1",
				"request.rejected{ginsession.reason=expired} 1",
				"request.rejected{ginsession.reason=unknown session} 1",
				"session.created{} 3",
				"session.ended{ginsession.reason=expired} 1",
				"session.ended{ginsession.reason=revoked by application} 1",
				"session.ended{ginsession.reason=signed out} 1",
				"session.refreshed{} 1",
				call("create", "", "3"),
				call("find", "", "8"), // 3 by sign-ins, 5 by reads
				call("find", ",error.type="+place.failure, "1"),
				call("list", "", "1"),
				call("revoke", "", "3"),
				call("touch", "", "1"),
			})
			if lags := b.lags(); len(lags) > 0 {
				t.Errorf("lags without a feed: %v", lags)
			}
		})
	}
}

func TestSpansAreTheCallsOfTheStore(t *testing.T) {
	for _, place := range places {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t)
			clock := sessiontest.NewClock(time.Now())
			config, away := place.open(t)
			config.Observer, config.Now = b.observer(attribute.String("ginsession.manager", "web")), clock.Now
			config.CookieCache = ginsession.CookieCache{Enabled: true, NoFeed: true}
			s := newService(t, b, config)
			call := func(name, more string) string {
				return "request > ginsession.store." + name + " client db.operation.name=" + name + strings.Replace(place.system, ",", " ", 1) + more + " ginsession.manager=web"
			}
			const request = " > request internal"

			ada := s.ask("POST", "/sign-in/ada", nil, 200)
			expect(t, "sign-in", b.ended(), []string{call("create", ""), call("find", ""), request})
			s.ask("GET", "/me", ada, 200)
			expect(t, "cached read", b.ended(), []string{request})
			s.ask("GET", "/me", tokenOnly(ada), 200)
			expect(t, "store read", b.ended(), []string{call("find", ""), request})
			clock.Advance(25 * time.Hour)
			s.ask("GET", "/api/auth/get-session", ada, 200)
			expect(t, "refresh", b.ended(), []string{call("find", ""), call("touch", ""), request})
			s.ask("POST", "/api/auth/sign-out", ada, 200)
			expect(t, "sign-out", b.ended(), []string{call("revoke", ""), request})
			s.ask("GET", "/me", tokenOnly(ada), 401)
			expect(t, "no such session, which is an answer", b.ended(), []string{call("find", ""), request})
			away()
			s.ask("GET", "/me", tokenOnly(ada), 503)
			expect(t, "store away", b.ended(), []string{call("find", " error.type="+place.failure) + " Error: " + place.failure, request})
		})
	}
}

// What goes wrong is told in one of few words.
func TestErrorsAreToldByTheirType(t *testing.T) {
	t.Run("a table is missing", func(t *testing.T) {
		b := newBackend(t)
		config, _ := inMariaDB(t)
		config.Observer = b.observer()
		s := newService(t, b, config)
		ada := s.ask("POST", "/sign-in/ada", nil, 200)
		if err := config.DB.Exec("DROP TABLE session").Error; err != nil {
			t.Fatal(err)
		}
		b.ended()
		s.ask("GET", "/me", ada, 503)
		expect(t, "spans", b.ended(), []string{
			"request > ginsession.store.find client db.operation.name=find db.response.status_code=1146 db.system.name=mysql error.type=configuration Error: configuration",
			" > request internal",
		})
	})
	for _, kind := range []string{"timeout", "canceled"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBackend(t)
				config, _ := inMemory(t)
				config.Observer = b.observer()
				s := newService(t, b, config)
				ada := s.ask("POST", "/sign-in/ada", nil, 200)
				config.Store.(*sessiontest.Store).Before(func(ctx context.Context, _ string) error {
					if kind == "canceled" {
						return context.Canceled
					}
					<-ctx.Done()
					return ctx.Err()
				})
				s.ask("GET", "/me", ada, 503)
				synctest.Wait() // the call ends beside the request
				if got, want := b.counts(), "store.duration{db.operation.name=find,error.type="+kind+"} 1"; !slices.Contains(got, want) {
					t.Errorf("no %s in %q", want, got)
				}
			})
		})
	}
}

// Of two reads at the same time one asks, and the other says that it waited.
func TestSharedReadsAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t)
		config, _ := inMemory(t)
		config.Observer = b.observer()
		s := newService(t, b, config)
		ada := s.ask("POST", "/sign-in/ada", nil, 200)
		b.ended()

		questions, answer := 0, make(chan struct{})
		config.Store.(*sessiontest.Store).Before(func(context.Context, string) error {
			questions++
			<-answer
			return nil
		})
		var reads sync.WaitGroup
		for range 2 {
			reads.Go(func() { s.ask("GET", "/me", ada, 200) })
			synctest.Wait() // until it waits for the answer
		}
		close(answer)
		reads.Wait()
		if questions != 1 {
			t.Errorf("the store was asked %d times, want once", questions)
		}

		expectAll(t, "spans", b.ended(), []string{
			"request > ginsession.store.find client db.operation.name=find",
			"request > ginsession.read.shared internal ginsession.read.outcome=session ginsession.read.source=shared",
			" > request internal",
			" > request internal",
		})
		counts := strings.Join(b.counts(), "\n")
		for _, source := range []string{"store", "shared"} {
			if want := "read.duration{ginsession.read.outcome=session,ginsession.read.source=" + source + "} 1"; !strings.Contains(counts, want) {
				t.Errorf("got %s, want %s", counts, want)
			}
		}
	})
}

func TestFeedLag(t *testing.T) {
	b := newBackend(t)
	config, _ := inMariaDB(t)
	schema := models.Schema{Feed: true}
	if err := schema.Migrate(t.Context(), config.DB); err != nil {
		t.Fatal(err)
	}
	config.CookieCache.Enabled, config.CookieCache.MaxLag = true, 200*time.Millisecond
	config.Observer = b.observer()
	s := newService(t, b, config)
	ada := s.ask("POST", "/sign-in/ada", nil, 200)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		lag, ok := b.lags()[""]
		if !ok {
			t.Fatal("no lag")
		}
		if lag > 0 && lag < 0.2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the lag is %v", lag)
		}
	}
	s.ask("GET", "/me", ada, 200)
	s.sessions.Close()
	if lags := b.lags(); len(lags) > 0 {
		t.Errorf("after Close: %v", lags)
	}
}

// Managers share an Observer, or have one each with an attribute.
func TestTwoManagers(t *testing.T) {
	serve := func(b *backend, observer ginsession.Observer) *service {
		config, _ := inMemory(t)
		config.Observer = observer
		return newService(t, b, config)
	}
	begin := func(first, second *service) {
		first.ask("POST", "/sign-in/ada", nil, 200)
		second.ask("POST", "/sign-in/ada", nil, 200)
		second.ask("POST", "/sign-in/bob", nil, 200)
	}
	t.Run("one Observer", func(t *testing.T) {
		b := newBackend(t)
		observer := b.observer()
		begin(serve(b, observer), serve(b, observer))
		if got := strings.Join(b.counts(), "\n"); !strings.Contains(got, "session.created{} 3") {
			t.Error(got)
		}
	})
	t.Run("one each", func(t *testing.T) {
		b := newBackend(t)
		named := func(name string) ginsession.Observer { return b.observer(attribute.String("ginsession.manager", name)) }
		begin(serve(b, named("one")), serve(b, named("two")))
		got := strings.Join(b.counts(), "\n")
		for _, want := range []string{"session.created{ginsession.manager=one} 1", "session.created{ginsession.manager=two} 2"} {
			if !strings.Contains(got, want) {
				t.Errorf("no %s in %s", want, got)
			}
		}
	})
}

// Without providers of its own an Observer uses the global ones, which need not be set.
func TestGlobalProviders(t *testing.T) {
	observer, err := otelsession.New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	config, _ := inMemory(t)
	config.Observer = observer
	s := newService(t, newBackend(t), config)
	s.ask("GET", "/me", s.ask("POST", "/sign-in/ada", nil, http.StatusOK), http.StatusOK)
}
