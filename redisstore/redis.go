package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Every script touches keys of one hash slot only, and of the contract's keys no
// two share one. A tombstone shares the slot of its token's key.
var (
	// createScript writes a session that is not there: 1 if it did, 0 if the token
	// is taken, 2 if the session was ended before it began.
	//
	// KEYS: the token's key, its tombstone. ARGV: the value, its seconds.
	createScript = redis.NewScript(`
if redis.call('EXISTS', KEYS[2]) == 1 then return 2 end
local held = redis.call('GET', KEYS[1])
if held then
	if held == ARGV[1] then return 1 end -- sent twice, because the first answer was lost
	return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1`)

	// swapScript puts one value in the place of another, which "" is for none: 1
	// if it did, 0 if the key holds something else.
	//
	// KEYS: the key. ARGV: what it must hold, what it shall hold, its seconds; 0
	// keeps those that it has.
	swapScript = redis.NewScript(`
local held = redis.call('GET', KEYS[1]) or ''
if held ~= ARGV[1] and (ARGV[2] == '' or held ~= ARGV[2]) then return 0 end
if ARGV[2] == '' then
	redis.call('DEL', KEYS[1])
elseif ARGV[3] == '0' then
	redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
else
	redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
return 1`)

	// endScript ends a session: 1 if it did, 0 if the key holds something else, 2
	// if there was no such key. The tombstone stops a creation under way: one that
	// has yet to be sent, and one that was sent, got no answer, was sent again, and
	// arrives the first time when the session has ended.
	//
	// KEYS: the token's key, its tombstone. ARGV: what the key must hold, the
	// tombstone's seconds.
	endScript = redis.NewScript(`
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], '', 'EX', ARGV[2])
if not held then return 2 end
redis.call('DEL', KEYS[1])
return 1`)

	// giveWayScript ends a session in favour of another, with the same results. The
	// tombstone holds who did it: an end that is sent twice, because the first answer
	// was lost, is no end by another.
	//
	// KEYS: the token's key, its tombstone. ARGV: what the key must hold, the
	// tombstone's seconds, a name of the caller's own.
	giveWayScript = redis.NewScript(`
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
if not held and redis.call('GET', KEYS[2]) ~= ARGV[3] then return 2 end
redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[2])
redis.call('DEL', KEYS[1])
return 1`)

	// markScript moves the time before which a user's sessions count as revoked,
	// forward only.
	//
	// KEYS: the key. ARGV: milliseconds, seconds to keep it.
	markScript = redis.NewScript(`
local held = tonumber(redis.call('GET', KEYS[1]) or 0)
local mark = ARGV[1]
if held and held > tonumber(mark) then mark = string.format('%.0f', held) end
redis.call('SET', KEYS[1], mark, 'EX', ARGV[2])
return 1`)
)

// tombstoneKept is how long a tombstone stays: far longer than any creation is under
// way.
const tombstoneKept = int64(10 * time.Minute / time.Second)

// A server is how this package talks to Redis.
type server struct {
	client   redis.UniversalClient
	prefix   string
	replicas int
}

func (s server) tokenKey(token string) string { return s.prefix + token }

func (s server) tombstoneKey(token string) string { return "{" + s.prefix + token + "}:gone" }

func (s server) listKey(userID string) string { return s.prefix + "active-sessions-" + userID }

func (s server) markKey(userID string) string {
	return s.prefix + "revoked-sessions-before-" + userID
}

// get reads a key; "" is one that is not there.
func (s server) get(ctx context.Context, key string) (string, error) {
	value, err := s.client.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return value, s.noted(err)
}

// noted is the error of a call, after which a Cluster's client looks who is master
// now. By itself it does so once a minute and when a node says MOVED, which a dead
// one does not.
func (s server) noted(err error) error {
	if cluster, ok := s.client.(*redis.ClusterClient); ok && err != nil && !errors.Is(err, context.Canceled) {
		cluster.ReloadState(context.Background()) // soon, and several times a second at most
	}
	return err
}

// getAll reads keys of any slots in one go.
func (s server) getAll(ctx context.Context, keys []string) ([]string, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	commands := make([]*redis.StringCmd, len(keys))
	_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, key := range keys {
			commands[i] = pipe.Get(ctx, key)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, s.noted(err)
	}
	values := make([]string, len(keys))
	for i, command := range commands {
		value, err := command.Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, s.noted(err)
		}
		values[i] = value
	}
	return values, nil
}

// run runs a script.
func (s server) run(ctx context.Context, script *redis.Script, keys []string, args ...any) (int, error) {
	n, err := script.Run(ctx, s.client, keys, args...).Int()
	return n, s.noted(err)
}

// confirm runs a script that must not be undone by a failover: it returns an error
// unless as many replicas as asked for have what it wrote, and with it all that
// was written to that server before.
func (s server) confirm(ctx context.Context, script *redis.Script, keys []string, args ...any) (int, error) {
	if s.replicas == 0 {
		return s.run(ctx, script, keys, args...)
	}
	for tries := 3; ; tries-- {
		result, err := s.confirmOnce(ctx, script, keys, args)
		if s.noted(err) == nil || tries == 1 || !moved(err) {
			return result, err
		}
		select { // until the client knows where to
		case <-ctx.Done():
			return result, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// confirmOnce sends the script and WAIT in one pipeline, because WAIT counts what
// was written on its own connection.
func (s server) confirmOnce(ctx context.Context, script *redis.Script, keys []string, args []any) (int, error) {
	var node redis.UniversalClient = s.client
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		master, err := cluster.MasterForKey(ctx, keys[0])
		if err != nil {
			return 0, err
		}
		node = master
	}
	pipe := node.Pipeline()
	ran := script.Eval(ctx, pipe, keys, args...)
	confirmed := pipe.Do(ctx, "WAIT", s.replicas, waitFor(ctx).Milliseconds())
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, err
	}
	n, err := confirmed.Int()
	if err != nil {
		return 0, err
	}
	if n < s.replicas {
		return 0, replicasError{n, s.replicas}
	}
	return ran.Int()
}

// waitFor is how long replicas may take: most of the time that is left. Zero would
// be for ever.
func waitFor(ctx context.Context) time.Duration {
	wait := time.Second
	if deadline, ok := ctx.Deadline(); ok {
		wait = time.Until(deadline) * 9 / 10
	}
	return max(wait, time.Millisecond)
}

func moved(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "MOVED ") || strings.HasPrefix(text, "ASK ") || strings.HasPrefix(text, "READONLY ")
}

// A replicasError says that too few replicas have a revocation.
type replicasError struct{ got, want int }

func (e replicasError) Error() string {
	return fmt.Sprintf("%d of %d replicas confirmed in time", e.got, e.want)
}

// An unavailableError says that Redis could not tell. It is never an answer. Its
// text has nothing of a key or a value, which hold tokens, and of its causes only
// the context's can be unwrapped.
type unavailableError struct {
	op     string
	reason string
	cause  error
}

func (e *unavailableError) Error() string { return "redisstore: " + e.op + ": " + e.reason }

func (e *unavailableError) Unwrap() error { return e.cause }

// unavailable turns an error of the client into one that can be shown.
func unavailable(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	e := &unavailableError{op: op, reason: "Redis does not answer"}
	var network net.Error
	var reply redis.Error
	var replicas replicasError
	switch {
	case errors.As(err, &replicas):
		e.reason = replicas.Error()
	case errors.As(err, &reply):
		// The first word is the kind: LOADING, READONLY, NOAUTH …
		kind, _, _ := strings.Cut(reply.Error(), " ")
		e.reason = "Redis answered " + kind
	case errors.As(err, &network) && network.Timeout():
		e.reason = "Redis did not answer in time"
	}
	deadline, bounded := ctx.Deadline()
	switch {
	case errors.Is(err, context.Canceled), errors.Is(ctx.Err(), context.Canceled):
		e.cause = context.Canceled
	case errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil,
		// A read gives up at the context's deadline, a moment before the context.
		bounded && time.Until(deadline) < 10*time.Millisecond:
		e.cause = context.DeadlineExceeded
	}
	return e
}
