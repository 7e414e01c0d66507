package models_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
)

func TestRule15OpenMySQLSetsUpEveryConnection(t *testing.T) {
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	pool := pool(t, db)
	if got := pool.Stats().MaxOpenConnections; got != 25 {
		t.Errorf("the pool opens %d connections, want 25", got)
	}
	for range 3 { // each its own connection
		conn, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var zone, level string
		var read time.Time
		sent := time.Date(2026, 7, 15, 8, 0, 0, 999_600_000, time.FixedZone("", -5*3600))
		err = conn.QueryRowContext(t.Context(), "SELECT @@session.time_zone, @@session.tx_isolation, CAST(? AS DATETIME(6))", sent).
			Scan(&zone, &level, &read)
		if err != nil {
			t.Fatal(err)
		}
		if zone != "+00:00" || level != "READ-COMMITTED" {
			t.Errorf("got zone %s and level %s, want +00:00 and READ-COMMITTED", zone, level)
		}
		if want := time.Date(2026, 7, 15, 13, 0, 0, 999e6, time.UTC); !read.Equal(want) || read.Location() != time.UTC {
			t.Errorf("a time came back as %s, want %s", read, want)
		}
	}
	exec(t, db, "CREATE TABLE found (n int)")
	exec(t, db, "INSERT INTO found VALUES (1)")
	same, err := pool.Exec("UPDATE found SET n = 1")
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := same.RowsAffected(); n != 1 {
		t.Errorf("an update to the same value met %d rows, want 1: found rows are not counted", n)
	}
	if !db.TranslateError {
		t.Error("TranslateError is off")
	}
	if err := newStore(t, db).Check(t.Context()); err == nil || strings.Contains(err.Error(), "DSN parameter") {
		t.Errorf("Check: got %v, want the missing tables alone", err)
	}
}

func TestOpenMySQLKeepsWhatTheDSNSets(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	db := openMySQL(t, with(dsn, "loc=UTC&parseTime=true&time_zone=%27%2B00%3A00%27&timeTruncate=1ms&charset=utf8mb4&collation=utf8mb4_bin"+
		"&tx_isolation=%27read-committed%27&multiStatements=false&clientFoundRows=true&readTimeout=300ms"))
	begin := time.Now()
	_, err := pool(t, db).Exec("DO SLEEP(5)")
	if took := time.Since(begin); err == nil || took > 2*time.Second {
		t.Errorf("the DSN's readTimeout of 300ms: took %s, %v", took, err)
	}
}

func TestOpenMySQLRefusesContradictions(t *testing.T) {
	const base = "root:p%ssw0rd@tcp(127.0.0.1:1)/app?"
	tests := []struct{ parameter, says string }{
		{"loc=Local", "loc=Local: times are exchanged as UTC; remove it"},
		{"loc=America%2FNew_York", "loc="},
		{"time_zone=%27%2B05%3A30%27", "time_zone="},
		{"parseTime=false", "parseTime=false: times would arrive as text; remove it"},
		{"timeTruncate=1s", "timeTruncate=1s"},
		{"clientFoundRows=false", "clientFoundRows=false"},
		{"interpolateParams=0", "interpolateParams=0"},
		{"checkConnLiveness=false", "checkConnLiveness=false"},
		{"timeout=-1s", "timeout=-1s: time does not go back; remove it, or let it be some seconds"},
		{"readTimeout=-1s", "readTimeout=-1s"},
		{"writeTimeout=-1s", "writeTimeout=-1s"},
		{"tx_isolation=%27REPEATABLE-READ%27", "tx_isolation="},
		{"transaction_isolation=SERIALIZABLE", "transaction_isolation=SERIALIZABLE"},
		{"multiStatements=true", "multiStatements=true"},
		{"allowAllFiles=1", "allowAllFiles=1"},
		{"allowOldPasswords=TRUE", "allowOldPasswords=TRUE"},
		{"allowCleartextPasswords=true", "allowCleartextPasswords=true"},
		{"charset=latin1", "charset=latin1"},
		{"collation=latin1_bin", "collation=latin1_bin"},
	}
	var all []string
	for _, test := range tests {
		_, err := models.OpenMySQL(base + test.parameter)
		if err == nil || !strings.Contains(err.Error(), "DSN parameter "+test.says) {
			t.Errorf("%s: got %v", test.parameter, err)
		}
		all = append(all, test.parameter)
	}
	_, err := models.OpenMySQL(base + strings.Join(all, "&"))
	if err == nil {
		t.Fatal("all of them: got no error")
	}
	for _, test := range tests {
		if name, _, _ := strings.Cut(test.parameter, "="); !strings.Contains(err.Error(), " "+name+"=") {
			t.Errorf("all of them: the error does not name %s", name)
		}
	}
}

func TestSR67_OpenMySQLNeverShowsThePassword(t *testing.T) {
	dsns := []string{
		"root:hunter2@tcp(127.0.0.1:1)/app",              // refused
		"root:hunter2@tcp(127.0.0.1:1)/app?loc=Local",    // contradiction
		"root:hunter2@tcp(127.0.0.1:1)/app?parseTime=no", // invalid
		"root:hunter2@tcp(127.0.0.1:1",
		"root:hunter2",
		"root:hunter2/hunter2?timeout=hunter2@tcp(127.0.0.1:1)",
		"root:hunter2@hunter2/x",
		"root:hunter2@tcp(127.0.0.1:1)/app?tls=hunter2",
		"",
	}
	for i, dsn := range dsns {
		db, err := models.OpenMySQL(dsn)
		if err == nil || db != nil {
			t.Errorf("DSN %d: got a db", i)
			continue
		}
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "hunter2") {
			t.Errorf("DSN %d: the error shows the password", i)
		}
	}
}

// Rule 22 of the store.
func TestRule22ClassesOfAFailedOpen(t *testing.T) {
	cfg := testdb.Server(t)
	wrong := cfg.Clone()
	wrong.User, wrong.Passwd = "nobody", "wrong"
	missing := cfg.Clone()
	missing.DBName = "no_such_database"
	refused := cfg.Clone()
	refused.Net, refused.Addr = "tcp", "127.0.0.1:1"
	variable := cfg.Clone()
	variable.Params = map[string]string{"no_such_variable": "1"}
	tests := []struct {
		cfg    *mysql.Config
		class  models.Class
		number int
		says   string
	}{
		{wrong, models.Configuration, 1045, "user or password"},
		{missing, models.Configuration, 1049, "database does not exist"},
		{refused, models.Transient, 0, "no server answers"},
		{variable, models.Configuration, 1193, "variable"},
	}
	if _, err := models.OpenMySQL(""); err == nil || !strings.Contains(err.Error(), "the DSN is empty") {
		t.Errorf("got %v of an empty DSN", err)
	}
	for _, test := range tests {
		_, err := models.OpenMySQL(test.cfg.FormatDSN())
		wantError(t, err, "open", test.class, test.number)
		if err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("got %v, want it to say %q", err, test.says)
		}
	}
}

// Rule 19 of the store: a server that takes the connection and never greets.
func TestRule19SilentServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	begin := time.Now()
	_, err = models.OpenMySQL("root@tcp(" + listener.Addr().String() + ")/app?timeout=300ms&readTimeout=300ms")
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("took %s", took)
	}
	wantError(t, err, "open", models.Transient, 0)
}

func TestDatabaseThatGoesAwayIsTransient(t *testing.T) {
	db, store, session := one(t)
	if err := pool(t, db).Close(); err != nil {
		t.Fatal(err)
	}
	_, _, err := store.Find(t.Context(), session.Token)
	wantError(t, err, "find", models.Transient, 0)
	wantError(t, store.Check(t.Context()), "check", models.Transient, 0)
}

// A server that takes connections and greets nobody must not keep the pool
// busy with them: it dials one at a time, without a deadline, on behalf of all
// who wait, and goes on waiting for a greeting when the server is long back.
func TestPoolDoesNotWaitLongForAGreeting(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	server := config.Addr
	var silent atomic.Bool
	mysql.RegisterDialContext("greeting", func(ctx context.Context, _ string) (net.Conn, error) {
		if silent.Load() {
			near, far := net.Pipe()
			t.Cleanup(func() { far.Close() })
			return near, nil
		}
		return new(net.Dialer).DialContext(ctx, "tcp", server)
	})
	t.Cleanup(func() { mysql.DeregisterDialContext("greeting") })
	config.Net = "greeting"
	db := openMySQL(t, config.FormatDSN())
	pool := pool(t, db)
	pool.SetMaxOpenConns(1)
	held, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	silent.Store(true)

	// Somebody waits for the one connection while it breaks, and gives up.
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	waiting := make(chan error)
	go func() { waiting <- pool.PingContext(ctx) }()
	for pool.Stats().WaitCount == 0 {
		time.Sleep(time.Millisecond)
	}
	_ = held.Raw(func(any) error { return driver.ErrBadConn }) // the pool dials anew
	held.Close()
	if err := <-waiting; err == nil {
		t.Fatal("a silent server greeted")
	}

	silent.Store(false)
	begin := time.Now()
	for pool.PingContext(t.Context()) != nil { // the first to wait gets the failed dial's error
		time.Sleep(time.Millisecond)
	}
	if took := time.Since(begin); took > 3*time.Second { // of one that a dial has, where an answer has five
		t.Errorf("the pool served again %v after the server did", took)
	}

	// Nor may somebody patient keep a place in it.
	silent.Store(true)
	pool.SetMaxIdleConns(-1) // the next must dial
	begin = time.Now()
	patient, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := pool.PingContext(patient); err == nil {
		t.Error("a silent server greeted")
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("a dial without a greeting held its place in the pool for %v", took)
	}
}

// Rule 21 of the store: connections cut under the Store are not the user's to
// notice.
func TestRule21CutConnections(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Net != "tcp" {
		t.Fatal("TEST_MYSQL_DSN must name a server by TCP: this test puts a listener in its place")
	}
	relay := newRelay(t, cfg.Addr)
	cfg.Addr = relay.Addr().String()
	db := openMySQL(t, cfg.FormatDSN())
	migrate(t, db)
	session, store := seed(t, db), newStore(t, db)
	for range 5 {
		relay.cut()
		time.Sleep(20 * time.Millisecond)
		if _, _, err := store.Find(t.Context(), session.Token); err != nil {
			t.Errorf("a read after a cut: %v", err)
		}
	}
	relay.cut()
	time.Sleep(20 * time.Millisecond)
	if _, err := store.Touch(t.Context(), session, moment.Add(2*time.Hour), moment); err != nil {
		t.Errorf("a write after a cut: %v", err)
	}
}

// A Store that an application gives its own db must not change that db.
func TestStoreLeavesTheApplicationsDBAsItIs(t *testing.T) {
	dsn := with(testdb.MySQL(t, utf8mb4), "parseTime=true&time_zone=%27%2B00%3A00%27")
	db := openPlain(t, dsn, &gorm.Config{PrepareStmt: true, Logger: logger.Discard}) // its own statements show values
	before, prepared := db.Logger, db.ConnPool
	migrate(t, db)
	session, store := seed(t, db), newStore(t, db)
	if _, _, err := store.Find(t.Context(), session.Token); err != nil {
		t.Fatal(err)
	}
	if db.Logger != before || db.ConnPool != prepared || db.SkipDefaultTransaction || db.Error != nil {
		t.Error("NewStore changed the application's db")
	}
	var n int64
	if err := db.Model(&models.Session{}).Where("token = ?", session.Token).Count(&n).Error; err != nil || n != 1 {
		t.Errorf("the application's own query: got %d and %v", n, err)
	}
}

// The application's PrepareStmt would prepare a statement for each length of IN on
// every connection. Find and List have one each here, whatever the application does.
func TestStorePreparesItsStatementsOnce(t *testing.T) {
	dsn := with(testdb.MySQL(t, utf8mb4), "parseTime=true&time_zone=%27%2B00%3A00%27&interpolateParams=true")
	db := openPlain(t, dsn, &gorm.Config{PrepareStmt: true})
	migrate(t, db)
	session, store := seed(t, db), newStore(t, db)
	pool := pool(t, db)
	pool.SetMaxOpenConns(1)
	prepared := func() (n int) {
		var name string
		if err := pool.QueryRow("SHOW SESSION STATUS LIKE 'Com_stmt_prepare'").Scan(&name, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := prepared()
	for range 3 {
		if _, _, err := store.Find(t.Context(), session.Token); err != nil {
			t.Fatal(err)
		}
		if _, err := store.FindMany(t.Context(), []string{session.Token}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.List(t.Context(), session.UserID, moment); err != nil {
			t.Fatal(err)
		}
	}
	if got := prepared() - before; got != 2 {
		t.Errorf("the Store prepared %d statements, want two", got)
	}
}
