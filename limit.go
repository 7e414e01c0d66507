package ginsession

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ginsession/ginsession/models"
)

// mostSessions bounds Config.MaxSessionsPerUser: a list of a user's sessions has
// at most twice as many.
const mostSessions = 50

// Sessions of one user stand in the order of their beginnings; the id decides
// between those of one millisecond. Every node sees the same order, so that
// sign-ins at the same time agree on who is one too many, without a lock.
func older(a, b models.Session) int {
	if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// counted reads the sessions of a new session's user that count towards the
// limit, the oldest first: those that end with this sign-in anyway do not. whole
// is false if there may be more.
func (m *Manager) counted(ctx context.Context, made models.Session, ending []proved) (rows []models.Session, whole bool, err error) {
	rows, whole, err = m.list(ctx, made.UserID, m.clock())
	rows = slices.DeleteFunc(rows, func(row models.Session) bool {
		return slices.ContainsFunc(ending, func(t proved) bool { return m.stored(t.token) == row.Token })
	})
	slices.SortFunc(rows, older)
	return rows, whole, err
}

// admit refuses a new session that is one too many, if that is what
// Config.RejectOverLimit says, and deletes it. Of several at the same time those
// that began first stay, and wait for the others to go. Some of those may have
// been admitted before they were seen, and do not go; then the younger of those
// who wait give up before the older.
func (m *Manager) admit(ctx context.Context, made models.Session, ending []proved) error {
	if m.maxSessions == 0 || !m.rejectOverLimit {
		return nil
	}
	began := time.Now()
	patience := time.Until(m.deadline(ctx)) / 2
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		rows, _, err := m.counted(ctx, made, ending)
		if err == nil && len(rows) <= m.maxSessions {
			return nil
		}
		at := slices.IndexFunc(rows, func(row models.Session) bool { return row.ID == made.ID })
		waits := patience * time.Duration(m.maxSessions-at) / time.Duration(m.maxSessions)
		if err == nil && at >= 0 && at < m.maxSessions && time.Since(began) < waits {
			time.Sleep(pause)
			continue
		}
		m.undo(ctx, made)
		if err != nil {
			return err
		}
		m.rejected(ctx, ReasonLimit, "", made.UserID)
		return ErrTooManySessions
	}
}

// undo deletes a session whose token nobody has got.
func (m *Manager) undo(ctx context.Context, made models.Session) {
	if _, err := m.revokeStored(ctx, models.Revocation{Token: made.Token}); err != nil {
		m.logger.Warn("ginsession: a session whose sign-in failed could not be deleted; nobody holds its token", "sessionId", made.ID, "error", err)
	}
}

// evict ends the user's oldest sessions beyond the limit. That it may fail does
// not undo the sign-in; the next one tries again. Nor does it end the session that
// was just made because other nodes' clocks are ahead: then there is one too many
// until the next sign-in.
func (m *Manager) evict(ctx context.Context, made models.Session, ends []proved) {
	if m.maxSessions == 0 || m.rejectOverLimit {
		return
	}
	for {
		rows, whole, err := m.counted(ctx, made, ends)
		for len(rows) > m.maxSessions && err == nil {
			if rows[0].ID == made.ID && rows[1].CreatedAt.Sub(made.CreatedAt) > time.Second {
				break
			}
			_, err = m.revoke(ctx, models.Revocation{Token: rows[0].Token, UserID: rows[0].UserID}, ending{ReasonLimit, made.ID, rows[0].ID, rows[0].UserID})
			rows = rows[1:]
		}
		if err != nil {
			m.logger.Warn("ginsession: the oldest sessions of a user could not be ended at a sign-in", "sessionId", made.ID, "error", err)
		}
		if whole || err != nil {
			return
		}
	}
}
