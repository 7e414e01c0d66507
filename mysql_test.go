package ginsession_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
)

// newDatabase opens a new, empty database on the server of TEST_MYSQL_DSN.
func newDatabase(t *testing.T, charset string) *gorm.DB {
	t.Helper()
	db, err := models.OpenMySQL(testdb.MySQL(t, "CHARACTER SET "+charset))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeDB(t, db) })
	// GORM's own logger at its most talkative, as an application may have it.
	db.Logger = everything.SQL()
	return db
}

func closeDB(t *testing.T, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
}

// serveMySQL is serve on a database of its own, through a single connection,
// whose statements the server counts.
func serveMySQL(t *testing.T, change ...func(*ginsession.Config)) (*service, *gorm.DB) {
	t.Helper()
	db := newDatabase(t, "utf8mb4 COLLATE utf8mb4_general_ci")
	if err := models.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	pool.SetConnMaxLifetime(0)
	pool.SetConnMaxIdleTime(0)
	s := serve(t, append(change, func(c *ginsession.Config) { c.Store, c.DB, c.CookieCache.NoFeed = nil, db, true })...)
	for _, id := range []string{"ada", "bob"} {
		if err := db.Create(&models.User{ID: id, Name: "Name of " + id, Email: id + "@example.com", CreatedAt: start, UpdatedAt: start}).Error; err != nil {
			t.Fatal(err)
		}
	}
	return s, db
}

// status reads one of the connection's counters.
func status(t *testing.T, db *gorm.DB, counter string) int {
	t.Helper()
	var found struct {
		Name  string `gorm:"column:Variable_name"`
		Value int    `gorm:"column:Value"`
	}
	if err := db.Raw("SHOW SESSION STATUS LIKE '" + counter + "'").Scan(&found).Error; err != nil {
		t.Fatal(err)
	}
	return found.Value
}

// questions runs f and returns how many statements the server got meanwhile.
func questions(t *testing.T, db *gorm.DB, f func()) int {
	t.Helper()
	before := status(t, db, "Questions")
	f()
	return status(t, db, "Questions") - before - 1 // itself
}

// With the cookie cache on, requests within MaxAge make one query in all;
// without it, each makes one. Counted by the server.
func TestQueriesPerRequest(t *testing.T) {
	t.Parallel()
	const n = 1000
	s, db := serveMySQL(t, cached)
	b := s.signedIn("ada")
	b.cookies = b.cookies[:1] // the session cookie alone
	if got := questions(t, db, func() {
		for range n {
			if got := b.get("/me"); got.status != http.StatusOK {
				t.Fatalf("%d %s", got.status, got.body)
			}
		}
	}); got != 1 {
		t.Errorf("with the cache: %d queries for %d requests, want 1", got, n)
	}

	s, db = serveMySQL(t)
	b = s.signedIn("ada")
	if got := questions(t, db, func() {
		for range n {
			b.get("/me").expect(t, 200, "ada@example.com false")
		}
	}); got != n {
		t.Errorf("without the cache: %d queries for %d requests, want as many", got, n)
	}
	if got := questions(t, db, func() { s.browser().get("/me"); s.withCookies(tokenCookie + "=x.y").get("/me") }); got != 0 {
		t.Errorf("without a valid cookie: %d queries", got)
	}
}

func TestQueriesPerOperation(t *testing.T) {
	t.Parallel()
	s, db := serveMySQL(t)
	b := s.signedIn("ada")
	other := s.signedIn("ada")
	handle := other.session().Session.Token
	tests := []struct {
		name string
		want int
		do   func()
	}{
		{"sign-in: insert, read back", 2, func() { s.signedIn("ada") }},
		{"list: guard, list", 2, func() { b.get("/api/auth/list-sessions") }},
		{"renew: read, write", 2, func() { s.advance(25 * time.Hour); b.get("/me") }},
		{"revoke by token: guard, delete", 2, func() { b.post("/api/auth/revoke-session", `{"token":"unknownTokenUnknownTokenUnknown1"}`) }},
		{"revoke by handle: guard, tokens, delete", 3, func() { b.post("/api/auth/revoke-session", `{"token":"`+handle+`"}`) }},
		{"revoke others: guard, delete", 2, func() { b.post("/api/auth/revoke-other-sessions", "{}") }},
		{"sign-out: delete", 1, func() { b.post("/api/auth/sign-out", "{}") }},
	}
	for _, test := range tests {
		if got := questions(t, db, test.do); got != test.want {
			t.Errorf("%s: %d statements, want %d", test.name, got, test.want)
		}
	}
}

func TestSR43_RevokeIsOneDeleteWithItsOwner(t *testing.T) {
	t.Parallel()
	s, db := serveMySQL(t)
	ada, bob := s.signedIn("ada"), s.signedIn("bob")
	deletes := func(f func()) int {
		before := status(t, db, "Com_delete")
		f()
		return status(t, db, "Com_delete") - before
	}
	if got := deletes(func() {
		ada.post("/api/auth/revoke-session", `{"token":"`+bob.token()+`"}`).expect(t, 200, statusTrue)
	}); got != 1 {
		t.Errorf("%d deletes, want 1", got)
	}
	bob.get("/me").expect(t, 200, "bob@example.com false")
	if got := deletes(func() {
		ada.post("/api/auth/revoke-session", `{"token":"`+ada.token()+`"}`).expect(t, 200, statusTrue)
	}); got != 1 {
		t.Errorf("%d deletes, want 1", got)
	}
	ada.get("/me").expect(t, 401, bodyUnauthorized)
}

// On a table whose collation ignores case and trailing blanks, as Better
// Auth's usually does.
func TestSR07_TokensAreNotComparedByTheCollation(t *testing.T) {
	t.Parallel()
	s, db := serveMySQL(t)
	if err := db.Exec("ALTER TABLE `session` MODIFY `token` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL").Error; err != nil {
		t.Fatal(err)
	}
	b := s.signedIn("ada")
	swapped := strings.ToLower(b.token())
	var found string
	unlogged := db.Session(&gorm.Session{Logger: logger.Discard}) // the test's own SQL
	if unlogged.Raw("SELECT id FROM session WHERE token = ?", swapped).Scan(&found); found == "" {
		t.Fatal("the collation does tell the case: this test proves nothing")
	}
	thief := s.withCookies(tokenCookie + "=" + sign(secret, swapped))
	thief.get("/me").expect(t, 401, bodyUnauthorized)
	b.post("/api/auth/revoke-session", `{"token":"`+swapped+`"}`).expect(t, 200, statusTrue)
	thief.post("/api/auth/sign-out", "{}").expect(t, 200, successTrue)
	b.get("/me").expect(t, 200, "ada@example.com false")
}

func TestNewNamesWhatTheDatabaseLacks(t *testing.T) {
	t.Parallel()
	c := good()
	c.Store, c.DB = nil, newDatabase(t, "utf8mb4")
	_, err := ginsession.New(c)
	if err == nil || !strings.Contains(err.Error(), "Config.DB") || !strings.Contains(err.Error(), "models.Migrate") {
		t.Errorf("without tables: %v", err)
	}
	if err := models.Migrate(t.Context(), c.DB); err != nil {
		t.Fatal(err)
	}
	if _, err := ginsession.New(c); err != nil {
		t.Errorf("with tables: %v", err)
	}
}

func TestSR79_DatabaseThatIsGoneIsNoLogout(t *testing.T) {
	t.Parallel()
	s, db := serveMySQL(t)
	b := s.signedIn("ada")
	if err := db.Exec("RENAME TABLE `session` TO `away`").Error; err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/me", "/store", "/fresh", "/api/auth/list-sessions"} {
		got := b.get(path)
		got.expect(t, 503, bodyUnavailable)
		got.expectCookies(t)
		if strings.Contains(got.body, "away") || strings.Contains(got.body, "SQL") { // SR-68
			t.Errorf("%s tells too much: %s", path, got.body)
		}
	}
	if strings.Contains(s.log.String(), b.token()) {
		t.Error("the log holds the token")
	}
	if err := db.Exec("RENAME TABLE `away` TO `session`").Error; err != nil {
		t.Fatal(err)
	}
	b.get("/me").expect(t, 200, "ada@example.com false")
}

// The ten lines of the README, on a real server.
func TestApplication(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, "utf8mb4")
	if err := models.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	sessions, err := ginsession.New(ginsession.Config{Secret: secret, BaseURL: home, DB: db})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Create(&models.User{ID: "ada", Name: "Ada", Email: "ada@example.com", CreatedAt: time.Now(), UpdatedAt: time.Now()}).Error; err != nil {
		t.Fatal(err)
	}
	router := gin.New()
	router.Use(sessions.Middleware())
	sessions.Routes(router.Group("/api/auth"))
	router.POST("/login", func(c *gin.Context) {
		if _, err := sessions.SignIn(c, "ada"); err != nil {
			c.Status(http.StatusServiceUnavailable)
		}
	})
	router.GET("/me", sessions.RequireSession(), func(c *gin.Context) { c.String(200, ginsession.From(c).User.Name) })
	s := &service{t: t, sessions: sessions, engine: router, log: &logBuffer{}}
	b := s.browser()
	b.post("/login", "")
	b.get("/me").expect(t, 200, "Ada")
	b.post("/api/auth/sign-out", "").expect(t, 200, successTrue)
	b.get("/me").expect(t, 401, bodyUnauthorized)
}
