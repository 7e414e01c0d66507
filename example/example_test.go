package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/example/emailpassword"
	"github.com/ginsession/ginsession/internal/witness"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	gin.DefaultWriter, gin.DefaultErrorWriter = everything, everything
	everything.Keep(secret)
	os.Exit(everything.Main(m))
}

// everything hears the log of the example, and the bodies of its answers: SR-67 and
// SR-44.
var everything = witness.New()

const secret = "example-secret-0123456789-abcdefghijklmnopqrstuvwxyz"

func TestSecretIsMadeOnceAndKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "example.db")
	first, err := sessionSecret("", file)
	if err != nil {
		t.Fatal(err)
	}
	second, err := sessionSecret("", file)
	if err != nil || first != second {
		t.Errorf("the second start has another secret, or %v", err)
	}
	everything.Keep(first)
	if len(first) < 32 {
		t.Errorf("the secret has %d bytes", len(first))
	}
	info, err := os.Stat(strings.TrimSuffix(file, ".db") + ".secret")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v, want mode 0600", info, err)
	}
	if given, _ := sessionSecret("given", file); given != "given" {
		t.Error("the environment does not win")
	}
}

func TestReleaseModeNeedsASecret(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	defer gin.SetMode(gin.TestMode)
	file := filepath.Join(t.TempDir(), "example.db")
	if _, err := sessionSecret("", file); err == nil || !strings.Contains(err.Error(), "SESSION_SECRET") {
		t.Errorf("error %v, want one that names SESSION_SECRET", err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 0 {
		t.Errorf("%v was written", entries)
	}
}

func newTestRouter(t *testing.T, file string) *gin.Engine {
	t.Helper()
	db, err := openDatabase(t.Context(), "", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	})
	sessions, err := ginsession.New(ginsession.Config{Secret: secret, DB: db})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := emailpassword.New(t.Context(), db, sessions, emailpassword.Options{})
	if err != nil {
		t.Fatal(err)
	}
	router, err := newRouter(sessions, accounts)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

func do(h http.Handler, method, path, body, cookie string) *http.Response {
	r := httptest.NewRequest(method, "http://localhost:8080"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", "http://localhost:8080")
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	response := w.Result()
	everything.KeepCookies(response.Cookies())
	everything.Read(w.Body.String())
	return response
}

func TestSessionOutlivesARestart(t *testing.T) {
	// A path with characters that mean something in a URL.
	file := filepath.Join(t.TempDir(), "a b?#%.db")
	signUp := do(newTestRouter(t, file), "POST", "/api/auth/sign-up/email", `{"name":"Ada","email":"ada@example.com","password":"password-1234"}`, "")
	if signUp.StatusCode != http.StatusOK {
		t.Fatal(signUp.Status)
	}
	cookie, _, _ := strings.Cut(signUp.Header.Get("Set-Cookie"), ";")

	router := newTestRouter(t, file)
	me := do(router, "GET", "/me", "", cookie)
	body, _ := io.ReadAll(me.Body)
	if me.StatusCode != http.StatusOK || !strings.Contains(string(body), `"email":"ada@example.com"`) {
		t.Errorf("GET /me: %s %s", me.Status, body)
	}
	if got := do(router, "GET", "/me", "", "").StatusCode; got != http.StatusUnauthorized {
		t.Errorf("GET /me without a cookie: %d, want 401", got)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if info, err := os.Stat(file + suffix); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600: it holds tokens", file+suffix, info, err)
		}
	}
}

func TestPage(t *testing.T) {
	router := newTestRouter(t, filepath.Join(t.TempDir(), "example.db"))
	for path, contentType := range map[string]string{"/": "text/html", "/app.js": "text/javascript", "/style.css": "text/css"} {
		response := do(router, "GET", path, "", "")
		if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || !strings.HasPrefix(got, contentType) {
			t.Errorf("%s: %s, %q", path, response.Status, got)
		}
		if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if path != "/" {
			continue
		}
		// The policy would block them silently.
		body, _ := io.ReadAll(response.Body)
		for _, outside := range []string{"http://", "https://", "<style", "<script>", " style=", " onclick="} {
			if strings.Contains(string(body), outside) {
				t.Errorf("the page has %q in it", outside)
			}
		}
	}
}

func TestPanicIsAnEmpty500(t *testing.T) {
	router := gin.New()
	router.Use(recovery())
	router.GET("/", func(*gin.Context) { panic("at the disco") })
	response := do(router, "GET", "/", "", "")
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusInternalServerError || len(body) != 0 {
		t.Errorf("%s %q", response.Status, body)
	}
}

func TestShutdownFinishesWhatIsUnderWay(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	_ = free.Close()
	begun := make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		stop()
		time.Sleep(50 * time.Millisecond)
		fmt.Fprint(w, "done")
	})
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, addr, slow) }()

	var response *http.Response
	for range 3000 { // until it listens
		if response, err = http.Get("http://" + addr); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	<-begun
	if string(body) != "done" {
		t.Errorf("body %q, want done", body)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
