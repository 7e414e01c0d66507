package ginsession_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/models"
)

func compact(c *ginsession.Config) {
	c.CookieCache.Enabled, c.CookieCache.Strategy = true, cookiecache.Compact
}

func TestSR09_SessionEndsWithItsUser(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.store.RemoveUser("ada")
	b.get("/me").expect(t, 401, bodyUnauthorized)
}

func TestSR10_ExpiredSessionIsDead(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b, other := s.signedIn("ada"), s.signedIn("ada")
	s.store.edit(b.token(), func(row *models.Session) { row.ExpiresAt = start.Add(-time.Millisecond) })
	if list := tokensIn(t, other.get("/api/auth/list-sessions")); len(list) != 1 {
		t.Errorf("listed: %q", list)
	}
	thief := b.copy()
	got := b.get("/api/auth/get-session")
	got.expect(t, 200, "null")
	got.expectCookies(t, gone(tokenCookie, dataCookie, markerCookie)...)
	thief.get("/me").expect(t, 401, bodyUnauthorized)
	if len(s.store.Rows()) != 1 || s.store.count("touch") != 0 {
		t.Error("the row was not deleted, or was renewed")
	}
}

func TestSR10_ExpiredRowThatWasRenewedMeanwhileIsNotDeleted(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.advance(8 * 24 * time.Hour)
	s.store.during("revoke", func() { // another node, whose clock is behind
		s.store.edit(b.token(), func(row *models.Session) { row.ExpiresAt = row.ExpiresAt.Add(time.Hour) })
	})
	b.get("/me").expect(t, 401, bodyUnauthorized)
	if len(s.store.Rows()) != 1 {
		t.Error("a renewed session was deleted")
	}
}

func TestSR18_RotationSignsNobodyOut(t *testing.T) {
	t.Parallel()
	for _, strategy := range []cookiecache.Strategy{cookiecache.SecureCookie, cookiecache.Compact} {
		with := func(c *ginsession.Config) { c.CookieCache.Enabled, c.CookieCache.Strategy = true, strategy }
		before := serve(t, with, func(c *ginsession.Config) { c.Secret = oldSecret })
		b := before.signedIn("ada")
		after := serve(t, with, func(c *ginsession.Config) { c.OldSecrets, c.Store = []string{oldSecret}, before.store })
		b.s = after
		after.store = before.store
		b.get("/me").expect(t, 200, "ada@example.com true") // the copy verifies too
		after.advance(6 * time.Minute)
		got := b.get("/me") // from the store, which signs anew
		got.expect(t, 200, "ada@example.com false")
		row := before.store.Rows()[0]
		left := int(row.ExpiresAt.Sub(after.clock()) / time.Second)
		if want := fmt.Sprintf("%s=%s; Max-Age=%d; Path=/; HttpOnly; SameSite=Lax", tokenCookie, sign(secret, row.Token), left); got.cookies[1] != want {
			t.Errorf("re-signed: %q\nwant %q", got.cookies[1], want)
		}
		// Without the old secret the new cookie holds, the old one clears nothing.
		alone := serve(t, with, func(c *ginsession.Config) { c.Store = before.store })
		alone.advance(6 * time.Minute)
		b.s = alone
		b.get("/me").expect(t, 200, "ada@example.com true")
		dead := alone.withCookies(tokenCookie + "=" + sign(oldSecret, row.Token)).get("/api/auth/get-session")
		dead.expect(t, 200, "null")
		dead.expectCookies(t)
	}
}

func TestSR18_MarkerIsSignedAnewToo(t *testing.T) {
	t.Parallel()
	before := serve(t, func(c *ginsession.Config) { c.Secret = oldSecret })
	b := before.browser()
	b.post("/sign-in/ada?forget=1", "")
	after := serve(t, func(c *ginsession.Config) { c.OldSecrets, c.Store = []string{oldSecret}, before.store })
	b.s = after
	got := b.get("/me")
	got.expectCookies(t,
		tokenCookie+"="+sign(secret, b.token())+"; Path=/; HttpOnly; SameSite=Lax",
		markerCookie+"="+sign(secret, "true")+"; Path=/; HttpOnly; SameSite=Lax")
}

func TestSR20_TooLargeIsNotCached(t *testing.T) {
	t.Parallel()
	for _, strategy := range []cookiecache.Strategy{cookiecache.SecureCookie, cookiecache.Compact} {
		for _, size := range []int{25_000, 60_000} { // beyond eight chunks, beyond a codec
			s := serve(t, func(c *ginsession.Config) { c.CookieCache.Enabled, c.CookieCache.Strategy = true, strategy })
			huge := user("ada")
			huge.Name = strings.Repeat("n", size)
			s.store.AddUser(huge)
			b := s.signedIn("ada")
			if len(b.cookies) != 1 {
				t.Errorf("%v, %d: %d cookies", strategy, size, len(b.cookies))
			}
			b.cookies = append(b.cookies, pair{dataCookie + ".0", "stale"})
			b.get("/me").expect(t, 200, "ada@example.com false")
			if len(b.cookies) != 1 {
				t.Errorf("%v, %d: the stale chunk stayed", strategy, size)
			}
			if n := strings.Count(s.log.String(), "too large for the cookie cache"); n != 1 {
				t.Errorf("%v, %d: warned %d times", strategy, size, n)
			}
		}
	}
}

func TestSR22_MaxAgeIsNotTheBrowsersToKeep(t *testing.T) {
	t.Parallel()
	s := serve(t, cached, func(c *ginsession.Config) { c.CookieCache.MaxAge = time.Minute })
	b := s.signedIn("ada")
	s.advance(time.Minute)
	b.copy().get("/me").expect(t, 200, "ada@example.com true")
	s.advance(time.Second)
	b.copy().get("/me").expect(t, 200, "ada@example.com false") // the browser kept it
}

func TestSR23_ExpiryCountsFromBeforeTheRead(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	b.cookies = b.cookies[:1]
	s.store.during("find", func() { s.advance(30 * time.Second) }) // a slow read
	b.get("/me")                                                   // begins at 0:00, writes its copy at 0:30
	s.up()
	s.advance(4*time.Minute + 30*time.Second)
	b.copy().get("/me").expect(t, 200, "ada@example.com true")
	s.advance(time.Millisecond)
	b.copy().get("/me").expect(t, 200, "ada@example.com false")
}

func TestSR24_CopyAndTokenBelongTogether(t *testing.T) {
	t.Parallel()
	s := serve(t, compact)
	a, b := s.signedIn("ada"), s.signedIn("bob")
	old := a.copy()
	a.post("/sign-in/ada", "")
	tests := []struct{ name, token, data, want string }{
		{"of two users", a.cookie(tokenCookie), b.cookie(dataCookie), "ada@example.com false"},
		{"an old copy with a new token", a.cookie(tokenCookie), old.cookie(dataCookie), "ada@example.com false"},
		{"a copy alone", "", b.cookie(dataCookie), "nobody"},
		{"a forged token", b.token() + "." + strings.Repeat("A", 43) + "%3D", b.cookie(dataCookie), "nobody"},
	}
	for _, test := range tests {
		s.withCookies(tokenCookie+"="+test.token+"; "+dataCookie+"="+test.data).get("/open").expect(t, 200, test.want)
	}
}

// A copy must be one that this Config would have made.
func TestSR25_CopiesThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	hour := func(c *ginsession.Config) { compact(c); c.CookieCache.MaxAge = time.Hour }
	made := serve(t, hour)
	b := made.signedIn("ada")
	for name, change := range map[string]func(*ginsession.Config){
		"as it was made":                      func(*ginsession.Config) {},
		"made for longer than is allowed now": func(c *ginsession.Config) { c.CookieCache.MaxAge = time.Minute },
		"another version":                     func(c *ginsession.Config) { c.CookieCache.Version = "2" },
		"SR32 another format":                 func(c *ginsession.Config) { c.CookieCache.Strategy = cookiecache.SecureCookie }, // no sniffing
	} {
		hit := name == "as it was made"
		got := b.at(serve(t, hour, change, func(c *ginsession.Config) { c.Store = made.store })).get("/me")
		got.expect(t, 200, fmt.Sprintf("ada@example.com %t", hit))
		if hit != (len(got.cookies) == 0) {
			t.Errorf("%s: cookies %q", name, got.cookies)
		}
	}
}

func TestSR25_CopyDoesNotOutliveTheLifetime(t *testing.T) {
	t.Parallel()
	s := serve(t, cached, func(c *ginsession.Config) { c.MaxLifetime = 2 * time.Minute })
	b := s.signedIn("ada")
	s.advance(2 * time.Minute)
	b.get("/me").expect(t, 200, "ada@example.com true")
	s.advance(time.Millisecond)
	b.get("/me").expect(t, 401, bodyUnauthorized)
}

// What authorises reads the store: a session ended elsewhere gets nothing,
// whatever its copy says.
func TestSR26_CacheNeverAuthorises(t *testing.T) {
	t.Parallel()
	for _, request := range []struct{ method, path, body string }{
		{"GET", "/api/auth/list-sessions", ""},
		{"POST", "/api/auth/revoke-session", `{"token":"unknownTokenUnknownTokenUnknown1"}`},
		{"POST", "/api/auth/revoke-sessions", `{}`},
		{"POST", "/api/auth/revoke-other-sessions", `{}`},
		{"POST", "/api/auth/update-session", `{"a":1}`},
		{"GET", "/store", ""},
		{"GET", "/fresh", ""},
	} {
		s := serve(t, cached)
		b, other := s.signedIn("ada"), s.signedIn("ada")
		s.store.Remove(b.token()) // by another process: this one knows nothing
		b.get("/me").expect(t, 200, "ada@example.com true")
		got := b.send(request.method, request.path, request.body)
		got.expect(t, 401, bodyUnauthorized)
		if _, there := s.store.row(other.token()); !there {
			t.Errorf("%s ended a session", request.path)
		}
		if b.cookie(tokenCookie) != "" || b.cookie(dataCookie) != "" {
			t.Errorf("%s left the dead session's cookies", request.path)
		}
	}
}

// Where the copy is good, such a read only checks: it writes nothing.
func TestConfirmingReadWritesNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, compact, func(c *ginsession.Config) { c.UpdateAge = time.Millisecond })
	b := s.signedIn("ada")
	s.advance(time.Minute)
	for _, path := range []string{"/store", "/fresh", "/api/auth/list-sessions"} {
		got := b.get(path)
		if got.status != 200 || len(got.cookies) != 0 {
			t.Errorf("%s: %d %q", path, got.status, got.cookies)
		}
	}
	b.post("/api/auth/update-session", "{}").expectCookies(t)
	if s.store.count("touch") != 0 {
		t.Error("the session was renewed")
	}
}

func TestSR27_RevokedHereIsRefusedHereAtOnce(t *testing.T) {
	t.Parallel()
	ends := map[string]func(s *service, b *browser){
		"sign-out": func(_ *service, b *browser) { b.copy().post("/api/auth/sign-out", "") },
		"by another device": func(s *service, b *browser) {
			other := s.signedIn("ada")
			other.post("/api/auth/revoke-session", `{"token":"`+b.session().Session.Token+`"}`)
		},
		"all others":       func(s *service, _ *browser) { s.signedIn("ada").post("/api/auth/revoke-other-sessions", "") },
		"all":              func(s *service, _ *browser) { _, _ = s.sessions.RevokeAll(context.Background(), "ada") },
		"by the manager":   func(s *service, b *browser) { _ = s.sessions.Revoke(context.Background(), "ada", b.token()) },
		"by a new sign-in": func(_ *service, b *browser) { b.copy().post("/sign-in/bob", "") },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, cached)
			b := s.signedIn("ada")
			b.get("/me").expect(t, 200, "ada@example.com true")
			end(s, b)
			b.get("/me").expect(t, 401, bodyUnauthorized)
		})
	}
}

func TestRevokingOthersSparesTheOwnCopy(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	b.post("/api/auth/revoke-other-sessions", "")
	b.get("/me").expect(t, 200, "ada@example.com true")
	// One made later is not doubted either, once it cannot be one from before
	// that a node with a fast clock made.
	s.advance(time.Minute + time.Millisecond)
	s.signedIn("ada").get("/me").expect(t, 200, "ada@example.com true")
}

func TestSR28_CopiesAreMadeOfStoreReadsOnly(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	s.store.Remove(b.token())
	hits := 0
	for range 90 { // every ten seconds, for three lives of a copy
		s.advance(10 * time.Second)
		if got := b.get("/me"); got.status == 200 {
			hits++
			got.expectCookies(t)
		}
	}
	if hits != 30 {
		t.Errorf("%d hits, want 30: five minutes' worth", hits)
	}
}

func TestSR29_DefaultCopyHidesTheUser(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	value := b.cookie(dataCookie)
	for depth := 0; depth < 3; depth++ {
		if strings.Contains(value, "ada@example.com") || strings.Contains(value, "Name of ada") {
			t.Fatal("the cookie holds the user in clear")
		}
		raw, err := base64.URLEncoding.WithPadding(base64.NoPadding).DecodeString(strings.TrimRight(value, "="))
		if err != nil {
			break
		}
		value = string(raw)
	}
}

func TestSR30_SavedPairIsWorthlessAfterSignOut(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	saved := b.copy()
	got := b.post("/api/auth/sign-out", "{}")
	got.expectCookies(t, gone(tokenCookie, dataCookie, dataCookie, markerCookie)...)
	saved.get("/open").expect(t, 200, "nobody")
	saved.get("/api/auth/get-session").expect(t, 200, "null")
}

func TestSR33_AbsoluteLifetime(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	s := serve(t, func(c *ginsession.Config) { c.MaxLifetime = 30 * day })
	b := s.signedIn("ada")
	age := func(days time.Duration) {
		s.store.edit(b.token(), func(row *models.Session) {
			row.CreatedAt, row.ExpiresAt = start.Add(-days*day), start.Add(day)
		})
	}
	age(29)
	got := b.get("/me")
	got.expect(t, 200, "ada@example.com false")
	row, _ := s.store.row(b.token())
	if !row.ExpiresAt.Equal(row.CreatedAt.Add(30*day)) || s.store.count("touch") != 0 {
		// createdAt + 30 days is start + 1 day: nothing to gain
		t.Errorf("expires %s, created %s", row.ExpiresAt, row.CreatedAt)
	}
	age(27)
	got = b.get("/me")
	row, _ = s.store.row(b.token())
	if !row.ExpiresAt.Equal(row.CreatedAt.Add(30*day)) || len(got.cookies) != 1 || !strings.Contains(got.cookies[0], "; Max-Age=259200;") {
		t.Errorf("expires %s, created %s, cookies %q", row.ExpiresAt, row.CreatedAt, got.cookies)
	}
	age(31)
	b.get("/api/auth/get-session").expect(t, 200, "null")
	if list, err := s.sessions.List(t.Context(), "ada"); err != nil || len(list) != 0 {
		t.Errorf("listed %v, %v", list, err)
	}
}

func TestSR34_RevokedSessionIsNotRevivedByRefresh(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.advance(25 * time.Hour)
	s.store.during("touch", func() { s.store.Remove(b.token()) })
	got := b.copy().get("/api/auth/get-session")
	got.expect(t, 401, bodyFailed)
	got.expectCookies(t, gone(tokenCookie, dataCookie, markerCookie)...)
	if len(s.store.Rows()) != 0 {
		t.Error("the session is back")
	}
	// Behind a guard of ours it is the plain 401, as in Better Auth.
	b = s.signedIn("ada")
	s.advance(25 * time.Hour)
	got = b.get("/api/auth/list-sessions")
	got.expect(t, 401, bodyUnauthorized)
	got.expectCookies(t)
}

func TestSR36_WhatDoesNotRefresh(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*ginsession.Config)
		method string
		path   string
	}{
		{"disableRefresh", func(*ginsession.Config) {}, "GET", "/api/auth/get-session?disableRefresh=false"}, // any text is yes
		{"disableRefresh, repeated", func(*ginsession.Config) {}, "GET", "/api/auth/get-session?disableRefresh=&disableRefresh="},
		{"DisableRefresh", func(c *ginsession.Config) { c.DisableRefresh = true }, "GET", "/me"},
		{"HEAD", func(*ginsession.Config) {}, "HEAD", "/open"},
		{"deferred GET", func(c *ginsession.Config) { c.DeferRefresh = true }, "GET", "/api/auth/get-session"},
		{"deferred page", func(c *ginsession.Config) { c.DeferRefresh = true }, "GET", "/me"},
		{"deferred guard", func(c *ginsession.Config) { c.DeferRefresh = true }, "GET", "/api/auth/list-sessions"},
		{"refused origin", func(*ginsession.Config) {}, "POST", "/api/auth/revoke-other-sessions"},
	}
	for _, test := range tests {
		s := serve(t, test.change)
		b := s.signedIn("ada")
		b.origin = "https://evil.example"
		s.advance(25 * time.Hour)
		b.send(test.method, test.path, "")
		if row, _ := s.store.row(b.token()); !row.ExpiresAt.Equal(start.Add(7 * 24 * time.Hour)) {
			t.Errorf("%s: the session was renewed", test.name)
		}
	}
	s := serve(t)
	b := s.signedIn("ada")
	s.advance(25 * time.Hour)
	b.get("/api/auth/get-session?disableRefresh=")
	if s.store.count("touch") != 1 {
		t.Error("an empty switch is no switch")
	}
}

func TestSR37_CookieFollowsTheStore(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.advance(25 * time.Hour)
	s.downFor("touch")
	// A read that succeeded is not undone by a renewal that failed.
	got := b.get("/me")
	got.expect(t, 200, "ada@example.com false")
	got.expectCookies(t)
}

func TestSR38_ClockGoesBack(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	s.advance(-time.Hour)
	b.get("/fresh").expect(t, 403, bodyNotFresh)
	b.get("/me").expect(t, 200, "ada@example.com true") // a copy made by the new clock
}

func TestSR39_FreshnessIsOfTheStoreAndOfCreation(t *testing.T) {
	t.Parallel()
	s := serve(t, cached, func(c *ginsession.Config) { c.UpdateAge = time.Millisecond; c.CookieCache.MaxAge = time.Hour })
	b := s.signedIn("ada")
	s.advance(9 * time.Minute)
	b.get("/me?").expect(t, 200, "ada@example.com true")
	b.get("/api/auth/get-session?disableCookieCache=1") // renews
	s.advance(time.Minute)
	b.get("/fresh").expect(t, 403, bodyNotFresh)
	// A copy that says otherwise is not asked.
	s.store.edit(b.token(), func(row *models.Session) { row.CreatedAt = start.Add(-24 * time.Hour) })
	b.get("/fresh").expect(t, 403, bodyNotFresh)
	// Signing in again makes fresh.
	b.post("/sign-in/ada", "")
	b.get("/fresh").expect(t, 200, "ada@example.com false")
}

func TestSR40_FreshAgeOff(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *ginsession.Config) { c.FreshAge = ginsession.Off })
	b := s.signedIn("ada")
	s.advance(6 * 24 * time.Hour)
	b.get("/fresh").expect(t, 200, "ada@example.com false")
}

func TestCacheOffExpiresWhatAnotherConfigLeft(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	b.cookies = append(b.cookies, pair{dataCookie, "stale"}, pair{dataCookie + ".0", "x"}, pair{dataCookie + ".01", "y"})
	got := b.get("/open")
	got.expect(t, 200, "ada@example.com false")
	got.expectCookies(t, gone(dataCookie, dataCookie+".0")...)
}

// What an application calls when a password changes ends the user's sessions
// at their next request.
func TestSR50_ServerSideRevocation(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	one, two, bob := s.signedIn("ada"), s.signedIn("ada"), s.signedIn("bob")
	if n, err := s.sessions.RevokeOthers(t.Context(), "ada", one.token()); err != nil || n != 1 {
		t.Fatalf("RevokeOthers: %d, %v", n, err)
	}
	one.get("/me").expect(t, 200, "ada@example.com true")
	two.get("/me").expect(t, 401, bodyUnauthorized)
	if n, err := s.sessions.RevokeAll(t.Context(), "ada"); err != nil || n != 1 {
		t.Fatalf("RevokeAll: %d, %v", n, err)
	}
	one.get("/me").expect(t, 401, bodyUnauthorized)
	bob.get("/me").expect(t, 200, "bob@example.com true")
}

// Under DeferRefresh the copy that GET has just made does not keep POST from
// renewing for ever.
func TestDeferRefreshRenewsBesideTheCache(t *testing.T) {
	t.Parallel()
	s := serve(t, cached, func(c *ginsession.Config) { c.DeferRefresh = true })
	b := s.signedIn("ada")
	const path = "/api/auth/get-session"
	s.advance(24 * time.Hour)
	if got := b.get(path); !strings.Contains(got.body, `"needsRefresh":true`) {
		t.Fatal(got.body)
	}
	b.post(path, "{}").expectCookies(t) // answered by the copy, as in Better Auth
	s.advance(6 * time.Minute)
	if got := b.get(path); !strings.Contains(got.body, `"needsRefresh":true`) {
		t.Fatal(got.body)
	}
	got := b.post(path, "{}")
	row, _ := s.store.row(b.token())
	if !row.ExpiresAt.Equal(start.Add(8*24*time.Hour+6*time.Minute)) || len(got.cookies) != 2 {
		t.Errorf("expires at %v, cookies %v", row.ExpiresAt, got.cookies)
	}
	if got := b.get(path); strings.Contains(got.body, "needsRefresh") || len(got.cookies) != 0 {
		t.Errorf("after it: %s %v", got.body, got.cookies)
	}
}

// A copy that somebody else made after a revocation, from an older copy, is not
// believed here either; a session that began after it is.
func TestSR27_CopiesMadeAfterARevocation(t *testing.T) {
	t.Parallel()
	s := serve(t, cached, compact)
	laptop, phone := s.signedIn("ada"), s.signedIn("ada")
	s.advance(time.Second)
	laptop.post("/api/auth/revoke-other-sessions", "").expect(t, 200, statusTrue)
	s.advance(time.Second)
	other := serve(t, cached, compact, func(c *ginsession.Config) {
		c.Now = s.clock
		c.Store = s.store
	})
	// The other server still has the row, so it mints.
	s.store.edit(laptop.token(), func(row *models.Session) { row.ID, row.Token = phoneID(t, phone), phone.token() })
	thief := phone.at(other)
	thief.cookies = thief.cookies[:1]
	thief.get("/me").expect(t, 200, "ada@example.com false")
	s.store.Remove(phone.token())
	thief.s = s
	thief.get("/me").expect(t, 401, bodyUnauthorized)
	s.advance(2 * time.Minute)
	again := s.signedIn("ada")
	again.get("/me").expect(t, 200, "ada@example.com true")
}

// phoneID is the id of the session in a browser's cookie cache.
func phoneID(t *testing.T, b *browser) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(b.cookie(dataCookie))
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Session struct{ Session struct{ ID string } }
	}
	if err := json.Unmarshal(payload, &data); err != nil {
		t.Fatal(err)
	}
	return data.Session.Session.ID
}

// A copy that was verified once is judged anew each time.
func TestSR25_CopyThatComesAgainIsJudgedAgain(t *testing.T) {
	t.Parallel()
	version := ""
	same := func(_ *service, b *browser) *browser { return b }
	tests := []struct {
		name    string
		change  func(s *service, b *browser)
		present func(s *service, b *browser) *browser
	}{
		{"its end", func(s *service, _ *browser) { s.advance(5*time.Minute + time.Millisecond) }, same},
		{"a clock set back", func(s *service, _ *browser) { s.advance(-2 * time.Minute) }, same},
		{"another version", func(*service, *browser) { version = "2" }, same},
		{"a revocation", func(s *service, b *browser) { _ = s.sessions.Revoke(t.Context(), "ada", b.token()) }, same},
		{"another session's copy", func(*service, *browser) {}, func(s *service, b *browser) *browser {
			return s.withCookies(tokenCookie + "=" + b.cookie(tokenCookie) + "; " + dataCookie + "=" + s.signedIn("bob").cookie(dataCookie))
		}},
		{"another byte", func(*service, *browser) {}, func(s *service, b *browser) *browser {
			value := b.cookie(dataCookie)
			return s.withCookies(tokenCookie + "=" + b.cookie(tokenCookie) + "; " + dataCookie + "=A" + value[1:])
		}},
	}
	for _, test := range tests {
		for _, strategy := range strategies {
			version = "1"
			s := serve(t, cached, func(c *ginsession.Config) {
				c.CookieCache.Strategy = strategy
				c.CookieCache.VersionFunc = func(*ginsession.Session) string { return version }
			})
			b := s.signedIn("ada")
			for range 3 {
				b.copy().get("/open").expect(t, 200, "ada@example.com true")
			}
			test.change(s, b)
			if got := test.present(s, b.copy()).get("/open"); strings.HasSuffix(got.body, " true") {
				t.Errorf("%s, %v: still %s", test.name, strategy, got.body)
			}
		}
	}
}

// ExpiresIn alone, however short, leaves a session that slides.
func TestShortSessionSlides(t *testing.T) {
	t.Parallel()
	for _, expiresIn := range []time.Duration{time.Second, time.Hour, 24 * time.Hour, 30 * time.Hour} {
		s := serve(t, func(c *ginsession.Config) { c.ExpiresIn = expiresIn })
		b := s.signedIn("ada")
		for range 20 {
			s.advance(expiresIn * 2 / 5)
			if got := b.get("/me"); got.status != 200 {
				t.Errorf("ExpiresIn %v: %d after %v", expiresIn, got.status, s.clock().Sub(start))
				break
			}
		}
	}
}
