package live_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"
	"github.com/libtnb/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/example/live"
	"github.com/ginsession/ginsession/internal/witness"
	"github.com/ginsession/ginsession/models"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	everything.Keep(secret)
	os.Exit(everything.Main(m))
}

// everything hears the logs, the SQL of the sessions, and what the streams say: SR-67.
var everything = witness.New()

const secret = "live-secret-0123456789-abcdefghijklmnopqrstuvwxyz"

// node is one process of a service: it has a Manager and a server of its own.
func node(t *testing.T, db *gorm.DB) (*ginsession.Manager, string) {
	t.Helper()
	sessions, err := ginsession.New(ginsession.Config{
		Secret:      secret,
		DB:          db.Session(&gorm.Session{Logger: everything.SQL()}),
		CookieCache: ginsession.CookieCache{Enabled: true}, // which comes with the feed
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sessions.Close)
	router := gin.New()
	router.Use(sessions.Middleware())
	router.POST("/sign-in", func(c *gin.Context) {
		if _, err := sessions.SignIn(c, "ada"); err != nil {
			t.Error(err)
		}
	})
	router.GET("/echo", sessions.RequireSession(), live.Echo(sessions))
	router.GET("/clock", sessions.RequireSession(), live.Clock(sessions))
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	return sessions, server.URL
}

// TestStreamsEndWithTheirSession: what one process ends, streams of the other do
// not outlive, longer than the feed takes.
func TestStreamsEndWithTheirSession(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "live.db")
	db, err := gorm.Open(sqlite.Open("file:"+file+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if pool, err := db.DB(); err == nil {
		t.Cleanup(func() { _ = pool.Close() })
	}
	if err := (models.Schema{Feed: true}).Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if err := db.Create(&models.User{ID: "ada", Name: "Ada", Email: "ada@example.com", CreatedAt: now, UpdatedAt: now}).Error; err != nil {
		t.Fatal(err)
	}
	_, here := node(t, db)
	elsewhere, _ := node(t, db)

	request := func(method, path string, cookies []*http.Cookie) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, here+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, cookie := range cookies {
			r.AddCookie(cookie)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		return response
	}
	cookies := request(http.MethodPost, "/sign-in", nil).Cookies()
	everything.KeepCookies(cookies)

	header := http.Header{}
	for _, cookie := range cookies {
		header.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	socket, _, err := websocket.Dial(t.Context(), here+"/echo", &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	if err := socket.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, message, err := socket.Read(t.Context()); err != nil || string(message) != "hello" {
		t.Fatalf("got %q, %v", message, err)
	}
	events := bufio.NewScanner(request(http.MethodGet, "/clock", cookies).Body)
	if !events.Scan() || events.Text() != "event:time" {
		t.Fatalf("got %q, %v", events.Text(), events.Err())
	}

	if _, err := elsewhere.RevokeAll(context.Background(), "ada"); err != nil {
		t.Fatal(err)
	}
	revoked := time.Now()
	_, _, err = socket.Read(t.Context())
	_ = everything.Hear(err)
	if code := websocket.CloseStatus(err); code != websocket.StatusPolicyViolation || !endedBy(err.Error()) {
		t.Errorf("the socket ended with %v", err)
	}
	var said []string
	for events.Scan() {
		said = append(said, events.Text())
		everything.Read(events.Text())
	}
	if all := strings.Join(said, "\n"); !strings.Contains(all, "event:ended\ndata:") || !endedBy(all) {
		t.Errorf("the stream ended with %q", all)
	}
	if took := time.Since(revoked); took > 15*time.Second { // MaxLag, and a machine with other work
		t.Errorf("both ended after %v", took)
	}
	if got := request(http.MethodGet, "/clock", cookies).StatusCode; got != http.StatusUnauthorized {
		t.Errorf("once more: %d", got)
	}
}

// endedBy reports whether a stream gives one of the two reasons that there may be: a
// stream that began a moment ago may see in the store that its session has gone
// before the feed has told why.
func endedBy(text string) bool {
	return strings.Contains(text, "revoked by application") || strings.Contains(text, "ended elsewhere")
}
