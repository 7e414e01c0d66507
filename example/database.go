package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/libtnb/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/models"
)

// openDatabase opens MySQL if there is a DSN, else the SQLite file, and creates
// the tables that are missing.
func openDatabase(ctx context.Context, dsn, file string) (*gorm.DB, error) {
	var db *gorm.DB
	var err error
	if dsn != "" {
		db, err = models.OpenMySQL(dsn)
	} else {
		db, err = openSQLite(file)
	}
	if err != nil {
		return nil, err
	}
	return db, models.Migrate(ctx, db)
}

func openSQLite(file string) (*gorm.DB, error) {
	// SQLite would create it readable by everyone, and it holds session tokens.
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	// WAL lets readers and a writer work at once; a transaction takes the write
	// lock at its start, since one that must upgrade later fails instead of
	// waiting. A writer that waits is deaf to its context, so busy_timeout stays
	// below ginsession's StoreTimeout. In the DSN, because every connection of the
	// pool needs them.
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: "_pragma=busy_timeout(1500)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)&_txlock=immediate"}
	db, err := gorm.Open(sqlite.Open(dsn.String()), &gorm.Config{
		Logger: logger.New(stderr{}, logger.Config{
			SlowThreshold: time.Second, LogLevel: logger.Warn,
			ParameterizedQueries:      true, // their values are tokens and password hashes
			IgnoreRecordNotFoundError: true,
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", file, err)
	}
	return db, nil
}

// stderr is where gorm's slow queries and errors go.
type stderr struct{}

func (stderr) Printf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
