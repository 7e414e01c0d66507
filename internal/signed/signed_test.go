package signed_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/ginsession/ginsession/internal/signed"
)

const (
	secret    = "first-secret-0123456789-abcdefghijklmnop"
	oldSecret = "older-secret-0123456789-abcdefghijklmnop"
	token     = "abcdefghijklmnopqrstuvwxyzABCDEF"
)

func escaped(s string) string { return string(signed.AppendEscaped(nil, s)) }

func TestVerifyTakesWhatBetterAuthTakes(t *testing.T) {
	t.Parallel()
	signer := signed.New([]string{secret})
	tests := []struct {
		name, raw, want string
	}{
		{"as encodeURIComponent writes it", escaped(signer.Sign(token)), token},
		{"not escaped at all", signer.Sign(token), token},
		{"escapes in lower case", lowerEscapes(escaped(signer.Sign(token))), token},
		{"value with escapes", escaped(signer.Sign("ünï/+ =")), "ünï/+ ="},
		{"value with dots", escaped(signer.Sign("x.y.z")), "x.y.z"},
		{"escaped dot", strings.Replace(signer.Sign(token), ".", "%2E", 1), token},
		{"last dot is the escaped one", "x.y%2E" + signer.Sign("x.y")[len("x.y."):], "x.y"},
		{"everything escaped", everyByte(signer.Sign(token)), token},
		{"a % that is no escape stays", signer.Sign("%zz"), "%zz"},
		{"escapes that are no UTF-8 stay", signer.Sign("%FF"), "%FF"},
		{"an escaped % is decoded once", escaped(signer.Sign("%41")), "%41"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, _, ok := signer.Verify(tt.raw); !ok || got != tt.want {
				t.Errorf("Verify(%q) = %q, %v; want %q, true", tt.raw, got, ok, tt.want)
			}
		})
	}
}

func lowerEscapes(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

func everyByte(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}

func TestSR15_SignatureHasOneSpelling(t *testing.T) {
	t.Parallel()
	signer := signed.New([]string{secret})
	good := signer.Sign(token)
	dot := strings.LastIndexByte(good, '.')
	value, signature := good[:dot], good[dot+1:]
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := strings.IndexByte(alphabet, signature[42])
	slashed := token // a value whose signature holds both + and /
	for !strings.Contains(signer.Sign(slashed), "+") || !strings.Contains(signer.Sign(slashed), "/") {
		slashed += "x"
	}

	tests := []struct{ name, raw string }{
		{"spare bits", value + "." + signature[:42] + string(alphabet[last^1]) + "="},
		{"URL alphabet", strings.NewReplacer("+", "-", "/", "_").Replace(signer.Sign(slashed))},
		{"padding removed", good[:len(good)-1]},
		{"padding doubled", good + "="},
		{"space behind", good + " "},
		{"line break inside", value + "." + signature[:20] + "\n" + signature[20:]},
		{"escaped twice", escaped(escaped(good))},
		{"dot escaped twice", value + "%252E" + signature},
		{"broken escape in the signature", value + "." + signature[:43] + "%3"},
		{"broken escape in the value", "%zz" + good},
		{"no dot", token},
		{"dot first", "." + signature},
		{"escaped dot first", "%2E" + signature},
		{"nothing behind the dot", value + "."},
		{"only a dot", "."},
		{"empty", ""},
		{"signature twice", good + "." + signature},
		{"a dot hidden in the signature", value + "." + signature[:10] + "%2E" + signature[11:]},
		{"raw byte above 0x7F", signer.Sign("ü")},
		{"raw byte above 0x7F beside escapes", "ü" + escaped(good)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, index, ok := signer.Verify(tt.raw); ok || got != "" || index != 0 {
				t.Errorf("Verify(%q) = %q, %d, %v; want nothing", tt.raw, got, index, ok)
			}
		})
	}
}

func TestSR15_OneChangedByteNeverVerifies(t *testing.T) {
	t.Parallel()
	signer := signed.New([]string{secret, oldSecret})
	good := []byte(signer.Sign(token))
	for i, was := range good {
		for c := range 256 {
			if byte(c) == was {
				continue
			}
			good[i] = byte(c)
			if got, _, ok := signer.Verify(string(good)); ok {
				t.Fatalf("byte %d changed from %q to %q still verifies, as %q", i, was, byte(c), got)
			}
		}
		good[i] = was
	}
}

func TestSR15_LengthIsBoundedFirst(t *testing.T) {
	t.Parallel()
	signer := signed.New([]string{secret})
	longest := signer.Sign(strings.Repeat("a", signed.MaxLength-45))
	if _, _, ok := signer.Verify(longest); !ok || len(longest) != signed.MaxLength {
		t.Errorf("a value of %d bytes is refused", len(longest))
	}
	if _, _, ok := signer.Verify(signer.Sign(strings.Repeat("a", signed.MaxLength-44))); ok {
		t.Error("a value above MaxLength is accepted")
	}
	if _, _, ok := signer.Verify(escaped(signer.Sign(strings.Repeat("ü", signed.MaxLength/6)))); ok {
		t.Error("an escaped value above MaxLength is accepted")
	}
}

func TestSR18_FirstSecretSignsAllVerify(t *testing.T) {
	t.Parallel()
	before := signed.New([]string{oldSecret})
	rotated := signed.New([]string{secret, oldSecret})
	after := signed.New([]string{secret})

	if value, index, ok := rotated.Verify(before.Sign(token)); !ok || index != 1 || value != token {
		t.Errorf("old cookie: got %q, secret %d, %v; want secret 1", value, index, ok)
	}
	if value, index, ok := rotated.Verify(rotated.Sign(token)); !ok || index != 0 || value != token {
		t.Errorf("new cookie: got %q, secret %d, %v; want secret 0", value, index, ok)
	}
	if _, _, ok := after.Verify(rotated.Sign(token)); !ok {
		t.Error("the first secret did not sign")
	}
	if _, _, ok := after.Verify(before.Sign(token)); ok {
		t.Error("a dropped secret still verifies")
	}
	if _, _, ok := signed.New(nil).Verify(after.Sign(token)); ok {
		t.Error("a signer without secrets verifies")
	}
}

func TestSR67_SecretsPrintAsRedacted(t *testing.T) {
	t.Parallel()
	for _, v := range []any{signed.NewKey([]byte(secret)), signed.New([]string{secret})} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if got := fmt.Sprintf(verb, v); got != "[redacted]" {
				t.Errorf("%T with %s prints %s", v, verb, got)
			}
		}
		for _, verb := range []string{"%d", "%x", "%q"} {
			got := fmt.Sprintf(verb, v)
			if strings.Contains(got, secret) || strings.Contains(got, fmt.Sprintf("%x", secret)) || strings.Contains(got, strings.Trim(fmt.Sprint([]byte(secret)), "[]")) {
				t.Errorf("%T with %s prints the secret", v, verb)
			}
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "key", v)
		if !strings.Contains(log.String(), "key=[redacted]") {
			t.Errorf("%T logs as %s", v, log.String())
		}
	}
}

func TestKeyKeepsItsOwnCopy(t *testing.T) {
	t.Parallel()
	bytes := []byte(secret)
	key := signed.NewKey(bytes)
	clear(bytes)
	var got [32]byte
	key.Sum(&got, []byte("a"), []byte("b"))
	if want := reference(secret, "ab"); got != want {
		t.Errorf("the key changed with the caller's slice")
	}
}

func TestKeyIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	key := signed.NewKey([]byte(secret))
	signer := signed.New([]string{secret})
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 200 {
				a, b := fmt.Sprint(worker), strings.Repeat("x", i)
				var got [32]byte
				key.Sum(&got, []byte(a), []byte(b))
				if got != reference(secret, a+b) {
					t.Errorf("wrong MAC over %q + %q", a, b)
				}
				if value, _, ok := signer.Verify(signer.Sign(a + b)); !ok || value != a+b {
					t.Errorf("wrong signature over %q", a+b)
				}
			}
		})
	}
	group.Wait()
}

func reference(secret, message string) [32]byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(message))
	return [32]byte(mac.Sum(nil))
}

func TestAppendEscapedIsEncodeURIComponent(t *testing.T) {
	t.Parallel()
	const stays = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"
	for c := range 128 {
		s := string(rune(c))
		want := fmt.Sprintf("%%%02X", c)
		if strings.Contains(stays, s) {
			want = s
		}
		if got := escaped(s); got != want {
			t.Errorf("AppendEscaped(%q) = %s, want %s", s, got, want)
		}
	}
	tests := []struct{ s, want string }{
		{"", ""},
		{"ü", "%C3%BC"},
		{"😀", "%F0%9F%98%80"},
		{"\u2028", "%E2%80%A8"},
		{"a b+c/d=", "a%20b%2Bc%2Fd%3D"},
	}
	for _, tt := range tests {
		if got := escaped(tt.s); got != tt.want {
			t.Errorf("AppendEscaped(%q) = %s, want %s", tt.s, got, tt.want)
		}
	}
	if got := string(signed.AppendEscaped([]byte("n="), "a b")); got != "n=a%20b" {
		t.Errorf("AppendEscaped does not append: %s", got)
	}
}

func FuzzVerify(f *testing.F) {
	signer := signed.New([]string{secret, oldSecret})
	for _, value := range []string{token, "true", "x.y", "ünïcode/+ =", "%zz", "%41"} {
		f.Add(signer.Sign(value))
		f.Add(escaped(signer.Sign(value)))
		f.Add(strings.Replace(signer.Sign(value), ".", "%2E", 1))
		f.Add(signed.New([]string{oldSecret}).Sign(value))
	}
	f.Add("%2E" + signer.Sign("a"))
	f.Add("junk")
	f.Fuzz(func(t *testing.T, raw string) {
		value, index, ok := signer.Verify(raw)
		if !ok {
			if value != "" || index != 0 {
				t.Fatalf("refused, and yet %q, %d", value, index)
			}
			return
		}
		if value == "" || !utf8.ValidString(value) {
			t.Fatalf("verified %q", value)
		}
		// What verifies is what its secret signs, after decoding once at most.
		again := signed.New([]string{[]string{secret, oldSecret}[index]}).Sign(value)
		if decoded, err := url.PathUnescape(raw); raw != again && (err != nil || decoded != again) {
			t.Fatalf("%q verified as %q, which is signed as %q", raw, value, again)
		}
	})
}

func FuzzSign(f *testing.F) {
	signer := signed.New([]string{secret})
	f.Add(token, uint16(3), byte(1))
	f.Add("x.y", uint16(2), byte(0x20))
	f.Add("ü %41", uint16(9), byte(0x80))
	f.Fuzz(func(t *testing.T, value string, at uint16, change byte) {
		text := escaped(signer.Sign(value))
		if decoded, err := url.PathUnescape(text); err != nil || decoded != signer.Sign(value) {
			t.Fatalf("AppendEscaped(%q) reads back as %q", signer.Sign(value), decoded)
		}
		want := value != "" && utf8.ValidString(value) && len(text) <= signed.MaxLength
		got, _, ok := signer.Verify(text)
		if ok != want || ok && got != value {
			t.Fatalf("Verify(Sign(%q)) = %q, %v; want %v", value, got, ok, want)
		}
		changed := []byte(text)
		changed[int(at)%len(changed)] ^= change
		// Hex digits have two spellings; every other change must be seen.
		if got, _, ok := signer.Verify(string(changed)); ok && !strings.EqualFold(string(changed), text) {
			t.Fatalf("%q changed to %q verifies as %q", text, changed, got)
		}
	})
}
