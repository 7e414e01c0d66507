package ginsession_test

import (
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"

// withDevices serves the page at /devices.
func withDevices(s *service, options ginsession.DevicesPage) *service {
	page := s.sessions.DevicesPage(options)
	s.engine.Any("/devices", page)
	return s
}

// form posts one as a browser does.
func (b *browser) form(path string, pairs ...string) reply {
	b.s.t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	b.header.Set("Content-Type", "application/x-www-form-urlencoded")
	defer b.header.Del("Content-Type")
	return b.send(http.MethodPost, path, values.Encode())
}

// press loads the page, presses the button that does this to this session, and
// follows the redirect.
func (b *browser) press(do, handle string) reply {
	b.s.t.Helper()
	got := b.form("/devices", "csrf", b.csrf(), "do", do, "session", handle)
	if got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "?") {
		b.s.t.Fatalf("%s: %d %q %s", do, got.status, got.header.Get("Location"), got.body)
	}
	return b.get("/devices" + got.header.Get("Location"))
}

var (
	csrfField  = regexp.MustCompile(`name="csrf" value="([^"]*)"`)
	heading    = regexp.MustCompile(`<h2>(.*)</h2>`)
	noticeText = regexp.MustCompile(`role="status"[^>]*>([^<]*)<`)
)

func all(pattern *regexp.Regexp, text string) []string {
	var found []string
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

func (b *browser) csrf() string {
	b.s.t.Helper()
	got := b.get("/devices")
	if found := all(csrfField, got.body); got.status == http.StatusOK && len(found) > 0 {
		return found[0]
	}
	b.s.t.Fatalf("no form: %d %s", got.status, got.body)
	return ""
}

func (r reply) expectPage(t *testing.T, status int, parts ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("got %d, want %d: %s", r.status, status, r.body)
	}
	for _, part := range parts {
		if !strings.Contains(r.body, part) {
			t.Errorf("no %q in %s", part, r.body)
		}
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
	} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	nonce := all(regexp.MustCompile(`nonce="(.*?)"`), r.body)
	want := "default-src 'none'; style-src 'nonce-" + strings.Join(nonce, " ") + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	if got := r.header.Get("Content-Security-Policy"); got != want {
		t.Errorf("policy %q, want %q", got, want)
	}
}

func (r reply) notice() string { return strings.Join(all(noticeText, r.body), "; ") }

func TestDevicesPageShowsTheUsersSessions(t *testing.T) {
	t.Parallel()
	s := withDevices(serve(t), ginsession.DevicesPage{})
	phone, laptop, bob := s.browser(), s.browser(), s.signedIn("bob")
	phone.header.Set("User-Agent", "Phone/1")
	phone.peer = "203.0.113.9:1"
	phone.signIn("ada")
	s.advance(time.Hour)
	laptop.header.Set("User-Agent", firefox)
	laptop.peer = "[2001:db8:1:2:3::4]:1"
	laptop.signIn("ada")
	s.advance(time.Hour)
	old := s.browser()
	old.peer = "[::1]:1" // of which only zeros are stored
	old.signIn("ada")
	s.store.edit(old.token(), func(row *models.Session) { row.UpdatedAt, row.UserAgent = start.Add(-time.Hour), nil })

	got := laptop.get("/devices")
	got.expectPage(t, 200,
		"Signed in as Name of ada (ada@example.com)",
		`<dd>2001:db8:1:2::</dd>`, `<dd>203.0.113.9</dd>`,
		`<time datetime="2026-01-15T13:00:00Z">15 January 2026, 13:00 UTC</time>`,
		`<dt>Last seen</dt> <dd>Now</dd>`,
		`aria-label="Sign out Phone/1" aria-describedby="about-1"`)
	if got := all(heading, got.body); !slices.Equal(got, []string{firefox[:60] + `… <span class="badge">This device</span>`, "Phone/1", "Unknown device"}) {
		t.Errorf("devices %q", got)
	}
	if n := strings.Count(got.body, "<dt>IP address</dt>"); n != 2 {
		t.Errorf("%d addresses", n)
	}
	for _, b := range []*browser{phone, laptop, bob, old} {
		if strings.Contains(got.body, b.token()) {
			t.Error("the page holds a token")
		}
	}
	if strings.Contains(got.body, bob.session().Session.Token) {
		t.Error("the page holds another user's session")
	}
	if got.header.Get("Vary") != "Cookie" || got.notice() != "" {
		t.Errorf("Vary %q, notice %q", got.header.Get("Vary"), got.notice())
	}
	if head := laptop.send(http.MethodHead, "/devices", ""); head.status != 200 {
		t.Errorf("HEAD: %d", head.status)
	}
	if other := laptop.send(http.MethodDelete, "/devices", ""); other.status != 405 {
		t.Errorf("DELETE: %d", other.status)
	}
}

// The store lists a hundred sessions, of which this one need not be one.
func TestDevicesPageOfMoreDevicesThanAreListed(t *testing.T) {
	t.Parallel()
	s := withDevices(serve(t), ginsession.DevicesPage{})
	for range 100 {
		if _, err := s.sessions.Create(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
	}
	b := s.signedIn("ada")
	s.store.edit(b.token(), func(row *models.Session) { row.ID = "~" }) // behind all others
	got := b.get("/devices")
	got.expectPage(t, 200, "There are more devices than are shown here.")
	if names := all(heading, got.body); len(names) != 101 || !strings.Contains(names[0], "This device") {
		t.Errorf("%d devices, the first is %q", len(names), names[0])
	}
	if got := b.press("sign-out-others", ""); len(all(heading, got.body)) != 1 || len(s.store.Rows()) != 1 {
		t.Errorf("%d sessions are left", len(s.store.Rows()))
	}
}

func TestDevicesPageSignsOut(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*ginsession.Config){func(*ginsession.Config) {}, cached, hashing} {
		s := withDevices(serve(t, change), ginsession.DevicesPage{})
		here, one, two, three, bob := s.signedIn("ada"), s.signedIn("ada"), s.signedIn("ada"), s.signedIn("ada"), s.signedIn("bob")

		got := here.press("sign-out-device", one.session().Session.Token)
		got.expectPage(t, 200)
		if got.notice() != "The device has been signed out." || len(all(heading, got.body)) != 3 {
			t.Errorf("one: %q %s", got.notice(), got.body)
		}
		one.get("/store").expect(t, 401, bodyUnauthorized)
		two.get("/store").expect(t, 200, "ada@example.com false")

		got = here.press("sign-out-others", "")
		if got.notice() != "All other devices have been signed out." || !strings.Contains(got.body, "You are not signed in anywhere else.") {
			t.Errorf("others: %q %s", got.notice(), got.body)
		}
		for _, b := range []*browser{two, three} {
			b.get("/store").expect(t, 401, bodyUnauthorized)
		}

		here.press("sign-out-here", "").expectPage(t, 401, "You are not signed in")
		if here.token() != "" {
			t.Error("the cookie stays")
		}
		bob.get("/store").expect(t, 200, "bob@example.com false")
	}
}

// The page never shows another's session, and a form that names one does nothing,
// and says nothing about it.
func TestSR43_DevicesPageEndsOnesOwnSessionsOnly(t *testing.T) {
	t.Parallel()
	s := withDevices(serve(t), ginsession.DevicesPage{})
	ada, bob := s.signedIn("ada"), s.signedIn("bob")
	got := ada.press("sign-out-device", bob.session().Session.Token)
	if got.notice() != "The device has been signed out." { // as for one that is gone: SR-42
		t.Errorf("notice %q", got.notice())
	}
	bob.get("/store").expect(t, 200, "bob@example.com false")
	// By handle, never by token.
	second := s.signedIn("ada")
	ada.form("/devices", "csrf", ada.csrf(), "do", "sign-out-device", "session", second.token()).expectPage(t, 400, "Nothing was changed")
	second.get("/store").expect(t, 200, "ada@example.com false")
}

func TestSR52_DevicesPageBelievesItsOwnFormsOnly(t *testing.T) {
	t.Parallel()
	s := withDevices(serve(t), ginsession.DevicesPage{})
	ada, other, bob := s.signedIn("ada"), s.signedIn("ada"), s.signedIn("bob")
	csrf := ada.csrf()
	handle := other.session().Session.Token
	notice := strings.TrimPrefix(ada.form("/devices", "csrf", csrf, "do", "sign-out-device", "session", s.signedIn("ada").session().Session.Token).header.Get("Location"), "?done=sign-out-device.")
	foreign := ada.copy()
	foreign.origin = "https://evil.example"
	silent := ada.copy()
	silent.origin = ""
	for _, tt := range []struct {
		name   string
		by     *browser
		status int
		pairs  []string
	}{
		{"no value", ada, 403, []string{"do", "sign-out-device", "session", handle}},
		{"another user's", ada, 403, []string{"csrf", bob.csrf(), "do", "sign-out-device", "session", handle}},
		{"of another session of the user", ada, 403, []string{"csrf", other.csrf(), "do", "sign-out-device", "session", handle}},
		{"a handle", ada, 403, []string{"csrf", ada.session().Session.Token, "do", "sign-out-others"}},
		{"a notice's", ada, 403, []string{"csrf", notice, "do", "sign-out-others"}},
		{"one letter off", ada, 403, []string{"csrf", csrf[1:] + "A", "do", "sign-out-here"}},
		{"from another site", foreign, 403, []string{"csrf", csrf, "do", "sign-out-device", "session", handle}},
		{"from nowhere", silent, 403, []string{"csrf", csrf, "do", "sign-out-others"}},
		{"nothing to do", ada, 400, []string{"csrf", csrf}},
		{"something else", ada, 400, []string{"csrf", csrf, "do", "delete-account"}},
		{"no session", ada, 400, []string{"csrf", csrf, "do", "sign-out-device"}},
		{"no handle", ada, 400, []string{"csrf", csrf, "do", "sign-out-device", "session", "' OR 1=1 -- "}},
		{"too large", ada, 400, []string{"csrf", csrf, "do", "sign-out-others", "more", strings.Repeat("x", 5000)}},
	} {
		got := tt.by.form("/devices", tt.pairs...)
		got.expectPage(t, tt.status, "Nothing was changed")
		got.expectCookies(t)
		if t.Failed() {
			t.Fatal(tt.name)
		}
	}
	ada.send(http.MethodPost, "/devices", `{"do":"sign-out-others"}`).expectPage(t, 400)
	if got := ada.form("/devices?csrf="+csrf+"&do=sign-out-others", "x", "y"); got.status != 400 {
		t.Errorf("a form in the address: %d", got.status)
	}
	for _, b := range []*browser{ada, other, bob} {
		if got := b.get("/store"); got.status != 200 {
			t.Errorf("signed out: %d", got.status)
		}
	}
}

// Nobody can make the page say that something was done.
func TestDevicesPageSaysWhatWasDoneToItsOwnUserOnly(t *testing.T) {
	t.Parallel()
	s := withDevices(serve(t), ginsession.DevicesPage{})
	ada, bob := s.signedIn("ada"), s.signedIn("bob")
	location := bob.form("/devices?lang=en", "csrf", bob.csrf(), "do", "sign-out-others").header.Get("Location")
	if got := bob.get("/devices" + location); got.notice() != "All other devices have been signed out." || !strings.HasSuffix(location, "&lang=en") {
		t.Errorf("%q: %q", location, got.notice())
	}
	for _, link := range []string{location, "?done=sign-out-others", "?done=sign-out-others.", "?done=form." + ada.csrf(), "?done=" + url.QueryEscape("<script>")} {
		if got := ada.get("/devices" + link); got.status != 200 || got.notice() != "" || strings.Contains(got.body, "<script") {
			t.Errorf("%s: %d %q", link, got.status, got.notice())
		}
	}
}

func TestDevicesPageWithoutASession(t *testing.T) {
	t.Parallel()
	s := withDevices(serve(t, cached), ginsession.DevicesPage{})
	s.browser().get("/devices").expectPage(t, 401, "You are not signed in")
	s.browser().form("/devices", "do", "sign-out-others").expectPage(t, 401)
	b, other := s.signedIn("ada"), s.signedIn("ada")
	thief := b.copy()
	other.press("sign-out-device", b.session().Session.Token)
	thief.get("/devices").expectPage(t, 401) // whatever its cookie cache says (SR-26)

	for signIn, policy := range map[string]string{"/login": "'self'", "https://id.example.com:8443/login?x=y": "'self' https://id.example.com:8443"} {
		s = withDevices(serve(t), ginsession.DevicesPage{SignInURL: signIn})
		for _, got := range []reply{s.browser().get("/devices"), s.browser().form("/devices", "do", "sign-out-here")} {
			if got.status != 303 || got.header.Get("Location") != signIn || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%d %q %v", got.status, got.header.Get("Location"), got.header)
			}
		}
		if got := s.signedIn("ada").get("/devices").header.Get("Content-Security-Policy"); !strings.Contains(got, "form-action "+policy+";") {
			t.Errorf("policy %q", got)
		}
	}
}

func TestSR79_DevicesPageWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	s := withDevices(serve(t), ginsession.DevicesPage{SignInURL: "/login"}) // which is for those without a session
	b, other := s.signedIn("ada"), s.signedIn("ada")
	csrf, handle := b.csrf(), other.session().Session.Token
	for _, broken := range []string{"find", "list", "tokens", "revoke"} {
		s.downFor(broken)
		ask := func() reply { return b.form("/devices", "csrf", csrf, "do", "sign-out-device", "session", handle) }
		if broken == "list" {
			ask = func() reply { return b.get("/devices") }
		}
		got := ask()
		got.expectPage(t, 503, "You have not been signed out here", "Try again")
		got.expectCookies(t)
		if got.header.Get("Retry-After") != "1" || strings.Contains(got.body, errDown.Error()) {
			t.Errorf("%s: %v %s", broken, got.header, got.body)
		}
		s.up()
		b.get("/store").expect(t, 200, "ada@example.com false")
		other.get("/store").expect(t, 200, "ada@example.com false")
	}
}

func TestSR66_DevicesPageEscapesWhatStrangersChose(t *testing.T) {
	t.Parallel()
	hostile := `<script>alert(1)</script>"'><img src=x onerror=alert(1)>` + "\u202e{{.CSRF}}" + strings.Repeat("A", 600)
	for _, describe := range []func(string, http.Header) (string, string, string){
		nil,
		func(agent string, _ http.Header) (string, string, string) { return agent, hostile, "\x00" + hostile },
	} {
		s := withDevices(serve(t), ginsession.DevicesPage{Describe: describe})
		ada := user("ada")
		ada.Name = hostile
		s.store.AddUser(ada)
		b := s.browser()
		b.header.Set("User-Agent", hostile)
		b.signIn("ada")
		s.browser().signIn("ada")
		got := b.get("/devices")
		got.expectPage(t, 200, "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&gt;&lt;img src=x onerror=alert(1)&gt;", "…")
		for _, never := range []string{"<script", "<img", `"'>`, "\x00", strings.Repeat("A", 601)} {
			if strings.Contains(got.body, never) {
				t.Errorf("%q is in %s", never, got.body)
			}
		}
	}
}

func TestDevicesPageAsksTheHook(t *testing.T) {
	t.Parallel()
	var asked []string
	s := withDevices(serve(t), ginsession.DevicesPage{Describe: func(agent string, hints http.Header) (string, string, string) {
		asked = append(asked, agent+" "+strings.Join(hints["Sec-Ch-Ua-Platform"], ",")+" "+hints.Get("Cookie"))
		if agent == "other" {
			return "", "", "Toaster"
		}
		return "Browser 9", "System", "Model"
	}})
	b, other := s.browser(), s.browser()
	b.header.Set("User-Agent", "before")
	b.signIn("ada")
	other.header.Set("User-Agent", "other")
	other.signIn("ada")
	b.header.Set("User-Agent", "today")
	b.header.Set("Sec-Ch-Ua-Platform", `"Android"`)
	got := b.get("/devices")
	got.expectPage(t, 200, "<h2>Browser 9 on System <", ">Model</p>", "<h2>Toaster</h2>", `aria-label="Sign out Toaster"`)
	if want := []string{`today "Android" `, "other  "}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	b.header.Del("User-Agent") // then that of the sign-in
	b.get("/devices")
	if got := asked[2]; got != `before "Android" ` {
		t.Errorf("asked %q", got)
	}
}

func TestDevicesPageInAnotherLanguage(t *testing.T) {
	t.Parallel()
	s := withDevices(serve(t), ginsession.DevicesPage{
		Time:     func(t time.Time) string { return t.Format("2.1.2006") },
		Describe: func(string, http.Header) (string, string, string) { return "Firefox", "Linux", "" },
		Texts:    ginsession.DevicesTexts{Lang: "de", Title: "Ihre Geräte", BrowserOnSystem: "{browser} unter {system}", SignOutDevice: "{device} abmelden"},
	})
	b := s.signedIn("ada")
	s.signedIn("ada")
	b.get("/devices").expectPage(t, 200, `<html lang="de">`, "<title>Ihre Geräte</title>", "Firefox unter Linux", `aria-label="Firefox unter Linux abmelden"`, ">15.1.2026</time>", "Sign out all other devices")

	own := template.Must(template.New("").Parse(`<p>{{.Texts.Title}} {{.CSRF}} {{range .Devices}}{{.Handle}} {{.Name}}{{end}}</p>`))
	s = withDevices(serve(t), ginsession.DevicesPage{Template: own})
	if got := s.signedIn("ada").get("/devices"); !strings.HasPrefix(got.body, "<p>Your devices ") {
		t.Errorf("%s", got.body)
	}
}

func TestSR90_DevicesPageOptionFaults(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, tt := range []struct {
		options ginsession.DevicesPage
		want    []string
	}{
		{ginsession.DevicesPage{SignInURL: "login"}, []string{`DevicesPage.SignInURL is "login": use a path`}},
		{ginsession.DevicesPage{SignInURL: "//evil.example/"}, []string{"SignInURL"}},
		{ginsession.DevicesPage{SignInURL: "javascript:alert(1)"}, []string{"SignInURL"}},
		{ginsession.DevicesPage{SignInURL: "https://a.example\r\nX: y"}, []string{"SignInURL"}},
		{ginsession.DevicesPage{Texts: ginsession.DevicesTexts{SignOutDevice: "Abmelden", SignedInAs: "Hallo"}}, []string{`Texts.SignOutDevice is "Abmelden", without {device}`, "Texts.SignedInAs"}},
		{ginsession.DevicesPage{Template: template.Must(template.New("").Parse(`{{.Nonsense}}`))}, []string{"Template cannot be executed"}},
		{ginsession.DevicesPage{Template: template.Must(template.New("").Parse(`{{if .Problem}}{{.Nonsense}}{{end}}`))}, []string{"Template cannot be executed"}},
	} {
		func() {
			defer func() {
				err, _ := recover().(error)
				for _, want := range tt.want {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%+v: %v, want %q", tt.options.SignInURL, err, want)
					}
				}
			}()
			s.sessions.DevicesPage(tt.options)
		}()
	}
}

func TestDevicesPageWithSeveralAccounts(t *testing.T) {
	t.Parallel()
	s := withDevices(threeUsers(serve(t, multi, cached)), ginsession.DevicesPage{})
	b := s.browser()
	b.signIn("ada")
	if got := b.get("/devices").body; strings.Contains(got, "Accounts on this device") {
		t.Error("one account is no choice")
	}
	b.signIn("bob")
	b.signIn("cyd")
	ada := accountHandle(t, b, "ada")
	got := b.get("/devices")
	got.expectPage(t, 200, "Accounts on this device", "Sign out all accounts on this device", `aria-label="Switch to Name of ada (ada@example.com)"`, `Name of cyd <span class="badge">Active`)

	if got := b.press("switch-account", ada); got.notice() != "You have switched accounts." || !strings.Contains(got.body, "Signed in as Name of ada") {
		t.Errorf("switch: %s", got.body)
	}
	if got := b.press("sign-out-account", accountHandle(t, b, "bob")); got.notice() != "The account has been signed out on this device." || strings.Contains(got.body, "Name of bob") {
		t.Errorf("sign bob out: %s", got.body)
	}
	if got := b.press("sign-out-account", ada); got.notice() != "The account has been signed out on this device." || !strings.Contains(got.body, "Signed in as Name of cyd") {
		t.Errorf("sign the active one out: %s", got.body)
	}
	if got := b.press("switch-account", ada); got.notice() != "That account is no longer signed in on this device." {
		t.Errorf("switch to nobody: %s", got.body)
	}
	b.signIn("bob")
	b.press("sign-out-here", "").expectPage(t, 401)
	if rows := s.store.Rows(); len(rows) != 0 || len(b.cookies) != 0 {
		t.Errorf("%d sessions, %d cookies", len(rows), len(b.cookies))
	}
}

// accountHandle is the handle by which the protocol calls a user's session on the
// device.
func accountHandle(t *testing.T, b *browser, user string) string {
	t.Helper()
	for _, found := range decode[[]sessionBody](t, b.get(listDevices).body) {
		if found.User.ID == user {
			return found.Session.Token
		}
	}
	t.Fatalf("%s is not signed in", user)
	return ""
}

func TestDevicesPageOnMariaDB(t *testing.T) {
	t.Parallel()
	s, db := serveMySQL(t)
	withDevices(s, ginsession.DevicesPage{})
	here, other, bob := s.signedIn("ada"), s.signedIn("ada"), s.signedIn("bob")
	csrf, handle, bobs := here.csrf(), other.session().Session.Token, bob.session().Session.Token
	for _, tt := range []struct {
		name   string
		want   int
		do     func() reply
		status int
	}{
		{"page: read, list", 2, func() reply { return here.get("/devices") }, 200},
		{"another's: read, tokens", 2, func() reply {
			return here.form("/devices", "csrf", csrf, "do", "sign-out-device", "session", bobs)
		}, 303},
		{"one: read, tokens, delete", 3, func() reply {
			return here.form("/devices", "csrf", csrf, "do", "sign-out-device", "session", handle)
		}, 303},
		{"others: read, delete", 2, func() reply { return here.form("/devices", "csrf", csrf, "do", "sign-out-others") }, 303},
	} {
		var got reply
		if n := questions(t, db, func() { got = tt.do() }); n != tt.want || got.status != tt.status {
			t.Errorf("%s: %d statements, want %d; %d", tt.name, n, tt.want, got.status)
		}
	}
	other.get("/store").expect(t, 401, bodyUnauthorized)
	bob.get("/store").expect(t, 200, "bob@example.com false")
	if err := db.Exec("RENAME TABLE `session` TO `away`").Error; err != nil {
		t.Fatal(err)
	}
	got := here.get("/devices")
	got.expectPage(t, 503, "You have not been signed out here")
	got.expectCookies(t)
	if strings.Contains(got.body, "away") { // SR-68
		t.Error("the page tells too much")
	}
}
