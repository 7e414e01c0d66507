package ginsession_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

func TestSR03_WhatIsNoTokenNeverReachesTheStore(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.store.reset()
	for _, value := range []string{`{"session":1}`, "a.b.c.d.e.f.g.h.i.j", b.session().Session.Token, "true", "", "short", strings.Repeat("x", 4<<10), "spaceInTheMiddle OfTheToken00000", "tokenWithATrailingBlank00000000 "} {
		s.store.reset()
		got := s.withCookies(tokenCookie + "=" + strings.ReplaceAll(sign(secret, value), "+", "%20")).get("/api/auth/get-session")
		got.expect(t, 200, "null")
		got.expectCookies(t)
		if s.store.count("") != 0 {
			t.Errorf("%q reached the store", value)
		}
	}
}

func TestSR05_OnlyTheCookieAuthenticates(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	anon := s.browser()
	anon.header.Set("Authorization", "Bearer "+b.token())
	anon.get("/api/auth/get-session?token="+b.token()).expect(t, 200, "null")
	anon.get("/me").expect(t, 401, bodyUnauthorized)
	anon.header.Set("Authorization", "Bearer "+b.cookie(tokenCookie))
	anon.get("/me").expect(t, 401, bodyUnauthorized) // bearer is off
	anon.post("/api/auth/revoke-sessions", `{"token":"`+b.token()+`"}`).expect(t, 401, bodyUnauthorized)
}

func TestSR12_NamesAreExact(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *ginsession.Config) { c.BaseURL = "https://localhost:3000" })
	b := s.browser()
	b.origin = "https://localhost:3000"
	got := b.post("/sign-in/ada", "")
	if len(got.cookies) != 1 || !strings.HasPrefix(got.cookies[0], "__Secure-"+tokenCookie+"=") || !strings.HasSuffix(got.cookies[0], "; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax") {
		t.Fatalf("cookies %q", got.cookies)
	}
	value := b.cookies[0].value
	for name, want := range map[string]int{
		"__Secure-" + tokenCookie:            200,
		tokenCookie:                          401,
		"__secure-" + tokenCookie:            401,
		"__Host-" + tokenCookie:              401,
		"\u00a0__Secure-" + tokenCookie:      401, // browsers see no prefix behind it
		"__Secure-Better-Auth.session_token": 401,
	} {
		if got := s.withCookies(name + "=" + value).get("/me"); got.status != want {
			t.Errorf("%q: %d, want %d", name, got.status, want)
		}
	}
}

// The other way round of TestSR12_NamesAreExact.
func TestSR12_SecureNamesMeanNothingOverHTTP(t *testing.T) {
	t.Parallel()
	s := serve(t)
	value := s.signedIn("ada").cookie(tokenCookie)
	for _, prefix := range []string{"__Secure-", "__Host-", "__Http-"} {
		s.withCookies(prefix+tokenCookie+"="+value).get("/me").expect(t, 401, bodyUnauthorized)
	}
}

func TestSR14_Duplicates(t *testing.T) {
	t.Parallel()
	s := serve(t)
	a, b := s.signedIn("ada"), s.signedIn("bob")
	good, other := tokenCookie+"="+a.cookie(tokenCookie), tokenCookie+"="+b.cookie(tokenCookie)
	junk := tokenCookie + "=junk"
	tests := []struct {
		name, header, want string
	}{
		{"junk first", junk + "; " + good, "ada@example.com false"},
		{"junk last", good + "; " + junk, "ada@example.com false"},
		{"repeated", good + "; " + good, "ada@example.com false"},
		{"two that hold", good + "; " + other, "nobody"},
		{"beyond the candidates", strings.Repeat(junk+"; ", 4) + good, "nobody"},
		{"quoted", tokenCookie + `="` + a.cookie(tokenCookie) + `"`, "ada@example.com false"},
		{"$Version", `$Version="1"; ` + good, "ada@example.com false"},
		{"nameless", "=" + a.cookie(tokenCookie), "nobody"},
	}
	for _, test := range tests {
		got := s.withCookies(test.header).get("/open")
		got.expect(t, 200, test.want)
		got.expectCookies(t)
	}
	// Signing out ends all that hold, and clears.
	s.withCookies(good+"; "+other).post("/api/auth/sign-out", "").expect(t, 200, successTrue)
	if len(s.store.Rows()) != 0 {
		t.Error("a session is left")
	}
}

func TestSR15_SignaturesAreStrict(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	s.store.reset()
	value := b.cookie(tokenCookie)
	plain := strings.NewReplacer("%2B", "+", "%2F", "/", "%3D", "=").Replace(value)
	s.withCookies(tokenCookie+"="+plain).get("/me").expect(t, 200, "ada@example.com false")
	body, last := plain[:len(plain)-2], plain[len(plain)-2]
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	i := strings.IndexByte(alphabet, last)
	s.store.reset()
	for name, bad := range map[string]string{
		"trailing bits":    body + string(alphabet[i^1]) + "=",
		"no padding":       strings.TrimSuffix(plain, "="),
		"twice encoded":    strings.ReplaceAll(value, "%", "%25"),
		"space":            plain + " x",
		"no signature":     b.token(),
		"another secret":   sign(oldSecret, b.token()),
		"another token":    string(plain[0]^1) + plain[1:],
		"empty":            "",
		"signature alone":  plain[strings.IndexByte(plain, '.'):],
		"the marker's":     sign(secret, "true"),
		"URL-safe":         b.token() + "." + strings.NewReplacer("+", "-", "/", "_").Replace(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", 32)))),
		"a broken percent": "%zz" + plain,
	} {
		got := s.withCookies(tokenCookie + "=" + bad).get("/me")
		got.expect(t, 401, bodyUnauthorized)
		got.expectCookies(t)
		if s.store.count("") != 0 {
			t.Fatalf("%s reached the store", name)
		}
	}
}

func TestSR17_ValuesDoNotTravelBetweenCookies(t *testing.T) {
	t.Parallel()
	s := serve(t, compact)
	b := s.signedIn("ada")
	s.store.reset()
	s.withCookies(tokenCookie+"="+sign(secret, "true")).get("/me").expect(t, 401, bodyUnauthorized)
	if s.store.count("") != 0 {
		t.Error("the marker's value reached the store")
	}
	// A token cookie in place of the copy is a miss.
	s.withCookies(tokenCookie+"="+b.cookie(tokenCookie)+"; "+dataCookie+"="+b.cookie(tokenCookie)).get("/me").expect(t, 200, "ada@example.com false")
	// A token in place of the marker is no marker: the session slides.
	s.advance(25 * time.Hour)
	s.withCookies(tokenCookie + "=" + b.cookie(tokenCookie) + "; " + markerCookie + "=" + b.cookie(tokenCookie)).get("/me")
	if s.store.count("touch") != 1 {
		t.Error("a token counted as marker")
	}
	// Nor is a marker that comes behind four others.
	s.advance(25 * time.Hour)
	s.withCookies(strings.Repeat(markerCookie+"=junk; ", 4) + markerCookie + "=" + sign(secret, "true") + "; " + tokenCookie + "=" + b.cookie(tokenCookie)).get("/me")
	if s.store.count("touch") != 2 {
		t.Error("a fifth marker counted")
	}
}

func TestSR20_ChunksAreWholeOrAMiss(t *testing.T) {
	t.Parallel()
	s := serve(t, compact)
	long := user("ada")
	long.Name = strings.Repeat("n", 7000)
	s.store.AddUser(long)
	b := s.signedIn("ada")
	if b.cookie(dataCookie+".0") == "" || b.cookie(dataCookie+".2") == "" || b.cookie(dataCookie) != "" {
		t.Fatal("not cut into three chunks")
	}
	b.get("/me").expect(t, 200, "ada@example.com true")
	zero, one, two := b.cookie(dataCookie+".0"), b.cookie(dataCookie+".1"), b.cookie(dataCookie+".2")
	whole := zero + one + two
	token := tokenCookie + "=" + b.cookie(tokenCookie) + "; "
	chunk := func(index, value string) string { return dataCookie + index + "=" + value + "; " }
	tests := []struct {
		name, header string
		hit          bool
	}{
		{"in another order", chunk(".2", two) + chunk(".0", zero) + chunk(".1", one), true},
		{"a gap", chunk(".0", zero) + chunk(".2", two), false},
		{"no beginning", chunk(".1", zero) + chunk(".2", one) + chunk(".3", two), false},
		{"leading zeros", chunk(".00", zero) + chunk(".01", one) + chunk(".02", two), false},
		{"negative", chunk(".-1", zero) + chunk(".0", one), false},
		{"two of one index", chunk(".0", zero) + chunk(".1", one) + chunk(".1", two) + chunk(".2", two), false},
		{"one repeated", chunk(".0", zero) + chunk(".1", one) + chunk(".1", one) + chunk(".2", two), true},
		{"one too many", chunk(".0", zero) + chunk(".1", one) + chunk(".2", two) + chunk(".3", "AAAA"), false},
		{"beyond the last", chunk(".0", zero) + chunk(".1", one) + chunk(".2", two) + chunk(".8", "AAAA"), false},
		{"a stray one behind a gap", chunk(".0", whole) + chunk(".2", "AAAA"), false},
		{"the whole beside chunks", chunk("", whole) + chunk(".0", "AAAA"), true}, // never mixed: the plain one wins
		{"a bad whole beside good chunks", chunk("", "AAAA") + chunk(".0", zero) + chunk(".1", one) + chunk(".2", two), false},
		{"two wholes", chunk("", whole) + chunk("", "AAAA"), false},
		{"the whole twice", chunk("", whole) + chunk("", whole), true},
	}
	for _, test := range tests {
		got := s.withCookies(token + test.header).get("/me")
		got.expect(t, 200, fmt.Sprintf("ada@example.com %t", test.hit))
	}
	// A hundred chunks cost bounded work.
	var many strings.Builder
	for i := range 100 {
		many.WriteString(chunk(fmt.Sprintf(".%d", i), strings.Repeat("A", 300)))
	}
	s.withCookies(token+many.String()).get("/me").expect(t, 200, "ada@example.com false")
}

func TestSR70_CookieHeadersBeyondTheLimits(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.signedIn("ada")
	good := tokenCookie + "=" + b.cookie(tokenCookie)
	for name, header := range map[string]string{
		"many": strings.Repeat("a=; ", 3000) + good,
		"long": "a=" + strings.Repeat("x", 900<<10) + "; " + good,
	} {
		got := s.withCookies(header).get("/open")
		got.expect(t, 200, "nobody")
		got.expectCookies(t)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}
