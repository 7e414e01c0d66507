//go:build !race

package otelsession_test

import (
	"runtime/debug"
	"testing"
)

// A cached read costs nothing more; of a store read the span is what costs, and the
// versions of OpenTelemetry differ.
func TestAllocations(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which empties pools
	for _, tt := range []struct {
		name       string
		fromCookie bool
		more       float64 // at most
	}{
		{"cached read", true, 0},
		{"store read", false, 10},
	} {
		plain := testing.AllocsPerRun(200, reading(t, nil, tt.fromCookie))
		observed := testing.AllocsPerRun(200, reading(t, recording(t), tt.fromCookie))
		t.Logf("%s: %v allocations, %v observed", tt.name, plain, observed)
		if observed-plain > tt.more {
			t.Errorf("%s: %v allocations, and %v observed, at most %v more wanted", tt.name, plain, observed, tt.more)
		}
	}
}
