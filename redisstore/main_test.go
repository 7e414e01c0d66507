package redisstore_test

import (
	"os"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession/internal/witness"
)

// everything hears the logs of both clients and of GORM, and the errors of the stores
// and feeds: SR-67, and rule 13 of the store.
var everything = witness.New()

func TestMain(m *testing.M) {
	redis.SetLogger(everything)
	everything.Keep(token(""))
	os.Exit(everything.Main(m))
}
