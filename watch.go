package ginsession

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/models"
)

// Context is the request's context for work that must not outlive its session: a
// WebSocket, a stream of server-sent events, a long export. It ends with the
// request, and when the session is revoked by any process or expires; then
// context.Cause gives an *EndedError with the reason. A session that is renewed
// meanwhile goes on; one whose token is rotated ends, since its client has another
// one now.
//
// What this process ends it hears of at once, the rest from the revocation feed if
// there is one, within CookieCache.MaxLag. Without a feed that this process
// follows, and while the feed is silent, the store is asked for all such sessions
// twice in MaxLag, a hundred in a query. If it does not answer for MaxLag and
// StoreTimeout, the context ends with an error that wraps ErrStore, and the client
// may come again. It also ends with Close.
//
// The store is asked soon after the call, so that a cookie cache vouches for no
// longer than that; if the session has gone, no copy of it is believed here any
// more. Without a session the context has ended already, with the error of Load as
// its cause.
func (m *Manager) Context(c *gin.Context) context.Context {
	ctx, end := context.WithCancelCause(c.Request.Context())
	session, err := m.Load(c)
	if err != nil {
		end(err)
		return ctx
	}
	w := &watch{
		token: session.Token.raw,
		hash:  sha256.Sum256([]byte(m.stored(session.Token.raw))),
		row:   models.Session{ID: session.ID, UserID: session.UserID, CreatedAt: session.CreatedAt, ExpiresAt: session.ExpiresAt},
		end:   end, confirmed: time.Now(), doubted: true,
	}
	m.watching.Do(func() { m.inBackground(func() { m.watch(m.running) }) })
	m.watches.add(w)
	context.AfterFunc(ctx, func() { m.watches.remove(w) })
	if m.running.Err() != nil { // nobody may be watching any more
		end(errClosed)
	}
	return ctx
}

var errClosed = errors.New("ginsession: the Manager is closed")

// A watch is work that must end with its session.
type watch struct {
	token string
	hash  [sha256.Size]byte // of the token as it is stored
	end   context.CancelCauseFunc

	// What follows is guarded by watches.mu.
	row       models.Session // as it was last read; id, userId and times
	confirmed time.Time      // when the store, or a feed that is heard, last agreed
	doubted   bool           // the store is to be asked
	reason    Reason         // what was said when the doubt arose
}

// watches are those of one process. The zero value has none.
type watches struct {
	mu   sync.Mutex
	all  map[*watch]struct{}
	wake chan struct{} // somebody is in doubt
}

func newWatches() *watches {
	return &watches{all: map[*watch]struct{}{}, wake: make(chan struct{}, 1)}
}

func (ws *watches) add(w *watch) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.all[w] = struct{}{}
	ws.rouse()
}

func (ws *watches) remove(w *watch) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	delete(ws.all, w)
}

func (ws *watches) rouse() {
	select {
	case ws.wake <- struct{}{}:
	default:
	}
}

// hear brings those into doubt whose sessions may have ended.
func (ws *watches) hear(heard models.Heard) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if len(ws.all) == 0 || len(heard.Revoked) == 0 && !heard.Overflow {
		return
	}
	tokens, users := map[[sha256.Size]byte]Reason{}, map[string][]models.Revoked{}
	for _, r := range heard.Revoked {
		if r.UserID != "" {
			users[r.UserID] = append(users[r.UserID], r)
		} else if tokens[r.TokenSHA256] == "" {
			tokens[r.TokenSHA256] = Reason(r.Reason)
		}
	}
	for w := range ws.all {
		reason, doubted := tokens[w.hash]
		for _, r := range users[w.row.UserID] {
			if (revokedUser{at: r.At.UnixMilli(), except: r.Except}).ends(w.row.ID, w.row.CreatedAt) {
				reason, doubted = Reason(r.Reason), true
			}
		}
		if doubted || heard.Overflow {
			w.doubted, w.reason = true, reason
			ws.rouse()
		}
	}
}

// due takes those out of whom the store is to be asked, and the doubt with them. To
// the others the feed has agreed, if all are heard of.
func (ws *watches) due(asks func(*watch) bool, heardOf bool) []*watch {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	var due []*watch
	for w := range ws.all {
		switch {
		case asks(w):
			w.doubted = false
			due = append(due, w)
		case heardOf:
			w.confirmed = time.Now()
		}
	}
	return due
}

// watch keeps all watches until ctx ends, and ends them then.
func (m *Manager) watch(ctx context.Context) {
	tick := time.NewTicker(m.cache.maxLag / 2)
	defer tick.Stop()
	for every := false; ; {
		m.confirm(ctx, every)
		select {
		case <-tick.C:
			every = true
		case <-m.watches.wake:
			every = false
		case <-ctx.Done():
			for _, w := range m.watches.due(func(*watch) bool { return true }, false) {
				w.end(errClosed)
			}
			return
		}
	}
}

// confirm asks the store about the sessions that are in doubt: those that somebody
// may have ended, those that would have expired, and, if every, all where no feed
// would tell.
func (m *Manager) confirm(ctx context.Context, every bool) {
	now := m.clock()
	blind := m.revoked.maxLag == 0 || m.revoked.lags(time.Now())
	due := m.watches.due(func(w *watch) bool {
		return w.doubted || blind && every || m.policy.expired(w.row.CreatedAt, w.row.ExpiresAt, now)
	}, !blind)
	for batch := range slices.Chunk(due, mostFound) {
		m.confirmSome(ctx, batch, now)
	}
}

func (m *Manager) confirmSome(ctx context.Context, batch []*watch, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, m.storeTimeout)
	defer cancel()
	var tokens []string
	for _, w := range batch {
		if !slices.Contains(tokens, w.token) {
			tokens = append(tokens, w.token)
		}
	}
	asked := time.Now()
	found, err := m.askedAgain(ctx, tokens)
	m.watches.mu.Lock()
	defer m.watches.mu.Unlock()
	for _, w := range batch {
		if err != nil {
			w.doubted = true
			if time.Since(w.confirmed) > m.cache.maxLag+m.storeTimeout {
				w.end(fmt.Errorf("%w: %w", ErrStore, err))
			}
			continue
		}
		i := slices.IndexFunc(found, func(f models.Found) bool { return sameToken(f.Session.Token, w.token) })
		if i >= 0 {
			w.row.CreatedAt, w.row.ExpiresAt = found[i].Session.CreatedAt, found[i].Session.ExpiresAt
		}
		switch expired := m.policy.expired(w.row.CreatedAt, w.row.ExpiresAt, now); {
		case expired:
			w.end(&EndedError{m.policy.ended(w.row.ExpiresAt, now)})
		case i < 0:
			why := cmp.Or(w.reason, m.revoked.why(w.hash, w.row), ReasonElsewhere)
			m.revoked.token(m.stored(w.token), now, why) // a client that comes again does so with its copy
			w.end(&EndedError{why})
		default:
			w.confirmed, w.reason = asked, ""
		}
	}
}

// askedAgain is Store.FindMany, from a goroutine that must not die of a foreign Store.
func (m *Manager) askedAgain(ctx context.Context, tokens []string) (found []models.Found, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("the store panicked")
		}
	}()
	return m.store.FindMany(ctx, tokens)
}
