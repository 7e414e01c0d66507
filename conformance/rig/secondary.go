package rig

import (
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/redisstore"
)

// Secondary names what is kept in Redis.
type Secondary string

// The uses of Redis.
const (
	SecondaryOff         Secondary = ""
	SecondaryOnly        Secondary = "only"
	SecondaryAndDatabase Secondary = "database" // storeSessionInDatabase
	SecondaryPreserving  Secondary = "preserve" // and preserveSessionInDatabase
)

// secondary is the store of a rig with Redis.
func (r *Rig) secondary(o Options, schema models.Schema, db *gorm.DB) (ginsession.Store, error) {
	switch o.Secondary {
	case SecondaryOnly, SecondaryAndDatabase, SecondaryPreserving:
	default:
		return nil, fmt.Errorf("secondary storage %q is not known; there are only, database, preserve", string(o.Secondary))
	}
	if o.Redis == "" {
		return nil, errors.New("secondary storage needs the address of a Redis")
	}
	rows, err := schema.Store(db)
	if err != nil {
		return nil, err
	}
	client := redis.NewClient(&redis.Options{Addr: o.Redis, ContextTimeoutEnabled: true})
	r.closers = append(r.closers, client.Close)
	return redisstore.New(redisstore.Options{
		Client:             client,
		Prefix:             o.RedisPrefix,
		DB:                 rows,
		StoreInDatabase:    o.Secondary != SecondaryOnly,
		PreserveInDatabase: o.Secondary == SecondaryPreserving,
		ExpiresIn:          o.ExpiresIn,
		Now:                r.clock.now,
	})
}
