package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// Options are what New needs to know. Client and DB must be set.
type Options struct {
	// Client reaches Redis 6.2 or newer, or Valkey: one server, a Cluster
	// (*redis.ClusterClient), or the servers that Sentinel watches
	// (redis.NewFailoverClient). It stays the caller's to close.
	//
	// Required. ContextTimeoutEnabled must be set, because calls must end with
	// their context. Reads must go to masters and not to a client-side cache: a
	// replica or a cache still knows a session that was just revoked.
	Client redis.UniversalClient

	// Prefix stands in front of every key.
	//
	// Default none, as in Better Auth's core. The package
	// @better-auth/redis-storage has "better-auth:". It must not hold braces,
	// which would decide about the hash slots of a Cluster.
	Prefix string

	// DB is where users are, and sessions too under StoreInDatabase. Its Schema
	// declares the additional fields.
	//
	// Redis has a copy of the user in each session, made when it began; what changes
	// in the database shows in new sessions, and a user who is deleted there keeps
	// his until Manager.RevokeAll ends them.
	//
	// Required.
	DB *models.Store

	// StoreInDatabase keeps each session in the database as well. A session that
	// Redis has dropped, or cannot be asked about, is then read there.
	//
	// Default false. Better Auth: session.storeSessionInDatabase.
	StoreInDatabase bool

	// PreserveInDatabase keeps the rows of sessions that ended, with the time of
	// their end for an expiry. Sessions are then never read from the database.
	//
	// Default false; it wants StoreInDatabase. Better Auth:
	// session.preserveSessionInDatabase.
	PreserveInDatabase bool

	// ExpiresIn is how long sessions live: Config.ExpiresIn. The time before which
	// a user's sessions count as revoked is remembered for as long, and for a day
	// at least.
	//
	// Default seven days. It must not be negative. Better Auth: session.expiresIn.
	ExpiresIn time.Duration

	// Replicas is how many replicas must have a revocation before it is
	// acknowledged; if fewer confirm it before the context ends, Revoke and Replace
	// fail. Redis replicates behind its answers: with 0 a failover in the moment
	// after a revocation can undo it, and with less than all of them it can if
	// another replica is promoted. With all of them, a replica that is down fails
	// revocations. In a Cluster it counts the replicas of one shard.
	//
	// Default 0. It must not be negative.
	Replicas int

	// Now is the clock: Config.Now. Default time.Now.
	Now func() time.Time
}

// A Store is Better Auth's secondary storage as a ginsession.Store. It also is a
// ginsession.RevocationFeed: that of the database if the database keeps one
// (StoreInDatabase, and Feed in its Schema), else one in Redis.
//
// When Redis does not answer, a Store with StoreInDatabase and not
// PreserveInDatabase reads, creates and renews in the database alone. Everything
// else is then an error that is no answer, and so is everything of the other modes.
//
// A Store is safe for concurrent use.
type Store struct {
	redis  server
	db     *models.Store
	schema models.Schema
	mode   mode
	marked time.Duration // how long a revoked-before time is kept
	now    func() time.Time

	// feed is told here, before anything ends, if it is in Redis; the database
	// tells its own.
	feed   ginsession.RevocationFeed
	inFeed bool
}

// A mode says where sessions are.
type mode int

const (
	redisOnly mode = iota
	besideDatabase
	preserving // as redisOnly, with rows to look at later
)

var (
	_ ginsession.Store          = (*Store)(nil)
	_ ginsession.RevocationFeed = (*Store)(nil)
)

// New makes a Store. It reports every fault of the options together, and asks
// neither Redis nor the database.
func New(options Options) (*Store, error) {
	faults := checkClient(options.Client, options.Replicas)
	fault := func(field, problem string) { faults = append(faults, field+" "+problem) }
	checkPrefix(options.Prefix, fault)
	if options.DB == nil {
		fault("DB", "is nil: users are read there; set it to the models.Store of your database")
	}
	if options.PreserveInDatabase && !options.StoreInDatabase {
		fault("PreserveInDatabase", "is true without StoreInDatabase: there are no rows to preserve; set both or neither")
	}
	if options.ExpiresIn < 0 {
		fault("ExpiresIn", fmt.Sprintf("is %v: it must not be negative; set it to Config.ExpiresIn", options.ExpiresIn))
	}
	if err := joined("Options", faults); err != nil {
		return nil, err
	}

	s := &Store{
		redis:  server{options.Client, options.Prefix, options.Replicas},
		db:     options.DB,
		schema: options.DB.Schema(),
		marked: max(options.ExpiresIn, 24*time.Hour),
		now:    options.Now,
	}
	if options.ExpiresIn == 0 {
		s.marked = 7 * 24 * time.Hour
	}
	if s.now == nil {
		s.now = time.Now
	}
	switch {
	case options.PreserveInDatabase:
		s.mode = preserving
	case options.StoreInDatabase:
		s.mode = besideDatabase
	}
	if feed := options.DB.Feed(); feed != nil && s.mode != redisOnly {
		s.feed = feed
	} else {
		s.feed, s.inFeed = newFeed(s.redis), true
	}
	return s, nil
}

func joined(of string, faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	var errs []error
	for _, f := range faults {
		errs = append(errs, fmt.Errorf("redisstore: %s.%s", of, f))
	}
	return errors.Join(errs...)
}

func checkPrefix(prefix string, fault func(field, problem string)) {
	if strings.ContainsAny(prefix, "{}") {
		fault("Prefix", fmt.Sprintf("is %q: braces would decide about the hash slots of all keys; leave them out", prefix))
	}
}

// checkClient says what is wrong with a client.
func checkClient(client redis.UniversalClient, replicas int) (faults []string) {
	fault := func(field, problem string) { faults = append(faults, field+" "+problem) }
	timeouts, cached := true, false
	switch c := client.(type) {
	case nil:
		fault("Client", "is nil: set it to the client of your Redis")
	case *redis.Client:
		timeouts, cached = c.Options().ContextTimeoutEnabled, c.Options().ClientSideCacheConfig != nil || c.Options().ClientSideCache != nil
	case *redis.ClusterClient:
		timeouts = c.Options().ContextTimeoutEnabled
		if o := c.Options(); o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			fault("Client", "reads from replicas, which still know a session that was just revoked: leave ReadOnly, RouteByLatency and RouteRandomly false")
		}
	case *redis.Ring:
		fault("Client", "is a Ring, which looks for keys on other servers when one is gone, and so for revoked sessions: use a Cluster or Sentinel")
	default:
		if replicas > 0 {
			fault("Replicas", fmt.Sprintf("is %d with a %T: WAIT needs a connection of its own; use a *redis.Client or *redis.ClusterClient", replicas, client))
		}
	}
	if !timeouts {
		fault("Client", "has ContextTimeoutEnabled off, and its calls would outlive their context: set it in the client's options")
	}
	if cached {
		fault("Client", "has a client-side cache, which still knows a session that was just revoked: leave it out")
	}
	if replicas < 0 {
		fault("Replicas", fmt.Sprintf("is %d: it must not be negative; 0 waits for none", replicas))
	}
	return faults
}

// DBSystem is what OpenTelemetry calls Redis (db.system.name).
func (s *Store) DBSystem() string { return "redis" }

// Publish tells the feed; see ginsession.RevocationFeed.
func (s *Store) Publish(ctx context.Context, revoked models.Revoked) error {
	return s.feed.Publish(ctx, revoked)
}

// Follow follows the feed; see ginsession.RevocationFeed.
func (s *Store) Follow(ctx context.Context, since, every time.Duration, hear func(models.Heard)) error {
	return s.feed.Follow(ctx, since, every, hear)
}

// possible reports whether a session with this token can exist: as in the database,
// and without braces, so that a tombstone shares the slot of its token's key and no
// key of this package's own can be taken for a token's.
func possible(token string) bool {
	if len(token) == 0 || len(token) > 255 {
		return false
	}
	for i := range len(token) {
		if c := token[i]; c <= ' ' || c >= 0x7f || c == '{' || c == '}' {
			return false
		}
	}
	return true
}

// patient bounds how long Redis may take where the database can answer instead.
func (s *Store) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	wait := time.Second
	if deadline, ok := ctx.Deadline(); ok {
		wait = time.Until(deadline) / 2
	}
	return context.WithTimeout(ctx, wait)
}
