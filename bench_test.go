package ginsession_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/models"
)

// A quietStore has a feed that never has anything to tell.
type quietStore struct{ *memStore }

func (quietStore) Publish(context.Context, models.Revoked) error { return nil }

func (quietStore) Follow(ctx context.Context, _, every time.Duration, hear func(models.Heard)) error {
	for tick := time.NewTicker(every); ; {
		hear(models.Heard{AsOf: time.Now()})
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// A cached read through gin, with a feed and without:
//
//	go test -run '^$' -bench CachedRead -count 10 . | benchstat -col /feed -
func BenchmarkCachedRead(b *testing.B) {
	for _, strategy := range []cookiecache.Strategy{cookiecache.SecureCookie, cookiecache.Compact} {
		for _, feed := range []string{"none", "quiet"} {
			b.Run("strategy="+strategy.String()+"/feed="+feed, func(b *testing.B) {
				store := newMemStore()
				store.AddUser(user("ada"))
				config := ginsession.Config{Secret: secret, BaseURL: home, Store: quietStore{store}}
				config.CookieCache = ginsession.CookieCache{Enabled: true, Strategy: strategy, NoFeed: feed == "none"}
				sessions, err := ginsession.New(config)
				if err != nil {
					b.Fatal(err)
				}
				defer sessions.Close()
				engine := gin.New()
				engine.Use(sessions.Middleware())
				engine.POST("/sign-in", func(c *gin.Context) { _, _ = sessions.SignIn(c, "ada") })
				cached := false
				engine.GET("/me", func(c *gin.Context) { cached = ginsession.From(c).Cached })
				w := httptest.NewRecorder()
				engine.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/sign-in", nil))
				r := httptest.NewRequest(http.MethodGet, "/me", nil)
				for _, cookie := range w.Result().Cookies() {
					r.AddCookie(cookie)
				}
				for !cached { // until the feed is heard
					engine.ServeHTTP(httptest.NewRecorder(), r)
				}
				b.ReportAllocs()
				for b.Loop() {
					if engine.ServeHTTP(httptest.NewRecorder(), r); !cached {
						b.Fatal("not from the cookie cache")
					}
				}
			})
		}
	}
}
