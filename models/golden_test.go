package models_test

import (
	"database/sql/driver"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/models"
)

// The statements of the zero Schema are those of testdata/statements.txt, to the
// letter: who reads, writes or explains them finds them there.
func TestStatementsOfTheZeroSchema(t *testing.T) {
	want, err := os.ReadFile("testdata/statements.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, dialect := range []string{"mysql", "sqlite"} {
		store, script := scripted(t, dialect, func(int) (*answer, error) {
			return &answer{rows: [][]driver.Value{{"s1"}}, met: 0}, nil
		})
		ctx, later := t.Context(), moment.Add(2*time.Hour)
		for _, call := range []func(){
			func() { store.Create(ctx, scriptedSession) },
			func() { store.Find(ctx, secret) },
			func() { store.Touch(ctx, scriptedSession, later, moment) },
			func() { store.List(ctx, "u1", moment) },
			func() { store.Tokens(ctx, "u1") },
			func() { store.Revoke(ctx, models.Revocation{Token: secret}) },
			func() { store.Revoke(ctx, models.Revocation{Token: secret, NotAfter: moment}) },
			func() { store.Revoke(ctx, models.Revocation{Token: secret, UserID: "u1"}) },
			func() { store.Revoke(ctx, models.Revocation{UserID: "u1"}) },
			func() { store.Revoke(ctx, models.Revocation{UserID: "u1", Except: "s1", Now: moment}) },
			func() { store.Purge(ctx, moment, 10) },
		} {
			call()
		}
		for _, query := range script.queries {
			got.WriteString(dialect + ": " + query + "\n")
		}
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}
