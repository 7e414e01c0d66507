package ginsession

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/internal/clientaddr"
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

	succeeded succeeded

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

// KeepPrevious leaves the session that the browser presents alive for this
// sign-in; Config.KeepPreviousSession does so for all.
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
// the error of
// Config.BeforeCreate, one about WithFields, or one that wraps ErrStore. After an
// ErrStore a session may exist whose token nobody knows; it expires.
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

// Revoke ends one session of the given user, named by its handle or its token;
// under HashTokens by its handle, where the session comes from List.
// From the moment Revoke returns nil this process refuses the session; with
// the cookie cache on, other processes follow within CookieCache.MaxAge, or
// CookieCache.MaxLag if there is a feed (models.Schema.Feed).
//
// It returns ErrNotFound if the user has no such session (any more), and an
// error wrapping ErrStore if the store could not answer; the session may then
// still be alive. That ctx ends does not interrupt a revocation under way.
func (m *Manager) Revoke(ctx context.Context, userID, handle string) error {
	return m.revokeNamed(ctx, userID, handle, ending{reason: ReasonApplication})
}

func (m *Manager) revokeNamed(ctx context.Context, userID, handle string, why ending) error {
	ctx = m.bounded(ctx)
	token, err := m.tokenOf(ctx, userID, handle)
	if err != nil {
		return err
	}
	if why.session == "" {
		why = m.endingOf(ctx, token, why.reason, why.by)
	}
	ended, err := m.revoke(ctx, models.Revocation{Token: token, UserID: userID}, why)
	if err != nil {
		return err
	}
	if ended == 0 {
		return ErrNotFound
	}
	return nil
}

// tokenOf turns what names one of the user's sessions into its token. A token
// is taken as it is: whoever uses it checks its owner. A handle is
// looked for among the user's tokens.
func (m *Manager) tokenOf(ctx context.Context, userID, handle string) (string, error) {
	switch {
	case userID == "":
		return "", ErrNotFound
	case isToken(handle):
		return handle, nil
	case !isHandle(handle):
		return "", ErrNotFound
	}
	ctx, cancel := m.storeContext(ctx)
	defer cancel()
	tokens, err := m.store.Tokens(ctx, userID)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrStore, err)
	}
	for _, token := range tokens {
		if m.handles.names(handle, token) {
			return token, nil
		}
	}
	return "", ErrNotFound
}

// RevokeOthers ends all sessions of the user that are alive but one, named by
// its handle or its token, and returns how many. It is one statement: a
// session that is made meanwhile is either ended or younger than the call.
//
// It returns ErrNotFound, having ended nothing, if the user has no session
// keep, and an error wrapping ErrStore as Revoke does.
func (m *Manager) RevokeOthers(ctx context.Context, userID, keep string) (int, error) {
	now := m.clock()
	ctx = m.bounded(ctx)
	token, err := m.tokenOf(ctx, userID, keep)
	if err != nil {
		return 0, err
	}
	kept, err := m.find(ctx, token)
	if err != nil {
		return 0, err
	}
	if kept.row.UserID != userID {
		return 0, ErrNotFound
	}
	return m.revoke(ctx, models.Revocation{UserID: userID, Except: kept.row.ID, Now: now}, ending{reason: ReasonOthers})
}

// RevokeAll ends every session of the user and returns how many. Call it when
// a password or a second factor changes and when a user is disabled or
// deleted. Errors are those of Revoke; having ended none is no error.
func (m *Manager) RevokeAll(ctx context.Context, userID string) (int, error) {
	if userID == "" {
		return 0, ErrNotFound
	}
	return m.revoke(ctx, models.Revocation{UserID: userID, Now: m.clock()}, ending{reason: ReasonApplication})
}

// revoke ends sessions in the store and then in this process. It goes on when
// the caller leaves: a revocation must not depend on a client that waits.
func (m *Manager) revoke(ctx context.Context, r models.Revocation, why ending) (int, error) {
	r.Reason = string(why.reason)
	ended, err := m.revokeStored(ctx, r)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrStore, err)
	}
	m.noteEnd(r, m.clock())
	m.forgetOwn(ctx, r)
	if ended > 0 && m.heeded() {
		m.tell(ctx, Event{Kind: EventRevoked, Reason: why.reason, At: m.clock(), SessionID: why.session, UserID: cmp.Or(r.UserID, why.user), Ended: ended, By: why.by})
	}
	return ended, nil
}

// noteEnd makes this process, and those that CookieCache.Feed reaches, know of
// sessions that ended in the store.
func (m *Manager) noteEnd(r models.Revocation, now time.Time) {
	r.Now = now
	if r.Token != "" {
		r.Token = m.stored(r.Token)
		m.revoked.token(r.Token, now, Reason(r.Reason))
	} else {
		m.revoked.user(r.UserID, r.Except, now, Reason(r.Reason))
	}
	news := r.Revoked()
	m.watches.hear(models.Heard{Revoked: []models.Revoked{news}})
	m.publish(news)
}

func (m *Manager) revokeStored(ctx context.Context, r models.Revocation) (int, error) {
	ctx, cancel := m.storeContext(ctx)
	defer cancel()
	return m.store.Revoke(ctx, r)
}
