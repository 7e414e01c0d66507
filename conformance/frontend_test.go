package conformance

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ginsession/ginsession/conformance/rig"
)

const frontends = "../docs/recipes/frontend"

// TestFrontendRecipes compiles and runs the recipes of docs/recipes/frontend: React
// and Vue in jsdom behind Vite's proxy, the functions for Next.js on Node.
func TestFrontendRecipes(t *testing.T) {
	t.Parallel()
	workshop := frontendWorkshop(t)
	t.Run("types", func(t *testing.T) {
		t.Parallel()
		check := exec.Command("node", "node_modules/vue-tsc/bin/vue-tsc.js", "--noEmit", "--project", workshop)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("vue-tsc: %v\n%s", err, out)
		}
	})
	for _, framework := range []string{"react", "vue"} {
		t.Run(framework, func(t *testing.T) {
			t.Parallel()
			page := "http://localhost:" + freePort(t)
			service := serve(t, ourServer(t, "-multi-session", "-base-url", page))
			node(t, "frontend/spa.test.mjs", "RIG_URL="+page, "SERVICE_URL="+service, "ROOT="+filepath.Join(workshop, framework), "FRAMEWORK="+framework)
		})
	}
	t.Run("nextjs", func(t *testing.T) {
		t.Parallel()
		start := func(args ...string) string {
			return serve(t, ourServer(t, append([]string{"-cookie-cache"}, args...)...))
		}
		var others strings.Builder
		for _, cache := range []string{"compact", "jwt", "securecookie"} {
			fmt.Fprintf(&others, "%s=%s ", cache, start(cache))
		}
		fmt.Fprintf(&others, "https=%s", start("jwe", "-base-url", "https://app.example.com"))
		node(t, "frontend/next.test.mjs", "RIG_URL="+start("jwe"), "RIGS="+others.String(), "SECRET="+rig.Defaults().Secret, "ROOT="+filepath.Join(workshop, "nextjs"))
	})
}

// TestFrontendRecipesInTheDocs: what the pages show stands in the files that are run.
func TestFrontendRecipesInTheDocs(t *testing.T) {
	t.Parallel()
	for _, framework := range []string{"react", "vue", "nextjs"} {
		var sources []string
		err := filepath.WalkDir(filepath.Join(frontends, framework), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			sources = append(sources, string(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile("../docs/recipes/" + framework + ".md")
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split("\n"+string(page), "\n```") // every second one is a block, after its language
		if len(parts) < 3 || len(parts)%2 == 0 {
			t.Fatalf("%s.md has %d fences", framework, len(parts)-1)
		}
		for i := 1; i < len(parts); i += 2 {
			language, block, _ := strings.Cut(parts[i], "\n")
			if language == "go" {
				continue // docs/recipes holds it to its code
			}
			shown := false
			for _, source := range sources {
				shown = shown || strings.Contains(source, block)
			}
			if block == "" || !shown {
				t.Errorf("%s.md shows what is in none of its files:\n%s", framework, block)
			}
		}
	}
}

// frontendWorkshop copies the recipes to where they find the packages.
func frontendWorkshop(t *testing.T) string {
	t.Helper()
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	workshop := t.TempDir()
	modules, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{frontends, "frontend"} {
		if err := os.CopyFS(workshop, os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(modules, filepath.Join(workshop, "node_modules")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(workshop, "package.json"), []byte(`{"type":"module"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return workshop
}

// freePort is a port that nobody listens on, for the moment.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
