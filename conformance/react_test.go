package conformance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReactAppInChromium drives the app in the folder react, which uses
// better-auth/react: without a cookie cache, with ours, and with the longest of
// Better Auth's. SCREENSHOTS names a folder that keeps the pictures.
func TestReactAppInChromium(t *testing.T) {
	t.Parallel()
	app := buildReactApp(t)
	server := filepath.Join(t.TempDir(), "server")
	if out, err := exec.Command("go", "build", "-o", server, "./server").CombinedOutput(); err != nil {
		t.Fatalf("go build ./server: %v\n%s", err, out)
	}
	var rigs strings.Builder // one browser for all: to start it is a third of the work
	for _, cache := range []string{"off", "securecookie", "jwe"} {
		url := serve(t, exec.Command(server, "-addr", "127.0.0.1:0", "-log-sql", "-multi-session", "-cookie-cache", cache, "-static", app))
		fmt.Fprintf(&rigs, "%s=%s ", cache, url)
	}
	live := serve(t, exec.Command(server, "-addr", "127.0.0.1:0", "-log-sql", "-multi-session", "-session-events", "-static", app))
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	node(t, "browser/react.test.mjs", "RIGS="+rigs.String(), "LIVE="+live, "CHROMIUM="+chromium(), "SCREENSHOTS="+folder)
	if pictures, err := filepath.Glob(filepath.Join(folder, "react-*.png")); err != nil || len(pictures) == 0 {
		t.Errorf("no screenshots in %s: %v", folder, err)
	}
}

// TestPluginInTheDocs: the plugin that docs/ends.md shows is the one that the app
// has.
func TestPluginInTheDocs(t *testing.T) {
	t.Parallel()
	plugin, err := os.ReadFile("react/src/sessionEvents.js")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile("../docs/ends.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(docs), string(plugin)) {
		t.Error("docs/ends.md shows another plugin than react/src/sessionEvents.js")
	}
}

// buildReactApp bundles the app, as `npx vite build react` does, and returns the
// folder with the outcome.
func buildReactApp(t *testing.T) string {
	t.Helper()
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	vite := exec.Command("node", "node_modules/vite/bin/vite.js", "build", "react", "--outDir", folder, "--emptyOutDir", "--logLevel", "warn")
	if out, err := vite.CombinedOutput(); err != nil {
		t.Fatalf("vite build: %v\n%s", err, out)
	}
	return folder
}
