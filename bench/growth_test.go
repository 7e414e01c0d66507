package bench

import (
	"crypto/md5"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/ginsession/ginsession/models"
)

// The same statements on a table of ten thousand sessions and, with TEST_LONG=1,
// on one of a million: finding one, listing a user's ten, a turn of a purge that
// deletes 500, and one that finds nothing to do.
func BenchmarkGrowth(b *testing.B) {
	for _, rows := range []int{10_000, 1_000_000} {
		if rows > 10_000 && os.Getenv("TEST_LONG") == "" {
			continue // loading them takes a minute
		}
		b.Run("rows="+strconv.Itoa(rows), func(b *testing.B) {
			config := newDSN(b)
			now := millis(time.Now())
			table := grow(b, openSQL(b, config, false), rows, now)
			db := openGORM(b, config)
			store, err := models.NewStore(db)
			if err != nil {
				b.Fatal(err)
			}
			ctx := byDeadline(b)
			statements := prepare(b, openSQL(b, config, false))
			for _, do := range []struct {
				op, layer string
				before    func() // with the clock stopped
				run       func(n int) (found int, err error)
				want      int
			}{
				{"find", "floor-sql", nil, func(n int) (int, error) { _, err := statements.read(table.token(n)); return 1, err }, 1},
				{"find", "ginsession", nil, func(n int) (int, error) { _, _, err := store.Find(ctx, table.token(n)); return 1, err }, 1},
				{"list", "floor-sql", nil, func(n int) (int, error) { found, err := statements.ofUser(table.user(n), now); return len(found), err }, 10},
				{"list", "ginsession", nil, func(n int) (int, error) { found, err := store.List(ctx, table.user(n), now); return len(found), err }, 10},
				{"purge", "ginsession", func() { table.expired(b, 500, now) }, func(int) (int, error) { return store.Purge(ctx, now, 500) }, 500},
				{"idle-purge", "ginsession", nil, func(int) (int, error) { return store.Purge(ctx, now, 500) }, 0},
			} {
				b.Run("op="+do.op+"/layer="+do.layer, func(b *testing.B) {
					n := 0
					run := func() {
						if found, err := do.run(n); err != nil || found != do.want {
							b.Fatalf("%d, want %d; %v", found, do.want, err)
						}
						n++
					}
					if do.before == nil {
						for range table.sample {
							run()
						}
					}
					b.ReportAllocs()
					for b.Loop() {
						if do.before != nil {
							b.StopTimer()
							do.before()
							b.StartTimer()
						}
						run()
					}
				})
			}
		})
	}
}

// A grown table has ten sessions for each user, who have MD5s for names. They
// expire at any time of a week.
type grown struct {
	pool         *sql.DB
	rows, sample int // sample: how many of the rows are read, from all over the table
	ended        int // how many expired sessions there ever were
}

// thousand is lines n of a number and the 999 that follow, up to another: no
// server's bound on recursion is lower.
const thousand = "WITH RECURSIVE counted AS (SELECT CAST(? AS SIGNED) AS n UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < ?) "

func grow(tb testing.TB, pool *sql.DB, rows int, now time.Time) *grown {
	tb.Helper()
	pool.SetMaxOpenConns(1) // of which the settings are
	exec := func(statement string, arguments ...any) {
		if _, err := pool.Exec(statement, arguments...); err != nil {
			tb.Fatal(err)
		}
	}
	g := &grown{pool: pool, rows: rows, sample: 500}
	exec("SET SESSION unique_checks = 0, foreign_key_checks = 0, autocommit = 0") // much sooner
	for n := 0; n < rows/10; n += 1000 {
		exec("INSERT INTO `user` (`id`, `name`, `email`, `emailVerified`, `createdAt`, `updatedAt`) "+thousand+
			"SELECT MD5(CONCAT('user', n)), 'Somebody', CONCAT(n, '@grown.example'), FALSE, ?, ? FROM counted", n, n+1000, now, now)
	}
	for n := 0; n < rows; n += 1000 {
		g.add(tb, n, 1000, now.Add(time.Hour))
	}
	exec("COMMIT")
	exec("SET SESSION unique_checks = 1, foreign_key_checks = 1, autocommit = 1")
	exec("ANALYZE TABLE `session`, `user`")
	return g
}

// add makes sessions that expire at a moment or up to a week later.
func (g *grown) add(tb testing.TB, from, count int, expires time.Time) {
	tb.Helper()
	_, err := g.pool.Exec("INSERT INTO `session` ("+allColumns+") "+thousand+
		"SELECT MD5(CONCAT('id', n)), TIMESTAMPADD(SECOND, n MOD 600000, ?), MD5(CONCAT('token', n)), ?, ?, '203.0.113.7', ?, MD5(CONCAT('user', n MOD ?)) FROM counted",
		from, from+count, expires, expires, expires, userAgent, g.rows/10)
	if err != nil {
		tb.Fatal(err)
	}
}

// expired adds sessions that have expired.
func (g *grown) expired(tb testing.TB, count int, now time.Time) {
	tb.Helper()
	g.add(tb, g.rows+g.ended, count, now.AddDate(0, 0, -8))
	g.ended += count
}

func (g *grown) token(n int) string { return name("token", n%g.sample*(g.rows/g.sample)) }
func (g *grown) user(n int) string  { return name("user", n%g.sample*(g.rows/10/g.sample)) }

func name(of string, n int) string {
	sum := md5.Sum(fmt.Append([]byte(of), n))
	return hex.EncodeToString(sum[:])
}
