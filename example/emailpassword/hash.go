package emailpassword

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
)

// Argon2id with 19 MiB, two passes and one lane: the OWASP Password Storage
// Cheat Sheet's recommendation.
const (
	memory  = 19 * 1024 // KiB
	passes  = 2
	lanes   = 1
	saltLen = 16
	keyLen  = 32
)

// maxWait bounds the wait for a turn. A client that waits longer has given up
// or is one of too many.
const maxWait = 5 * time.Second

var errBusy = errors.New("emailpassword: too many passwords to check at once")

// A Hasher makes and checks password hashes. It must be safe for concurrent use.
type Hasher interface {
	// Hash returns what is stored of the password, at most 255 characters.
	Hash(ctx context.Context, password string) (string, error)

	// Verify reports whether the password fits the hash. An empty hash, that of
	// an account which does not exist or has no password, fits nothing, and must
	// take as long as any other.
	Verify(ctx context.Context, hash, password string) (bool, error)
}

// An argon is Argon2id, for as many passwords at a time as there are
// processors. More would be no faster and each takes memory (19 MiB), so a
// flood of sign-ins queues instead of filling it.
type argon struct {
	turns   chan struct{}
	nothing string // a hash that no password fits
}

func newArgon() *argon {
	return &argon{
		turns:   make(chan struct{}, runtime.GOMAXPROCS(0)),
		nothing: encodeHash(random(saltLen), random(keyLen)),
	}
}

// Hash returns the password's hash in PHC string format. It returns errBusy or
// the context's error if no turn came.
func (h *argon) Hash(ctx context.Context, password string) (string, error) {
	salt := random(saltLen)
	key, err := h.key(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return encodeHash(salt, key), nil
}

// Verify returns the errors of Hash, and one for a hash that is damaged.
func (h *argon) Verify(ctx context.Context, hash, password string) (bool, error) {
	if hash == "" {
		hash = h.nothing
	}
	salt, want, err := decodeHash(hash)
	if err != nil {
		return false, err
	}
	key, err := h.key(ctx, password, salt)
	return err == nil && subtle.ConstantTimeCompare(key, want) == 1, err
}

func (h *argon) key(ctx context.Context, password string, salt []byte) ([]byte, error) {
	patience := time.NewTimer(maxWait)
	defer patience.Stop()
	select {
	case h.turns <- struct{}{}:
	case <-patience.C:
		return nil, errBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.turns }()
	return argon2.IDKey([]byte(password), salt, passes, memory, lanes, keyLen), nil
}

// parameters begins every hash we make. Should they ever be raised, old hashes
// must be told by it and checked with the parameters they were made with.
var parameters = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, memory, passes, lanes)

func encodeHash(salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return parameters + b64(salt) + "$" + b64(key)
}

func decodeHash(hash string) (salt, key []byte, err error) {
	rest, ours := strings.CutPrefix(hash, parameters)
	s, k, two := strings.Cut(rest, "$")
	if !ours || !two {
		return nil, nil, errors.New("emailpassword: a stored hash is not argon2id with our parameters")
	}
	if salt, err = base64.RawStdEncoding.DecodeString(s); err != nil {
		return nil, nil, fmt.Errorf("emailpassword: the salt of a stored hash: %w", err)
	}
	if key, err = base64.RawStdEncoding.DecodeString(k); err != nil {
		return nil, nil, fmt.Errorf("emailpassword: a stored hash: %w", err)
	}
	return salt, key, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}
