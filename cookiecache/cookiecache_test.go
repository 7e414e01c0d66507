package cookiecache_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ginsession/ginsession/cookiecache"
)

const (
	secret    = "first-secret-0123456789-abcdefghijklmnop"
	oldSecret = "older-secret-0123456789-abcdefghijklmnop"

	// payload is that of an ordinary session.
	payload = `{"session":{"expiresAt":"2026-01-22T12:00:00.000Z","token":"tok0000000000000000000000000000A1","createdAt":"2026-01-15T12:00:00.000Z","updatedAt":"2026-01-15T12:00:00.000Z","ipAddress":"203.0.113.9","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36","userId":"user00000000000000000000000000AA","id":"sess0000000000000000000000000001"},"user":{"name":"Ada Lovelace","email":"ada@example.com","emailVerified":false,"image":null,"createdAt":"2026-01-15T12:00:00.000Z","updatedAt":"2026-01-15T12:00:00.000Z","id":"user00000000000000000000000000AA"},"updatedAt":1768478401234,"version":"1"}`
)

var (
	strategies = []cookiecache.Strategy{cookiecache.SecureCookie, cookiecache.Compact, cookiecache.JWT, cookiecache.JWE}
	issued     = time.UnixMilli(1768478401234).UTC()
	expires    = time.UnixMilli(1768478701234).UTC()
)

// lastOf is the last millisecond of a value that was made to be good until
// expires.
func lastOf(strategy cookiecache.Strategy, expires time.Time) time.Time {
	switch seconds := time.Unix(expires.Unix(), 0).UTC(); strategy {
	case cookiecache.JWT:
		return seconds.Add(-time.Millisecond)
	case cookiecache.JWE:
		return seconds
	}
	return time.UnixMilli(expires.UnixMilli()).UTC()
}

// eachStrategy runs a test once for every strategy.
func eachStrategy(t *testing.T, run func(t *testing.T, strategy cookiecache.Strategy)) {
	t.Helper()
	for _, strategy := range strategies {
		t.Run(strategy.String(), func(t *testing.T) {
			t.Parallel()
			run(t, strategy)
		})
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	eachStrategy(t, func(t *testing.T, strategy cookiecache.Strategy) {
		if _, err := cookiecache.New(strategy, "c", nil); err == nil {
			t.Error("no secret, and no error")
		}
	})
	if _, err := cookiecache.New(cookiecache.Strategy(99), "c", []string{secret}); err == nil {
		t.Error("unknown strategy, and no error")
	} else if strings.Contains(err.Error(), secret) {
		t.Errorf("the error holds the secret: %v", err)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	payloads := []struct{ name, payload string }{
		{"ordinary", payload},
		{"smallest", `{"":0}`},
		{"quotes and controls", `{"name":"\"\\/\b\t\n\f\r\u0000\u001f"}`},
		{"letters of the world", `{"name":"ü漢😀"}`},
		{"separators", "{\"name\":\"<script>&\u2028\u2029\u007f\"}"},
		{"looks like the end of a document", `{"name":",\"expiresAt\":1,\"signature\":\"` + strings.Repeat("A", 43) + `\"}"}`},
		{"ends like a document", `{"a":{"b":1},"expiresAt":1}`},
		{"looks like the end of claims", `{"name":",\"iat\":1,\"exp\":1,\"jti\":\"00000000-0000-4000-8000-000000000000\"}"}`},
		{"ends like claims", `{"a":{"iat":1,"exp":1}}`},
		{"names of claims in other letters", `{"IAT":1,"Exp":1,"nbf ":2}`},
		{"deepest", `{"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`},
	}
	times := []time.Time{
		expires,
		time.UnixMilli(0),
		time.UnixMilli(1),
		time.UnixMilli(8_640_000_000_000_000),
		time.Date(2026, 1, 15, 14, 0, 0, 999_999, time.FixedZone("", 7200)),
	}
	eachStrategy(t, func(t *testing.T, strategy cookiecache.Strategy) {
		codec := newCodec(t, strategy, secret)
		for _, p := range payloads {
			for _, at := range times {
				given := []byte(p.payload)
				value, err := codec.Encode(given, issued, at)
				if err != nil {
					t.Errorf("%s: Encode: %v", p.name, err)
					continue
				}
				if string(given) != p.payload {
					t.Errorf("%s: Encode changed the payload to %q", p.name, given)
				}
				if strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
					t.Errorf("%s: the value needs escaping: %s", p.name, value)
				}
				got, gotAt, err := codec.Decode(value)
				// == on times compares their location too: it is UTC.
				if err != nil || got != p.payload || gotAt != lastOf(strategy, at) {
					t.Errorf("%s: Decode = %s, %v, %v; want %s, %v", p.name, got, gotAt, err, p.payload, lastOf(strategy, at))
				}
			}
		}
	})
}

func TestDecodedPayloadIsTheCallersToKeep(t *testing.T) {
	t.Parallel()
	eachStrategy(t, func(t *testing.T, strategy cookiecache.Strategy) {
		codec := newCodec(t, strategy, secret)
		first, _ := codec.Encode([]byte(payload), issued, expires)
		second, _ := codec.Encode([]byte(strings.ToUpper(payload[:60])+payload[60:]), issued, expires)
		other := []byte(`{"a":"` + strings.Repeat("x", len(payload)) + `"}`)
		kept, _, err := codec.Decode(first)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			codec.Decode(second)
			codec.Encode(other, issued, expires)
		}
		if kept != payload {
			t.Errorf("the payload changed to %s", kept)
		}
	})
}

func TestEncodeRefusesWhatItCannotSay(t *testing.T) {
	t.Parallel()
	eachStrategy(t, func(t *testing.T, strategy cookiecache.Strategy) {
		codec := newCodec(t, strategy, secret)
		for _, p := range []string{``, `{}`, `{     }`, `{ "a":1}`, `{`, `[1,2,3]`, `null`, `"text"`, ` {"a":1}`, `{"a":1} `, `{"a":1}x`} {
			if value, err := codec.Encode([]byte(p), issued, expires); err == nil || value != "" {
				t.Errorf("Encode(%q) = %q, %v; want an error", p, value, err)
			}
		}
		for _, at := range []time.Time{{}, time.UnixMilli(-1), time.UnixMilli(8_640_000_000_000_001), time.Unix(1<<62, 0)} {
			if value, err := codec.Encode([]byte(payload), issued, at); err == nil || value != "" {
				t.Errorf("Encode until %d ms = %q, %v; want an error", at.UnixMilli(), value, err)
			}
			says := strategy == cookiecache.JWT || strategy == cookiecache.JWE
			if value, err := codec.Encode([]byte(payload), at, expires); (err == nil) == says || (value == "") != says {
				t.Errorf("Encode at %d ms = %q, %v; want an error: %t", at.UnixMilli(), value, err, says)
			}
		}
	})
}

func TestSR20_LengthIsBounded(t *testing.T) {
	t.Parallel()
	eachStrategy(t, func(t *testing.T, strategy cookiecache.Strategy) {
		codec := newCodec(t, strategy, secret)
		// sized gives a payload of n bytes.
		sized := func(n int) []byte { return []byte(`{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}`) }
		longest := 0
		for low, high := 10, cookiecache.MaxValue; low <= high; {
			n := (low + high) / 2
			value, err := codec.Encode(sized(n), issued, expires)
			switch {
			case err == nil:
				if len(value) > cookiecache.MaxValue {
					t.Fatalf("a payload of %d bytes makes a value of %d", n, len(value))
				}
				longest, low = n, n+1
			case errors.Is(err, cookiecache.ErrTooLarge):
				high = n - 1
			default:
				t.Fatalf("a payload of %d bytes: %v", n, err)
			}
		}
		value, err := codec.Encode(sized(longest), issued, expires)
		// A block of AES takes 21 or 22 characters.
		if err != nil || len(value) < cookiecache.MaxValue-22 {
			t.Fatalf("the longest value has %d bytes, %v", len(value), err)
		}
		if got, _, err := codec.Decode(value); err != nil || got != string(sized(longest)) {
			t.Errorf("the longest value does not decode: %v", err)
		}
		for _, n := range []int{cookiecache.MaxValue, cookiecache.MaxValue + 1, 1 << 20} {
			if _, err := codec.Encode(sized(n), issued, expires); !errors.Is(err, cookiecache.ErrTooLarge) {
				t.Errorf("a payload of %d bytes: got %v, want ErrTooLarge", n, err)
			}
		}
		if _, _, err := codec.Decode(strings.Repeat("A", 1<<20)); !errors.Is(err, cookiecache.ErrInvalid) {
			t.Errorf("1 MB: got %v, want ErrInvalid", err)
		}
	})
}

func TestSR15_OneChangedByteNeverDecodes(t *testing.T) {
	t.Parallel()
	eachStrategy(t, func(t *testing.T, strategy cookiecache.Strategy) {
		codec := newCodec(t, strategy, secret, oldSecret)
		// Three lengths end in base64 groups of two, three and four characters, and
		// so do their blocks of AES.
		for _, n := range []int{1, 18, 35} {
			p := `{"a":"` + strings.Repeat("x", n) + `"}`
			value, err := codec.Encode([]byte(p), issued, expires)
			if err != nil {
				t.Fatal(err)
			}
			changed := []byte(value)
			for i, was := range changed {
				for c := range 256 {
					if byte(c) == was {
						continue
					}
					changed[i] = byte(c)
					if got, _, err := codec.Decode(string(changed)); !errors.Is(err, cookiecache.ErrInvalid) || got != "" {
						t.Fatalf("byte %d changed from %q to %q decodes to %s, %v", i, was, byte(c), got, err)
					}
				}
				changed[i] = was
			}
			for i := range value {
				if _, _, err := codec.Decode(value[:i] + value[i+1:]); !errors.Is(err, cookiecache.ErrInvalid) {
					t.Fatalf("decodes without byte %d", i)
				}
				if _, _, err := codec.Decode(value[:i]); !errors.Is(err, cookiecache.ErrInvalid) {
					t.Fatalf("decodes when cut at %d", i)
				}
			}
			for _, c := range "A=\n\r -_.|+/%\x00" {
				for i := range len(value) + 1 {
					if _, _, err := codec.Decode(value[:i] + string(c) + value[i:]); !errors.Is(err, cookiecache.ErrInvalid) {
						t.Fatalf("decodes with %q at %d", c, i)
					}
				}
			}
			for _, other := range []string{value + "=", value + "==", value + "===", value + value, `"` + value + `"`, strings.NewReplacer("-", "+", "_", "/").Replace(value) + "!"} {
				if _, _, err := codec.Decode(other); !errors.Is(err, cookiecache.ErrInvalid) {
					t.Fatalf("%q decodes", other)
				}
			}
		}
	})
}

func TestSR18_FirstSecretSignsAllVerify(t *testing.T) {
	t.Parallel()
	eachStrategy(t, func(t *testing.T, strategy cookiecache.Strategy) {
		before := newCodec(t, strategy, oldSecret)
		rotated := newCodec(t, strategy, secret, oldSecret)
		after := newCodec(t, strategy, secret)
		old, err := before.Encode([]byte(payload), issued, expires)
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := rotated.Encode([]byte(payload), issued, expires)
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name  string
			codec cookiecache.Codec
			value string
			want  error
		}{
			{"old value while rotating", rotated, old, nil},
			{"new value while rotating", rotated, fresh, nil},
			{"new value under the first secret alone", after, fresh, nil},
			{"new value under the old secret", before, fresh, cookiecache.ErrInvalid},
			{"old value after the old secret is gone", after, old, cookiecache.ErrInvalid},
		} {
			got, at, err := tt.codec.Decode(tt.value)
			if !errors.Is(err, tt.want) || tt.want == nil && (got != payload || !at.Equal(lastOf(strategy, expires))) {
				t.Errorf("%s: got %s, %v, %v; want %v", tt.name, got, at, err, tt.want)
			}
		}
	})
}

func TestSR32_OneStrategyDoesNotReadAnother(t *testing.T) {
	t.Parallel()
	for _, writes := range strategies {
		value, err := newCodec(t, writes, secret).Encode([]byte(payload), issued, expires)
		if err != nil {
			t.Fatal(err)
		}
		for _, reads := range strategies {
			_, _, err := newCodec(t, reads, secret).Decode(value)
			if (err == nil) != (reads == writes) {
				t.Errorf("%v reading %v: %v", reads, writes, err)
			}
		}
	}
}

func TestSR29_EncryptedCodecsHideThePayload(t *testing.T) {
	t.Parallel()
	var strategy cookiecache.Strategy // the zero value is the default
	if !strategy.Encrypted() {
		t.Fatalf("the default is %v", strategy)
	}
	clear := []string{"ada@example.com", "Ada Lovelace", "tok0000000000000000000000000000A1", `"session"`, secret}
	for _, strategy := range strategies {
		value, err := newCodec(t, strategy, secret).Encode([]byte(payload), issued, expires)
		if err != nil {
			t.Fatal(err)
		}
		all := bytes.Join(layers([]byte(value), 5), []byte("\n"))
		var shown []string
		for _, text := range clear {
			if bytes.Contains(all, []byte(text)) {
				shown = append(shown, text)
			}
		}
		// Of a clear format the test must find everything but the secret.
		want := clear[:4]
		if strategy.Encrypted() {
			want = nil
		}
		if !slices.Equal(shown, want) {
			t.Errorf("%v shows %q, want %q", strategy, shown, want)
		}
	}
}

func TestEncryptedCodecsNeverRepeatThemselves(t *testing.T) {
	t.Parallel()
	eachStrategy(t, func(t *testing.T, strategy cookiecache.Strategy) {
		codec := newCodec(t, strategy, secret)
		first, err := codec.Encode([]byte(payload), issued, expires)
		if err != nil {
			t.Fatal(err)
		}
		second, err := codec.Encode([]byte(payload), issued, expires)
		if err != nil {
			t.Fatal(err)
		}
		if strategy.Encrypted() == (first == second) {
			t.Errorf("two values are equal: %t", first == second)
		}
	})
}

func TestSR67_ErrorsSayNothing(t *testing.T) {
	t.Parallel()
	eachStrategy(t, func(t *testing.T, strategy cookiecache.Strategy) {
		codec := newCodec(t, strategy, secret)
		value, err := codec.Encode([]byte(payload), issued, expires)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"", "****", "AAAA", value[4:], value[:len(value)-4], strings.Repeat("A", 40_000)} {
			_, _, err := codec.Decode(bad)
			if err != cookiecache.ErrInvalid {
				t.Errorf("got %v, want ErrInvalid itself", err)
			}
		}
		_, err = codec.Encode([]byte(`{"a":"`+strings.Repeat("x", cookiecache.MaxValue-20)+`"}`), issued, expires)
		if err != cookiecache.ErrTooLarge {
			t.Errorf("got %v, want ErrTooLarge itself", err)
		}
	})
}

func TestSR67_CodecsPrintAsRedacted(t *testing.T) {
	t.Parallel()
	eachStrategy(t, func(t *testing.T, strategy cookiecache.Strategy) {
		codec := newCodec(t, strategy, secret)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if got := fmt.Sprintf(verb, codec); got != "[redacted]" {
				t.Errorf("%s prints %s", verb, got)
			}
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "codec", codec)
		if !strings.Contains(log.String(), "codec=[redacted]") {
			t.Errorf("logs as %s", log.String())
		}
	})
}

// layers undoes base64 as often as it can, on the whole and on every part
// between bars and dots.
func layers(data []byte, depth int) [][]byte {
	found := [][]byte{data}
	if depth == 0 {
		return found
	}
	parts := bytes.FieldsFunc(data, func(r rune) bool { return r == '|' || r == '.' })
	if len(parts) > 1 {
		for _, part := range parts {
			found = append(found, layers(part, depth-1)...)
		}
	}
	text := strings.TrimRight(string(data), "=")
	if decoded, err := base64.RawURLEncoding.DecodeString(text); err == nil && len(decoded) > 0 {
		found = append(found, layers(decoded, depth-1)...)
	}
	return found
}

func TestCodecIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	eachStrategy(t, func(t *testing.T, strategy cookiecache.Strategy) {
		codec := newCodec(t, strategy, secret, oldSecret)
		var group sync.WaitGroup
		for worker := range 8 {
			group.Go(func() {
				for i := range 50 {
					p := fmt.Sprintf(`{"worker":%d,"text":"%s"}`, worker, strings.Repeat("x", i*20))
					value, err := codec.Encode([]byte(p), issued, expires)
					if err != nil {
						t.Error(err)
						return
					}
					if got, _, err := codec.Decode(value); err != nil || got != p {
						t.Errorf("got %s, %v; want %s", got, err, p)
					}
					codec.Decode("x" + value[1:])
				}
			})
		}
		group.Wait()
	})
}

// fuzzRoundTrip asserts that what encodes decodes to the same if it is JSON of
// bounded depth, with members of its own names, and not at all otherwise.
func fuzzRoundTrip(f *testing.F, strategy cookiecache.Strategy) {
	codec := newCodec(f, strategy, secret)
	for _, p := range []string{payload, `{"":0}`, `{}`, `[]`, `{"a":"\"😀` + "\u2028" + `"}`, `{"a":1}{"b":2}`, "{\"a\":\"\xff\"}", `{"a":{"expiresAt":1}}`, `{"a":1,"exp":2}`, `{"\u006ebf":1}`} {
		f.Add([]byte(p), int64(1768478701234))
	}
	f.Add([]byte(payload), int64(-1))
	f.Fuzz(func(t *testing.T, p []byte, ms int64) {
		value, err := codec.Encode(p, issued, time.UnixMilli(ms))
		if err != nil {
			return
		}
		got, at, err := codec.Decode(value)
		object := json.Valid(p) && utf8.Valid(p) && bytes.Count(p, []byte("["))+bytes.Count(p, []byte("{")) <= 32
		if strategy == cookiecache.JWT || strategy == cookiecache.JWE {
			var members map[string]json.RawMessage
			json.Unmarshal(p, &members)
			for _, name := range []string{"iat", "exp", "nbf", "jti"} {
				if _, found := members[name]; found && err == nil {
					t.Fatalf("%s decodes", p)
				} else if found {
					object = false
				}
			}
			// A key may hold a surrogate that stands alone: it is no name.
			object = object && !bytes.Contains(bytes.ToLower(p), []byte(`\ud`))
		}
		if err != nil {
			if object {
				t.Fatalf("%s does not decode", p)
			}
			return
		}
		if strategy != cookiecache.SecureCookie && !json.Valid(p) {
			t.Fatalf("%s decodes and is no JSON", p)
		}
		if want := lastOf(strategy, time.UnixMilli(ms)); got != string(p) || !at.Equal(want) {
			t.Fatalf("%s until %d decodes to %s until %v, want %v", p, ms, got, at, want)
		}
	})
}

func FuzzCompactRoundTrip(f *testing.F)      { fuzzRoundTrip(f, cookiecache.Compact) }
func FuzzSecureCookieRoundTrip(f *testing.F) { fuzzRoundTrip(f, cookiecache.SecureCookie) }
func FuzzJWTRoundTrip(f *testing.F)          { fuzzRoundTrip(f, cookiecache.JWT) }
func FuzzJWERoundTrip(f *testing.F)          { fuzzRoundTrip(f, cookiecache.JWE) }
