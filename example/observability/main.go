// Command observability is a small Gin service whose sessions Prometheus can watch:
//
//	go run ./example/observability
//
// serves http://localhost:8081 (or the PORT of the environment) with one user, who
// signs in without a password, and the metrics at /metrics. Its sessions live until it
// ends.
//
//	curl -c jar -X POST http://localhost:8081/sign-in
//	curl -b jar http://localhost:8081/me
//	curl http://localhost:8081/metrics
//
// dashboard.json beside this file is for Grafana: Dashboards, New, Import.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/libtnb/sqlite"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/otelsession"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "observability:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "ginsession-observability-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	db, err := openDatabase(ctx, filepath.Join(folder, "app.db"))
	if err != nil {
		return err
	}
	if pool, err := db.DB(); err == nil {
		defer pool.Close()
	}
	router, sessions, err := newService(ginsession.Config{DB: db})
	if err != nil {
		return err
	}
	defer sessions.Close()
	sessions.StartPurge(ctx)

	// On loopback alone: anybody could sign in, and metrics are the operator's.
	listener, err := net.Listen("tcp", "localhost:"+cmp.Or(os.Getenv("PORT"), "8081"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: router, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Printf("listening on http://localhost:%d\n", listener.Addr().(*net.TCPAddr).Port)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newService is the application: a few routes, and those of the sessions.
func newService(config ginsession.Config) (*gin.Engine, *ginsession.Manager, error) {
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry))
	if err != nil {
		return nil, nil, err
	}
	observer, err := otelsession.New(metric.NewMeterProvider(metric.WithReader(reader)), nil)
	if err != nil {
		return nil, nil, err
	}
	config.Secret = rand.Text() + rand.Text() // of this run
	config.CookieCache.Enabled = true
	config.Observer = observer
	sessions, err := ginsession.New(config)
	if err != nil {
		return nil, nil, err
	}
	router := gin.New()
	// Ahead of the middleware: a scrape is no visitor.
	router.GET("/metrics", gin.WrapH(promhttp.HandlerFor(registry, promhttp.HandlerOpts{})))
	router.Use(gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, _ any) { c.AbortWithStatus(http.StatusInternalServerError) }), sessions.Middleware())
	sessions.Routes(router.Group("/api/auth"))
	router.POST("/sign-in", sessions.RequireOrigin(), func(c *gin.Context) {
		if _, err := sessions.SignIn(c, userID); err != nil {
			_ = c.AbortWithError(http.StatusServiceUnavailable, err)
		}
	})
	router.GET("/me", sessions.RequireSession(), func(c *gin.Context) {
		c.String(http.StatusOK, "%s\n", ginsession.From(c).User.Name)
	})
	return router, sessions, nil
}

const userID = "ada"

func openDatabase(ctx context.Context, file string) (*gorm.DB, error) {
	const pragmas = "?_pragma=busy_timeout(1500)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_txlock=immediate"
	db, err := gorm.Open(sqlite.Open("file:"+file+pragmas), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, err
	}
	if err := (models.Schema{Feed: true}).Migrate(ctx, db); err != nil {
		return nil, err
	}
	now := time.Now()
	return db, db.Create(&models.User{ID: userID, Name: "Ada", Email: "ada@example.com", CreatedAt: now, UpdatedAt: now}).Error
}
