package ginsession_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

const (
	listDevices = "/api/auth/multi-session/list-device-sessions"
	setActive   = "/api/auth/multi-session/set-active"
	revokeOne   = "/api/auth/multi-session/revoke"
	bodyInvalid = `{"message":"Invalid session token","code":"INVALID_SESSION_TOKEN"}`
)

func multi(c *ginsession.Config) { c.MultiSession.Enabled = true }

func deviceCookie(token string) string { return tokenCookie + "_multi-" + strings.ToLower(token) }

// accounts are the users that /list-device-sessions shows, in its order.
func (b *browser) accounts() string {
	b.s.t.Helper()
	got := b.get(listDevices)
	if got.status != http.StatusOK || len(got.cookies) != 0 || got.header.Get("Cache-Control") != "no-store" {
		b.s.t.Errorf("list: %d %s %v %q", got.status, got.body, got.cookies, got.header.Get("Cache-Control"))
	}
	var users []string
	for _, found := range decode[[]sessionBody](b.s.t, got.body) {
		users = append(users, found.User.ID)
	}
	return strings.Join(users, " ")
}

func (b *browser) signIn(user string) reply {
	b.s.t.Helper()
	got := b.post("/sign-in/"+user, "")
	if got.status != http.StatusOK {
		b.s.t.Fatalf("sign-in: %d %s", got.status, got.body)
	}
	return got
}

func named(token string) string { return `{"sessionToken":"` + token + `"}` }

func threeUsers(s *service) *service {
	s.store.AddUser(user("cyd"))
	return s
}

func TestMultiSession(t *testing.T) {
	t.Parallel()
	s := threeUsers(serve(t, multi))
	b := s.browser()
	if got := b.get(listDevices); got.body != "[]" {
		t.Errorf("nobody: %s", got.body)
	}
	b.signIn("ada")
	ada := b.token()
	if b.cookie(deviceCookie(ada)) != b.cookie(tokenCookie) {
		t.Error("the device cookie does not hold what the session cookie holds")
	}
	b.signIn("bob")
	bob := b.token()
	if got := b.accounts(); got != "ada bob" {
		t.Errorf("accounts %q", got)
	}
	if len(s.store.Rows()) != 2 {
		t.Errorf("%d rows", len(s.store.Rows()))
	}

	// Switching: in any case of the token, by handle too; nothing is renewed.
	before, _ := s.store.row(ada)
	s.advance(time.Minute)
	got := b.post(setActive, named(strings.ToUpper(ada)))
	if got.status != 200 || decode[sessionBody](t, got.body).User.ID != "ada" || b.token() != ada {
		t.Errorf("set-active: %d %s", got.status, got.body)
	}
	got.expectCookies(t, tokenCookie+"="+sign(secret, ada)+"; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax")
	if after, _ := s.store.row(ada); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("set-active wrote to the row")
	}
	if b.session().User.ID != "ada" {
		t.Error("not active")
	}
	for _, found := range decode[[]sessionBody](t, b.get(listDevices).body) {
		if found.User.ID == "bob" {
			if strings.Contains(found.Session.Token, bob) || !strings.HasPrefix(found.Session.Token, "h_") {
				t.Errorf("a raw token in the list: %s", found.Session.Token)
			}
			b.post(setActive, named(found.Session.Token)).expectCookies(t, tokenCookie+"="+sign(secret, bob)+"; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax")
		}
	}

	// The same user again: its former session on this device ends.
	s.advance(time.Minute)
	b.signIn("ada")
	if _, alive := s.store.row(ada); alive || b.cookie(deviceCookie(ada)) != "" || b.accounts() != "bob ada" {
		t.Errorf("the former session lives: %t, cookie %q, accounts %q", alive, b.cookie(deviceCookie(ada)), b.accounts())
	}

	// Revoking another account, then the active one, then the last.
	b.signIn("cyd")
	cyd := b.token()
	got = b.post(revokeOne, named(bob))
	got.expect(t, 200, statusTrue)
	got.expectCookies(t, gone(deviceCookie(bob))...)
	if _, alive := s.store.row(bob); alive || b.token() != cyd {
		t.Error("bob lives, or cyd is not active any more")
	}
	got = b.post(revokeOne, named(cyd))
	got.expect(t, 200, statusTrue)
	if b.session().User.ID != "ada" || b.accounts() != "ada" {
		t.Errorf("after the active one: %v", got.cookies)
	}
	got = b.post(revokeOne, named(b.token()))
	got.expect(t, 200, statusTrue)
	if len(b.cookies) != 0 || len(s.store.Rows()) != 0 {
		t.Errorf("left: %v, %d rows", b.cookies, len(s.store.Rows()))
	}
}

func TestMultiSessionRefusals(t *testing.T) {
	t.Parallel()
	s := serve(t, multi)
	b := s.signedIn("ada")
	stranger := s.signedIn("bob")
	for _, path := range []string{setActive, revokeOne} {
		b.post(path, `{}`).expect(t, 400, `{"message":"[body.sessionToken] Invalid input: expected string, received undefined","code":"VALIDATION_ERROR"}`)
		b.post(path, `{"sessionToken":5}`).expect(t, 400, `{"message":"[body.sessionToken] Invalid input: expected string, received number","code":"VALIDATION_ERROR"}`)
		for _, name := range []string{"", "nope", stranger.token(), "h_", strings.Repeat("x", 60_000)} {
			b.post(path, named(name)).expect(t, 401, bodyInvalid)
		}
		evil := b.copy()
		evil.origin = "https://evil.example"
		evil.post(path, named(b.token())).expect(t, 403, bodyOrigin)
	}
	s.browser().post(setActive, named(b.token())).expect(t, 401, bodyInvalid)
	s.browser().post(revokeOne, named(b.token())).expect(t, 401, bodyUnauthorized)
	if len(s.store.Rows()) != 2 {
		t.Error("something ended")
	}
	b.get(setActive).expect(t, 404, "")
	b.post(listDevices, `{}`).expect(t, 404, "")
}

// Without the switch there are no such routes and no such cookies.
func TestMultiSessionOff(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	if len(b.cookies) != 1 {
		t.Errorf("cookies %v", b.cookies)
	}
	b.get(listDevices).expect(t, 404, "")
	b.cookies = append(b.cookies, pair{deviceCookie(b.token()), b.cookie(tokenCookie)})
	if got := b.post("/api/auth/sign-out", ""); len(got.cookies) != 3 {
		t.Errorf("sign-out: %v", got.cookies)
	}
}

// SR-83, SR-84: a device cookie counts only under its exact name, that of its
// token, and with a signature that holds.
func TestSR83_SR84_DeviceCookiesAreExactAndBound(t *testing.T) {
	t.Parallel()
	s := serve(t, multi)
	b := s.signedIn("ada")
	victim := s.signedIn("bob")
	good, theirs := b.cookie(tokenCookie), victim.cookie(tokenCookie)
	for _, planted := range []pair{
		{"x_multi-y", theirs},
		{tokenCookie + "X", theirs},
		{tokenCookie + "_multi-", theirs},
		{tokenCookie + "_multi-zzz", theirs},
		{tokenCookie + "_multi-" + victim.token(), theirs}, // not in lower case
		{deviceCookie(b.token()) + "x", good},
		{deviceCookie(victim.token()), victim.token() + ".x"},
		{deviceCookie(victim.token()), sign(oldSecret, victim.token())},
		{deviceCookie(victim.token()), good},
		{"__Secure-" + deviceCookie(victim.token()), theirs},
	} {
		thief := s.browser()
		thief.cookies = []pair{{tokenCookie, good}, {deviceCookie(b.token()), good}, planted}
		if got := thief.accounts(); got != "ada" {
			t.Errorf("%s: accounts %q", planted.name, got)
		}
		_, suffix, _ := strings.Cut(planted.name, "_multi-")
		thief.post(setActive, named(strings.ToUpper(suffix))).expect(t, 401, bodyInvalid)
		thief.post(revokeOne, named(victim.token())).expect(t, 401, bodyInvalid)
	}
	// Sign-out with a forged device cookie ends no session but one's own (SR-87).
	b.cookies = append(b.cookies, pair{deviceCookie(victim.token()), victim.token() + ".x"})
	b.post("/api/auth/sign-out", "").expect(t, 200, successTrue)
	if rows := s.store.Rows(); len(rows) != 1 || rows[0].UserID != "bob" {
		t.Errorf("rows %v", rows)
	}
}

// SR-85: at the limit the oldest leaves, never the newest, and forged cookies
// do not count.
func TestSR85_TheOldestLeaves(t *testing.T) {
	t.Parallel()
	s := threeUsers(serve(t, multi, func(c *ginsession.Config) { c.MultiSession.MaximumSessions = 2 }))
	b := s.browser()
	for i := range 10 {
		b.cookies = append(b.cookies, pair{fmt.Sprintf("%s_multi-%032d", tokenCookie, i), fmt.Sprintf("%032d.forged", i)})
	}
	b.signIn("ada")
	ada := b.token()
	s.advance(time.Second)
	b.signIn("bob")
	s.advance(time.Second)
	b.post(setActive, named(ada)) // active again, and still the oldest
	got := b.signIn("cyd")
	if accounts := b.accounts(); accounts != "bob cyd" {
		t.Errorf("accounts %q, cookies %v", accounts, got.cookies)
	}
	if _, alive := s.store.row(ada); alive || len(s.store.Rows()) != 2 {
		t.Error("the session that nobody can reach any more lives")
	}
}

// A browser that was signed in before multi-session was switched on keeps its
// session as a device session when another account signs in.
func TestMultiSessionKeepsTheFormerActiveOne(t *testing.T) {
	t.Parallel()
	s := serve(t, multi)
	b := s.signedIn("ada")
	ada := b.token()
	b.cookies = []pair{{tokenCookie, b.cookie(tokenCookie)}}
	s.advance(23 * time.Hour)
	got := b.signIn("bob")
	if b.accounts() != "ada bob" {
		t.Errorf("cookies %v", got.cookies)
	}
	if line := deviceCookie(ada) + "=" + sign(secret, ada) + "; Max-Age=522000;"; !strings.Contains(strings.Join(got.cookies, "\n"), line) {
		t.Errorf("no %s in %q", line, got.cookies)
	}
}

// Renewing gives an active session its device cookie if it has none.
func TestMultiSessionSlide(t *testing.T) {
	t.Parallel()
	s := serve(t, multi)
	b := s.signedIn("ada")
	first := b.cookies[0]
	s.advance(25 * time.Hour)
	if got := b.get("/api/auth/get-session"); len(got.cookies) != 1 {
		t.Errorf("with a device cookie: %v", got.cookies)
	}
	s.advance(25 * time.Hour)
	b.cookies = []pair{first}
	if got := b.get("/me"); len(got.cookies) != 2 || !strings.HasPrefix(got.cookies[1], deviceCookie(b.token())+"=") {
		t.Errorf("without: %v", got.cookies)
	}
	// Where the device is full it gets none, for it could not be listed.
	s = serve(t, multi, func(c *ginsession.Config) { c.MultiSession.MaximumSessions = 1 })
	b, other := s.signedIn("ada"), s.signedIn("bob")
	b.cookies = []pair{b.cookies[0], other.cookies[1]}
	s.advance(25 * time.Hour)
	if got := b.get("/me"); len(got.cookies) != 1 {
		t.Errorf("on a full device: %v", got.cookies)
	}
}

// Of two sessions of one user on the device one is shown.
func TestMultiSessionShowsAUserOnce(t *testing.T) {
	t.Parallel()
	s := withDevices(serve(t, multi), ginsession.DevicesPage{})
	b, other := s.signedIn("ada"), s.signedIn("ada")
	b.signIn("bob")
	b.cookies = append(b.cookies, pair{deviceCookie(other.token()), other.cookie(tokenCookie)})
	if got := b.accounts(); got != "ada bob" && got != "bob ada" {
		t.Errorf("accounts %q", got)
	}
	if page := b.get("/devices").body; strings.Count(page, `aria-label="Switch to Name of ada`) != 1 {
		t.Errorf("page %s", page)
	}
}

// SR-89: a sign-in clears the device cookies of sessions that have ended.
func TestSR89_SignInClearsCookiesOfTheDead(t *testing.T) {
	t.Parallel()
	s := threeUsers(serve(t, multi))
	b := s.browser()
	b.signIn("ada")
	ada := b.token()
	b.signIn("bob")
	bob := b.token()
	s.store.Remove(ada)
	s.store.edit(bob, func(row *models.Session) { row.ExpiresAt = start.Add(-time.Millisecond) })
	b.signIn("cyd")
	if b.cookie(deviceCookie(ada)) != "" || b.cookie(deviceCookie(bob)) != "" || b.accounts() != "cyd" {
		t.Errorf("left: %v", b.cookies)
	}
}

// SR-86: dead, foreign and ownerless sessions are not listed, and listing
// writes nothing.
func TestSR86_ListShowsWhatIsAlive(t *testing.T) {
	t.Parallel()
	s := threeUsers(serve(t, multi))
	b := s.browser()
	b.signIn("ada")
	ada := b.token()
	b.signIn("bob")
	bob := b.token()
	b.signIn("cyd")
	s.store.edit(ada, func(row *models.Session) { row.ExpiresAt = start })
	s.store.RemoveUser("bob")
	s.store.reset()
	if got := b.accounts(); got != "cyd" {
		t.Errorf("accounts %q", got)
	}
	if s.store.count("") != 1 || s.store.count("findMany") != 1 {
		t.Errorf("calls %v", s.store.calls)
	}

	// SR-89: the cookie of a dead one goes when set-active meets it.
	for _, token := range []string{ada, bob} {
		s.advance(time.Second)
		got := b.post(setActive, named(token))
		got.expect(t, 401, bodyInvalid)
		got.expectCookies(t, gone(deviceCookie(token))...)
	}
}

// SR-87: sign-out ends all accounts of the device.
func TestSR87_SignOutEndsAllOfTheDevice(t *testing.T) {
	t.Parallel()
	s := serve(t, multi, cached)
	b := s.browser()
	b.signIn("ada")
	ada := b.token()
	b.signIn("bob")
	other := s.signedIn("ada")
	thief := b.copy()
	got := b.post("/api/auth/sign-out", "{}")
	got.expect(t, 200, successTrue)
	got.expectCookies(t, append(gone(tokenCookie, dataCookie, dataCookie, markerCookie), gone(deviceCookie(ada), deviceCookie(thief.token()))...)...)
	if rows := s.store.Rows(); len(rows) != 1 || rows[0].Token != other.token() || len(b.cookies) != 0 {
		t.Errorf("rows %v, cookies %v", rows, b.cookies)
	}
	thief.get("/me").expect(t, 401, bodyUnauthorized)
	if thief.accounts() != "" {
		t.Error("a device session lives")
	}
}

// SR-46: ending one's own session takes its device cookie along.
func TestSR46_RevokingOneselfClearsTheDeviceCookie(t *testing.T) {
	t.Parallel()
	for _, route := range []string{"/api/auth/revoke-session", "/api/auth/revoke-sessions"} {
		s := serve(t, multi)
		b := s.browser()
		b.signIn("ada")
		b.signIn("bob")
		token := b.token()
		b.post(route, `{"token":"`+token+`"}`).expect(t, 200, statusTrue)
		if b.cookie(deviceCookie(token)) != "" || b.cookie(tokenCookie) != "" || b.accounts() != "ada" {
			t.Errorf("%s: %v", route, b.cookies)
		}
	}
}

// SR-88: switching to a session makes it neither younger nor fresh, and the
// browser's marker stays in force.
func TestSR88_SetActiveRenewsNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, multi, cached)
	b := s.browser()
	b.signIn("ada")
	ada := b.token()
	s.advance(11 * time.Minute)
	got := b.post("/sign-in/bob?forget=1", "")
	if line := got.cookies[len(got.cookies)-1]; !strings.HasPrefix(line, deviceCookie(b.token())+"=") || strings.Contains(line, "Max-Age") {
		t.Errorf("the device cookie outlives the browser: %s", line)
	}
	bob := b.token()
	got = b.post(setActive, named(ada))
	for _, line := range got.cookies {
		if strings.Contains(line, "Max-Age") {
			t.Errorf("outlives the browser: %s", line)
		}
	}
	if b.cookie(markerCookie) == "" || b.get("/me").body != "ada@example.com true" {
		t.Errorf("set-active: %v", got.cookies)
	}
	b.get("/fresh").expect(t, 403, bodyNotFresh)
	b.post(setActive, named(bob))
	b.get("/me").expect(t, 200, "bob@example.com true")
	b.get("/fresh").expect(t, 200, "bob@example.com false")
}

// SR-26: what decides about sessions reads the store, not the cache.
func TestSR26_MultiSessionReadsTheStore(t *testing.T) {
	t.Parallel()
	s := serve(t, multi, cached)
	b := s.browser()
	b.signIn("ada")
	ada := b.token()
	b.signIn("bob")
	s.store.Remove(b.token()) // revoked elsewhere
	b.get("/me").expect(t, 200, "bob@example.com true")
	b.copy().post(revokeOne, named(ada)).expect(t, 401, bodyUnauthorized)
	if _, alive := s.store.row(ada); !alive {
		t.Error("a revoked session ended another")
	}
	if b.accounts() != "ada" {
		t.Error("the revoked one is listed")
	}
}

// SR-79: a store that is down answers nothing and costs no cookie.
func TestSR79_MultiSessionStoreDown(t *testing.T) {
	t.Parallel()
	s := serve(t, multi)
	b := s.browser()
	b.signIn("ada")
	ada := b.token()
	b.signIn("bob")
	s.down()
	for _, got := range []reply{b.get(listDevices), b.post(setActive, named(ada)), b.post(revokeOne, named(ada)), b.post(revokeOne, named(b.token()))} {
		got.expect(t, 503, bodyUnavailable)
		got.expectCookies(t)
	}
	b.post("/api/auth/sign-out", "").expect(t, 503, bodyUnavailable)
	s.up()
	if b.accounts() != "ada bob" {
		t.Errorf("cookies %v", b.cookies)
	}
	// Where the store fails between two calls, a sign-in stands all the same.
	s.downFor("findMany", "revoke")
	b.signIn("ada")
	s.up()
	if b.session().User.ID != "ada" || !strings.Contains(s.log.String(), "other sessions of a device could not be read") {
		t.Error("the sign-in fell with the others")
	}
	// Reading the next account fails before anything is revoked.
	rows := len(s.store.Rows())
	s.downFor("findMany")
	b.post(revokeOne, named(b.token())).expect(t, 503, bodyUnavailable)
	s.downFor("revoke")
	b.post(revokeOne, named(b.token())).expect(t, 503, bodyUnavailable)
	s.signedIn("ada") // ends nobody's session here
	s.up()
	if got := len(s.store.Rows()); got != rows+1 {
		t.Errorf("%d rows, want %d", got, rows+1)
	}
}

// Rotating the secret signs no account out: a device cookie under an old secret
// counts, and is signed anew when its session becomes active.
func TestMultiSessionRotation(t *testing.T) {
	t.Parallel()
	old := serve(t, multi, func(c *ginsession.Config) { c.Secret = oldSecret })
	b := old.browser()
	b.signIn("ada")
	ada := b.token()
	b.signIn("bob")
	s := serve(t, multi, func(c *ginsession.Config) { c.OldSecrets, c.Store = []string{oldSecret}, old.store })
	b.s = s
	if b.accounts() != "ada bob" {
		t.Error("lost")
	}
	got := b.post(setActive, named(ada))
	if len(got.cookies) != 2 || b.cookie(deviceCookie(ada)) != sign(secret, ada) || b.cookie(tokenCookie) != sign(secret, ada) {
		t.Errorf("cookies %v", got.cookies)
	}
}

// SR-72: signatures are checked up to a budget, whatever is sent.
func TestSR72_ManyDeviceCookies(t *testing.T) {
	t.Parallel()
	s := serve(t, multi, func(c *ginsession.Config) {
		c.OldSecrets = []string{oldSecret, oldSecret + "2", oldSecret + "3", oldSecret + "4"}
	})
	b := s.signedIn("ada")
	for i := range 150 {
		token := fmt.Sprintf("%032d", i)
		b.cookies = append(b.cookies, pair{deviceCookie(token), sign("another-secret-0123456789-abcdefghijklmn", token)})
	}
	if got := b.accounts(); got != "ada" {
		t.Errorf("accounts %q", got)
	}
	b.get("/me").expect(t, 200, "ada@example.com false")
}
