package models

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// A Revoked says that sessions ended before they expired: the one whose token has
// the hash TokenSHA256, or, with UserID set, those of the user that had begun by
// At, but for the one with the id Except, if any.
type Revoked struct {
	TokenSHA256 [sha256.Size]byte
	UserID      string
	Except      string
	At          time.Time // by the database's clock
	// Reason is why, in a few words; "" is not known.
	Reason string
}

// mostReason bounds a reason, in bytes.
const mostReason = 64

// Heard is what a feed tells at one time.
type Heard struct {
	// Revoked is what was not told before; repeats are harmless.
	Revoked []Revoked
	// Overflow says that there was more than is told: any session may have ended.
	Overflow bool
	// AsOf is a moment of time.Now before the feed was asked: all that had been
	// committed by then has been told.
	AsOf time.Time
}

// A Feed is the table in which a Store of a Schema with Feed writes down every
// session that it ends, in the transaction that ends it. It is read by a window
// of time, on the database's clock, and never by a cursor: numbers and times are
// given before a transaction commits, so that lines become visible out of order.
//
// A Feed is safe for concurrent use.
type Feed struct{ store *Store }

// Feed returns the Store's feed, or nil if its Schema has none.
func (s *Store) Feed() *Feed {
	if !s.schema.Feed {
		return nil
	}
	return &Feed{s}
}

const (
	// feedWindow is how far each reading looks back, which is longer than any
	// transaction takes between its line and its commit.
	feedWindow = 30 * time.Second
	// feedKept is how long lines are kept: longer than any cookie cache lives.
	feedKept = 2 * time.Hour
	// feedSweep is how often a follower drops old lines.
	feedSweep = time.Minute
	// feedMost bounds how many lines one reading takes in.
	feedMost = 100_000
	// feedBatch bounds how many lines one query reads.
	feedBatch = 1000
	// feedPatience bounds one reading.
	feedPatience = 10 * time.Second
)

// Follow reads the feed until ctx ends or the database fails: first the lines of
// the last since, then, at intervals of every, which must be positive, those that
// it has not told yet. It calls hear for every reading, new lines or not, from the
// goroutine that called Follow. Once a minute it drops lines older than two hours.
//
// Follow returns the cause of ctx's end, or an *Error; following again tells
// everything again.
func (f *Feed) Follow(ctx context.Context, since, every time.Duration, hear func(Heard)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	swept := make(chan struct{})
	go func() { // beside the readings, which must neither wait for it nor fail with it
		defer close(swept)
		f.sweep(ctx)
	}()
	cancel(f.listen(ctx, since, every, hear)) // the first to end ctx is its cause
	<-swept
	return context.Cause(ctx)
}

func (f *Feed) listen(ctx context.Context, since, every time.Duration, hear func(Heard)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var told map[any]bool // the lines of the last reading
	last := time.Now().Add(feedWindow - since)
	for ctx.Err() == nil {
		asOf := time.Now()
		// A process that was stopped for a while looks back as far.
		ids, err := f.ids(ctx, f.store.sql.feedNew, asOf.Sub(last)+feedWindow, feedMost+1)
		if err != nil {
			return err
		}
		read, unknown := make(map[any]bool, len(ids)), ids[:0]
		for _, id := range ids {
			if read[id] = true; !told[id] {
				unknown = append(unknown, id)
			}
		}
		heard := Heard{AsOf: asOf, Overflow: len(ids) > feedMost}
		for some := range slices.Chunk(unknown, feedBatch) {
			lines, err := f.lines(ctx, some)
			if err != nil {
				return err
			}
			heard.Revoked = append(heard.Revoked, lines...)
		}
		told, last = read, asOf
		hear(heard)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return context.Cause(ctx)
}

// ids reads those of the lines before or after a moment that is so long ago.
func (f *Feed) ids(ctx context.Context, text string, ago time.Duration, most int) ([]any, error) {
	ctx, cancel := context.WithTimeout(ctx, feedPatience)
	defer cancel()
	ids, err := query(ctx, f.store, text, func(rows *row, id *any) error {
		var n int64
		err := rows.Scan(&n)
		*id = n
		return err
	}, f.store.interval(ago), most)
	return ids, f.store.dialect.wrap(ctx, "feed", err)
}

// lines reads some.
func (f *Feed) lines(ctx context.Context, ids []any) ([]Revoked, error) {
	ctx, cancel := context.WithTimeout(ctx, feedPatience)
	defer cancel()
	lines, err := query(ctx, f.store, f.store.sql.feedRead+marks(len(ids)), func(rows *row, line *Revoked) error {
		var token []byte
		var user, except, reason textOrEmpty
		var at instant
		if err := rows.Scan(&at, &token, &user, &except, &reason); err != nil {
			return err
		}
		if user == "" && len(token) != sha256.Size {
			return errUnreadable
		}
		*line = Revoked{At: time.Time(at), UserID: string(user), Except: string(except), Reason: string(reason)}
		copy(line.TokenSHA256[:], token)
		return nil
	}, ids...)
	return lines, f.store.dialect.wrap(ctx, "feed", err)
}

// sweep drops lines that no cookie cache can be older than, until ctx ends. If that
// fails, which GORM's logger is told, the next turn tries again.
func (f *Feed) sweep(ctx context.Context) {
	for {
		wait := feedSweep
		if n, err := f.sweepBatch(ctx); err == nil && n > 0 { // let others have their turn
			wait = 10 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// sweepBatch drops some. It reads them first, which locks nothing, for the same
// reason as Purge: a line not yet committed must hold up nobody.
func (f *Feed) sweepBatch(ctx context.Context) (int, error) {
	ids, err := f.ids(ctx, f.store.sql.feedOld, feedKept, purgeBatch)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, feedPatience)
	defer cancel()
	_, err = f.store.exec(ctx, f.store.sql.feedDrop+marks(len(ids)), ids...)
	return len(ids), f.store.dialect.wrap(ctx, "feed", err)
}

// interval is a duration as the texts below want it.
func (s *Store) interval(d time.Duration) any {
	if s.dialect == sqlite {
		return fmt.Sprintf("-%.3f seconds", d.Seconds())
	}
	return d.Microseconds()
}

// feedTable is the feed's table.
func (s Schema) feedTable() string { return s.Session.Name + "_revocation" }

// The time of a line is that of its writing and not, as NOW would be in a
// trigger, that of the statement's start: a DELETE may have waited for a lock. A
// reading's NOW is the earlier one, and lets it use the index.
//
// Index: at, which holds the id as well; of feedReadAny and feedDropAny the primary
// key. Each reading looks at a window anew, and so at little of it: what it has not
// read yet. %[1]s: the table.
const (
	feedWriteMySQL = `INSERT INTO %[1]s (at, tokenHash, userId, exceptId, reason) VALUES (SYSDATE(3), ?, ?, ?, ?)`
	feedNewMySQL   = `SELECT id FROM %[1]s WHERE at > NOW(3) - INTERVAL ? MICROSECOND ORDER BY at DESC LIMIT ?`
	feedOldMySQL   = `SELECT id FROM %[1]s WHERE at < NOW(3) - INTERVAL ? MICROSECOND ORDER BY at LIMIT ?`

	feedWriteSQLite = `INSERT INTO %[1]s (at, tokenHash, userId, exceptId, reason) VALUES (strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now'), ?, ?, ?, ?)`
	feedNewSQLite   = `SELECT id FROM %[1]s WHERE at > strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now', ?) ORDER BY at DESC LIMIT ?`
	feedOldSQLite   = `SELECT id FROM %[1]s WHERE at < strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now', ?) ORDER BY at LIMIT ?`

	feedReadAny = `SELECT at, tokenHash, userId, exceptId, reason FROM %[1]s WHERE id IN `
	feedDropAny = `DELETE FROM %[1]s WHERE id IN `
)

// The id orders nothing; clusters want a primary key. The time is an instant,
// whatever zone a connection that fires a trigger has.
const (
	feedTableMySQL = "CREATE TABLE IF NOT EXISTS %[1]s (\n" +
		"  `id` bigint NOT NULL AUTO_INCREMENT,\n" +
		"  `at` timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),\n" +
		"  `tokenHash` binary(32) NULL,\n" +
		"  `userId` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,\n" +
		"  `exceptId` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,\n" +
		"  `reason` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,\n" +
		"  PRIMARY KEY (`id`),\n" +
		"  KEY `at` (`at`)\n" +
		") ENGINE=InnoDB"
	feedTableSQLite = `CREATE TABLE IF NOT EXISTS %[1]s (
  "id" integer PRIMARY KEY,
  "at" date NOT NULL,
  "tokenHash" blob,
  "userId" text,
  "exceptId" text,
  "reason" text
)`
	feedIndexSQLite = `CREATE INDEX IF NOT EXISTS %[2]s ON %[1]s ("at")`
)

// feedColumns are those of the feed's table.
var feedColumns = []string{"id", "at", "tokenHash", "userId", "exceptId", "reason"}

// FeedTriggers returns the statements that let whoever else deletes sessions
// write to the feed as well: a Better Auth server beside this one, or a person
// with an SQL client. They are for MySQL and MariaDB, and to be run once, after
// Migrate, by an account that may create triggers.
//
// The first writes a line for each session that is deleted before it expires; what
// has expired needs none, because no copy of it is believed. The second writes one for a user who is deleted, because a foreign key that deletes the
// user's sessions fires no trigger on them. From then on such statements fail if
// the feed's table is missing: drop the triggers before the table.
//
// It returns an error if the Schema has a fault or no Feed.
func (s Schema) FeedTriggers() ([]string, error) {
	s, err := s.Complete()
	if err != nil {
		return nil, err
	}
	if !s.Feed {
		return nil, fmt.Errorf("models: FeedTriggers: Schema.Feed is not set: there would be no table to write to")
	}
	quote := func(name any) string { return fmt.Sprintf("`%s`", name) }
	feed := s.feedTable()
	return []string{
		fmt.Sprintf(s.text(quote, feedSessionTrigger), quote(feed+"_session"), quote(feed)),
		fmt.Sprintf(s.text(quote, feedUserTrigger), quote(feed+"_user"), quote(feed), quote(s.User.Columns["id"])),
	}, nil
}

// A session whose expiry has passed, by a clock that may be a minute off, needs
// no line, and so the purge writes none. %[1]s: the trigger, %[2]s: the feed's
// table, %[3]s: the user's id.
const (
	feedSessionTrigger = `CREATE TRIGGER %[1]s AFTER DELETE ON "session" FOR EACH ROW ` +
		`INSERT INTO %[2]s (at, tokenHash) SELECT SYSDATE(3), UNHEX(SHA2(CONVERT(OLD."token" USING utf8mb4), 256)) ` +
		`FROM DUAL WHERE OLD."expiresAt" > NOW(3) - INTERVAL 1 MINUTE`
	feedUserTrigger = `CREATE TRIGGER %[1]s AFTER DELETE ON "user" FOR EACH ROW ` +
		`INSERT INTO %[2]s (at, userId) VALUES (SYSDATE(3), CONVERT(OLD.%[3]s USING utf8mb4))`
)

// Publish writes a line of its own, at the database's time, for sessions that
// ended in another way than by a method of the Store: r.At is not looked at. It
// returns an *Error, of class BadValue if r names nothing, or not one thing, or has
// a Reason of more than 64 bytes.
func (f *Feed) Publish(ctx context.Context, r Revoked) error {
	switch {
	case (r.UserID == "") == (r.TokenSHA256 == [sha256.Size]byte{}):
		return badValue("feed", "one of TokenSHA256 and UserID must be set")
	case r.Except != "" && r.UserID == "":
		return badValue("feed", "Except without UserID")
	case len(r.Reason) > mostReason:
		return badValue("feed", "Reason is longer than 64 bytes")
	}
	_, err := f.store.exec(ctx, f.store.sql.feedWrite, feedArgs(r)...)
	return f.store.dialect.wrap(ctx, "feed", err)
}

// feedArgs are a line's values.
func feedArgs(r Revoked) []any {
	orNull := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	var hash any
	if r.UserID == "" {
		hash = r.TokenSHA256[:]
	}
	return []any{hash, orNull(r.UserID), orNull(r.Except), orNull(r.Reason)}
}
