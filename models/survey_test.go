package models_test

import (
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

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
