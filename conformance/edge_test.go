package conformance

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ginsession/ginsession/conformance/rig"
)

// TestVerifierElsewhere runs edge/verifier.mjs, which checks JWTs offline and
// hears of revocations from GET /revoked.
func TestVerifierElsewhere(t *testing.T) {
	t.Parallel()
	server := filepath.Join(t.TempDir(), "server")
	if out, err := exec.Command("go", "build", "-o", server, "./server").CombinedOutput(); err != nil {
		t.Fatalf("go build ./server: %v\n%s", err, out)
	}
	secret := strings.Repeat("list-secret-", 4)
	everything.Keep(secret)
	url := serve(t, exec.Command(server, "-addr", "127.0.0.1:0", "-log-sql", "-cookie-cache", "jwt", "-feed", "-revoked-secret", secret))
	node(t, "edge/verifier.test.mjs", "RIG_URL="+url, "SECRET="+rig.Defaults().Secret, "REVOKED_SECRET="+secret)
}
