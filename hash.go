package ginsession

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/ginsession/ginsession/models"
)

// hashPrefix marks the hash of a token. The dot is no character of tokens, so
// that what a database holds cannot be sent as one. See Config.HashTokens.
const hashPrefix = "sha256."

// hashed is what is stored of a token under Config.HashTokens. One fast hash
// without a salt is enough: a token has 190 random bits, which nobody guesses.
// What is no token has been hashed already.
func hashed(token string) string {
	if !isToken(token) {
		return token
	}
	sum := sha256.Sum256([]byte(token))
	return hashPrefix + base64.RawURLEncoding.EncodeToString(sum[:])
}

// stored is the form in which the store, the cookie cache, the revoked set and
// handles know a token.
func (m *Manager) stored(token string) string {
	if m.hashTokens {
		return hashed(token)
	}
	return token
}

// A hashedStore hands its Store hashes of tokens only. A session that was looked
// for by its token comes back with the token, one that was listed with the hash:
// nobody has its token.
type hashedStore struct{ Store }

// shown puts the token back into a session that was stored under its hash.
func shown(s models.Session, token string) models.Session {
	if s.Token == hashed(token) {
		s.Token = token
	}
	return s
}

func (s hashedStore) Create(ctx context.Context, session models.Session) error {
	session.Token = hashed(session.Token)
	return s.Store.Create(ctx, session)
}

func (s hashedStore) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	session, user, err := s.Store.Find(ctx, hashed(token))
	return shown(session, token), user, err
}

func (s hashedStore) FindMany(ctx context.Context, tokens []string) ([]models.Found, error) {
	hashes := make([]string, len(tokens))
	for i, token := range tokens {
		hashes[i] = hashed(token)
	}
	found, err := s.Store.FindMany(ctx, hashes)
	for i := range found {
		for _, token := range tokens {
			found[i].Session = shown(found[i].Session, token)
		}
	}
	return found, err
}

func (s hashedStore) Update(ctx context.Context, read models.Session, fields map[string]any, now time.Time) (models.Session, error) {
	token := read.Token
	read.Token = hashed(token)
	session, err := s.Store.Update(ctx, read, fields, now)
	return shown(session, token), err
}

func (s hashedStore) Touch(ctx context.Context, read models.Session, next, now time.Time) (models.Session, error) {
	token := read.Token
	read.Token = hashed(token)
	session, err := s.Store.Touch(ctx, read, next, now)
	return shown(session, token), err
}

func (s hashedStore) Replace(ctx context.Context, read, next models.Session, now time.Time) (models.Session, error) {
	token := next.Token
	read.Token, next.Token = hashed(read.Token), hashed(token)
	session, err := s.Store.Replace(ctx, read, next, now)
	return shown(session, token), err
}

func (s hashedStore) Revoke(ctx context.Context, r models.Revocation) (int, error) {
	if r.Token != "" {
		r.Token = hashed(r.Token)
	}
	return s.Store.Revoke(ctx, r)
}
