package cookiecache_test

import (
	"strings"
	"testing"

	"github.com/ginsession/ginsession/cookiecache"
)

func BenchmarkEncode(b *testing.B) {
	p := []byte(payload)
	for _, strategy := range strategies {
		b.Run(strategy.String(), func(b *testing.B) {
			codec := newCodec(b, strategy, secret)
			b.ReportAllocs()
			for b.Loop() {
				codec.Encode(p, issued, expires)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, strategy := range strategies {
		codec := newCodec(b, strategy, secret)
		rotated := newCodec(b, strategy, oldSecret, secret)
		good, err := codec.Encode([]byte(payload), issued, expires)
		if err != nil {
			b.Fatal(err)
		}
		huge, err := codec.Encode([]byte(`{"a":"`+strings.Repeat("x", 17_000)+`"}`), issued, expires)
		if err != nil {
			b.Fatal(err)
		}
		// forged changes what is behind any header.
		forged := func(value string) string { return value[:200] + "x" + value[201:] }
		cases := []struct {
			name  string
			codec cookiecache.Codec
			value string
		}{
			{"good", codec, good},
			{"old secret", rotated, good},
			{"forged", codec, forged(good)},
			{"forged, largest", codec, forged(huge)},
			{"junk", codec, "junk"},
			{"too long", codec, strings.Repeat("A", 1<<20)},
		}
		for _, bb := range cases {
			b.Run(strategy.String()+"/"+bb.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					bb.codec.Decode(bb.value)
				}
			})
		}
	}
}
