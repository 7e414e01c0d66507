// Command example is a small Gin service with sessions: sign up, sign in, list
// the devices and sign them out, on one plain page.
//
//	go run ./example
//
// serves http://localhost:8080 and keeps everything in example.db, a SQLite
// file in the working directory. The environment changes that:
//
//	PORT            the port, if -addr is not given
//	BASE_URL        the origin that browsers see, such as https://app.example.com
//	SESSION_SECRET  signs the cookies; generated and stored when missing, except in release mode
//	DATABASE_DSN    a MySQL data source name, in place of SQLite
//	GIN_MODE        release for production
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/device"
	"github.com/ginsession/ginsession/example/emailpassword"
)

func main() {
	addr := flag.String("addr", ":"+cmp.Or(os.Getenv("PORT"), "8080"), "`address` to listen on")
	file := flag.String("db", "example.db", "SQLite `file`, used without DATABASE_DSN")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *file); err != nil {
		fmt.Fprintln(os.Stderr, "example:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr, file string) error {
	db, err := openDatabase(ctx, os.Getenv("DATABASE_DSN"), file)
	if err != nil {
		return err
	}
	if pool, err := db.DB(); err == nil {
		defer pool.Close()
	}
	secret, err := sessionSecret(os.Getenv("SESSION_SECRET"), file)
	if err != nil {
		return err
	}
	sessions, err := ginsession.New(ginsession.Config{
		Secret:  secret,
		BaseURL: os.Getenv("BASE_URL"), // empty: development, on loopback
		DB:      db,
	})
	if err != nil {
		return err
	}
	defer sessions.Close()
	accounts, err := emailpassword.New(ctx, db, sessions, emailpassword.Options{})
	if err != nil {
		return err
	}
	router, err := newRouter(sessions, accounts)
	if err != nil {
		return err
	}
	sessions.StartPurge(ctx)
	return serve(ctx, addr, router)
}

func newRouter(sessions *ginsession.Manager, accounts *emailpassword.Accounts) (*gin.Engine, error) {
	router := gin.New()
	router.RedirectTrailingSlash = false
	// Behind a proxy, name its addresses here; believing everyone lets anyone
	// choose the address that is stored with a session.
	if err := router.SetTrustedProxies(nil); err != nil {
		return nil, err
	}
	router.Use(gin.LoggerWithConfig(gin.LoggerConfig{SkipQueryString: true}), recovery(), sessions.Middleware())

	auth := router.Group("/api/auth")
	sessions.Routes(auth)
	accounts.Routes(auth)

	router.GET("/me", sessions.RequireSession(), func(c *gin.Context) {
		user := ginsession.From(c).User
		c.PureJSON(http.StatusOK, struct {
			ID    string `json:"id"`
			Name  string `json:"name"`
			Email string `json:"email"`
		}{user.ID, user.Name, user.Email})
	})
	devices := sessions.DevicesPage(ginsession.DevicesPage{SignInURL: "/", Describe: device.Describe})
	router.GET("/devices", devices)
	router.POST("/devices", devices)
	routePage(router)
	return router, nil
}

// recovery answers a panic with an empty 500. It is not gin.Recovery, which
// logs the request with its Cookie header.
func recovery() gin.HandlerFunc {
	return gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, cause any) {
		slog.ErrorContext(c.Request.Context(), "panic", "path", c.FullPath(), "cause", cause, "stack", string(debug.Stack()))
		c.AbortWithStatus(http.StatusInternalServerError)
	})
}

// serve answers requests until ctx ends, then finishes those under way.
func serve(ctx context.Context, addr string, handler http.Handler) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    128 << 10,
	}
	fmt.Printf("listening on http://localhost:%d\n", listener.Addr().(*net.TCPAddr).Port)

	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}
