package ginsession

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/signed"
	"github.com/ginsession/ginsession/internal/strictjson"
	"github.com/ginsession/ginsession/models"
)

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

func TestDue(t *testing.T) {
	const day = 24 * time.Hour
	week := policy{expiresIn: 7 * day, updateAge: day}
	capped := policy{expiresIn: 7 * day, updateAge: day, maxLifetime: 30 * day}
	tests := []struct {
		name string
		p    policy
		age  time.Duration // since the creation
		left time.Duration // until the expiry
		want bool
	}{
		{"new", week, 0, 7 * day, false},
		{"young", week, 23 * time.Hour, 6*day + time.Hour, false},
		{"due at the very moment", week, day, 6 * day, true}, // Better Auth uses <=
		{"old", week, 5 * day, 2 * day, true},
		{"at its expiry", week, 7 * day, 0, true},
		{"longer than expiresIn", week, 0, 8 * day, false},
		{"shorter than expiresIn", week, 0, day, true},
		{"near its end of life", capped, 29 * day, day, false}, // nothing to gain
		{"a little to gain", capped, 25 * day, day, true},
		{"a millisecond", policy{expiresIn: day, updateAge: time.Millisecond}, time.Millisecond, day - time.Millisecond, true},
		{"the creating millisecond", policy{expiresIn: day, updateAge: time.Millisecond}, 0, day, false},
	}
	for _, test := range tests {
		if got := test.p.due(noon.Add(-test.age), noon.Add(test.left), noon); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}

func TestSR22_MaxAgeIsWholeSecondsAndCapped(t *testing.T) {
	for left, want := range map[time.Duration]int{
		7 * 24 * time.Hour: 604800, 1999 * time.Millisecond: 1, time.Millisecond: 0, 0: 0, -time.Hour: 0, 500 * 24 * time.Hour: 34560000,
	} {
		if got := maxAge(noon.Add(left), noon); got != want {
			t.Errorf("%v: %d, want %d", left, got, want)
		}
	}
}

func TestSR01_TokensAreUniformAndUnique(t *testing.T) {
	const n = 100_000
	seen := make(map[string]bool, n)
	var counts [256]int
	for range n {
		token := randomText()
		if len(token) != 32 || !isToken(token) || seen[token] {
			t.Fatalf("token %q", token)
		}
		seen[token] = true
		for _, c := range []byte(token) {
			counts[c]++
		}
	}
	// Each symbol is binomial: mean m, deviation about √m.
	mean := float64(n*32) / 62
	for i := range idAlphabet {
		if d := float64(counts[idAlphabet[i]]) - mean; d*d > 25*mean {
			t.Errorf("%c occurs %d times, mean %.0f", idAlphabet[i], counts[idAlphabet[i]], mean)
		}
	}
}

func TestHandles(t *testing.T) {
	h, err := newHandles([]string{"the first secret of thirty-two bytes", "another secret of thirty-two bytes"})
	if err != nil {
		t.Fatal(err)
	}
	old, _ := newHandles([]string{"another secret of thirty-two bytes"})
	const token = "tok0000000000000000000000000000A1"
	handle := h.of(token)
	if !isHandle(handle) || isToken(handle) || strings.Contains(handle, token) || h.of(token) != handle {
		t.Errorf("handle %q", handle)
	}
	if !h.names(handle, token) || !h.names(old.of(token), token) || old.names(handle, token) || h.names(handle, token+"x") || h.names("", token) {
		t.Error("names")
	}
}

func TestRevoked(t *testing.T) {
	r := newRevoked(time.Hour, 0)
	doubts := func(token, session, user string, issued time.Time) bool {
		return r.doubts(token, models.Session{ID: session, UserID: user, CreatedAt: issued}, time.Now())
	}
	if doubts("t", "s", "u", noon) {
		t.Error("doubts out of nothing")
	}
	epoch := r.epoch.Load()
	r.token("t", time.Now(), ReasonSignedOut)
	if !doubts("t", "s", "u", noon.Add(time.Hour)) || doubts("t2", "s", "u", noon) {
		t.Error("token")
	}
	r.user("u", "", noon, ReasonOthers)
	if !doubts("x", "s", "u", noon) || doubts("x", "s", "u", noon.Add(skew+time.Millisecond)) || doubts("x", "s", "v", noon) {
		t.Error("user")
	}
	r.user("v", "kept", noon, ReasonOthers)
	if !doubts("x", "s", "v", noon) || doubts("x", "kept", "v", noon) {
		t.Error("all but one")
	}
	r.user("v", "other", noon.Add(-time.Minute), ReasonOthers) // who was spared once need not be again, and time does not go back
	if !doubts("x", "kept", "v", noon) || !doubts("x", "other", "v", noon) {
		t.Error("all but one, twice")
	}
	if r.epoch.Load() != epoch+4 {
		t.Error("epoch")
	}
	r.forget()
	if doubts("t", "s", "u", noon) {
		t.Error("forget")
	}
}

// A full set doubts every copy; it never forgets a revocation silently.
func TestSR76_RevokedIsBounded(t *testing.T) {
	r := newRevoked(time.Hour, 0)
	for i := range maxRevoked + 10 {
		r.token(fmt.Sprint("token", i), time.Now(), ReasonSignedOut)
	}
	r.user("late", "", noon, ReasonOthers)
	if len(r.tokens)+len(r.users) > maxRevoked {
		t.Errorf("%d entries", len(r.tokens))
	}
	for _, token := range []string{"token0", fmt.Sprint("token", maxRevoked+9), "never revoked"} {
		if !r.doubts(token, models.Session{ID: "s", UserID: "u", CreatedAt: noon}, time.Now()) {
			t.Errorf("%s is believed", token)
		}
	}
	// Once entries have lapsed there is room again.
	r = newRevoked(time.Millisecond, 0)
	for i := range maxRevoked {
		r.token(fmt.Sprint("token", i), time.Now(), ReasonSignedOut)
	}
	time.Sleep(5 * time.Millisecond)
	r.user("u", "", noon, ReasonOthers)
	if len(r.tokens)+len(r.users) != 1 {
		t.Errorf("%d entries after they lapsed", len(r.tokens)+len(r.users))
	}
	time.Sleep(5 * time.Millisecond)
	if r.doubts("token0", models.Session{ID: "s", UserID: "u", CreatedAt: noon}, time.Now()) {
		t.Error("doubts beyond its time")
	}
}

// An entry lapses by itself, however many come after it, and a user's next one
// begins anew.
func TestSR27_RevokedEntriesLapse(t *testing.T) {
	r := newRevoked(20*time.Millisecond, 0)
	r.token("t", time.Now(), ReasonSignedOut)
	r.user("u", "kept", noon, ReasonOthers)
	time.Sleep(30 * time.Millisecond)
	r.token("another", time.Now(), ReasonSignedOut) // so that there is something to look up
	if r.doubts("t", models.Session{ID: "s", UserID: "v", CreatedAt: noon}, time.Now()) || r.doubts("x", models.Session{ID: "s", UserID: "u", CreatedAt: noon}, time.Now()) {
		t.Error("doubts beyond its time")
	}
	r.user("u", "other", noon.Add(-time.Hour), ReasonOthers)
	if r.doubts("x", models.Session{ID: "other", UserID: "u", CreatedAt: noon}, time.Now()) || !r.doubts("x", models.Session{ID: "kept", UserID: "u", CreatedAt: noon.Add(-time.Hour)}, time.Now()) || r.doubts("x", models.Session{ID: "kept", UserID: "u", CreatedAt: noon}, time.Now()) {
		t.Error("an entry that lapsed is mixed with the next")
	}
}

// Without a cookie cache there is nothing to remember, but shared reads still
// must not outlive a revocation.
func TestRevokedWithoutCache(t *testing.T) {
	r := newRevoked(0, 0)
	epoch := r.epoch.Load()
	r.token("t", time.Now(), ReasonSignedOut)
	r.user("u", "", noon, ReasonOthers)
	if r.doubts("t", models.Session{ID: "s", UserID: "u", CreatedAt: noon}, time.Now()) || r.epoch.Load() != epoch+2 || len(r.tokens) != 0 {
		t.Error("remembers")
	}
}

func testCookies() *cookies {
	const attributes = "; Path=/; HttpOnly; SameSite=Lax"
	return &cookies{
		token: cookie{"p.session_token", attributes}, data: cookie{"p.session_data", attributes}, marker: cookie{"p.dont_remember", attributes},
		device: "p.session_token_multi-", signer: signed.New([]string{"a secret of thirty-two bytes or so"}),
	}
}

func testManager() *Manager {
	return &Manager{settings: settings{cache: cacheSettings{version: "1"}}}
}

func TestIsData(t *testing.T) {
	k := testCookies()
	for name, want := range map[string]bool{
		"p.session_data": true, "p.session_data.0": true, "p.session_data.10": true, "p.session_data.150": true,
		"p.session_data.01": false, "p.session_data.": false, "p.session_data.-1": false, "p.session_data.x": false, "p.session_data.1x": false,
		"p.session_datas": false, "p.session_data.99999999999999999999": false, "p.session_token.0": false, "session_data": false,
	} {
		if k.isData(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
}

// SR-83's ground: names are compared whole, so that session_token and what
// begins like it are never taken for each other.
func TestSR83_OursIsExact(t *testing.T) {
	k := testCookies()
	for _, name := range []string{"p.session_tokenX", "p.session_token.0", "P.session_token", "p.session_token_multi-", "p.session_token_multix", "xp.session_token_multi-x", "xp.session_token", "p.dont_remember2"} {
		if k.ours(name) {
			t.Errorf("%s is taken for ours", name)
		}
	}
}

// SR-72: what one request brings costs 32 MACs at most, 5 of which the cookie
// cache may take.
func TestSR72_MACsAreBounded(t *testing.T) {
	k := testCookies()
	secrets := make([]string, 5)
	for i := range secrets {
		secrets[i] = fmt.Sprintf("secret number %d of thirty-two bytes", i)
	}
	k.signer = signed.New(secrets)
	forged := "." + strings.Repeat("A", 43) + "%3D"
	header := "p.session_token=" + "tok0000000000000000000000000000A0" + string(signed.AppendEscaped(nil, k.signer.Sign("x")))[1:]
	for i := range 190 {
		token := fmt.Sprintf("tok%029d", i)
		header += "; p.session_token_multi-" + token + "=" + token + forged
	}
	p := k.read(&http.Request{Header: http.Header{"Cookie": {header}}})
	if found := k.devices(&p); len(found) != 0 || len(p.unproved) != 190 {
		t.Errorf("%d of %d", len(found), len(p.unproved))
	}
	if p.macs == 0 || p.macs+len(secrets) > 32 {
		t.Errorf("%d MACs", p.macs)
	}
	// With the present secret a full device costs one each.
	header = ""
	for i := range 20 {
		token := fmt.Sprintf("tok%029d", i)
		header += "; p.session_token_multi-" + token + "=" + string(signed.AppendEscaped(nil, k.signer.Sign(token)))
	}
	p = k.read(&http.Request{Header: http.Header{"Cookie": {header}}})
	if found := k.devices(&p); len(found) != 20 || p.macs != 20 {
		t.Errorf("%d found with %d MACs", len(found), p.macs)
	}
}

func TestExpireReplacesWhatWasWritten(t *testing.T) {
	k := testCookies()
	h := http.Header{"Set-Cookie": {"theirs=1", "p.session_data_of_theirs=1"}}
	k.setToken(h, "tok", 60)
	k.setData(h, &presented{}, strings.Repeat("x", 9000), 60)
	k.expire(h, &k.data)
	k.expire(h, &k.token)
	want := []string{"theirs=1", "p.session_data_of_theirs=1", "p.session_data=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax", "p.session_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"}
	if fmt.Sprint(h["Set-Cookie"]) != fmt.Sprint(want) {
		t.Errorf("got %q", h["Set-Cookie"])
	}
}

func TestSR16_ParseCachePayloadRefuses(t *testing.T) {
	text := "x"
	row := models.Session{ID: "i", Token: "t", UserID: "u", ExpiresAt: noon, CreatedAt: noon, UpdatedAt: noon, IPAddress: &text}
	user := models.User{ID: "u", Name: "n", Email: "E@x", CreatedAt: noon, UpdatedAt: noon}
	m := testManager()
	good := string(m.appendCachePayload(nil, original{row: row, user: user, readAt: noon}))
	if _, ok := m.parseCachePayload(good); !ok {
		t.Fatal("the payload itself")
	}
	for _, change := range [][2]string{
		{`"token":"t"`, `"token":1`}, {`"token":"t",`, ``}, {`"id":"i"`, `"id":""`}, {`"userId":"u"`, `"userId":null`},
		{`"expiresAt":"2026-01-15T12:00:00.000Z"`, `"expiresAt":"2026-01-15T12:00:00Z"`}, {`"expiresAt":"2026-01-15T12:00:00.000Z"`, `"expiresAt":1768478400000`},
		{`"name":"n"`, `"name":"2026-01-15T12:00:00Z"`}, {`"name":"n",`, ``}, {`"email":"E@x",`, ``}, {`"emailVerified":false`, `"emailVerified":0`},
		{`"ipAddress":"x"`, `"ipAddress":5`}, {`"version":"1"`, `"version":1`}, {`"version":"1"`, `"version":"1","version":"1"`},
		{`"updatedAt":1768478400000`, `"updatedAt":1e400`}, {`"updatedAt":1768478400000,`, ``}, {`"session":`, `"Session":`}, {`"user":{`, `"user":[{`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Fatalf("%q is not in the payload", change[0])
		}
		if _, ok := m.parseCachePayload(bad); ok {
			t.Errorf("accepted with %s", change[1])
		}
	}
}

// Whatever stands in the Cookie header: no panic, bounded results, and a
// session only for a token that was signed.
func FuzzReadCookies(f *testing.F) {
	k := testCookies()
	good := "p.session_token=" + string(signed.AppendEscaped(nil, k.signer.Sign("tok0000000000000000000000000000A1")))
	for _, seed := range []string{
		"", good, good + "; " + good, "p.session_token=junk; " + good, "p.session_data=a; p.session_data.0=b; p.session_data.00=c",
		"p.dont_remember=true.x", `p.session_token="` + good[len("p.session_token="):] + `"`, ";;;=;a=;=b;\x00=\x01", strings.Repeat("a=;", 300),
		"p.session_token_multi-tok0000000000000000000000000000a1" + good[len("p.session_token"):], strings.Repeat("p.session_token_multi-x=x.y;", 40),
		// SR-12, SR-14: names, duplicates, the cookie sandwich.
		"P.session_token" + good[len("p.session_token"):], "\u00a0" + good, good + "\x00", "$Version=1; a=\"x; " + good + "; b=y\"", strings.Replace(good, "A1", "A2", 1) + "; " + good,
		// SR-15: one signature, other spellings.
		strings.Replace(good, "%3D", "=", 1), strings.Replace(good, "%3D", "%253D", 1), strings.Replace(good, "%3D", "", 1), strings.Replace(good, ".", "%2E", 1), good + "%00",
		// SR-17, SR-20, SR-83: values and names that belong elsewhere; chunks.
		"p.session_data" + good[len("p.session_token"):], "p.dont_remember" + good[len("p.session_token"):], "p.session_token.0" + good[len("p.session_token"):], "x_multi-y" + good[len("p.session_token"):],
		"p.session_data.0=a; p.session_data.2=c", "p.session_data.-1=a; p.session_data.99=b; p.session_data.0=c", "p.session_data=; p.session_data.0=a; p.session_data.0=b",
		strings.Repeat("p.session_data.7="+strings.Repeat("x", 4000)+"; ", 9), strings.Repeat("a=; ", 10_000) + good,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		p := k.read(&http.Request{Header: http.Header{"Cookie": {header}}})
		if p.tokens.n > maxCandidates || p.sent.n > 200 {
			t.Errorf("%d tokens, %d names", p.tokens.n, p.sent.n)
		}
		for _, proved := range slices.AppendSeq(k.devices(&p), p.tokens.all) {
			if !isToken(proved.token) {
				t.Errorf("token %q", proved.token)
			}
		}
		if p.macs > maxMACs {
			t.Errorf("%d MACs", p.macs)
		}
		value, _ := p.dataValue()
		if len(value) > len(header) {
			t.Error("a cookie cache longer than the header")
		}
		// Writing what such a browser needs to hear never panics either.
		h := http.Header{}
		k.expireAll(h, &p)
		k.setData(h, &p, "x", 60)
	})
}

func FuzzParseCachePayload(f *testing.F) {
	m := testManager()
	m.sessionFields = []models.Field{{Name: "theme", Returned: true}, {Name: "count", Type: models.Number, Returned: true}, {Name: "seenAt", Type: models.Date, Returned: true}, {Name: "hidden"}}
	f.Add(m.appendCachePayload(nil, original{
		row:    models.Session{ID: "i", Token: "t", UserID: "u", ExpiresAt: noon, CreatedAt: noon, UpdatedAt: noon, Fields: map[string]any{"theme": "<>", "count": int64(-7), "seenAt": noon, "hidden": "x"}},
		user:   models.User{ID: "u", Name: "<>&\u2028\"\\", Email: "e", CreatedAt: noon, UpdatedAt: noon},
		readAt: noon,
	}))
	f.Add([]byte(`{"session":{},"user":{},"updatedAt":1}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, ok := m.parseCachePayload(string(payload))
		if !ok {
			return
		}
		// What was read can be written and read again to the same.
		again, ok := m.parseCachePayload(string(m.appendCachePayload(nil, original{row: c.row, user: c.user, readAt: c.issuedAt})))
		if !ok || fmt.Sprint(text(c.row.IPAddress), c.row.ID, c.row.Fields, c.user.Name, c.issuedAt) != fmt.Sprint(text(again.row.IPAddress), again.row.ID, again.row.Fields, again.user.Name, again.issuedAt) {
			t.Errorf("not stable: %+v, %+v", c, again)
		}
	})
}

func FuzzTrustedOrigin(f *testing.F) {
	patterns := []string{"https://*.example.com", "https://exact.example.org:8443", "http://localhost:*", "myapp://cb"}
	var os origins
	os.own = &origin{"https", "own.example.net", ""}
	for _, p := range patterns {
		compiled, fault := compileOrigin(p, false)
		if fault != "" {
			f.Fatal(fault)
		}
		os.patterns = append(os.patterns, compiled)
	}
	for _, seed := range []string{"https://a.example.com", "https://own.example.net", "http://localhost:1", "null", "https://a.example.com@evil", "https://[::1]", "https://a.example.com\x00.evil", "myapp://cb", "//", "/..//evil",
		// SR-54, SR-55
		"https://a.example.com, https://evil.example", "http://a.example.com", "https://evilexample.com", "https://example.com", "https://a.example.com.evil.net", "https://a.example.com:8443", "https://a.example.com:443", "HTTPS://A.EXAMPLE.COM",
		"https://a.example.com.", "https://.example.com", "https://a.example.com/", "https://evil.example\\.example.com", "https://evil.example?.example.com", "https://evil.example#.example.com", "https://a.ｅxample.com", "https://localhost:1", "http://localhost.evil.example:1", "http://127.0.0.1:1",
		"myapp://cbx", "myapp://cb/../x", "MYAPP://cb", "file://", "https://exact.example.org:8443", "https://exact.example.org", "https://a.example.com:", "https://a.example.com:0443", strings.Repeat("a", 600) + "://x", "Null", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		os.trustsURL(value, "localhost")
		if !os.trusts(value, "evil.example") {
			return
		}
		o, ok := originOf(value)
		native := strings.HasPrefix(value, "myapp://cb")
		if !native && (!ok || !strings.HasSuffix(o.host, ".example.com") && o.host != "exact.example.org" && o.host != "localhost" && o.host != "own.example.net") {
			t.Errorf("%q is trusted", value)
		}
	})
}

func FuzzTrustedOriginPattern(f *testing.F) {
	for _, seed := range []string{"https://*.example.com", "*", "http://localhost:*", "*.com", "a://b", "https://", "://",
		// SR-55: what Better Auth's globs let in.
		"*example.com", "https://app.example.com*", "http://*.example.com", "https://*.*.example.com", "https://*.vercel.app", "https://*.co.uk", "https://evil.example:*", "https://*", "https://*.", "https://?.example.com", "https://*.1.2.3.4",
		"myapp://*", "javascript://evil.example", "https://user@evil.example", "https://a.example.com/path", "http://*.localhost:*", "null", "https://*.EXAMPLE.com", "*.example.com:*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		compiled, fault := compileOrigin(pattern, false)
		if fault != "" {
			return
		}
		if compiled.matches(origin{"http", "evil.example", ""}) && !strings.Contains(pattern, "evil.example") {
			t.Errorf("%q admits http://evil.example", pattern)
		}
	})
}

func FuzzBodies(f *testing.F) {
	for _, seed := range []string{`{"token":"x"}`, `{}`, `[]`, `null`, `{"callbackURL":"//x"}`, `{"state":1,"disableRedirect":true}`, `{"token":"\ud800"}`,
		// SR-08, SR-74
		`{"token":0}`, `{"token":true}`, `{"token":["a"]}`, `{"token":"' OR 1=1 -- "}`, `{"token":"mine","TOKEN":"theirs"}`, `{"token":"a","token":"b"}`, `{"token":"a"}{}`, "\ufeff{}", `{"\u0074oken":"x"}`, `{"token":"a\u0000"}`,
		`{"token":{"token":"x"}}`, `{"":{"token":"x"}}`, `{"token":"x",}`, `{"token":'x'}`, `{"token":null}`, strings.Repeat("[", 100), `{"token":"` + strings.Repeat("x", 5000) + `"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		// What is read is what the standard library reads under the exact name.
		var theirs map[string]json.RawMessage
		if token, fault := stringMember(string(body), "token"); fault == nil && strictjson.Valid(body, maxDepth) {
			var text string
			if err := errors.Join(json.Unmarshal(body, &theirs), json.Unmarshal(theirs["token"], &text)); err != nil || text != token {
				t.Errorf("%s: token %q, encoding/json %q, %v", body, token, text, err)
			}
		}
		if token, fault := stringMember(string(body), "token"); fault == nil && token == "" && !strings.Contains(string(body), "token") && !strings.Contains(string(body), `\u`) {
			t.Errorf("a token out of %q", body)
		}
		checkSignOut(string(body))
	})
}

func TestFormValues(t *testing.T) {
	t.Parallel()
	const first, second = "the first secret of thirty-two bytes", "another secret of thirty-two bytes"
	f, err := newForms([]string{first, second})
	if err != nil {
		t.Fatal(err)
	}
	old, _ := newForms([]string{second})
	value := f.value("form", fuzzToken)
	for _, tt := range []struct {
		name  string
		value string
		want  bool
	}{
		{"its own", value, true},
		{"by an old secret", old.value("form", fuzzToken), true},
		{"for another purpose", f.value("notice", fuzzToken), false},
		{"of another session", f.value("form", fuzzToken[1:]+"B"), false},
		{"of what only looks the same in a row", f.value("for", "m"+fuzzToken), false},
		{"cut", value[1:], false},
		{"nothing", "", false},
	} {
		if got := f.proves(tt.value, "form", fuzzToken); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	if old.proves(value, "form", fuzzToken) {
		t.Error("a new secret's value under the old one alone")
	}
	h, _ := newHandles([]string{first}) // SR-17: a key for each purpose
	if strings.Contains(h.of("form\x00"+fuzzToken), value) {
		t.Error("handles have the same key")
	}
}
