package ginsession_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What an application links with us is chosen, not grown.
func TestDirectDependenciesAreTheChosenOnes(t *testing.T) {
	want := []string{
		"github.com/gin-gonic/gin",
		"github.com/go-jose/go-jose/v4",  // JWE
		"github.com/go-sql-driver/mysql", // DSNs and error numbers
		"github.com/gorilla/securecookie",
		"golang.org/x/net", // publicsuffix: SR-13, SR-55
		"gorm.io/driver/mysql",
		"gorm.io/gorm",
	}
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) == 2 && strings.HasPrefix(fields[1], "v") {
			got = append(got, fields[0])
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("go.mod requires\n%q, want\n%q", got, want)
	}
}

// Imports run one way: root → models, cookiecache → internal.
func TestImportsRunOneWay(t *testing.T) {
	const own = "github.com/ginsession/ginsession"
	allowed := map[string][]string{ // folder → what of ours it may import
		".":           {own + "/models", own + "/cookiecache", own + "/internal/"},
		"models":      {own + "/internal/"},
		"cookiecache": {own + "/internal/"},
		"internal":    {},
		"sessiontest": {own, own + "/models", own + "/internal/"},
		"storetest":   {own, own + "/models"},

		"internal/witness": {own, own + "/models"}, // for tests alone
	}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); path != "." && (err == nil || strings.HasPrefix(entry.Name(), ".")) {
				return fs.SkipDir // a module of its own
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder, _, found := strings.Cut(filepath.ToSlash(path), "/")
		switch {
		case !found:
			folder = "."
		case filepath.ToSlash(filepath.Dir(path)) == "internal/witness":
			folder = "internal/witness"
		}
		for _, spec := range file.Imports {
			name := strings.Trim(spec.Path.Value, `"`)
			ours := name == own || strings.HasPrefix(name, own+"/")
			if ours && !slices.ContainsFunc(allowed[folder], func(a string) bool { return name == a || strings.HasSuffix(a, "/") && strings.HasPrefix(name, a) }) {
				t.Errorf("%s imports %s", path, name)
			}
			if name == own+"/internal/witness" {
				t.Errorf("%s imports %s, which is for tests", path, name)
			}
			if name == "github.com/gin-gonic/gin" && folder != "." && folder != "sessiontest" {
				t.Errorf("%s knows Gin", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
