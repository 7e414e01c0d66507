package cookiecache_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/ginsession/ginsession/cookiecache"
)

// seal writes a value as the format is defined, without the code under test:
//
//	base64url(date|base64url(iv+ciphertext)|mac)
//
// with the MAC over name|date|base64url(iv+ciphertext).
func seal(t testing.TB, macKey, encryptionKey []byte, name, date string, plaintext []byte) string {
	t.Helper()
	block, err := aes.NewCipher(encryptionKey)
	if err != nil {
		t.Fatal(err)
	}
	sealed := make([]byte, aes.BlockSize+len(plaintext))
	copy(sealed, "0123456789abcdef")
	cipher.NewCTR(block, sealed[:aes.BlockSize]).XORKeyStream(sealed[aes.BlockSize:], plaintext)
	text := date + "|" + base64.URLEncoding.EncodeToString(sealed)
	mac := hmac.New(sha256.New, macKey)
	mac.Write([]byte(name + "|" + text))
	return base64.RawURLEncoding.EncodeToString(append([]byte(text+"|"), mac.Sum(nil)...))
}

func derived(t testing.TB, secret, label string) []byte {
	t.Helper()
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, label, 32)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSecureCookieFormat(t *testing.T) {
	t.Parallel()
	const name = "better-auth.session_data"
	macKey := derived(t, secret, "ginsession/cookiecache/securecookie/mac/v1")
	encryptionKey := derived(t, secret, "ginsession/cookiecache/securecookie/encryption/v1")
	plaintext := func(ms uint64, p string) []byte {
		return append(binary.BigEndian.AppendUint64(nil, ms), p...)
	}
	good := plaintext(uint64(expires.UnixMilli()), payload)

	tests := []struct {
		name, value string
		want        bool
	}{
		{"as defined", seal(t, macKey, encryptionKey, name, "1768478401", good), true},
		// gorilla would refuse both, by its default age of 30 days.
		{"SR-22: stamped years ago", seal(t, macKey, encryptionKey, name, "1000000000", good), true},
		{"SR-22: stamped in the future", seal(t, macKey, encryptionKey, name, "9000000000", good), true},

		{"SR-17: raw secret as key", seal(t, []byte(secret), []byte(secret)[:32], name, "1768478401", good), false},
		{"SR-17: raw secret as MAC key", seal(t, []byte(secret), encryptionKey, name, "1768478401", good), false},
		{"SR-17: one key for both", seal(t, encryptionKey, encryptionKey, name, "1768478401", good), false},
		{"SR-17: another cookie's name", seal(t, macKey, encryptionKey, "better-auth.session_token", "1768478401", good), false},
		{"encrypted with another key", seal(t, macKey, macKey, name, "1768478401", good), false},
		{"stamp is no number", seal(t, macKey, encryptionKey, name, "today", good), false},
		{"expiry behind the last Date", seal(t, macKey, encryptionKey, name, "1768478401", plaintext(8_640_000_000_000_001, payload)), false},
		{"expiry above 63 bits", seal(t, macKey, encryptionKey, name, "1768478401", plaintext(1<<63, payload)), false},
		{"no payload", seal(t, macKey, encryptionKey, name, "1768478401", good[:8]), false},
		{"half an expiry", seal(t, macKey, encryptionKey, name, "1768478401", good[:4]), false},
		{"nothing", seal(t, macKey, encryptionKey, name, "1768478401", nil), false},
	}
	codec := newCodec(t, cookiecache.SecureCookie, oldSecret, secret)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, at, err := codec.Decode(tt.value)
			if !tt.want {
				if !errors.Is(err, cookiecache.ErrInvalid) || got != "" {
					t.Errorf("got %s, %v; want ErrInvalid", got, err)
				}
				return
			}
			if err != nil || got != payload || !at.Equal(expires) {
				t.Errorf("got %s, %v, %v; want %s, %v", got, at, err, payload, expires)
			}
		})
	}
}

func TestSR17_CookieNameIsBound(t *testing.T) {
	t.Parallel()
	const name = "better-auth.session_data"
	codec, err := cookiecache.New(cookiecache.SecureCookie, name, []string{secret})
	if err != nil {
		t.Fatal(err)
	}
	value, err := codec.Encode([]byte(payload), issued, expires)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"__Secure-" + name, "better-auth.session_token", name + ".0", strings.ToUpper(name), ""} {
		reader, err := cookiecache.New(cookiecache.SecureCookie, other, []string{secret})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := reader.Decode(value); !errors.Is(err, cookiecache.ErrInvalid) {
			t.Errorf("a value of %s decodes as %s: %v", name, other, err)
		}
	}
}

func FuzzSecureCookieDecode(f *testing.F) {
	const name = "better-auth.session_data"
	codec := newCodec(f, cookiecache.SecureCookie, secret)
	for _, p := range []string{payload, `{"":0}`, `{"a":"\"😀` + "\u2028" + `"}`} {
		value, err := codec.Encode([]byte(p), issued, expires)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	f.Add("")
	f.Add("fHw")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte("1|AAAA|" + strings.Repeat("A", 32))))
	macKey := derived(f, secret, "ginsession/cookiecache/securecookie/mac/v1")
	encryptionKey := derived(f, secret, "ginsession/cookiecache/securecookie/encryption/v1")
	check := func(t *testing.T, value string) {
		decoded, at, err := codec.Decode(value)
		p := []byte(decoded)
		if err != nil {
			if err != cookiecache.ErrInvalid || decoded != "" || !at.IsZero() {
				t.Fatalf("Decode(%q) = %s, %v, %v", value, p, at, err)
			}
			return
		}
		again, err := codec.Encode(p, issued, at)
		if err != nil {
			t.Fatalf("%q decodes to %s, which does not encode: %v", value, p, err)
		}
		if p2, at2, err := codec.Decode(again); err != nil || string(p2) != string(p) || !at2.Equal(at) {
			t.Fatalf("%s until %v comes back as %s until %v, %v", p, at, p2, at2, err)
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		check(t, value)
		if len(value) < 16_000 {
			check(t, seal(t, macKey, encryptionKey, name, "1768478401", []byte(value)))
		}
	})
}
