package conformance

import (
	"strings"
	"testing"

	"github.com/ginsession/ginsession/internal/testdb"
)

// TestOfficialClient drives the rig with the npm package better-auth: each store
// with each cookie cache and all that can be switched on, and with less.
func TestOfficialClient(t *testing.T) {
	t.Parallel()
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
			args := run.args
			if strings.HasPrefix(run.name, "mysql") {
				args = append(args, "-dsn", testdb.MySQL(t))
			}
			node(t, "client/client.test.mjs", append(run.env, "RIG_URL="+serve(t, ourServer(t, args...)))...)
		})
	}
}
