//go:build !race

// The race detector makes sync.Pool forget at random.

package cookiecache_test

import (
	"strings"
	"testing"

	"github.com/ginsession/ginsession/cookiecache"
)

func TestAllocations(t *testing.T) {
	p := []byte(payload)
	tests := []struct {
		name     string
		strategy cookiecache.Strategy
		run      func(codec cookiecache.Codec, value, forged string)
		want     float64
	}{
		{"compact encode", cookiecache.Compact, func(c cookiecache.Codec, _, _ string) { c.Encode(p, issued, expires) }, 1},
		{"compact decode", cookiecache.Compact, func(c cookiecache.Codec, value, _ string) { c.Decode(value) }, 1},
		{"jwt encode", cookiecache.JWT, func(c cookiecache.Codec, _, _ string) { c.Encode(p, issued, expires) }, 1},
		{"jwt decode", cookiecache.JWT, func(c cookiecache.Codec, value, _ string) { c.Decode(value) }, 1},
		// SR-15: nothing is allocated before the MAC matched.
		{"compact forged", cookiecache.Compact, func(c cookiecache.Codec, _, forged string) { c.Decode(forged) }, 0},
		{"compact junk", cookiecache.Compact, func(c cookiecache.Codec, _, _ string) { c.Decode("junk") }, 0},
		{"jwt forged", cookiecache.JWT, func(c cookiecache.Codec, _, forged string) { c.Decode(forged) }, 0},
		{"jwt junk", cookiecache.JWT, func(c cookiecache.Codec, _, _ string) { c.Decode("junk") }, 0},
		// Behind a header that is known, go-jose's cipher allocates as it likes.
		{"jwe of another header", cookiecache.JWE, func(c cookiecache.Codec, _, forged string) { c.Decode(forged) }, 0},
		{"jwe junk", cookiecache.JWE, func(c cookiecache.Codec, _, _ string) { c.Decode("junk") }, 0},
	}
	for _, tt := range tests {
		codec := newCodec(t, tt.strategy, secret, oldSecret)
		value, err := codec.Encode(p, issued, expires)
		if err != nil {
			t.Fatal(err)
		}
		forged := value[:40] + strings.ToLower(value[40:50]) + value[50:]
		if got := testing.AllocsPerRun(100, func() { tt.run(codec, value, forged) }); got != tt.want {
			t.Errorf("%s allocates %v times, want %v", tt.name, got, tt.want)
		}
	}
}
