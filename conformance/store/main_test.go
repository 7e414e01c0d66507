package store_test

import (
	"os"
	"strings"
	"testing"

	"github.com/ginsession/ginsession/internal/witness"
)

// everything hears GORM's log of all databases and the errors of the stores that the
// suite runs on: SR-67, and rule 13 of the store.
var everything = witness.New()

func TestMain(m *testing.M) {
	everything.Keep(strings.Repeat("T", 32)) // as all of newSession's begin
	os.Exit(everything.Main(m))
}
