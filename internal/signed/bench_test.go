package signed_test

import (
	"strings"
	"testing"

	"github.com/ginsession/ginsession/internal/signed"
)

func BenchmarkSum(b *testing.B) {
	key := signed.NewKey([]byte(secret))
	payload, tail := []byte(strings.Repeat("x", 720)), []byte(`,"expiresAt":1768478701234}`)
	b.ReportAllocs()
	var sum [32]byte
	for b.Loop() {
		key.Sum(&sum, payload, tail)
	}
}

func BenchmarkSign(b *testing.B) {
	signer := signed.New([]string{secret})
	b.ReportAllocs()
	for b.Loop() {
		signer.Sign(token)
	}
}

func BenchmarkVerify(b *testing.B) {
	signer := signed.New([]string{secret, oldSecret})
	good := escaped(signer.Sign(token))
	cases := []struct{ name, raw string }{
		{"good", good},
		{"old secret", escaped(signed.New([]string{oldSecret}).Sign(token))},
		{"forged", "x" + good[1:]},
		{"everything escaped", everyByte(signer.Sign(token))},
		{"4 kB of escapes", strings.Repeat("%41", 1300) + good},
		{"no signature", token},
	}
	for _, bb := range cases {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				signer.Verify(bb.raw)
			}
		})
	}
}

func BenchmarkAppendEscaped(b *testing.B) {
	value := signed.New([]string{secret}).Sign(token)
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = signed.AppendEscaped(dst[:0], value)
	}
}
