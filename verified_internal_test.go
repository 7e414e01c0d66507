package ginsession

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/models"
)

func TestSR15_VerifiedFindsTheVeryValueAlone(t *testing.T) {
	t.Parallel()
	for _, length := range []int{1, signatureWithin, signatureWithin + 1, longestVerified} {
		v := newVerified()
		value := strings.Repeat("v", length)
		last := time.UnixMilli(1)
		v.keep("token", value, cachedCopy{version: "7"}, last)
		if known := v.find("token", strings.Clone(value)); known == nil || known.copied.version != "7" || !known.last.Equal(last) {
			t.Fatalf("a value of %d bytes: found %v", length, known)
		}
		for i := range length {
			if v.find("token", value[:i]+"w"+value[i+1:]) != nil {
				t.Errorf("a value of %d bytes: found with another byte at %d", length, i)
			}
		}
		for name, other := range map[string]string{"nothing": "", "shorter": value[1:], "longer": value + "v"} {
			if v.find("token", other) != nil {
				t.Errorf("a value of %d bytes: found for a %s value", length, name)
			}
		}
		if v.find("other", value) != nil && v.place("other") != v.place("token") {
			t.Error("found for another session")
		}
	}
}

func TestSR76_VerifiedKeepsNoLongValue(t *testing.T) {
	t.Parallel()
	v := newVerified()
	value := strings.Repeat("v", longestVerified+1)
	if v.keep("token", value, cachedCopy{}, time.Time{}); v.find("token", value) != nil {
		t.Error("a longer value is kept")
	}
}

// BenchmarkVerified reports how much memory the verified copies take when every
// place holds the longest there can be: in MiB, below 20.
//
//	go test -run '^$' -bench Verified -benchtime 1x .
func BenchmarkVerified(b *testing.B) {
	for b.Loop() {
		before := heap()
		v := newVerified()
		for i := 0; i < 20*len(v.places); i++ {
			payload := strings.Repeat("p", longestVerified*3/4) // of which a decoded copy's texts are pieces
			texts := new([2]string)
			row := models.Session{ID: payload[:32], IPAddress: &texts[0], UserAgent: &texts[1]}
			v.keep(fmt.Sprint("token", i), strings.Repeat("v", longestVerified), cachedCopy{row: row}, time.Time{})
		}
		b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
		for i := range v.places {
			if v.places[i].Load() == nil {
				b.Fatal("a place is empty")
			}
		}
	}
}
