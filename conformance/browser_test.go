package conformance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestExamplePageInChromium runs the README's command and drives the page as two
// devices.
func TestExamplePageInChromium(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	example := exec.Command("go", "run", "./example", "-addr", "127.0.0.1:0", "-db", filepath.Join(data, "example.db"))
	example.Dir = ".."
	example.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"BASE_URL", "DATABASE_DSN", "GIN_MODE", "PORT", "SESSION_SECRET"}, name)
	})
	inChromium(t, "page", "EXAMPLE_URL="+serve(t, example))
	for _, name := range []string{"example.db", "example.secret"} {
		info, err := os.Stat(filepath.Join(data, name))
		if err != nil {
			t.Error(err)
		} else if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %v, want 0600: it holds secrets", name, mode)
		}
	}
}

// TestDevicesPageInChromium drives the page of DevicesPage by pointer and by
// keyboard, and looks for what axe-core finds wrong with it.
func TestDevicesPageInChromium(t *testing.T) {
	t.Parallel()
	inChromium(t, "devices", "RIG="+serve(t, ourServer(t, "-multi-session", "-cookie-cache", "securecookie")))
}

// TestReactAppInChromium drives the app in the folder react, which uses
// better-auth/react: without a cookie cache, with ours, and with the longest of
// Better Auth's.
func TestReactAppInChromium(t *testing.T) {
	t.Parallel()
	app := buildReactApp(t)
	var rigs strings.Builder // one browser for all: to start it is a third of the work
	for _, cache := range []string{"off", "securecookie", "jwe"} {
		fmt.Fprintf(&rigs, "%s=%s ", cache, serve(t, ourServer(t, "-multi-session", "-cookie-cache", cache, "-static", app)))
	}
	live := serve(t, ourServer(t, "-multi-session", "-session-events", "-static", app))
	inChromium(t, "react", "RIGS="+rigs.String(), "LIVE="+live)
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

// inChromium runs a suite of the folder browser. SCREENSHOTS, if set, names a folder
// that gets pictures; to take them costs the browser more than most of the checks.
func inChromium(t *testing.T, suite string, env ...string) {
	t.Helper()
	node(t, "browser/"+suite+".test.mjs", append(env, "CHROMIUM="+chromium())...)
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	if pictures, err := filepath.Glob(filepath.Join(folder, suite+"-*.png")); err != nil || len(pictures) == 0 {
		t.Errorf("no screenshots in %s: %v", folder, err)
	}
}

// chromium finds the browser; "" leaves it to playwright-core, which says what
// is missing.
func chromium() string {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
