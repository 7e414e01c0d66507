//go:build !race

package otelsession_test

import (
	"runtime/debug"
	"testing"
)

// What a cached read costs is asserted, because it is exact; of a store read only that
// it stays what it is. The span is a recorded one, and most of it.
func TestAllocations(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which empties pools
	for _, tt := range []struct {
		name       string
		fromCookie bool
		more       float64 // at most
	}{
		{"cached read", true, 0},
		{"store read", false, 20},
	} {
		plain := testing.AllocsPerRun(200, reading(t, nil, tt.fromCookie))
		b := newBackend(t)
		observed := testing.AllocsPerRun(200, reading(t, b.observer(), tt.fromCookie))
		t.Logf("%s: %v allocations, %v observed", tt.name, plain, observed)
		if observed-plain > tt.more {
			t.Errorf("%s: %v allocations, and %v observed, at most %v more wanted", tt.name, plain, observed, tt.more)
		}
	}
}
