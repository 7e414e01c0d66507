package models_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

func TestPagesGoThroughTheWholeTable(t *testing.T) {
	t.Parallel()
	_, store, session := one(t)
	want := []string{session.ID}
	for i := range 6 {
		added := session
		added.ID, added.Token = fmt.Sprintf("paged%d", i), fmt.Sprintf("%spaged%d", secret, i)
		if i%2 == 0 {
			added.ExpiresAt = moment.Add(-time.Hour) // expired ones too
		}
		if err := store.Create(t.Context(), added); err != nil {
			t.Fatal(err)
		}
		want = append(want, added.ID)
	}
	slices.Sort(want)

	var got []string
	for after := ""; ; {
		page, err := store.Page(t.Context(), after, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		if len(page) > 3 {
			t.Fatalf("got %d sessions, want 3 at most", len(page))
		}
		for _, row := range page {
			got = append(got, row.ID)
			if row.Token == "" || row.UserID != session.UserID {
				t.Errorf("got %v without its token or user", row)
			}
		}
		after = page[len(page)-1].ID
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSurveyTellsWhatTheConnectionIsLike(t *testing.T) {
	t.Parallel()
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	before, err := storeOf(t, models.Schema{}, db).Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if before.HasFeed || before.Collation != "" {
		t.Errorf("got %+v of an empty database, want no feed and no collation", before)
	}
	schema := storetest.Schema()
	schema.Feed = true
	migrateTo(t, schema, db)
	schema.Feed = false // whoever asks does not know yet
	got, err := storeOf(t, schema, db).Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Version == "" || got.Isolation != "READ-COMMITTED" || got.TimeZone != "+00:00" || got.ServerTimeZone == "" || got.Collation != "ascii_bin" || !got.HasFeed {
		t.Errorf("got %+v", got)
	}
	if got.Now.Before(got.Asked.Add(-time.Second)) || got.Now.After(got.Answered.Add(time.Second)) { // one machine, one clock
		t.Errorf("got %v by the database's clock, want it between %v and %v", got.Now, got.Asked, got.Answered)
	}
}
