package cookiescan_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ginsession/ginsession/internal/cookiescan"
)

func all(string) bool { return true }

func named(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

func TestScan(t *testing.T) {
	t.Parallel()
	type pairs = []cookiescan.Pair
	tests := []struct {
		name  string
		lines []string
		want  pairs
	}{
		{"none", nil, nil},
		{"empty line", []string{""}, nil},
		{"one", []string{"a=1"}, pairs{{"a", "1"}}},
		{"order and duplicates stay", []string{"b=1; a=2; b=3"}, pairs{{"b", "1"}, {"a", "2"}, {"b", "3"}}},
		{"several lines", []string{"a=1", "a=2; b=3"}, pairs{{"a", "1"}, {"a", "2"}, {"b", "3"}}},
		{"no space behind the semicolon", []string{"a=1;b=2;"}, pairs{{"a", "1"}, {"b", "2"}}},
		{"spaces and tabs", []string{" \ta \t= \t1\t ;  b=2 "}, pairs{{"a", "1"}, {"b", "2"}}},
		{"space inside a value", []string{"a=1 2"}, pairs{{"a", "1 2"}}},
		{"empty value", []string{"a=; b=2"}, pairs{{"a", ""}, {"b", "2"}}},
		{"= inside a value", []string{"a=1=2=="}, pairs{{"a", "1=2=="}}},
		{"no =", []string{"junk; a=1"}, pairs{{"a", "1"}}},
		{"no name", []string{"=1; =; a=1"}, pairs{{"a", "1"}}},
		{"not percent-decoded", []string{"a=%20%41"}, pairs{{"a", "%20%41"}}},

		{"one pair of quotes", []string{`a="1"; b=""2""; c="; d=""`}, pairs{{"a", "1"}, {"b", `"2"`}, {"c", `"`}, {"d", ""}}},
		{"one quote stays", []string{`a="1; b=2"`}, pairs{{"a", `"1`}, {"b", `2"`}}},
		{"spaces inside quotes stay", []string{`a=" 1 "`}, pairs{{"a", " 1 "}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := cookiescan.Scan(nil, tt.lines, all)
			if !ok || !slices.Equal(got, tt.want) {
				t.Errorf("got %q, %v; want %q, true", got, ok, tt.want)
			}
		})
	}
}

func TestSR12_NamesAreExact(t *testing.T) {
	t.Parallel()
	const name = "__Secure-better-auth.session_token"
	for _, other := range []string{
		strings.ToUpper(name),
		"__secure-better-auth.session_token",
		"better-auth.session_token",
		"__Host-better-auth.session_token",
		"\u00a0" + name,
		name + "\u2003",
		"\ufeff" + name,
		"\v" + name,
		name + "\x00",
		name + ".0",
		"$" + name,
	} {
		got, ok := cookiescan.Scan(nil, []string{other + "=1"}, named(name))
		if !ok || len(got) != 0 {
			t.Errorf("%q counts as %q", other, name)
		}
	}
}

func TestSR14_QuotesDoNotProtectASemicolon(t *testing.T) {
	t.Parallel()
	// The cookie sandwich: a parser that knows $Version reads one value.
	got, ok := cookiescan.Scan(nil, []string{`$Version=1; a="x; st=secret; b=y"`}, named("a", "st"))
	want := []cookiescan.Pair{{"a", `"x`}, {"st", "secret"}}
	if !ok || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q, true", got, ok, want)
	}
}

func TestSR14_ControlCharactersInNames(t *testing.T) {
	t.Parallel()
	for c := range 128 {
		name := "a" + string(rune(c)) + "b"
		got, ok := cookiescan.Scan(nil, []string{name + "=1"}, named(name))
		want := c >= ' ' && c != 0x7F && c != ';' && c != '='
		if !ok || (len(got) == 1) != want {
			t.Errorf("name %q: got %q, %v; want %v", name, got, ok, want)
		}
	}
}

func TestSR70_Bounds(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("a=;", cookiescan.MaxPairs-1)
	wide := strings.Repeat("x", cookiescan.MaxBytes-len("st=1;a="))
	tests := []struct {
		name  string
		lines []string
		want  bool
	}{
		{"most pairs", []string{many + "st=1"}, true},
		{"one pair more", []string{many + "a=; st=1"}, false},
		{"one pair more, on another line", []string{many + "st=1", "a="}, false},
		{"pairs without = count", []string{"st=1;" + strings.Repeat("a;", cookiescan.MaxPairs)}, false},
		{"empty entries count", []string{"st=1" + strings.Repeat("; ", cookiescan.MaxPairs)}, false},
		{"most bytes", []string{"st=1;a=" + wide}, true},
		{"one byte more", []string{"st=1;a=" + wide + "x"}, false},
		{"one byte more, on another line", []string{"st=1;a=" + wide, "x"}, false},
		{"3000 cookies and a good one", []string{strings.Repeat("a=;", 3000) + "st=1"}, false},
		{"900 kB", []string{strings.Repeat("a=1234567;", 90_000) + "st=1"}, false},
	}
	before := []cookiescan.Pair{{"kept", "1"}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := cookiescan.Scan(slices.Clone(before), tt.lines, named("st"))
			want := slices.Clone(before)
			if tt.want {
				want = append(want, cookiescan.Pair{Name: "st", Value: "1"})
			}
			if ok != tt.want || !slices.Equal(got, want) {
				t.Errorf("got %q, %v; want %q, %v", got, ok, want, tt.want)
			}
		})
	}
}

func TestVectorsParse(t *testing.T) {
	t.Parallel()
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
			Name, Kind string
			Inputs     struct {
				CookieHeader string `json:"cookie_header"`
			}
			Expected json.RawMessage
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, v := range file.Vectors {
		if v.Kind != "cookie_parse" {
			continue
		}
		seen++
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			var expected struct{ Single map[string]*string }
			if err := json.Unmarshal(v.Expected, &expected); err != nil {
				t.Fatal(err)
			}
			// Null is a name that was asked for and is absent. Better Auth's
			// second parser, "all", has no counterpart here: there is one parser,
			// and what chunks and device cookies may hold is their grammar's.
			want := map[string]string{}
			for name, value := range expected.Single {
				if value != nil {
					want[name] = *value
				}
			}
			pairs, ok := cookiescan.Scan(nil, []string{v.Inputs.CookieHeader}, all)
			if !ok {
				t.Fatal("refused")
			}
			// What Better Auth does while parsing is left to the caller of Scan:
			// the first duplicate (SR-14: every one is verified), percent-decoding
			// (package signed does it once), and an empty value being none.
			got := map[string]string{}
			for _, pair := range pairs {
				value := pair.Value
				if decoded, err := url.PathUnescape(value); err == nil {
					value = decoded
				}
				if _, again := got[pair.Name]; !again && value != "" {
					got[pair.Name] = value
				}
			}
			if !maps.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	if seen == 0 {
		t.Fatalf("no vectors of kind cookie_parse in %s", path)
	}
}

func TestAllocations(t *testing.T) {
	lines := []string{strings.Repeat("other=value; ", 50) + "st=1; st=2", "sd=3"}
	ours := named("st", "sd")
	dst := make([]cookiescan.Pair, 0, 8)
	if got := testing.AllocsPerRun(100, func() { cookiescan.Scan(dst, lines, ours) }); got != 0 {
		t.Errorf("Scan allocates %v times", got)
	}
	hostile := []string{strings.Repeat("a=;", 3000)}
	if got := testing.AllocsPerRun(100, func() { cookiescan.Scan(nil, hostile, ours) }); got != 0 {
		t.Errorf("Scan of a hostile header allocates %v times", got)
	}
}

func FuzzScan(f *testing.F) {
	for _, line := range []string{"a=1; b=2", `a="1"; b=""`, "junk; =; a==", " \ta\t=\t1 ;;", "a\x00b=1", "ä=ö; \u00a0a=1", strings.Repeat("a=;", 201),
		// SR-12, SR-14, SR-70
		`$Version=1; a="x; st=secret; b=y"`, `a="1; b="2`, "\ufeffa=1; a\u2003=1; \va=1; A=1", "a=1\x00; a\x7f=1", "a=1,b=2", "=a=1; ==", `a="";b="\"";c=""x""`, strings.Repeat("a=1; ", 10_000), strings.Repeat(";", 64<<10), "a=" + strings.Repeat("x", 64<<10)} {
		f.Add(line, "b=2")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		lines := []string{first, second}
		got, ok := cookiescan.Scan(nil, lines, all)
		if !ok {
			if len(got) != 0 || len(first)+len(second) <= cookiescan.MaxBytes && strings.Count(first+second, ";")+2 <= cookiescan.MaxPairs {
				t.Fatalf("refused with %q", got)
			}
			return
		}
		for _, pair := range got {
			if pair.Name == "" || strings.ContainsAny(pair.Name, ";=\x00\x7f\n") || strings.Trim(pair.Name, " \t") != pair.Name || strings.Contains(pair.Value, ";") {
				t.Fatalf("%q gives %q", lines, pair)
			}
		}
		// Lines are independent, and asking for one name only leaves out others.
		joined, ok := cookiescan.Scan(nil, []string{first + ";" + second}, all)
		if ok && !slices.Equal(joined, got) {
			t.Fatalf("%q gives %q, joined %q", lines, got, joined)
		}
		if len(got) > 0 {
			name := got[0].Name
			want := slices.DeleteFunc(slices.Clone(got), func(p cookiescan.Pair) bool { return p.Name != name })
			if some, ok := cookiescan.Scan(nil, lines, named(name)); !ok || !slices.Equal(some, want) {
				t.Fatalf("%q asked for %q gives %q, want %q", lines, name, some, want)
			}
		}
		// A cookie that net/http reads, and thus a browser sends, is here too.
		// net/http takes an entry without = for an empty cookie, keeps a blank in
		// front of a value, and trims line breaks, which no header line holds.
		if strings.ContainsAny(first+second, "\r\n") {
			return
		}
		for _, cookie := range (&http.Request{Header: http.Header{"Cookie": lines}}).Cookies() {
			value := cookie.Value
			if !cookie.Quoted {
				value = strings.TrimLeft(value, " ")
			}
			if value != "" && !slices.Contains(got, cookiescan.Pair{Name: cookie.Name, Value: value}) {
				t.Fatalf("%q: net/http finds %q, Scan %q", lines, cookie, got)
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	token := "better-auth.session_token=abcdefghijklmnopqrstuvwxyzABCDEF.Ti%2FA7iLDkMIMCsY8SvoBuKVUfJb9zTbcbsj%2B%2FfNNEiY%3D"
	data := "better-auth.session_data=" + strings.Repeat("x", 1100)
	ours := named("better-auth.session_token", "better-auth.session_data")
	cases := []struct {
		name  string
		lines []string
	}{
		{"ours", []string{token + "; " + data}},
		{"ours among 20", []string{strings.Repeat("_ga=GA1.1.123456789; ", 9) + token + "; " + strings.Repeat("theme=dark; ", 9) + data}},
		{"3000 pairs", []string{strings.Repeat("a=;", 3000)}},
		{"64 kB of semicolons", []string{strings.Repeat(";", cookiescan.MaxBytes)}},
		{"900 kB", []string{strings.Repeat("a=1234567;", 90_000)}},
	}
	for _, bb := range cases {
		b.Run(bb.name, func(b *testing.B) {
			dst := make([]cookiescan.Pair, 0, 8)
			b.ReportAllocs()
			for b.Loop() {
				cookiescan.Scan(dst, bb.lines, ours)
			}
		})
	}
}
