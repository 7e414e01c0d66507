package models_test

import (
	"errors"
	"testing"

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
