package ginsession

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/signed"
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
	// Each symbol is binomial: mean m, deviation about √m, of which seven are never seen.
	// A bias by one byte of 256 is above fifty.
	mean := float64(n*32) / 62
	for i := range idAlphabet {
		if d := float64(counts[idAlphabet[i]]) - mean; d*d > 49*mean {
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

func TestSR76_ReplacedTokensAreBounded(t *testing.T) {
	var s replacedTokens
	for i := range mostReplaced + 1 {
		s.note(fmt.Sprint("token", i), noon)
	}
	if len(s.tokens) > mostReplaced {
		t.Errorf("%d tokens", len(s.tokens))
	}
	if last := fmt.Sprint("token", mostReplaced); !s.recently(last, noon.Add(replacedFor-1)) || s.recently(last, noon.Add(replacedFor)) {
		t.Error("the last is not remembered for as long as it should")
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
