package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/ginsession/ginsession/models"
)

// mostReason bounds a reason, in bytes, as in the feed's table.
const mostReason = 64

// Revoke ends what the revocation names and returns how many sessions that were.
//
// The order is: the feed, Redis, the database. If Redis cannot be told, or too few
// replicas confirm it, Revoke fails and nothing has been acknowledged; what a crash
// leaves behind is a session that still lives, never a key that outlives an
// acknowledged revocation. Revoking is safe to repeat, and after an error must be.
func (s *Store) Revoke(ctx context.Context, r models.Revocation) (int, error) {
	switch {
	case r.Token == "" && r.UserID == "":
		return 0, refused("revoke", "names no session")
	case r.Except != "" && r.UserID == "":
		return 0, refused("revoke", "Except without UserID")
	case r.Except != "" && r.Token != "":
		return 0, refused("revoke", "Except together with Token")
	case len(r.Reason) > mostReason:
		return 0, refused("revoke", "Reason is longer than 64 bytes")
	case r.Except != "":
		if err := checkTimes("revoke", instant{"Now", r.Now}); err != nil {
			return 0, err
		}
	case r.Token != "" && !possible(r.Token):
		return 0, nil
	}
	if r.Token != "" {
		return s.revokeOne(ctx, r)
	}
	return s.revokeUser(ctx, r)
}

// revokeOne ends one session.
func (s *Store) revokeOne(ctx context.Context, r models.Revocation) (int, error) {
	raw, err := s.redis.get(ctx, s.redis.tokenKey(r.Token))
	if err != nil {
		return 0, unavailable(ctx, "revoke", err)
	}
	e := s.parse(raw, r.Token)
	meant := func(row models.Session) bool {
		return (r.UserID == "" || row.UserID == r.UserID) &&
			(r.NotAfter.IsZero() || !row.ExpiresAt.After(millis(r.NotAfter)))
	}
	if e != nil && !meant(e.row) {
		return 0, nil
	}
	if s.inFeed && r.NotAfter.IsZero() { // of what has expired no copy is believed
		if err := s.tell(ctx, r, e, meant); err != nil {
			return 0, err
		}
	}
	n := 0
	// Without a key too if replicas must confirm, because a first attempt may have
	// deleted it and then failed; and beside the database, because the key of a row may
	// be under way.
	if raw != "" || s.redis.replicas > 0 || s.mode == besideDatabase {
		n, err = s.endKey(ctx, r.Token, func(e *entry) bool { return e != nil && meant(e.row) })
		if err != nil {
			return 0, unavailable(ctx, "revoke", err)
		}
	}
	stored, err := s.endRows(ctx, r, n)
	if err != nil {
		return 0, err
	}
	// The session has ended; a line of the list that stays leads nowhere.
	if e != nil {
		_ = s.delist(ctx, e.row.UserID, r.Token)
	} else if r.UserID != "" && stored > 0 {
		_ = s.delist(ctx, r.UserID, r.Token)
	}
	return max(n, stored), nil
}

// tell tells the feed of a session that is there to end: e, or the row if e is nil.
func (s *Store) tell(ctx context.Context, r models.Revocation, e *entry, meant func(models.Session) bool) error {
	if e == nil {
		if s.mode != besideDatabase {
			return nil
		}
		row, _, err := s.db.Find(ctx, r.Token)
		if errors.Is(err, models.ErrNotFound) || err == nil && !meant(row) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return s.feed.Publish(ctx, r.Revoked())
}

// endKey deletes a token's key if it holds a session that is meant; meant is asked
// with nil about a value that is no session. It returns how many keys it deleted. It
// leaves a tombstone even where there was no key: WAIT confirms nothing where nothing
// was written.
func (s *Store) endKey(ctx context.Context, token string, meant func(*entry) bool) (int, error) {
	keys := []string{s.redis.tokenKey(token), s.redis.tombstoneKey(token)}
	for {
		raw, err := s.redis.get(ctx, keys[0])
		if err != nil {
			return 0, err
		}
		if raw != "" && !meant(s.parse(raw, token)) {
			return 0, nil
		}
		result, err := s.redis.confirm(ctx, endScript, keys, raw, tombstoneKept)
		switch {
		case err != nil:
			return 0, err
		case result == 1:
			return 1, nil
		case result == 2:
			return 0, nil
		}
	}
}

// endRows ends what the database keeps of the sessions. keys is how many ended in
// Redis: of one that had no row the database has not told its feed, and endRows does.
func (s *Store) endRows(ctx context.Context, r models.Revocation, keys int) (rows int, err error) {
	switch s.mode {
	case redisOnly:
		return 0, nil
	case besideDatabase:
		rows, err = s.db.Revoke(ctx, r)
	case preserving:
		rows, err = s.db.Preserve(ctx, r, s.now())
	}
	if err == nil && rows == 0 && keys > 0 && r.Token != "" && r.NotAfter.IsZero() && !s.inFeed {
		err = s.feed.Publish(ctx, r.Revoked())
	}
	return rows, err
}

// revokeUser ends all sessions of a user, or all but one.
func (s *Store) revokeUser(ctx context.Context, r models.Revocation) (int, error) {
	if s.inFeed {
		if err := s.feed.Publish(ctx, r.Revoked()); err != nil {
			return 0, err
		}
	}
	if r.Except == "" {
		// Sessions that no list names, and those whose creation began before, end by
		// this alone.
		_, err := s.redis.confirm(ctx, markScript, []string{s.redis.markKey(r.UserID)},
			s.now().UnixMilli(), int64(s.markKept/time.Second))
		if err != nil {
			return 0, unavailable(ctx, "revoke", err)
		}
	}
	seen := make(map[string]bool)
	n, err := s.endListed(ctx, r, seen)
	if err != nil {
		return 0, err
	}
	stored, err := s.endRows(ctx, r, n)
	if err == nil && s.mode == besideDatabase {
		err = s.endRowless(ctx, r, seen)
	}
	if err != nil {
		return 0, err
	}
	return max(n, stored), nil
}

// endListed ends the sessions that the user's list names, or the database. It reads
// the list again until it names none that is new: a session replaced meanwhile has
// put its successor there before it ended itself.
func (s *Store) endListed(ctx context.Context, r models.Revocation, seen map[string]bool) (int, error) {
	stored, err := s.storedTokens(ctx, r.UserID)
	if err != nil {
		return 0, err
	}
	ended := 0
	for round := 0; ; round++ {
		tokens, err := s.listed(ctx, r.UserID)
		if err != nil {
			return ended, unavailable(ctx, "revoke", err)
		}
		if round == 0 {
			tokens = append(tokens, stored...)
		}
		if tokens = unseen(tokens, seen); len(tokens) == 0 {
			return ended, nil
		}
		n, err := s.endTokens(ctx, r, tokens, round > 0)
		ended += n
		if err != nil {
			return ended, err
		}
	}
}

// unseen are the tokens that were not seen before.
func unseen(tokens []string, seen map[string]bool) (fresh []string) {
	for _, token := range tokens {
		if !seen[token] {
			seen[token] = true
			fresh = append(fresh, token)
		}
	}
	return fresh
}

// endRowless ends the keys that came while rows were being deleted, of sessions
// whose row was among them. A session writes its key before it looks for its row
// (verify), so that one of the two meets the other.
func (s *Store) endRowless(ctx context.Context, r models.Revocation, seen map[string]bool) error {
	tokens, err := s.listed(ctx, r.UserID)
	if err != nil {
		return unavailable(ctx, "revoke", err)
	}
	var rowless []string
	for _, token := range unseen(tokens, seen) {
		switch _, _, err := s.db.Find(ctx, token); {
		case errors.Is(err, models.ErrNotFound):
			rowless = append(rowless, token)
		case err != nil:
			return err
		}
	}
	_, err = s.endTokens(ctx, r, rowless, true)
	return err
}

// storedTokens are those of the user's sessions in the database: of preserved rows,
// which are kept for ever, those of the living alone, at most 100.
func (s *Store) storedTokens(ctx context.Context, userID string) (tokens []string, err error) {
	switch s.mode {
	case besideDatabase:
		return s.db.Tokens(ctx, userID)
	case preserving:
		alive, err := s.db.List(ctx, userID, s.now())
		for _, row := range alive {
			tokens = append(tokens, row.Token)
		}
		return tokens, err
	}
	return nil, nil
}

// endTokens ends the sessions with these tokens that the revocation means, and
// takes them out of the list. With apart the feed is told of each: they may be younger
// than its line about the user.
func (s *Store) endTokens(ctx context.Context, r models.Revocation, tokens []string, apart bool) (int, error) {
	count := 0
	var gone []string
	for _, token := range tokens {
		spared := false
		n, err := s.endKey(ctx, token, func(e *entry) bool {
			switch {
			case e == nil: // unreadable: no session, and removed with all the others
				spared = r.Except != ""
			case e.row.UserID != r.UserID:
				spared = true
			case r.Except != "":
				spared = e.row.ID == r.Except || e.row.ExpiresAt.Before(millis(r.Now))
			}
			return !spared
		})
		if err != nil {
			return count, unavailable(ctx, "revoke", err)
		}
		if spared {
			continue
		}
		count += n
		gone = append(gone, token)
		if apart && n > 0 && s.inFeed {
			if err := s.feed.Publish(ctx, models.Revocation{Token: token, Reason: r.Reason}.Revoked()); err != nil {
				return count, err
			}
		}
	}
	if len(gone) == 0 {
		return count, nil
	}
	return count, unavailable(ctx, "revoke", s.delist(ctx, r.UserID, gone...))
}
