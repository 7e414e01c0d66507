package emailpassword

import (
	"regexp"
	"testing"
)

func TestNewID(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-zA-Z0-9]{32}$`)
	count := map[rune]int{}
	const n = 2000
	for range n {
		id := newID()
		if !form.MatchString(id) {
			t.Fatalf("id %q", id)
		}
		for _, r := range id {
			count[r]++
		}
	}
	// 32 n / 62 of each are expected, about 1032 with a deviation of 32; a
	// modulo bias would show the first eight letters a quarter more often.
	for _, r := range idAlphabet {
		if got := count[r]; got < 840 || got > 1230 {
			t.Errorf("%q occurs %d times, want about %d", r, got, 32*n/62)
		}
	}
}
