package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestCookiesAreFoundInWhatIsPasted(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"others", "theme=dark; lang=en", ""},
		{"a header", "Cookie: theme=dark; a.session_token=x.y; a.dont_remember=z", "a.session_token=x.y a.dont_remember=z"},
		{"without its name", "a.session_token=x.y", "a.session_token=x.y"},
		{"with base64 that was not escaped", "a.session_token=x.y=", "a.session_token=x.y="},
		{"a device", "a.session_token_multi-abc=x.y", "a.session_token_multi-abc=x.y"},
		{"chunks in any order", "a.session_data.1=B; a.session_data.10=K; a.session_data.0=A; a.session_data.2=C", "a.session_data=ABCK"},
		{"a value", "abc.def=", "=abc.def="},
		{"one of another name", "sid=abc.def=", "sid=abc.def="},
		{"quoted", `a.session_token="x.y"`, "a.session_token=x.y"},
		{"a line of a terminal", "  a.session_token=x.y\r\n", "a.session_token=x.y"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, pair := range readCookies(test.text) {
				got = append(got, fmt.Sprintf("%s=%s", pair.Name, pair.Value))
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
