package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/gin-gonic/gin"
)

// sessionSecret returns the secret from the environment. In development a
// missing one is generated once and kept in a file beside the database, so
// that a restart signs nobody out; in release mode it is an error.
func sessionSecret(fromEnvironment, databaseFile string) (string, error) {
	if fromEnvironment != "" {
		return fromEnvironment, nil
	}
	if gin.Mode() == gin.ReleaseMode {
		return "", errors.New("SESSION_SECRET is not set: generate one with `openssl rand -base64 32` and keep it where your other secrets are")
	}
	path := strings.TrimSuffix(databaseFile, ".db") + ".secret"
	switch kept, err := os.ReadFile(path); {
	case err == nil:
		return strings.TrimSpace(string(kept)), nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails
	secret := base64.StdEncoding.EncodeToString(key)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(secret + "\n")
	if err := errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	fmt.Fprintf(os.Stderr, "SESSION_SECRET is not set: generated one for development and stored it in %s\n", path)
	return secret, nil
}
