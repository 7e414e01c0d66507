package cookiecache_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/ginsession/ginsession/cookiecache"
)

// compactMAC signs text as Better Auth does.
func compactMAC(text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestSR16_OnlyTheSpellingOfJSONStringifyDecodes(t *testing.T) {
	t.Parallel()
	codec := newCodec(t, cookiecache.Compact, secret)
	const p = `{"session":{"id":"a"},"user":{"id":"b"}}`
	// document puts a payload, what is between it and the signature, and a
	// signature over both together. All are signed with the right secret.
	document := func(payload, between string) string {
		signature := compactMAC(strings.TrimSuffix(payload, "}") + between + "}")
		return `{"session":` + payload + between + `,"signature":"` + signature + `"}`
	}
	good := document(p, `,"expiresAt":1768478701234`)
	signature := good[strings.LastIndex(good, `:"`)+2 : len(good)-2]

	tests := []struct {
		name, document string
		want           bool
	}{
		{"as Better Auth writes it", good, true},
		{"expiry 0", document(p, `,"expiresAt":0`), true},

		{"Session beside session", `{"Session":{"id":"x"},` + good[1:], false},
		{"Session for session", strings.Replace(good, `{"session"`, `{"Session"`, 1), false},
		{"session twice", `{"session":{"id":"x"},` + good[1:], false},
		{"session twice, last", good[:len(good)-1] + `,"session":{"id":"x"}}`, false},
		{"expiresAt twice", strings.Replace(good, `,"signature"`, `,"expiresAt":9999999999999,"signature"`, 1), false},
		{"expiresAt twice, signed", document(p, `,"expiresAt":1768478701234,"expiresAt":9999999999999`), false},
		{"signature twice", good[:len(good)-1] + `,"signature":"` + signature + `"}`, false},
		{"something behind it", good + " ", false},
		{"another document behind it", good + good, false},
		{"another member behind it", good[:len(good)-1] + `,"x":1}`, false},
		{"a member in between", document(p, `,"x":1,"expiresAt":1768478701234`), false},
		{"space in front", " " + good, false},
		{"space behind a colon", strings.Replace(good, `"expiresAt":`, `"expiresAt": `, 1), false},
		{"expiry with an exponent", document(p, `,"expiresAt":1e400`), false},
		{"expiry with a fraction", document(p, `,"expiresAt":1768478701234.5`), false},
		{"negative expiry", document(p, `,"expiresAt":-1`), false},
		{"expiry with a zero in front", document(p, `,"expiresAt":01768478701234`), false},
		{"expiry behind the last Date", document(p, `,"expiresAt":8640000000000001`), false},
		{"expiry above 64 bits", document(p, `,"expiresAt":99999999999999999999999`), false},
		{"expiry as text", document(p, `,"expiresAt":"1768478701234"`), false},
		{"no expiry", document(p, ``), false},
		{"no payload", document(``, `,"expiresAt":1768478701234`), false},
		{"payload is an empty object", document(`{}`, `,"expiresAt":1768478701234`), false},
		{"payload of blanks", document(`{     }`, `,"expiresAt":1768478701234`), false},
		{"payload is an array", document(`["a","b"]`, `,"expiresAt":1768478701234`), false},
		{"payload is null", document(`null`, `,"expiresAt":1768478701234`), false},
		{"payload is no JSON", document(`{"a":nope}`, `,"expiresAt":1768478701234`), false},
		{"payload is two objects", document(`{"a":1},{"b":1}`, `,"expiresAt":1768478701234`), false},
		{"payload in invalid UTF-8", document("{\"a\":\"\xff\"}", `,"expiresAt":1768478701234`), false},
		{"payload too deep", document(`{"a":`+strings.Repeat("[", 32)+strings.Repeat("]", 32)+`}`, `,"expiresAt":1768478701234`), false},
		{"signature padded", good[:len(good)-2] + `="}`, false},
		{"signature of another payload", strings.Replace(good, `"id":"a"`, `"id":"x"`, 1), false},
		{"no signature", `{"session":` + p + `,"expiresAt":1768478701234}`, false},
		{"nothing", ``, false},
		{"prefix only", `{"session":`, false},
		{"suffix only", `"}`, false},
		{"prefix and suffix", `{"session":"}`, false},
		{"everything but a payload", `{"session":,"expiresAt":1,"signature":"` + signature + `"}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := codec.Decode(base64.RawURLEncoding.EncodeToString([]byte(tt.document)))
			if (err == nil) != tt.want || err != nil && !errors.Is(err, cookiecache.ErrInvalid) {
				t.Errorf("%s: got %v, want %v", tt.document, err, tt.want)
			}
		})
	}
}

func TestSR17_SignedCookieIsNoCompactValue(t *testing.T) {
	t.Parallel()
	codec := newCodec(t, cookiecache.Compact, secret)
	for _, signed := range []string{"true", "abcdefghijklmnopqrstuvwxyzABCDEF", payload} {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(signed))
		value := signed + "." + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if _, _, err := codec.Decode(value); !errors.Is(err, cookiecache.ErrInvalid) {
			t.Errorf("%q decodes", value)
		}
	}
}

func FuzzCompactDecode(f *testing.F) {
	codec := newCodec(f, cookiecache.Compact, secret)
	for _, p := range []string{payload, `{"":0}`, `{"a":"\"😀` + "\u2028" + `"}`} {
		value, err := codec.Encode([]byte(p), issued, expires)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	f.Add("")
	f.Add("bm9wZQ")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"session":{"a":1},"expiresAt":1,"signature":"` + strings.Repeat("A", 43) + `"}`)))
	f.Fuzz(func(t *testing.T, value string) {
		decoded, at, err := codec.Decode(value)
		p := []byte(decoded)
		if err != nil {
			if !errors.Is(err, cookiecache.ErrInvalid) || decoded != "" || !at.IsZero() {
				t.Fatalf("Decode(%q) = %s, %v, %v", value, p, at, err)
			}
			return
		}
		if again, err := codec.Encode(p, issued, at); err != nil || again != value {
			t.Fatalf("%q decodes to %s, which encodes to %q, %v", value, p, again, err)
		}
	})
}

// FuzzCompactSigned fuzzes what is behind the signature.
func FuzzCompactSigned(f *testing.F) {
	codec := newCodec(f, cookiecache.Compact, secret)
	f.Add(`{"a":1}`, `,"expiresAt":1768478701234`)
	f.Add(`{}`, `,"expiresAt":0`)
	f.Add(`{"a":"b","expiresAt":1}`, `,"expiresAt":2,"expiresAt":3`)
	f.Fuzz(func(t *testing.T, p, between string) {
		document := `{"session":` + p + between + `,"signature":"` + compactMAC(strings.TrimSuffix(p, "}")+between+"}") + `"}`
		value := base64.RawURLEncoding.EncodeToString([]byte(document))
		got, at, err := codec.Decode(value)
		if err != nil {
			return
		}
		if again, err := codec.Encode([]byte(got), issued, at); err != nil || again != value {
			t.Fatalf("%s decodes to %s, which encodes to %q, %v", document, got, again, err)
		}
	})
}
