package bench

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/internal/detached"
	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
)

// asked is how often a server was asked: statements or commands, and how often
// somebody waited for an answer. They differ where statements are prepared anew.
type asked struct{ queries, trips int }

// A counter runs something and says how often a server was asked meanwhile.
type counter interface {
	count(tb testing.TB, run func()) asked
}

// newDSN makes a database of its own on the server of TEST_MYSQL_DSN, with Better
// Auth's tables, ada, and a thousand sessions of others.
func newDSN(tb testing.TB) *mysql.Config {
	tb.Helper()
	config, err := mysql.ParseDSN(testdb.MySQL(tb))
	if err != nil {
		tb.Fatal(err)
	}
	db := openGORM(tb, config)
	if err := models.Migrate(tb.Context(), db); err != nil {
		tb.Fatal(err)
	}
	seed(tb, db)
	return config
}

func seed(tb testing.TB, db *gorm.DB) {
	tb.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	users := []models.User{{ID: ada, Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true, CreatedAt: now, UpdatedAt: now}}
	var sessions []models.Session
	for i := range 100 {
		user := models.User{ID: rand.Text(), Name: "Somebody", Email: fmt.Sprint(i, "@example.com"), CreatedAt: now, UpdatedAt: now}
		users = append(users, user)
		for range 10 {
			sessions = append(sessions, newSession(user.ID, now))
		}
	}
	db = db.Session(&gorm.Session{Logger: logger.Discard})
	if err := db.Create(&users).Error; err != nil {
		tb.Fatal(err)
	}
	if err := db.Create(&sessions).Error; err != nil {
		tb.Fatal(err)
	}
}

// newSession is one of a user's, as it is stored.
func newSession(userID string, now time.Time) models.Session {
	ip, agent := "203.0.113.7", userAgent
	return models.Session{
		ID: newToken(), Token: newToken(), UserID: userID, IPAddress: &ip, UserAgent: &agent,
		ExpiresAt: now.Add(7 * 24 * time.Hour), CreatedAt: now, UpdatedAt: now,
	}
}

func newToken() string { return (rand.Text() + rand.Text())[:32] }

// openGORM opens the database as ginsession's documentation says.
func openGORM(tb testing.TB, config *mysql.Config) *gorm.DB {
	tb.Helper()
	db, err := models.OpenMySQL(config.FormatDSN())
	if err != nil {
		tb.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = pool.Close() })
	return db
}

// openSQL opens it as a program does that uses database/sql, with as many
// connections.
func openSQL(tb testing.TB, config *mysql.Config, interpolate bool) *sql.DB {
	tb.Helper()
	config = config.Clone()
	config.ParseTime, config.Loc, config.ClientFoundRows, config.InterpolateParams = true, time.UTC, true, interpolate
	config.Params = map[string]string{"time_zone": "'+00:00'"}
	if err := config.Apply(mysql.TimeTruncate(time.Millisecond)); err != nil {
		tb.Fatal(err)
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		tb.Fatal(err)
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(25)
	pool.SetMaxIdleConns(25)
	tb.Cleanup(func() { _ = pool.Close() })
	return pool
}

// overSQL is GORM with its defaults, or tuned, on such a pool.
func overSQL(tb testing.TB, pool *sql.DB, tuned bool) *gorm.DB {
	tb.Helper()
	db, err := gorm.Open(gormmysql.New(gormmysql.Config{Conn: pool}), &gorm.Config{
		Logger: logger.Discard, PrepareStmt: tuned, SkipDefaultTransaction: tuned,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return db
}

// byConnection counts what one connection was asked, which others on the same
// server do not disturb.
type byConnection struct{ pool *sql.DB }

func poolOf(tb testing.TB, db *gorm.DB) byConnection {
	tb.Helper()
	pool, err := db.DB()
	if err != nil {
		tb.Fatal(err)
	}
	return byConnection{pool}
}

func (c byConnection) count(tb testing.TB, run func()) asked {
	tb.Helper()
	c.pool.SetMaxOpenConns(1)
	c.pool.SetConnMaxLifetime(0)
	c.pool.SetConnMaxIdleTime(0)
	run() // prepares on this connection what was prepared on others
	before := c.status(tb)
	run()
	after := c.status(tb)
	queries := after["Questions"] - before["Questions"] - 1 // the status itself
	return asked{queries, queries + after["Com_stmt_prepare"] - before["Com_stmt_prepare"]}
}

func (c byConnection) status(tb testing.TB) map[string]int {
	tb.Helper()
	rows, err := c.pool.Query("SHOW SESSION STATUS WHERE Variable_name IN ('Questions', 'Com_stmt_prepare')")
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close()
	values := map[string]int{}
	for rows.Next() {
		var name string
		var value int
		if err := rows.Scan(&name, &value); err != nil {
			tb.Fatal(err)
		}
		values[name] = value
	}
	if err := rows.Err(); err != nil {
		tb.Fatal(err)
	}
	return values
}

// byDeadline is a context as a Manager's, which nothing but its deadline ends.
func byDeadline(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(detached.From(tb.Context()), time.Hour)
	tb.Cleanup(cancel)
	return ctx
}
