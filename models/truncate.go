package models

import (
	"context"
	"strings"
	"time"

	"github.com/ginsession/ginsession/internal/clientaddr"
)

// truncateBatch bounds what one call reads, and so what one statement writes.
const truncateBatch = 500

// Index: primary key. Nothing else of a row changes, its expiry included, which MySQL
// would renew by itself where the column is so declared. The WHENs and the ids follow.
const (
	truncateSQL   = `UPDATE "session" SET "expiresAt" = "expiresAt", "updatedAt" = "updatedAt", "ipAddress" = CASE "id"`
	truncateOfSQL = ` ELSE "ipAddress" END WHERE "id" IN `
)

// TruncateAddresses cuts the IP addresses of sessions that were created before a
// moment to the networks they are from: an IPv4 address to its first 24 bits, an IPv6
// address to its first 48, all other bits zero. What is no address becomes empty.
//
// One call looks at the 500 sessions whose ids follow after, in the order of ids, and
// returns where the next goes on, "" after the last, and how many it changed. From ""
// on a caller goes through the whole table; between two calls nothing is locked. A
// session keeps its expiry and its updatedAt.
func (s *Store) TruncateAddresses(ctx context.Context, before time.Time, after string) (next string, truncated int, err error) {
	if err := meaningful("truncate addresses", "before", before); err != nil {
		return "", 0, err
	}
	page, err := s.Page(ctx, after, truncateBatch)
	if err != nil || len(page) == 0 {
		return "", 0, err
	}
	var whens strings.Builder
	var args, ids []any
	for _, session := range page {
		if session.IPAddress == nil || !session.CreatedAt.Before(before) {
			continue
		}
		if network := clientaddr.Network(*session.IPAddress); network != *session.IPAddress {
			whens.WriteString(" WHEN ? THEN ?")
			args = append(args, session.ID, network)
			ids = append(ids, session.ID)
		}
	}
	if len(ids) > 0 {
		if truncated, err = s.exec(ctx, s.sql.truncate+whens.String()+s.sql.truncateOf+marks(len(ids)), append(args, ids...)...); err != nil {
			return "", 0, s.dialect.wrap(ctx, "truncate addresses", err)
		}
	}
	return page[len(page)-1].ID, truncated, nil
}
