package redisstore_test

import (
	"log"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/redisstore"
)

// Sessions in Redis and in the database, where they are read while Redis is away.
func Example() {
	db, err := models.OpenMySQL(os.Getenv("DATABASE_DSN"))
	if err != nil {
		log.Fatal(err)
	}
	rows, err := models.Schema{Feed: true}.Store(db) // of which Migrate was called
	if err != nil {
		log.Fatal(err)
	}
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs:                 []string{os.Getenv("REDIS_ADDR")},
		ContextTimeoutEnabled: true, // a call must not outlive its request
	})
	store, err := redisstore.New(redisstore.Options{Client: client, DB: rows, StoreInDatabase: true})
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := ginsession.New(ginsession.Config{
		Secret:      os.Getenv("SESSION_SECRET"),
		BaseURL:     os.Getenv("BASE_URL"),
		Store:       store,
		CookieCache: ginsession.CookieCache{Enabled: true},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()
	// … router.Use(sessions.Middleware()) and sessions.Routes, as without Redis.
}

// Sessions in the database alone, and news of revocations by way of Redis.
func ExampleNewFeed() {
	db, err := models.OpenMySQL(os.Getenv("DATABASE_DSN"))
	if err != nil {
		log.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR"), ContextTimeoutEnabled: true})
	feed, err := redisstore.NewFeed(redisstore.FeedOptions{Client: client})
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := ginsession.New(ginsession.Config{
		Secret:      os.Getenv("SESSION_SECRET"),
		BaseURL:     os.Getenv("BASE_URL"),
		DB:          db,
		CookieCache: ginsession.CookieCache{Enabled: true, Feed: feed},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()
}
