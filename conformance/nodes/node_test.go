package nodes

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/witness"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/redisstore"
)

// maxLag is CookieCache.MaxLag's default, under which the nodes run.
const maxLag = 2 * time.Second

const (
	secret = "nodes-secret-0123456789-abcdefghijklmnopqrstuvwxyz"
	home   = "http://localhost:3000" // of all nodes, as behind one balancer
)

// asNode names the environment variable that makes this program a node, and holds
// its settings.
const asNode = "GINSESSION_TEST_NODE"

// settings are what a node is told.
type settings struct {
	Address string // to listen on
	DSN     string // of the database, or of a proxy in front of it

	Redis  []string // CookieCache.Feed's servers, or its Sentinels; none: no such feed
	Master string   // by the Sentinels' name; "": there are none
}

func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(asNode); ok {
		if err := beNode(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return // with the race detector's verdict
	}
	everything.Keep(secret)
	os.Exit(everything.Main(m))
}

// everything hears what the nodes write, and the bodies: SR-67 and SR-44.
var everything = witness.New()

// schema is that of all nodes.
var schema = models.Schema{Feed: true}

// beNode serves the application until standard input ends, which it does with the
// test. Reading the store renews a session.
func beNode(text string) error {
	var s settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	db, err := models.OpenMySQL(s.DSN)
	for tries := 0; err != nil && tries < 20; tries++ { // the machine is busy with starting all the others
		time.Sleep(time.Second)
		db, err = models.OpenMySQL(s.DSN)
	}
	if err != nil {
		return err
	}
	db.Logger = witness.SQL(os.Stderr)
	cache := ginsession.CookieCache{Enabled: true, MaxLag: maxLag}
	if s.Redis != nil {
		client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: s.Redis, MasterName: s.Master, ContextTimeoutEnabled: true})
		defer client.Close()
		if cache.Feed, err = redisstore.NewFeed(redisstore.FeedOptions{Client: client}); err != nil {
			return err
		}
	}
	sessions, err := ginsession.New(ginsession.Config{
		Secret:      secret,
		BaseURL:     home,
		DB:          db,
		Schema:      schema,
		UpdateAge:   time.Millisecond,
		CookieCache: cache,
		Logger:      slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		return err
	}
	defer sessions.Close()
	gin.SetMode(gin.ReleaseMode)
	router := gin.New() // without recovery: a panic breaks the connection, which is judged
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
	router.GET("/me", sessions.RequireSession(), source)
	router.GET("/store", sessions.RequireStore(), source)

	listener, err := net.Listen("tcp", s.Address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: router, ReadHeaderTimeout: time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	fmt.Println("listening on http://" + listener.Addr().String())
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// source says where the session comes from.
func source(c *gin.Context) {
	if ginsession.From(c).Cached {
		c.String(http.StatusOK, fromCopy)
		return
	}
	c.String(http.StatusOK, fromStore)
}

const (
	fromCopy  = "copy"
	fromStore = "store"
)

// A node is one process of the service, seen from the test.
type node struct {
	name     string
	url      string
	http     *http.Client
	settings settings

	// away says that the process is stopped or being started anew. Meanwhile the
	// traffic keeps off it.
	away atomic.Bool

	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *witness.Output // of all processes that the node was

	mu               sync.Mutex
	stopped, resumed time.Time // the last time
}

// newNode starts a node on a free port. It ends with the test.
func newNode(t *testing.T, name string, s settings) *node {
	t.Helper()
	// No bound: an answer that never comes is a finding.
	n := &node{name: name, settings: s, stderr: everything.Output(), http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 500}}}
	n.settings.Address = "127.0.0.1:0"
	n.start(t)
	n.settings.Address = strings.TrimPrefix(n.url, "http://") // from now on
	t.Cleanup(func() {
		n.http.CloseIdleConnections()
		_ = n.stdin.Close()
		kill := time.AfterFunc(20*time.Second, func() {
			t.Errorf("%s does not end", n.name)
			_ = n.cmd.Process.Kill()
		})
		defer kill.Stop()
		if err := n.cmd.Wait(); err != nil { // 66 is a race
			t.Errorf("%s: %v", n.name, err)
		}
		n.stderr.Judge(t, n.name)
		if t.Failed() {
			t.Logf("the end of what %s wrote to standard error:\n%s", n.name, n.stderr)
		}
	})
	return n
}

// start starts the process and returns when it listens.
func (n *node) start(t *testing.T) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(n.settings)
	if err != nil {
		t.Fatal(err)
	}
	n.cmd = exec.Command(program)
	n.cmd.Env = append(os.Environ(), asNode+"="+string(text))
	n.cmd.Stderr = n.stderr
	if n.stdin, err = n.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		_ = n.cmd.Process.Kill()
		_ = n.cmd.Wait()
		t.Fatalf("%s does not listen: %q, %v\n%s", n.name, line, err, n.stderr)
	}
	if n.url == "" {
		n.url = url
	}
}

// restart kills the process and starts it anew, with nothing in its memory.
func (n *node) restart(t *testing.T) {
	t.Helper()
	n.away.Store(true)
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
	n.http.CloseIdleConnections()
	n.start(t)
	n.away.Store(false)
}

// stop stops the process. What is sent to it from then on waits in its sockets.
func (n *node) stop(t *testing.T) {
	t.Helper()
	n.away.Store(true)
	if err := n.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // until the last of its threads has heard
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopped, n.resumed = time.Now(), time.Time{}
}

func (n *node) resume(t *testing.T) {
	t.Helper()
	n.mu.Lock()
	n.resumed = time.Now()
	n.mu.Unlock()
	if err := n.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Error(err)
	}
	n.away.Store(false)
}

// An answer is what a request got.
type answer struct {
	node   *node
	status int
	body   string
	set    []*http.Cookie
	retry  bool // there is a Retry-After
	sent   time.Time
	// looked is when the node can have looked at the request first: when it was
	// sent, or when the process was resumed.
	looked time.Time
}

// accepts reports whether there is a session, to an answer of a route that reads one.
func (a answer) accepts() bool { return a.status == http.StatusOK && a.body != "null" }

func (n *node) ask(method, path string, cookies jar, body string) (answer, error) {
	req, err := http.NewRequest(method, n.url+path, strings.NewReader(body))
	if err != nil {
		panic(err) // a slip of this package's
	}
	if method == http.MethodPost {
		req.Header.Set("Origin", home)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if len(cookies) > 0 {
		req.Header.Set("Cookie", cookies.header())
	}
	a := answer{node: n, sent: time.Now()}
	resp, err := n.http.Do(req)
	if err != nil {
		return a, err
	}
	content, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	everything.KeepCookies(resp.Cookies())
	everything.Read(string(content))
	a.status, a.body, a.set, a.retry = resp.StatusCode, string(content), resp.Cookies(), resp.Header.Get("Retry-After") != ""
	n.mu.Lock()
	defer n.mu.Unlock()
	if a.looked = a.sent; a.sent.After(n.stopped) && a.sent.Before(n.resumed) {
		a.looked = n.resumed
	}
	return a, err
}
