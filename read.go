package ginsession

import (
	"context"
	"errors"
	"time"

	"github.com/ginsession/ginsession/internal/detached"
	"github.com/ginsession/ginsession/models"
)

// A reading is what the store says of one token.
type reading struct {
	at    time.Time // before the store was asked, perhaps by somebody else
	began time.Time // the same moment, by the monotonic clock
	row   models.Session
	user  models.User
	slid  bool // this reading, or one beside it, moved the expiry
	gone  bool // the row vanished when it was to be renewed

	shared bool // it, or what went wrong with it, is the answer to somebody else's question
}

// A renewal says when reading renews.
type renewal byte

const (
	never renewal = iota
	whenDue
	// unlessShort: when due, but for don't-remember sessions. Their marker is a
	// cookie, which clients that send a header do not have; they are told by
	// their short life. Better Auth gives them a new session's life.
	unlessShort
)

// allows reports whether a session may be renewed.
func (r renewal) allows(row models.Session) bool {
	return r == whenDue || r == unlessShort && row.ExpiresAt.Sub(row.CreatedAt) > dontRememberFor
}

// read asks the store, renewing the session if it is due and renew allows it.
// Concurrent reads of one token share one answer, unless it was asked for more
// than MaxLag before: a process that was stopped, or whose store is slow, may be
// waiting for one from before a revocation elsewhere. For a client who has left
// already nothing is read, and for one who leaves meanwhile nothing is renewed.
func (m *Manager) read(ctx context.Context, token string, renew renewal, now time.Time) (reading, error) {
	if err := ctx.Err(); err != nil {
		return reading{}, err
	}
	asked := time.Now()
	key := flightKey{m.revoked.epoch.Load(), renew, token}
	flight, isNew := m.flights.join(ctx, key, m.storeTimeout)
	switch {
	case isNew && m.keepsDeadlines:
		m.fly(ctx, key, flight, now)
	case isNew:
		go m.fly(ctx, key, flight, now)
	}
	if err := flight.wait(ctx, m.deadline(ctx)); err != nil {
		return reading{shared: !isNew}, err
	}
	if asked.Sub(flight.reading.began) > m.cache.maxLag { // it may know less than is promised; the next begins after this one
		return m.read(ctx, token, renew, now)
	}
	read := flight.reading
	read.shared = !isNew
	return read, nil
}

// fly makes a flight, for the client who was the first to ask.
func (m *Manager) fly(client context.Context, key flightKey, one *flight, now time.Time) {
	defer m.flights.landed(key, one)
	defer func() { _ = recover() }() // of a foreign Store; the process must not die of it
	one.reading, one.err = m.readNow(one.ctx, client, key.token, key.renew, now)
}

func (m *Manager) readNow(ctx, client context.Context, token string, renew renewal, now time.Time) (reading, error) {
	r := reading{at: now, began: time.Now()}
	var err error
	if r.row, r.user, err = m.store.Find(ctx, token); err != nil {
		return reading{}, err
	}
	if !sameToken(r.row.Token, token) {
		return reading{}, models.ErrNotFound // the collation of a column is no equality of secrets
	}
	if !renew.allows(r.row) || m.policy.expired(r.row.CreatedAt, r.row.ExpiresAt, now) || !m.policy.due(r.row.CreatedAt, r.row.ExpiresAt, now) {
		return r, nil
	}
	if client.Err() != nil {
		return r, nil
	}
	// Half of the time that is left: a renewal that stalls, on a row that somebody
	// has locked, must leave those who wait the time to hear of the load.
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	touched, err := m.store.Touch(ctx, r.row, m.policy.expiry(r.row.CreatedAt, now), now)
	switch {
	case errors.Is(err, models.ErrNotFound):
		r.gone = true
	case err != nil: // a load that succeeded is not undone by a renewal that failed
		m.logger.Warn("ginsession: a session could not be renewed", "sessionId", r.row.ID, "error", err)
	default:
		r.slid = touched.ExpiresAt.After(r.row.ExpiresAt)
		r.row = touched
		if r.slid {
			m.happened(client, EventRefreshed, touched)
		}
	}
	return r, nil
}

// storeContext is for work that must not end when the client leaves: it keeps
// the values of ctx, drops its cancellation and has a deadline of our own.
func (m *Manager) storeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithDeadline(detached.From(ctx), m.deadline(ctx))
}

// A boundedContext gives all calls of the store under it one deadline. It is not the
// context's own, because storeContext drops that of the client.
type boundedContext struct {
	context.Context
	deadline time.Time
}

// boundedKey is the key of the boundedContext itself.
type boundedKey struct{}

func (b *boundedContext) Value(key any) any {
	if key == (boundedKey{}) {
		return b
	}
	return b.Context.Value(key)
}

// bounded makes sure that ctx has a deadline for the store: an answer that needs
// three calls of it must not take three times Config.StoreTimeout.
func (m *Manager) bounded(ctx context.Context) context.Context {
	if _, ok := ctx.Value(boundedKey{}).(*boundedContext); ok {
		return ctx
	}
	return &boundedContext{ctx, time.Now().Add(m.storeTimeout)}
}

// deadline is that of a call of the store which begins now.
func (m *Manager) deadline(ctx context.Context) time.Time {
	deadline := time.Now().Add(m.storeTimeout)
	if all, ok := ctx.Value(boundedKey{}).(*boundedContext); ok && all.deadline.Before(deadline) {
		return all.deadline
	}
	return deadline
}
