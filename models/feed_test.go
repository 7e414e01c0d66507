package models_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

func feedSchema() models.Schema {
	schema := storetest.Schema()
	schema.Feed = true
	return schema
}

// feedHarness is the suite's on tables of our own with a feed.
func feedHarness(t *testing.T) (storetest.FeedHarness, *gorm.DB) {
	t.Helper()
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	migrateTo(t, feedSchema(), db)
	h := harnessOf(t, db, feedSchema(), func(t *testing.T, u models.User) { addUser(t, db, u) })
	return storetest.FeedHarness{Harness: h, Feed: storeOf(t, feedSchema(), db).Feed()}, db
}

func newUser(id string) models.User {
	return models.User{ID: id, Name: id, Email: id + "@example.org", CreatedAt: time.Now(), UpdatedAt: time.Now()}
}

func session(id, user string) models.Session {
	now := time.Now()
	return models.Session{ID: id, Token: strings.Repeat("T", 32) + id, UserID: user, ExpiresAt: now.Add(time.Hour), CreatedAt: now, UpdatedAt: now}
}

func TestStoreWithFeed(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		h, db := feedHarness(t)
		h.AddUser = func(t *testing.T, u models.User) {
			addUser(t, db, u)
			exec(t, db, "UPDATE `user` SET `role` = ? WHERE `id` = ?", u.Fields["role"], u.ID)
		}
		return h.Harness
	})
}

func TestFeed(t *testing.T) {
	storetest.RunFeed(t, func(t *testing.T) storetest.FeedHarness {
		h, _ := feedHarness(t)
		return h
	})
}

// follow collects what a feed tells until is says that it is enough.
func follow(t *testing.T, feed *models.Feed, since time.Duration, enough func(all []models.Revoked, h models.Heard) bool) []models.Revoked {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all []models.Revoked
	done := errors.New("enough")
	ctx, stop := context.WithCancelCause(ctx)
	err := feed.Follow(ctx, since, 10*time.Millisecond, func(h models.Heard) {
		if all = append(all, h.Revoked...); enough(all, h) {
			stop(done)
		}
	})
	if !errors.Is(err, done) {
		t.Fatalf("Follow: %v", err)
	}
	return all
}

// Rule 16 of the store: numbers and times are given before the commit, so that a
// line can become visible after later ones. It must not be lost.
func TestRule16LineThatCommitsLateIsTold(t *testing.T) {
	t.Parallel()
	h, db := feedHarness(t)
	late, err := pool(t, db).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Rollback()
	if _, err := late.Exec("INSERT INTO session_revocation (at, userId) VALUES (SYSDATE(3), 'late')"); err != nil {
		t.Fatal(err)
	}
	readings := 0
	told := follow(t, h.Feed.(*models.Feed), time.Hour, func(all []models.Revoked, _ models.Heard) bool {
		switch readings++; readings {
		case 1:
			exec(t, db, "INSERT INTO session_revocation (at, userId) VALUES (SYSDATE(3), 'later')")
		case 5: // the later line has been read by now
			if len(all) != 1 || all[0].UserID != "later" {
				t.Fatalf("told %v, want the later line", all)
			}
			if err := late.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		return len(all) == 2 || readings > 100
	})
	if len(told) != 2 || told[1].UserID != "late" {
		t.Errorf("told %v, want the late line too", told)
	}
}

// NotAfter is of a Token. With none, copies of the user's sessions may be alive.
func TestRevocationOfAUserIsToldWhateverItsNotAfter(t *testing.T) {
	t.Parallel()
	h, _ := feedHarness(t)
	if _, err := h.Store.Revoke(t.Context(), models.Revocation{UserID: "1", NotAfter: moment}); err != nil {
		t.Fatal(err)
	}
	told := follow(t, h.Feed.(*models.Feed), time.Minute, func([]models.Revoked, models.Heard) bool { return true })
	if len(told) != 1 || told[0].UserID != "1" {
		t.Errorf("told %v, want the user", told)
	}
}

// A session and its line go together or not at all.
func TestRevokeThatCannotTellEndsNothing(t *testing.T) {
	t.Parallel()
	h, db := feedHarness(t)
	h.AddUser(t, newUser("1"))
	if err := h.Store.Create(t.Context(), session("a", "1")); err != nil {
		t.Fatal(err)
	}
	exec(t, db, "RENAME TABLE session_revocation TO elsewhere")
	for _, r := range []models.Revocation{{Token: session("a", "1").Token}, {UserID: "1"}} {
		var fault *models.Error
		if _, err := h.Store.Revoke(t.Context(), r); !errors.As(err, &fault) || fault.Class != models.Configuration {
			t.Errorf("got %v, want a fault of configuration", err)
		}
	}
	if _, _, err := h.Store.Find(t.Context(), session("a", "1").Token); err != nil {
		t.Errorf("the session: %v", err)
	}
	err := h.Feed.Follow(t.Context(), time.Hour, time.Millisecond, func(models.Heard) { t.Error("told") })
	var fault *models.Error
	if !errors.As(err, &fault) || fault.Op != "feed" {
		t.Errorf("Follow: %v", err)
	}
}

// The triggers tell what anybody deletes, in whatever zone: a session that was
// alive, and a user, whose sessions a foreign key deletes without a trigger.
func TestFeedTriggersTellWhatOthersDelete(t *testing.T) {
	t.Parallel()
	h, db := feedHarness(t)
	triggers, err := feedSchema().FeedTriggers()
	if err != nil {
		t.Fatal(err)
	}
	for _, trigger := range triggers {
		exec(t, db, trigger)
	}
	for _, id := range []string{"1", "2"} {
		h.AddUser(t, newUser(id))
	}
	now := time.Now()
	for name, expires := range map[string]time.Time{"alive": now.Add(time.Hour), "expired": now.Add(-time.Hour), "cascade": now.Add(time.Hour)} {
		s := session(name, map[bool]string{true: "2", false: "1"}[name == "cascade"])
		s.ExpiresAt = expires
		if err := h.Store.Create(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := pool(t, db).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, statement := range []string{
		"SET time_zone = '+05:30'",
		"DELETE FROM session WHERE id IN ('alive', 'expired')",
		"DELETE FROM `user` WHERE id = '2'",
		"SET time_zone = '+00:00'",
	} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	told := follow(t, h.Feed.(*models.Feed), time.Minute, func([]models.Revoked, models.Heard) bool { return true })
	if len(told) != 2 {
		t.Fatalf("told %v, want the session that was alive and the user", told)
	}
	if told[0].UserID != "" {
		slices.Reverse(told)
	}
	if told[0].TokenSHA256 != sha256.Sum256([]byte(session("alive", "1").Token)) || told[1].UserID != "2" {
		t.Errorf("told %v", told)
	}
	for _, one := range told {
		if off := one.At.Sub(now); off < -time.Minute || off > time.Minute {
			t.Errorf("told of %v, %v off", one.At, off)
		}
	}
	if n, err := h.Store.Revoke(t.Context(), models.Revocation{UserID: "1"}); err != nil || n != 0 {
		t.Errorf("with the triggers, Revoke: %d, %v", n, err)
	}
}

// The documentation shows the statements.
func TestFeedTriggersAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/revocation-feed.md")
	if err != nil {
		t.Fatal(err)
	}
	triggers, err := models.Schema{Feed: true}.FeedTriggers()
	if err != nil {
		t.Fatal(err)
	}
	for _, trigger := range triggers {
		if !strings.Contains(string(page), trigger+";\n") {
			t.Errorf("the page lacks\n%s", trigger)
		}
	}
}

// What is older than a cookie cache can be is dropped, and only that.
func TestFeedDropsOldLines(t *testing.T) {
	t.Parallel()
	h, db := feedHarness(t)
	for range 11 { // 2,816 lines
		exec(t, db, "INSERT INTO session_revocation (at, userId) SELECT NOW(3) - INTERVAL 3 HOUR, 'old' FROM seq_1_to_256")
	}
	exec(t, db, "INSERT INTO session_revocation (at, userId) VALUES (NOW(3) - INTERVAL 1 HOUR, 'young')")
	left := func() (n int) {
		if err := db.Raw("SELECT COUNT(*) FROM session_revocation").Scan(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	follow(t, h.Feed.(*models.Feed), time.Minute, func([]models.Revoked, models.Heard) bool { return left() == 1 })
	var young string
	if err := db.Raw("SELECT userId FROM session_revocation").Scan(&young).Error; err != nil || young != "young" {
		t.Errorf("%q is left (%v), want the young line", young, err)
	}
}

// Whether old lines can be dropped is nothing to those who listen.
func TestFeedIsHeardThoughOldLinesCannotBeDropped(t *testing.T) {
	t.Parallel()
	h, db := feedHarness(t)
	exec(t, db, "INSERT INTO session_revocation (at, userId) VALUES (NOW(3) - INTERVAL 3 HOUR, 'old')")
	exec(t, db, "CREATE TRIGGER no BEFORE DELETE ON session_revocation FOR EACH ROW SIGNAL SQLSTATE '45000'")
	readings := 0
	follow(t, h.Feed.(*models.Feed), time.Hour, func(all []models.Revoked, _ models.Heard) bool {
		if readings++; readings == 20 {
			exec(t, db, "INSERT INTO session_revocation (at, userId) VALUES (SYSDATE(3), 'new')")
		}
		return len(all) > 0
	})
}

// More lines than a process takes in are not passed over in silence.
func TestFeedThatOverflowsSaysSo(t *testing.T) {
	t.Parallel()
	h, db := feedHarness(t)
	exec(t, db, "INSERT INTO session_revocation (at, userId) SELECT NOW(3), seq FROM seq_1_to_100001")
	overflow := false
	follow(t, h.Feed.(*models.Feed), time.Hour, func(_ []models.Revoked, h models.Heard) bool { overflow = h.Overflow; return true })
	if !overflow {
		t.Error("no word of it")
	}
}

func TestCheckComparesTheFeedWithTheSchema(t *testing.T) {
	t.Parallel()
	with, without := models.Schema{Feed: true}, models.Schema{}
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	check := func(schema models.Schema, want string) {
		t.Helper()
		err := storeOf(t, schema, db).Check(t.Context())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	migrateTo(t, without, db)
	check(without, "")
	check(with, "table session_revocation is missing, the revocation feed")
	migrateTo(t, with, db)
	migrateTo(t, with, db)
	check(with, "")
	check(without, "table session_revocation is there, but Schema.Feed is not set")
	if storeOf(t, without, db).Feed() != nil {
		t.Error("a Store without a feed has one")
	}
	exec(t, db, "ALTER TABLE session_revocation DROP COLUMN exceptId")
	check(with, "column session_revocation.exceptId is missing")
}

func TestSchemaOfAFeedIsRefused(t *testing.T) {
	long := models.Schema{Feed: true, Session: models.Table{Name: strings.Repeat("s", 46)}}
	if _, err := long.Complete(); err == nil || !strings.Contains(err.Error(), "use at most 45 letters") {
		t.Errorf("got %v", err)
	}
	same := models.Schema{Feed: true, User: models.Table{Name: "session_revocation"}}
	if _, err := same.FeedTriggers(); err == nil || !strings.Contains(err.Error(), "which is the feed's table") {
		t.Errorf("got %v", err)
	}
	if _, err := (models.Schema{}).FeedTriggers(); err == nil || !strings.Contains(err.Error(), "Schema.Feed is not set") {
		t.Errorf("got %v", err)
	}
}
