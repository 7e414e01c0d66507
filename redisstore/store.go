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
	// Redis has a copy of the user in each session, made when the session began. What
	// changes in the database shows in new sessions only, and the sessions of a user
	// who is deleted there live on until Manager.RevokeAll ends them.
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
	// Default false; it needs StoreInDatabase. Better Auth:
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
// When Redis does not answer, a Store with StoreInDatabase and without
// PreserveInDatabase reads, creates and renews in the database alone, after at most
// half of the time that the context leaves. Everything else is then an error that is no
// answer, and so is everything where the database does not answer for Redis.
//
// What all Stores promise, the errors of each method above all, is in
// ginsession.Store; the comments here say what is particular to this one.
//
// A Store is safe for concurrent use.
type Store struct {
	redis    server
	db       *models.Store
	schema   models.Schema
	mode     mode
	markKept time.Duration // of a revoked-sessions-before key
	now      func() time.Time

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
	server := server{options.Client, options.Prefix, options.Replicas}
	found := server.check()
	if options.DB == nil {
		found.add("DB", "is nil: users are read there; set it to the models.Store of your database")
	}
	if options.PreserveInDatabase && !options.StoreInDatabase {
		found.add("PreserveInDatabase", "is true without StoreInDatabase: there are no rows to preserve; set both or neither")
	}
	if options.ExpiresIn < 0 {
		found.add("ExpiresIn", fmt.Sprintf("is %v: it must not be negative; set it to Config.ExpiresIn", options.ExpiresIn))
	}
	if err := found.of("Options"); err != nil {
		return nil, err
	}

	s := &Store{
		redis:    server,
		db:       options.DB,
		schema:   options.DB.Schema(),
		markKept: max(options.ExpiresIn, 24*time.Hour),
		now:      options.Now,
	}
	if options.ExpiresIn == 0 {
		s.markKept = 7 * 24 * time.Hour
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
		s.feed, s.inFeed = newFeed(server), true
	}
	return s, nil
}

// faults are what is wrong with options, all of it.
type faults []string

func (f *faults) add(field, problem string) { *f = append(*f, field+" "+problem) }

// of is the error of options of this type, nil without a fault.
func (f faults) of(options string) error {
	var errs []error
	for _, fault := range f {
		errs = append(errs, fmt.Errorf("redisstore: %s.%s", options, fault))
	}
	return errors.Join(errs...)
}

// check finds what is wrong with what Options and FeedOptions have in common.
func (s server) check() (found faults) {
	timeouts, cached := true, false
	switch c := s.client.(type) {
	case nil:
		found.add("Client", "is nil: set it to the client of your Redis")
	case *redis.Client:
		timeouts, cached = c.Options().ContextTimeoutEnabled, c.Options().ClientSideCacheConfig != nil || c.Options().ClientSideCache != nil
	case *redis.ClusterClient:
		timeouts = c.Options().ContextTimeoutEnabled
		if o := c.Options(); o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			found.add("Client", "reads from replicas, which still know a session that was just revoked: leave ReadOnly, RouteByLatency and RouteRandomly false")
		}
	case *redis.Ring:
		found.add("Client", "is a Ring, which looks for keys on other servers when one is gone, and so for revoked sessions: use a Cluster or Sentinel")
	default:
		if s.replicas > 0 {
			found.add("Replicas", fmt.Sprintf("is %d with a %T: WAIT needs a connection of its own; use a *redis.Client or *redis.ClusterClient", s.replicas, c))
		}
	}
	if !timeouts {
		found.add("Client", "has ContextTimeoutEnabled off, and its calls would outlive their context: set it in the client's options")
	}
	if cached {
		found.add("Client", "has a client-side cache, which still knows a session that was just revoked: leave it out")
	}
	if s.replicas < 0 {
		found.add("Replicas", fmt.Sprintf("is %d: it must not be negative; 0 waits for none", s.replicas))
	}
	if strings.ContainsAny(s.prefix, "{}") {
		found.add("Prefix", fmt.Sprintf("is %q: braces would decide about the hash slots of all keys; leave them out", s.prefix))
	}
	return found
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

// patient bounds how long Redis may take where the database can answer instead.
func (s *Store) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	wait := time.Second
	if deadline, ok := ctx.Deadline(); ok {
		wait = time.Until(deadline) / 2
	}
	return context.WithTimeout(ctx, wait)
}
