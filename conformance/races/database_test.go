package races_test

import (
	"testing"

	"github.com/libtnb/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/internal/testdb"
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
	db, err := models.OpenMySQL(testdb.MySQL(t))
	if err != nil {
		t.Fatal(err)
	}
	return migrated(t, db.Session(&gorm.Session{Logger: logger.Discard})) // on a busy machine much is slow
}

// openSQLite opens a new file, with our tables.
func openSQLite(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(testdb.SQLite(t)), &gorm.Config{Logger: logger.Discard})
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
