package conformance

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestExamplePageInChromium runs the README's command and drives the page as
// two devices. SCREENSHOTS names a folder that keeps the pictures.
func TestExamplePageInChromium(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	data := t.TempDir()
	example := exec.Command("go", "run", "./example", "-addr", "127.0.0.1:0", "-db", filepath.Join(data, "example.db"))
	example.Dir = ".."
	example.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"BASE_URL", "DATABASE_DSN", "GIN_MODE", "PORT", "SESSION_SECRET"}, name)
	})
	url := serve(t, example)
	node(t, "browser/page.test.mjs", "EXAMPLE_URL="+url, "CHROMIUM="+chromium(), "SCREENSHOTS="+folder)

	pictures, err := filepath.Glob(filepath.Join(folder, "*.png"))
	if err != nil || len(pictures) == 0 {
		t.Errorf("no screenshots in %s: %v", folder, err)
	}
	for _, name := range []string{"example.db", "example.secret"} {
		info, err := os.Stat(filepath.Join(data, name))
		if err != nil {
			t.Error(err)
		} else if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %v, want 0600: it holds secrets", name, mode)
		}
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
