package conformance

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/libtnb/sqlite" // the driver that the rig opens SQLite with

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/internal/testredis"
)

// interopSecret signs everybody's cookies; former is one that only the rig
// still knows.
const (
	interopSecret = "interop-secret-0123456789-abcdefghijklmnopqrstuvwxyz"
	formerSecret  = "interop-former-0123456789-abcdefghijklmnopqrstuvwxyz"
	interopPage   = "http://127.0.0.1:5173" // the page that calls both; nobody listens there
)

// A pairing is a Better Auth server and a rig on one database, and perhaps on one
// Redis. What is on is on at both, but for what Better Auth does not know.
type pairing struct {
	store, cache string
	options      []string // flags without a value, as both call them
	prefix       string   // of cookie names; empty: the default
	secondary    string   // use of Redis; empty: none
}

// oursAlone are the options that Better Auth does not know.
var oursAlone = []string{"feed", "elevate"}

// Everything is on in the first eight, so that it meets in all combinations.
func pairings() []pairing {
	var all []pairing
	for _, store := range []string{"mysql", "sqlite"} {
		for _, cache := range []string{"off", "compact", "jwt", "jwe"} {
			all = append(all, pairing{store, cache, []string{"session-fields", "multi-session", "bearer"}, "", ""})
		}
	}
	all = append(all,
		pairing{"mysql", "compact", []string{"defer-refresh"}, "acme", ""},
		pairing{"mysql", "compact", oursAlone, "", ""},
		pairing{"sqlite", "off", nil, "acme", ""},
	)
	if !speaksOurs() {
		return all
	}
	return append(all,
		pairing{"mysql", "off", []string{"session-fields", "multi-session"}, "", "only"},
		pairing{"mysql", "compact", []string{"multi-session"}, "", "only"},
		pairing{"mysql", "off", []string{"session-fields"}, "", "database"},
		pairing{"mysql", "off", nil, "", "preserve"},
	)
}

// speaksOurs tells whether the Better Auth server is of the minor version whose
// protocol is ours. What older ones keep in Redis is not looked at.
func speaksOurs() bool {
	text, err := os.ReadFile(filepath.Join(packages(), "node_modules", "better-auth", "package.json"))
	return err == nil && bytes.Contains(text, []byte(`"version": "1.7.`))
}

// TestInterop lets a Better Auth server and the rig share a database, a secret
// and a browser's cookies. What one side writes the other must honour, both
// ways. The two live in different time zones, neither of them UTC.
func TestInterop(t *testing.T) {
	t.Parallel()
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	for i, p := range pairings() {
		name := p.store + "/" + p.cache
		if len(p.options) < 3 {
			name = strings.Join(append([]string{name, p.prefix}, p.options...), "/")
		}
		if p.secondary != "" {
			name = strings.Join(append([]string{"redis", p.secondary, p.cache}, p.options...), "/")
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database, ours, theirs := p.database(t)
			var redis string
			if p.secondary != "" {
				redis = testredis.New(t).Address
				ours = append(ours, "-secondary", p.secondary, "-redis", redis, "-redis-prefix", "better-auth:")
				theirs = append(theirs, "--secondary", p.secondary, "--redis", redis)
			}
			both := map[string]func() string{
				"NODE_URL": func() string { return serveTheirs(t, p.betterAuth(theirs)) },
				"GO_URL":   func() string { return serve(t, p.rig(t, ours)) },
			}
			// Whoever comes first makes the tables that the other finds.
			order := []string{"NODE_URL", "GO_URL"}
			if i%2 == 1 {
				slices.Reverse(order)
			}
			env := []string{"DATABASE=" + database, "SECRET=" + interopSecret, "FORMER_SECRET=" + formerSecret, "PAGE=" + interopPage, "CACHE=" + p.cache, "PREFIX=" + p.cookiePrefix()}
			urls := map[string]string{}
			for _, which := range order {
				urls[which] = both[which]()
				env = append(env, which+"="+urls[which])
			}
			for _, option := range p.options {
				env = append(env, strings.ToUpper(strings.ReplaceAll(option, "-", "_"))+"=true")
			}
			if p.secondary != "" {
				env = append(env, "REDIS="+redis, "SECONDARY="+p.secondary)
			}
			if p.store == "sqlite" {
				betterAuthWaits(t, database, urls["NODE_URL"])
			}
			node(t, "interop/interop.test.mjs", env...)
		})
	}
}

// database makes an empty database. It returns its place as the tests name it,
// and the flags by which each side does.
func (p pairing) database(t *testing.T) (place string, ours, theirs []string) {
	t.Helper()
	if p.store == "sqlite" {
		file := filepath.Join(t.TempDir(), "interop.db")
		return file, []string{"-sqlite", file}, []string{"--sqlite", file}
	}
	dsn := testdb.MySQL(t)
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	address := &url.URL{Scheme: "mysql", User: url.UserPassword(config.User, config.Passwd), Host: config.Addr, Path: "/" + config.DBName}
	if config.Net == "unix" {
		address.Host, address.RawQuery = "localhost", url.Values{"socketPath": {config.Addr}}.Encode()
	}
	return address.String(), []string{"-dsn", dsn}, []string{"--mysql", address.String()}
}

func (p pairing) cookiePrefix() string {
	if p.prefix == "" {
		return "better-auth"
	}
	return p.prefix
}

func (p pairing) rig(t *testing.T, flags []string) *exec.Cmd {
	t.Helper()
	flags = append(flags, "-secret", interopSecret, "-old-secret", formerSecret, "-trusted-origins", interopPage,
		"-cookie-cache", p.cache, "-cookie-prefix", p.cookiePrefix(), "-expose-tokens")
	for _, option := range p.options {
		flags = append(flags, "-"+option)
		if option == "bearer" {
			flags = append(flags, "-bearer-allow-unsigned")
		}
	}
	return inZone(ourServer(t, flags...), "Asia/Kolkata")
}

func (p pairing) betterAuth(flags []string) *exec.Cmd {
	flags = append([]string{"interop/server.mjs"}, flags...)
	flags = append(flags, "--secret", interopSecret, "--trusted-origins", interopPage, "--cookie-cache", p.cache, "--cookie-prefix", p.cookiePrefix())
	for _, option := range p.options {
		if !slices.Contains(oursAlone, option) {
			flags = append(flags, "--"+option)
		}
	}
	cmd := exec.Command("node", flags...)
	cmd.Dir = packages()
	return inZone(cmd, "America/New_York")
}

func inZone(cmd *exec.Cmd, zone string) *exec.Cmd {
	cmd.Env = append(os.Environ(), "TZ="+zone)
	return cmd
}

// betterAuthWaits holds the file's write lock with our driver: Better Auth's
// must see it and wait. The other way round is in interop.test.mjs.
//
// It does so in a sign-in. A sign-up there begins its transaction with a read,
// and SQLite refuses at once to turn that into a write beside another writer.
func betterAuthWaits(t *testing.T, file, nodeURL string) {
	t.Helper()
	post := func(path, body string) error {
		response, err := http.Post(nodeURL+"/api/auth"+path, "application/json", strings.NewReader(body))
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(response.Body)
			return fmt.Errorf("%s: %s %s", path, response.Status, text)
		}
		return nil
	}
	if err := post("/sign-up/email", `{"name":"Patient","email":"patient@example.com","password":"correct horse battery"}`); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	lock, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		answered <- post("/sign-in/email", `{"email":"patient@example.com","password":"correct horse battery"}`)
	}()
	select {
	case err := <-answered:
		_ = lock.Rollback()
		t.Fatalf("Better Auth did not wait for our lock on the file: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Fatalf("Better Auth did not outwait our lock on the file: %v", err)
	}
}
