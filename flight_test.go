package ginsession_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// A herd of requests for one session costs one read and one write. The first
// is held in the store until all others wait for it.
func TestSR76_ConcurrentMissesShareOneRead(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.advance(25 * time.Hour)
	arrived, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.store.reset()
	s.store.hook(func(_ context.Context, call string) error {
		if call == "find" {
			once.Do(func() { close(arrived); <-release })
		}
		return nil
	})
	const n = 500
	var wait sync.WaitGroup
	wait.Go(func() { b.copy().get("/me").expect(t, 200, "ada@example.com false") })
	<-arrived
	before := s.lookCount()
	for range n {
		wait.Go(func() { b.copy().get("/me").expect(t, 200, "ada@example.com false") })
	}
	s.awaitLooks(before, n)
	time.Sleep(100 * time.Millisecond) // from looking at the clock to waiting for the read
	close(release)
	wait.Wait()
	if finds, touches := s.store.count("find"), s.store.count("touch"); finds > 20 || touches != 1 {
		t.Errorf("%d reads and %d writes for %d requests", finds, touches, n+1)
	}
}

// One visitor who leaves must not fail the others who wait for the same read.
func TestSR76_LeavingVisitorDoesNotFailOthers(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	arrived, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.store.hook(func(_ context.Context, call string) error {
		if call == "find" {
			once.Do(func() { close(arrived); <-release })
		}
		return nil
	})
	ctx, leave := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	left := make(chan struct{})
	wait.Go(func() {
		defer close(left)
		r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
		got := b.copy().do(r, "/me", "")
		got.expect(t, 503, bodyUnavailable)
		got.expectCookies(t)
	})
	<-arrived
	before := s.lookCount()
	wait.Go(func() { b.copy().get("/me").expect(t, 200, "ada@example.com false") })
	s.awaitLooks(before, 1)
	leave()
	<-left
	close(release)
	wait.Wait()
}

func TestSR80_StorePanicIsContained(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.store.hook(func(context.Context, string) error { panic("a store with a hole") })
	got := b.get("/me")
	got.expect(t, 503, bodyUnavailable)
	got.expectCookies(t)
	s.up()
	b.get("/me").expect(t, 200, "ada@example.com false")
}

// Who joins a read that is under way gets a copy as old as the read.
func TestSR23_CopyOfASharedReadIsAsOldAsTheRead(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	b.cookies = b.cookies[:1]
	arrived, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.store.hook(func(_ context.Context, call string) error {
		if call == "find" {
			once.Do(func() { close(arrived); <-release })
		}
		return nil
	})
	var wait sync.WaitGroup
	wait.Go(func() { b.copy().get("/me") })
	<-arrived
	s.advance(30 * time.Second)
	late := b.copy()
	before := s.lookCount()
	wait.Go(func() { late.get("/me").expect(t, 200, "ada@example.com false") })
	s.awaitLooks(before, 1)
	time.Sleep(200 * time.Millisecond) // from looking at the clock to joining the read
	close(release)
	wait.Wait()
	if s.store.count("find") != 2 { // the sign-in's own is the other
		t.Fatal("the read was not shared")
	}
	s.advance(4*time.Minute + 30*time.Second)
	late.copy().get("/me").expect(t, 200, "ada@example.com true")
	s.advance(time.Millisecond)
	late.copy().get("/me").expect(t, 200, "ada@example.com false")
}

// Requests that share a read share none of its maps.
func TestSR92_SharedReadsShareNoMaps(t *testing.T) {
	t.Parallel()
	const n = 20
	s := serve(t, fields)
	b := s.signedIn("ada")
	arrived, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.store.hook(func(_ context.Context, call string) error {
		if call == "find" {
			once.Do(func() { close(arrived); <-release })
		}
		return nil
	})
	var ready, wait sync.WaitGroup
	ready.Add(n)
	s.engine.GET("/vandal", func(c *gin.Context) {
		session := ginsession.From(c)
		mark := c.Query("n")
		session.Fields["theme"], session.User.Fields["role"] = mark, mark
		ready.Done()
		ready.Wait()
		if session.Fields["theme"] != mark || session.User.Fields["role"] != mark {
			t.Errorf("%s has the fields of %v", mark, session.Fields["theme"])
		}
	})
	before := s.lookCount()
	wait.Go(func() { b.copy().get("/vandal?n=0") })
	<-arrived
	for i := 1; i < n; i++ {
		wait.Go(func() { b.copy().get(fmt.Sprintf("/vandal?n=%d", i)) })
	}
	s.awaitLooks(before, n)
	time.Sleep(50 * time.Millisecond) // from looking at the clock to waiting for the read
	close(release)
	wait.Wait()
	if s.store.count("find") != 2 { // the sign-in's own is the other
		t.Fatal("the read was not shared")
	}
	if b.field("theme") != nil {
		t.Error("the store sees it")
	}
}

// lagging is a store whose answers take their time to arrive.
type lagging struct {
	*memStore
	read, deliver chan struct{}
	second        atomic.Bool // and all after it: they take none
}

func (s *lagging) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	row, user, err := s.memStore.Find(ctx, token)
	if !s.second.Swap(true) {
		close(s.read)
		<-s.deliver
	}
	return row, user, err
}

// A read that begins after a revocation has answered does not join one from
// before it.
func TestSR27_ReadsAreNotSharedAcrossARevocation(t *testing.T) {
	t.Parallel()
	first := serve(t)
	b := first.signedIn("ada")
	store := &lagging{memStore: first.store, read: make(chan struct{}), deliver: make(chan struct{})}
	b.s = serve(t, func(c *ginsession.Config) { c.Store = store })
	var wait sync.WaitGroup
	wait.Go(func() { b.copy().get("/me").expect(t, 200, "ada@example.com false") }) // it began before
	<-store.read
	if err := b.s.sessions.Revoke(t.Context(), "ada", b.token()); err != nil {
		t.Fatal(err)
	}
	b.copy().get("/me").expect(t, 401, bodyUnauthorized)
	close(store.deliver)
	wait.Wait()
}

// A node that was stopped, or whose store is slow, may have reads under way from
// before a revocation that it has not heard of. Nobody shares them who comes later
// than MaxLag after it.
func TestSR27ReadsAreSharedForLessThanMaxLag(t *testing.T) {
	t.Parallel()
	s, feed := serveTold(t, 200*time.Millisecond) // which hears nothing
	b := s.signedIn("ada")
	read, slow := make(chan struct{}), make(chan struct{})
	feed.found.Store(new(func() { close(read); <-slow }))
	first := make(chan reply, 1)
	go func() { first <- b.copy().get("/store") }()
	<-read
	feed.found.Store(nil)
	s.store.Remove(b.token()) // by another process
	time.Sleep(250 * time.Millisecond)
	time.AfterFunc(100*time.Millisecond, func() { close(slow) })
	if got := b.copy().get("/store"); got.status != http.StatusUnauthorized {
		t.Errorf("got %d %s, from a read that began before the end", got.status, got.body)
	}
	(<-first).expect(t, http.StatusOK, byStore)
}
