package ginsession

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/ginsession/ginsession/internal/clientaddr"
	"github.com/ginsession/ginsession/models"
)

// creation is what a sign-in is told beside the user.
type creation struct {
	dontRemember bool
	keepPrevious bool
	clientGiven  bool
	ip, agent    string
	fields       map[string]any
}

// A SignInOption changes one sign-in.
type SignInOption interface{ apply(*creation) }

type signInOption func(*creation)

func (f signInOption) apply(c *creation) { f(c) }

// DontRemember makes a session that lives a day at most, is not renewed, and
// whose cookies end with the browser. Better Auth: rememberMe: false.
func DontRemember() SignInOption {
	return signInOption(func(c *creation) { c.dontRemember = true })
}

// KeepPrevious leaves the session that the browser presents alive at this sign-in,
// for an administrator who signs in as somebody else and wants to come back, say;
// Config.KeepPreviousSession does so for all.
func KeepPrevious() SignInOption {
	return signInOption(func(c *creation) { c.keepPrevious = true })
}

// WithClient says which address and user agent to store with the session, in
// place of those of the request (with Create: of nobody). What is no address
// is stored as "", user agents are cleaned and cut to 512 bytes.
func WithClient(ip, userAgent string) SignInOption {
	return signInOption(func(c *creation) { c.clientGiven, c.ip, c.agent = true, ip, userAgent })
}

// Create makes a session for a user, outside of any request and without a
// cookie: for jobs, tests and transports of your own. It ends no other session,
// but for the oldest under Config.MaxSessionsPerUser.
//
// It returns ErrNotFound if the database knows no such user, ErrTooManySessions,
// the error of Config.BeforeCreate, one about WithFields, or one that wraps
// ErrStore. After an ErrStore a session may exist whose token nobody knows; it
// expires.
func (m *Manager) Create(ctx context.Context, userID string, opts ...SignInOption) (*Session, error) {
	var how creation
	for _, opt := range opts {
		opt.apply(&how)
	}
	ctx = m.bounded(ctx)
	row, err := m.create(ctx, userID, how, m.clock())
	if err != nil {
		return nil, err
	}
	if err := m.admit(ctx, row, nil); err != nil {
		return nil, err
	}
	defer m.evict(ctx, row, nil)
	m.happened(ctx, EventCreated, row)
	return m.session(row, models.User{}, false), nil
}

func (m *Manager) create(ctx context.Context, userID string, how creation, now time.Time) (models.Session, error) {
	if userID == "" {
		return models.Session{}, fmt.Errorf("%w: the user id is empty", ErrNotFound)
	}
	fields, err := newFields(m.sessionFields, how.fields)
	if err != nil {
		return models.Session{}, err
	}
	ip, agent := clientaddr.Address(how.ip, m.ipv6Subnet), clientaddr.UserAgent(how.agent)
	row := models.Session{
		ID:        randomText(),
		Token:     randomText(),
		UserID:    userID,
		ExpiresAt: m.policy.expiry(now, now),
		CreatedAt: now,
		UpdatedAt: now,
		IPAddress: &ip,
		UserAgent: &agent,
		Fields:    fields,
	}
	if how.dontRemember {
		row.ExpiresAt = m.policy.capped(now, now.Add(dontRememberFor))
	}
	if m.beforeCreate != nil {
		if err := m.beforeCreate(ctx, m.session(row, models.User{}, false)); err != nil {
			return models.Session{}, err
		}
	}
	ctx, cancel := m.storeContext(ctx)
	defer cancel()
	// A token that exists already is drawn anew, never overwritten.
	for tries := 3; ; tries-- {
		switch err := m.store.Create(ctx, row); {
		case err == nil:
			return row, nil
		case errors.Is(err, models.ErrDuplicate) && tries > 1:
			row.ID, row.Token = randomText(), randomText()
		case errors.Is(err, models.ErrNoUser):
			return models.Session{}, fmt.Errorf("%w: no such user", ErrNotFound)
		default:
			return models.Session{}, fmt.Errorf("%w: %w", ErrStore, err)
		}
	}
}

// idAlphabet and its order are Better Auth's.
const idAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// randomText draws 32 characters of idAlphabet, 190 bits.
func randomText() string {
	var random [64]byte
	for {
		_, _ = rand.Read(random[:]) // never fails: the process stops first
		if id, ok := pickText(random[:], 32); ok {
			return id
		}
	}
}

// pickText maps random bytes to characters without bias: bytes from 248 on,
// which would favour the first letters, are skipped.
func pickText(random []byte, size int) (string, bool) {
	var room [64]byte
	id := room[:0]
	for _, b := range random {
		if b < 248 && len(id) < size {
			id = append(id, idAlphabet[b%62])
		}
	}
	return string(id), len(id) == size
}
