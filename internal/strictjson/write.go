package strictjson

import "unicode/utf8"

// AppendString appends s as JavaScript's JSON.stringify writes it: quote,
// backslash and \b\t\n\f\r escaped by one character, other controls as \u00xx in
// lower case, everything else raw, <>&, U+007F, U+2028 and U+2029 included
// (ECMA-262, "QuoteJSONString"). The bytes are signed, so they must be the same.
// Each byte that is not UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	const lower = "0123456789abcdef"
	dst = append(dst, '"')
	valid := utf8.ValidString(s)
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf && !valid {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(dst, s[start:i]...)
				dst = append(dst, "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		i++
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i-1]...)
		start = i
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			dst = append(dst, '\\', 'u', '0', '0', lower[c>>4], lower[c&15])
		}
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
