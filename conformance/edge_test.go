package conformance

import (
	"strings"
	"testing"

	"github.com/ginsession/ginsession/conformance/rig"
)

// TestVerifierElsewhere runs edge/verifier.mjs, which checks JWTs offline and
// hears of revocations from GET /revoked.
func TestVerifierElsewhere(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("list-secret-", 4)
	everything.Keep(secret)
	url := serve(t, ourServer(t, "-cookie-cache", "jwt", "-feed", "-revoked-secret", secret))
	node(t, "edge/verifier.test.mjs", "RIG_URL="+url, "SECRET="+rig.Defaults().Secret, "REVOKED_SECRET="+secret)
}
