package conformance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession/conformance/rig"
	"github.com/ginsession/ginsession/internal/witness"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode) // its list of routes would drown what the tests say
	redis.SetLogger(everything)
	everything.Keep(interopSecret, formerSecret, rig.Defaults().Secret)
	var err error
	if programs, err = os.MkdirTemp("", "conformance"); err != nil {
		panic(err)
	}
	code := everything.Main(m)
	_ = os.RemoveAll(programs)
	os.Exit(code)
}

// everything hears the rigs: those of this process, and what those write that are
// processes of their own: SR-67.
var everything = witness.New()

// programs is a folder for what the tests build.
var programs string

// serverProgram builds the command in the folder server, once for all tests.
var serverProgram = sync.OnceValues(func() (string, error) {
	file := filepath.Join(programs, "server")
	if out, err := exec.Command("go", "build", "-o", file, "./server").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./server: %w\n%s", err, out)
	}
	return file, nil
})
