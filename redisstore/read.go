package redisstore

import (
	"cmp"
	"context"
	"crypto/subtle"
	"slices"
	"strconv"
	"time"

	"github.com/ginsession/ginsession/models"
)

// mostRead is how many sessions FindMany and List give at most.
const mostRead = 100

// look reads a session's key. A key that is not there is nil; a value that is no
// session, or one of a session that ended with all of its user, is
// models.ErrNotFound, and the database is not asked about it.
func (s *Store) look(ctx context.Context, token string) (*entry, error) {
	raw, err := s.redis.get(ctx, s.redis.tokenKey(token))
	if err != nil || raw == "" {
		return nil, err
	}
	e := s.parse(raw, token)
	if e == nil {
		return nil, models.ErrNotFound
	}
	mark, err := s.redis.get(ctx, s.redis.markKey(e.row.UserID))
	if err != nil {
		return nil, err
	}
	if ended(e.row, mark) {
		return nil, models.ErrNotFound
	}
	return e, nil
}

// parse reads the value of a token's key; nil is no session with this token.
func (s *Store) parse(raw, token string) *entry {
	e, ok := parseEntry(raw, s.schema)
	if !ok || subtle.ConstantTimeCompare([]byte(e.row.Token), []byte(token)) != 1 {
		return nil
	}
	return e
}

// ended reports whether a session began before the time up to which its user's
// sessions were revoked. In the same millisecond it did not.
func ended(session models.Session, mark string) bool {
	before, err := strconv.ParseFloat(mark, 64)
	return err == nil && float64(session.CreatedAt.UnixMilli()) < before
}

// Find reads the session with this token and its user: from Redis, or from the
// database if that keeps sessions too and Redis has no such key or no answer.
//
// What was read from the database is not written to Redis: another server may just
// be revoking it, which deletes the key first and then the row, and leaves nothing
// behind by which to know.
func (s *Store) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	if !possible(token) {
		return models.Session{}, models.User{}, models.ErrNotFound
	}
	if s.mode != besideDatabase {
		e, err := s.look(ctx, token)
		switch {
		case err == models.ErrNotFound, err == nil && e == nil:
			return models.Session{}, models.User{}, models.ErrNotFound
		case err != nil:
			return models.Session{}, models.User{}, unavailable(ctx, "find", err)
		}
		return e.row, e.owner, nil
	}
	patient, cancel := s.patient(ctx)
	e, err := s.look(patient, token)
	cancel()
	switch {
	case err == models.ErrNotFound:
		return models.Session{}, models.User{}, err
	case err != nil || e == nil:
		return s.db.Find(ctx, token)
	}
	return e.row, e.owner, nil
}

// FindMany reads the sessions with these tokens, the first 100 of them that can be
// tokens, each with its user, as Find does.
func (s *Store) FindMany(ctx context.Context, tokens []string) ([]models.Found, error) {
	var wanted []string
	for _, token := range tokens {
		if possible(token) && !slices.Contains(wanted, token) && len(wanted) < mostRead {
			wanted = append(wanted, token)
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	if s.mode != besideDatabase {
		found, _, err := s.lookAll(ctx, wanted)
		return found, unavailable(ctx, "find many", err)
	}
	patient, cancel := s.patient(ctx)
	found, missing, err := s.lookAll(patient, wanted)
	cancel()
	if err != nil {
		return s.db.FindMany(ctx, wanted)
	}
	if len(missing) > 0 {
		stored, err := s.db.FindMany(ctx, missing)
		if err != nil {
			return nil, err
		}
		found = append(found, stored...)
	}
	return found, nil
}

// lookAll is look for many. missing are the tokens that have no key.
func (s *Store) lookAll(ctx context.Context, tokens []string) (found []models.Found, missing []string, err error) {
	keys := make([]string, len(tokens))
	for i, token := range tokens {
		keys[i] = s.redis.tokenKey(token)
	}
	values, err := s.redis.getAll(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	var entries []*entry
	var users []string
	for i, raw := range values {
		if raw == "" {
			missing = append(missing, tokens[i])
		} else if e := s.parse(raw, tokens[i]); e != nil {
			entries = append(entries, e)
			if !slices.Contains(users, e.row.UserID) {
				users = append(users, e.row.UserID)
			}
		}
	}
	keys = keys[:0]
	for _, user := range users {
		keys = append(keys, s.redis.markKey(user))
	}
	marks, err := s.redis.getAll(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		if !ended(e.row, marks[slices.Index(users, e.row.UserID)]) {
			found = append(found, models.Found{Session: e.row, User: e.owner})
		}
	}
	return found, missing, nil
}

// List reads the user's sessions that are alive at now, at most 100, ordered by id:
// those of the list in Redis, or those of the database if it keeps them.
func (s *Store) List(ctx context.Context, userID string, now time.Time) ([]models.Session, error) {
	if s.mode == besideDatabase {
		return s.db.List(ctx, userID, now)
	}
	if err := checkTimes("list", instant{"now", now}); err != nil {
		return nil, err
	}
	tokens, err := s.listed(ctx, userID)
	if err != nil {
		return nil, unavailable(ctx, "list", err)
	}
	var alive []models.Session
	for some := range slices.Chunk(tokens, mostRead) {
		found, _, err := s.lookAll(ctx, some)
		if err != nil {
			return nil, unavailable(ctx, "list", err)
		}
		for _, f := range found {
			if f.Session.UserID == userID && f.Session.ExpiresAt.After(millis(now)) {
				alive = append(alive, f.Session)
			}
		}
	}
	slices.SortFunc(alive, func(a, b models.Session) int { return cmp.Compare(a.ID, b.ID) })
	return alive[:min(len(alive), mostRead)], nil
}

// Tokens reads the tokens of the user's sessions, from where List does. Beside a
// Better Auth server the list in Redis may name some that ended, and lack some:
// sign-ins at once there overwrite one another's entries.
func (s *Store) Tokens(ctx context.Context, userID string) ([]string, error) {
	if s.mode == besideDatabase {
		return s.db.Tokens(ctx, userID)
	}
	tokens, err := s.listed(ctx, userID)
	return tokens, unavailable(ctx, "tokens", err)
}

// Purge deletes expired rows of the database, as models.Store does. Of Redis there
// is nothing to delete, keys run out by themselves, and rows to preserve stay: then
// Purge answers 0.
func (s *Store) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	if s.mode == besideDatabase {
		return s.db.Purge(ctx, before, limit)
	}
	if err := checkTimes("purge", instant{"before", before}); err != nil {
		return 0, err
	}
	// Who purges learns whether the store answers, here too.
	return 0, unavailable(ctx, "purge", s.redis.client.Ping(ctx).Err())
}
