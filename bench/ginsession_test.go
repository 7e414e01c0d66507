package bench

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/models"
)

// Ours.

// cachedSite keeps sessions in the cookie cache, in front of a store that costs
// nothing and is not asked once somebody has signed in.
func cachedSite(strategy cookiecache.Strategy) func(testing.TB) *site {
	return func(tb testing.TB) *site {
		store := &lastOnly{}
		config := ginsession.Config{Store: store}
		config.CookieCache = ginsession.CookieCache{Enabled: true, Strategy: strategy, NoFeed: true}
		return &site{handler: newEngine(tb, config), counter: store}
	}
}

// storedSite keeps sessions in MariaDB alone.
func storedSite(tb testing.TB) *site {
	db := openGORM(tb, newDSN(tb))
	return &site{handler: newEngine(tb, ginsession.Config{DB: db}), counter: poolOf(tb, db)}
}

// renewingSite is storedSite where a session is due for renewal after later.
func renewingSite(tb testing.TB) *site {
	db := openGORM(tb, newDSN(tb))
	start := time.Now()
	var passed atomic.Int64
	config := ginsession.Config{DB: db, UpdateAge: time.Millisecond, Now: func() time.Time { return start.Add(time.Duration(passed.Load())) }}
	return &site{handler: newEngine(tb, config), counter: poolOf(tb, db), later: func() { passed.Add(int64(2 * time.Millisecond)) }}
}

// losingSite is renewingSite where another request is always faster.
func losingSite(tb testing.TB) *site {
	db := openGORM(tb, newDSN(tb))
	store, err := models.NewStore(db)
	if err != nil {
		tb.Fatal(err)
	}
	start := time.Now()
	config := ginsession.Config{Store: overtaken{store}, UpdateAge: time.Millisecond, Now: func() time.Time { return start }}
	return &site{handler: newEngine(tb, config), counter: poolOf(tb, db), later: func() {}}
}

// An overtaken store reads sessions as they were before their last renewal.
type overtaken struct{ ginsession.Store }

func (s overtaken) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	session, user, err := s.Store.Find(ctx, token)
	session.ExpiresAt = session.ExpiresAt.Add(-2 * time.Millisecond)
	return session, user, err
}

func newEngine(tb testing.TB, config ginsession.Config) *gin.Engine {
	tb.Helper()
	config.Secret, config.BaseURL = secret, home
	config.StoreTimeout = 10 * time.Second // a machine that is busy measures badly, and still measures
	sessions, err := ginsession.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(sessions.Close)
	engine := gin.New()
	engine.Use(sessions.Middleware())
	sessions.Routes(engine.Group("/api/auth"))
	engine.POST("/sign-in", func(c *gin.Context) {
		_, err := sessions.SignIn(c, ada)
		done(c, err)
	})
	engine.POST("/create", func(c *gin.Context) {
		_, err := sessions.Create(c.Request.Context(), ada, ginsession.WithClient(c.RemoteIP(), c.Request.UserAgent()))
		done(c, err)
	})
	engine.GET("/me", func(c *gin.Context) {
		if s := ginsession.From(c); s != nil && s.Cached == config.CookieCache.Enabled {
			answer(c, s.User.ID)
		} else {
			answer(c, "")
		}
	})
	engine.GET("/untouched", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	return engine
}

// lastOnly is a store of the session that was created last. It counts its calls.
type lastOnly struct {
	ginsession.Store // nil: nothing else is asked of it
	mu               sync.Mutex
	row              models.Session
	calls            int
}

func (s *lastOnly) Create(_ context.Context, row models.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.row = row
	return nil
}

func (s *lastOnly) Find(_ context.Context, token string) (models.Session, models.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.row.Token != token {
		return models.Session{}, models.User{}, models.ErrNotFound
	}
	return s.row, models.User{
		ID: s.row.UserID, Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true,
		CreatedAt: s.row.CreatedAt, UpdatedAt: s.row.CreatedAt,
	}, nil
}

// KeepsDeadlines: its calls end at once.
func (*lastOnly) KeepsDeadlines() bool { return true }

func (s *lastOnly) count(_ testing.TB, run func()) asked {
	before := s.calls
	run()
	return asked{s.calls - before, s.calls - before}
}
