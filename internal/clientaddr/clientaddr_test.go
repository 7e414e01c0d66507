package clientaddr_test

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ginsession/ginsession/internal/clientaddr"
)

func TestNetwork(t *testing.T) {
	t.Parallel()
	tests := []struct{ s, want string }{
		{"203.0.113.9", "203.0.113.0"},
		{"203.0.113.0", "203.0.113.0"},
		{"::ffff:203.0.113.9", "203.0.113.0"},
		{"2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0000:0000:0000:0000:0000"},
		{"2001:0db8:0001:0002:0000:0000:0000:0000", "2001:0db8:0001:0000:0000:0000:0000:0000"},
		{"fe80::1%eth0", "fe80:0000:0000:0000:0000:0000:0000:0000"},
		{"::1", "0000:0000:0000:0000:0000:0000:0000:0000"},

		{"", ""},
		{"203.0.113.9, 198.51.100.7", ""},
		{"203.0.113.9:4711", ""},
		{"Ada's phone", ""},
	}
	for _, tt := range tests {
		got := clientaddr.Network(tt.s)
		if got != tt.want {
			t.Errorf("Network(%q) = %q, want %q", tt.s, got, tt.want)
		}
		if again := clientaddr.Network(got); again != got {
			t.Errorf("Network(%q) = %q, want it as it is", got, again)
		}
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	tests := []struct{ s, want string }{
		{"203.0.113.9", "203.0.113.9"},
		{"0.0.0.0", "0.0.0.0"},
		{"2001:DB8:1:2:3:4:5:6", "2001:0db8:0001:0002:0000:0000:0000:0000"},
		{"fe80::1", "fe80:0000:0000:0000:0000:0000:0000:0000"},
		{"::", "0000:0000:0000:0000:0000:0000:0000:0000"},
		{"::ffff:192.0.2.33", "192.0.2.33"},
		{"::ffff:c000:221", "192.0.2.33"},
		{"::192.0.2.33", "0000:0000:0000:0000:0000:0000:0000:0000"}, // IPv4-compatible, not mapped

		{"", ""},
		{"junk", ""},
		{"1.2.3.4:80", ""},
		{"[::1]", ""},
		{"[::1]:80", ""},
		{"fe80::1%eth0", ""},
		{"::ffff:1.2.3.4%eth0", ""},
		{"1.2.3", ""},
		{"01.2.3.4", ""}, // octal to some
		{"1.2.3.256", ""},
		{" 1.2.3.4", ""},
		{"1.2.3.4, 5.6.7.8", ""},
		{"1.2.3.4/8", ""},
		{"'; DROP TABLE session", ""},
		{"1.2.3.4\x00", ""},
	}
	for _, tt := range tests {
		if got := clientaddr.Address(tt.s, 64); got != tt.want {
			t.Errorf("Address(%q) = %q, want %q", tt.s, got, tt.want)
		}
	}
}

func TestVectorsAddress(t *testing.T) {
	t.Parallel()
	// These ask for lists of headers or proxies, which are decided before an
	// address comes here.
	others := map[string]bool{"ip-2": true, "ip-11": true, "ip-12": true, "ip-13": true, "ip-14": true}
	path := os.Getenv("CONTRACT_VECTORS")
	if path == "" {
		path = "../../testdata/contract/vectors.json"
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Name, Kind       string
			Inputs, Expected json.RawMessage
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, v := range file.Vectors {
		if v.Kind != "client_ip" || others[v.Name] {
			continue
		}
		seen++
		var inputs struct {
			Headers   map[string]string
			IPAddress struct{ IPv6Subnet int }
		}
		var expected struct{ Stored string }
		if err := json.Unmarshal(v.Inputs, &inputs); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(v.Expected, &expected); err != nil {
			t.Fatal(err)
		}
		subnet := cmp.Or(inputs.IPAddress.IPv6Subnet, 64)
		if got := clientaddr.Address(inputs.Headers["x-forwarded-for"], subnet); got != expected.Stored {
			t.Errorf("%s: got %q, want %q", v.Name, got, expected.Stored)
		}
	}
	if seen == 0 {
		t.Fatalf("no vectors of kind client_ip in %s", path)
	}
}

func TestSR66_UserAgent(t *testing.T) {
	t.Parallel()
	const browser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
	tests := []struct{ name, s, want string }{
		{"browser", browser, browser},
		{"empty", "", ""},
		{"letters of the world", "agent ü 漢 😀", "agent ü 漢 😀"},
		{"escape sequence", "\x1b[31mred\x1b[0m", "[31mred[0m"},
		{"line breaks", "a\r\nSet-Cookie: b", "aSet-Cookie: b"},
		{"tab", "a\tb", "ab"},
		{"NUL", "a\x00b", "ab"},
		{"DEL", "a\x7fb", "ab"},
		{"C1 control", "a\u009b31mb", "a31mb"},
		{"invalid UTF-8", "a\xff\xc3b\xed\xa0\x80", "ab"},
		{"a replacement character that was sent", "a\uFFFDb", "a\uFFFDb"},
		{"bidi overrides", "a\u202e\u202db\u202c", "ab"},
		{"bidi isolates", "a\u2066\u2067\u2068b\u2069", "ab"},
		{"bidi marks", "a\u200e\u200f\u061cb", "ab"},
		{"line and paragraph separators", "a\u2028b\u2029c", "abc"},

		{"as long as allowed", strings.Repeat("a", 512), strings.Repeat("a", 512)},
		{"a byte longer", strings.Repeat("a", 513), strings.Repeat("a", 512)},
		{"1 MB", strings.Repeat("a", 1<<20), strings.Repeat("a", 512)},
		{"1 MB of controls", strings.Repeat("\x1b", 1<<20) + "a", "a"},
		{"cut between characters", strings.Repeat("a", 511) + "ü", strings.Repeat("a", 511)},
		{"nothing behind the cut", strings.Repeat("a", 510) + "漢b", strings.Repeat("a", 510)},
		{"dropped bytes do not count", "\x00" + strings.Repeat("a", 512), strings.Repeat("a", 512)},
		{"only multi-byte", strings.Repeat("😀", 200), strings.Repeat("😀", 128)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := clientaddr.UserAgent(tt.s); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"203.0.113.9", "::1", "::ffff:192.0.2.33", "fe80::1%eth0", "1.2.3.4:80", "junk",
		// SR-65
		"'; DROP TABLE session", "1.2.3.4, 5.6.7.8", "1.2.3.4\x00", "[::1]", "::ffff:1.2.3.4%eth0", "01.2.3.4", "1.2.3.4/8", "0x7f.0.0.1", "2130706433", "::ffff:0:1.2.3.4", "64:ff9b::1.2.3.4", "1::2::3", "::1%25eth0", "<script>"} {
		f.Add(s, byte(64))
		f.Add(s, byte(128))
	}
	f.Add("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", byte(1))
	f.Fuzz(func(t *testing.T, s string, bits byte) {
		subnet := int(bits) % 129
		got := clientaddr.Address(s, subnet)
		addr, err := netip.ParseAddr(s)
		if valid := err == nil && addr.Zone() == ""; valid != (got != "") {
			t.Fatalf("Address(%q) = %q, an address to net/netip: %t", s, got, valid)
		}
		if got != "" {
			// It is the same network, and of IPv4 the same address.
			stored, err := netip.ParseAddr(got)
			addr = addr.Unmap()
			if err != nil || addr.Is4() && stored != addr || addr.Is6() && netip.PrefixFrom(addr, subnet).Masked().Addr() != stored {
				t.Fatalf("Address(%q, %d) = %q, %v", s, subnet, got, err)
			}
		}
		if again := clientaddr.Address(got, subnet); again != got {
			t.Fatalf("Address(%q) = %q, of which it makes %q", s, got, again)
		}
		if len(got) > 39 || strings.Trim(got, "0123456789abcdef.:") != "" {
			t.Fatalf("Address(%q) = %q", s, got)
		}
	})
}

func FuzzUserAgent(f *testing.F) {
	for _, s := range []string{"Mozilla/5.0", "\x1b[31m\x00", "a\xffb", "\u202eü漢😀\u2069", strings.Repeat("😀", 129)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := clientaddr.UserAgent(s)
		if len(got) > clientaddr.MaxUserAgent || !utf8.ValidString(got) {
			t.Fatalf("UserAgent(%q) = %q", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Fatalf("UserAgent(%q) keeps %q", s, r)
			}
		}
		if again := clientaddr.UserAgent(got); again != got {
			t.Fatalf("UserAgent(%q) = %q, of which it makes %q", s, got, again)
		}
	})
}

func BenchmarkUserAgent(b *testing.B) {
	cases := []struct{ name, s string }{
		{"browser", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"},
		{"1 MB", strings.Repeat("a", 1<<20)},
	}
	for _, bb := range cases {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				clientaddr.UserAgent(bb.s)
			}
		})
	}
}
