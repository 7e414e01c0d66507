package ginsession_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

func TestSignInSetsTheCookies(t *testing.T) {
	t.Parallel()
	s := serve(t)
	got := s.browser().post("/sign-in/ada", "")
	row := s.store.Rows()[0]
	got.expectCookies(t, tokenCookie+"="+sign(secret, row.Token)+"; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax")
	if !row.ExpiresAt.Equal(start.Add(7*24*time.Hour)) || !row.CreatedAt.Equal(start) || !row.UpdatedAt.Equal(start) || row.UserID != "ada" {
		t.Errorf("row %+v", row)
	}
	if got.header.Get("Cache-Control") != "no-store" {
		t.Error("the response may be stored by caches")
	}
}

func TestDontRemember(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.browser()
	got := b.post("/sign-in/ada?forget=1", "")
	row := s.store.Rows()[0]
	got.expectCookies(t,
		tokenCookie+"="+sign(secret, row.Token)+"; Path=/; HttpOnly; SameSite=Lax",
		markerCookie+"="+sign(secret, "true")+"; Path=/; HttpOnly; SameSite=Lax")
	if !row.ExpiresAt.Equal(start.Add(24 * time.Hour)) {
		t.Errorf("expires %s", row.ExpiresAt)
	}
	// It is not renewed, though its short life would make it due at once.
	s.advance(23 * time.Hour)
	b.get("/me").expect(t, 200, "ada@example.com false")
	if s.store.count("touch") != 0 {
		t.Error("the session was renewed")
	}
	// A remembered sign-in drops the marker.
	got = b.post("/sign-in/ada", "")
	if len(got.cookies) != 2 || got.cookies[1] != gone(markerCookie)[0] {
		t.Errorf("cookies %q", got.cookies)
	}
	// A day is no more than MaxLifetime.
	s = serve(t, func(c *ginsession.Config) { c.MaxLifetime = time.Hour })
	s.browser().post("/sign-in/ada?forget=1", "")
	if row := s.store.Rows()[0]; !row.ExpiresAt.Equal(start.Add(time.Hour)) {
		t.Errorf("expires %s", row.ExpiresAt)
	}
}

func TestDontRememberIsCachedForAMinute(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.browser()
	if got := b.post("/sign-in/ada?forget=1", ""); len(got.cookies) != 3 || strings.Contains(got.cookies[2], "Max-Age") {
		t.Fatalf("cookies %q", got.cookies)
	}
	s.advance(time.Minute)
	b.get("/me").expect(t, 200, "ada@example.com true")
	s.advance(time.Millisecond)
	b.get("/me").expect(t, 200, "ada@example.com false")
	if b.cookie(dataCookie) != "" {
		t.Error("a new copy was written")
	}
}

func TestSR04_TokenOfTheClientsChoiceIsNotAdopted(t *testing.T) {
	t.Parallel()
	s := serve(t)
	const planted = "plantedTokenPlantedTokenPlanted1"
	b := s.browser()
	b.cookies = []pair{{tokenCookie, sign(secret, planted)}}
	b.post("/sign-in/ada", "").expect(t, 200, "ada")
	if _, there := s.store.row(planted); there || b.token() == planted {
		t.Error("the planted token became a session")
	}
}

func TestSR48_SignInEndsTheSessionBefore(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	first := b.copy()
	b.post("/sign-in/ada", "").expect(t, 200, "ada")
	if len(s.store.Rows()) != 1 || b.token() == first.token() {
		t.Errorf("%d sessions", len(s.store.Rows()))
	}
	first.get("/me").expect(t, 401, bodyUnauthorized)
	// A session fixed in the victim's browser is worth nothing afterwards.
	attacker := s.signedIn("bob")
	victim := attacker.copy()
	victim.post("/sign-in/ada", "").expect(t, 200, "ada")
	attacker.get("/me").expect(t, 401, bodyUnauthorized)
	victim.get("/me").expect(t, 200, "ada@example.com false")
}

func TestKeepPreviousSession(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *ginsession.Config) { c.KeepPreviousSession = true })
	b := s.signedIn("ada")
	b.post("/sign-in/ada", "").expect(t, 200, "ada")
	if len(s.store.Rows()) != 2 {
		t.Errorf("%d sessions, want 2", len(s.store.Rows()))
	}
}

func TestSignInSurvivesThatThePreviousSessionCannotBeEnded(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.downFor("revoke")
	b.post("/sign-in/ada", "").expect(t, 200, "ada")
	b.get("/me").expect(t, 200, "ada@example.com false")
}

func TestSR02_CollidingTokenIsDrawnAnew(t *testing.T) {
	t.Parallel()
	s := serve(t)
	taken := 2
	s.store.hook(func(_ context.Context, call string) error {
		if call == "create" && taken > 0 {
			taken--
			return models.ErrDuplicate
		}
		return nil
	})
	s.browser().post("/sign-in/ada", "").expect(t, 200, "ada")
	taken = 3
	got := s.browser().post("/sign-in/ada", "")
	got.expect(t, 503, "later")
	got.expectCookies(t)
}

func TestSignInOfNobody(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	got := s.browser().post("/sign-in/mallory", "")
	got.expect(t, 404, "no such user")
	got.expectCookies(t)
	// A store that does not check users says so on the way back.
	s.store.during("find", func() { s.store.RemoveUser("bob") })
	got = s.browser().post("/sign-in/bob", "")
	got.expect(t, 404, "no such user")
	got.expectCookies(t)
	if len(s.store.Rows()) != 0 {
		t.Error("a session of nobody was left behind")
	}
	if _, err := s.sessions.Create(t.Context(), ""); !errors.Is(err, ginsession.ErrNotFound) {
		t.Errorf("empty user id: %v", err)
	}
}

func TestSignInWithTheStoreDown(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"create", "find"} {
		s := serve(t)
		s.downFor(call)
		got := s.browser().post("/sign-in/ada", "")
		got.expect(t, 503, "later")
		got.expectCookies(t)
		if len(s.store.Rows()) != 0 {
			t.Errorf("%s: a session was left behind", call)
		}
	}
}

func TestSR31_BeforeCreateVetoes(t *testing.T) {
	t.Parallel()
	veto := errors.New("second factor pending")
	s := serve(t, cached, func(c *ginsession.Config) {
		c.BeforeCreate = func(_ context.Context, session *ginsession.Session) error {
			if session.UserID == "bob" {
				return veto
			}
			return nil
		}
	})
	got := s.browser().post("/sign-in/bob", "")
	got.expectCookies(t)
	if len(s.store.Rows()) != 0 {
		t.Error("a row was left behind")
	}
	if _, err := s.sessions.Create(t.Context(), "bob"); !errors.Is(err, veto) {
		t.Errorf("got %v, want the veto", err)
	}
	s.browser().post("/sign-in/ada", "").expect(t, 200, "ada")
}

func TestErrStarted(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.engine.GET("/late", func(c *gin.Context) {
		c.String(200, "begun")
		if _, err := s.sessions.SignIn(c, "ada"); !errors.Is(err, ginsession.ErrStarted) {
			t.Errorf("SignIn: %v", err)
		}
		if err := s.sessions.SignOut(c); !errors.Is(err, ginsession.ErrStarted) {
			t.Errorf("SignOut: %v", err)
		}
	})
	s.engine.GET("/copy", func(c *gin.Context) {
		if _, err := s.sessions.SignIn(c.Copy(), "ada"); !errors.Is(err, ginsession.ErrStarted) {
			t.Errorf("SignIn on a copy: %v", err)
		}
		if err := s.sessions.SignOut(c.Copy()); !errors.Is(err, ginsession.ErrStarted) {
			t.Errorf("SignOut on a copy: %v", err)
		}
	})
	s.store.reset()
	b.get("/late").expectCookies(t)
	b.get("/copy").expectCookies(t)
	if s.store.count("create")+s.store.count("revoke") != 0 {
		t.Error("the store was touched")
	}
}

func TestFromReflectsSignInAndSignOut(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.engine.POST("/switch", func(c *gin.Context) {
		ctx := c.Request.Context()
		if ginsession.From(c).UserID != "ada" {
			t.Error("not ada")
		}
		if err := s.sessions.SignOut(c); err != nil {
			t.Error(err)
		}
		if ginsession.From(c) != nil {
			t.Error("still somebody")
		}
		if _, err := s.sessions.Load(c); !errors.Is(err, ginsession.ErrNoSession) {
			t.Errorf("Load: %v", err)
		}
		if _, err := s.sessions.SignIn(c, "bob"); err != nil {
			t.Error(err)
		}
		if ginsession.FromContext(ctx).User.Email != "bob@example.com" {
			t.Error("not bob")
		}
	})
	got := b.post("/switch", "")
	b.get("/me").expect(t, 200, "bob@example.com false")
	// The last line for a name is the last decision, and one value is enough.
	values := 0
	for _, line := range got.cookies {
		if strings.HasPrefix(line, tokenCookie+"=") && !strings.Contains(line, "Max-Age=0;") {
			values++
		}
	}
	if values != 1 || !strings.HasPrefix(got.cookies[len(got.cookies)-1], tokenCookie+"=") {
		t.Errorf("cookies %q", got.cookies)
	}
}

// That of a request whose sign-out failed nobody knows any more.
func TestFromReflectsASignOutThatFailed(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.engine.POST("/out", func(c *gin.Context) {
		if err := s.sessions.SignOut(c); !errors.Is(err, ginsession.ErrStore) || ginsession.From(c) != nil {
			t.Errorf("SignOut: %v, and From has %v", err, ginsession.From(c))
		}
		if _, err := s.sessions.Load(c); !errors.Is(err, ginsession.ErrStore) {
			t.Errorf("Load: %v", err)
		}
	})
	s.downFor("revoke")
	b.post("/out", "")
}

func TestSR21_NoUsableValueStaysAfterSignOut(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	s.engine.POST("/veto", func(c *gin.Context) {
		if _, err := s.sessions.SignIn(c, "ada"); err != nil {
			t.Error(err)
		}
		if err := s.sessions.SignOut(c); err != nil {
			t.Error(err)
		}
	})
	got := s.browser().post("/veto", "")
	got.expectCookies(t, gone(tokenCookie, dataCookie, markerCookie)...)

	// The same for a session that slid before the handler ran.
	b := s.signedIn("ada")
	s.advance(25 * time.Hour)
	s.engine.POST("/out", func(c *gin.Context) { _ = s.sessions.SignOut(c) })
	for _, line := range b.post("/out", "").cookies {
		if !strings.Contains(line, "=; Max-Age=0;") {
			t.Errorf("a value stays: %s", line)
		}
	}
}

func TestSR65_ForwardingHeadersOfStrangers(t *testing.T) {
	t.Parallel()
	trusting := func(e *gin.Engine, t *testing.T) {
		if err := e.SetTrustedProxies([]string{"10.0.0.0/8"}); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name   string
		proxy  bool // SetTrustedProxies
		peer   string
		header string
		want   string
	}{
		{"no header", false, "203.0.113.9:5000", "", "203.0.113.9"},
		{"gin as it comes believes anyone", false, "203.0.113.9:5000", "6.6.6.6", "203.0.113.9"},
		{"the trusted proxy is believed", true, "10.1.2.3:5000", "6.6.6.6", "6.6.6.6"},
		{"from the right", true, "10.1.2.3:5000", "1.1.1.1, 6.6.6.6, 10.9.9.9", "6.6.6.6"},
		{"a stranger is not", true, "203.0.113.9:5000", "6.6.6.6", "203.0.113.9"},
		{"IPv6, to its network", false, "[2001:db8:1:2:3:4:5:6]:5000", "", "2001:0db8:0001:0002:0000:0000:0000:0000"},
		{"a Unix socket", false, "@", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			if test.proxy {
				trusting(s.engine, t)
			}
			b := s.browser()
			b.peer = test.peer
			if test.header != "" {
				b.header.Set("X-Forwarded-For", test.header)
			}
			b.post("/sign-in/ada", "").expect(t, 200, "ada")
			if got := *s.store.Rows()[0].IPAddress; got != test.want {
				t.Errorf("stored %q, want %q", got, test.want)
			}
		})
	}
}

// The vectors of client addresses, with gin set up as Better Auth is in them.
func TestVectorsOfClientAddresses(t *testing.T) {
	t.Parallel()
	different := map[string]struct{ want, why string }{
		"ip-2":  {"10.0.0.1", "SR-65: the peer is trusted, so what it says of its own peer counts"},
		"ip-8":  {peer, "no address in the header: the peer's counts (Better Auth never uses it)"},
		"ip-9":  {peer, "the same"},
		"ip-10": {peer, "the same"},
		"ip-13": {peer, "the same"},
	}
	text, err := os.ReadFile(cmp.Or(os.Getenv("CONTRACT_VECTORS"), "testdata/contract/vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	type vector struct {
		Name, Kind       string
		Inputs, Expected json.RawMessage
	}
	seen := 0
	for _, v := range decode[struct{ Vectors []vector }](t, string(text)).Vectors {
		if v.Kind != "client_ip" {
			continue
		}
		seen++
		in := decode[struct {
			Headers   map[string]string
			IPAddress struct {
				IPAddressHeaders, TrustedProxies []string
				IPv6Subnet                       int
			}
		}](t, string(v.Inputs))
		s := serve(t, func(c *ginsession.Config) { c.IPv6Subnet = in.IPAddress.IPv6Subnet })
		if err := s.engine.SetTrustedProxies(append(in.IPAddress.TrustedProxies, peer)); err != nil {
			t.Fatal(err)
		}
		s.engine.RemoteIPHeaders = []string{"X-Forwarded-For"}
		if in.IPAddress.IPAddressHeaders != nil {
			s.engine.RemoteIPHeaders = in.IPAddress.IPAddressHeaders
		}
		b := s.browser()
		b.peer = peer + ":5000"
		for name, value := range in.Headers {
			b.header.Set(name, value)
		}
		b.signIn("ada")
		want := decode[struct{ Stored string }](t, string(v.Expected)).Stored
		if d, ok := different[v.Name]; ok {
			want = d.want
		}
		if got := *s.store.Rows()[0].IPAddress; got != want {
			t.Errorf("%s: %s: stored %q, want %q", v.Name, v.Inputs, got, want)
		}
	}
	if seen == 0 {
		t.Error("no vectors of client addresses")
	}
}

const peer = "203.0.113.77"

func TestSR65_ClientIPMustBeAnAddress(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"198.51.100.7": "198.51.100.7", "'; DROP TABLE session": "", "1.2.3.4:80": "", "": ""} {
		s := serve(t, func(c *ginsession.Config) { c.ClientIP = func(*gin.Context) string { return given } })
		s.signedIn("ada")
		if got := *s.store.Rows()[0].IPAddress; got != want {
			t.Errorf("%q: stored %q, want %q", given, got, want)
		}
	}
}

func TestSR66_UserAgentIsCleaned(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, agent := range []string{strings.Repeat("é", 1<<19), "\x1b[31mred", "bad \xff\xfe bytes", "nul\x00", "bidi \u202e override", "日本語 😀"} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header["User-Agent"] = []string{agent}
		s.browser().do(r, "/sign-in/ada", "").expect(t, 200, "ada")
	}
	for _, row := range s.store.Rows() {
		agent := *row.UserAgent
		if len(agent) > 512 || !utf8.ValidString(agent) || strings.ContainsFunc(agent, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x202e }) {
			t.Errorf("stored %q", agent)
		}
	}
}

func TestOptionsOfSignInAndCreate(t *testing.T) {
	t.Parallel()
	s := serve(t)
	session, err := s.sessions.Create(t.Context(), "ada", ginsession.WithClient("198.51.100.7", "cron\x00"), ginsession.DontRemember(), ginsession.KeepPrevious())
	if err != nil {
		t.Fatal(err)
	}
	if session.IPAddress != "198.51.100.7" || session.UserAgent != "cron" || !session.ExpiresAt.Equal(start.Add(24*time.Hour)) {
		t.Errorf("got %+v", session)
	}
	s.engine.POST("/beside", func(c *gin.Context) {
		session, err = s.sessions.SignIn(c, "ada", ginsession.WithClient("198.51.100.8", "app"), ginsession.KeepPrevious())
	})
	b := s.signedIn("ada")
	kept := b.copy()
	if b.post("/beside", ""); err != nil || session.IPAddress != "198.51.100.8" || session.UserAgent != "app" {
		t.Errorf("got %+v, %v", session, err)
	}
	kept.get("/me").expect(t, 200, byStore)
}
