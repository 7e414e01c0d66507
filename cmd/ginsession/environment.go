package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/redisstore"
)

// An environment is what the service is told as well. It holds secrets: never print
// it.
type environment struct {
	dsn, secret, baseURL, schema                         string
	oldSecrets                                           []string
	redis, redisPrefix, redisDatabase, redisReplicaCount string
}

func readEnvironment(getenv func(string) string) environment {
	e := environment{
		dsn:               getenv("DATABASE_DSN"),
		secret:            getenv("SESSION_SECRET"),
		baseURL:           getenv("BASE_URL"),
		schema:            getenv("GINSESSION_SCHEMA"),
		redis:             getenv("GINSESSION_REDIS"),
		redisPrefix:       getenv("GINSESSION_REDIS_PREFIX"),
		redisDatabase:     getenv("GINSESSION_REDIS_DATABASE"),
		redisReplicaCount: getenv("GINSESSION_REDIS_REPLICAS"),
	}
	if old := getenv("SESSION_OLD_SECRETS"); old != "" {
		e.oldSecrets = strings.Split(old, ",")
	}
	return e
}

// secrets are all that verify: the first signs.
func (e environment) secrets() []string {
	if e.secret == "" {
		return e.oldSecrets
	}
	return append([]string{e.secret}, e.oldSecrets...)
}

// secretName is what the secret of an index is called.
func (e environment) secretName(i int) string {
	if e.secret != "" {
		if i == 0 {
			return "SESSION_SECRET"
		}
		i--
	}
	return fmt.Sprintf("SESSION_OLD_SECRETS[%d]", i)
}

// patience bounds one call of the store.
const patience = 10 * time.Second

func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, patience)
}

// database opens the database, and reads the schema that it is to have.
func (e environment) database() (*gorm.DB, models.Schema, error) {
	var schema models.Schema
	if e.dsn == "" {
		return nil, schema, errors.New("DATABASE_DSN is not set: set it to user:password@tcp(host:3306)/database")
	}
	if e.schema != "" {
		text := json.NewDecoder(strings.NewReader(e.schema))
		text.DisallowUnknownFields()
		if err := text.Decode(&schema); err != nil {
			return nil, schema, fmt.Errorf("GINSESSION_SCHEMA is not a models.Schema in JSON: %w", err)
		}
	}
	db, err := models.OpenMySQL(e.dsn)
	if err != nil {
		return nil, schema, fmt.Errorf("DATABASE_DSN: %w", err)
	}
	db.Logger = logger.Discard // what fails is returned
	return db, schema, nil
}

func closeDatabase(db *gorm.DB) {
	if pool, err := db.DB(); err == nil {
		_ = pool.Close()
	}
}

// A place is where the service keeps its sessions.
type place struct {
	rows   *models.Store
	store  ginsession.Store // rows, or what is in front of them in Redis
	client *redis.Client    // nil without Redis
	close  func()
}

// open opens it, and makes sure that the tables are as they must be. Whether there is
// a revocation feed the database says: where there is one, whoever ends sessions
// must write to it.
func (e environment) open(ctx context.Context) (*place, error) {
	db, schema, err := e.database()
	if err != nil {
		return nil, err
	}
	p := &place{close: func() { closeDatabase(db) }}
	if err := e.fill(ctx, p, db, schema); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (e environment) fill(ctx context.Context, p *place, db *gorm.DB, schema models.Schema) error {
	ctx, cancel := within(ctx)
	defer cancel()
	rows, _, err := survey(ctx, db, schema)
	if err != nil {
		return err
	}
	if err := rows.Check(ctx); err != nil {
		return err
	}
	p.rows, p.store = rows, rows
	if e.redis == "" {
		return nil
	}
	client, err := e.redisClient()
	if err != nil {
		return err
	}
	closeRows := p.close
	p.client, p.close = client, func() { _ = client.Close(); closeRows() }
	p.store, err = e.redisStore(client, rows)
	return err
}

// survey makes a Store that tells the feed, if the database has one.
func survey(ctx context.Context, db *gorm.DB, schema models.Schema) (*models.Store, models.Survey, error) {
	rows, err := schema.Store(db)
	if err != nil {
		return nil, models.Survey{}, err
	}
	found, err := rows.Survey(ctx)
	if err != nil || !found.HasFeed {
		return rows, found, err
	}
	schema.Feed = true
	rows, err = schema.Store(db)
	return rows, found, err
}

func (e environment) redisClient() (*redis.Client, error) {
	options, err := redis.ParseURL(e.redis)
	if err != nil { // whose text may quote the password
		return nil, errors.New("GINSESSION_REDIS cannot be parsed: its form is redis://user:password@host:6379/0, or rediss:// for TLS, with special characters escaped as in a URL")
	}
	options.ContextTimeoutEnabled = true
	return redis.NewClient(options), nil
}

// longestLife is how long a session lives at most, Config.ExpiresIn: for as long a
// Redis must remember that all of a user's sessions were revoked.
const longestLife = 400 * 24 * time.Hour

func (e environment) redisStore(client *redis.Client, rows *models.Store) (*redisstore.Store, error) {
	options := redisstore.Options{Client: client, Prefix: e.redisPrefix, DB: rows, ExpiresIn: longestLife}
	switch e.redisDatabase {
	case "":
	case "store":
		options.StoreInDatabase = true
	case "preserve":
		options.StoreInDatabase, options.PreserveInDatabase = true, true
	default:
		return nil, fmt.Errorf("GINSESSION_REDIS_DATABASE is %q: set it to store or preserve, or not at all for sessions in Redis alone", e.redisDatabase)
	}
	if e.redisReplicaCount != "" {
		n, err := strconv.Atoi(e.redisReplicaCount)
		if err != nil {
			return nil, fmt.Errorf("GINSESSION_REDIS_REPLICAS is %q: set it to a number, or not at all", e.redisReplicaCount)
		}
		options.Replicas = n
	}
	return redisstore.New(options)
}

// onlyInRedis reports whether the database has no sessions.
func (e environment) onlyInRedis() bool { return e.redis != "" && e.redisDatabase == "" }

// manager makes one for handles, which depend on the secrets alone: no cookie is
// ever written, so that the address it goes by is no matter.
func (e environment) manager(store ginsession.Store) (*ginsession.Manager, error) {
	m, err := ginsession.New(ginsession.Config{
		Secret: e.secret, OldSecrets: e.oldSecrets,
		BaseURL: "http://localhost",
		Store:   store, StoreTimeout: patience,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, errors.New(inOurWords(err))
	}
	return m, nil
}

// inOurWords names the variable in place of the field that it fills.
func inOurWords(err error) string {
	return strings.NewReplacer(
		"ginsession: Config.Secret ", "SESSION_SECRET ",
		"ginsession: Config.OldSecrets", "SESSION_OLD_SECRETS",
		"ginsession: Config.BaseURL ", "BASE_URL ",
		"ginsession: Config.Cookies.", "Cookies.",
		"`openssl rand -base64 32`", "`ginsession secret`",
	).Replace(err.Error())
}
