package redisstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// FeedOptions are what NewFeed needs to know. Client must be set.
type FeedOptions struct {
	// Client reaches Redis 6.2 or newer, or Valkey; see Options.Client.
	Client redis.UniversalClient

	// Prefix stands in front of the stream's key, <prefix>{revocations}. All
	// processes that share a feed have the same. Default none; no braces.
	Prefix string

	// Replicas is how many replicas must have a line before Publish returns; see
	// Options.Replicas. Default 0.
	Replicas int
}

// A Feed is a ginsession.RevocationFeed in one Redis Stream. Redis does one thing
// after the other, so that an entry's id is a position: nothing appears before it
// later. Lines are kept for two hours, by the clock of the server, which is longer
// than any cookie cache lives.
//
// A Feed is safe for concurrent use.
type Feed struct {
	redis server
	key   string
}

var _ ginsession.RevocationFeed = (*Feed)(nil)

// NewFeed makes a Feed. It reports every fault of the options together, and does
// not ask Redis.
func NewFeed(options FeedOptions) (*Feed, error) {
	server := server{options.Client, options.Prefix, options.Replicas}
	if err := server.check().of("FeedOptions"); err != nil {
		return nil, err
	}
	return newFeed(server), nil
}

// The braces keep the key apart from those of tokens, which have none.
func newFeed(s server) *Feed { return &Feed{s, s.prefix + "{revocations}"} }

const (
	// feedKept is how long lines are kept.
	feedKept = 2 * time.Hour
	// feedMost bounds how many lines one reading takes in.
	feedMost = 100_000
	// feedPatience bounds one reading.
	feedPatience = 10 * time.Second
	// feedBlock bounds how long a follower is deaf to its context.
	feedBlock = time.Second
)

var (
	// publishScript adds a line and drops old ones, by the server's clock.
	//
	// KEYS: the stream. ARGV: milliseconds to keep, then names and values.
	publishScript = redis.NewScript(`
local now = redis.call('TIME')
local oldest = string.format('%.0f', now[1] * 1000 - ARGV[1])
redis.call('XADD', KEYS[1], 'MINID', '~', oldest, '*', unpack(ARGV, 2))
return 1`)

	// clockScript is the time of the server that has the stream, in milliseconds.
	clockScript = redis.NewScript(`
local now = redis.call('TIME')
return now[1] * 1000 + math.floor(now[2] / 1000)`)
)

// Publish tells of sessions that ended. It returns an error if r names nothing, or
// if Redis did not take it: whether it will be told is then not known. r.At is not
// looked at; the line has the server's time.
func (f *Feed) Publish(ctx context.Context, r models.Revoked) error {
	var line []any
	switch none := [sha256.Size]byte{}; {
	case (r.UserID == "") == (r.TokenSHA256 == none):
		return refused("feed", "one of TokenSHA256 and UserID must be set")
	case r.Except != "" && r.UserID == "":
		return refused("feed", "Except without UserID")
	case len(r.Reason) > mostReason:
		return refused("feed", "Reason is longer than 64 bytes")
	case r.UserID == "":
		line = append(line, "token", hex.EncodeToString(r.TokenSHA256[:]))
	default:
		line = append(line, "user", r.UserID)
	}
	if r.Except != "" {
		line = append(line, "except", r.Except)
	}
	if r.Reason != "" {
		line = append(line, "reason", r.Reason)
	}
	_, err := f.redis.confirm(ctx, publishScript, []string{f.key}, append([]any{feedKept.Milliseconds()}, line...)...)
	return unavailable(ctx, "feed", err)
}

// Follow reads the stream until ctx ends or Redis fails: first the lines that are at
// most as old as since, then new ones, at once when they come. It calls hear after each
// reading, also of nothing, at least as often as every says and at least once a second.
//
// If the last line that was told is gone, the server has lost some: the stream was
// deleted, or a failover promoted a replica that lagged. Follow then reports that any
// session may have ended (Heard.Overflow), and tells the lines since again.
//
// It returns the cause of ctx's end, or an error. Following again begins anew.
func (f *Feed) Follow(ctx context.Context, since, every time.Duration, hear func(models.Heard)) error {
	err := f.redis.noted(f.listen(ctx, since, every, hear))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return unavailable(ctx, "feed", err)
}

func (f *Feed) listen(ctx context.Context, since, every time.Duration, hear func(models.Heard)) error {
	at, err := f.start(ctx, since)
	if err != nil {
		return err
	}
	for {
		heard := models.Heard{AsOf: time.Now()}
		lines, lost, err := f.read(ctx, at)
		if err == nil && lost {
			heard.Overflow = true
			if at, err = f.start(ctx, since); err == nil {
				lines, _, err = f.read(ctx, at)
			}
		}
		if err != nil {
			return err
		}
		if len(lines) > feedMost {
			heard.Overflow = true
		}
		for _, line := range lines {
			revoked, ok := parseLine(line)
			if !ok { // of a later version: it ended something
				heard.Overflow = true
				continue
			}
			heard.Revoked = append(heard.Revoked, revoked)
		}
		if n := len(lines); n > 0 {
			at = position{lines[n-1].ID, true}
		}
		hear(heard)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f.wait(ctx, at, every); err != nil {
			return err
		}
	}
}

// A position is an entry's id, or a time at which there may be none.
type position struct {
	id    string
	entry bool // an entry that was read
}

// start is the position from which to read what the last since brought.
func (f *Feed) start(ctx context.Context, since time.Duration) (position, error) {
	now, err := f.clock(ctx)
	return position{id: fmt.Sprintf("%d-0", max(0, now-since.Milliseconds()))}, err
}

func (f *Feed) clock(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, feedPatience)
	defer cancel()
	return clockScript.Run(ctx, f.redis.client, []string{f.key}).Int64()
}

// read reads the entries after a position. lost says that the position's own entry
// is gone and not for its age.
func (f *Feed) read(ctx context.Context, at position) (lines []redis.XMessage, lost bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, feedPatience)
	defer cancel()
	lines, err = f.redis.client.XRangeN(ctx, f.key, at.id, "+", feedMost+2).Result()
	if err != nil || !at.entry {
		return lines, false, err
	}
	if len(lines) > 0 && lines[0].ID == at.id {
		return lines[1:], false, nil
	}
	now, err := f.clock(ctx)
	old := milliseconds(at.id) < now-(feedKept-time.Minute).Milliseconds()
	return lines, !old, err
}

// wait returns when there is something new, or when it has waited long enough.
func (f *Feed) wait(ctx context.Context, at position, every time.Duration) error {
	block := max(min(every, feedBlock), time.Millisecond) // 0 would be for ever
	_, err := f.redis.client.XRead(ctx, &redis.XReadArgs{Streams: []string{f.key, at.id}, Count: 1, Block: block}).Result()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// milliseconds are the time in an entry's id.
func milliseconds(id string) int64 {
	text, _, _ := strings.Cut(id, "-")
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

func parseLine(line redis.XMessage) (models.Revoked, bool) {
	text := func(name string) string {
		s, _ := line.Values[name].(string)
		return s
	}
	r := models.Revoked{
		UserID: text("user"),
		Except: text("except"),
		Reason: text("reason"),
		At:     time.UnixMilli(milliseconds(line.ID)).UTC(),
	}
	if r.UserID != "" {
		return r, true
	}
	hash, err := hex.DecodeString(text("token"))
	copy(r.TokenSHA256[:], hash)
	return r, err == nil && len(hash) == sha256.Size
}
