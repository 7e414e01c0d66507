// Package testdb makes databases for the project's own tests. Nothing else imports
// it.
package testdb

import (
	"crypto/rand"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// Server is the server of TEST_MYSQL_DSN, of which no database is chosen.
func Server(t testing.TB) *mysql.Config {
	t.Helper()
	dsn := os.Getenv("TEST_MYSQL_DSN")
	if dsn == "" {
		t.Fatal("TEST_MYSQL_DSN is not set, such as root@tcp(127.0.0.1:3306)/: run ./test.sh, which starts a private server")
	}
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal("TEST_MYSQL_DSN cannot be parsed") // err may show its password
	}
	config.DBName = ""
	return config
}

// MySQL makes a new, empty database on the server of TEST_MYSQL_DSN and returns its
// DSN. It ends with the test. The options are those of CREATE DATABASE, by default
// CHARACTER SET utf8mb4.
func MySQL(t testing.TB, options ...string) (dsn string) {
	t.Helper()
	config := Server(t)
	server, err := sql.Open("mysql", config.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	if len(options) == 0 {
		options = []string{"CHARACTER SET utf8mb4"}
	}
	config.DBName = "ginsession_test_" + strings.ToLower(rand.Text())
	if _, err := server.Exec("CREATE DATABASE " + config.DBName + " " + strings.Join(options, " ")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer server.Close()
		if _, err := server.Exec("DROP DATABASE " + config.DBName); err != nil {
			t.Error(err)
		}
	})
	return config.FormatDSN()
}

// Pragmas end the DSN of a SQLite file: what it needs on each connection, to wait
// for locks, to read beside a writer, to know users, and to take the write lock when
// a transaction begins.
const Pragmas = "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)&_txlock=immediate"

// SQLite is the DSN of a new file. It ends with the test.
func SQLite(t testing.TB) (dsn string) {
	t.Helper()
	return "file:" + filepath.Join(t.TempDir(), "app.db") + Pragmas
}
