package main

import (
	"strings"
	"testing"
)

const lines = `date: 2026-11-27
command: bench/run.sh
cpu: A Processor
BenchmarkStoreRead/layer=floor-token-sql/via=process-2  100  200 ns/op  90 cpu-ns/op  1.000 queries/op  1.000 trips/op  1888 B/op  40 allocs/op
BenchmarkStoreRead/layer=ginsession/via=process-2       100  250 ns/op  1.000 queries/op  1.000 trips/op  9356 B/op  116 allocs/op
BenchmarkStoreRead/layer=scs-mysql/via=process-2        100  500 ns/op  1.000 queries/op  2.000 trips/op  11584 B/op  259 allocs/op
BenchmarkStoreRead/layer=floor-token-sql/via=process-2  100  100 ns/op  80 cpu-ns/op  1.000 queries/op  1.000 trips/op  1888 B/op  40 allocs/op
BenchmarkStoreRead/layer=ginsession/via=process-2       100  300 ns/op  1.000 queries/op  1.000 trips/op  9356 B/op  118 allocs/op
BenchmarkStoreRead/layer=ginsession/via=loopback-2      100  900 ns/op  9356 B/op  61 allocs/op
BenchmarkCachedRead/layer=floor-2hmac-base64/via=process-2  100  100 ns/op  0 B/op  0 allocs/op
BenchmarkCachedRead/layer=ginsession-compact/via=process-2  100  350 ns/op  0 queries/op  0 trips/op  1440 B/op  6 allocs/op
PASS
`

func TestReport(t *testing.T) {
	r, err := parse(strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	r.write(&text)
	for _, want := range []string{
		"Measured with `bench/run.sh` on 2026-11-27; A Processor, GOMAXPROCS 2.\n",
		"| store read | ≤ 1.25x floor, ≤ 60 allocations, ≤ 1 queries, ≤ 1 trips | ≤ 1.1x floor, ≤ 48 allocations " +
			"| 2.5x floor, 118 allocations, 1 queries, 1 trips | **missed**: 2.5x floor, 118 allocations | **missed**: 2.5x floor, 118 allocations |\n",
		"| 2x scs-mysql | not all measured | **missed**: 2x scs-mysql |\n",
		"| cached read with session and user, Compact | ≤ 4x floor, ≤ 8 allocations | ≤ 3x floor, ≤ 5 allocations | 3.5x floor, 6 allocations | met | **missed**: 3.5x floor, 6 allocations |\n",
		"**StoreRead, process**\n",
		"| floor-token-sql | 100 | 200 | 80 | 1x | 1888 | 40 | 1 (1) |\n",
		"| ginsession | 250 | 300 |  | 2.5x | 9356 | 118 | 1 (1) |\n",
		"| ginsession | 900 | 900 |  |  | 9356 | 61 |  |\n", // no floor, and nobody counts
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("there is no %q in\n%s", want, &text)
		}
	}
}

func TestReplace(t *testing.T) {
	got, err := replace("a\n"+begin+"\nold\n"+end+"\nb\n", "new\n")
	if want := "a\n" + begin + "\n\nnew\n\n" + end + "\nb\n"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if _, err := replace("a\n"+end, "new"); err == nil {
		t.Error("a document without marks was changed")
	}
}
