package emailpassword_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/libtnb/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/example/emailpassword"
	"github.com/ginsession/ginsession/internal/witness"
	"github.com/ginsession/ginsession/models"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	everything.Keep(secret)
	os.Exit(everything.Main(m))
}

// everything hears the logs, the SQL of the sessions, and the bodies: SR-67 and SR-44.
var everything = witness.New()

const secret = "emailpassword-secret-0123456789-abcdefghijklmnopqrstuvwxyz"

type service struct {
	http.Handler
	db *gorm.DB
}

func newService(t *testing.T) service {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.db")
	db, err := gorm.Open(sqlite.Open("file:"+file+"?_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_txlock=immediate"),
		&gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	})
	if err := models.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	sessions, err := ginsession.New(ginsession.Config{
		Secret: secret, BaseURL: "http://localhost:3000", DB: db.Session(&gorm.Session{Logger: everything.SQL()}),
	})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := emailpassword.New(t.Context(), db, sessions, emailpassword.Options{
		Now: func() time.Time { return time.Date(2026, 1, 15, 12, 0, 0, 123_456_789, time.FixedZone("", 3600)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	router := gin.New()
	group := router.Group("/api/auth")
	sessions.Routes(group)
	accounts.Routes(group)
	return service{router, db}
}

// post sends a body as a browser on our own page would.
func (s service) post(path, body string, headers ...string) *http.Response {
	r := httptest.NewRequest(http.MethodPost, "http://localhost:3000/api/auth"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", "http://localhost:3000")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	response := w.Result()
	everything.KeepCookies(response.Cookies())
	everything.Read(w.Body.String())
	return response
}

func text(t *testing.T, response *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

const ada = `{"name":"Ada <&> Lovelace","email":"Ada@Example.com","password":"password-1234"}`

func TestSignUpThenSignInAnswerAsBetterAuth(t *testing.T) {
	t.Parallel()
	s := newService(t)
	const user = `"user":{"name":"Ada <&> Lovelace","email":"ada@example.com","emailVerified":false,"image":null,` +
		`"createdAt":"2026-01-15T11:00:00.123Z","updatedAt":"2026-01-15T11:00:00.123Z","id":"[A-Za-z0-9]{32}"}}$`
	tests := []struct{ name, path, body, want string }{
		{"sign-up", "/sign-up/email", ada, `^{"token":"h_[\w-]{43}",` + user},
		{"sign-in", "/sign-in/email", ada, `^{"redirect":false,"token":"h_[\w-]{43}",` + user},
		{"other case", "/sign-in/email", `{"email":"ADA@example.COM","password":"password-1234"}`, `^{"redirect":false,`},
		{"not remembered", "/sign-in/email", `{"email":"ada@example.com","password":"password-1234","rememberMe":false}`, `^{"redirect":false,`},
		// A redirect is the page's business: no url, whatever is asked for.
		{"callbackURL", "/sign-in/email", `{"email":"ada@example.com","password":"password-1234","callbackURL":"https://evil.example"}`, `^{"redirect":false,"token":"[^"]*","user"`},
	}
	for _, tt := range tests {
		response := s.post(tt.path, tt.body)
		body := text(t, response)
		if response.StatusCode != http.StatusOK || !regexp.MustCompile(tt.want).MatchString(body) {
			t.Errorf("%s: %d %s, want 200 %s", tt.name, response.StatusCode, body, tt.want)
		}
		if got := response.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: content type %q", tt.name, got)
		}
		if got := response.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: cache control %q", tt.name, got)
		}
		wantCookies := 1
		if strings.Contains(tt.body, "false") {
			wantCookies = 2 // the token and the don't-remember-me marker
		}
		if got := response.Header["Set-Cookie"]; len(got) != wantCookies {
			t.Errorf("%s: %d cookies, want %d", tt.name, len(got), wantCookies)
		}
	}
}

func TestRefusalsAreInBetterAuthsWords(t *testing.T) {
	t.Parallel()
	s := newService(t)
	if response := s.post("/sign-up/email", ada); response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	long := strings.Repeat("x", 129)
	tests := []struct {
		name, path, body string
		status           int
		code, message    string
	}{
		{"nothing", "/sign-up/email", `{}`, 400, "VALIDATION_ERROR", "[body.name] Invalid input: expected string, received undefined; [body.email] Invalid input: expected string, received undefined; [body.password] Invalid input: expected string, received undefined"},
		{"wrong types", "/sign-up/email", `{"name":1,"email":[],"password":{},"rememberMe":"x","image":null}`, 400, "VALIDATION_ERROR", "[body.name] Invalid input: expected string, received number; [body.email] Invalid input: expected string, received array; [body.password] Invalid input: expected string, received object; [body.image] Invalid input: expected string, received null; [body.rememberMe] Invalid input: expected boolean, received string"},
		{"an array", "/sign-up/email", `[]`, 400, "VALIDATION_ERROR", "[body] Invalid input: expected object, received array; [body] Invalid input: expected record, received array"},
		{"no address", "/sign-up/email", `{"name":"","email":"nobody","password":"password-1234"}`, 400, "VALIDATION_ERROR", "[body.email] Invalid email address"},
		{"empty password", "/sign-up/email", `{"name":"","email":"a@b.co","password":""}`, 400, "VALIDATION_ERROR", "[body.password] Too small: expected string to have >=1 characters"},
		{"short password", "/sign-up/email", `{"name":"","email":"a@b.co","password":"1234567"}`, 400, "PASSWORD_TOO_SHORT", "Password too short"},
		{"long password", "/sign-up/email", `{"name":"","email":"a@b.co","password":"` + long + `"}`, 400, "PASSWORD_TOO_LONG", "Password too long"},
		{"taken", "/sign-up/email", ada, 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", "User already exists. Use another email."},
		{"long name", "/sign-up/email", `{"name":"` + long + long + `","email":"a@b.co","password":"password-1234"}`, 422, "FAILED_TO_CREATE_USER", "Failed to create user"},

		{"nothing", "/sign-in/email", `{}`, 400, "VALIDATION_ERROR", "[body.email] Invalid input: expected string, received undefined; [body.password] Invalid input: expected string, received undefined"},
		{"null", "/sign-in/email", `null`, 400, "VALIDATION_ERROR", "[body] Invalid input: expected object, received null"},
		{"no body", "/sign-in/email", ``, 400, "VALIDATION_ERROR", "[body] Invalid input: expected object, received undefined"},
		{"rememberMe", "/sign-in/email", `{"email":"a@b.co","password":"x","rememberMe":1}`, 400, "VALIDATION_ERROR", "[body.rememberMe] Invalid input: expected boolean, received number"},
		{"no address", "/sign-in/email", `{"email":"nobody","password":"x"}`, 400, "INVALID_EMAIL", "Invalid email"},
		{"long password", "/sign-in/email", `{"email":"a@b.co","password":"` + long + `"}`, 400, "PASSWORD_TOO_LONG", "Password too long"},
		{"unknown", "/sign-in/email", `{"email":"a@b.co","password":"password-1234"}`, 401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password"},
		{"wrong password", "/sign-in/email", `{"email":"ada@example.com","password":"password-1235"}`, 401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password"},
		{"broken", "/sign-in/email", `{`, 400, "BAD_REQUEST", "Invalid JSON in request body"},
		{"trailing", "/sign-in/email", `{} {}`, 400, "BAD_REQUEST", "Invalid JSON in request body"},
		{"large", "/sign-in/email", `"` + strings.Repeat("x", 64<<10) + `"`, 413, "PAYLOAD_TOO_LARGE", "Request body is too large"},
	}
	for _, tt := range tests {
		t.Run(tt.path+"/"+tt.name, func(t *testing.T) {
			response := s.post(tt.path, tt.body)
			var got struct{ Code, Message string }
			if err := json.Unmarshal([]byte(text(t, response)), &got); err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != tt.status || got.Code != tt.code || got.Message != tt.message {
				t.Errorf("got %d %+v\nwant %d {%s %s}", response.StatusCode, got, tt.status, tt.code, tt.message)
			}
			if cookies := response.Header["Set-Cookie"]; cookies != nil {
				t.Errorf("cookies %q with a refusal", cookies)
			}
		})
	}
	var users, sessions int64
	s.db.Table("user").Count(&users)
	s.db.Table("session").Count(&sessions)
	if users != 1 || sessions != 1 {
		t.Errorf("%d users and %d sessions, want Ada's alone", users, sessions)
	}
}

// A foreign page must not sign a visitor in as somebody else.
func TestForeignPagesCannotSignIn(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for _, path := range []string{"/sign-up/email", "/sign-in/email"} {
		if response := s.post(path, ada, "Origin", "https://evil.example"); response.StatusCode != http.StatusForbidden {
			t.Errorf("%s from a foreign origin: %s, want 403", path, response.Status)
		}
		for _, form := range []string{"application/x-www-form-urlencoded", "text/plain", "multipart/form-data"} {
			if response := s.post(path, ada, "Content-Type", form); response.StatusCode != http.StatusUnsupportedMediaType {
				t.Errorf("%s as %s: %s, want 415", path, form, response.Status)
			}
		}
	}
}

func TestEmailAddresses(t *testing.T) {
	t.Parallel()
	s := newService(t)
	// As Better Auth 1.7.25 answered: 401 is "no such user", 400 "no address".
	tests := map[string]int{
		"a@b.co": 401, "A+b@x-y.co": 401, "a'b@c.de": 401, "a_b@c.de": 401, "-a@c.de": 401,
		"a@b": 400, "a@b.c": 400, "a..b@c.de": 400, ".a@c.de": 400, "a.@c.de": 400, "é@c.de": 400,
		"a@é.de": 400, "a@-c.de": 400, "a b@c.de": 400, " a@c.de": 400, "a@c.de ": 400, "a@c..de": 400,
		"a@1.2.3.4": 400, "a@b.co\x00": 400, "a@b.co\n": 400, "": 400,
	}
	for email, want := range tests {
		body, _ := json.Marshal(map[string]string{"email": email, "password": "password-1234"})
		if response := s.post("/sign-in/email", string(body)); response.StatusCode != want {
			t.Errorf("%q: %s, want %d", email, response.Status, want)
		}
	}
}

func TestSignUpRaceMakesOneUser(t *testing.T) {
	t.Parallel()
	s := newService(t)
	statuses := make([]int, 8)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() { statuses[i] = s.post("/sign-up/email", ada).StatusCode })
	}
	all.Wait()
	count := map[int]int{}
	for _, status := range statuses {
		count[status]++
	}
	// On a slow machine some wait for the others' hashing, and are told to come later.
	if count[200] != 1 || count[422]+count[503] != len(statuses)-1 {
		t.Errorf("statuses %v, want one 200 and 422 for the others", count)
	}
}

func TestDeletingAUserIsNotHindered(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.post("/sign-up/email", ada)
	for _, table := range []string{"session", "user"} {
		if err := s.db.Exec("DELETE FROM `" + table + "`").Error; err != nil {
			t.Fatal(err)
		}
	}
	if response := s.post("/sign-in/email", ada); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a deleted user signs in: %s, want 401", response.Status)
	}
	if response := s.post("/sign-up/email", ada); response.StatusCode != http.StatusOK {
		t.Errorf("the address cannot be used again: %s", response.Status)
	}
}

// A user from elsewhere, who never set a password here, cannot be signed in
// with any.
func TestUserWithoutPassword(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.post("/sign-up/email", ada)
	if err := s.db.Exec("DELETE FROM `password`").Error; err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"password-1234", ""} {
		body := `{"email":"ada@example.com","password":"` + password + `"}`
		if response := s.post("/sign-in/email", body); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("password %q: %s, want 401", password, response.Status)
		}
	}
}

func TestDatabaseFailureIsNoRefusal(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.post("/sign-up/email", ada)
	pool, err := s.db.DB()
	if err != nil {
		t.Fatal(err)
	}
	_ = pool.Close()
	for _, path := range []string{"/sign-up/email", "/sign-in/email"} {
		response := s.post(path, ada)
		if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "1" {
			t.Errorf("%s: %s, Retry-After %q, want 503 and 1", path, response.Status, response.Header.Get("Retry-After"))
		}
		if body := text(t, response); body != `{"message":"Service unavailable","code":"SERVICE_UNAVAILABLE"}` {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestClientThatLeftIsNotWorkedFor(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost:3000/api/auth/sign-up/email", strings.NewReader(ada))
	r.Header.Set("Content-Type", "application/json")
	s.ServeHTTP(httptest.NewRecorder(), r)
	var users int64
	s.db.Table("user").Count(&users)
	if users != 0 {
		t.Errorf("%d users made for a client that had left", users)
	}
}
