package main

import (
	"reflect"
	"testing"
	"time"

	"github.com/ginsession/ginsession/conformance/rig"
)

func TestFlagsWinOverTheVariant(t *testing.T) {
	t.Parallel()
	compact, err := rig.Variant("compact_v2")
	if err != nil {
		t.Fatal(err)
	}
	changed := compact
	changed.CookieCacheVersion = "3"
	changed.FreshAge = 0
	changed.TrustedOrigins = []string{"https://a.example", "https://b.example"}
	off := compact
	off.CookieCache = rig.CacheOff
	short := rig.Defaults()
	short.ExpiresIn = time.Hour

	tests := []struct {
		name string
		args []string
		want rig.Options
	}{
		{"nothing", nil, rig.Defaults()},
		{"variant", []string{"-variant", "compact_v2"}, compact},
		{"before and after", []string{"-cookie-cache-version", "3", "-variant", "compact_v2", "-fresh-age", "0", "-trusted-origins", "https://a.example,https://b.example"}, changed},
		{"off", []string{"-variant=compact_v2", "-cookie-cache=off"}, off},
		{"durations", []string{"-expires-in", "1h"}, short},
	}
	for _, tt := range tests {
		_, got, err := parse(append(tt.args, "-addr", "127.0.0.1:0"))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", tt.name, err, got, tt.want)
		}
	}
	for _, args := range [][]string{{"-variant", "nonsense"}, {"nonsense"}} {
		if _, _, err := parse(args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
