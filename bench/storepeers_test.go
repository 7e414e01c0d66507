package bench

import (
	"context"
	"encoding/gob"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/mysqlstore"
	"github.com/alexedwards/scs/redisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	ginsessions "github.com/gin-contrib/sessions"
	gingorm "github.com/gin-contrib/sessions/gorm"
	ginredis "github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
	"github.com/gomodule/redigo/redis"
)

// Peers that keep sessions in a store.

func init() { gob.Register(time.Time{}) }

// ginContribGORM is gin-contrib/sessions on GORM: with its defaults, or tuned
// (PrepareStmt, no transaction around single statements, interpolated).
func ginContribGORM(tuned bool) func(testing.TB) *site {
	return func(tb testing.TB) *site {
		pool := openSQL(tb, newDSN(tb), tuned)
		return &site{handler: ginContrib(gingorm.NewStore(overSQL(tb, pool, tuned), false, keys)), counter: byConnection{pool}}
	}
}

func ginContribRedis(tb testing.TB) *site {
	address, pool := newRedis(tb)
	store, err := ginredis.NewStore(25, "tcp", address, "", "", keys)
	if err != nil {
		tb.Fatal(err)
	}
	return &site{handler: ginContrib(store.(ginsessions.Store)), counter: byServer{pool}}
}

func scsMySQL(interpolate bool) func(testing.TB) *site {
	return func(tb testing.TB) *site {
		pool := openSQL(tb, newDSN(tb), interpolate)
		for _, statement := range []string{ // of its README
			"CREATE TABLE sessions (token CHAR(43) PRIMARY KEY, data BLOB NOT NULL, expiry TIMESTAMP(6) NOT NULL)",
			"CREATE INDEX sessions_expiry_idx ON sessions (expiry)",
		} {
			if _, err := pool.Exec(statement); err != nil {
				tb.Fatal(err)
			}
		}
		return &site{handler: scsHandler(mysqlstore.NewWithCleanupInterval(pool, 0)), counter: byConnection{pool}}
	}
}

func scsRedis(tb testing.TB) *site {
	_, pool := newRedis(tb)
	return &site{handler: scsHandler(redisstore.New(pool)), counter: byServer{pool}}
}

func scsMemory(testing.TB) *site {
	return &site{handler: scsHandler(memstore.NewWithCleanupInterval(0))}
}

func scsHandler(store scs.Store) http.Handler {
	manager := scs.New()
	manager.Store, manager.Lifetime = store, week
	engine := gin.New()
	engine.POST("/sign-in", func(c *gin.Context) {
		ctx := c.Request.Context()
		err := manager.RenewToken(ctx)
		for name, value := range newVisit().values() {
			manager.Put(ctx, name, value)
		}
		done(c, err)
	})
	engine.GET("/me", func(c *gin.Context) { answer(c, manager.GetString(c.Request.Context(), "userId")) })
	engine.POST("/save", func(c *gin.Context) {
		manager.Put(c.Request.Context(), "expiresAt", time.Now().Add(week).UnixMilli())
		done(c, nil)
	})
	engine.POST("/sign-out", func(c *gin.Context) { done(c, manager.Destroy(c.Request.Context())) })
	return manager.LoadAndSave(engine)
}

// newRedis starts a redis-server of its own and returns a pool of connections
// beside its address. Without the program the measurement is skipped.
func newRedis(tb testing.TB) (string, *redis.Pool) {
	tb.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		tb.Skip("there is no redis-server on the PATH")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	_ = listener.Close()
	server := exec.Command(program, "--port", port, "--bind", "127.0.0.1", "--dir", tb.TempDir(), "--save", "", "--appendonly", "no", "--daemonize", "no")
	if err := server.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	address := net.JoinHostPort("127.0.0.1", port)
	pool := &redis.Pool{MaxIdle: 25, MaxActive: 25, Wait: true, DialContext: func(ctx context.Context) (redis.Conn, error) {
		return redis.DialContext(ctx, "tcp", address)
	}}
	tb.Cleanup(func() { _ = pool.Close() })
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn := pool.Get()
		_, err := conn.Do("PING")
		_ = conn.Close()
		if err == nil {
			return address, pool
		}
		if time.Now().After(end) {
			tb.Fatalf("redis-server does not answer: %v", err)
		}
	}
}

// byServer counts what a server was asked that nobody else asks.
type byServer struct{ pool *redis.Pool }

func (c byServer) count(tb testing.TB, run func()) asked {
	tb.Helper()
	run() // opens its connection, for which some clients send commands
	before := c.commands(tb)
	run()
	n := c.commands(tb) - before - 1 // the question itself
	return asked{n, n}
}

func (c byServer) commands(tb testing.TB) int {
	tb.Helper()
	conn := c.pool.Get()
	defer conn.Close()
	text, err := redis.String(conn.Do("INFO", "stats"))
	if err != nil {
		tb.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "total_commands_processed:")
	var n int
	if _, err := fmt.Sscan(rest, &n); err != nil {
		tb.Fatal(err)
	}
	return n
}
