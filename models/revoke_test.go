package models_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
)

func TestPreservedSessionsKeepTheirRows(t *testing.T) {
	t.Parallel()
	db, store, session := one(t)
	add := func(id string, expires time.Time) models.Session {
		added := session
		added.ID, added.Token, added.ExpiresAt = id, secret+id, expires
		if err := store.Create(t.Context(), added); err != nil {
			t.Fatal(err)
		}
		return added
	}
	add("own", moment.Add(time.Hour))
	other, over := add("other", moment.Add(time.Hour)), add("over", moment.Add(-time.Hour))

	preserve := func(r models.Revocation, now time.Time, want int) {
		t.Helper()
		if got, err := store.Preserve(t.Context(), r, now); err != nil || got != want {
			t.Errorf("got %d and %v, want %d", got, err, want)
		}
	}
	expiry := func(token string) time.Time {
		t.Helper()
		row, _, err := store.Find(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		return row.ExpiresAt
	}
	preserve(models.Revocation{Token: other.Token, UserID: "nobody"}, moment, 0)
	preserve(models.Revocation{Token: other.Token}, moment, 1)
	preserve(models.Revocation{Token: other.Token}, moment.Add(time.Minute), 0)
	if got := expiry(other.Token); !got.Equal(moment) {
		t.Errorf("the session ended at %v, want %v", got, moment)
	}
	preserve(models.Revocation{UserID: session.UserID, Except: "own", Now: moment}, moment, 1) // the seeded one
	preserve(models.Revocation{UserID: session.UserID}, moment, 1)
	if got := expiry(over.Token); !got.Equal(over.ExpiresAt) {
		t.Errorf("what was over ended at %v, want %v", got, over.ExpiresAt)
	}
	_, err := store.Preserve(t.Context(), models.Revocation{}, moment) // names nothing
	wantError(t, err, "preserve", models.BadValue, 0)
	var rows int
	if err := db.Raw("SELECT COUNT(*) FROM `session`").Scan(&rows).Error; err != nil || rows != 4 {
		t.Errorf("%d rows and %v, want 4", rows, err)
	}
}

// SR-45: while all sessions of a user end, others begin. None is left that was
// there when the call began.
func TestSR45_RevokingManyLeavesNoneThatWasThere(t *testing.T) {
	for name, revocation := range map[string]models.Revocation{"all": {UserID: "u1"}, "others": {UserID: "u1", Except: "s1", Now: moment}} {
		db, store, session := one(t)
		var values []string
		for i := range 1000 {
			values = append(values, fmt.Sprintf("('live%d', '2026-12-01 12:00:00', 'tok%d', now(), 'u1')", i, i))
		}
		exec(t, db, "INSERT INTO session (id, expiresAt, token, updatedAt, userId) VALUES "+strings.Join(values, ", "))
		began, stop, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				late := session
				late.ID, late.Token = fmt.Sprint("late", n), fmt.Sprint(secret, n)
				if err := store.Create(t.Context(), late); err != nil {
					t.Error(err)
				}
				if n == 0 {
					close(began)
				}
			}
		}()
		<-began
		n, err := store.Revoke(t.Context(), revocation)
		close(stop)
		<-done
		if err != nil || n < 1000 {
			t.Errorf("%s: ended %d, %v", name, n, err)
		}
		var old int
		row := pool(t, db).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM session WHERE id LIKE 'live%'")
		if err := row.Scan(&old); err != nil || old != 0 {
			t.Errorf("%s: %d are left that were there, %v", name, old, err)
		}
		_, _, err = store.Find(t.Context(), session.Token)
		if spared := err == nil; spared != (name == "others") {
			t.Errorf("%s: its own: %v", name, err)
		}
	}
}

// Rule 17 of the store: however many have expired and however many are asked
// for, one call deletes 500, so that others wait for no more than that.
func TestRule17PurgeGoesInBatches(t *testing.T) {
	db, store, _ := one(t)
	var values []string
	for i := range 1201 {
		values = append(values, fmt.Sprintf("('old%d', '2026-01-01 12:00:00', 'tok%d', now(), 'u1')", i, i))
	}
	exec(t, db, "INSERT INTO session (id, expiresAt, token, updatedAt, userId) VALUES "+strings.Join(values, ", "))
	for _, batch := range []struct{ limit, want int }{{0, 500}, {9999, 500}, {500, 201}, {500, 0}} {
		if n, err := store.Purge(t.Context(), moment, batch.limit); err != nil || n != batch.want {
			t.Errorf("of %d: got %d and %v, want %d", batch.limit, n, err, batch.want)
		}
	}
}

// Rule 17 of the store, its other half: beside a batch, however long it takes and
// whatever the level of its connection, people sign in and stay. Without autocommit
// it holds its locks until the test has seen that.
func TestRule17NobodyWaitsForAPurge(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	db := openMySQL(t, dsn)
	migrate(t, db)
	live, others := seed(t, db), newStore(t, db)
	// Of a table smaller than this the server reads all rather than 500 by their ids.
	exec(t, db, "INSERT INTO session (id, expiresAt, token, updatedAt, userId) SELECT seq, IF(seq <= 1000, '2026-01-01', '2027-01-01'), seq, now(), 'u1' FROM seq_1_to_8000")
	for _, level := range []string{"REPEATABLE-READ", "READ-COMMITTED"} {
		slow := openPlain(t, with(dsn, "parseTime=true&time_zone=%27%2B00%3A00%27&autocommit=0&tx_isolation=%27"+level+"%27"), &gorm.Config{})
		pool(t, slow).SetMaxOpenConns(1)
		n, err := newStore(t, slow).Purge(t.Context(), moment, 0)
		if err != nil || n != 500 {
			t.Fatalf("%s: purged %d, %v", level, n, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		made := live
		made.ID, made.Token = "new"+level, "new"+level+secret
		if err := others.Create(ctx, made); err != nil {
			t.Fatalf("%s: a session cannot begin: %v", level, err)
		}
		if live, err = others.Touch(ctx, live, live.ExpiresAt.Add(time.Minute), moment); err != nil {
			t.Fatalf("%s: a session cannot be renewed: %v", level, err)
		}
		exec(t, slow, "COMMIT")
	}
}

// Rule 17 of the store: a session renewed between the purge's two statements.
func TestRule17PurgeLeavesASessionRenewedMeanwhile(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	db := openMySQL(t, dsn)
	migrate(t, db)
	session, rival := seed(t, db), newStore(t, openMySQL(t, dsn))
	renewed := 0
	if err := db.Callback().Raw().Before("gorm:raw").Register("rival", func(tx *gorm.DB) {
		if strings.HasPrefix(tx.Statement.SQL.String(), "DELETE") {
			renewed++
			if _, err := rival.Touch(t.Context(), session, moment.Add(9*time.Hour), moment); err != nil {
				t.Error(err)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	n, err := newStore(t, db).Purge(t.Context(), moment.Add(2*time.Hour), 0)
	if err != nil || n != 0 || renewed != 1 {
		t.Errorf("got %d purged and %v after %d renewals, want none after one", n, err, renewed)
	}
	if _, _, err := rival.Find(t.Context(), session.Token); err != nil {
		t.Errorf("the renewed session: %v", err)
	}
}
