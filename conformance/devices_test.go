package conformance

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestDevicesPageInChromium drives the page of DevicesPage by pointer and by
// keyboard, looks for what axe-core finds wrong with it, and takes pictures.
// SCREENSHOTS names a folder that keeps them.
func TestDevicesPageInChromium(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	url := serve(t, exec.Command("go", "run", "./server", "-addr", "127.0.0.1:0", "-log-sql", "-multi-session", "-cookie-cache", "securecookie"))
	node(t, "browser/devices.test.mjs", "RIG="+url, "CHROMIUM="+chromium(), "SCREENSHOTS="+folder)
	if pictures, err := filepath.Glob(filepath.Join(folder, "devices-*.png")); err != nil || len(pictures) == 0 {
		t.Errorf("no screenshots in %s: %v", folder, err)
	}
}
