package ginsession

import (
	"testing"
	"time"

	"github.com/ginsession/ginsession/models"
)

// What a feed adds to a cached read, to nothing at all:
//
//	go test -run '^$' -bench WhatAFeedAdds -count 10 . | benchstat -
func BenchmarkWhatAFeedAdds(b *testing.B) {
	for name, lag := range map[string]time.Duration{"none": 0, "quiet": time.Hour} {
		b.Run("feed="+name, func(b *testing.B) {
			m := &Manager{revoked: newRevoked(time.Hour, lag)}
			m.revoked.upTo(time.Now())
			began := time.Now() // which the read takes anyway
			b.ReportAllocs()
			for b.Loop() {
				if m.revoked.lags(m.monotonic(began)) || m.revoked.doubts("token", models.Session{}, began) {
					b.Fatal("in doubt")
				}
			}
		})
	}
}
