package cookiecache_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"hash"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginsession/ginsession/cookiecache"
)

var encode = base64.RawURLEncoding.EncodeToString

// hashed signs the input of a JWS.
func hashed(h func() hash.Hash, input string) string {
	mac := hmac.New(h, []byte(secret))
	mac.Write([]byte(input))
	return encode(mac.Sum(nil))
}

// signJWT writes a value as the format is defined, without the code under test.
func signJWT(header, claims string) string {
	input := encode([]byte(header)) + "." + encode([]byte(claims))
	return input + "." + hashed(sha256.New, input)
}

func TestSR16_OnlyTheSpellingOfBetterAuthDecodesInJWT(t *testing.T) {
	t.Parallel()
	codec := newCodec(t, cookiecache.JWT, oldSecret, secret)
	for _, tt := range claimsTests {
		_, _, err := codec.Decode(signJWT(`{"alg":"HS256"}`, tt.claims))
		if (err == nil) != tt.want || err != nil && err != cookiecache.ErrInvalid {
			t.Errorf("%s: %s: got %v, want %t", tt.name, tt.claims, err, tt.want)
		}
	}
	withID := `{"a":1,"iat":1768478401,"exp":1768478701,"jti":"39bdb00c-01ae-4d20-a2a6-1cb133da4e4c"}`
	if _, _, err := codec.Decode(signJWT(`{"alg":"HS256"}`, withID)); err != cookiecache.ErrInvalid {
		t.Errorf("with a jti, which is that of a JWE: %v", err)
	}
}

func TestSR32_OneJWTHeader(t *testing.T) {
	t.Parallel()
	const claims = `{"a":1,"iat":1768478401,"exp":1768478701}`
	codec := newCodec(t, cookiecache.JWT, oldSecret, secret)
	if _, _, err := codec.Decode(signJWT(`{"alg":"HS256"}`, claims)); err != nil {
		t.Fatal(err)
	}
	// All are signed with HS256 and the right secret.
	for _, header := range []string{
		`{"alg":"none"}`, `{"alg":"None"}`, `{"alg":""}`, `{"alg":null}`, `{}`,
		`{"alg":"HS384"}`, `{"alg":"HS512"}`, `{"alg":"RS256"}`, `{"alg":"ES256"}`, `{"alg":"hs256"}`,
		`{"alg":"HS256","typ":"JWT"}`, `{"typ":"JWT","alg":"HS256"}`,
		`{"alg":"HS256","kid":"x"}`, `{"alg":"HS256","jku":"https://evil.example/keys"}`,
		`{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}`, `{"alg":"HS256","x5u":"https://evil.example/"}`,
		`{"alg":"HS256","crit":["exp"]}`, `{"alg":"HS256","crit":["b64"],"b64":false}`, `{"alg":"HS256","zip":"DEF"}`,
		`{"alg":"none","alg":"HS256"}`, `{"alg":"HS256","alg":"none"}`,
		`{"alg": "HS256"}`, ` {"alg":"HS256"}`, "{\"alg\":\"HS256\"}\n", `{"\u0061lg":"HS256"}`,
		`[]`, `"HS256"`, `null`, ``,
	} {
		if _, _, err := codec.Decode(signJWT(header, claims)); err != cookiecache.ErrInvalid {
			t.Errorf("%s: got %v, want ErrInvalid", header, err)
		}
	}
}

func TestJWTIsOneSpelling(t *testing.T) {
	t.Parallel()
	codec := newCodec(t, cookiecache.JWT, oldSecret, secret)
	good := signJWT(`{"alg":"HS256"}`, `{"abc":1,"iat":1768478401,"exp":1768478701}`)
	parts := strings.Split(good, ".")
	header, claims, signature := parts[0], parts[1], parts[2]
	if claims[len(claims)-1] != 'Q' { // the last four bits are spare
		t.Fatalf("the claims end in %q", claims[len(claims)-4:])
	}
	// resigned puts other text between header and signature, and signs it.
	resigned := func(text string) string { return header + "." + text + "." + hashed(sha256.New, header+"."+text) }
	raw, _ := base64.RawURLEncoding.DecodeString(signature)
	none := encode([]byte(`{"alg":"none"}`))
	hs512 := encode([]byte(`{"alg":"HS512"}`)) + "." + claims
	hs384 := encode([]byte(`{"alg":"HS384"}`)) + "." + claims

	tests := []struct {
		name, value string
		want        bool
	}{
		{"as Better Auth writes it", good, true},
		{"signed again", resigned(claims), true},

		{"alg none, no signature", none + "." + claims + ".", false},
		{"alg none, no dot", none + "." + claims, false},
		{"alg none, that signature", none + "." + claims + "." + signature, false},
		{"HS512", hs512 + "." + hashed(sha512.New, hs512), false},
		{"HS384", hs384 + "." + hashed(sha512.New384, hs384), false},
		{"signed with SHA-512", header + "." + claims + "." + hashed(sha512.New, header+"."+claims), false},
		{"SHA-512 cut to size", header + "." + claims + "." + hashed(sha512.New, header+"."+claims)[:43], false},
		{"no signature", header + "." + claims + ".", false},
		{"no signature, no dot", header + "." + claims, false},
		{"signature alone", signature, false},
		{"header alone", header + ".", false},
		{"header and signature", header + "." + signature, false},
		{"header, dot and signature", header + ".." + signature, false},
		{"no claims, signed", resigned(""), false},
		{"header and claims swapped", claims + "." + header + "." + signature, false},
		{"claims and signature swapped", header + "." + signature + "." + claims, false},
		{"claims twice", header + "." + claims + "." + claims + "." + signature, false},
		{"claims twice, signed", resigned(claims + "." + claims), false},
		{"five segments", header + "..." + claims + "." + signature, false},
		{"five segments, signed", resigned(".." + claims), false},
		{"dot in front", "." + good, false},
		{"dot behind", good + ".", false},
		{"signature with padding", good + "=", false},
		{"signature in the other alphabet", header + "." + claims + "." + base64.RawStdEncoding.EncodeToString(raw) + "=", false},
		{"signature of the claims alone", header + "." + claims + "." + hashed(sha256.New, claims), false},
		{"claims padded, signed", resigned(claims + "=="), false},
		{"claims with spare bits, signed", resigned(claims[:len(claims)-1] + "R"), false},
		{"claims in the other alphabet, signed", resigned(base64.RawStdEncoding.EncodeToString([]byte(`{"a":"~~?~","iat":1768478401,"exp":1768478701}`))), false},
		{"claims not in base64, signed", resigned(`{"a":1,"iat":1768478401,"exp":1768478701}`), false},
		{"line break in the claims, signed", resigned(claims[:8] + "\n" + claims[8:]), false},
		{"line break in the header", header[:8] + "\n" + good[8:], false},
		{"line break behind", good + "\n", false},
		{"space in front", " " + good, false},
		{"space behind", good + " ", false},
		{"bearer", "Bearer " + good, false},
		{"JSON", `{"protected":"` + header + `","payload":"` + claims + `","signature":"` + signature + `"}`, false},
		{"nothing", "", false},
		{"dots", "..", false},
		{"huge", header + "." + strings.Repeat("A", 1<<20) + "." + signature, false},
		{"huge, signed", resigned(strings.Repeat("A", cookiecache.MaxValue)), false},
	}
	for _, tt := range tests {
		got, _, err := codec.Decode(tt.value)
		if (err == nil) != tt.want || err != nil && (err != cookiecache.ErrInvalid || got != "") {
			t.Errorf("%s: got %s, %v, want %t", tt.name, got, err, tt.want)
		}
	}
}

// A JWT is signed with the raw secret, as the other cookies are. None passes for
// another.
func TestSR17_SignedCookieIsNoJWT(t *testing.T) {
	t.Parallel()
	codec := newCodec(t, cookiecache.JWT, secret)
	input := encode([]byte(`{"alg":"HS256"}`)) + "." + encode([]byte(payload))
	for _, signed := range []string{"true", "abcdefghijklmnopqrstuvwxyzABCDEF", payload, input} {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(signed))
		value := signed + "." + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if _, _, err := codec.Decode(value); !errors.Is(err, cookiecache.ErrInvalid) {
			t.Errorf("%q decodes", value)
		}
	}
}

// Another library reads our tokens, and we read those it writes as Better Auth
// would.
func TestJWTIsReadByAnother(t *testing.T) {
	t.Parallel()
	codec := newCodec(t, cookiecache.JWT, secret)
	ours, err := codec.Encode([]byte(payload), issued, expires)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jose.ParseSignedCompact(ours, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := parsed.Verify([]byte(secret))
	if want := strings.TrimSuffix(payload, "}") + `,"iat":1768478401,"exp":1768478701}`; err != nil || string(claims) != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, claims, want)
	}

	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(secret)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err := signed.CompactSerialize(); err != nil || theirs != ours {
		t.Errorf("%v\ngot  %s\nwant %s", err, theirs, ours)
	}
}

func FuzzJWTDecode(f *testing.F) {
	codec := newCodec(f, cookiecache.JWT, secret)
	for _, p := range []string{payload, `{"":0}`, `{"a":"\"😀` + "\u2028" + `"}`} {
		value, err := codec.Encode([]byte(p), issued, expires)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	for _, tt := range claimsTests {
		f.Add(signJWT(`{"alg":"HS256"}`, tt.claims))
	}
	f.Add("")
	f.Add("..")
	f.Add("eyJhbGciOiJIUzI1NiJ9.")
	f.Add("eyJhbGciOiJIUzI1NiJ9.." + strings.Repeat("A", 43))
	f.Add(signJWT(`{"alg":"none"}`, `{"a":1,"iat":1,"exp":2}`))
	f.Add(signJWT(`{"alg":"HS256","typ":"JWT"}`, `{"a":1,"iat":1,"exp":2}`))
	check := func(t *testing.T, value string) {
		decoded, last, err := codec.Decode(value)
		p := []byte(decoded)
		if err != nil {
			if err != cookiecache.ErrInvalid || decoded != "" || !last.IsZero() {
				t.Fatalf("Decode(%q) = %s, %v, %v", value, p, last, err)
			}
			return
		}
		claims, err := base64.RawURLEncoding.DecodeString(strings.Split(value, ".")[1])
		if err != nil || !bytes.HasPrefix(claims, p[:len(p)-1]) {
			t.Fatalf("%q decodes to %s, %v", value, p, err)
		}
		mustAgree(t, claims, p, last.Add(time.Millisecond).Unix())
		if again := signJWT(`{"alg":"HS256"}`, string(claims)); again != value {
			t.Fatalf("%q decodes to %s, which is signed as %q", value, p, again)
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		check(t, value)
		check(t, signJWT(`{"alg":"HS256"}`, value)) // behind the signature
	})
}
