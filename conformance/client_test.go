package conformance

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ginsession/ginsession/internal/testdb"
)

// TestOfficialClient drives the rig with the npm package better-auth: each store
// with each cookie cache and all that can be switched on, and with less.
func TestOfficialClient(t *testing.T) {
	t.Parallel()
	server := filepath.Join(t.TempDir(), "server")
	if out, err := exec.Command("go", "build", "-o", server, "./server").CombinedOutput(); err != nil {
		t.Fatalf("go build ./server: %v\n%s", err, out)
	}
	features := []string{"-multi-session", "-bearer", "-session-fields"}
	type run struct {
		name string
		args []string
		env  []string
	}
	runs := []run{
		{"sqlite/plain", []string{"-cookie-cache", "off"}, []string{"RIG_CACHE=off"}},
		{"sqlite/deferred", []string{"-cookie-cache", "securecookie", "-defer-refresh"}, []string{"RIG_CACHE=securecookie", "RIG_DEFER=1"}},
		{"sqlite/tokens", append([]string{"-cookie-cache", "compact", "-expose-tokens", "-bearer-allow-unsigned"}, features...), []string{"RIG_CACHE=compact", "RIG_FEATURES=1", "RIG_TOKENS=1"}},
	}
	for _, store := range []string{"sqlite", "mysql"} {
		for _, cache := range []string{"off", "securecookie", "compact", "jwt", "jwe"} {
			runs = append(runs, run{store + "/" + cache, append([]string{"-cookie-cache", cache}, features...), []string{"RIG_CACHE=" + cache, "RIG_FEATURES=1"}})
		}
	}
	for _, run := range runs {
		t.Run(run.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"-addr", "127.0.0.1:0", "-log-sql"}, run.args...)
			if strings.HasPrefix(run.name, "mysql") {
				args = append(args, "-dsn", testdb.MySQL(t))
			}
			node(t, "client/client.test.mjs", append(run.env, "RIG_URL="+serve(t, exec.Command(server, args...)))...)
		})
	}
}
