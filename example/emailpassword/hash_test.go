package emailpassword

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

func TestHash(t *testing.T) {
	t.Parallel()
	h := newArgon()
	hash, err := h.Hash(t.Context(), "password-1234")
	if err != nil {
		t.Fatal(err)
	}
	again, _ := h.Hash(t.Context(), "password-1234")
	if hash == again {
		t.Error("two hashes of one password are equal: no salt")
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || len(hash) > 255 {
		t.Errorf("hash %q", hash)
	}
	tests := []struct {
		name, hash, password string
		want                 bool
	}{
		{"right", hash, "password-1234", true},
		{"wrong", hash, "password-1235", false},
		{"empty", hash, "", false},
		{"no account", "", "password-1234", false},
		{"no account, no password", "", "", false},
	}
	for _, tt := range tests {
		if got, err := h.Verify(t.Context(), tt.hash, tt.password); got != tt.want || err != nil {
			t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	// A damaged hash is a fault of the database, not a wrong password.
	for _, damaged := range []string{"x", strings.Replace(hash, "t=2", "t=1", 1), hash[:40], hash + "!"} {
		if _, err := h.Verify(t.Context(), damaged, "password-1234"); err == nil {
			t.Errorf("hash %q raised no error", damaged)
		}
	}
}

func TestHashesAreMadeAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newArgon()
		for range cap(h.turns) { // every turn is taken
			h.turns <- struct{}{}
		}
		if want := runtime.GOMAXPROCS(0); cap(h.turns) != want {
			t.Errorf("%d turns, want one per processor (%d)", cap(h.turns), want)
		}
		if _, err := h.Hash(t.Context(), "password-1234"); !errors.Is(err, errBusy) {
			t.Errorf("without a turn: %v, want errBusy", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Hash(ctx, "password-1234"); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that left: %v, want context.Canceled", err)
		}
		<-h.turns // one is free again
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				if _, err := h.Hash(t.Context(), "password-1234"); err != nil {
					t.Error(err)
				}
			})
		}
		waiting.Wait()
	})
}
