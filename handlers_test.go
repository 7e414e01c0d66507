package ginsession_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

func TestGetSession(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	got := b.get("/api/auth/get-session")
	row, _ := s.store.row(b.token())
	want := `{"session":{"expiresAt":"2026-01-22T12:00:00.000Z","token":"` + b.session().Session.Token +
		`","createdAt":"2026-01-15T12:00:00.000Z","updatedAt":"2026-01-15T12:00:00.000Z","ipAddress":"192.0.2.1","userAgent":"","userId":"ada","id":"` + row.ID +
		`"},"user":{"name":"Name of ada","email":"ada@example.com","emailVerified":false,"image":null,"createdAt":"2026-01-15T12:00:00.000Z","updatedAt":"2026-01-15T12:00:00.000Z","id":"ada"}}`
	got.expect(t, 200, want)
	got.expectCookies(t)
	if got.header.Get("Content-Type") != "application/json" || got.header.Get("Pragma") != "no-cache" {
		t.Errorf("headers %v", got.header)
	}
	s.browser().get("/api/auth/get-session").expect(t, 200, "null")
}

func TestSR44_BodiesHoldHandlesNotTokens(t *testing.T) {
	t.Parallel()
	s := serve(t)
	one, two, bob := s.signedIn("ada"), s.signedIn("ada"), s.signedIn("bob")
	list := one.get("/api/auth/list-sessions")
	for _, b := range []*browser{one, two, bob} {
		if strings.Contains(list.body, b.token()) {
			t.Error("the list holds a raw token")
		}
	}
	handles := tokensIn(t, list)
	if len(handles) != 2 || !slices.Contains(handles, one.session().Session.Token) || !slices.Contains(handles, two.session().Session.Token) {
		t.Fatalf("handles %q", handles)
	}
	if !strings.HasPrefix(handles[0], "h_") || len(handles[0]) != 45 {
		t.Errorf("handle %q", handles[0])
	}
	// A handle never authenticates, signed or not.
	for _, handle := range handles {
		for _, value := range []string{handle, sign(secret, handle)} {
			s.withCookies(tokenCookie+"="+value).get("/me").expect(t, 401, bodyUnauthorized)
		}
	}
	// Another user's handle ends nothing.
	bob.post("/api/auth/revoke-session", `{"token":"`+two.session().Session.Token+`"}`).expect(t, 200, statusTrue)
	two.get("/me").expect(t, 200, "ada@example.com false")
	// The own user's does.
	one.post("/api/auth/revoke-session", `{"token":"`+two.session().Session.Token+`"}`).expect(t, 200, statusTrue)
	two.get("/me").expect(t, 401, bodyUnauthorized)
}

func tokensIn(t *testing.T, list reply) []string {
	t.Helper()
	var tokens []string
	for _, session := range decode[[]struct{ Token string }](t, list.body) {
		tokens = append(tokens, session.Token)
	}
	return tokens
}

func TestSR44_HandleOutlivesItsSecret(t *testing.T) {
	t.Parallel()
	old := serve(t, func(c *ginsession.Config) { c.Secret = oldSecret })
	one, two := old.signedIn("ada"), old.signedIn("ada")
	handle := two.session().Session.Token
	rotated := serve(t, func(c *ginsession.Config) { c.OldSecrets, c.Store = []string{oldSecret}, old.store })
	one.s = rotated
	one.post("/api/auth/revoke-session", `{"token":"`+handle+`"}`).expect(t, 200, statusTrue)
	if _, there := old.store.row(two.token()); there {
		t.Error("a handle under the old secret was not recognised")
	}
}

func TestExposeTokens(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *ginsession.Config) { c.ExposeTokens = true })
	b, other := s.signedIn("ada"), s.signedIn("ada")
	if got := b.session().Session.Token; got != b.token() {
		t.Errorf("token %q, want the raw one", got)
	}
	if got := tokensIn(t, b.get("/api/auth/list-sessions")); !slices.Contains(got, other.token()) {
		t.Errorf("list %q", got)
	}
	b.post("/api/auth/revoke-session", `{"token":"`+other.token()+`"}`).expect(t, 200, statusTrue)
	other.get("/me").expect(t, 401, bodyUnauthorized)
	// What authenticates is listed for fresh sessions only, as in Better Auth.
	s.advance(10 * time.Minute)
	b.get("/api/auth/list-sessions").expect(t, 403, bodyNotFresh)
}

func TestListNeedsNoFreshSessionWithHandles(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.advance(time.Hour)
	if got := b.get("/api/auth/list-sessions"); got.status != 200 {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func TestSR42_RevokeSessionOfAnotherUser(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ada, bob, gone := s.signedIn("ada"), s.signedIn("bob"), s.signedIn("bob")
	s.store.Remove(gone.token())
	var first reply
	for i, token := range []string{bob.token(), bob.session().Session.Token, gone.token(), "unknownTokenUnknownTokenUnknown1", "short", "", strings.Repeat("x", 5000), "a.b", "' OR 1=1 -- "} {
		got := ada.post("/api/auth/revoke-session", `{"token":"`+token+`"}`)
		got.expect(t, 200, statusTrue)
		if i == 0 {
			first = got
		}
		if fmt.Sprint(got.header) != fmt.Sprint(first.header) {
			t.Errorf("headers differ: %v and %v", got.header, first.header)
		}
	}
	bob.get("/me").expect(t, 200, "bob@example.com false")
	if n := len(s.store.Rows()); n != 2 {
		t.Errorf("%d sessions left, want 2", n)
	}
}

func TestSR46_RevokingOneselfClearsTheCookies(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"raw token", "handle", "all"} {
		s := serve(t, cached)
		b := s.signedIn("ada")
		thief := b.copy()
		var got reply
		switch name {
		case "raw token":
			got = b.post("/api/auth/revoke-session", `{"token":"`+b.token()+`"}`)
		case "handle":
			got = b.post("/api/auth/revoke-session", `{"token":"`+b.session().Session.Token+`"}`)
		default:
			got = b.post("/api/auth/revoke-sessions", "")
		}
		got.expect(t, 200, statusTrue)
		got.expectCookies(t, gone(tokenCookie, dataCookie, dataCookie, markerCookie)...)
		thief.get("/me").expect(t, 401, bodyUnauthorized)
		if len(s.store.Rows()) != 0 {
			t.Errorf("%s: the row is still there", name)
		}
	}
}

func TestRevokeOtherSessions(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ada, bob := s.signedIn("ada"), s.signedIn("bob")
	for range 150 { // beyond any page
		s.signedIn("ada")
	}
	dead := s.signedIn("ada")
	s.store.edit(dead.token(), func(row *models.Session) { row.ExpiresAt = start.Add(-time.Hour) })
	got := ada.post("/api/auth/revoke-other-sessions", "")
	got.expect(t, 200, statusTrue)
	got.expectCookies(t)
	ada.get("/me").expect(t, 200, "ada@example.com false")
	bob.get("/me").expect(t, 200, "bob@example.com false")
	if _, there := s.store.row(dead.token()); !there {
		t.Error("expired rows are the purge's")
	}
	if n := len(s.store.Rows()); n != 3 {
		t.Errorf("%d sessions left, want 3", n)
	}
}

func TestSR45_RevokeManyIsOneStatement(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/auth/revoke-sessions", "/api/auth/revoke-other-sessions"} {
		s := serve(t)
		b := s.signedIn("ada")
		for range 3 {
			s.signedIn("ada")
		}
		s.store.reset()
		b.post(path, "{}").expect(t, 200, statusTrue)
		if s.store.count("revoke") != 1 || s.store.count("") != 2 {
			t.Errorf("%s: calls %v", path, s.store.calls)
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	const path = "/api/auth/revoke-session"
	invalid := func(what string) string {
		return `{"message":"[body` + what + `","code":"VALIDATION_ERROR"}`
	}
	tests := []struct {
		name, body  string
		contentType string
		status      int
		want        string
	}{
		{"good", `{"token":"x"}`, "application/json", 200, statusTrue},
		{"with a charset", `{"token":"x"}`, "Application/JSON; charset=utf-8", 200, statusTrue},
		{"more members", `{"a":{"b":[1]},"token":"x"}`, "application/json", 200, statusTrue},
		{"blanks around", " \r\n\t{ \"token\" : \"x\" } ", "application/json", 200, statusTrue},

		{"no member", `{}`, "application/json", 400, invalid(`.token] Invalid input: expected string, received undefined`)},
		{"SR08 number", `{"token":5}`, "application/json", 400, invalid(`.token] Invalid input: expected string, received number`)}, // SR-08
		{"SR08 boolean", `{"token":true}`, "application/json", 400, invalid(`.token] Invalid input: expected string, received boolean`)},
		{"null", `{"token":null}`, "application/json", 400, invalid(`.token] Invalid input: expected string, received null`)},
		{"SR08 array", `{"token":["a"]}`, "application/json", 400, invalid(`.token] Invalid input: expected string, received array`)},
		{"object", `{"token":{}}`, "application/json", 400, invalid(`.token] Invalid input: expected string, received object`)},
		{"SR74 other case", `{"TOKEN":"x"}`, "application/json", 400, invalid(`.token] Invalid input: expected string, received undefined`)}, // SR-74
		{"an array", `[1]`, "application/json", 400, invalid(`] Invalid input: expected object, received array`)},
		{"nothing", ``, "application/json", 400, invalid(`] Invalid input: expected object, received undefined`)},
		{"no type", `{"token":"x"}`, "", 400, invalid(`] Invalid input: expected object, received undefined`)},

		{"not JSON", `{`, "application/json", 400, `{"message":"Invalid JSON in request body","code":"BAD_REQUEST"}`},
		{"SR74 twice", `{"token":"a","token":"b"}`, "application/json", 400, `{"message":"Invalid JSON in request body","code":"BAD_REQUEST"}`},
		{"SR74 trailing", `{"token":"a"}{}`, "application/json", 400, `{"message":"Invalid JSON in request body","code":"BAD_REQUEST"}`},
		{"byte order mark", "\xef\xbb\xbf{\"token\":\"a\"}", "application/json", 400, `{"message":"Invalid JSON in request body","code":"BAD_REQUEST"}`},
		{"invalid UTF-8", "{\"token\":\"\xff\"}", "application/json", 400, `{"message":"Invalid JSON in request body","code":"BAD_REQUEST"}`},
		{"lone surrogate", `{"token":"\ud800"}`, "application/json", 400, `{"message":"Invalid JSON in request body","code":"BAD_REQUEST"}`},
		{"too deep", `{"a":` + strings.Repeat("[", 1e4) + strings.Repeat("]", 1e4) + `}`, "application/json", 400, `{"message":"Invalid JSON in request body","code":"BAD_REQUEST"}`},
		{"too large", `{"token":"` + strings.Repeat("x", 64<<10) + `"}`, "application/json", 413, `{"message":"Request body is too large","code":"PAYLOAD_TOO_LARGE"}`},

		{"text", `{"token":"x"}`, "text/plain", 415, `{"message":"Content-Type \"text/plain\" is not allowed. Allowed types: application/json","code":"UNSUPPORTED_MEDIA_TYPE"}`},
		{"form", `token=x`, "application/x-www-form-urlencoded", 415, `{"message":"Content-Type \"application/x-www-form-urlencoded\" is not allowed. Allowed types: application/json","code":"UNSUPPORTED_MEDIA_TYPE"}`},
		{"vendor JSON", `{"token":"x"}`, "application/vnd.api+json", 415, `{"message":"Content-Type \"application/vnd.api+json\" is not allowed. Allowed types: application/json","code":"UNSUPPORTED_MEDIA_TYPE"}`},
	}
	s := serve(t)
	b := s.signedIn("ada")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", strings.NewReader(test.body))
			if test.contentType != "" {
				r.Header.Set("Content-Type", test.contentType)
			}
			got := b.do(r, path, "")
			got.expect(t, test.status, test.want)
			if got.header.Get("Content-Type") != "application/json" {
				t.Errorf("Content-Type %q", got.header.Get("Content-Type"))
			}
		})
	}
	if len(s.store.Rows()) != 1 {
		t.Error("the session has ended")
	}
}

// A chunked body has no length; one without bytes is none.
func TestChunkedBodies(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	for body, want := range map[string]int{`{"token":"x"}`: 200, "": 400} {
		r := httptest.NewRequest("POST", "/", struct{ *strings.Reader }{strings.NewReader(body)})
		r.ContentLength = -1
		r.Header.Set("Content-Type", "application/json")
		if got := b.do(r, "/api/auth/revoke-session", ""); got.status != want {
			t.Errorf("%q: %d %s", body, got.status, got.body)
		}
	}
}

func TestSR56_MediaTypeBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	b.origin = "https://evil.example"
	for _, path := range []string{"revoke-session", "revoke-sessions", "revoke-other-sessions", "update-session", "sign-out"} {
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
			r := httptest.NewRequest("POST", "/", strings.NewReader(`{"token":"x"}`))
			r.Header.Set("Content-Type", kind)
			if got := b.do(r, "/api/auth/"+path, ""); got.status != 415 || len(got.cookies) > 0 {
				t.Errorf("%s as %s: %d %q", path, kind, got.status, got.cookies)
			}
		}
	}
	if len(s.store.Rows()) != 1 {
		t.Error("the session has ended")
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	b.post("/api/auth/sign-out", "{}").expect(t, 200, successTrue)
	if b.cookie(tokenCookie) != "" || len(s.store.Rows()) != 0 {
		t.Error("the session is still there")
	}
	// Without a session the cookies go all the same.
	got := s.browser().post("/api/auth/sign-out", "")
	got.expect(t, 200, successTrue)
	got.expectCookies(t, gone(tokenCookie, dataCookie, markerCookie)...)
}

func TestSignOutBodies(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	tests := []struct {
		body   string
		status int
		want   string
	}{
		{`{"callbackURL":1}`, 400, `{"message":"Invalid callbackURL: expected a string"}`},
		{`{"callbackURL":"http://evil.example/x"}`, 403, `{"message":"Invalid callbackURL","code":"INVALID_CALLBACK_URL"}`},
		{`{"redirectTo":"http://evil.example/x"}`, 403, `{"message":"Invalid redirectURL","code":"INVALID_REDIRECT_URL"}`},
		{`{"errorCallbackURL":"//evil"}`, 403, `{"message":"Invalid errorCallbackURL","code":"INVALID_ERROR_CALLBACK_URL"}`},
		{`{"newUserCallbackURL":"javascript:alert(1)"}`, 403, `{"message":"Invalid newUserCallbackURL","code":"INVALID_NEW_USER_CALLBACK_URL"}`},
		{`{"disableRedirect":"yes","state":1}`, 400, `{"message":"[body.disableRedirect] Invalid input: expected boolean, received string; [body.state] Invalid input: expected string, received number","code":"VALIDATION_ERROR"}`},
		{`[]`, 400, `{"message":"[body] Invalid input: expected object, received array","code":"VALIDATION_ERROR"}`},
		{`{"callbackURL":"/x","callbackURL":"//evil"}`, 400, `{"message":"Invalid JSON in request body","code":"BAD_REQUEST"}`},
		{`{"state":"a","state":"b"}`, 400, `{"message":"Invalid JSON in request body","code":"BAD_REQUEST"}`},
	}
	for _, test := range tests {
		got := b.post("/api/auth/sign-out", test.body)
		got.expect(t, test.status, test.want)
		got.expectCookies(t)
	}
	if len(s.store.Rows()) != 1 {
		t.Fatal("the session has ended")
	}
	b.post("/api/auth/sign-out", `{"callbackURL":"/goodbye?x=1","disableRedirect":true,"state":"s"}`).expect(t, 200, successTrue)
}

func TestSR61_RedirectsThatLeadElsewhere(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	for _, bad := range []string{"//evil", `/\\evil`, "/%2f%2fevil", "/%5cevil", "/..//evil", "/a/../..//evil", "javascript:alert(1)", "/a\\tb", "/\\t/evil", "http://evil.example", "https://localhost:3000", "http://localhost:3000@evil.example", "http://localhost:3001/"} {
		if got := b.post("/api/auth/sign-out", `{"callbackURL":"`+bad+`"}`); got.status != 403 {
			t.Errorf("%s in the body: %d %s", bad, got.status, got.body)
		}
	}
	if got := b.post("/api/auth/sign-out?callbackURL=//evil", "{}"); got.status != 403 {
		t.Errorf("in the query: %d", got.status)
	}
	for _, none := range []string{`null`, `""`, `0`, `false`} { // by which the query counts
		if got := b.post("/api/auth/sign-out?callbackURL=//evil", `{"callbackURL":`+none+`}`); got.status != 403 {
			t.Errorf("in the query beside %s: %d", none, got.status)
		}
	}
	if len(s.store.Rows()) != 1 {
		t.Fatal("the session has ended")
	}
	for _, good := range []string{"", "/", "/a/b?c=//d#e", "http://localhost:3000/x"} {
		s.signedIn("ada").post("/api/auth/sign-out", `{"callbackURL":"`+good+`"}`).expect(t, 200, successTrue)
	}
}

func TestSR57_OtherMethodsChangeNothing(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	before := fmt.Sprint(s.store.Rows())
	for _, path := range []string{"revoke-session", "revoke-sessions", "revoke-other-sessions", "update-session", "sign-out"} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "TRACE", "PUT"} {
			b.header.Set("X-Http-Method-Override", "POST")
			got := b.send(method, "/api/auth/"+path+"?_method=POST", "")
			got.expect(t, 404, "")
			got.expectCookies(t)
		}
	}
	if fmt.Sprint(s.store.Rows()) != before {
		t.Error("rows have changed")
	}
}

func TestSR64_InputIsNotEchoed(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	const script = `<script>alert(1)</script>`
	for _, body := range []string{`{"token":"` + script + `"}`, `{"` + script + `":1}`, `{"token":{"` + script + `":1}}`} {
		if got := b.post("/api/auth/revoke-session?q="+"%3Cscript%3E", body); strings.Contains(got.body, "script") {
			t.Errorf("echoed: %s", got.body)
		}
	}
}

func TestSR71_NoOracle(t *testing.T) {
	t.Parallel()
	s := serve(t)
	unknown := s.withCookies(tokenCookie + "=" + sign(secret, "unknownTokenUnknownTokenUnknown1"))
	expired, revoked := s.signedIn("ada"), s.signedIn("ada")
	s.store.edit(expired.token(), func(row *models.Session) { row.ExpiresAt = start.Add(-time.Millisecond) })
	s.store.Remove(revoked.token())
	orphan := s.signedIn("bob")
	s.store.RemoveUser("bob")
	want := unknown.get("/api/auth/list-sessions")
	for name, b := range map[string]*browser{"expired": expired, "revoked": revoked, "orphan": orphan} {
		got := b.get("/api/auth/list-sessions")
		if got.status != want.status || got.body != want.body || fmt.Sprint(got.header) != fmt.Sprint(want.header) {
			t.Errorf("%s: %d %s %v", name, got.status, got.body, got.header)
		}
	}
	s.store.reset()
	unsigned := s.withCookies(tokenCookie + "=unknownTokenUnknownTokenUnknown1").get("/api/auth/list-sessions")
	if unsigned.status != want.status || unsigned.body != want.body || s.store.count("") != 0 {
		t.Errorf("unsigned: %d %s, %d store calls", unsigned.status, unsigned.body, s.store.count(""))
	}
}

// Every route while the store is down: 503, and no session cookie is cleared.
func TestSR79_StoreFailureIsNeverALogout(t *testing.T) {
	t.Parallel()
	for _, config := range []func(*ginsession.Config){func(*ginsession.Config) {}, cached} {
		s := serve(t, config)
		b := s.signedIn("ada")
		s.down()
		tests := []struct{ method, path, body, want string }{
			{"GET", "/api/auth/get-session?disableCookieCache=1", "", bodyFailed},
			{"GET", "/api/auth/list-sessions", "", bodyUnavailable},
			{"POST", "/api/auth/revoke-session", `{"token":"x"}`, bodyUnavailable},
			{"POST", "/api/auth/revoke-sessions", `{}`, bodyUnavailable},
			{"POST", "/api/auth/revoke-other-sessions", `{}`, bodyUnavailable},
			{"POST", "/api/auth/update-session", `{"a":1}`, bodyUnavailable},
			{"GET", "/store", "", bodyUnavailable},
			{"GET", "/fresh", "", bodyUnavailable},
			{"POST", "/api/auth/sign-out", `{}`, bodyUnavailable},
		}
		for _, test := range tests {
			got := b.send(test.method, test.path, test.body)
			got.expect(t, 503, test.want)
			if got.header.Get("Retry-After") != "1" {
				t.Errorf("%s: no Retry-After", test.path)
			}
			for _, line := range got.cookies {
				if !strings.HasPrefix(line, dataCookie) { // sign-out's
					t.Errorf("%s: %s", test.path, line)
				}
			}
		}
		s.up()
		b.get("/me").expect(t, 200, "ada@example.com false")
		if strings.Contains(s.log.String(), b.token()) {
			t.Error("the log holds the token")
		}
	}
}

// The same when the store fails only in the middle: after the guard's read.
func TestSR79_StoreFailsAfterTheGuard(t *testing.T) {
	t.Parallel()
	tests := []struct{ method, path, body, call string }{
		{"GET", "/api/auth/list-sessions", "", "list"},
		{"POST", "/api/auth/revoke-session", `{"token":"unknownTokenUnknownTokenUnknown1"}`, "revoke"},
		{"POST", "/api/auth/revoke-session", `{"token":"h_0123456789012345678901234567890123456789012"}`, "tokens"},
		{"POST", "/api/auth/revoke-sessions", `{}`, "revoke"},
		{"POST", "/api/auth/revoke-other-sessions", `{}`, "revoke"},
	}
	for _, test := range tests {
		s := serve(t)
		b := s.signedIn("ada")
		s.downFor(test.call)
		got := b.send(test.method, test.path, test.body)
		got.expect(t, 503, bodyUnavailable)
		got.expectCookies(t)
	}
}

// A cached session answers ordinary reads through an outage.
func TestSR79_CacheCarriesThroughAnOutage(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	s.down()
	b.get("/me").expect(t, 200, "ada@example.com true")
	if got := b.get("/api/auth/get-session"); got.status != 200 || got.body == "null" {
		t.Errorf("get-session: %d %s", got.status, got.body)
	}
}

func TestSR47_SignOutWithTheStoreDown(t *testing.T) {
	t.Parallel()
	s := serve(t, cached)
	b := s.signedIn("ada")
	thief := b.copy()
	s.down()
	got := b.post("/api/auth/sign-out", "{}")
	got.expect(t, 503, bodyUnavailable)
	got.expectCookies(t, gone(dataCookie, dataCookie)...)
	if b.cookie(tokenCookie) == "" || len(s.store.Rows()) != 1 {
		t.Fatal("the session cannot be ended any more")
	}
	// This process believes no copy any more, though the row lives.
	thief.get("/me").expect(t, 503, bodyUnavailable)
	s.up()
	b.post("/api/auth/sign-out", "{}").expect(t, 200, successTrue)
	if b.cookie(tokenCookie) != "" || len(s.store.Rows()) != 0 {
		t.Error("the retry did not end the session")
	}
	thief.get("/me").expect(t, 401, bodyUnauthorized)
}

func TestSR47_SignOutOutlivesItsClient(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	ctx, leave := context.WithCancel(context.Background())
	s.store.during("revoke", leave)
	r := httptest.NewRequest("POST", "/", strings.NewReader("{}")).WithContext(ctx)
	b.do(r, "/api/auth/sign-out", "{}")
	if len(s.store.Rows()) != 0 {
		t.Error("the client left and the session lives")
	}
}

func TestDeferRefresh(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *ginsession.Config) { c.DeferRefresh = true })
	b := s.signedIn("ada")
	if needs := b.session().NeedsRefresh; needs == nil || *needs {
		t.Errorf("needsRefresh %v, want false", needs)
	}
	s.advance(24 * time.Hour)
	if needs := b.session().NeedsRefresh; needs == nil || !*needs {
		t.Errorf("needsRefresh %v, want true", needs)
	}
	b.get("/me")
	if s.store.count("touch") != 0 {
		t.Error("a read renewed the session")
	}
	got := b.post("/api/auth/get-session", "{}")
	if body := decode[sessionBody](t, got.body); body.NeedsRefresh != nil || !body.Session.ExpiresAt.Equal(s.clock().Add(7*24*time.Hour)) || len(got.cookies) != 1 {
		t.Errorf("POST: %s %q", got.body, got.cookies)
	}
	// Only POST deletes.
	s.advance(8 * 24 * time.Hour)
	thief := b.copy()
	b.get("/api/auth/get-session").expect(t, 200, "null")
	if len(s.store.Rows()) != 1 {
		t.Error("a read deleted the row")
	}
	thief.post("/api/auth/get-session", "").expect(t, 200, "null")
	if len(s.store.Rows()) != 0 {
		t.Error("POST left the row")
	}
}

func TestPostGetSessionWithoutDeferRefresh(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	got := b.post("/api/auth/get-session", "{}")
	got.expect(t, http.StatusMethodNotAllowed, `{"message":"POST method requires deferSessionRefresh to be enabled in session config","code":"METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED"}`)
	b.origin = "https://evil.example"
	b.post("/api/auth/get-session", "{}").expect(t, 403, bodyOrigin)
}
