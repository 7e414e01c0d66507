package conformance

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestOfficialClient drives the rig with the npm package better-auth: each
// store with each cookie cache.
func TestOfficialClient(t *testing.T) {
	t.Parallel()
	server := filepath.Join(t.TempDir(), "server")
	if out, err := exec.Command("go", "build", "-o", server, "./server").CombinedOutput(); err != nil {
		t.Fatalf("go build ./server: %v\n%s", err, out)
	}
	for _, store := range []string{"sqlite", "mysql"} {
		for _, cache := range []string{"off", "securecookie", "compact"} {
			t.Run(store+"/"+cache, func(t *testing.T) {
				t.Parallel()
				args := []string{"-addr", "127.0.0.1:0", "-cookie-cache", cache}
				if store == "mysql" {
					args = append(args, "-dsn", mysqlDSN(t))
				}
				url := serve(t, exec.Command(server, args...))
				node(t, "client/client.test.mjs", "RIG_URL="+url, "RIG_CACHE="+cache)
			})
		}
	}
}
