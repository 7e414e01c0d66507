package models_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/detached"
	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// byDeadline is a store that is called as a Manager calls it: with contexts that
// only their deadline ends.
type byDeadline struct{ ginsession.Store }

func deadlineOf(ctx context.Context) context.Context {
	deadline, ok := ctx.Deadline()
	switch {
	case ctx.Err() != nil:
		return ctx
	case !ok:
		deadline = time.Now().Add(20 * time.Second)
	}
	ctx, cancel := context.WithDeadline(detached.From(ctx), deadline)
	context.AfterFunc(ctx, cancel) // nobody cancels it sooner
	return ctx
}

func (s byDeadline) Create(ctx context.Context, session models.Session) error {
	return s.Store.Create(deadlineOf(ctx), session)
}

func (s byDeadline) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	return s.Store.Find(deadlineOf(ctx), token)
}

func (s byDeadline) FindMany(ctx context.Context, tokens []string) ([]models.Found, error) {
	return s.Store.FindMany(deadlineOf(ctx), tokens)
}

func (s byDeadline) Update(ctx context.Context, read models.Session, fields map[string]any, now time.Time) (models.Session, error) {
	return s.Store.Update(deadlineOf(ctx), read, fields, now)
}

func (s byDeadline) Touch(ctx context.Context, read models.Session, next, now time.Time) (models.Session, error) {
	return s.Store.Touch(deadlineOf(ctx), read, next, now)
}

func (s byDeadline) Replace(ctx context.Context, read, next models.Session, now time.Time) (models.Session, error) {
	return s.Store.Replace(deadlineOf(ctx), read, next, now)
}

func (s byDeadline) List(ctx context.Context, userID string, now time.Time) ([]models.Session, error) {
	return s.Store.List(deadlineOf(ctx), userID, now)
}

func (s byDeadline) Tokens(ctx context.Context, userID string) ([]string, error) {
	return s.Store.Tokens(deadlineOf(ctx), userID)
}

func (s byDeadline) Revoke(ctx context.Context, r models.Revocation) (int, error) {
	return s.Store.Revoke(deadlineOf(ctx), r)
}

func (s byDeadline) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.Store.Purge(deadlineOf(ctx), before, limit)
}

func TestStoreByDeadline(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		db := openMySQL(t, testdb.MySQL(t, utf8mb4))
		migrateTo(t, storetest.Schema(), db)
		h := harness(t, db)
		h.Store = byDeadline{h.Store}
		return h
	})
}

// within is a context as a Manager's.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(detached.From(t.Context()), d)
	t.Cleanup(cancel)
	return ctx
}

// single makes the pool one of a single connection, and returns what looks at it.
func single(t *testing.T, db *gorm.DB) func() (statements int) {
	pool := pool(t, db)
	pool.SetMaxOpenConns(1)
	return func() int {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return models.LinkOf(t, conn)
	}
}

func TestStatementsByDeadlineRunOnLinks(t *testing.T) {
	db, store, session := one(t)
	statements := single(t, db)
	if !store.KeepsDeadlines() || statements() != 0 {
		t.Fatalf("keeps deadlines: %t, statements %d", store.KeepsDeadlines(), statements())
	}
	find := func(ctx context.Context) {
		t.Helper()
		if found, user, err := store.Find(ctx, session.Token); err != nil || found.ID != session.ID || user.ID != session.UserID {
			t.Fatalf("got %v, %v and %v", found, user, err)
		}
	}
	find(t.Context()) // may end in other ways than by a deadline
	if n := statements(); n != 0 {
		t.Errorf("%d statements of a context that somebody may cancel", n)
	}
	for range 2 {
		find(within(t, time.Minute))
		if _, err := store.List(within(t, time.Minute), session.UserID, moment); err != nil {
			t.Fatal(err)
		}
	}
	if n := statements(); n != 2 {
		t.Errorf("%d statements are prepared, want 2", n)
	}
	// A deadline is that of its statement alone.
	find(within(t, 50*time.Millisecond))
	if err := db.Exec("SELECT SLEEP(0.2)").Error; err != nil {
		t.Errorf("the statement after one with a deadline: %v", err)
	}
	if n := statements(); n != 2 {
		t.Errorf("%d statements are prepared on what should be the same connection", n)
	}
}

func TestRule19DeadlineOfALinkIsKept(t *testing.T) {
	var log logbook
	dsn := testdb.MySQL(t, utf8mb4)
	_ = mysql.SetLogger(&log) // which OpenMySQL takes over
	db := openMySQL(t, dsn)
	_ = mysql.SetLogger(everything.Driver())
	migrate(t, db)
	store, session := newStore(t, db), seed(t, db)
	other := openMySQL(t, dsn)
	single(t, db)
	lock, err := pool(t, other).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := lock.ExecContext(t.Context(), "LOCK TABLES `session` WRITE, `user` WRITE"); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(ctx context.Context) error{
		"find": func(ctx context.Context) error { _, _, err := store.Find(ctx, session.Token); return err },
		"list": func(ctx context.Context) error { _, err := store.List(ctx, session.UserID, moment); return err },
		"revoke": func(ctx context.Context) error {
			_, err := store.Revoke(ctx, models.Revocation{Token: session.Token})
			return err
		},
	} {
		began := time.Now()
		err := call(within(t, 200*time.Millisecond))
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took < 150*time.Millisecond || took > 2*time.Second {
			t.Errorf("%s: got %v after %v", name, err, took)
		}
		if err != nil && strings.Contains(err.Error(), session.Token) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if text := log.String(); text != "" {
		t.Errorf("the driver logged %s", text)
	}
	if _, err := lock.ExecContext(t.Context(), "UNLOCK TABLES"); err != nil {
		t.Fatal(err)
	}
	// The revocation may have happened when the lock went; all the rest goes on.
	if _, _, err := store.Find(within(t, 10*time.Second), session.Token); err != nil && !errors.Is(err, models.ErrNotFound) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestRule14DeadLinkIsReplaced(t *testing.T) {
	db, store, session := one(t)
	other := openMySQL(t, dsnOf(t, db))
	single(t, db)
	for range 3 {
		var id int
		if err := db.Raw("SELECT CONNECTION_ID()").Scan(&id).Error; err != nil {
			t.Fatal(err)
		}
		if err := other.Exec("KILL ?", id).Error; err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // until the server has closed it
		if _, _, err := store.Find(within(t, 5*time.Second), session.Token); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLinksGoWithTheirConnections(t *testing.T) {
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	pool := pool(t, db)
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if models.LinkOf(t, conn) < 0 {
		t.Fatal("there is no link")
	}
	before := models.Links()
	pool.SetMaxIdleConns(0)
	_ = conn.Close()
	for end := time.Now().Add(5 * time.Second); models.Links() >= before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d links before the connection was closed, %d after", before, models.Links())
		}
	}
}

// An application's own dialler goes on dialling, without links.
func TestOwnDiallerIsKept(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	mysql.RegisterDialContext("own", func(ctx context.Context, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	})
	defer mysql.DeregisterDialContext("own")
	db := openMySQL(t, strings.Replace(dsn, "@tcp(", "@own(", 1))
	migrate(t, db)
	session, store := seed(t, db), newStore(t, db)
	if _, _, err := store.Find(within(t, time.Minute), session.Token); err != nil {
		t.Error(err)
	}
}
