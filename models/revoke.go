package models

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Index: token (unique), to which tokenExactly adds.
const (
	revokeTokenSQL = `DELETE FROM "session" WHERE "token" = ?`
	revokeOwnedSQL = `DELETE FROM "session" WHERE "userId" = ? AND "token" = ?`
)

// tokenExactly is MySQL's byte for byte beside "token" = ?, which finds the row
// by index under a collation that ignores case. Alone it would scan the table.
// CONVERT, because equal texts are other bytes in a column of ucs2: the session
// would outlive its revocation.
const tokenExactly = ` AND CAST(CONVERT("token" USING utf8mb4) AS BINARY) = CAST(? AS BINARY)`

// notAfterSQL spares a session that was renewed since it was read as expired.
const notAfterSQL = ` AND "expiresAt" <= ?`

// Index: session_userId_idx. One statement however many rows, so that a session
// that begins meanwhile is either caught or younger than the call. One that
// expires at this very moment can still be renewed at it (touchSQL) and would
// outlive the call: it ends too.
const (
	revokeUserSQL   = `DELETE FROM "session" WHERE "userId" = ?`
	revokeOthersSQL = `DELETE FROM "session" WHERE "userId" = ? AND "id" <> ? AND "expiresAt" >= ?`
)

// Revoke deletes what the revocation names and returns how many sessions that
// were; none is no error. A revocation that names no session, or one that
// contradicts itself, is an error and deletes nothing.
//
// Revoking is safe to repeat, and after an error must be: whether the sessions
// are still there is then not known. If the Schema has a Feed, what ended stands
// there when Revoke returns, in one transaction with the deletion.
func (s *Store) Revoke(ctx context.Context, r Revocation) (int, error) {
	text, args, err := s.revocation("revoke", r)
	if err != nil || text == "" {
		return 0, err
	}
	deleted, err := s.end(ctx, r, text, args)
	if err != nil {
		return 0, s.dialect.wrap(ctx, "revoke", err)
	}
	return deleted, nil
}

// preserveSQL stands in the place of a revocation's DELETE. What has ended
// before keeps the time of its end.
const (
	deleteSQL     = `DELETE FROM "session"`
	preserveSQL   = `UPDATE "session" SET "expiresAt" = ?, "updatedAt" = ?`
	stillAliveSQL = ` AND "expiresAt" > ?`
)

// Preserve does what Revoke does, but keeps the rows: those still alive at now
// expire at now. It is for a Store beside another, which decides who is signed in;
// alone it would let a Touch at that very moment bring the session back.
//
// Better Auth: session.preserveSessionInDatabase.
func (s *Store) Preserve(ctx context.Context, r Revocation, now time.Time) (int, error) {
	if err := s.dialect.storable("preserve", "now", now); err != nil {
		return 0, err
	}
	text, args, err := s.revocation("preserve", r)
	if err != nil || text == "" {
		return 0, err
	}
	at := s.dialect.bind(now)
	text = s.sql.preserve + strings.TrimPrefix(text, s.sql.delete) + s.sql.stillAlive
	ended, err := s.end(ctx, r, text, append(append([]any{at, at}, args...), at))
	if err != nil {
		return 0, s.dialect.wrap(ctx, "preserve", err)
	}
	return ended, nil
}

// revocation is the DELETE of a revocation, or "" if no session can be meant.
func (s *Store) revocation(op string, r Revocation) (text string, args []any, err error) {
	user, possible := s.userID(r.UserID)
	switch {
	case r.Except != "" && r.UserID == "":
		return "", nil, badValue(op, "Except without UserID")
	case r.Except != "" && r.Token != "":
		return "", nil, badValue(op, "Except together with Token")
	case len(r.Reason) > mostReason:
		return "", nil, badValue(op, "Reason is longer than 64 bytes")
	case r.Except != "":
		if err := meaningful(op, "Now", r.Now); err != nil {
			return "", nil, err
		}
		text, args = s.sql.revokeOthers, []any{user, r.Except, s.dialect.bind(r.Now)}
	case r.Token != "" && !possibleToken(r.Token):
		return "", nil, nil
	case r.Token != "" && r.UserID != "":
		text, args = s.sql.revokeOwned, []any{user, r.Token}
	case r.Token != "":
		text, args = s.sql.revokeToken, []any{r.Token}
	case r.UserID != "":
		text, args = s.sql.revokeUser, []any{user}
	default:
		return "", nil, badValue(op, "names no session")
	}
	if r.UserID != "" && !possible {
		return "", nil, nil
	}
	if r.Token != "" && s.dialect == mariadb {
		args = append(args, r.Token) // of tokenExactly
	}
	if r.Token != "" && !r.NotAfter.IsZero() {
		text, args = text+s.sql.notAfter, append(args, s.dialect.bind(r.NotAfter))
	}
	return text, args, nil
}

// end runs a statement that ends sessions and, if the schema has a feed, writes
// the line of what it ended, both or neither: last, because the line's time must
// not be much older than its commit. Its error is the driver's and must not leave
// the package.
func (s *Store) end(ctx context.Context, r Revocation, text string, args []any) (int, error) {
	if !s.schema.Feed || r.Token != "" && !r.NotAfter.IsZero() { // what has expired no copy outlives
		return s.exec(ctx, text, args...)
	}
	var options []*sql.TxOptions
	if s.dialect == mariadb {
		options = append(options, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	}
	deleted := 0
	err := s.retry(ctx, false, func() error {
		return s.transaction(ctx, func(tx *gorm.DB) error {
			result := tx.Exec(text, args...)
			if result.Error != nil {
				return result.Error
			}
			deleted = int(result.RowsAffected)
			if r.Token != "" && deleted == 0 { // whoever deleted it has said so; strangers' tokens fill no feed
				return nil
			}
			return tx.Exec(s.sql.feedWrite, feedArgs(r.Revoked())...).Error
		}, options...)
	})
	return deleted, err
}

// purgeBatch bounds what one statement deletes: Galera and Vitess refuse more,
// and sign-ins wait for as long as it runs.
const purgeBatch = 500

// Index: session_expiresAt_idx. A plain read locks nothing.
const expiredSQL = `SELECT "id" FROM "session" WHERE "expiresAt" < ? ORDER BY "expiresAt" LIMIT ?`

// Index: primary key. The condition is repeated: a session renewed between the
// two statements lives.
const (
	purgeSQL       = `DELETE FROM "session" WHERE "id" IN `
	purgeBeforeSQL = ` AND "expiresAt" < ?`
)

// Purge deletes at most limit sessions that expired before the given time, the
// oldest first, and returns how many it deleted. It does one batch of at most
// 500, which is also what a limit of zero or less means; call it again, after a
// pause, while it deletes as many.
//
// Let before lie some minutes in the past, so that a clock that runs ahead
// signs nobody out.
func (s *Store) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := meaningful("purge", "before", before); err != nil {
		return 0, err
	}
	if limit <= 0 || limit > purgeBatch {
		limit = purgeBatch
	}
	ids, err := query(ctx, s, s.sql.expired, scanText, s.dialect.bind(before), limit)
	if err != nil || len(ids) == 0 {
		return 0, s.dialect.wrap(ctx, "purge", err)
	}
	slices.Sort(ids) // two purges at once take the rows in the same order
	args := make([]any, 0, len(ids)+1)
	for _, id := range ids {
		args = append(args, id)
	}
	args = append(args, s.dialect.bind(before))
	deleted, err := s.exec(ctx, s.sql.purge+marks(len(ids))+s.sql.purgeBefore, args...)
	if err != nil {
		return 0, s.dialect.wrap(ctx, "purge", err)
	}
	return deleted, nil
}
