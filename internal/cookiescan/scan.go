// Package cookiescan reads the Cookie header: the one cookie parser of this
// module. Two parsers that disagree about a header are a hole (SR-14): what one
// verifies, the other uses.
//
// It passes over the raw header lines once and allocates nothing for cookies
// that are not ours. net/http's Request.Cookie parses all of them for every
// name asked, at thirty times the cost.
package cookiescan

import "strings"

const (
	// MaxBytes bounds the Cookie header, all its lines together. Beyond it a
	// request has no cookies (SR-70).
	MaxBytes = 64 << 10
	// MaxPairs bounds the number of cookies in it, others' and empty entries
	// included. Go's own limit is 3000 (CVE-2025-58186), far more than a browser
	// sends.
	MaxPairs = 200
)

// A Pair is one cookie as it stood in the header: the name exact, the value
// without its outer quotes and not percent-decoded.
type Pair struct{ Name, Value string }

// Scan appends to dst the cookies whose name is ours, in the order of the
// header and with all duplicates: which of them counts is for the caller to
// decide, after verifying. lines are the values of the Cookie header
// (http.Header["Cookie"]). Names and values share memory with the lines.
//
// A line is cut at every semicolon, quoted or not, since no quoting protects a
// semicolon for browsers (RFC 6265, section 4.1.1) and a parser that thinks
// otherwise lets one cookie swallow the next. Only space and tab are trimmed:
// Unicode blanks stay part of a name, so that no foreign name turns into ours
// (SR-12). Entries without =, without a name, or with a control character in
// the name are skipped.
//
// If the lines exceed MaxBytes or MaxPairs, ok is false and nothing is
// appended. Scan allocates only to grow dst.
func Scan(dst []Pair, lines []string, ours func(name string) bool) (pairs []Pair, ok bool) {
	total := 0
	for _, line := range lines {
		if total += len(line); total > MaxBytes {
			return dst, false
		}
	}
	before, count := len(dst), 0
	for _, rest := range lines {
		for more := true; more; {
			var entry string
			entry, rest, more = strings.Cut(rest, ";")
			if count++; count > MaxPairs {
				return dst[:before], false
			}
			name, value, found := strings.Cut(entry, "=")
			if name = trim(name); !found || name == "" || !ours(name) || control(name) {
				continue
			}
			dst = append(dst, Pair{name, unquote(trim(value))})
		}
	}
	return dst, true
}

func trim(s string) string {
	for s != "" && blank(s[0]) {
		s = s[1:]
	}
	for s != "" && blank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// unquote strips one pair of double quotes, as both Better Auth and net/http do.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

func control(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7F {
			return true
		}
	}
	return false
}
