package sessiontest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/clientaddr"
	"github.com/ginsession/ginsession/models"
)

// A Store keeps sessions and users in memory. Until it has been given a user with
// AddUser every id is a user's: the user "ada" has the name ada and the address
// ada@example.com. It passes the suite of package storetest, and is safe for
// concurrent use.
type Store struct {
	mu       sync.Mutex
	sessions map[string]models.Session // by token
	users    map[string]models.User
	schema   models.Schema
	anybody  bool // is a user, until the test has some of its own
	before   func(ctx context.Context, method string) error
}

var _ ginsession.Store = (*Store)(nil)

var (
	errField        = errors.New("sessiontest: no such field, or a value of another type")
	errNamesNothing = errors.New("sessiontest: the revocation names no session")
	errZeroTime     = errors.New("sessiontest: a zero time")
)

// NewStore makes an empty Store.
func NewStore() *Store {
	return &Store{sessions: map[string]models.Session{}, users: map[string]models.User{}, anybody: true}
}

// Declare gives rows the additional fields of a schema; names of tables and columns
// mean nothing in memory. Without any, rows have those that they are given.
// NewManager declares its Config's.
func (s *Store) Declare(schema models.Schema) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.schema = schema
}

// Before has hook called ahead of each method of ginsession.Store, with the method's
// name; an error of the hook is the method's. It shows an application what a database
// does that is away, or slow. nil takes the hook out.
func (s *Store) Before(hook func(ctx context.Context, method string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = hook
}

func (s *Store) enter(ctx context.Context, method string) error {
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	if before != nil {
		if err := before(ctx, method); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Rows returns all sessions, ordered by id.
func (s *Store) Rows() []models.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sorted(func(models.Session) bool { return true })
}

// Put inserts a session, or changes the one with its token, as somebody else might
// who has the database at hand.
func (s *Store) Put(row models.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[row.Token] = copied(row)
}

// Remove deletes the session with the token, as somebody else might.
func (s *Store) Remove(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, token)
}

// AddUser inserts a user, or changes the one with the id.
func (s *Store) AddUser(user models.User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.anybody = false
	s.users[user.ID] = s.complete(user)
}

// complete gives a user a map of its own, with all declared fields.
func (s *Store) complete(user models.User) models.User {
	user.Fields = maps.Clone(user.Fields)
	for _, field := range s.schema.User.Fields {
		if user.Fields == nil {
			user.Fields = map[string]any{}
		}
		if _, given := user.Fields[field.Name]; !given {
			user.Fields[field.Name] = nil
		}
	}
	return user
}

// RemoveUser deletes a user, whose sessions are then found no more.
func (s *Store) RemoveUser(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.anybody = false
	delete(s.users, id)
}

func (s *Store) sorted(want func(models.Session) bool) []models.Session {
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

// fields are the values as a store keeps them. With all, a declared field that is
// not given is there too, and null.
func (s *Store) fields(given map[string]any, all bool) (map[string]any, error) {
	s.mu.Lock()
	declared := s.schema.Session.Fields
	s.mu.Unlock()
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

// Create inserts a session.
func (s *Store) Create(ctx context.Context, session models.Session) error {
	if err := s.enter(ctx, "Create"); err != nil {
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
	if _, known := s.users[session.UserID]; !known && !s.anybody {
		return models.ErrNoUser
	} else if !known {
		s.users[session.UserID] = s.complete(models.User{ID: session.UserID, Name: session.UserID, Email: session.UserID + "@example.com", CreatedAt: ms(session.CreatedAt), UpdatedAt: ms(session.CreatedAt)})
	}
	session.Fields = fields
	session.ExpiresAt, session.CreatedAt, session.UpdatedAt = ms(session.ExpiresAt), ms(session.CreatedAt), ms(session.UpdatedAt)
	s.sessions[session.Token] = session
	return nil
}

func ms(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// Find reads a session and its user.
func (s *Store) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	if err := s.enter(ctx, "Find"); err != nil {
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

// FindMany reads several.
func (s *Store) FindMany(ctx context.Context, tokens []string) ([]models.Found, error) {
	if err := s.enter(ctx, "FindMany"); err != nil {
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

// Update writes additional fields.
func (s *Store) Update(ctx context.Context, read models.Session, fields map[string]any, now time.Time) (models.Session, error) {
	if err := s.enter(ctx, "Update"); err != nil {
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

// Touch moves the expiry.
func (s *Store) Touch(ctx context.Context, read models.Session, next, now time.Time) (models.Session, error) {
	if err := s.enter(ctx, "Touch"); err != nil {
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

// List reads a user's living sessions.
func (s *Store) List(ctx context.Context, userID string, now time.Time) ([]models.Session, error) {
	if err := s.enter(ctx, "List"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := s.sorted(func(row models.Session) bool { return row.UserID == userID && row.ExpiresAt.After(ms(now)) })
	return rows[:min(len(rows), 100)], nil
}

// Tokens reads the tokens of a user's sessions.
func (s *Store) Tokens(ctx context.Context, userID string) ([]string, error) {
	if err := s.enter(ctx, "Tokens"); err != nil {
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

// Replace puts one session in the place of another.
func (s *Store) Replace(ctx context.Context, read, next models.Session, now time.Time) (models.Session, error) {
	if err := s.enter(ctx, "Replace"); err != nil {
		return models.Session{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if next.ExpiresAt.IsZero() || next.CreatedAt.IsZero() || next.UpdatedAt.IsZero() || now.IsZero() {
		return models.Session{}, errZeroTime
	}
	row, ok := s.sessions[read.Token]
	if !ok || row.ID != read.ID || row.ExpiresAt.Before(ms(now)) {
		return models.Session{}, models.ErrNotFound
	}
	for token, other := range s.sessions {
		if token != read.Token && (token == next.Token || other.ID == next.ID) {
			return models.Session{}, models.ErrDuplicate
		}
	}
	delete(s.sessions, read.Token)
	row.ID, row.Token = next.ID, next.Token
	row.CreatedAt, row.UpdatedAt = ms(next.CreatedAt), ms(next.UpdatedAt)
	if next.ExpiresAt.After(row.ExpiresAt) {
		row.ExpiresAt = ms(next.ExpiresAt)
	}
	s.sessions[row.Token] = row
	return copied(row), nil
}

// Revoke deletes what the revocation names.
func (s *Store) Revoke(ctx context.Context, r models.Revocation) (int, error) {
	if err := s.enter(ctx, "Revoke"); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Token == "" && r.UserID == "" || r.Except != "" && (r.UserID == "" || r.Token != "" || r.Now.IsZero()) {
		return 0, errNamesNothing
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

// Purge deletes expired sessions.
func (s *Store) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := s.enter(ctx, "Purge"); err != nil {
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

// TruncateAddresses does what models.Store does, for the whole store at once.
func (s *Store) TruncateAddresses(ctx context.Context, before time.Time, _ string) (string, int, error) {
	if err := s.enter(ctx, "TruncateAddresses"); err != nil {
		return "", 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for token, row := range s.sessions {
		if row.IPAddress == nil || !row.CreatedAt.Before(before) {
			continue
		}
		if network := clientaddr.Network(*row.IPAddress); network != *row.IPAddress {
			row.IPAddress = &network
			s.sessions[token] = row
			n++
		}
	}
	return "", n, nil
}
