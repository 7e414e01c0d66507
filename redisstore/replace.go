package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/ginsession/ginsession/models"
)

// Replace puts next in the place of a session that is not expired at now. The two
// keys share no slot and cannot change together, so the former ends first: a crash
// between them signs its browser out, and never leaves two sessions or one that was
// revoked. If the database keeps the session, it is read there in between.
//
// It returns models.ErrNotFound if the session is gone or expired, and
// models.ErrDuplicate if next's token is taken.
func (s *Store) Replace(ctx context.Context, read, next models.Session, now time.Time) (models.Session, error) {
	next.UserID, next.Fields = read.UserID, nil // those of read stay
	next, err := s.checkNew("replace", next)
	if err == nil {
		err = checkTimes("replace", instant{"now", now})
	}
	if err != nil {
		return models.Session{}, err
	}
	if !possible(read.Token) {
		return models.Session{}, models.ErrNotFound
	}
	taken, err := s.redis.get(ctx, s.redis.tokenKey(next.Token))
	switch {
	case err != nil:
		return models.Session{}, unavailable(ctx, "replace", err)
	case taken != "":
		return models.Session{}, models.ErrDuplicate
	}
	if s.mode == besideDatabase {
		return s.replaceStored(ctx, read, next, now)
	}
	told := false
	if s.mode == preserving {
		switch _, err := s.db.Replace(ctx, read, next, now); {
		case errors.Is(err, models.ErrNotFound): // only Redis counts
		case err != nil:
			return models.Session{}, err
		default:
			told = !s.inFeed
		}
	}
	return s.replaceKeys(ctx, read, next, now, told)
}

// rotated is what the feed tells of a token that gave way to another.
func rotated(token string) models.Revoked {
	return models.Revocation{Token: token, Reason: models.ReasonRotated}.Revoked()
}

// replaceKeys is Replace where Redis alone counts. told says that the feed knows
// that the former ends.
func (s *Store) replaceKeys(ctx context.Context, read, next models.Session, now time.Time, told bool) (models.Session, error) {
	name := rand.Text()
	for enlisted := false; ; enlisted = true {
		e, err := s.look(ctx, read.Token)
		switch {
		case err == models.ErrNotFound, err == nil && (e == nil || e.row.ID != read.ID || e.row.ExpiresAt.Before(millis(now))):
			return models.Session{}, s.withdraw(ctx, read.UserID, next.Token, enlisted)
		case err != nil:
			return models.Session{}, unavailable(ctx, "replace", err)
		}
		if s.redis.replicas > 0 {
			// The end that too few replicas confirm would fail, and would stand all the
			// same. So they are asked first about a write that changes nothing.
			if _, err := s.redis.confirm(ctx, swapScript, []string{s.redis.tokenKey(read.Token)}, e.raw, e.raw, 0); err != nil {
				return models.Session{}, unavailable(ctx, "replace", err)
			}
		}
		successor := next
		if e.row.ExpiresAt.After(next.ExpiresAt) {
			successor.ExpiresAt = e.row.ExpiresAt
		}
		to := e.successor(successor)
		// In the list before the former ends: whoever ends all sessions of the user
		// and finds the former gone finds the successor there.
		if err := s.enlist(ctx, e.row.UserID, next.Token, to.row.ExpiresAt); err != nil {
			return models.Session{}, unavailable(ctx, "replace", err)
		}
		if !told {
			if err := s.feed.Publish(ctx, rotated(read.Token)); err != nil {
				return models.Session{}, err
			}
			told = true
		}
		keys := []string{s.redis.tokenKey(read.Token), s.redis.tombstoneKey(read.Token)}
		result, err := s.redis.confirm(ctx, giveWayScript, keys, e.raw, tombstoneKept, name)
		switch {
		case err != nil:
			return models.Session{}, unavailable(ctx, "replace", err)
		case result == 1:
			return s.succeed(ctx, to, read.Token)
		}
	}
}

// withdraw takes a successor that is not to be out of the list.
func (s *Store) withdraw(ctx context.Context, userID, token string, enlisted bool) error {
	if enlisted {
		if err := s.delist(ctx, userID, token); err != nil {
			return unavailable(ctx, "replace", err)
		}
	}
	return models.ErrNotFound
}

// succeed writes the successor's key. Its former is gone, so that it tries more
// than once.
func (s *Store) succeed(ctx context.Context, to *entry, former string) (models.Session, error) {
	var err error
	for range 3 {
		if err = s.put(ctx, to); err == nil || err == errEnded || errors.Is(err, models.ErrDuplicate) || ctx.Err() != nil {
			break
		}
	}
	switch {
	case err == errEnded:
		err = models.ErrNotFound
	case errors.Is(err, models.ErrDuplicate): // two equal ones of 190 random bits
		err = refused("replace", "the token was taken meanwhile, and the session is lost")
	case err != nil:
		err = unavailable(ctx, "replace", err)
	}
	_ = s.delist(ctx, to.row.UserID, former) // leads nowhere
	if err != nil {
		return models.Session{}, err
	}
	return to.row, nil
}

// replaceStored is Replace where the database keeps the sessions: its one statement
// decides. The key of the former goes before, so that it cannot outlive its row.
func (s *Store) replaceStored(ctx context.Context, read, next models.Session, now time.Time) (models.Session, error) {
	e, err := s.look(ctx, read.Token)
	switch {
	case err == models.ErrNotFound, err == nil && e != nil && e.row.ID != read.ID:
		return models.Session{}, models.ErrNotFound
	case err != nil:
		return models.Session{}, unavailable(ctx, "replace", err)
	}
	if s.inFeed {
		if err := s.feed.Publish(ctx, rotated(read.Token)); err != nil {
			return models.Session{}, err
		}
	}
	if _, err := s.endKey(ctx, read.Token, func(e *entry) bool { return e != nil && e.row.ID == read.ID }); err != nil {
		return models.Session{}, unavailable(ctx, "replace", err)
	}
	row, err := s.db.Replace(ctx, read, next, now)
	if err != nil || e == nil {
		return row, err
	}
	patient, cancel := s.patient(ctx)
	defer cancel()
	// If that fails the row is there, and read.
	if s.put(patient, e.successor(row)) == nil {
		_ = s.delist(patient, row.UserID, read.Token)
	}
	return row, s.verify(ctx, row)
}
