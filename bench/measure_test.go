package bench

import (
	"net/http"
	"runtime"
	"testing"
)

// read measures reads of one session, in this process and over loopback. want is
// the status if it is not that of a session.
func read(b *testing.B, layers []layer, cookies func(string) string, want int) {
	for _, l := range layers {
		if !remote(l) {
			b.Run("layer="+l.name+"/via=process", func(b *testing.B) {
				s := l.open(b)
				q, status := s.read(cookies(signedIn(b, s)))
				if want != 0 && l.name != "floor-gin-empty" {
					status = want
				}
				repeat(b, s, newCaller(s.handler, q), status, nil)
			})
		}
		b.Run("layer="+l.name+"/via=loopback", func(b *testing.B) {
			s := l.open(b)
			var visitors [connections]string
			for i := range visitors {
				visitors[i] = cookies(signedIn(b, s))
			}
			q, status := s.read("")
			if want != 0 && l.name != "floor-gin-empty" {
				status = want
			}
			overLoopback(b, s.serve(b), q, visitors[:], status)
		})
	}
}

// repeat asks in this process. before runs before each request, in its time. Where
// a server answers, the processor's time is that of its client alone.
func repeat(b *testing.B, s *site, c *caller, want int, before func()) {
	ask := func() {
		if before != nil {
			before()
		}
		if got := c.do(); got != want {
			b.Fatalf("status %d, want %d", got, want)
		}
	}
	ask()
	b.ReportAllocs()
	used := processorTime()
	for b.Loop() {
		ask()
	}
	used = processorTime() - used
	b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
	reportAsked(b, s.counter, ask)
}

// reportAsked counts how often some requests ask a server, exactly. Without a counter
// they ask none.
func reportAsked(b *testing.B, by counter, ask func()) {
	const n = 10
	var all asked
	if by != nil {
		all = by.count(b, func() {
			for range n {
				ask()
			}
		})
	}
	b.ReportMetric(float64(all.queries)/n, "queries/op")
	b.ReportMetric(float64(all.trips)/n, "trips/op")
}

const connections = 16

// overLoopback asks over one connection for each visitor: requests of one session
// may share an answer.
func overLoopback(b *testing.B, address string, q question, visitors []string, want int) {
	b.SetParallelism((len(visitors) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	wires := make(chan *wire, len(visitors))
	for _, q.cookies = range visitors {
		wires <- dial(b, address, q)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var w *wire
		select {
		case w = <-wires:
			defer func() { wires <- w }()
		default: // processors that do not divide the connections
			return
		}
		for pb.Next() {
			if got, err := w.do(); err != nil || got != want {
				b.Errorf("status %d, want %d; %v", got, want, err)
				return
			}
		}
	})
}

// eachOnce asks with the cookies of another visitor each time. They sign in in
// batches, while the clock is stopped, and leave no garbage to be collected when it
// runs.
func eachOnce(b *testing.B, s *site, c *caller, want int) {
	const batch = 256
	var visitors []string
	ask := func() {
		c.present(visitors[len(visitors)-1])
		visitors = visitors[:len(visitors)-1]
		if got := c.do(); got != want {
			b.Fatalf("status %d, want %d", got, want)
		}
	}
	refill := func() {
		for len(visitors) < batch {
			visitors = append(visitors, signedIn(b, s))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(visitors) == 0 {
			b.StopTimer()
			refill()
			runtime.GC()
			b.StartTimer()
		}
		ask()
	}
	refill()
	reportAsked(b, s.counter, ask)
}

func signIn(b *testing.B, layers []layer) {
	for _, l := range layers {
		b.Run("layer="+l.name+"/via=process", func(b *testing.B) {
			s := l.open(b)
			s.check(b, signedIn(b, s), true)
			repeat(b, s, newCaller(s.handler, question{method: http.MethodPost, path: "/sign-in"}), http.StatusNoContent, nil)
		})
	}
}
