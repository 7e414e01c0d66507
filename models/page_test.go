package models_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
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
