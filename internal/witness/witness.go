// Package witness finds secrets in what the project's own tests let out: log
// lines, SQL logs, errors, bodies, and what processes write that the tests start.
//
// It is rule SR-67 asked of everything that happens while the tests run, and
// SR-44 of their bodies. It is internal and imported by tests alone.
package witness

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// A Witness remembers the secrets that the tests of a package come across, and the
// words of what it hears. Which comes first does not matter.
//
// What has the form of a secret in a log or an error is found without being known:
// see forms.go. A body may hold such a thing, an id for one, so that in bodies only
// known secrets are found.
//
// A Witness is safe for concurrent use.
type Witness struct {
	mu         sync.Mutex
	secrets    map[string]bool // their evidence
	young, old map[word]string // the line in which each was heard first
	leaks      []string        // in the order in which they were found
	noticed    map[string]bool // lines that are among the leaks
}

// A word is a run of the characters that secrets are made of.
type word struct {
	text string
	body bool
}

const (
	// evidence is how many characters at a secret's beginning give it away: chance
	// does not write sixteen of them. Their case does not count, because a database
	// that ignores it may quote them in another.
	evidence = 16
	// remembered is how many words a Witness has in mind at least. Older ones are
	// compared with the secrets known by then, and forgotten: a suite may write for
	// hours.
	remembered = 1 << 16
	// most is how many leaks are reported.
	most = 20
	// clipped is how much of a line is shown.
	clipped = 400
)

// New returns a Witness that knows no secret.
func New() *Witness {
	return &Witness{secrets: map[string]bool{}, young: map[word]string{}, noticed: map[string]bool{}}
}

// Keep remembers secrets. What is shorter than the evidence is none. It panics at one
// that begins with other characters than a word's, which it would never hear.
func (w *Witness) Keep(secrets ...string) {
	for _, secret := range secrets {
		if len(secret) >= evidence && !audible(secret) {
			panic("witness: this secret begins with characters that would not be heard: " + secret)
		}
	}
	w.keep(secrets...)
}

// KeepCookie remembers the value of a cookie, or of a bearer token, and of a signed one
// the two halves.
func (w *Witness) KeepCookie(value string) {
	w.keep(value)
	if plain, err := url.PathUnescape(value); err == nil {
		w.keep(plain)
		if dot := strings.LastIndexByte(plain, '.'); dot >= 0 {
			w.keep(plain[:dot], plain[dot+1:])
		}
	}
}

// KeepCookies remembers the values of the cookies that a response sets.
func (w *Witness) KeepCookies(cookies []*http.Cookie) {
	for _, cookie := range cookies {
		w.KeepCookie(cookie.Value)
	}
}

func (w *Witness) keep(secrets ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, secret := range secrets {
		if len(secret) >= evidence && audible(secret) {
			w.secrets[strings.ToLower(secret[:evidence])] = true
		}
	}
}

func audible(secret string) bool {
	for i := range evidence {
		if !inWord[secret[i]] {
			return false
		}
	}
	return true
}

// Write hears a log, whole lines at a time. It never fails.
func (w *Witness) Write(p []byte) (int, error) {
	w.hear(string(p), false)
	return len(p), nil
}

// Printf hears the log of go-redis: redis.SetLogger takes a Witness.
func (w *Witness) Printf(_ context.Context, format string, args ...any) {
	w.hear(fmt.Sprintf(format, args...), false)
}

// Hear hears an error, however somebody may print it, and returns it.
func (w *Witness) Hear(err error) error {
	if err != nil {
		w.hear(fmt.Sprintf("%v %+v %#v", err, err, err), false)
	}
	return err
}

// Read hears a body.
func (w *Witness) Read(body string) { w.hear(body, true) }

// hear returns what of the text is known for a leak by now.
func (w *Witness) hear(text string, body bool) (leaks []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.leaks)
	for line := range strings.Lines(text) {
		shown, judged := "", body
		for _, found := range words(line) {
			said := word{found, body}
			if w.heard(said) {
				continue
			}
			if shown == "" {
				shown = strings.Clone(strings.TrimSpace(line[:min(len(line), clipped)]))
			}
			said.text = strings.Clone(found)
			w.young[said] = shown
			w.compare(said, shown)
			if !judged && len(found) >= longWord {
				judged = true
				if form := formIn(line); form != "" {
					w.notice(form, shown)
				}
			}
		}
	}
	if len(w.young) >= remembered {
		w.compareAll(w.old)
		w.young, w.old = map[word]string{}, w.young
	}
	return w.leaks[before:]
}

func (w *Witness) heard(said word) bool {
	if _, ok := w.young[said]; ok {
		return true
	}
	_, ok := w.old[said]
	return ok
}

// compare looks for a known secret in a word.
func (w *Witness) compare(said word, line string) {
	lower := strings.ToLower(said.text)
	for i := range len(lower) - evidence + 1 {
		if w.secrets[lower[i:i+evidence]] {
			w.notice("a secret, "+said.text[i:i+evidence]+"…,", line)
			return
		}
	}
}

func (w *Witness) compareAll(words map[word]string) {
	for said, line := range words {
		w.compare(said, line)
	}
}

func (w *Witness) notice(what, line string) {
	if !w.noticed[line] {
		w.noticed[line] = true
		w.leaks = append(w.leaks, what+" in "+line)
	}
}

// Leaks are the lines in which secrets were heard, each once.
func (w *Witness) Leaks() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.compareAll(w.old)
	w.compareAll(w.young)
	return slices.Clone(w.leaks)
}

// Report writes the leaks and returns the exit code of the tests.
func (w *Witness) Report(out io.Writer, code int) int {
	leaks := w.Leaks()
	for _, leak := range leaks[:min(len(leaks), most)] {
		fmt.Fprintf(out, "SR-67: let out: %s\n", leak)
	}
	if len(leaks) > most {
		fmt.Fprintf(out, "SR-67: and %d more\n", len(leaks)-most)
	}
	if len(leaks) > 0 {
		return 1
	}
	return code
}

// inWord says which bytes a word is made of: those of tokens, of base64 in both
// alphabets, and of their escapes in a cookie.
var inWord = func() (in [256]bool) {
	for _, b := range []byte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/=_.%-") {
		in[b] = true
	}
	return in
}()

// words are the words of a line that are long enough for evidence.
func words(line string) (found []string) {
	begin := 0
	for i := range len(line) + 1 {
		if i < len(line) && inWord[line[i]] {
			continue
		}
		if i-begin >= evidence {
			found = append(found, line[begin:i])
		}
		begin = i + 1
	}
	return found
}
