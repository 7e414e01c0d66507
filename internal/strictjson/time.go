package strictjson

import "time"

// AppendTime appends t in quotes as JavaScript's Date.prototype.toISOString
// writes it: "YYYY-MM-DDTHH:mm:ss.sssZ", in UTC, cut to whole milliseconds.
// Outside of the years 0 to 9999 the year has a sign and six digits, which
// ParseTime does not read.
func AppendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = append(dst, '"')
	switch {
	case year < 0:
		dst = appendDigits(append(dst, '-'), -year, 6)
	case year > 9999:
		dst = appendDigits(append(dst, '+'), year, 6)
	default:
		dst = appendDigits(dst, year, 4)
	}
	dst = appendDigits(append(dst, '-'), int(month), 2)
	dst = appendDigits(append(dst, '-'), day, 2)
	dst = appendDigits(append(dst, 'T'), hour, 2)
	dst = appendDigits(append(dst, ':'), minute, 2)
	dst = appendDigits(append(dst, ':'), second, 2)
	dst = appendDigits(append(dst, '.'), t.Nanosecond()/int(time.Millisecond), 3)
	return append(dst, 'Z', '"')
}

// appendDigits appends n >= 0 with zeros in front up to width digits, six at most.
func appendDigits(dst []byte, n, width int) []byte {
	var digits [6]byte
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, digits[:width]...)
}

// ParseTime reads a time in the one form that AppendTime writes for the years 0
// to 9999, without the quotes: 24 characters, three decimals, Z, and a date and
// time of day that exist (no February 30th, no hour 24, no leap second).
func ParseTime(s string) (time.Time, bool) {
	if len(s) != len("YYYY-MM-DDTHH:mm:ss.sssZ") || s[19] != '.' || !LooksLikeTime(s) {
		return time.Time{}, false
	}
	year, month, day := number10(s[0:4]), number10(s[5:7]), number10(s[8:10])
	hour, minute, second := number10(s[11:13]), number10(s[14:16]), number10(s[17:19])
	if hour > 23 || minute > 59 || second > 59 || month < 1 || month > 12 {
		return time.Time{}, false
	}
	nanos := number10(s[20:23]) * int(time.Millisecond)
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	if t.Day() != day { // time.Date turns April 31st into May 1st, the 0th into the 31st
		return time.Time{}, false
	}
	return t, true
}

// LooksLikeTime reports whether s matches
// ^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$. Better Auth turns every such string
// in a cached session into a Date, a user's name too, whatever its ranges.
func LooksLikeTime(s string) bool {
	const shape = "0000-00-00T00:00:00"
	if len(s) < len(shape)+1 || s[len(s)-1] != 'Z' {
		return false
	}
	for i := range len(shape) {
		if shape[i] == '0' && !digit(s[i]) || shape[i] != '0' && s[i] != shape[i] {
			return false
		}
	}
	fraction := s[len(shape) : len(s)-1]
	if fraction == "" {
		return true
	}
	if len(fraction) < 2 || fraction[0] != '.' {
		return false
	}
	for i := 1; i < len(fraction); i++ {
		if !digit(fraction[i]) {
			return false
		}
	}
	return true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// number10 reads decimal digits, already checked.
func number10(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}
