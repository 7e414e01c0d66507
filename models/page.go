package models

import "context"

// mostPaged bounds one page: what a statement reads, and a caller holds, at a time.
const mostPaged = 1000

// Index: primary key. A page is what it reads and no condition thins it out, so
// that none takes long however few sessions its caller is looking for. %s: the
// additional fields.
const pageSQL = `SELECT "id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId"%s ` +
	`FROM "session" WHERE "id" > ? ORDER BY "id" LIMIT ?`

// Page reads the sessions whose ids follow after, in the order of ids, at most
// limit of them: of all users, expired ones included. It is for going through the
// whole table, from "" on and each time from the last id of the page before, until
// a page is empty. A limit of zero or less, or above 1000, means 1000.
//
// It locks nothing. A session that begins, or is replaced by one with another id,
// while its caller goes through the table may be missed.
func (s *Store) Page(ctx context.Context, after string, limit int) ([]Session, error) {
	if limit <= 0 || limit > mostPaged {
		limit = mostPaged
	}
	sessions, err := query(ctx, s, s.sql.page, s.scanSession, after, limit)
	return sessions, s.dialect.wrap(ctx, "page", err)
}
