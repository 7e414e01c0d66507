package signed

import "unicode/utf8"

// AppendEscaped appends s as JavaScript's encodeURIComponent writes it: ASCII
// letters, digits and -_.!~*'() stay, every other byte becomes %XX in upper
// case (ECMA-262, "encodeURIComponent"). url.QueryEscape and url.PathEscape
// keep other sets of characters.
func AppendEscaped(dst []byte, s string) []byte {
	const upper = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if unreserved[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', upper[c>>4], upper[c&15])
		}
	}
	return dst
}

// unreserved are the characters that stay.
var unreserved = func() (stays [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()") {
		stays[c] = true
	}
	return stays
}()

// unescape appends s percent-decoded once, as decodeURIComponent does: it fails
// on a % without two hex digits and on escapes that are not UTF-8. s is ASCII.
func unescape(dst []byte, s string) ([]byte, bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if len(s)-i < 3 {
				return nil, false
			}
			high, low := unhex(s[i+1]), unhex(s[i+2])
			if high > 15 || low > 15 {
				return nil, false
			}
			c = high<<4 | low
			i += 2
		}
		dst = append(dst, c)
	}
	return dst, utf8.Valid(dst)
}

// unhex is the value of a hex digit, above 15 if c is none.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xFF
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
