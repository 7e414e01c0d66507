package device_test

import (
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ginsession/ginsession/device"
)

const (
	chromeOn   = ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
	windows    = "Mozilla/5.0 (Windows NT 10.0; Win64; x64" + chromeOn
	linux      = "Mozilla/5.0 (X11; Linux x86_64" + chromeOn
	android    = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36"
	tabletHint = "Mozilla/5.0 (Linux; Android 10; K" + chromeOn
)

// hints as a browser sends them.
func hints(brands, platform, mobile, model string) http.Header {
	h := http.Header{}
	for name, value := range map[string]string{"Sec-CH-UA": brands, "Sec-CH-UA-Platform": platform, "Sec-CH-UA-Mobile": mobile, "Sec-CH-UA-Model": model} {
		if value != "" {
			h.Set(name, value)
		}
	}
	return h
}

var rows = []struct {
	agent   string
	hints   http.Header
	browser string
	system  string
	device  string
}{
	{windows, nil, "Chrome 141", "Windows", "Computer"},
	{windows + " Edg/141.0.0.0", nil, "Edge 141", "Windows", "Computer"},
	{windows + " OPR/125.0.0.0", nil, "Opera 125", "Windows", "Computer"},
	{windows + " Vivaldi/7.6", nil, "Vivaldi 7", "Windows", "Computer"},
	{"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", nil, "Firefox 145", "Linux", "Computer"},
	{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0" + chromeOn, nil, "Chrome 141", "ChromeOS", "Computer"},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15", nil, "Safari 26", "macOS", "Computer"},
	{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1", nil, "Safari 26", "iOS", "iPhone"},
	{"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", nil, "Safari 17", "iOS", "iPad"},
	{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0.0.0 Mobile/15E148 Safari/604.1", nil, "Chrome 141", "iOS", "iPhone"},
	{android, nil, "Chrome 141", "Android", "Phone"},
	{"Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36", nil, "Samsung Browser 27", "Android", "SM-S918B"},
	{"Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", nil, "Firefox 145", "Android", "Phone"},
	{"MyApp/3.2 (iPhone; iOS 18.1; Scale/3.00)", nil, "MyApp 3", "iOS", "iPhone"},
	{"curl/8.5.0", nil, "curl 8", "", ""},
	{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", nil, "Googlebot 2", "", ""},

	// Hints know better, where they are.
	{windows, hints(`"Brave";v="141", "Not?A_Brand";v="8", "Chromium";v="141"`, `"Windows"`, "?0", ""), "Brave 141", "Windows", "Computer"},
	{windows, hints(`"Not)A;Brand";v="8", "Chromium";v="141", "Google Chrome";v="141"`, `"Windows"`, "?0", `""`), "Chrome 141", "Windows", "Computer"},
	{windows + " Edg/141.0.0.0", hints(`"Microsoft Edge";v="141", "Chromium";v="141"`, "", "", ""), "Edge 141", "Windows", "Computer"},
	{linux, hints(`"Chromium";v="141", "Not A;Brand";v="99"`, `"Chrome OS"`, "?0", ""), "Chromium 141", "ChromeOS", "Computer"},
	{android, hints("", `"Android"`, "?1", `"Pixel 9 Pro"`), "Chrome 141", "Android", "Pixel 9 Pro"},
	{tabletHint, hints("", `"Android"`, "?0", ""), "Chrome 141", "Android", "Tablet"},

	// What is no hint is none.
	{windows, hints(`"Brave`, "Windows", "1", "Pixel"), "Chrome 141", "Windows", "Computer"},
	{windows, hints(`("Brave";v="1" "x"), 7, brave`, `"Unknown"`, `"?1"`, "?1"), "Chrome 141", "Windows", "Computer"},
	{windows, http.Header{"Sec-Ch-Ua-Platform": {`"A"`, `"B"`}, "Sec-Ch-Ua": {strings.Repeat(`"a", `, 1000) + `"b"`}}, "Chrome 141", "Windows", "Computer"},
	{windows, hints(`"<b>";v="1"`, `"<script>"`, "", `"\"><img>"`), "Chrome 141", "Windows", "Computer"},

	// And what is no User-Agent.
	{"", nil, "", "", ""},
	{"Mozilla/5.0", nil, "", "", ""},
	{"<script>alert(1)</script>", nil, "", "", ""},
	{"<b>x</b>/<i>1</i> (<u>; Android 9; <s>)", nil, "", "Android", "Phone"},
	{"\x00\x1b[31mred/\u202e7", nil, "", "", ""},
	{"\xff\xfe/1", nil, "", "", ""},
	{strings.Repeat("A", 100_000) + "/7", nil, "", "", ""},
	{"App/" + strings.Repeat("9", 400), nil, "App", "", ""},
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	for _, tt := range rows {
		browser, system, name := device.Describe(tt.agent, tt.hints)
		if browser != tt.browser || system != tt.system || name != tt.device {
			t.Errorf("%.120q %v\n got %q, %q, %q\nwant %q, %q, %q", tt.agent, tt.hints, browser, system, name, tt.browser, tt.system, tt.device)
		}
	}
}

// Whatever comes in, what goes out can be shown.
func FuzzDescribe(f *testing.F) {
	for _, row := range rows {
		f.Add(row.agent, row.hints.Get("Sec-CH-UA"), row.hints.Get("Sec-CH-UA-Platform"), row.hints.Get("Sec-CH-UA-Mobile"), row.hints.Get("Sec-CH-UA-Model"))
	}
	f.Fuzz(func(t *testing.T, agent, brands, platform, mobile, model string) {
		browser, system, name := device.Describe(agent, hints(brands, platform, mobile, model))
		for _, text := range []string{browser, system, name} {
			if len(text) > 40 || !utf8.ValidString(text) || strings.TrimSpace(text) != text || strings.ContainsAny(text, `<>"&/\`) ||
				strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) }) {
				t.Errorf("%q is not fit to be shown", text)
			}
		}
		if again, _, _ := device.Describe(agent, hints(brands, platform, mobile, model)); again != browser {
			t.Errorf("%q, then %q", browser, again)
		}
	})
}
