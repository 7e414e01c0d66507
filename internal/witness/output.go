package witness

import (
	"bytes"
	"strings"
	"sync"
)

// An Output hears what a process writes, which comes in pieces that are not lines. The
// secrets of a process are mostly not known to the test that starts it: what has their
// form is found.
//
// An Output is safe for concurrent use.
type Output struct {
	witness *Witness

	mu    sync.Mutex
	rest  []byte // of a line that is not complete
	end   []byte
	leaks []string
}

const (
	longestLine = 1 << 20 // what is longer is heard in pieces
	shownAtEnd  = 8 << 10
)

// Output returns a writer for one output of one process.
func (w *Witness) Output() *Output { return &Output{witness: w} }

// Write never fails.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rest = append(o.rest, p...)
	cut := bytes.LastIndexByte(o.rest, '\n') + 1
	if len(o.rest) > longestLine {
		cut = len(o.rest)
	}
	o.hear(cut)
	if o.end = append(o.end, p...); len(o.end) > 2*shownAtEnd {
		o.end = append(o.end[:0], o.end[len(o.end)-shownAtEnd:]...)
	}
	return len(p), nil
}

// hear hears the first n bytes of the rest.
func (o *Output) hear(n int) {
	if n > 0 {
		o.leaks = append(o.leaks, o.witness.hear(string(o.rest[:n]), false)...)
		o.rest = append(o.rest[:0], o.rest[n:]...)
	}
}

// Leaks are the secrets that were heard by the end of the process. It must have ended.
// A secret that becomes known afterwards is among the Witness's leaks.
func (o *Output) Leaks() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hear(len(o.rest))
	return o.leaks
}

// failing is what Judge needs of a *testing.T.
type failing interface {
	Helper()
	Errorf(format string, args ...any)
}

// Judge fails the test if the process, which must have ended, wrote a secret.
func (o *Output) Judge(t failing, name string) {
	t.Helper()
	if leaks := o.Leaks(); len(leaks) > 0 {
		t.Errorf("SR-67: %s wrote in %d lines what is none of a log's, as in these:\n%s", name, len(leaks), strings.Join(leaks[:min(len(leaks), most)], "\n"))
	}
}

// String is the end of what was written.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.end[max(0, len(o.end)-shownAtEnd):])
}
