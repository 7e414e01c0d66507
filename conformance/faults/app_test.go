package faults

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// An app is the application under test, on HTTP over loopback. It has OpenMySQL's
// pool and whatever the Config leaves out; only the deadline is said, and that
// every read of the store renews.
type app struct {
	url      string
	pool     *sql.DB
	deadline time.Duration // Config.StoreTimeout
	cached   bool          // the cookie cache is on
	http     *http.Client
}

const secret = "faults-secret-0123456789-abcdefghijklmnopqrstuvwxyz"

// newApp starts an application on the database at the DSN. It ends with the test.
func newApp(t *testing.T, dsn string, cached bool, deadline time.Duration) *app {
	t.Helper()
	db, err := models.OpenMySQL(dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.Logger = everything.SQL()
	a := &app{deadline: deadline, cached: cached}
	if a.pool, err = db.DB(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.pool.Close() })
	if err := models.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}

	gin.SetMode(gin.ReleaseMode)
	router := gin.New() // without recovery: a panic breaks the connection, which is judged
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	a.url = server.URL
	// No bound: an answer that never comes is a finding.
	a.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * clients}}
	t.Cleanup(a.http.CloseIdleConnections)

	sessions, err := ginsession.New(ginsession.Config{
		Secret:       secret,
		BaseURL:      a.url,
		DB:           db,
		StoreTimeout: deadline,
		UpdateAge:    time.Millisecond,
		CookieCache:  ginsession.CookieCache{Enabled: cached, NoFeed: true},
		Logger:       everything.Log(),
	})
	if err != nil {
		t.Fatal(err)
	}
	router.Use(sessions.Middleware())
	sessions.Routes(router.Group("/api/auth"))
	router.POST("/sign-in/:user", sessions.RequireOrigin(), func(c *gin.Context) {
		session, err := sessions.SignIn(c, c.Param("user"))
		if err != nil {
			c.Header("Retry-After", "1")
			c.String(http.StatusServiceUnavailable, err.Error())
			return
		}
		c.JSON(http.StatusOK, gin.H{"id": session.ID, "token": session.Handle()})
	})
	return a
}

// users makes n users and returns their ids.
func (a *app) users(ctx context.Context, n int) ([]string, error) {
	ids, values := make([]string, n), make([]string, n)
	for i := range n {
		ids[i] = fmt.Sprintf("user-%d", i)
		values[i] = fmt.Sprintf("('%[1]s', '%[1]s', '%[1]s@example.com', 1)", ids[i])
	}
	_, err := a.pool.ExecContext(ctx, "INSERT INTO `user` (id, name, email, emailVerified) VALUES "+strings.Join(values, ", "))
	return ids, err
}
