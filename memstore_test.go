package ginsession_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// memStore is a Store in memory, held to the same suite as every other. Tests
// hook into its calls to count them, to fail them and to race them.
type memStore struct {
	mu       sync.Mutex
	sessions map[string]models.Session // by token
	users    map[string]models.User
	calls    []string

	// schema is whose additional fields rows have. Under its zero value a row has
	// those that it was given.
	schema models.Schema

	// before, if set, runs ahead of each call, outside of the lock; its error
	// becomes the call's.
	before func(ctx context.Context, call string) error
}

func newMemStore() *memStore {
	return &memStore{sessions: map[string]models.Session{}, users: map[string]models.User{}}
}

func (s *memStore) enter(ctx context.Context, call string) error {
	s.mu.Lock()
	s.calls = append(s.calls, call)
	before := s.before
	s.mu.Unlock()
	if before != nil {
		if err := before(ctx, call); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// count returns how often a call was made since the last reset.
func (s *memStore) count(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, made := range s.calls {
		if made == call || call == "" {
			n++
		}
	}
	return n
}

func (s *memStore) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

func (s *memStore) hook(before func(ctx context.Context, call string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

// rows returns all sessions, by id.
func (s *memStore) rows() []models.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sorted(func(models.Session) bool { return true })
}

func (s *memStore) row(token string) (models.Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.sessions[token]
	return copied(row), ok
}

// edit changes a row behind the Manager's back.
func (s *memStore) edit(token string, change func(*models.Session)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row := copied(s.sessions[token])
	change(&row)
	delete(s.sessions, token)
	s.sessions[row.Token] = row
}

func (s *memStore) put(row models.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[row.Token] = row
}

func (s *memStore) remove(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, token)
}

func (s *memStore) addUser(user models.User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user.Fields = maps.Clone(user.Fields)
	for _, field := range s.schema.User.Fields {
		if user.Fields == nil {
			user.Fields = map[string]any{}
		}
		if _, given := user.Fields[field.Name]; !given {
			user.Fields[field.Name] = nil
		}
	}
	s.users[user.ID] = user
}

func (s *memStore) removeUser(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, id)
}

func (s *memStore) sorted(want func(models.Session) bool) []models.Session {
	var rows []models.Session
	for _, row := range s.sessions {
		if want(row) {
			rows = append(rows, copied(row))
		}
	}
	slices.SortFunc(rows, func(a, b models.Session) int { return strings.Compare(a.ID, b.ID) })
	return rows
}

// copied is the row with a map of its own: what a store was given, and what it
// answered, is the caller's.
func copied(row models.Session) models.Session {
	row.Fields = maps.Clone(row.Fields)
	return row
}

var errField = errors.New("no such field, or a value of another type")

// fields are the values as a store keeps them, under all those of every declared
// field: one that is missing is null.
func (s *memStore) fields(given map[string]any, all bool) (map[string]any, error) {
	declared := s.schema.Session.Fields
	if len(declared) == 0 {
		return maps.Clone(given), nil
	}
	kept := map[string]any{}
	for _, field := range declared {
		value, ok := given[field.Name]
		if !ok && !all {
			continue
		}
		value, err := field.Value(value)
		if err != nil {
			return nil, errField
		}
		kept[field.Name] = value
	}
	for name := range given {
		if _, ok := kept[name]; !ok {
			return nil, errField
		}
	}
	return kept, nil
}

func (s *memStore) Create(ctx context.Context, session models.Session) error {
	everything.Keep(session.Token)
	if err := s.enter(ctx, "create"); err != nil {
		return err
	}
	if session.ExpiresAt.IsZero() || session.CreatedAt.IsZero() || session.UpdatedAt.IsZero() {
		return errZeroTime
	}
	fields, err := s.fields(session.Fields, true)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.sessions[session.Token]; taken {
		return models.ErrDuplicate
	}
	for _, row := range s.sessions {
		if row.ID == session.ID {
			return models.ErrDuplicate
		}
	}
	if _, known := s.users[session.UserID]; !known {
		return models.ErrNoUser
	}
	session.Fields = fields
	session.ExpiresAt, session.CreatedAt, session.UpdatedAt = ms(session.ExpiresAt), ms(session.CreatedAt), ms(session.UpdatedAt)
	s.sessions[session.Token] = session
	return nil
}

func ms(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func (s *memStore) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	if err := s.enter(ctx, "find"); err != nil {
		return models.Session{}, models.User{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.sessions[token]
	user, known := s.users[session.UserID]
	if !ok || !known {
		return models.Session{}, models.User{}, models.ErrNotFound
	}
	user.Fields = maps.Clone(user.Fields)
	return copied(session), user, nil
}

func (s *memStore) FindMany(ctx context.Context, tokens []string) ([]models.Found, error) {
	if err := s.enter(ctx, "findMany"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := map[string]bool{}
	for _, token := range tokens[:min(len(tokens), 100)] {
		wanted[token] = true
	}
	var found []models.Found
	for token := range wanted {
		session, ok := s.sessions[token]
		user, known := s.users[session.UserID]
		if ok && known {
			user.Fields = maps.Clone(user.Fields)
			found = append(found, models.Found{Session: copied(session), User: user})
		}
	}
	return found, nil
}

func (s *memStore) Update(ctx context.Context, read models.Session, fields map[string]any, now time.Time) (models.Session, error) {
	if err := s.enter(ctx, "update"); err != nil {
		return models.Session{}, err
	}
	if now.IsZero() {
		return models.Session{}, errZeroTime
	}
	given, err := s.fields(fields, false)
	if err != nil || len(given) == 0 {
		return models.Session{}, errField
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.sessions[read.Token]
	if !ok || row.ID != read.ID {
		return models.Session{}, models.ErrNotFound
	}
	row = copied(row)
	if row.Fields == nil {
		row.Fields = map[string]any{}
	}
	maps.Copy(row.Fields, given)
	row.UpdatedAt = ms(now)
	s.sessions[read.Token] = row
	return copied(row), nil
}

func (s *memStore) Touch(ctx context.Context, read models.Session, next, now time.Time) (models.Session, error) {
	if err := s.enter(ctx, "touch"); err != nil {
		return models.Session{}, err
	}
	if next.IsZero() {
		return models.Session{}, errZeroTime
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.sessions[read.Token]
	if !ok || row.ID != read.ID {
		return models.Session{}, models.ErrNotFound
	}
	if ms(next).After(row.ExpiresAt) && row.ExpiresAt.Equal(ms(read.ExpiresAt)) && !row.ExpiresAt.Before(ms(now)) {
		row.ExpiresAt, row.UpdatedAt = ms(next), ms(now)
		s.sessions[read.Token] = row
	}
	return copied(row), nil
}

func (s *memStore) List(ctx context.Context, userID string, now time.Time) ([]models.Session, error) {
	if err := s.enter(ctx, "list"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := s.sorted(func(row models.Session) bool { return row.UserID == userID && row.ExpiresAt.After(ms(now)) })
	return rows[:min(len(rows), 100)], nil
}

func (s *memStore) Tokens(ctx context.Context, userID string) ([]string, error) {
	if err := s.enter(ctx, "tokens"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var tokens []string
	for _, row := range s.sorted(func(row models.Session) bool { return row.UserID == userID }) {
		tokens = append(tokens, row.Token)
	}
	return tokens, nil
}

func (s *memStore) Replace(ctx context.Context, read, next models.Session, now time.Time) (models.Session, error) {
	if err := s.enter(ctx, "replace"); err != nil {
		return models.Session{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if next.ExpiresAt.IsZero() || next.CreatedAt.IsZero() || next.UpdatedAt.IsZero() || now.IsZero() {
		return models.Session{}, errZeroTime
	}
	row, ok := s.sessions[read.Token]
	if !ok || row.ID != read.ID || row.ExpiresAt.Before(now.Truncate(time.Millisecond)) {
		return models.Session{}, models.ErrNotFound
	}
	for token, other := range s.sessions {
		if token != read.Token && (token == next.Token || other.ID == next.ID) {
			return models.Session{}, models.ErrDuplicate
		}
	}
	delete(s.sessions, read.Token)
	row.ID, row.Token = next.ID, next.Token
	row.CreatedAt, row.UpdatedAt = next.CreatedAt.UTC().Truncate(time.Millisecond), next.UpdatedAt.UTC().Truncate(time.Millisecond)
	if next.ExpiresAt.After(row.ExpiresAt) {
		row.ExpiresAt = next.ExpiresAt.UTC().Truncate(time.Millisecond)
	}
	s.sessions[row.Token] = row
	return copied(row), nil
}

func (s *memStore) Revoke(ctx context.Context, r models.Revocation) (int, error) {
	if err := s.enter(ctx, "revoke"); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Token == "" && r.UserID == "" || r.Except != "" && (r.UserID == "" || r.Token != "" || r.Now.IsZero()) {
		return 0, errBadRevocation
	}
	ended := 0
	for token, row := range s.sessions {
		switch {
		case r.Token != "" && r.Token != token,
			r.Token != "" && !r.NotAfter.IsZero() && row.ExpiresAt.After(ms(r.NotAfter)),
			r.UserID != "" && r.UserID != row.UserID,
			r.Except != "" && (r.Except == row.ID || row.ExpiresAt.Before(ms(r.Now))):
		default:
			delete(s.sessions, token)
			ended++
		}
	}
	return ended, nil
}

func (s *memStore) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := s.enter(ctx, "purge"); err != nil {
		return 0, err
	}
	if before.IsZero() {
		return 0, errZeroTime
	}
	if limit <= 0 || limit > 500 {
		limit = 500
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for token, row := range s.sessions {
		if n < limit && row.ExpiresAt.Before(ms(before)) {
			delete(s.sessions, token)
			n++
		}
	}
	return n, nil
}

var _ ginsession.Store = (*memStore)(nil)

// The store under the tests is a store like any other.
func TestMemStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		store := newMemStore()
		store.schema = storetest.Schema()
		return storetest.Harness{
			Store:      store,
			AddUser:    func(_ *testing.T, user models.User) { store.addUser(user) },
			RemoveUser: func(_ *testing.T, userID string) { store.removeUser(userID) },
			Stall: func(*testing.T) (release func()) {
				store.hook(func(ctx context.Context, _ string) error {
					<-ctx.Done()
					return ctx.Err()
				})
				return func() { store.hook(nil) }
			},
		}
	})
}
