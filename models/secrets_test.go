package models_test

import (
	"os"
	"testing"

	"github.com/ginsession/ginsession/internal/witness"
)

// everything hears the SQL log of all databases that the tests open, at GORM's most
// talkative, the driver's log, and the errors of the stores that the suite runs on:
// SR-67, and rule 13 of the store.
var everything = witness.New()

func TestMain(m *testing.M) {
	everything.Keep(secret)
	os.Exit(everything.Main(m))
}
