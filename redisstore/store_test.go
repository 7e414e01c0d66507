package redisstore_test

import (
	"crypto/rand"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testredis"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/redisstore"
	"github.com/ginsession/ginsession/storetest"
)

const hour = time.Hour

// base is the suite's clock.
func base() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 123e6, time.UTC) }

// early is a clock two days before the suite's. What the suite calls expired has
// then not expired for the store, whose keys would be gone: the suite's laws about
// what is done with a session that has expired can be tried.
func early() time.Time { return base().Add(-48 * hour) }

// A mode is one of the three places where Better Auth keeps sessions.
type mode struct {
	name               string
	database, preserve bool
	now                func() time.Time
	excused            map[string]string
}

// degrades reports whether the database answers while Redis does not.
func (m mode) degrades() bool { return m.database && !m.preserve }

var modes = []mode{
	{name: "RedisOnly", now: early, excused: map[string]string{
		"PurgeDeletesTheExpiredInBatches": "Redis drops what has expired by itself, and Purge has nothing to count",
		// TestTakenTokenIsADuplicate has the token's half.
		"SecondSessionWithTokenOrIDIsDuplicate": "no key of Better Auth's is found by a session's id, and ids are 190 random bits",
	}},
	{name: "BesideDatabase", database: true, now: base},
	{name: "Preserving", database: true, preserve: true, now: early, excused: map[string]string{
		"PurgeDeletesTheExpiredInBatches": "rows are preserved",
	}},
}

// A bench is a store with its feed and its database.
type bench struct {
	ginsession.Store
	ginsession.RevocationFeed
	options redisstore.Options
	db      *gorm.DB
	rows    *models.Store
}

func newBench(t *testing.T, client redis.UniversalClient, m mode, schema models.Schema) bench {
	t.Helper()
	db := newDatabase(t, schema)
	rows, err := schema.Store(db)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, db, redisstore.Options{
		Client: client, Prefix: rand.Text() + ":", DB: rows,
		StoreInDatabase: m.database, PreserveInDatabase: m.preserve, Now: m.now,
	})
}

func open(t *testing.T, db *gorm.DB, options redisstore.Options) bench {
	t.Helper()
	store, err := redisstore.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return bench{everything.Store(store), everything.Feed(store), options, db, options.DB}
}

func (b bench) addUser(t *testing.T, u models.User) {
	t.Helper()
	unlogged := b.db.Session(&gorm.Session{Logger: logger.Discard}) // an id has a token's form
	if err := unlogged.Create(&u).Error; err != nil {
		t.Fatal(err)
	}
	if role := u.Fields["role"]; role != nil {
		if err := b.db.Exec("UPDATE `user` SET `role` = ? WHERE `id` = ?", role, u.ID).Error; err != nil {
			t.Fatal(err)
		}
	}
}

func newUser(id string) models.User {
	return models.User{ID: id, Name: "Ada", Email: id + "@example.org", CreatedAt: base(), UpdatedAt: base()}
}

// token makes a token of 32 characters that ends in name.
func token(name string) string { return "TokenAbcdefghijklmnopqrstuvwxyz0"[:32-len(name)] + name }

func newSession(id, userID string) models.Session {
	address, agent := "", "suite/1"
	return models.Session{
		ID: id, Token: token(id), UserID: userID, ExpiresAt: base().Add(hour), CreatedAt: base(), UpdatedAt: base(),
		IPAddress: &address, UserAgent: &agent,
	}
}

func create(t *testing.T, b bench, sessions ...models.Session) {
	t.Helper()
	for _, s := range sessions {
		if err := b.Create(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

func alive(t *testing.T, b bench, token string) bool {
	t.Helper()
	_, _, err := b.Find(t.Context(), token)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func (m mode) harness(b bench) storetest.Harness {
	return storetest.Harness{Store: b.Store, AddUser: b.addUser, Excused: maps.Clone(m.excused)}
}

func TestStoreOnOneServer(t *testing.T) {
	server := testredis.New(t)
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Harness {
				valve := newValve(t, server.Address)
				client := redis.NewClient(&redis.Options{Addr: valve.listener.Addr().String(), ContextTimeoutEnabled: true})
				t.Cleanup(func() { client.Close() })
				h := m.harness(newBench(t, client, m, storetest.Schema()))
				if !m.database { // where the database answers, a stalled Redis is no failure
					h.Stall = valve.stall
				}
				return h
			})
		})
	}
}

func TestStoreOnACluster(t *testing.T) {
	client := newCluster(t)
	for _, m := range modes[:1] { // the others have no other way to Redis
		t.Run(m.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Harness {
				return m.harness(newBench(t, client, m, storetest.Schema()))
			})
		})
	}
}

func TestFeedOfTheStore(t *testing.T) {
	client := newRedis(t)
	ofDatabase := storetest.Schema()
	ofDatabase.Feed = true
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) { runFeed(t, client, m, storetest.Schema()) })
		if m.database {
			t.Run(m.name+"WithTheDatabasesFeed", func(t *testing.T) { runFeed(t, client, m, ofDatabase) })
		}
	}
	t.Run("Cluster", func(t *testing.T) { runFeed(t, newCluster(t), modes[0], storetest.Schema()) })
}

func runFeed(t *testing.T, client redis.UniversalClient, m mode, schema models.Schema) {
	storetest.RunFeed(t, func(t *testing.T) storetest.FeedHarness {
		b := newBench(t, client, m, schema)
		return storetest.FeedHarness{Harness: m.harness(b), Feed: b.RevocationFeed}
	})
}

func TestTakenTokenIsADuplicate(t *testing.T) {
	eachMode(t, newRedis(t), func(t *testing.T, b bench) {
		b.addUser(t, newUser("u2"))
		first := newSession("s1", "u1")
		create(t, b, first)
		second := newSession("s2", "u2")
		second.Token = first.Token
		if err := b.Create(t.Context(), second); !errors.Is(err, models.ErrDuplicate) {
			t.Errorf("got %v, want ErrDuplicate", err)
		}
		if got, _, err := b.Find(t.Context(), first.Token); err != nil || got.UserID != "u1" {
			t.Errorf("the session is %s's now, and %v", got.UserID, err)
		}
	})
}

// What Redis has of a user is a copy of the time of his sign-in. Deleting him in the
// database ends no session, as in Better Auth; revoking all of his sessions does,
// whether before or after.
func TestDeletedUserIsSignedOutByARevocation(t *testing.T) {
	client := newRedis(t)
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			b := newBench(t, client, m, storetest.Schema())
			b.addUser(t, newUser("u1"))
			s, other := newSession("s1", "u1"), newSession("s2", "u1")
			create(t, b, s, other)
			if err := b.db.Exec("DELETE FROM `user` WHERE `id` = 'u1'").Error; err != nil {
				t.Fatal(err)
			}
			if !alive(t, b, s.Token) {
				t.Error("the session ended with the user's row, which Options says it does not")
			}
			if _, err := b.Revoke(t.Context(), models.Revocation{UserID: "u1"}); err != nil {
				t.Fatal(err)
			}
			if alive(t, b, s.Token) || alive(t, b, other.Token) {
				t.Error("a session of a deleted user outlives the revocation of all")
			}
		})
	}
}
