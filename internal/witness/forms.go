package witness

import (
	"regexp"
	"strings"
)

// longWord is the length of the shortest word that can be a token.
const longWord = 32

var (
	// named are the attributes of a log line that may hold what looks like a token:
	// ids have a token's form. Handles have one of their own. And folders of tests are
	// called by their tests' names, with a number.
	named = regexp.MustCompile(`\b(?:id|sessionId|userId|by)\\?"?[=:] ?\\?"?[0-9A-Za-z]{32}\b|\bh_[0-9A-Za-z_-]{43}|/Test\w+/`)

	alphanumeric = regexp.MustCompile(`[0-9A-Za-z]{32,}`)
	signature    = regexp.MustCompile(`(?:[0-9A-Za-z+/]|%2[BbFf]){43}(?:=|%3[Dd])`)
	cookie       = regexp.MustCompile(`(?i)\bcookie\\?"?[:=]\W*[\w.-]+=|session_(?:token|data)[\w-]*=[^\s;]`)
)

// formIn returns the form of a secret that a line of a log has in it, "" if it has
// none. A name that is long, in a stack for one, is no token: of a token's characters
// some are capital letters, some small ones and some digits, but for one in 300.
func formIn(line string) string {
	line = named.ReplaceAllString(line, "")
	for _, run := range alphanumeric.FindAllString(line, -1) {
		if strings.ContainsAny(run, digits) && strings.ToLower(run) != run && strings.ToUpper(run) != run {
			return "what has a token's form, " + run[:evidence] + "…,"
		}
	}
	switch {
	case signature.MatchString(line):
		return "what has a signature's form"
	case cookie.MatchString(line):
		return "a cookie"
	}
	return ""
}

const digits = "0123456789"
