package ginsession_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// Requests that meet in the store. Each test is a bubble of synctest, in which all that
// can happen has happened when Wait returns: nothing depends on who is quicker.

// A herd of requests for one session costs one read and one write.
func TestSR76_ConcurrentMissesShareOneRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		b := s.signedIn("ada")
		s.advance(25 * time.Hour)
		s.store.reset()
		release := s.store.hold("find")
		var wait sync.WaitGroup
		for range 500 {
			wait.Go(func() { b.copy().get("/me").expect(t, 200, byStore) })
		}
		synctest.Wait()
		release()
		wait.Wait()
		if finds, touches := s.store.count("find"), s.store.count("touch"); finds != 1 || touches != 1 {
			t.Errorf("%d reads and %d writes", finds, touches)
		}
	})
}

// Two nodes that renew one session at the same time: one moves the expiry, and the
// cookies of both follow it.
func TestSR35_OneOfManyRefreshesWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		node := serve(t, func(c *ginsession.Config) { c.Store = s.store })
		b := s.signedIn("ada")
		s.advance(25 * time.Hour)
		node.advance(25*time.Hour + time.Minute)
		release := make(chan struct{})
		s.store.during("touch", func() { <-release })
		var wait sync.WaitGroup
		var got [2]reply
		for i, s := range []*service{s, node} {
			wait.Go(func() { got[i] = b.at(s).get("/me") })
		}
		synctest.Wait()
		close(release)
		wait.Wait()
		row, _ := s.store.row(b.token())
		if s.store.count("touch") != 2 || !row.UpdatedAt.Equal(s.clock()) && !row.UpdatedAt.Equal(node.clock()) || !row.ExpiresAt.Equal(row.UpdatedAt.Add(7*24*time.Hour)) {
			t.Errorf("%d renewals, row %+v", s.store.count("touch"), row)
		}
		for i, s := range []*service{s, node} {
			got[i].expect(t, 200, byStore)
			got[i].expectCookies(t, fmt.Sprintf("%s=%s; Max-Age=%.0f; Path=/; HttpOnly; SameSite=Lax", tokenCookie, sign(secret, row.Token), row.ExpiresAt.Sub(s.clock()).Seconds()))
		}
	})
}

// One visitor who leaves must not fail the others who wait for the same read.
func TestSR76_LeavingVisitorDoesNotFailOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		b := s.signedIn("ada")
		s.store.reset()
		release := s.store.hold("find")
		ctx, leave := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		left := false
		wait.Go(func() {
			got := b.copy().do(httptest.NewRequest("GET", "/", nil).WithContext(ctx), "/me", "")
			got.expect(t, 503, bodyUnavailable)
			got.expectCookies(t)
			left = true
		})
		synctest.Wait()
		wait.Go(func() { b.copy().get("/me").expect(t, 200, byStore) })
		synctest.Wait()
		leave()
		synctest.Wait()
		if !left || s.store.count("find") != 1 {
			t.Errorf("left: %t, after %d reads", left, s.store.count("find"))
		}
		release()
		wait.Wait()
	})
}

// A read that begins after a revocation has answered does not join one from
// before it.
func TestSR27_ReadsAreNotSharedAcrossARevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		b := s.signedIn("ada")
		release := s.store.holdAnswer()
		var wait sync.WaitGroup
		wait.Go(func() { b.copy().get("/me").expect(t, 200, byStore) }) // it began before
		synctest.Wait()
		if err := s.sessions.Revoke(t.Context(), "ada", b.token()); err != nil {
			t.Fatal(err)
		}
		b.copy().get("/me").expect(t, 401, bodyUnauthorized)
		release()
		wait.Wait()
	})
}

// A node that was stopped, or whose store is slow, may have reads under way from
// before a revocation that it has not heard of. Nobody shares them who comes later
// than MaxLag after it.
func TestSR27ReadsAreSharedForMaxLagAtMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const maxLag = 200 * time.Millisecond
		s, _ := serveTold(t, maxLag) // which hears nothing
		b := s.signedIn("ada")
		release := s.store.holdAnswer()
		var wait sync.WaitGroup
		wait.Go(func() { b.copy().get("/store").expect(t, http.StatusOK, byStore) })
		synctest.Wait()
		s.store.Remove(b.token()) // by another process
		time.Sleep(maxLag)
		wait.Go(func() { b.copy().get("/store").expect(t, http.StatusOK, byStore) })
		time.Sleep(time.Nanosecond)
		wait.Go(func() { b.copy().get("/store").expect(t, http.StatusUnauthorized, bodyUnauthorized) })
		synctest.Wait()
		release()
		wait.Wait()
	})
}

// Who joins a read that is under way gets a copy as old as the read.
func TestSR23_CopyOfASharedReadIsAsOldAsTheRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, cached)
		b := s.signedIn("ada")
		b.cookies = b.cookies[:1]
		s.store.reset()
		release := s.store.hold("find")
		var wait sync.WaitGroup
		wait.Go(func() { b.copy().get("/me") })
		synctest.Wait()
		s.advance(30 * time.Second)
		late := b.copy()
		wait.Go(func() { late.get("/me").expect(t, 200, byStore) })
		synctest.Wait()
		release()
		wait.Wait()
		if s.store.count("find") != 1 {
			t.Fatal("the read was not shared")
		}
		s.advance(4*time.Minute + 30*time.Second)
		late.copy().get("/me").expect(t, 200, byCache)
		s.advance(time.Millisecond)
		late.copy().get("/me").expect(t, 200, byStore)
	})
}

// Requests that share a read share none of its maps.
func TestSR92_SharedReadsShareNoMaps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 20
		s := serve(t, fields)
		b := s.signedIn("ada")
		s.store.reset()
		release := s.store.hold("find")
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
		for i := range n {
			wait.Go(func() { b.copy().get(fmt.Sprintf("/vandal?n=%d", i)) })
		}
		synctest.Wait()
		release()
		wait.Wait()
		if s.store.count("find") != 1 {
			t.Fatal("the read was not shared")
		}
		if b.field("theme") != nil {
			t.Error("the store sees it")
		}
	})
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
