package races_test

import (
	"crypto/rand"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/libtnb/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/models"
)

// databases are those on which everything here runs. A SQLite file has one
// writer at a time, so that more workers would only queue.
var databases = []struct {
	name    string
	workers int
	open    func(t *testing.T) *gorm.DB
}{
	{"MariaDB", 4, openMariaDB},
	{"SQLite", 2, openSQLite},
}

// openMariaDB opens a new database on the server of TEST_MYSQL_DSN, with our
// tables. It ends with the test.
func openMariaDB(t *testing.T) *gorm.DB {
	t.Helper()
	dsn := os.Getenv("TEST_MYSQL_DSN")
	if dsn == "" {
		t.Fatal("TEST_MYSQL_DSN is not set, such as root@tcp(127.0.0.1:3306)/: run ./test.sh, which starts a private server")
	}
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.DBName = ""
	server, err := sql.Open("mysql", config.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	name := "ginsession_test_" + strings.ToLower(rand.Text())
	if _, err := server.ExecContext(t.Context(), "CREATE DATABASE `"+name+"` CHARACTER SET utf8mb4"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := server.Exec("DROP DATABASE `" + name + "`"); err != nil {
			t.Error(err)
		}
		_ = server.Close()
	})
	config.DBName = name
	db, err := models.OpenMySQL(config.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	return migrated(t, db.Session(&gorm.Session{Logger: logger.Discard})) // on a busy machine much is slow
}

// openSQLite opens a new file, with our tables.
func openSQLite(t *testing.T) *gorm.DB {
	t.Helper()
	const pragmas = "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)&_txlock=immediate"
	db, err := gorm.Open(sqlite.Open("file:"+filepath.Join(t.TempDir(), "app.db")+pragmas), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return migrated(t, db)
}

func migrated(t *testing.T, db *gorm.DB) *gorm.DB {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	if err := models.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return db
}
