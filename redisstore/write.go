package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/ginsession/ginsession/models"
)

// Create stores the session, in the database first if that keeps sessions too. It
// returns models.ErrDuplicate if its token is taken, and models.ErrNoUser if its
// user is not in the database. That its id is taken only the database knows.
//
// A session that has expired is no key.
func (s *Store) Create(ctx context.Context, session models.Session) error {
	session, err := s.checkNew("create", session)
	if err != nil {
		return err
	}
	user, err := s.db.User(ctx, session.UserID)
	if err != nil {
		return err // models.ErrNoUser, or no answer
	}
	work, cancel := ctx, func() {}
	if s.mode == besideDatabase {
		work, cancel = s.patient(ctx)
	}
	defer cancel()
	taken, err := s.redis.get(work, s.redis.tokenKey(session.Token))
	switch {
	case taken != "":
		return models.ErrDuplicate
	case err != nil && s.mode != besideDatabase:
		return unavailable(ctx, "create", err)
	}
	if s.mode != redisOnly {
		if err := s.db.Create(ctx, session); err != nil {
			return err
		}
	}
	if err != nil { // the row is there, and read
		return nil
	}
	err = s.put(work, newEntry(session, user, s.schema, s.mode != redisOnly))
	switch {
	case err == errEnded: // its user ended all sessions meanwhile, this one too
		return nil
	case errors.Is(err, models.ErrDuplicate):
		return err
	case s.mode != besideDatabase:
		return unavailable(ctx, "create", err)
	}
	// After an error too: the key may be there.
	return s.verify(ctx, session)
}

// errEnded says that a session was ended before its key was written.
var errEnded = errors.New("redisstore: ended meanwhile")

// put writes a new session's key, after its line in the user's list: a key that no
// list names could not be found by who ends them all.
func (s *Store) put(ctx context.Context, e *entry) error {
	kept := seconds(e.row.ExpiresAt, s.now())
	if kept <= 0 {
		return nil
	}
	token := e.row.Token
	if err := s.enlist(ctx, e.row.UserID, token, e.row.ExpiresAt); err != nil {
		return err
	}
	written, err := s.redis.run(ctx, createScript,
		[]string{s.redis.tokenKey(token), s.redis.tombstoneKey(token)}, e.text(), kept)
	switch {
	case err != nil:
		return err
	case written == 0:
		return models.ErrDuplicate
	case written == 2:
		if err := s.delist(ctx, e.row.UserID, token); err != nil {
			return err
		}
		return errEnded
	}
	return nil
}

// verify takes a key back whose row is gone: a revocation deletes keys first and
// then rows, and one between this session's row and its key has not seen the key.
// Until it has run nobody has been told the token.
func (s *Store) verify(ctx context.Context, session models.Session) error {
	switch _, _, err := s.db.Find(ctx, session.Token); {
	case err == nil:
		return nil
	case !errors.Is(err, models.ErrNotFound):
		return err
	}
	if _, err := s.endKey(ctx, session.Token, func(*entry) bool { return true }); err != nil {
		return unavailable(ctx, "create", err)
	}
	return unavailable(ctx, "create", s.delist(ctx, session.UserID, session.Token))
}

// Update writes the given additional fields of a session and sets updatedAt to now;
// models.ErrNotFound means that the session is gone. Fields that are not Returned
// are kept, where a Better Auth server would lose them.
func (s *Store) Update(ctx context.Context, read models.Session, fields map[string]any, now time.Time) (models.Session, error) {
	given, err := s.checkFields("update", fields)
	if err == nil && len(fields) == 0 {
		err = refused("update", "no fields are given")
	}
	if err == nil {
		err = checkTimes("update", instant{"now", now})
	}
	if err != nil {
		return models.Session{}, err
	}
	if !possible(read.Token) {
		return models.Session{}, models.ErrNotFound
	}
	change := func(e *entry) *entry { return e.fields(given, s.schema).times(e.row.ExpiresAt, now) }
	if s.mode != besideDatabase {
		row, err := s.change(ctx, "update", read, change)
		if err == nil && s.mode == preserving {
			_, err = s.db.Update(ctx, read, fields, now)
			if errors.Is(err, models.ErrNotFound) { // only Redis counts
				err = nil
			}
		}
		return row, err
	}
	e, err := s.look(ctx, read.Token)
	if err == models.ErrNotFound {
		return models.Session{}, err
	}
	if err != nil { // a key left behind the row would be read again later
		return models.Session{}, unavailable(ctx, "update", err)
	}
	row, err := s.db.Update(ctx, read, fields, now)
	if err != nil {
		return models.Session{}, err
	}
	return row, unavailable(ctx, "update", s.align(ctx, e, row, true))
}

// Touch moves the expiry of a session to next, only if it still is the one that was
// read and not over at now. The result is the session as it stands afterwards;
// models.ErrNotFound means that it is gone.
func (s *Store) Touch(ctx context.Context, read models.Session, next, now time.Time) (models.Session, error) {
	err := checkTimes("touch", instant{"the expiry that was read", read.ExpiresAt}, instant{"next", next}, instant{"now", now})
	if err != nil {
		return models.Session{}, err
	}
	if !possible(read.Token) {
		return models.Session{}, models.ErrNotFound
	}
	next, now = millis(next), millis(now)
	if s.mode != besideDatabase {
		row, err := s.change(ctx, "touch", read, func(e *entry) *entry {
			held := e.row.ExpiresAt
			if !next.After(held) || !held.Equal(millis(read.ExpiresAt)) || held.Before(now) {
				return e // moved by another, or over
			}
			return e.times(next, now)
		})
		if err == nil && s.mode == preserving && row.ExpiresAt.Equal(next) {
			_, err = s.db.Touch(ctx, read, next, now)
			if errors.Is(err, models.ErrNotFound) {
				err = nil
			}
		}
		return row, err
	}
	patient, cancel := s.patient(ctx)
	e, err := s.look(patient, read.Token)
	cancel()
	if err == models.ErrNotFound {
		return models.Session{}, err
	}
	silent := err != nil
	row, err := s.db.Touch(ctx, read, next, now)
	if err != nil || silent {
		return row, err
	}
	patient, cancel = s.patient(ctx)
	defer cancel()
	// A key left with the former expiry runs out then, and the row is read.
	_ = s.align(patient, e, row, false)
	return row, nil
}

// change rewrites a session's key by compare and set, and its line in the list. A
// key that is gone is not written: what was revoked does not come back.
func (s *Store) change(ctx context.Context, op string, read models.Session, change func(*entry) *entry) (models.Session, error) {
	for {
		e, err := s.look(ctx, read.Token)
		switch {
		case err == models.ErrNotFound, err == nil && (e == nil || e.row.ID != read.ID):
			return models.Session{}, models.ErrNotFound
		case err != nil:
			return models.Session{}, unavailable(ctx, op, err)
		}
		changed := change(e)
		if changed == e {
			return e.row, nil
		}
		swapped, err := s.swap(ctx, e, changed)
		if err == nil && swapped {
			err = s.relist(ctx, changed.row.UserID, changed.row.Token, changed.row.ExpiresAt)
		}
		if err != nil {
			return models.Session{}, unavailable(ctx, op, err)
		}
		if swapped {
			return changed.row, nil
		}
	}
}

func (s *Store) swap(ctx context.Context, from, to *entry) (bool, error) {
	kept := max(seconds(to.row.ExpiresAt, s.now()), 0)
	swapped, err := s.redis.run(ctx, swapScript, []string{s.redis.tokenKey(to.row.Token)}, from.raw, to.text(), kept)
	return swapped == 1, err
}

// align brings a key to what its row has become: e was read before the row was
// written. If another wrote the key meanwhile, both are read anew, so that of
// several writers at once the last one to write the key has seen the row as it
// stands. whole says that the row's fields are of a reading after the write.
func (s *Store) align(ctx context.Context, e *entry, row models.Session, whole bool) error {
	for e != nil {
		expires := row.ExpiresAt
		if e.row.ExpiresAt.After(expires) {
			expires = e.row.ExpiresAt
		}
		changed := e.times(expires, row.UpdatedAt)
		if whole {
			differing := make(map[string]any)
			for name, value := range row.Fields {
				if !sameValue(e.row.Fields[name], value) {
					differing[name] = value
				}
			}
			changed = changed.fields(differing, s.schema)
		}
		swapped, err := s.swap(ctx, e, changed)
		if err != nil {
			return err
		}
		if swapped {
			return s.relist(ctx, row.UserID, row.Token, expires)
		}
		if e, err = s.look(ctx, row.Token); err == models.ErrNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		row, _, err = s.db.Find(ctx, row.Token)
		if errors.Is(err, models.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		whole = true
	}
	return nil
}

func sameValue(a, b any) bool {
	if x, ok := a.(time.Time); ok {
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	}
	return a == b
}
