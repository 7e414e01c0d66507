package ginsession

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// BenchmarkRevokedSet reports what the set of revocations takes when it is full,
// in bytes an entry.
//
//	go test -run '^$' -bench RevokedSet -benchtime 1x .
func BenchmarkRevokedSet(b *testing.B) {
	fill := map[string]func(r *revoked, i int){
		"tokens": func(r *revoked, i int) { r.addToken(sha256.Sum256(fmt.Append(nil, i)), noon, ReasonSignedOut) },
		"users": func(r *revoked, i int) {
			r.addUser(fmt.Sprintf("user%028d", i), fmt.Sprintf("kept%028d", i), noon, ReasonOthers)
		},
	}
	for name, add := range fill {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				r := newRevoked(time.Hour, 0)
				for i := range maxRevoked {
					add(r, i)
				}
				b.ReportMetric(float64(heap()-before)/maxRevoked, "B/entry")
				if r.full != 0 {
					b.Fatal("the set was full before its end")
				}
			}
		})
	}
}

// heap is how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
