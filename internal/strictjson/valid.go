// Package strictjson reads and writes the JSON of this module: requests'
// bodies, responses and the payloads of cookies.
//
// encoding/json is not used on what comes from outside. It matches keys without
// regard to case, lets the last of two equal keys win, turns invalid UTF-8 into
// U+FFFD and takes trailing data from a Decoder, while JavaScript does none of
// that: two readers of one document that disagree are a hole (SR-74). It also
// escapes U+2028 whatever it is told, and the bytes here must be those of
// JSON.stringify.
//
// A document is checked once, by Valid, and then taken apart with Object, KindOf
// and Text, which allocate nothing but strings that have escapes.
package strictjson

import (
	"math/bits"
	"unicode/utf8"
)

// Valid reports whether src is exactly one JSON value (RFC 8259), blanks around
// it allowed, in valid UTF-8, without a byte order mark and without anything
// after it, and nested at most maxDepth deep: a bare number has depth 0, [[]]
// has 2. It says nothing about duplicate keys, the size of numbers, or escaped
// surrogates that stand alone (Text refuses those).
//
// Valid allocates nothing and its stack grows with maxDepth only.
func Valid(src []byte, maxDepth int) bool {
	if !utf8.Valid(src) {
		return false
	}
	end := value(src, blanks(src, 0), maxDepth)
	return end >= 0 && blanks(src, end) == len(src)
}

// A source is what is read: bytes are checked where they were received, and taken
// apart as a string, of which all that is returned shares the memory.
type source interface{ string | []byte }

// The functions below take the index where something starts and return the
// index behind it, or -1. src is UTF-8.

func value(src []byte, i, depth int) int {
	if i >= len(src) {
		return -1
	}
	switch src[i] {
	case '{':
		return object(src, i+1, depth-1)
	case '[':
		return array(src, i+1, depth-1)
	case '"':
		return text(src, i+1)
	case 't':
		return literal(src, i, "true")
	case 'f':
		return literal(src, i, "false")
	case 'n':
		return literal(src, i, "null")
	}
	return number(src, i)
}

// object starts behind the opening brace.
func object(src []byte, i, depth int) int {
	if depth < 0 {
		return -1
	}
	if i = blanks(src, i); at(src, i, '}') {
		return i + 1
	}
	for {
		if !at(src, i, '"') {
			return -1
		}
		if i = text(src, i+1); i < 0 {
			return -1
		}
		if i = blanks(src, i); !at(src, i, ':') {
			return -1
		}
		if i = value(src, blanks(src, i+1), depth); i < 0 {
			return -1
		}
		switch i = blanks(src, i); {
		case at(src, i, '}'):
			return i + 1
		case !at(src, i, ','):
			return -1
		}
		i = blanks(src, i+1)
	}
}

// array starts behind the opening bracket.
func array(src []byte, i, depth int) int {
	if depth < 0 {
		return -1
	}
	if i = blanks(src, i); at(src, i, ']') {
		return i + 1
	}
	for {
		if i = value(src, i, depth); i < 0 {
			return -1
		}
		switch i = blanks(src, i); {
		case at(src, i, ']'):
			return i + 1
		case !at(src, i, ','):
			return -1
		}
		i = blanks(src, i+1)
	}
}

// text starts behind the opening quote.
func text[T source](src T, i int) int {
	for {
		i = plain(src, i)
		if i >= len(src) || src[i] < ' ' {
			return -1
		}
		if src[i] == '"' {
			return i + 1
		}
		if i+1 >= len(src) {
			return -1
		}
		switch src[i+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			i += 2
		case 'u':
			if _, ok := hex4(src, i+2); !ok {
				return -1
			}
			i += 6
		default:
			return -1
		}
	}
}

// plain returns the index of the first quote, backslash or control character at
// or behind i, or len(src). Most bytes of a document are inside strings, so it
// tests eight at a time: in each term the lowest byte with its high bit set is
// a true hit, and only bytes above one can be false.
func plain[T source](src T, i int) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for ; i+8 <= len(src); i += 8 {
		w := eight(src[i : i+8])
		quote, escape := w^ones*'"', w^ones*'\\'
		hits := (w - ones*' ') &^ w
		hits |= (quote - ones) &^ quote
		hits |= (escape - ones) &^ escape
		if hits &= highs; hits != 0 {
			return i + bits.TrailingZeros64(hits)/8
		}
	}
	for ; i < len(src); i++ {
		if c := src[i]; c < ' ' || c == '"' || c == '\\' {
			return i
		}
	}
	return len(src)
}

// eight is little-endian. The compiler makes one load of it.
func eight[T source](src T) uint64 {
	_ = src[7]
	return uint64(src[0]) | uint64(src[1])<<8 | uint64(src[2])<<16 | uint64(src[3])<<24 |
		uint64(src[4])<<32 | uint64(src[5])<<40 | uint64(src[6])<<48 | uint64(src[7])<<56
}

func literal(src []byte, i int, word string) int {
	if end := i + len(word); end <= len(src) && string(src[i:end]) == word {
		return end
	}
	return -1
}

func number(src []byte, i int) int {
	if at(src, i, '-') {
		i++
	}
	if at(src, i, '0') {
		i++
	} else if i = digits(src, i); i < 0 {
		return -1
	}
	if at(src, i, '.') {
		if i = digits(src, i+1); i < 0 {
			return -1
		}
	}
	if at(src, i, 'e') || at(src, i, 'E') {
		i++
		if at(src, i, '+') || at(src, i, '-') {
			i++
		}
		return digits(src, i)
	}
	return i
}

// digits wants at least one.
func digits(src []byte, i int) int {
	start := i
	for i < len(src) && digit(src[i]) {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

func blanks[T source](src T, i int) int {
	for i < len(src) && (src[i] == ' ' || src[i] == '\t' || src[i] == '\n' || src[i] == '\r') {
		i++
	}
	return i
}

func at[T source](src T, i int, c byte) bool { return i < len(src) && src[i] == c }
