// Package bench measures ginsession beside other libraries of sessions and
// beside floors, programs that do the least that can be done, on the same work in
// one run:
//
//	./run.sh
//
// It holds benchmarks and TestBudgets, and is never imported. What is measured,
// and how to read it, is in docs/performance.md.
package bench
