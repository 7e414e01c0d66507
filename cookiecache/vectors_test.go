package cookiecache_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/internal/strictjson"
)

// A vector is one recording of what Better Auth writes or accepts.
type vector struct {
	Name, Kind string
	Inputs     struct {
		Secret       string
		Secrets      []struct{ Value string }
		Strategy     string
		Now          time.Time
		MaxAge       int
		DontRemember bool
		Version      string
		Session      json.RawMessage
		User         json.RawMessage
		Fields       map[string]string `json:"additionalFields"`
		CookieHeader string            `json:"cookie_header"`
		SetCookie    []string          `json:"set_cookie"`
	}
	Expected struct {
		SetCookie  []string `json:"set_cookie"`
		Accepted   bool
		Decoded    *struct{ ExpiresAt int64 }
		ClaimsJSON string `json:"claims_json"`
		KeyHex     string `json:"key_hex"`
		KID        string
	}
}

// vectors reads the recordings of one kind, for one strategy if one is named.
func vectors(t *testing.T, kind, strategy string) []vector {
	t.Helper()
	path := os.Getenv("CONTRACT_VECTORS")
	if path == "" {
		path = "../testdata/contract/vectors.json"
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []json.RawMessage }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var found []vector
	for _, raw := range file.Vectors {
		var head struct {
			Kind   string
			Inputs struct{ Strategy string }
		}
		// Other kinds have inputs of other types.
		if json.Unmarshal(raw, &head) != nil || head.Kind != kind || head.Inputs.Strategy != strategy {
			continue
		}
		var v vector
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		found = append(found, v)
	}
	if len(found) == 0 {
		t.Fatalf("no vectors of kind %s for %q in %s", kind, strategy, path)
	}
	return found
}

// payload is what a vector's session and user are cached as.
func (v vector) payload(t *testing.T) []byte {
	t.Helper()
	in, hidden := v.Inputs, ""
	for field, declaration := range in.Fields {
		if strings.Contains(declaration, "returned:false") {
			hidden = field
		}
	}
	payload := append([]byte(`{"session":`), stringify(t, in.Session, hidden)...)
	payload = append(append(payload, `,"user":`...), stringify(t, in.User, hidden)...)
	payload = strconv.AppendInt(append(payload, `,"updatedAt":`...), in.Now.UnixMilli(), 10)
	return append(strictjson.AppendString(append(payload, `,"version":`...), in.Version), '}')
}

// expires is when that is to end.
func (v vector) expires() time.Time {
	age := time.Duration(v.Inputs.MaxAge) * time.Second
	if v.Inputs.DontRemember { // for which Better Auth has ages of its own
		age = 5 * time.Minute
		if v.Inputs.Strategy == "compact" {
			age = time.Minute
		}
	}
	return v.Inputs.Now.Add(age)
}

// secrets are those of the server that reads.
func (v vector) secrets() []string {
	secrets := []string{v.Inputs.Secret}
	if v.Inputs.Secrets != nil {
		secrets = nil
		for _, s := range v.Inputs.Secrets {
			secrets = append(secrets, s.Value)
		}
	}
	return secrets
}

// joined is the value in Set-Cookie lines. Chunks are cut from it and joined
// again elsewhere.
func joined(lines []string) (value string) {
	for _, line := range lines {
		pair, _, _ := strings.Cut(line, ";")
		_, piece, _ := strings.Cut(pair, "=")
		value += piece
	}
	return value
}

func newCodec(t testing.TB, strategy cookiecache.Strategy, secrets ...string) cookiecache.Codec {
	t.Helper()
	codec, err := cookiecache.New(strategy, "better-auth.session_data", secrets)
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

func TestVectorsEncode(t *testing.T) {
	t.Parallel()
	for _, strategy := range []cookiecache.Strategy{cookiecache.Compact, cookiecache.JWT} {
		for _, v := range vectors(t, "session_data_encode", strategy.String()) {
			t.Run(v.Name, func(t *testing.T) {
				t.Parallel()
				payload, expires := v.payload(t), v.expires()
				want := joined(v.Expected.SetCookie)
				codec := newCodec(t, strategy, v.secrets()...)
				got, err := codec.Encode(payload, v.Inputs.Now, expires)
				if err != nil || got != want {
					t.Errorf("Encode: %v\ngot  %s\nwant %s", err, got, want)
				}
				back, last, err := codec.Decode(want)
				if err != nil || back != string(payload) || last != lastOf(strategy, expires) {
					t.Errorf("Decode: %v, last %v, want %v\ngot  %s\nwant %s", err, last, lastOf(strategy, expires), back, payload)
				}
			})
		}
	}
}

// A JWE is never the same twice: what Better Auth wrote is opened and compared
// with what we write, opened by the same means.
func TestVectorsJWEDecrypt(t *testing.T) {
	t.Parallel()
	jti := regexp.MustCompile(`"jti":"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"}$`)
	for _, v := range vectors(t, "session_data_decrypt", "jwe") {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			payload, expires := v.payload(t), v.expires()
			theirs := joined(v.Inputs.SetCookie)
			codec := newCodec(t, cookiecache.JWE, v.secrets()...)
			back, last, err := codec.Decode(theirs)
			if err != nil || back != string(payload) || last != lastOf(cookiecache.JWE, expires) {
				t.Errorf("Decode: %v, last %v, want %v\ngot  %s\nwant %s", err, last, lastOf(cookiecache.JWE, expires), back, payload)
			}

			ours, err := codec.Encode(payload, v.Inputs.Now, expires)
			if err != nil {
				t.Fatal(err)
			}
			key, err := hex.DecodeString(v.Expected.KeyHex)
			if err != nil {
				t.Fatal(err)
			}
			ourHeader, ourClaims := openJWE(t, key, ours)
			theirHeader, theirClaims := openJWE(t, key, theirs)
			if ourHeader != theirHeader || theirClaims != v.Expected.ClaimsJSON {
				t.Errorf("header %s, want %s; claims opened as %s, want %s", ourHeader, theirHeader, theirClaims, v.Expected.ClaimsJSON)
			}
			if !jti.MatchString(ourClaims) || jti.ReplaceAllString(ourClaims, "") != jti.ReplaceAllString(theirClaims, "") {
				t.Errorf("claims, but for the jti\ngot  %s\nwant %s", ourClaims, theirClaims)
			}
			if len(ours) != len(theirs) {
				t.Errorf("the value has %d bytes, want %d", len(ours), len(theirs))
			}
		})
	}
}

func TestVectorsJWEKey(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "jwe_key", "") {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			value, err := newCodec(t, cookiecache.JWE, v.secrets()...).Encode([]byte(payload), issued, expires)
			if err != nil {
				t.Fatal(err)
			}
			key, err := hex.DecodeString(v.Expected.KeyHex)
			if err != nil {
				t.Fatal(err)
			}
			header, _ := openJWE(t, key, value)
			if want := `{"alg":"dir","enc":"A256CBC-HS512","kid":"` + v.Expected.KID + `"}`; header != want {
				t.Errorf("got the header %s, want %s", header, want)
			}
		})
	}
}

func TestVectorsDecode(t *testing.T) {
	t.Parallel()
	// Where a codec answers otherwise than Better Auth, and why.
	refused := map[string]string{
		"decode-compact-padded-base64":   "SR-15: a value has one spelling",
		"decode-compact-keys-reordered":  "SR-16: members are found by their place",
		"decode-compact-whitespace-json": "SR-16: the signature is checked over the bytes received",
		"decode-jwt-typ-jwt":             "SR-32: a header that Better Auth does not write is that of somebody else's token",
		"decode-jwt-hs512":               "SR-32: one algorithm",
		"decode-jwt-no-exp":              "SR-25: a copy that never ends; Better Auth takes it for ended now, which is good for ever",
	}
	// Signed by who has the secret; the shape of session and user is judged
	// where those are known.
	shape := map[string]bool{
		"decode-compact-resigned-no-user":              true,
		"decode-compact-resigned-version-number":       true,
		"decode-compact-resigned-name-like-date":       true,
		"decode-compact-resigned-name-like-date-no-ms": true,
		"decode-compact-resigned-date-with-offset":     true,
	}
	// Over for Better Auth when it decodes; here the caller has the clock.
	over := map[string]int64{
		"decode-jwt-exp-14s-ago": 1768478387000,
		"decode-jwt-exp-1s-ago":  1768478400000,
		"decode-jwe-exp-16s-ago": 1768478385000,
	}
	for _, strategy := range []cookiecache.Strategy{cookiecache.Compact, cookiecache.JWT, cookiecache.JWE} {
		for _, v := range vectors(t, "session_data_decode", strategy.String()) {
			t.Run(v.Name, func(t *testing.T) {
				t.Parallel()
				_, value, _ := strings.Cut(v.Inputs.CookieHeader, "=")
				accepted, expires := v.Expected.Accepted, int64(1768478701234)
				if v.Expected.Decoded != nil {
					expires = v.Expected.Decoded.ExpiresAt
				}
				want := accepted
				switch {
				case refused[v.Name] != "":
					if !accepted {
						t.Fatal("listed as our refusal, but Better Auth refuses it too")
					}
					want = false
				case shape[v.Name]:
					if accepted {
						t.Fatal("listed as a matter of shape, but Better Auth accepts it")
					}
					want = true
				case over[v.Name] != 0:
					if accepted {
						t.Fatal("listed as over, but Better Auth accepts it")
					}
					want, expires = true, over[v.Name]
				}
				codec := newCodec(t, strategy, v.secrets()...)
				payload, last, err := codec.Decode(value)
				if !want {
					if !errors.Is(err, cookiecache.ErrInvalid) || payload != "" || !last.IsZero() {
						t.Errorf("got %s, %v, %v; want ErrInvalid alone", payload, last, err)
					}
					return
				}
				if wantLast := lastOf(strategy, time.UnixMilli(expires)); err != nil || last != wantLast {
					t.Fatalf("got %v, last %v; want nil, %v", err, last, wantLast)
				}
				if over[v.Name] != 0 && !v.Inputs.Now.After(last) {
					t.Errorf("good at %v, which is not after %v", v.Inputs.Now, last)
				}
				if again, err := codec.Encode([]byte(payload), v.Inputs.Now, time.UnixMilli(expires)); strategy != cookiecache.JWE && (err != nil || again != value) {
					t.Errorf("Encode: %v\ngot  %s\nwant %s", err, again, value)
				}
			})
		}
	}
}

// stringify writes raw as JSON.stringify does, members in their order and
// without the hidden one. The vectors' own JSON escapes more.
func stringify(t *testing.T, raw json.RawMessage, hidden string) []byte {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	token, err := decoder.Token()
	if err != nil || token != json.Delim('{') {
		t.Fatalf("%s is no object: %v", raw, err)
	}
	dst := []byte{'{'}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		value, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		if key == hidden {
			continue
		}
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = append(strictjson.AppendString(dst, key.(string)), ':')
		switch value := value.(type) {
		case nil:
			dst = append(dst, "null"...)
		case bool:
			dst = strconv.AppendBool(dst, value)
		case json.Number:
			dst = append(dst, value...)
		case string:
			dst = strictjson.AppendString(dst, value)
		default:
			t.Fatalf("%s: nested values are not needed here", raw)
		}
	}
	return append(dst, '}')
}
