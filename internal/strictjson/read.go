package strictjson

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Kind is the type of a JSON value.
type Kind uint8

const (
	KindInvalid Kind = iota // the start of no JSON value
	KindObject
	KindArray
	KindString
	KindNumber
	KindBoolean
	KindNull
)

// String names the kind as zod does in the messages that Better Auth sends
// ("expected string, received number").
func (k Kind) String() string {
	switch k {
	case KindObject:
		return "object"
	case KindArray:
		return "array"
	case KindString:
		return "string"
	case KindNumber:
		return "number"
	case KindBoolean:
		return "boolean"
	case KindNull:
		return "null"
	}
	return "invalid"
}

// KindOf tells the kind of a value, without space in front, by its first byte.
func KindOf(value string) Kind {
	if len(value) == 0 {
		return KindInvalid
	}
	switch c := value[0]; c {
	case '{':
		return KindObject
	case '[':
		return KindArray
	case '"':
		return KindString
	case 't', 'f':
		return KindBoolean
	case 'n':
		return KindNull
	default:
		if c == '-' || digit(c) {
			return KindNumber
		}
	}
	return KindInvalid
}

// Object calls member for each member of the object src, in order, duplicates
// included, with the decoded key and the value as it stands in src without the
// blanks around it. It returns false if src is no object, if a key holds a
// surrogate that stands alone, or as soon as member does.
//
// src must have passed Valid; of other input Object may report members that
// are none, but it does not panic.
func Object(src string, member func(key, value string) bool) bool {
	i := blanks(src, 0)
	if !at(src, i, '{') {
		return false
	}
	if i = blanks(src, i+1); at(src, i, '}') {
		return true
	}
	for {
		if !at(src, i, '"') {
			return false
		}
		end := text(src, i+1)
		if end < 0 {
			return false
		}
		key := src[i+1 : end-1]
		if strings.IndexByte(key, '\\') >= 0 {
			var ok bool
			if key, ok = unescape(key); !ok {
				return false
			}
		}
		if i = blanks(src, end); !at(src, i, ':') {
			return false
		}
		i = blanks(src, i+1)
		if end = skip(src, i); end < 0 {
			return false
		}
		if !member(key, src[i:end]) {
			return false
		}
		switch i = blanks(src, end); {
		case at(src, i, '}'):
			return true
		case !at(src, i, ','):
			return false
		}
		i = blanks(src, i+1)
	}
}

// skip returns the index behind the value that starts at i, or -1. In a valid
// document brackets outside of strings are balanced, so counting them is enough.
func skip(src string, i int) int {
	depth := 0
	for i < len(src) {
		switch src[i] {
		case '"':
			if i = text(src, i+1); i < 0 {
				return -1
			}
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			if depth--; depth < 0 {
				return -1
			}
			i++
		case ' ', '\t', '\n', '\r', ',', ':':
			if depth == 0 {
				return -1
			}
			i++
			continue
		default: // a number or a literal
			for i++; i < len(src) && !delimiter(src[i]); i++ {
			}
		}
		if depth == 0 {
			return i
		}
	}
	return -1
}

func delimiter(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', ',', ':', '"', '{', '}', '[', ']':
		return true
	}
	return false
}

// Text decodes a JSON string with its quotes. It refuses everything that is not
// exactly one string in valid UTF-8, and the escape of a surrogate that stands
// alone: JavaScript has a string for it, UTF-8 has not, and U+FFFD in its place
// would be a string that nobody sent.
func Text(value string) (string, bool) {
	if !at(value, 0, '"') || text(value, 1) != len(value) || !utf8.ValidString(value) {
		return "", false
	}
	value = value[1 : len(value)-1]
	if strings.IndexByte(value, '\\') < 0 {
		return value, true
	}
	return unescape(value)
}

// unescape decodes the inside of a string that text accepts.
func unescape(src string) (string, bool) {
	dst := make([]byte, 0, len(src))
	for {
		i := strings.IndexByte(src, '\\')
		if i < 0 {
			return string(append(dst, src...)), true
		}
		dst = append(dst, src[:i]...)
		c := src[i+1]
		src = src[i+2:]
		switch c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, _ := hex4(src, 0)
			src = src[4:]
			if utf16.IsSurrogate(r) {
				if !at(src, 0, '\\') || !at(src, 1, 'u') {
					return "", false
				}
				low, _ := hex4(src, 2)
				if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
					return "", false
				}
				src = src[6:]
			}
			dst = utf8.AppendRune(dst, r)
		default: // quote, backslash, slash
			dst = append(dst, c)
		}
	}
}

// hex4 reads four hex digits at i.
func hex4[T source](src T, i int) (rune, bool) {
	if i+4 > len(src) {
		return 0, false
	}
	var r rune
	for j := i; j < i+4; j++ {
		c := src[j]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
