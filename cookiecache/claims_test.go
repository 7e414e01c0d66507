package cookiecache_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// claimsTests are claims under a signature or a tag that verifies: who made
// them has the secret.
var claimsTests = []struct {
	name, claims string
	want         bool
}{
	{"as Better Auth writes them", `{"a":1,"iat":1768478401,"exp":1768478701}`, true},
	{"expiry 0", `{"a":1,"iat":0,"exp":0}`, true},
	{"last expiry", `{"a":1,"iat":0,"exp":8640000000000}`, true},
	// Whether a payload is a session is not known here.
	{"Better Auth's token in an e-mail", `{"email":"ada@example.com","iat":1768478401,"exp":1768478701}`, true},

	{"no expiry", `{"a":1,"iat":1768478401}`, false},
	{"no expiry, no time at all", `{"a":1}`, false},
	{"no iat", `{"a":1,"exp":1768478701}`, false},
	{"expiry before iat", `{"a":1,"exp":1768478701,"iat":1768478401}`, false},
	{"expiry in front", `{"exp":1768478701,"a":1,"iat":1768478401}`, false},
	{"expiry twice", `{"a":1,"iat":1768478401,"exp":1,"exp":1768478701}`, false},
	{"expiry twice, in front", `{"exp":1,"a":1,"iat":1768478401,"exp":1768478701}`, false},
	{"expiry twice, escaped", `{"\u0065xp":1,"a":1,"iat":1768478401,"exp":1768478701}`, false},
	{"iat twice", `{"iat":1,"a":1,"iat":1768478401,"exp":1768478701}`, false},
	{"jti in front", `{"jti":"x","a":1,"iat":1768478401,"exp":1768478701}`, false},
	{"not before", `{"nbf":9999999999,"a":1,"iat":1768478401,"exp":1768478701}`, false},
	{"not before, behind", `{"a":1,"iat":1768478401,"exp":1768478701,"nbf":9999999999}`, false},
	{"Exp for exp", `{"a":1,"iat":1768478401,"Exp":1768478701}`, false},
	{"another member behind", `{"a":1,"iat":1768478401,"exp":1768478701,"x":1}`, false},
	{"another member in between", `{"a":1,"iat":1768478401,"x":1,"exp":1768478701}`, false},
	{"something behind", `{"a":1,"iat":1768478401,"exp":1768478701} `, false},
	{"more claims behind", `{"a":1,"iat":1768478401,"exp":1768478701}{"a":1,"iat":1768478401,"exp":1768478701}`, false},
	{"space in front", ` {"a":1,"iat":1768478401,"exp":1768478701}`, false},
	{"space behind a colon", `{"a":1,"iat":1768478401,"exp": 1768478701}`, false},
	{"byte order mark", "\ufeff" + `{"a":1,"iat":1768478401,"exp":1768478701}`, false},
	{"expiry with an exponent", `{"a":1,"iat":1768478401,"exp":1e400}`, false},
	{"expiry with a fraction", `{"a":1,"iat":1768478401,"exp":1768478701.5}`, false},
	{"negative expiry", `{"a":1,"iat":1768478401,"exp":-1}`, false},
	{"expiry with a zero in front", `{"a":1,"iat":1768478401,"exp":01768478701}`, false},
	{"expiry behind the last Date", `{"a":1,"iat":1768478401,"exp":8640000000001}`, false},
	{"expiry above 64 bits", `{"a":1,"iat":1768478401,"exp":99999999999999999999999}`, false},
	{"expiry as text", `{"a":1,"iat":1768478401,"exp":"1768478701"}`, false},
	{"expiry null", `{"a":1,"iat":1768478401,"exp":null}`, false},
	{"iat as text", `{"a":1,"iat":"1768478401","exp":1768478701}`, false},
	{"iat behind the last Date", `{"a":1,"iat":8640000000001,"exp":1768478701}`, false},
	{"no payload", `{"iat":1768478401,"exp":1768478701}`, false},
	{"payload of blanks", `{     ,"iat":1768478401,"exp":1768478701}`, false},
	{"payload is an array", `["a","iat":1768478401,"exp":1768478701}`, false},
	{"payload is no JSON", `{"a":nope,"iat":1768478401,"exp":1768478701}`, false},
	{"payload is two objects", `{"a":1},{"b":1,"iat":1768478401,"exp":1768478701}`, false},
	{"payload in invalid UTF-8", "{\"a\":\"\xff\"" + `,"iat":1768478401,"exp":1768478701}`, false},
	{"payload too deep", `{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `,"iat":1768478401,"exp":1768478701}`, false},
	{"key is half a surrogate", `{"\ud800":1,"iat":1768478401,"exp":1768478701}`, false},
	{"null", `null`, false},
	{"a brace", `}`, false},
	{"times alone", `,"iat":1768478401,"exp":1768478701}`, false},
	{"nothing", ``, false},
}

// mustAgree fails unless a decoded payload and expiry are what another reader of
// JSON, for which the last of two equal keys wins as it does in JavaScript, finds
// in the claims.
func mustAgree(t *testing.T, claims, payload []byte, expires int64) {
	t.Helper()
	var all, own map[string]json.RawMessage
	if err := json.Unmarshal(claims, &all); err != nil {
		t.Fatalf("%s decodes: %v", claims, err)
	}
	if err := json.Unmarshal(payload, &own); err != nil {
		t.Fatalf("%s decodes to %s: %v", claims, payload, err)
	}
	var exp int64
	if err := json.Unmarshal(all["exp"], &exp); err != nil || exp != expires {
		t.Fatalf("%s decodes with the expiry %d", claims, expires)
	}
	if all["iat"] == nil || all["nbf"] != nil {
		t.Fatalf("%s decodes", claims)
	}
	for _, name := range []string{"iat", "exp", "jti"} {
		delete(all, name)
	}
	if !maps.EqualFunc(all, own, slices.Equal) {
		t.Fatalf("%s decodes to %s", claims, payload)
	}
}
