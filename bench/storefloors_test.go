package bench

import (
	"database/sql"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/singleflight"
)

// Floors with a database: the cookie as in the others, and one statement.

// sqlByHand are statements prepared once, on database/sql.
type sqlByHand struct {
	find, again, create, touch, revoke, list *sql.Stmt
}

const allColumns = "`id`, `expiresAt`, `token`, `createdAt`, `updatedAt`, `ipAddress`, `userAgent`, `userId`"

const joinByHand = "SELECT s.`id`, s.`expiresAt`, s.`token`, s.`createdAt`, s.`updatedAt`, s.`ipAddress`, s.`userAgent`, s.`userId`, " +
	"u.`id`, u.`name`, u.`email`, u.`emailVerified`, u.`image`, u.`createdAt`, u.`updatedAt` " +
	"FROM `session` s INNER JOIN `user` u ON u.`id` = s.`userId` WHERE s.`token` = ?"

func prepare(tb testing.TB, pool *sql.DB) *sqlByHand {
	tb.Helper()
	statement := func(text string) *sql.Stmt {
		s, err := pool.Prepare(text)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = s.Close() })
		return s
	}
	return &sqlByHand{
		find:   statement(joinByHand),
		again:  statement("SELECT " + allColumns + " FROM `session` WHERE `token` = ?"),
		create: statement("INSERT INTO `session` (" + allColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
		touch:  statement("UPDATE `session` FORCE INDEX (PRIMARY) SET `expiresAt` = ?, `updatedAt` = ? WHERE `id` = ? AND `token` = ? AND `expiresAt` = ? AND `expiresAt` >= ?"),
		revoke: statement("DELETE FROM `session` WHERE `token` = ?"),
		list:   statement("SELECT " + allColumns + " FROM `session` WHERE `userId` = ? AND `expiresAt` > ? ORDER BY `id` LIMIT 100"),
	}
}

// A row is what the statements read, as little typed as database/sql allows.
type row struct {
	id, token, userID               string
	expiresAt, createdAt, updatedAt time.Time
	ip, agent                       sql.NullString
	user, name, email               string
	verified                        bool
	image                           sql.NullString
	userCreatedAt, userUpdatedAt    time.Time
}

func (s *sqlByHand) read(token string) (r row, err error) {
	err = s.find.QueryRow(token).Scan(&r.id, &r.expiresAt, &r.token, &r.createdAt, &r.updatedAt, &r.ip, &r.agent, &r.userID,
		&r.user, &r.name, &r.email, &r.verified, &r.image, &r.userCreatedAt, &r.userUpdatedAt)
	if err == nil && r.token != token {
		err = sql.ErrNoRows
	}
	return r, err
}

// reread is read without the user.
func (s *sqlByHand) reread(token string) (r row, err error) {
	err = s.again.QueryRow(token).Scan(&r.id, &r.expiresAt, &r.token, &r.createdAt, &r.updatedAt, &r.ip, &r.agent, &r.userID)
	if err == nil && r.token != token {
		err = sql.ErrNoRows
	}
	return r, err
}

func (s *sqlByHand) insert(r row) error {
	_, err := s.create.Exec(r.id, r.expiresAt, r.token, r.createdAt, r.updatedAt, r.ip, r.agent, r.userID)
	return err
}

func (s *sqlByHand) renew(r row, next, now time.Time) error {
	_, err := s.touch.Exec(next, now, r.id, r.token, r.expiresAt, now)
	return err
}

func (s *sqlByHand) end(token string) error {
	_, err := s.revoke.Exec(token)
	return err
}

func (s *sqlByHand) ofUser(userID string, now time.Time) ([]row, error) {
	rows, err := s.list.Query(userID, now)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make([]row, 0, 10)
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.id, &r.expiresAt, &r.token, &r.createdAt, &r.updatedAt, &r.ip, &r.agent, &r.userID); err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, rows.Err()
}

func newRow(now time.Time) row {
	s := newSession(ada, now)
	return row{
		id: s.ID, token: s.Token, userID: ada, expiresAt: s.ExpiresAt, createdAt: now, updatedAt: now,
		ip: sql.NullString{String: *s.IPAddress, Valid: true}, agent: sql.NullString{String: *s.UserAgent, Valid: true},
	}
}

// adasRow is newRow with its user, as it is read.
func adasRow(now time.Time) row {
	r := newRow(now)
	r.user, r.name, r.email, r.verified, r.userCreatedAt, r.userUpdatedAt = ada, "Ada Lovelace", "ada@example.com", true, now, now
	return r
}

func millis(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// storeByHand is a whole application on those statements: a pooled HMAC, one
// statement, and an answer. With renews, each GET /me renews the session; with
// shared, requests for one token share an answer.
func storeByHand(renews, shared bool) func(testing.TB) *site {
	return func(tb testing.TB) *site {
		pool := openSQL(tb, newDSN(tb), false)
		statements := prepare(tb, pool)
		var flights singleflight.Group
		read := statements.read
		if shared {
			read = func(token string) (row, error) {
				found, err, _ := flights.Do(token, func() (any, error) { return statements.read(token) })
				return found.(row), err
			}
		}
		engine := gin.New()
		engine.GET("/me", func(c *gin.Context) {
			token, ok := tokenByHand(c)
			if !ok {
				answer(c, "")
				return
			}
			r, err := read(token)
			if errors.Is(err, sql.ErrNoRows) {
				answer(c, "")
				return
			}
			if err == nil && renews {
				now := millis(time.Now())
				if err = statements.renew(r, r.expiresAt.Add(2*time.Millisecond), now); err == nil {
					setToken(c, token)
				}
			}
			if err != nil {
				done(c, err)
				return
			}
			answer(c, r.user)
		})
		engine.POST("/sign-in", func(c *gin.Context) {
			r := newRow(millis(time.Now()))
			err := statements.insert(r)
			if err == nil {
				setToken(c, r.token)
			}
			done(c, err)
		})
		engine.POST("/sign-out", func(c *gin.Context) {
			token, ok := tokenByHand(c)
			if !ok {
				answer(c, "")
				return
			}
			c.Writer.Header()["Set-Cookie"] = []string{tokenCookie + "; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"}
			done(c, statements.end(token))
		})
		engine.GET("/list", func(c *gin.Context) {
			token, ok := tokenByHand(c)
			if !ok {
				answer(c, "")
				return
			}
			own, err := statements.read(token)
			if err != nil {
				done(c, err)
				return
			}
			rows, err := statements.ofUser(own.userID, millis(time.Now()))
			if err != nil {
				done(c, err)
				return
			}
			body := append(make([]byte, 0, 64+384*len(rows)), '[')
			for i := range rows {
				if i > 0 {
					body = append(body, ',')
				}
				body = appendSession(body, &rows[i])
			}
			c.Data(http.StatusOK, "application/json", append(body, ']'))
		})
		return &site{handler: engine, counter: byConnection{pool}, later: func() {}}
	}
}
