package ginsession

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/ginsession/ginsession/models"
)

// Revoke ends one session of the given user, named by its handle or its token;
// under HashTokens by its handle, where the session comes from List.
// From the moment Revoke returns nil this process refuses the session. So do
// others without a cookie cache; with one they follow within CookieCache.MaxLag,
// and under CookieCache.NoFeed within MaxAge.
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
	if ended > 0 && m.hasListener() {
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
