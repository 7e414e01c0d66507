//go:build !race

// The race detector makes sync.Pool forget at random.

package signed_test

import (
	"strings"
	"testing"

	"github.com/ginsession/ginsession/internal/signed"
)

func TestAllocations(t *testing.T) {
	signer := signed.New([]string{secret, oldSecret})
	key := signed.NewKey([]byte(secret))
	var sum [32]byte
	a, b := []byte(strings.Repeat("x", 750)), []byte("tail")
	good := signer.Sign(token)
	goodEscaped := escaped(good)
	forged := goodEscaped[:20] + "x" + goodEscaped[21:]
	junk := strings.Repeat("%41", 1000) + goodEscaped

	tests := []struct {
		name string
		want float64
		run  func()
	}{
		{"Sum", 0, func() { key.Sum(&sum, a, b) }},
		{"Verify", 0, func() { signer.Verify(good) }},
		{"Verify escaped", 0, func() { signer.Verify(goodEscaped) }},
		{"Verify forged", 0, func() { signer.Verify(forged) }},
		{"Verify forged, all escaped", 0, func() { signer.Verify(junk) }},
		{"Sign", 1, func() { signer.Sign(token) }},
	}
	for _, tt := range tests {
		if got := testing.AllocsPerRun(100, tt.run); got != tt.want {
			t.Errorf("%s allocates %v times, want %v", tt.name, got, tt.want)
		}
	}
}
