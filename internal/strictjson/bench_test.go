package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/strictjson"
)

// payload is that of an ordinary session_data cookie.
const payload = `{"session":{"expiresAt":"2026-01-22T12:00:00.000Z","token":"tok0000000000000000000000000000A1","createdAt":"2026-01-15T12:00:00.000Z","updatedAt":"2026-01-15T12:00:00.000Z","ipAddress":"203.0.113.9","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36","userId":"user00000000000000000000000000AA","id":"sess0000000000000000000000000001"},"user":{"name":"Ada Lovelace","email":"ada@example.com","emailVerified":false,"image":null,"createdAt":"2026-01-15T12:00:00.000Z","updatedAt":"2026-01-15T12:00:00.000Z","id":"user00000000000000000000000000AA"},"updatedAt":1768478401234,"version":"1"}`

func BenchmarkValid(b *testing.B) {
	cases := []struct{ name, src string }{
		{"payload", payload},
		{"body", `{"token":"abcdefghijklmnopqrstuvwxyzABCDEF"}`},
		{"64 kB of escapes", `"` + strings.Repeat(`\u0041`, 10_900) + `"`},
		{"64 kB of numbers", "[" + strings.Repeat("1,", 32_000) + "1]"},
		{"64 kB of brackets", strings.Repeat("[", 64<<10)},
	}
	for _, bb := range cases {
		src := []byte(bb.src)
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				strictjson.Valid(src, 32)
			}
		})
	}
	b.Run("payload with encoding/json", func(b *testing.B) {
		b.SetBytes(int64(len(payload)))
		b.ReportAllocs()
		for b.Loop() {
			json.Valid([]byte(payload))
		}
	})
}

func BenchmarkObject(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		strictjson.Object(payload, func(_, _ string) bool { return true })
	}
}

func BenchmarkText(b *testing.B) {
	cases := []struct{ name, value string }{
		{"plain", `"Ada Lovelace, Countess of it"`},
		{"escapes", `"Ada \"\u00c9\ud83d\ude00\n Lovelace"`},
	}
	for _, bb := range cases {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				strictjson.Text(bb.value)
			}
		})
	}
}

func BenchmarkAppendString(b *testing.B) {
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = strictjson.AppendString(dst[:0], "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)")
	}
}

func BenchmarkAppendTime(b *testing.B) {
	now := time.UnixMilli(1768478401234).UTC()
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = strictjson.AppendTime(dst[:0], now)
	}
}

func BenchmarkParseTime(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		strictjson.ParseTime("2026-01-15T12:00:01.234Z")
	}
}
