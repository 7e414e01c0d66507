package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/internal/testredis"
	"github.com/ginsession/ginsession/internal/witness"
)

// everything reads whatever the program prints in the scripts: SR-67. It knows the
// password of the DSN and of Redis, all secrets and all tokens.
var everything = witness.New()

type witnessed struct{ m *testing.M }

func (w witnessed) Run() int { return everything.Main(w.m) }

func TestMain(m *testing.M) {
	testscript.Main(witnessed{m}, map[string]func(){"ginsession": main})
}

func TestScripts(t *testing.T) {
	gin.SetMode(gin.TestMode)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			password, secret := rand.Text(), rand.Text()+rand.Text()
			everything.Keep(password, secret)
			env.Setenv("DATABASE_DSN", account(t, password))
			env.Setenv("SESSION_SECRET", secret)
			env.Setenv("BASE_URL", "https://app.example.com")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"generate": generate,
			"signin":   signIn,
			"sql":      statement,
			"lines":    lines,
			"redis":    func(ts *testscript.TestScript, _ bool, options []string) { startRedis(t, ts, options) },
		},
	})
}

// account makes a database and a user of the server with a password, and returns the
// DSN of both.
func account(t *testing.T, password string) string {
	config, err := mysql.ParseDSN(testdb.MySQL(t))
	if err != nil {
		t.Fatal(err)
	}
	server, err := sql.Open("mysql", testdb.Server(t).FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	name := "gs_" + strings.ToLower(rand.Text())[:12]
	for _, text := range []string{
		fmt.Sprintf("CREATE USER %s IDENTIFIED BY '%s'", name, password),
		fmt.Sprintf("GRANT ALL ON %s.* TO %s", config.DBName, name),
	} {
		if _, err := server.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		defer server.Close()
		if _, err := server.Exec("DROP USER " + name); err != nil {
			t.Error(err)
		}
	})
	config.User, config.Passwd = name, password
	return config.FormatDSN()
}

// exits CODE PROGRAM ARGUMENTS… runs a program that must exit with the code, and shows
// its output to the witness.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	for _, output := range []string{"stdout", "stderr"} {
		everything.Read(ts.ReadFile(output))
	}
	if got != want {
		ts.Fatalf("got exit code %d, want %d", got, want)
	}
}

// generate VARIABLE draws a secret.
func generate(ts *testscript.TestScript, _ bool, args []string) {
	secret := rand.Text() + rand.Text()
	everything.Keep(secret)
	ts.Setenv(args[0], secret)
}

// signin NAME USER signs a user in, as the service does, and sets NAME_TOKEN,
// NAME_HANDLE and NAME_COOKIE, a Cookie header.
func signIn(ts *testscript.TestScript, _ bool, args []string) {
	flags := flag.NewFlagSet("signin", flag.ContinueOnError)
	ago := flags.Duration("ago", 0, "")
	address := flags.String("ip", "203.0.113.7", "")
	agent := flags.String("agent", "Firefox", "")
	hash := flags.Bool("hash", false, "")
	strategy := flags.Int("strategy", int(cookiecache.SecureCookie), "")
	ts.Check(flags.Parse(args[2:]))

	ctx := context.Background()
	p, err := readEnvironment(ts.Getenv).open(ctx)
	ts.Check(err)
	defer p.close()
	now := time.Now().Add(-*ago)
	sessions, err := ginsession.New(ginsession.Config{
		Secret: ts.Getenv("SESSION_SECRET"), BaseURL: "https://app.example.com", Store: p.store, HashTokens: *hash,
		CookieCache: ginsession.CookieCache{Enabled: true, NoFeed: true, Strategy: cookiecache.Strategy(*strategy)},
		Logger:      everything.Log(),
		Now:         func() time.Time { return now },
	})
	ts.Check(err)
	defer sessions.Close()
	w := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	c.Request = httptest.NewRequestWithContext(ctx, http.MethodPost, "/", nil)
	session, err := sessions.SignIn(c, args[1], ginsession.WithClient(*address, *agent))
	ts.Check(err)
	var header []string
	for _, cookie := range w.Result().Cookies() {
		everything.KeepCookie(cookie.Value)
		if cookie.MaxAge > 0 {
			header = append(header, cookie.Name+"="+cookie.Value)
		}
	}
	everything.Keep(session.Token.Reveal())
	ts.Setenv(args[0]+"_TOKEN", session.Token.Reveal())
	ts.Setenv(args[0]+"_HANDLE", session.Handle())
	ts.Setenv(args[0]+"_COOKIE", strings.Join(header, "; "))
}

func database(ts *testscript.TestScript) *sql.DB {
	db, err := sql.Open("mysql", ts.Getenv("DATABASE_DSN"))
	ts.Check(err)
	return db
}

// sql STATEMENT runs one.
func statement(ts *testscript.TestScript, _ bool, args []string) {
	db := database(ts)
	defer db.Close()
	_, err := db.Exec(args[0])
	ts.Check(err)
}

// lines N CONDITION counts rows: of FROM session WHERE …
func lines(ts *testscript.TestScript, _ bool, args []string) {
	db := database(ts)
	defer db.Close()
	got := 0
	ts.Check(db.QueryRow("SELECT COUNT(*) " + args[1]).Scan(&got))
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("got %d rows, want %s: %s", got, want, args[1])
	}
}

// redis starts a server with a password, and sets GINSESSION_REDIS.
func startRedis(t *testing.T, ts *testscript.TestScript, options []string) {
	password := rand.Text()
	everything.Keep(password)
	server := testredis.New(t, options...)
	client := redis.NewClient(&redis.Options{Addr: server.Address})
	defer client.Close()
	ts.Check(client.ConfigSet(context.Background(), "requirepass", password).Err())
	ts.Setenv("GINSESSION_REDIS", "redis://:"+password+"@"+server.Address+"/0")
}
