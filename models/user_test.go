package models_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

func TestUserIsReadByItsExactID(t *testing.T) {
	t.Parallel()
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	migrateTo(t, storetest.Schema(), db)
	store := storeOf(t, storetest.Schema(), db)
	want := models.User{ID: "uA", Name: "Ada", Email: "ada@example.org", CreatedAt: moment, UpdatedAt: moment}
	addUser(t, db, want)
	exec(t, db, "UPDATE `user` SET `role` = 'admin'")

	got, err := store.User(t.Context(), "uA")
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != want.ID || got.Email != want.Email || !got.CreatedAt.Equal(moment) || got.Fields["role"] != "admin" {
		t.Errorf("got %+v, want %+v and the role", got, want)
	}
	for _, stranger := range []string{"", "ua", "UA", "uA ", "nobody"} {
		if _, err := store.User(t.Context(), stranger); !errors.Is(err, models.ErrNoUser) {
			t.Errorf("%q: got %v, want ErrNoUser", stranger, err)
		}
	}
}

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
