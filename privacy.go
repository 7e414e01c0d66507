package ginsession

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ginsession/ginsession/models"
)

// Export returns all that is stored of a user's sessions, for people who ask for it
// (GDPR, articles 15 and 20): a JSON array with an object for each session, the oldest
// first, and sessions that have expired and are still there among them. It holds
// every field, those that JSON of the routes does not show too, but neither token nor
// handle: the file may be sent around, and opens nothing. Times are as in the routes.
//
// RevokeAll is how to erase a user's sessions: it deletes them.
//
// Without sessions it returns an empty array. An error wraps ErrStore.
func (m *Manager) Export(ctx context.Context, userID string) ([]byte, error) {
	rows, err := m.allOf(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	sessions := make([]exported, len(rows))
	for i, row := range rows {
		sessions[i] = exported{
			ID: row.ID, UserID: row.UserID,
			CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, ExpiresAt: row.ExpiresAt,
			IPAddress: row.IPAddress, UserAgent: row.UserAgent, Fields: row.Fields,
		}
	}
	return json.MarshalIndent(sessions, "", "\t")
}

// exported is what is stored of a session but its token.
type exported struct {
	ID        string         `json:"id"`
	UserID    string         `json:"userId"`
	CreatedAt time.Time      `json:"createdAt"`
	UpdatedAt time.Time      `json:"updatedAt"`
	ExpiresAt time.Time      `json:"expiresAt"`
	IPAddress *string        `json:"ipAddress"`
	UserAgent *string        `json:"userAgent"`
	Fields    map[string]any `json:"fields,omitempty"`
}

// allOf reads all sessions of a user, oldest first.
func (m *Manager) allOf(ctx context.Context, userID string) ([]models.Session, error) {
	if userID == "" {
		return nil, nil
	}
	reading, cancel := context.WithTimeout(ctx, m.storeTimeout)
	tokens, err := m.store.Tokens(reading, userID)
	cancel()
	if err != nil {
		return nil, err
	}
	var rows []models.Session
	for some := range slices.Chunk(tokens, mostFound) {
		reading, cancel := context.WithTimeout(ctx, m.storeTimeout)
		found, err := m.store.FindMany(reading, some)
		cancel()
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if f.Session.UserID == userID {
				rows = append(rows, f.Session)
			}
		}
	}
	slices.SortFunc(rows, func(a, b models.Session) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return rows, nil
}

// A truncater is a Store that can do what models.Store's TruncateAddresses does.
type truncater interface {
	TruncateAddresses(ctx context.Context, before time.Time, after string) (next string, truncated int, err error)
}

// TruncateAddresses cuts the stored IP addresses of sessions that are older than
// Config.TruncateAddressesAfter to their networks (IPv4 to 24 bits, IPv6 to 48), and
// returns how many, also beside an error. It goes through the whole table by its
// primary key, 500 rows at a time, and stops when ctx ends. StartPurge calls it once a
// day; call it yourself if you purge by yourself.
//
// A cookie cache holds the address that it was made with until it is made anew.
//
// It returns an error if Config.TruncateAddressesAfter is not set, and one that wraps
// ErrStore if the store fails.
func (m *Manager) TruncateAddresses(ctx context.Context) (int, error) {
	if m.addressAge == 0 {
		return 0, errors.New("ginsession: TruncateAddresses: Config.TruncateAddressesAfter is not set: say after which time")
	}
	total := 0
	before := m.clock().Add(-m.addressAge)
	for after := ""; ; {
		page, cancel := context.WithTimeout(ctx, m.storeTimeout)
		next, n, err := m.addresses.TruncateAddresses(page, before, after)
		cancel()
		total += n
		if err != nil {
			return total, fmt.Errorf("%w: %w", ErrStore, err)
		}
		if next == "" {
			return total, nil
		}
		after = next
		select { // let others have their turn
		case <-ctx.Done():
			return total, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}
