package ginsession_test

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/ginsession/ginsession/models"
)

// A witness hears what the tests of this package let out (log lines, SQL logs,
// errors, bodies) and remembers the secrets that they came across. TestMain asks
// it at the end whether the one holds any of the other: SR-67, and SR-44 for
// bodies.
type witness struct {
	mu      sync.Mutex
	secrets map[string]bool // their first bytes
	said    strings.Builder
	bodies  strings.Builder
}

// evidence is how many bytes of a secret give it away: chance does not write
// sixteen of them.
const evidence = 16

var everything = &witness{secrets: map[string]bool{}}

// keep remembers secrets. What is shorter than the evidence is none.
func (w *witness) keep(secrets ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range secrets {
		if len(s) >= evidence {
			w.secrets[s[:evidence]] = true
		}
	}
}

// keepCookie remembers the value of a cookie, and of a signed one the two halves.
func (w *witness) keepCookie(value string) {
	w.keep(value)
	if plain, err := url.PathUnescape(value); err == nil {
		w.keep(plain)
		if dot := strings.LastIndexByte(plain, '.'); dot >= 0 {
			w.keep(plain[:dot], plain[dot+1:])
		}
	}
}

// Write hears a log.
func (w *witness) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(p)
}

// hear hears an error, however somebody may print it.
func (w *witness) hear(err error) {
	if err != nil {
		fmt.Fprintf(w, "%v %+v\n", err, err)
	}
}

// read hears a body.
func (w *witness) read(body string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bodies.WriteString(body)
	w.bodies.WriteByte('\n')
}

// leaks are the lines that hold a secret.
func (w *witness) leaks() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []string
	for _, text := range []string{w.said.String(), w.bodies.String()} {
		for line := range strings.Lines(text) {
			for i := range max(0, len(line)-evidence+1) {
				if w.secrets[line[i:i+evidence]] {
					found = append(found, fmt.Sprintf("%s… in %s", line[i:i+evidence], strings.TrimSpace(line)))
					break
				}
			}
		}
	}
	return found
}

// report writes the leaks and returns the exit code of the tests.
func (w *witness) report(out io.Writer, code int) int {
	for _, leak := range w.leaks() {
		fmt.Fprintf(out, "SR-67: a secret was let out: %s\n", leak)
		code = 1
	}
	return code
}

// What finds nothing must be able to find something.
func TestSR67_TheWitnessNoticesALeak(t *testing.T) {
	t.Parallel()
	token := "tokenTokenTokenTokenTokenToken01"
	for name, leak := range map[string]func(w *witness){
		"a token in a log":     func(w *witness) { fmt.Fprintf(w, "level=ERROR msg=find token=%s\n", token) },
		"a signature":          func(w *witness) { fmt.Fprintln(w, "bad cookie", strings.Repeat("s", 44)) },
		"a cookie":             func(w *witness) { fmt.Fprintln(w, "Cookie: a="+token+"."+strings.Repeat("s", 44)) },
		"a secret in an error": func(w *witness) { w.hear(fmt.Errorf("key %q", secret)) },
		"a token in a body":    func(w *witness) { w.read(`{"token":"` + token + `"}`) },
	} {
		w := &witness{secrets: map[string]bool{}}
		w.keep(secret)
		w.keepCookie(token + "." + strings.Repeat("s", 43) + "%3D")
		fmt.Fprintln(w, "level=WARN msg=nothing sessionId=idIdIdIdIdIdIdIdIdIdIdIdIdIdId01")
		w.read(`{"token":"h_0123456789012345678901234567890123456789012"}`)
		if got := w.leaks(); len(got) != 0 {
			t.Fatalf("%s: noticed %q before", name, got)
		}
		leak(w)
		var out strings.Builder
		if got := w.leaks(); len(got) != 1 || w.report(&out, 0) != 1 || !strings.Contains(out.String(), "SR-67") {
			t.Errorf("%s: noticed %q", name, got)
		}
	}
}

// SR-67, in little: one service that fails in every way, with what it said.
func TestSR67_WhatFailsSaysNoSecret(t *testing.T) {
	t.Parallel()
	s := serve(t, cached, multi, bearer)
	b := s.signedIn("ada")
	device := s.signedIn("bob")
	secrets := []string{b.token(), device.token(), b.cookie(tokenCookie), b.cookie(dataCookie), secret}
	requests := func() {
		for _, path := range []string{"/me", "/store", "/fresh", "/api/auth/get-session", "/api/auth/list-sessions", listDevices} {
			b.get(path)
		}
		for path, body := range map[string]string{
			"/api/auth/revoke-session": `{"token":"` + device.token() + `"}`, "/api/auth/revoke-sessions": "{}", "/api/auth/revoke-other-sessions": "{}",
			"/api/auth/update-session": `{"a":"` + b.token() + `"}`, "/api/auth/sign-out": "{}", setActive: named(b.token()), revokeOne: named(b.token()), "/sign-in/ada": "",
		} {
			b.copy().post(path, body)
		}
	}
	s.down()
	requests()
	s.up()
	s.store.edit(b.token(), func(row *models.Session) { row.ExpiresAt = start.Add(-1) })
	requests()
	log := s.log.String()
	if !strings.Contains(log, "did not answer") {
		t.Fatalf("nothing was logged: %s", log)
	}
	for _, one := range secrets {
		if strings.Contains(log, one) {
			t.Errorf("the log holds %s", one)
		}
	}
}
