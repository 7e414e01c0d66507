// Package sizes_test measures what a table of sessions takes and gives: bytes a
// row and an index, and how often a second one connection finds, renews, makes,
// ends and purges. It is where the figures of docs/scaling.md come from:
//
//	TEST_SIZES=1000000 go test -run TestSizes -v -timeout 30m ./sizes
//
// TEST_SIZES is how many sessions to load, 5,000 by default, which says little
// but keeps the test alive. It needs, in TEST_MYSQL_DSN, a MariaDB, for its
// tables seq_1_to_….
package sizes_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/internal/witness"
	"github.com/ginsession/ginsession/models"
)

var schema = models.Schema{Feed: true}

// A user has two sessions: 32 characters of an id each, as Better Auth and this
// package draw them, in random order.
const (
	users = "INSERT INTO `user` (`id`, `name`, `email`, `emailVerified`, `createdAt`, `updatedAt`)" +
		" SELECT MD5(seq), CONCAT('User ', seq), CONCAT('user', seq, '@example.org'), 1, NOW(3), NOW(3) FROM seq_1_to_%d"
	drawn    = "LEFT(REPLACE(REPLACE(TO_BASE64(RANDOM_BYTES(30)), '+', 'x'), '/', 'y'), 32)"
	sessions = "INSERT INTO `session` (`id`, `token`, `createdAt`, `updatedAt`, `ipAddress`, `userAgent`, `userId`, `expiresAt`)" +
		" SELECT " + drawn + ", " + drawn + ", NOW(3), NOW(3)," +
		" CONCAT_WS('.', 10 + FLOOR(RAND() * 200), FLOOR(RAND() * 256), FLOOR(RAND() * 256), FLOOR(RAND() * 256))," +
		" 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'," +
		" MD5(1 + (seq MOD %d)), NOW(3) + INTERVAL FLOOR(RAND() * 604800000) * 1000 MICROSECOND FROM seq_%d_to_%d"
	// lines are what a hundred revocations a second leave in the two hours that
	// they are kept for.
	lines = "INSERT INTO `session_revocation` (`at`, `tokenHash`, `reason`)" +
		" SELECT NOW(3) - INTERVAL seq * %d MICROSECOND, UNHEX(SHA2(seq, 256)), 'sign-out' FROM seq_1_to_%d"
)

func open(t *testing.T) *gorm.DB {
	t.Helper()
	config, err := mysql.ParseDSN(testdb.MySQL(t))
	if err != nil {
		t.Fatal(err)
	}
	config.ReadTimeout = 10 * time.Minute // to load
	db, err := models.OpenMySQL(config.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	pool.SetMaxOpenConns(1)
	db = db.Session(&gorm.Session{Logger: logger.Discard})
	if err := schema.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return db
}

// everything hears the driver's log and standard error: SR-67. What is timed logs no
// SQL.
var everything = witness.New()

func TestMain(m *testing.M) { os.Exit(everything.Main(m)) }

func TestSizes(t *testing.T) {
	rows := 5000
	if n, err := strconv.Atoi(os.Getenv("TEST_SIZES")); err == nil {
		rows = n
	}
	owners := rows / 2
	turns := min(2000, rows/50) // of what is timed
	db := open(t)
	exec := func(statement string, args ...any) {
		t.Helper()
		if err := db.Exec(statement, args...).Error; err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	var version, flush, buffer string
	if err := db.Raw("SELECT VERSION(), @@innodb_flush_log_at_trx_commit, @@innodb_buffer_pool_size DIV 1048576").Row().Scan(&version, &flush, &buffer); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s, innodb_flush_log_at_trx_commit=%s, buffer pool %s MiB, one connection", version, flush, buffer)

	conns, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	exec(fmt.Sprintf(users, owners))
	for done := 0; done < rows; done += 50_000 {
		exec(fmt.Sprintf(sessions, owners, done+1, min(done+50_000, rows)))
	}
	t.Logf("%d sessions of %d users loaded in %s", rows, owners, time.Since(begin).Round(time.Second))
	sizes(t, db, "session", rows)

	store, err := schema.Store(db)
	if err != nil {
		t.Fatal(err)
	}
	ctx, now := t.Context(), time.Now()

	// rate runs something so many times.
	rate := func(what string, n int, run func(i int) error) {
		t.Helper()
		begin := time.Now()
		for i := range n {
			if err := run(i); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		each := time.Since(begin) / time.Duration(n)
		t.Logf("%-40s %7.0f /s  %8s each", what, 1/each.Seconds(), each.Round(time.Microsecond))
	}
	tokens := make([]string, turns)
	if err := db.Raw("SELECT token FROM session ORDER BY RAND() LIMIT ?", turns).Scan(&tokens).Error; err != nil {
		t.Fatal(err)
	}
	found := make([]models.Session, turns)
	wire := onTheWire(t, db)
	rate("Find", turns, func(i int) (err error) { found[i], _, err = store.Find(ctx, tokens[i]); return err })
	t.Logf("%-40s %7d bytes on the wire, both ways", "Find", (onTheWire(t, db)-wire)/int64(turns))
	rate("List", turns, func(i int) error { _, err := store.List(ctx, found[i].UserID, now); return err })
	rate("Touch", turns, func(i int) (err error) {
		found[i], err = store.Touch(ctx, found[i], found[i].ExpiresAt.Add(24*time.Hour), now)
		return err
	})
	conns.SetMaxOpenConns(16)
	begin = time.Now()
	var wait sync.WaitGroup
	for worker := range 16 {
		wait.Go(func() {
			for i := worker; i < turns; i += 16 {
				if _, err := store.Touch(ctx, found[i], found[i].ExpiresAt.Add(24*time.Hour), now); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	t.Logf("%-40s %7.0f /s", "Touch, 16 connections", float64(turns)/time.Since(begin).Seconds())
	conns.SetMaxOpenConns(1)
	rate("Create", turns, func(i int) error {
		s := found[i]
		s.ID, s.Token = fmt.Sprintf("new%029d", i), fmt.Sprintf("new%029d", i)
		return store.Create(ctx, s)
	})
	rate("Revoke by token, without the feed", turns/2, func(i int) error {
		// What is revoked as expired is told to nobody.
		_, err := store.Revoke(ctx, models.Revocation{Token: fmt.Sprintf("new%029d", i), NotAfter: now.AddDate(1, 0, 0)})
		return err
	})
	rate("Revoke by token, with the feed's line", turns/2, func(i int) error {
		_, err := store.Revoke(ctx, models.Revocation{Token: fmt.Sprintf("new%029d", turns/2+i)})
		return err
	})

	// A tenth expires at once, spread over the table as expiries are.
	before := now.Add(7 * 24 * time.Hour / 10)
	begin = time.Now()
	deleted := 0
	for {
		n, err := store.Purge(ctx, before, 0)
		if err != nil {
			t.Fatal(err)
		}
		if deleted += n; n == 0 {
			break
		}
		time.Sleep(5 * time.Millisecond) // as Manager.Purge
	}
	if deleted < rows/20 {
		t.Errorf("%d sessions were purged", deleted)
	}
	t.Logf("%-40s %7.0f /s  %d rows", "Purge, 500 a turn, 5 ms apart", float64(deleted)/time.Since(begin).Seconds(), deleted)

	feed(t, db, store, rows)
}

// onTheWire is how many bytes went over the one connection, both ways.
func onTheWire(t *testing.T, db *gorm.DB) (n int64) {
	t.Helper()
	if err := db.Raw("SELECT CAST(SUM(VARIABLE_VALUE) AS INT) FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME IN ('BYTES_RECEIVED', 'BYTES_SENT')").Row().Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// sizes logs what a table and its indexes hold, by the statistics that ANALYZE
// TABLE makes.
func sizes(t *testing.T, db *gorm.DB, table string, rows int) {
	t.Helper()
	if err := db.Exec("ANALYZE TABLE `" + table + "`").Error; err != nil {
		t.Fatal(err)
	}
	var length, file int64
	if err := db.Raw("SELECT AVG_ROW_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?", table).Row().Scan(&length); err != nil {
		t.Fatal(err)
	}
	if err := db.Raw("SELECT FILE_SIZE FROM information_schema.INNODB_SYS_TABLESPACES WHERE NAME = CONCAT(DATABASE(), '/', ?)", table).Row().Scan(&file); err != nil {
		t.Fatal(err)
	}
	var indexes []struct {
		IndexName string
		Pages     int64
	}
	if err := db.Raw("SELECT index_name, stat_value AS pages FROM mysql.innodb_index_stats"+
		" WHERE database_name = DATABASE() AND table_name = ? AND stat_name = 'size'", table).Scan(&indexes).Error; err != nil {
		t.Fatal(err)
	}
	for _, index := range indexes {
		t.Logf("%s.%-24s %4d bytes a row (%d pages)", table, index.IndexName, index.Pages*16384/int64(rows), index.Pages)
	}
	t.Logf("%s: file %d bytes a row, AVG_ROW_LENGTH %d", table, file/int64(rows), length)
}

// feed measures the table of revocations as a hundred a second fill it.
func feed(t *testing.T, db *gorm.DB, store *models.Store, rows int) {
	t.Helper()
	kept := min(720_000, rows) // 100 a second, two hours
	if err := db.Exec("TRUNCATE `session_revocation`").Error; err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := db.Exec(fmt.Sprintf(lines, 7_200_000_000/kept, kept)).Error; err != nil {
		t.Fatal(err)
	}
	t.Logf("%d lines loaded in %s", kept, time.Since(begin).Round(time.Second))
	sizes(t, db, "session_revocation", kept)
	// Fewer than a hundred a second, because loading took a while.
	for _, back := range []time.Duration{30 * time.Second, 6 * time.Minute, 20 * time.Minute} {
		const times = 5
		told, took, wire := 0, time.Duration(0), int64(0)
		for range times {
			ctx, stop := context.WithCancel(t.Context())
			before, begin := onTheWire(t, db), time.Now()
			err := store.Feed().Follow(ctx, back, time.Hour, func(heard models.Heard) {
				took += time.Since(begin)
				told = len(heard.Revoked)
				wire += onTheWire(t, db) - before
				stop()
			})
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		t.Logf("feed: a first reading of %-6s %7d lines in %s, %d bytes on the wire", back, told, (took / times).Round(10*time.Microsecond), wire/times)
	}
	// Later readings look at the last 30 seconds, and tell what is new there: here
	// nothing.
	const times = 20
	heard, took, wire := 0, time.Duration(0), int64(0)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var before int64
	err := store.Feed().Follow(ctx, 30*time.Second, time.Nanosecond, func(models.Heard) {
		if heard++; heard > 1 {
			took += time.Since(begin)
			wire += onTheWire(t, db) - before
		}
		if heard > times {
			stop()
		}
		before = onTheWire(t, db)
		begin = time.Now()
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	t.Logf("feed: a later reading with nothing new in %s, %d bytes on the wire", (took / times).Round(10*time.Microsecond), wire/times)
}
