package cookiecache_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginsession/ginsession/cookiecache"
)

// jweKey is the key that Better Auth derives from a secret.
func jweKey(t testing.TB, secret string) []byte {
	t.Helper()
	key, err := hkdf.Key(sha256.New, []byte(secret), []byte("better-auth-session"), "BetterAuth.js Generated Encryption Key", 64)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// jweHeader is the header of what is encrypted under a key.
func jweHeader(key []byte) string {
	kid := sha256.Sum256([]byte(`{"k":"` + encode(key) + `","kty":"oct"}`))
	return `{"alg":"dir","enc":"A256CBC-HS512","kid":"` + encode(kid[:]) + `"}`
}

// jweTag authenticates (RFC 7518, section 5.2.2.1).
func jweTag(key []byte, header string, iv, ciphertext []byte) []byte {
	mac := hmac.New(sha512.New, key[:32])
	mac.Write([]byte(header))
	mac.Write(iv)
	mac.Write(ciphertext)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(header))*8))
	return mac.Sum(nil)[:32]
}

// pad is PKCS #7.
func pad(text string) string {
	n := aes.BlockSize - len(text)%aes.BlockSize
	return text + strings.Repeat(string(rune(n)), n)
}

// sealPadded writes a value as the format is defined, without the code under
// test, of text whose padding may be none.
func sealPadded(t testing.TB, key []byte, header, padded string) string {
	t.Helper()
	block, err := aes.NewCipher(key[32:])
	if err != nil {
		t.Fatal(err)
	}
	iv, ciphertext := []byte("0123456789abcdef"), []byte(padded)
	whole := len(ciphertext) / aes.BlockSize * aes.BlockSize
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(ciphertext[:whole], ciphertext[:whole])
	header = encode([]byte(header))
	return header + ".." + encode(iv) + "." + encode(ciphertext) + "." + encode(jweTag(key, header, iv, ciphertext))
}

func sealJWE(t testing.TB, key []byte, header, claims string) string {
	t.Helper()
	return sealPadded(t, key, header, pad(claims))
}

// openJWE is the reverse, for good values only.
func openJWE(t testing.TB, key []byte, value string) (header, claims string) {
	t.Helper()
	var parts [5][]byte
	for i, part := range strings.Split(value, ".") {
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || i > 4 {
			t.Fatalf("%s: part %d, %v", value, i, err)
		}
		parts[i] = decoded
	}
	iv, ciphertext := parts[2], parts[3]
	block, err := aes.NewCipher(key[32:])
	if err != nil || len(parts[1]) != 0 || len(iv) != aes.BlockSize || len(ciphertext)%aes.BlockSize != 0 || len(ciphertext) == 0 {
		t.Fatalf("%s is no JWE of this kind: %v", value, err)
	}
	if tag := jweTag(key, encode(parts[0]), iv, ciphertext); !hmac.Equal(tag, parts[4]) {
		t.Fatalf("%s: tag %x, want %x", value, parts[4], tag)
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(ciphertext, ciphertext)
	claims = string(ciphertext[:len(ciphertext)-int(ciphertext[len(ciphertext)-1])])
	if pad(claims) != string(ciphertext) {
		t.Fatalf("%s: the padding of %q", value, ciphertext)
	}
	return string(parts[0]), claims
}

func TestSR16_OnlyTheSpellingOfBetterAuthDecodesInJWE(t *testing.T) {
	t.Parallel()
	codec := newCodec(t, cookiecache.JWE, oldSecret, secret)
	key := jweKey(t, secret)
	for _, tt := range claimsTests {
		_, _, err := codec.Decode(sealJWE(t, key, jweHeader(key), tt.claims))
		if (err == nil) != tt.want || err != nil && err != cookiecache.ErrInvalid {
			t.Errorf("%s: %s: got %v, want %t", tt.name, tt.claims, err, tt.want)
		}
	}
	const before = `{"a":1,"iat":1768478401,"exp":1768478701`
	for jti, want := range map[string]bool{
		`"39bdb00c-01ae-4d20-a2a6-1cb133da4e4c"`:  true,
		`"39BDB00C-01AE-4D20-A2A6-1CB133DA4E4C"`:  false, // JavaScript writes lower case
		`"39bdb00c-01ae-4d20-a2a6-1cb133da4e4"`:   false,
		`"39bdb00c-01ae-4d20-a2a6-1cb133da4e4c0"`: false,
		`"39bdb00c-01ae-4d20-a2a6-1cb133\u0041a"`: false,
		`"x","exp":9999999999,"x":"1234567890ab"`: false,
		`""`:  false,
		`1`:   false,
		`nil`: false,
		`"39bdb00c-01ae-4d20-a2a6-1cb133da4e4c","jti":"39bdb00c-01ae-4d20-a2a6-1cb133da4e4c"`: false,
	} {
		got, _, err := codec.Decode(sealJWE(t, key, jweHeader(key), before+`,"jti":`+jti+`}`))
		if (err == nil) != want || want && got != `{"a":1}` {
			t.Errorf("jti %s: got %s, %v, want %t", jti, got, err, want)
		}
	}
}

func TestSR32_TwoJWEHeaders(t *testing.T) {
	t.Parallel()
	const claims = `{"a":1,"iat":1768478401,"exp":1768478701}`
	codec := newCodec(t, cookiecache.JWE, oldSecret, secret)
	key, old := jweKey(t, secret), jweKey(t, oldSecret)
	named := jweHeader(key)
	const nameless = `{"alg":"dir","enc":"A256CBC-HS512"}`
	for _, header := range []string{named, nameless} {
		if _, _, err := codec.Decode(sealJWE(t, key, header, claims)); err != nil {
			t.Errorf("%s: %v", header, err)
		}
	}
	// more puts another member into the header.
	more := func(header, member string) string { return strings.TrimSuffix(header, "}") + "," + member + "}" }
	for _, header := range []string{
		// The kid of another secret, though of one that is known.
		jweHeader(old),
		more(nameless, `"kid":"nope"`), more(nameless, `"kid":""`), more(nameless, `"kid":null`), more(nameless, `"kid":1`),
		more(named, `"kid":"nope"`), more(nameless, named[strings.Index(named, `"kid"`):len(named)-1]+`,"x":1`),
		strings.Replace(named, `"kid"`, `"KID"`, 1),

		more(named, `"zip":"DEF"`), more(named, `"crit":["exp"]`), more(named, `"crit":[]`), more(named, `"typ":"JWT"`), more(named, `"cty":"JWT"`),
		more(named, `"jwk":{"kty":"oct","k":"AAAA"}`), more(named, `"jku":"https://evil.example/keys"`),
		more(named, `"p2s":"AAAA","p2c":2000000000`), more(named, `"epk":{}`), more(named, `"iss":"x"`),
		more(nameless, `"zip":"DEF"`), more(nameless, `"crit":["exp"]`),

		strings.Replace(named, `"dir"`, `"none"`, 1), strings.Replace(named, `"dir"`, `"A256KW"`, 1), strings.Replace(named, `"dir"`, `"A256GCMKW"`, 1),
		strings.Replace(named, `"dir"`, `"PBES2-HS512+A256KW"`, 1), strings.Replace(named, `"dir"`, `"RSA-OAEP"`, 1), strings.Replace(named, `"dir"`, `"DIR"`, 1),
		strings.Replace(named, "A256CBC-HS512", "A256GCM", 1), strings.Replace(named, "A256CBC-HS512", "A128CBC-HS256", 1), strings.Replace(named, "A256CBC-HS512", "none", 1),

		`{"enc":"A256CBC-HS512","alg":"dir"}`, strings.Replace(named, ":", ": ", 1), " " + named, named + "\n",
		`{"alg":"dir"}`, `{"enc":"A256CBC-HS512"}`, `{"alg":"HS256"}`, `{}`, `[]`, `null`, ``,
	} {
		if _, _, err := codec.Decode(sealJWE(t, key, header, claims)); err != cookiecache.ErrInvalid {
			t.Errorf("%s: got %v, want ErrInvalid", header, err)
		}
	}

	// Better Auth allows A256GCM, which takes half of its key.
	block, err := aes.NewCipher(key[:32])
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	header := encode([]byte(strings.Replace(named, "A256CBC-HS512", "A256GCM", 1)))
	iv := []byte("0123456789ab")
	sealed := gcm.Seal(nil, iv, []byte(claims), []byte(header))
	value := header + ".." + encode(iv) + "." + encode(sealed[:len(sealed)-16]) + "." + encode(sealed[len(sealed)-16:])
	if _, _, err := codec.Decode(value); err != cookiecache.ErrInvalid {
		t.Errorf("A256GCM: got %v, want ErrInvalid", err)
	}
}

// A value without a kid may be of any secret, one with a kid is of that.
func TestSR18_JWEWithoutKIDTriesEverySecret(t *testing.T) {
	t.Parallel()
	const claims = `{"a":1,"iat":1768478401,"exp":1768478701}`
	const nameless = `{"alg":"dir","enc":"A256CBC-HS512"}`
	key, old := jweKey(t, secret), jweKey(t, oldSecret)
	rotated := newCodec(t, cookiecache.JWE, secret, oldSecret)
	after := newCodec(t, cookiecache.JWE, secret)
	for _, tt := range []struct {
		name  string
		codec cookiecache.Codec
		value string
		want  bool
	}{
		{"first secret", rotated, sealJWE(t, key, nameless, claims), true},
		{"old secret", rotated, sealJWE(t, old, nameless, claims), true},
		{"old secret after its time", after, sealJWE(t, old, nameless, claims), false},
		{"old secret under the first one's kid", rotated, sealJWE(t, old, jweHeader(key), claims), false},
		{"first secret under the old one's kid", rotated, sealJWE(t, key, jweHeader(old), claims), false},
	} {
		if _, _, err := tt.codec.Decode(tt.value); (err == nil) != tt.want {
			t.Errorf("%s: got %v, want %t", tt.name, err, tt.want)
		}
	}
}

func TestJWEIsOneSpelling(t *testing.T) {
	t.Parallel()
	codec := newCodec(t, cookiecache.JWE, oldSecret, secret)
	key := jweKey(t, secret)
	const claims = `{"a":1,"iat":1768478401,"exp":1768478701}`
	good := sealJWE(t, key, jweHeader(key), claims)
	parts := strings.Split(good, ".")
	header, iv, ciphertext, tag := parts[0], parts[2], parts[3], parts[4]
	join := func(parts ...string) string { return strings.Join(parts, ".") }
	decoded := func(part string) []byte {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	rawIV, rawText, rawTag := decoded(iv), decoded(ciphertext), decoded(tag)
	// bits sets a spare bit of a part's last character.
	bits := func(part string) string {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		last := strings.IndexByte(alphabet, part[len(part)-1])
		if len(part)%4 == 0 || last&1 != 0 {
			t.Fatalf("%s has no spare bit", part)
		}
		return part[:len(part)-1] + alphabet[last+1:last+2]
	}
	// resealed authenticates a ciphertext of any kind.
	resealed := func(ciphertext []byte) string {
		return join(header, "", iv, encode(ciphertext), encode(jweTag(key, header, rawIV, ciphertext)))
	}

	// A ciphertext of four blocks has spare bits, one of three has not.
	four := strings.Split(sealJWE(t, key, jweHeader(key), `{"a":"1234567890","iat":1768478401,"exp":1768478701}`), ".")

	tests := []struct {
		name, value string
		want        bool
	}{
		{"as Better Auth writes it", good, true},
		{"four blocks", join(four...), true},
		{"sealed again", resealed(rawText), true},

		{"encrypted key beside dir", join(header, "AAAA", iv, ciphertext, tag), false},
		{"IV and ciphertext divided elsewhere", join(header, "", encode(slices.Concat(rawIV, rawText[:16])), encode(rawText[16:]), tag), false},
		{"IV empty", join(header, "", "", encode(slices.Concat(rawIV, rawText)), tag), false},
		{"IV short by a byte", join(header, "", encode(rawIV[:15]), encode(slices.Concat(rawIV[15:], rawText)), tag), false},
		{"ciphertext and tag divided elsewhere", join(header, "", iv, encode(rawText[:32]), encode(slices.Concat(rawText[32:], rawTag))), false},
		{"no ciphertext", join(header, "", iv, "", encode(slices.Concat(rawText, rawTag))), false},
		{"no ciphertext, sealed", resealed(nil), false},
		{"half a tag", join(header, "", iv, ciphertext, encode(rawTag[:16])), false},
		{"no tag", join(header, "", iv, ciphertext, ""), false},
		{"no tag, no dot", join(header, "", iv, ciphertext), false},
		{"tag longer", join(header, "", iv, ciphertext, encode(append(rawTag[:32:32], 0))), false},
		{"all of the MAC as tag", join(header, "", iv, ciphertext, tag+tag), false},
		{"IV and tag swapped", join(header, "", tag, ciphertext, iv), false},
		{"ciphertext and tag swapped", join(header, "", iv, tag, ciphertext), false},
		{"header and ciphertext swapped", join(ciphertext, "", iv, header, tag), false},
		{"not in whole blocks, sealed", resealed(rawText[:40]), false},
		{"blocks missing, sealed", resealed(rawText[:32]), false},
		{"padding of none", sealPadded(t, key, jweHeader(key), `{"a":"123456","iat":1768478401,"exp":1768478701}`), false},
		{"padding of zero", sealPadded(t, key, jweHeader(key), claims+strings.Repeat("\x00", 7)), false},
		{"padding of more than a block", sealPadded(t, key, jweHeader(key), claims+strings.Repeat("\x17", 23)), false},
		{"padding of two kinds", sealPadded(t, key, jweHeader(key), claims+"\x01\x07\x07\x07\x07\x07\x07"), false},
		{"the other half of the key", sealJWE(t, slices.Concat(key[32:], key[:32]), jweHeader(key), claims), false},
		{"raw secret as key", sealJWE(t, []byte(strings.Repeat(secret, 2))[:64], jweHeader(key), claims), false},
		{"three segments", join(header, ciphertext, tag), false},
		{"four segments", join(header, iv, ciphertext, tag), false},
		{"six segments", good + ".", false},
		{"seven segments", join(header, "", iv, ciphertext, ciphertext, tag), false},
		{"dot in front", "." + good, false},
		{"header alone", header, false},
		{"header and dots", header + "....", false},
		{"IV with spare bits", join(header, "", bits(iv), ciphertext, tag), false},
		{"ciphertext with spare bits", join(header, "", iv, bits(four[3]), four[4]), false},
		{"tag with spare bits", join(header, "", iv, ciphertext, bits(tag)), false},
		{"IV padded", join(header, "", iv+"==", ciphertext, tag), false},
		{"tag padded", good + "=", false},
		{"line break in the IV", join(header, "", iv[:5]+"\n"+iv[5:21], ciphertext, tag), false},
		{"line break in the ciphertext", join(header, "", iv, ciphertext[:5]+"\n"+ciphertext[5:], tag), false},
		{"line break in the encrypted key", join(header, "\n", iv, ciphertext, tag), false},
		{"line break behind", good + "\n", false},
		{"space in front", " " + good, false},
		{"space behind", good + " ", false},
		{"JSON", `{"protected":"` + header + `","iv":"` + iv + `","ciphertext":"` + ciphertext + `","tag":"` + tag + `"}`, false},
		{"nothing", "", false},
		{"dots", "....", false},
		{"huge", join(header, "", iv, strings.Repeat("A", 1<<20), tag), false},
		{"huge, sealed", sealJWE(t, key, jweHeader(key), `{"a":"`+strings.Repeat("x", cookiecache.MaxValue)+`","iat":1,"exp":2}`), false},
	}
	for _, tt := range tests {
		got, _, err := codec.Decode(tt.value)
		if (err == nil) != tt.want || err != nil && (err != cookiecache.ErrInvalid || got != "") {
			t.Errorf("%s: got %s, %v, want %t", tt.name, got, err, tt.want)
		}
	}
}

// Another library reads our tokens, and we read those it writes as Better Auth
// would. (That library also reads spellings that we refuse.)
func TestJWEIsReadByAnother(t *testing.T) {
	t.Parallel()
	codec := newCodec(t, cookiecache.JWE, secret)
	key := jweKey(t, secret)
	ours, err := codec.Encode([]byte(payload), issued, expires)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jose.ParseEncryptedCompact(ours, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256CBC_HS512})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := parsed.Decrypt(key)
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.QuoteMeta(strings.TrimSuffix(payload, "}")+`,"iat":1768478401,"exp":1768478701,"jti":"`) + `[0-9a-f-]{36}"}`
	if !regexp.MustCompile("^" + want + "$").Match(claims) {
		t.Errorf("got  %s\nwant %s", claims, want)
	}

	encrypter, err := jose.NewEncrypter(jose.A256CBC_HS512, jose.Recipient{Algorithm: jose.DIRECT, Key: key, KeyID: parsed.Header.KeyID}, nil)
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := encrypter.Encrypt(claims)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := encrypted.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	if back, last, err := codec.Decode(theirs); err != nil || back != payload || last != lastOf(cookiecache.JWE, expires) {
		t.Errorf("got %s, %v, %v; want %s", back, last, err, payload)
	}
}

func FuzzJWEDecode(f *testing.F) {
	codec := newCodec(f, cookiecache.JWE, secret)
	key := jweKey(f, secret)
	header := jweHeader(key)
	for _, p := range []string{payload, `{"":0}`, `{"a":"\"😀` + "\u2028" + `"}`} {
		value, err := codec.Encode([]byte(p), issued, expires)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	for _, tt := range claimsTests {
		f.Add(tt.claims)
	}
	f.Add(`{"a":1,"iat":1768478401,"exp":1768478701,"jti":"39bdb00c-01ae-4d20-a2a6-1cb133da4e4c"}`)
	f.Add("....")
	f.Add(encode([]byte(header)) + "....")
	f.Add(sealJWE(f, key, `{"alg":"dir","enc":"A256CBC-HS512"}`, `{"a":1,"iat":1,"exp":2}`))
	f.Add(sealJWE(f, key, `{"alg":"dir","enc":"A256CBC-HS512","zip":"DEF"}`, `{"a":1,"iat":1,"exp":2}`))
	check := func(t *testing.T, value string) {
		decoded, last, err := codec.Decode(value)
		p := []byte(decoded)
		if err != nil {
			if err != cookiecache.ErrInvalid || decoded != "" || !last.IsZero() {
				t.Fatalf("Decode(%q) = %s, %v, %v", value, p, last, err)
			}
			return
		}
		found, claims := openJWE(t, key, value) // which fails on any other spelling
		if found != header && found != `{"alg":"dir","enc":"A256CBC-HS512"}` {
			t.Fatalf("%q decodes, with the header %s", value, found)
		}
		if !bytes.HasPrefix([]byte(claims), p[:len(p)-1]) {
			t.Fatalf("%q decodes to %s", value, p)
		}
		mustAgree(t, []byte(claims), p, last.Unix())
	}
	f.Fuzz(func(t *testing.T, value string) {
		check(t, value)
		check(t, sealJWE(t, key, header, value)) // behind the tag
	})
}
