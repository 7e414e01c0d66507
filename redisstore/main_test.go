package redisstore_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

// quiet hears what the client logs, and whether it is a token.
type quiet struct{ leaked atomic.Bool }

func (q *quiet) Printf(_ context.Context, format string, args ...any) {
	if strings.Contains(fmt.Sprintf(format, args...), "TokenAbc") {
		q.leaked.Store(true)
	}
}

func TestMain(m *testing.M) {
	var log quiet
	redis.SetLogger(&log)
	code := m.Run()
	if log.leaked.Load() {
		fmt.Println("FAIL: a token was logged")
		code = 1
	}
	os.Exit(code)
}
