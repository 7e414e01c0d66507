package ginsession_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginsession/ginsession"
)

// A diary keeps the events of a service.
type diary struct {
	t      *testing.T
	mu     sync.Mutex
	events []ginsession.Event
}

func (d *diary) note(_ context.Context, e ginsession.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

// serveTelling is a service whose events go to a diary.
func serveTelling(t *testing.T, change ...func(*ginsession.Config)) (*service, *diary) {
	t.Helper()
	d := &diary{t: t}
	s := serve(t, append(change, func(c *ginsession.Config) { c.OnEvent = d.note })...)
	t.Cleanup(s.sessions.Close)
	return s, d
}

// next is what has happened since the last call, once n events have come.
func (d *diary) next(n int) []ginsession.Event {
	d.t.Helper()
	eventually(d.t, fmt.Sprintf("%d events", n), func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.events) >= n
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	events := d.events
	d.events = nil
	return events
}

// expect compares kinds and reasons.
func (d *diary) expect(want ...string) []ginsession.Event {
	d.t.Helper()
	events := d.next(len(want))
	var got []string
	for _, e := range events {
		got = append(got, strings.TrimSuffix(string(e.Kind)+": "+string(e.Reason), ": "))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		d.t.Errorf("events\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return events
}

func TestEventsTellWhatHappens(t *testing.T) {
	t.Parallel()
	s, d := serveTelling(t, func(c *ginsession.Config) { c.MaxLifetime = 30 * 24 * time.Hour })
	laptop, phone := s.signedIn("ada"), s.signedIn("ada")
	made := d.expect("created", "created")
	id, phoneID := laptop.session().Session.ID, phone.session().Session.ID
	if made[0].SessionID != id || made[0].UserID != "ada" || !made[0].At.Equal(start) {
		t.Errorf("created: %+v", made[0])
	}

	s.advance(25 * time.Hour)
	laptop.get("/open")
	if got := d.expect("refreshed")[0]; got.SessionID != id || got.UserID != "ada" {
		t.Errorf("refreshed: %+v", got)
	}

	laptop.post("/api/auth/revoke-session", `{"token":"`+phone.session().Session.Token+`"}`)
	if got := d.expect("refreshed", "revoked: revoked by the user")[1]; got.UserID != "ada" || got.SessionID != phoneID || got.By != id || got.Ended != 1 {
		t.Errorf("revoked: %+v", got)
	}
	phone.get("/open")
	d.expect("rejected: unknown session")

	laptop.post("/sign-in/bob", "")
	if got := d.expect("created", "revoked: replaced by a sign-in"); got[1].SessionID != id || got[1].UserID != "ada" || got[1].By != got[0].SessionID {
		t.Errorf("replaced: %+v", got)
	}

	s.signedIn("bob")
	d.expect("created")
	laptop.post("/api/auth/revoke-other-sessions", "")
	if got := d.expect("revoked: all others revoked")[0]; got.Ended != 1 || got.UserID != "bob" || got.By == "" {
		t.Errorf("others: %+v", got)
	}
	own := laptop.session().Session.ID
	laptop.post("/api/auth/sign-out", "")
	if got := d.expect("revoked: signed out")[0]; got.SessionID != own || got.UserID != "bob" {
		t.Errorf("signed out: %+v", got)
	}
	laptop.post("/api/auth/sign-out", "") // nobody is there
	b := s.signedIn("ada")
	d.expect("created")
	b.post("/api/auth/revoke-sessions", "")
	d.expect("revoked: revoked by the user")

	s.signedIn("ada")
	session, err := s.sessions.Create(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []func() error{
		func() error { return s.sessions.Revoke(t.Context(), "bob", session.Handle()) },
		func() error { _, err := s.sessions.RevokeAll(t.Context(), "ada"); return err },
	} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	d.expect("created", "created", "revoked: revoked by application", "revoked: revoked by application")

	for name, after := range map[ginsession.Reason]time.Duration{ginsession.ReasonExpired: 8 * 24 * time.Hour, ginsession.ReasonLifetime: 31 * 24 * time.Hour} {
		b = s.signedIn("ada")
		if name == ginsession.ReasonLifetime { // renewed beyond it by somebody else
			row, _ := s.store.row(b.token())
			row.ExpiresAt = row.ExpiresAt.Add(90 * 24 * time.Hour)
			s.store.Put(row)
		}
		s.advance(after)
		b.get("/open")
		d.expect("created", "rejected: "+string(name), "revoked: "+string(name))
	}
}

func TestEventsTellWhatIsRejected(t *testing.T) {
	t.Parallel()
	s, d := serveTelling(t)
	b := s.signedIn("ada")
	d.expect("created")
	s.withCookies(tokenCookie + "=" + sign("another", b.token())).get("/open")
	d.expect("rejected: bad signature")
	s.withCookies(tokenCookie + "=" + b.cookie(tokenCookie) + "; " + tokenCookie + "=" + sign(secret, strings.Repeat("x", 32))).get("/open")
	d.expect("rejected: ambiguous")
	foreign := b.copy()
	foreign.origin = "https://evil.example"
	foreign.post("/api/auth/sign-out", "")
	foreign.post("/app", "")
	d.expect("rejected: origin refused", "rejected: origin refused")
	s.advance(time.Hour)
	if got := b.get("/fresh"); got.status != http.StatusForbidden {
		t.Fatal(got)
	}
	if got := d.expect("rejected: not fresh")[0]; got.UserID != "ada" || got.SessionID == "" {
		t.Errorf("not fresh: %+v", got)
	}
	s.down()
	b.get("/me")
	b.get("/api/auth/get-session")
	for _, got := range d.expect("store failed", "store failed") {
		if !errors.Is(got.Err, ginsession.ErrStore) {
			t.Errorf("store failed: %+v", got)
		}
	}
	s.up()
	s.browser().get("/open") // nothing came, nothing to tell
	b.get("/open")
	b.post("/api/auth/sign-out", "")
	d.expect("revoked: signed out")
}

// SR-69: a hook that blocks holds up no request, one that panics breaks none,
// and what could not be told is counted.
func TestSR69_HookThatBlocksOrPanicsTouchesNoRequest(t *testing.T) {
	t.Parallel()
	release, entered := make(chan struct{}), make(chan struct{})
	var once sync.Once
	d := &diary{t: t}
	s := serve(t, func(c *ginsession.Config) {
		c.OnEvent = func(ctx context.Context, e ginsession.Event) {
			once.Do(func() { close(entered) })
			<-release
			d.note(ctx, e)
			panic("of the hook")
		}
	})
	b := s.signedIn("ada")
	<-entered
	for range 1024 + 5 {
		if _, err := s.sessions.Create(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
	}
	b.get("/me").expect(t, http.StatusOK, "ada@example.com false")
	close(release)
	d.next(1025)
	b.post("/api/auth/sign-out", "")
	if got := d.next(1)[0]; got.Kind != ginsession.EventRevoked || got.Missed != 5 {
		t.Errorf("after the jam: %+v", got)
	}
	s.sessions.Close()
	s.signedIn("ada")
	if len(d.next(0)) > 0 {
		t.Error("a closed Manager tells")
	}
}

// SR-69: requests made to be rejected do not crowd out what matters.
func TestSR69_RejectionsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, d := serveTelling(t)
		forged := s.withCookies(tokenCookie + "=" + sign("another", strings.Repeat("x", 32)))
		for range 500 {
			forged.get("/open")
		}
		s.signedIn("ada")
		told := d.next(101)
		if last := told[len(told)-1]; len(told) != 101 || last.Kind != ginsession.EventCreated || last.Missed != 400 {
			t.Errorf("%d events, the last is %+v", len(told), last)
		}
		time.Sleep(time.Second)
		forged.get("/open")
		d.expect("rejected: bad signature")
	})
}

// SR-69: neither do failures of the store, nor a client that never takes its new
// cookie; and a client that leaves is no failure of the store.
func TestSR69_WhatClientsCauseIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, d := serveTelling(t, func(c *ginsession.Config) { c.OldSecrets = []string{oldSecret} })
		b := s.signedIn("ada")
		d.expect("created")
		gone, leave := context.WithCancel(t.Context())
		leave()
		b.do(httptest.NewRequest(http.MethodGet, "/", nil).WithContext(gone), "/me", "")
		old := s.withCookies(tokenCookie + "=" + sign(oldSecret, b.token()))
		for range 300 {
			old.get("/open")
		}
		s.down()
		for range 300 {
			b.get("/me")
		}
		s.up()
		b.post("/api/auth/sign-out", "")
		synctest.Wait()
		told := map[ginsession.EventKind]int{}
		for _, e := range d.next(0) {
			told[e.Kind]++
		}
		if want := map[ginsession.EventKind]int{ginsession.EventOldSecretUsed: 100, ginsession.EventStoreFailed: 100, ginsession.EventRevoked: 1}; !maps.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}

// Close waits for a hook, but not for ever.
func TestCloseDoesNotWaitForAHookThatBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		s := serve(t, func(c *ginsession.Config) {
			c.OnEvent = func(context.Context, ginsession.Event) { <-release }
		})
		s.signedIn("ada")
		if took := took(s.sessions.Close); took != deadline {
			t.Errorf("it took %v", took)
		}
	})
}

func TestLogEvents(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := ginsession.LogEvents(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	for _, e := range []ginsession.Event{
		{Kind: ginsession.EventCreated, SessionID: "s", UserID: "u"},
		{Kind: ginsession.EventRefreshed, SessionID: "s"}, // level Debug: not shown
		{Kind: ginsession.EventRevoked, Reason: ginsession.ReasonOthers, UserID: "u", By: "s", Ended: 2, Missed: 3},
		{Kind: ginsession.EventOldSecretUsed, OldSecret: 1},
		{Kind: ginsession.EventStoreFailed, Err: errDown},
	} {
		log(t.Context(), e)
	}
	want := `level=INFO msg="ginsession: session created" session.kind=created session.sessionId=s session.userId=u
level=INFO msg="ginsession: session revoked" session.kind=revoked session.reason="all others revoked" session.userId=u session.by=s session.ended=2 session.missed=3
level=INFO msg="ginsession: session old secret used" session.kind="old secret used" session.oldSecret=1
level=ERROR msg="ginsession: session store failed" session.kind="store failed" session.error="connection refused"
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// An event counts the sessions that still ride on an old secret, each once.
func TestOldSecretIsToldOnceForEachSession(t *testing.T) {
	t.Parallel()
	s, d := serveTelling(t, func(c *ginsession.Config) { c.OldSecrets = []string{"first-" + oldSecret, oldSecret} })
	b := s.signedIn("ada")
	d.expect("created")
	old := s.withCookies(tokenCookie + "=" + sign(oldSecret, b.token()))
	got := old.get("/open")
	if e := d.expect("old secret used")[0]; e.OldSecret != 1 || e.UserID != "ada" || e.SessionID == "" {
		t.Errorf("%+v", e)
	}
	renewed := s.browser()
	for _, line := range got.cookies {
		renewed.keep(line)
	}
	renewed.get("/me").expect(t, http.StatusOK, byStore)
	b.post("/api/auth/sign-out", "")
	d.expect("revoked: signed out")
}
