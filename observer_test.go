package ginsession_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// An observer writes down what it is told, in words.
type observer struct {
	mu   sync.Mutex
	told []string
}

func (o *observer) tell(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told = append(o.told, fmt.Sprintf(format, args...))
}

func (o *observer) Start(sessions *ginsession.Manager) func() {
	o.tell("start, lag %v", sessions.FeedLag())
	return func() { o.tell("stop") }
}

func (o *observer) Store(store ginsession.Store) ginsession.Store { return observedFind{store, o} }

func (o *observer) Read(_ context.Context, read ginsession.Read) {
	if read.Took <= 0 || read.Took > time.Minute {
		o.tell("a read took %v", read.Took)
	}
	o.tell("%v from %v", read.Outcome, read.Source)
}

func (o *observer) Event(_ context.Context, event ginsession.Event) {
	o.tell("%s %s", event.Kind, event.Reason)
}

type observedFind struct {
	ginsession.Store
	observer *observer
}

func (s observedFind) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	s.observer.tell("find")
	return s.Store.Find(ctx, token)
}

// since returns what was told since the last call.
func (o *observer) since() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	told := o.told
	o.told = nil
	return told
}

func TestObserverIsToldAtOnce(t *testing.T) {
	t.Parallel()
	o := &observer{}
	s := serve(t, cached, func(c *ginsession.Config) { c.Observer = o })
	expect := func(what string, want ...string) {
		t.Helper()
		if got := o.since(); !slices.Equal(got, want) {
			t.Errorf("%s: told %q, want %q", what, got, want)
		}
	}
	expect("New", "start, lag 0s")
	ada := s.signedIn("ada")
	expect("sign-in", "none from none", "find", "created ")
	ada.get("/me")
	expect("cached read", "session from cookie_cache")
	ada.get("/store")
	expect("confirmed", "session from cookie_cache", "find", "session from store")
	s.withCookies(tokenCookie + "=" + sign(oldSecret, ada.token())).get("/me")
	expect("forged", "rejected bad signature", "refused from none")
	s.advance(25 * time.Hour)
	ada.get("/api/auth/get-session")
	expect("refresh", "find", "refreshed ", "session from store")
	s.down()
	s.withCookies(tokenCookie + "=" + ada.cookie(tokenCookie)).get("/me")
	expect("store down", "find", "store_failed from store", "store failed ")
	s.up()
	gone, leave := context.WithCancel(t.Context())
	leave()
	s.withCookies(tokenCookie+"="+ada.cookie(tokenCookie)).do(httptest.NewRequest(http.MethodGet, "/", nil).WithContext(gone), "/open", "")
	expect("client that left", "client_left from store")
	ada.post("/api/auth/sign-out", "") // which costs no query to name the session
	expect("sign-out", "revoked signed out")
	s.sessions.Close()
	s.sessions.Close()
	expect("Close", "stop")
}

func TestObserverThatPanicsTouchesNoRequest(t *testing.T) {
	t.Parallel()
	o := &observer{}
	s := serve(t, cached, func(c *ginsession.Config) { c.Observer = panicking{o} })
	ada := s.signedIn("ada")
	ada.get("/me").expect(t, 200, "ada@example.com true")
	ada.post("/api/auth/sign-out", "").expect(t, 200, successTrue)
	if len(o.since()) == 0 {
		t.Error("told nothing")
	}
}

// panicking panics in Read and Event.
type panicking struct{ *observer }

func (p panicking) Store(store ginsession.Store) ginsession.Store { return store }

func (p panicking) Read(ctx context.Context, read ginsession.Read) {
	p.observer.Read(ctx, read)
	panic("the observer panicked")
}

func (p panicking) Event(ctx context.Context, event ginsession.Event) {
	p.observer.Event(ctx, event)
	panic("the observer panicked")
}

// Under HashTokens an Observer's Store sees what is stored.
func TestObserverSeesHashesOnly(t *testing.T) {
	t.Parallel()
	seen := ""
	s := serve(t, func(c *ginsession.Config) {
		c.HashTokens = true
		c.Observer = seesTokens{&observer{}, &seen}
	})
	ada := s.signedIn("ada")
	ada.get("/me").expect(t, 200, "ada@example.com false")
	if seen == "" || seen == ada.token() || len(seen) < 7 || seen[:7] != "sha256." {
		t.Errorf("seen %q", seen)
	}
}

type seesTokens struct {
	*observer
	seen *string
}

func (s seesTokens) Store(store ginsession.Store) ginsession.Store { return seesFind{store, s.seen} }

type seesFind struct {
	ginsession.Store
	seen *string
}

func (s seesFind) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	*s.seen = token
	return s.Store.Find(ctx, token)
}
