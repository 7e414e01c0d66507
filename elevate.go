package ginsession

import (
	"errors"
	"fmt"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/models"
)

// freshAt is the field that Elevate writes; see models.FreshAt.
var freshAt = models.FreshAt()

// Elevate makes the session of the request fresh again: RequireFresh lets it pass
// for another Config.FreshAge. Call it when the user has just proved who they are
// once more, with a password, a passkey or another factor. It stays the same
// session with the same cookies, and no renewal makes it fresh any more than
// before. A Better Auth server beside this one knows nothing of it.
//
// It needs the field models.FreshAt in Config.Schema and returns an error
// without. Otherwise it returns the session as it stands, ErrNoSession if there is
// none (any more), or an error that wraps ErrStore.
func (m *Manager) Elevate(c *gin.Context) (*Session, error) {
	if !m.elevates {
		return nil, errors.New("ginsession: Elevate: declare models.FreshAt() among Config.Schema.Session.Fields, and call Migrate of the same Schema")
	}
	ctx := m.bounded(c.Request.Context())
	p := m.present(c.Request)
	o := m.loadToChange(ctx, c, &p, how{noRefresh: true})
	if o.err != nil {
		return nil, o.err
	}
	now := m.clock()
	storing, cancel := m.storeContext(ctx)
	defer cancel()
	row, err := m.store.Update(storing, o.row, map[string]any{freshAt.Name: now}, now)
	switch {
	case errors.Is(err, models.ErrNotFound):
		m.know(c, loaded{err: ErrNoSession})
		return nil, ErrNoSession
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	m.happened(ctx, EventElevated, row)
	session := m.session(row, o.user, false)
	m.know(c, loaded{session: session})
	return session, nil
}

// fresh reports whether a session with these fields, as the store has them, was
// created or elevated recently enough for sensitive work.
func (m *Manager) fresh(createdAt time.Time, fields map[string]any, now time.Time) bool {
	if m.policy.fresh(createdAt, now) {
		return true
	}
	at, ok := fields[freshAt.Name].(time.Time)
	return m.elevates && ok && m.policy.fresh(at, now)
}

// checkFreshAt refuses a field of that name that clients could write, or that is
// something else.
func checkFreshAt(f *faults, fields []models.Field) (declared bool) {
	for _, field := range fields {
		if field.Name == freshAt.Name {
			declared = true
			if field.Type != freshAt.Type || field.Input || field.Returned || field.Default != nil {
				f.add("Schema.Session.Fields has a field freshAt of its own making: that name is Elevate's; use models.FreshAt(), or another name")
			}
		}
	}
	return declared
}
