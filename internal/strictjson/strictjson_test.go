package strictjson_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ginsession/ginsession/internal/strictjson"
)

var documents = []struct {
	name, src string
	want      bool // at depth 3
}{
	{"object", `{}`, true},
	{"array", `[]`, true},
	{"string", `""`, true},
	{"null", `null`, true},
	{"members", `{"a":1,"b":[true,false,null],"c":{"d":"e"}}`, true},
	{"blanks", " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n", true},
	{"equal keys", `{"a":1,"a":2}`, true}, // for the reader of the members to judge
	{"numbers", `[0,-0,1,-1,10,1.5,-0.25,1e5,1E+5,1.5e-10,1e400]`, true},
	{"escapes", `"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\uABCD"`, true},
	{"lone surrogate", `"\ud800"`, true},
	{"raw text", "\"ü漢😀\u2028\u007f</script>\"", true},
	{"long text", `"` + strings.Repeat("abcdefg", 50) + `"`, true},
	{"as deep as allowed", `[{"a":[1]}]`, true},
	{"blanks that are no JSON blanks, in text", "\"\u00a0\"", true},

	{"nothing", ``, false},
	{"blanks only", "  \n", false},
	{"a level deeper", `[{"a":[[]]}]`, false},
	{"two values", `{}{}`, false},
	{"value and comma", `{},`, false},
	{"trailing NUL", "{}\x00", false},
	{"byte order mark", "\ufeff{}", false},
	{"no-break space", "\u00a0{}", false},
	{"form feed", "\f{}", false},
	{"invalid UTF-8 in text", "\"\xff\"", false},
	{"encoded surrogate", "\"\xed\xa0\x80\"", false},
	{"overlong slash", "\"\xc0\xaf\"", false},
	{"invalid UTF-8 in a key", "{\"\xff\":1}", false},
	{"control in text", "\"a\nb\"", false},
	{"NUL in text", "\"a\x00b\"", false},
	{"control behind eight bytes", "\"abcdefgh\x1fijklmnop\"", false},
	{"unknown escape", `"\x"`, false},
	{"capital U", `"\U0041"`, false},
	{"short escape", `"\u12"`, false},
	{"escape without hex", `"\u12g4"`, false},
	{"escape at the end", `"\`, false},
	{"open text", `"abc`, false},
	{"single quotes", `'a'`, false},
	{"open object", `{`, false},
	{"open object behind a key", `{"a"`, false},
	{"open object behind a colon", `{"a":`, false},
	{"open object behind a value", `{"a":1`, false},
	{"open object behind a comma", `{"a":1,`, false},
	{"trailing comma", `{"a":1,}`, false},
	{"trailing comma in an array", `[1,]`, false},
	{"leading comma", `[,1]`, false},
	{"no comma", `[1 2]`, false},
	{"no colon", `{"a" 1}`, false},
	{"no key", `{:1}`, false},
	{"bare key", `{a:1}`, false},
	{"number as key", `{1:1}`, false},
	{"wrong bracket", `[1}`, false},
	{"closing only", `]`, false},
	{"comment", `{}//`, false},
	{"capital literal", `True`, false},
	{"short literal", `nul`, false},
	{"long literal", `nulll`, false},
	{"NaN", `NaN`, false},
	{"Infinity", `Infinity`, false},
	{"leading zero", `01`, false},
	{"leading plus", `+1`, false},
	{"leading point", `.5`, false},
	{"trailing point", `1.`, false},
	{"minus only", `-`, false},
	{"empty exponent", `1e`, false},
	{"signed empty exponent", `1e+`, false},
	{"hex", `0x1`, false},
}

func TestSR74_Valid(t *testing.T) {
	t.Parallel()
	for _, tt := range documents {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := strictjson.Valid([]byte(tt.src), 3); got != tt.want {
				t.Errorf("Valid(%q) = %v, want %v", tt.src, got, tt.want)
			}
		})
	}
}

func TestSR73_DepthIsBounded(t *testing.T) {
	t.Parallel()
	for _, brackets := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
		for depth := range 40 {
			src := strings.Repeat(brackets[0], depth) + "0" + strings.Repeat(brackets[1], depth)
			if got, want := strictjson.Valid([]byte(src), 32), depth <= 32; got != want {
				t.Errorf("depth %d of %s: got %v, want %v", depth, brackets[0], got, want)
			}
		}
	}
	if strictjson.Valid([]byte(strings.Repeat("[", 100_000)), 32) {
		t.Error("100,000 brackets are valid")
	}
	if !strictjson.Valid([]byte("0"), 0) || strictjson.Valid([]byte("[]"), 0) {
		t.Error("depth 0 does not mean a bare value")
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		value string
		want  strictjson.Kind
		name  string // as zod says it
	}{
		{`{}`, strictjson.KindObject, "object"},
		{`[]`, strictjson.KindArray, "array"},
		{`""`, strictjson.KindString, "string"},
		{`0`, strictjson.KindNumber, "number"},
		{`-1`, strictjson.KindNumber, "number"},
		{`9e9`, strictjson.KindNumber, "number"},
		{`true`, strictjson.KindBoolean, "boolean"},
		{`false`, strictjson.KindBoolean, "boolean"},
		{`null`, strictjson.KindNull, "null"},
		{``, strictjson.KindInvalid, "invalid"},
		{` 1`, strictjson.KindInvalid, "invalid"},
		{`+1`, strictjson.KindInvalid, "invalid"},
		{`]`, strictjson.KindInvalid, "invalid"},
	}
	for _, tt := range tests {
		got := strictjson.KindOf(tt.value)
		if got != tt.want || got.String() != tt.name {
			t.Errorf("KindOf(%q) = %v, want %s", tt.value, got, tt.name)
		}
	}
}

// members lists what Object reports, as key=value.
func members(src string) ([]string, bool) {
	var got []string
	ok := strictjson.Object(src, func(key, value string) bool {
		got = append(got, key+"="+value)
		return true
	})
	return got, ok
}

func TestObject(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src string
		want      []string
		wantOK    bool
	}{
		{"empty", ` { } `, nil, true},
		{"order", `{"b":1,"a":2}`, []string{"b=1", "a=2"}, true},
		{"every kind", `{"o":{"x":[1,{"y":"]}"}]},"a":[ ],"s":"\"}","n":-1.5e3,"t":true,"z":null}`,
			[]string{`o={"x":[1,{"y":"]}"}]}`, `a=[ ]`, `s="\"}"`, `n=-1.5e3`, `t=true`, `z=null`}, true},
		{"blanks", " { \"a\" :\n1 ,\t\"b\" : [ 1 , 2 ] } ", []string{"a=1", "b=[ 1 , 2 ]"}, true},
		{"escaped key", `{"\u0061\n\"":1}`, []string{"a\n\"=1"}, true},
		{"key with a pair of surrogates", `{"\ud83d\ude00":1}`, []string{"😀=1"}, true},
		{"no object", `[1]`, nil, false},
		{"nothing", ``, nil, false},
		{"key with a lone surrogate", `{"a":1,"\ud83d":2}`, []string{"a=1"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := members(tt.src)
			if ok != tt.wantOK || !slices.Equal(got, tt.want) {
				t.Errorf("got %q, %v; want %q, %v", got, ok, tt.want, tt.wantOK)
			}
		})
	}
}

func TestSR74_KeysAreExactAndDuplicatesAreSeen(t *testing.T) {
	t.Parallel()
	got, ok := members(`{"token":"mine","TOKEN":"theirs","token":"again","to\u006ben":"hidden"}`)
	want := []string{`token="mine"`, `TOKEN="theirs"`, `token="again"`, `token="hidden"`}
	if !ok || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q, true", got, ok, want)
	}
}

func TestObjectStopsWhenMemberSaysSo(t *testing.T) {
	t.Parallel()
	calls := 0
	ok := strictjson.Object(`{"a":1,"b":2}`, func(_, _ string) bool {
		calls++
		return false
	})
	if ok || calls != 1 {
		t.Errorf("got %v after %d calls, want false after 1", ok, calls)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		value, want string
		wantOK      bool
	}{
		{`""`, "", true},
		{`"abc"`, "abc", true},
		{`"ü😀"`, "ü😀", true},
		{`"a\"\\\/\b\f\n\r\tz"`, "a\"\\/\b\f\n\r\tz", true},
		{`"\u0041\u00e9\u00E9\u2028"`, "Aéé\u2028", true},
		{`"\ud83d\ude00!"`, "😀!", true},
		{`"\uD83D\uDE00"`, "😀", true},
		{`"\ufffd"`, "\ufffd", true},
		{`"\u0000"`, "\x00", true},

		{`"\ud83d"`, "", false},
		{`"\ude00"`, "", false},
		{`"\ud83dx"`, "", false},
		{`"\ud83d\n"`, "", false},
		{`"\ud83d\u0041"`, "", false},
		{`"\ude00\ud83d"`, "", false},
		{`"\ud83d\ud83d\ude00"`, "", false},
		{``, "", false},
		{`"`, "", false},
		{`abc`, "", false},
		{`"a"b"`, "", false},
		{`"a" `, "", false},
		{` "a"`, "", false},
		{`"a\"`, "", false},
		{`"\u00"`, "", false},
		{"\"\xff\"", "", false},
		{"\"\n\"", "", false},
		{`null`, "", false},
	}
	for _, tt := range tests {
		if got, ok := strictjson.Text(tt.value); got != tt.want || ok != tt.wantOK {
			t.Errorf("Text(%s) = %q, %v; want %q, %v", tt.value, got, ok, tt.want, tt.wantOK)
		}
	}
}

func TestAppendStringIsJSONStringify(t *testing.T) {
	t.Parallel()
	tests := []struct{ s, want string }{
		{"", `""`},
		{"abc", `"abc"`},
		{`"\/`, `"\"\\/"`},
		{"\b\t\n\f\r", `"\b\t\n\f\r"`},
		{"\x00\x01\x0b\x0e\x1f", `"\u0000\u0001\u000b\u000e\u001f"`},
		{"\x7f", "\"\x7f\""},
		{"<script>&", `"<script>&"`},
		{"\u2028\u2029", "\"\u2028\u2029\""},
		{"ü漢😀", `"ü漢😀"`},
		{"\ufffd", "\"\ufffd\""},
		{"a\xffb", "\"a\ufffdb\""},
		{"\xff\xfe", "\"\ufffd\ufffd\""},
		{"ü\xc3\"", "\"ü\ufffd\\\"\""},
	}
	for _, tt := range tests {
		if got := string(strictjson.AppendString(nil, tt.s)); got != tt.want {
			t.Errorf("AppendString(%q) = %s, want %s", tt.s, got, tt.want)
		}
	}
	if got := string(strictjson.AppendString([]byte(`{"a":`), "b")); got != `{"a":"b"` {
		t.Errorf("AppendString does not append: %s", got)
	}
}

func TestAppendTimeIsToISOString(t *testing.T) {
	t.Parallel()
	tests := []struct {
		t    time.Time
		want string
	}{
		{time.UnixMilli(1768478401234), `"2026-01-15T12:00:01.234Z"`},
		{time.UnixMilli(0), `"1970-01-01T00:00:00.000Z"`},
		{time.UnixMilli(-1), `"1969-12-31T23:59:59.999Z"`},
		{time.Date(2026, 1, 15, 14, 0, 1, 7_999_999, time.FixedZone("", 7200)), `"2026-01-15T12:00:01.007Z"`},
		{time.Date(2024, 2, 29, 23, 59, 59, 999_999_999, time.UTC), `"2024-02-29T23:59:59.999Z"`},
		{time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), `"0000-01-01T00:00:00.000Z"`},
		{time.Date(33, 1, 1, 0, 0, 0, 0, time.UTC), `"0033-01-01T00:00:00.000Z"`},
		{time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), `"9999-12-31T00:00:00.000Z"`},
		{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), `"+010000-01-01T00:00:00.000Z"`},
		{time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), `"-000001-01-01T00:00:00.000Z"`},
		{time.UnixMilli(8_640_000_000_000_000), `"+275760-09-13T00:00:00.000Z"`},
	}
	for _, tt := range tests {
		if got := string(strictjson.AppendTime(nil, tt.t)); got != tt.want {
			t.Errorf("AppendTime(%v) = %s, want %s", tt.t, got, tt.want)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		s      string
		want   int64
		wantOK bool
	}{
		{"2026-01-15T12:00:01.234Z", 1768478401234, true},
		{"1970-01-01T00:00:00.000Z", 0, true},
		{"1969-12-31T23:59:59.999Z", -1, true},
		{"2024-02-29T00:00:00.000Z", 1709164800000, true},

		{"2026-02-29T00:00:00.000Z", 0, false},
		{"2026-04-31T00:00:00.000Z", 0, false},
		{"2026-00-15T12:00:01.234Z", 0, false},
		{"2026-13-15T12:00:01.234Z", 0, false},
		{"2026-01-00T12:00:01.234Z", 0, false},
		{"2026-01-32T12:00:01.234Z", 0, false},
		{"2026-01-15T24:00:00.000Z", 0, false},
		{"2026-01-15T12:60:01.234Z", 0, false},
		{"2026-01-15T12:00:60.234Z", 0, false},
		{"2026-01-15T12:00:01Z", 0, false},
		{"2026-01-15T12:00:01.23Z", 0, false},
		{"2026-01-15T12:00:01.2345Z", 0, false},
		{"2026-01-15T12:00:01,234Z", 0, false},
		{"2026-01-15t12:00:01.234z", 0, false},
		{"2026-01-15 12:00:01.234Z", 0, false},
		{"2026-01-15T12:00:01.234+00:00", 0, false},
		{"+026-01-15T12:00:01.234Z", 0, false},
		{" 2026-01-15T12:00:01.23Z", 0, false},
		{"٢٠٢٦-01-15T12:00:01.Z", 0, false}, // 24 bytes
		{"", 0, false},
	}
	for _, tt := range tests {
		got, ok := strictjson.ParseTime(tt.s)
		if ok != tt.wantOK || ok && (got.UnixMilli() != tt.want || got.Location() != time.UTC) {
			t.Errorf("ParseTime(%q) = %v, %v; want %d, %v", tt.s, got, ok, tt.want, tt.wantOK)
		}
	}
}

func TestLooksLikeTime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		s    string
		want bool
	}{
		{"2026-01-15T12:00:00.000Z", true},
		{"2026-01-15T12:00:00Z", true},
		{"2026-01-15T12:00:00.1Z", true},
		{"2026-01-15T12:00:00.123456789Z", true},
		{"9999-99-99T99:99:99Z", true}, // the pattern knows no ranges
		{"2026-01-15T12:00:00.Z", false},
		{"2026-01-15T12:00:00", false},
		{"2026-01-15T12:00:00z", false},
		{"2026-01-15T12:00:00ZZ", false},
		{"2026-01-15T12:00:00Z\n", false},
		{"2026-01-15T12:00:00.12aZ", false},
		{"2026-01-15T12:00:00+00:00", false},
		{" 2026-01-15T12:00:00Z", false},
		{"2026-01-15", false},
		{"Z", false},
		{"", false},
	}
	for _, tt := range tests {
		if got := strictjson.LooksLikeTime(tt.s); got != tt.want {
			t.Errorf("LooksLikeTime(%q) = %v, want %v", tt.s, got, tt.want)
		}
	}
}

func TestAllocations(t *testing.T) {
	src := []byte(payload)
	dst := make([]byte, 0, 256)
	now := time.Now()
	tests := []struct {
		name string
		want float64
		run  func()
	}{
		{"Valid", 0, func() { strictjson.Valid(src, 32) }},
		{"Object", 0, func() { strictjson.Object(payload, func(_, _ string) bool { return true }) }},
		{"Text", 0, func() { strictjson.Text(payload[len(`{"session":{"expiresAt":`):][:26]) }},
		{"AppendString", 0, func() { strictjson.AppendString(dst, "Ada \"Lovelace\"\n") }},
		{"AppendTime", 0, func() { strictjson.AppendTime(dst, now) }},
		{"ParseTime", 0, func() { strictjson.ParseTime("2026-01-15T12:00:01.234Z") }},
	}
	for _, tt := range tests {
		if got := testing.AllocsPerRun(100, tt.run); got != tt.want {
			t.Errorf("%s allocates %v times, want %v", tt.name, got, tt.want)
		}
	}
}

func FuzzValid(f *testing.F) {
	for _, tt := range documents {
		f.Add([]byte(tt.src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		const unbounded = 1 << 20
		got := strictjson.Valid(src, unbounded)
		// encoding/json stops at a depth of 10,000.
		if want := json.Valid(src) && utf8.Valid(src); got != want && strings.Count(string(src), "[")+strings.Count(string(src), "{") < 10_000 {
			t.Fatalf("Valid(%q) = %v, encoding/json says %v", src, got, want)
		}
		if want := got && depth(src) <= 3; strictjson.Valid(src, 3) != want {
			t.Fatalf("Valid(%q, 3) = %v, want %v", src, !want, want)
		}
	})
}

// depth is the deepest nesting of a valid document.
func depth(src []byte) int {
	deepest, now, inText := 0, 0, false
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

func FuzzObject(f *testing.F) {
	for _, tt := range documents {
		f.Add([]byte(tt.src))
	}
	f.Add([]byte(`{"a":{"b":[1,"}"]},"\u0061":"\ud83d\ude00","c":-1.5e3}`))
	f.Add([]byte(`{"a":truefalse,"b":1"c":}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		want := map[string]json.RawMessage{}
		valid := strictjson.Valid(src, 32)
		got := map[string]json.RawMessage{}
		ok := strictjson.Object(string(src), func(key, value string) bool {
			if valid && (!utf8.ValidString(key) || !strictjson.Valid([]byte(value), 31) || len(value) == 0 || strings.ContainsAny(value[:1], " \t\r\n")) {
				t.Fatalf("Object(%q) reports %q: %q", src, key, value)
			}
			got[key] = json.RawMessage(value)
			return true
		})
		if !valid {
			return // it did not panic
		}
		if json.Unmarshal(src, &want) != nil || strictjson.KindOf(strings.TrimLeft(string(src), " \t\r\n")) != strictjson.KindObject {
			if ok {
				t.Fatalf("Object(%q) = true", src)
			}
			return
		}
		if !ok {
			if !strings.Contains(strings.ToLower(string(src)), `\ud`) {
				t.Fatalf("Object(%q) = false", src)
			}
			return
		}
		if len(got) != len(want) {
			t.Fatalf("Object(%q) reports %q, encoding/json %q", src, got, want)
		}
		for key, value := range want {
			if string(got[key]) != string(value) {
				t.Fatalf("Object(%q) reports %q, encoding/json %q", src, got, want)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	for _, s := range []string{`""`, `"abc"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\u0041\n"`, `"a\"`, "\"\xff\"", `"\/"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		got, ok := strictjson.Text(string(value))
		var want string
		wantOK := len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' && utf8.Valid(value) && json.Unmarshal(value, &want) == nil
		if ok && (!wantOK || got != want) {
			t.Fatalf("Text(%q) = %q, encoding/json says %q, %v", value, got, want, wantOK)
		}
		// encoding/json makes U+FFFD of a lone surrogate, the one thing we refuse.
		if !ok && wantOK && !strings.Contains(strings.ToLower(string(value)), `\ud`) {
			t.Fatalf("Text(%q) is refused, encoding/json says %q", value, want)
		}
	})
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "abc", "\x00\b\t\n\f\r\x1f\x7f\"\\/", "<>&\u2028\u2029", "ü漢😀", "a\xff\xc3b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		literal := strictjson.AppendString(nil, s)
		if !strictjson.Valid(literal, 0) {
			t.Fatalf("AppendString(%q) = %s", s, literal)
		}
		want := string([]rune(s)) // with U+FFFD for each byte that is no UTF-8
		if got, ok := strictjson.Text(string(literal)); !ok || got != want {
			t.Fatalf("AppendString(%q) reads back as %q, %v", s, got, ok)
		}
	})
}

func FuzzTime(f *testing.F) {
	for _, s := range []string{"2026-01-15T12:00:01.234Z", "2026-02-29T00:00:00.000Z", "0000-01-01T00:00:00.000Z", "2026-01-15T24:00:00.000Z", "2026-01-15T12:00:01Z"} {
		f.Add(s, int64(1768478401234))
	}
	f.Add("", int64(-1))
	f.Add("", int64(8_640_000_000_000_000))
	f.Fuzz(func(t *testing.T, s string, ms int64) {
		const form = "2006-01-02T15:04:05.000Z"
		got, ok := strictjson.ParseTime(s)
		want, err := time.Parse(form, s)
		// time.Parse takes a comma for the point, and +00 for decimals.
		if wantOK := err == nil && want.Format(form) == s; ok != wantOK || ok && !got.Equal(want) {
			t.Fatalf("ParseTime(%q) = %v, %v; package time says %v, %v", s, got, ok, want, err)
		}
		if ok && (!strictjson.LooksLikeTime(s) || string(strictjson.AppendTime(nil, got)) != `"`+s+`"`) {
			t.Fatalf("%q reads as %v and is written as %s", s, got, strictjson.AppendTime(nil, got))
		}
		if ms < -62_167_219_200_000 || ms > 253_402_300_799_999 {
			return // not in the years 0 to 9999
		}
		at := time.UnixMilli(ms).UTC()
		literal := string(strictjson.AppendTime(nil, at))
		if literal != at.Format(`"`+form+`"`) {
			t.Fatalf("AppendTime(%v) = %s", at, literal)
		}
		if back, ok := strictjson.ParseTime(strings.Trim(literal, `"`)); !ok || !back.Equal(at) {
			t.Fatalf("%s reads back as %v, %v; want %v", literal, back, ok, at)
		}
	})
}
