package ginsession

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/internal/signed"
	"github.com/ginsession/ginsession/internal/testhook"
	"github.com/ginsession/ginsession/models"
)

// A Manager issues, loads, renews, lists and revokes sessions. It is safe for
// concurrent use. Make one per process and session database with New.
type Manager struct {
	settings
	store   Store
	codec   cookiecache.Codec
	handles handles
	forms   forms
	revoked *revoked
	flights flights
	// keepsDeadlines: the store's calls end with their deadline, and a flight needs no
	// goroutine of its own, which whoever waits for it could leave.
	keepsDeadlines bool
	verified       *verified

	observer  Observer // nil without
	unobserve func()   // of Close

	events *events
	news   chan models.Revoked // for CookieCache.Feed; nil without

	watches  *watches
	watching sync.Once
	streams  streams

	replaced replacedTokens

	running    context.Context // until Close
	stop       context.CancelFunc
	closing    sync.Mutex     // of Close and whoever begins something in the background
	background sync.WaitGroup // what ends then

	oversize sync.Once // the warning about sessions too large to cache
	gullible sync.Once // the warning that gin trusts every proxy

	mounting sync.Mutex // beside routes
	routes   atomic.Pointer[routes]
}

// New makes a Manager. It reports everything that is wrong with the Config at
// once, each fault with the field, its value and the way out; with DB it also
// asks the database for its tables and how it takes times, within ten seconds,
// and names what is missing (models.Migrate makes it). Nothing is written.
func New(config Config) (*Manager, error) {
	s, store, err := config.validate()
	if err != nil {
		return nil, err
	}
	s.cookies.signer = signed.New(s.secrets)
	m := &Manager{settings: s, store: store, observer: config.Observer}
	if keeper, ok := store.(interface{ KeepsDeadlines() bool }); ok {
		m.keepsDeadlines = keeper.KeepsDeadlines()
	}
	if m.observer != nil {
		m.store = m.observer.Store(store)
	}
	if s.hashTokens {
		m.store = hashedStore{m.store}
	}
	if m.handles, err = newHandles(s.secrets); err != nil {
		return nil, fmt.Errorf("ginsession: Config.Secret: %w", err)
	}
	if m.forms, err = newForms(s.secrets); err != nil {
		return nil, fmt.Errorf("ginsession: Config.Secret: %w", err)
	}
	var keep, maxLag time.Duration
	if s.exposeReasons {
		keep = reasonsKept
	}
	if s.cache.enabled {
		if m.codec, err = cookiecache.New(config.CookieCache.Strategy, s.cookies.data.name, s.secrets); err != nil {
			return nil, fmt.Errorf("ginsession: Config.CookieCache: %w", err)
		}
		keep = s.cache.maxAge + skew
	}
	m.secrets = nil // whoever needs them has made keys of them, which do not print
	m.routes.Store(&routes{})
	m.events = newEvents(config.OnEvent)
	m.running, m.stop = context.WithCancel(context.Background())
	own := feedOf(store)
	if keep == 0 || config.CookieCache.NoFeed { // nothing depends on it
		own = nil
	}
	if own != nil {
		maxLag = s.cache.maxLag
	}
	m.revoked, m.watches, m.verified = newRevoked(keep, maxLag), newWatches(), newVerified()
	if m.observer != nil {
		m.unobserve = sync.OnceFunc(m.observer.Start(m))
	}
	m.startFeeds(own, config.CookieCache.Feed, keep)
	return m, nil
}

// reasonsKept is how long ExposeReasons remembers why sessions ended, without a
// cookie cache, which makes it longer.
const reasonsKept = 5 * time.Minute

// Close ends what the Manager does in the background: it follows the revocation
// feed no longer, ends the contexts of Context, and so the streams of SessionEvents,
// and what StartPurge began. It tells CookieCache.Feed and OnEvent what has happened
// so far, for which it waits StoreTimeout at most. If there was a feed, no cookie
// cache is believed from MaxLag later on, and no event is told; all else goes on
// working. Call it before http.Server.Shutdown, which waits for streams. It can be
// called more than once, and at the same time as anything else. It does not close
// the DB.
func (m *Manager) Close() {
	m.closing.Lock()
	m.stop()
	m.closing.Unlock()
	m.background.Wait()
	if m.observer != nil {
		m.unobserve()
	}
	m.events.close(m.storeTimeout)
}

// inBackground does something until Close, and nothing after it.
func (m *Manager) inBackground(do func()) {
	m.closing.Lock()
	defer m.closing.Unlock()
	if m.running.Err() == nil {
		m.background.Go(do)
	}
}

func init() {
	testhook.Forget = func(manager any) { manager.(*Manager).revoked.forget() }
}

// Find reads the session with this token from the store, without renewing it.
// It returns ErrNotFound if there is none or it has expired, and an error that
// wraps ErrStore if the store could not tell.
//
// The token must have been proved by its bearer: Find checks no signature.
func (m *Manager) Find(ctx context.Context, token string) (*Session, error) {
	if !isToken(token) {
		return nil, ErrNotFound
	}
	read, err := m.find(ctx, token)
	if err != nil {
		return nil, err
	}
	return m.session(read.row, read.user, false), nil
}

// find is Find by a token, or by the hash that is stored of one.
func (m *Manager) find(ctx context.Context, token string) (reading, error) {
	now := m.clock()
	read, err := m.read(ctx, token, never, now)
	switch {
	case errors.Is(err, models.ErrNotFound):
		return reading{}, ErrNotFound
	case err != nil:
		return reading{}, fmt.Errorf("%w: %w", ErrStore, err)
	case m.policy.expired(read.row.CreatedAt, read.row.ExpiresAt, now):
		return reading{}, ErrNotFound
	}
	return read, nil
}

// List reads the sessions of a user that are alive, at most 100, by id. An
// error wraps ErrStore.
func (m *Manager) List(ctx context.Context, userID string) ([]*Session, error) {
	rows, _, err := m.list(ctx, userID, m.clock())
	if err != nil {
		return nil, err
	}
	sessions := make([]*Session, len(rows))
	for i, row := range rows {
		sessions[i] = m.session(row, models.User{}, false)
	}
	return sessions, nil
}

// list reads the sessions of a user that are alive. whole says that there are no
// more than those that the store gave.
func (m *Manager) list(ctx context.Context, userID string, now time.Time) (alive []models.Session, whole bool, err error) {
	ctx, cancel := context.WithDeadline(ctx, m.deadline(ctx))
	defer cancel()
	rows, err := m.store.List(ctx, userID, now)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrStore, err)
	}
	whole, alive = len(rows) < mostListed, rows[:0]
	for _, row := range rows { // past MaxLifetime a row is dead, whatever its expiry says
		if !m.policy.expired(row.CreatedAt, row.ExpiresAt, now) {
			alive = append(alive, row)
		}
	}
	return alive, whole, nil
}
