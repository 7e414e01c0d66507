// Package clientaddr brings what a client says about itself, its address and
// its user agent, into the form that is stored: bounded, and harmless in a
// terminal, a log or a page.
package clientaddr

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Address returns an IP address as Better Auth stores it: IPv4 as it is,
// IPv4-mapped IPv6 as IPv4, other IPv6 as eight groups of four lower-case hex
// digits with all but the first subnet bits (0 to 128) zero. Anything else, ports
// and zones included, is the empty string.
func Address(s string, subnet int) string {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return ""
	}
	if addr = addr.Unmap(); addr.Is4() {
		return addr.String()
	}
	network, err := addr.Prefix(subnet)
	if err != nil {
		return ""
	}
	return network.Addr().StringExpanded()
}

// Network returns the network that a stored address is from: of IPv4 the first 24
// bits, of IPv6 the first 48, in the form of Address. What is no address is the empty
// string.
func Network(s string) string {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return ""
	}
	if addr = addr.Unmap(); addr.Is4() {
		network, _ := addr.Prefix(24)
		return network.Addr().String()
	}
	return Address(addr.WithZone("").String(), 48)
}

// MaxUserAgent is the longest user agent that is kept, in bytes.
const MaxUserAgent = 512

// UserAgent returns a User-Agent header fit to be stored and shown (SR-66):
// invalid UTF-8, control characters, line and paragraph separators and the
// characters that reorder text (Unicode's Bidi_Control) are dropped, and the
// rest is cut to MaxUserAgent bytes between two characters. Better Auth stores
// the header whole and raw.
func UserAgent(s string) string {
	if len(s) <= MaxUserAgent && clean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(min(len(s), MaxUserAgent))
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		bad := r == utf8.RuneError && size == 1
		if s = s[size:]; bad || dropped(r) {
			continue
		}
		if b.Len()+size > MaxUserAgent {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

func dropped(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

// clean reports whether s is printable ASCII, as nearly every user agent is.
func clean(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
