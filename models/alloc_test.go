//go:build !race

// The race detector makes sync.Pool forget at random.

package models_test

import "testing"

// Most schemas have no additional fields and pay for none: 22 are
// database/sql's and the row's own.
func TestFindAllocatesNothingForFieldsThatAreNotDeclared(t *testing.T) {
	result := testing.Benchmark(BenchmarkFind)
	if got := result.AllocsPerOp(); got > 22 {
		t.Errorf("Find allocates %d times, want 22", got)
	}
}
