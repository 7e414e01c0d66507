package bench

import (
	"bytes"
	"testing"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/ginsession/ginsession/cookiecache"
)

// What a cookie of the cookie cache costs, without a request: a session and its
// user become a value, and a value becomes them again.
func BenchmarkCookie(b *testing.B) {
	now := millis(time.Now())
	expires := now.Add(5 * time.Minute)
	r := adasRow(now)
	payload := appendPayload(nil, &r, now)

	type codec struct {
		strategy, layer string
		encode          func() (string, error)
		decode          func(string) (string, error)
	}
	ours := func(strategy cookiecache.Strategy) codec {
		c, err := cookiecache.New(strategy, "better-auth.session_data", []string{secret})
		if err != nil {
			b.Fatal(err)
		}
		return codec{strategy.String(), "ginsession",
			func() (string, error) { return c.Encode(payload, now, expires) },
			func(value string) (string, error) { text, _, err := c.Decode(value); return text, err },
		}
	}
	nop := securecookie.New(keys, []byte("an encryption key of 32 bytes...")).MaxLength(0)
	nop.SetSerializer(securecookie.NopEncoder{})
	m := macs.Get().(*mac)
	defer macs.Put(m)
	for _, c := range []codec{
		{"compact", "floor-by-hand",
			func() (string, error) {
				m.encoded = m.seal(m.encoded[:0], payload, expires)
				return string(m.encoded), nil
			},
			func(value string) (string, error) { text, _ := m.open(value); return string(text), nil },
		},
		ours(cookiecache.Compact),
		{"securecookie", "floor-nop",
			func() (string, error) { return nop.Encode("session", bytes.Clone(payload)) },
			func(value string) (text string, err error) {
				var read []byte
				err = nop.Decode("session", value, &read)
				return string(read), err
			},
		},
		ours(cookiecache.SecureCookie),
	} {
		value, err := c.encode()
		if err != nil {
			b.Fatal(err)
		}
		b.Run("strategy="+c.strategy+"/op=encode/layer="+c.layer, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.encode(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("strategy="+c.strategy+"/op=decode/layer="+c.layer, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if text, err := c.decode(value); err != nil || text != string(payload) {
					b.Fatalf("%d bytes, %v", len(text), err)
				}
			}
		})
	}
}
