package ginsession_test

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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

// sources are the files of this module that are linked into applications.
func sources(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.go", "models/*.go", "cookiecache/*.go", "internal/*/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	return slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, "_test.go") })
}

// Randomness that can be seeded may decide how long to wait, and nothing else.
func TestSR01_NothingIsDrawnFromASeed(t *testing.T) {
	t.Parallel()
	waits := []string{"models/store.go"} // before another try
	for _, file := range sources(t) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			if strings.HasPrefix(spec.Path.Value, `"math/rand`) && !slices.Contains(waits, filepath.ToSlash(file)) {
				t.Errorf("%s imports %s", file, spec.Path.Value)
			}
		}
	}
}

// A secret is compared in constant time wherever one is: the time that == takes
// says how much of it is right.
func TestSR71_SecretsAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"internal/signed/signer.go", "cookiecache/keys.go", "handle.go", "forms.go", "payload.go", "models/read.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "hmac.Equal(") && !strings.Contains(string(text), "subtle.ConstantTimeCompare(") {
			t.Errorf("%s compares nothing in constant time", file)
		}
	}
}

// docs/security.md has every rule once and names no test that is not there.
func TestSR91_TheTablesNameTestsThatExist(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	law := regexp.MustCompile(`(?m)^\t\t\{"(\w+)", \w+\},`)
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && entry.Name() == "node_modules" {
			return cmp.Or(err, fs.SkipDir)
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if strings.HasSuffix(path, "_test.go") {
			for _, match := range function.FindAllStringSubmatch(string(text), -1) {
				there[match[1]] = true
			}
		}
		if path == filepath.Join("storetest", "storetest.go") {
			for _, match := range law.FindAllStringSubmatch(string(text), -1) {
				there["storetest: "+match[1]] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile("`((?:storetest: |Test|Fuzz)\\w+)`").FindAllStringSubmatch(string(page), -1) {
		if name := match[1]; !there[name] && name != "storetest: Name" {
			t.Errorf("no test is called %s", name)
		}
	}
	// And the code that they name.
	for _, match := range regexp.MustCompile("`([\\w/]+\\.go)` ((?:`[\\w.]+`(?:, )?)+)").FindAllStringSubmatch(string(page), -1) {
		code, err := os.ReadFile(match[1])
		if err != nil {
			t.Error(err)
		}
		for _, name := range strings.Split(match[2], ", ") {
			if name = strings.Trim(name, "`"); name != "" && !regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\b`).Match(code) {
				t.Errorf("no %s in %s", name, match[1])
			}
		}
	}
	for i := 1; i <= 92; i++ {
		if row := fmt.Sprintf("\n| SR-%02d | ", i); strings.Count(string(page), row) != 1 {
			t.Errorf("not one row: %s", row)
		}
	}
	for i := 1; i <= 25; i++ {
		if row := fmt.Sprintf("\n| %d | ", i); strings.Count(string(page), row) != 1 {
			t.Errorf("not one row: %s", row)
		}
	}
}

// What continuous integration runs is a promise too.
func TestSR91_PipelineRunsWhatIsPromised(t *testing.T) {
	t.Parallel()
	for file, promises := range map[string][]string{
		"test.sh": {"go vet ./...", "-race", "-shuffle=on", "mariadbd", "-fuzz="},
		".ci/run": {"./test.sh", "staticcheck", "govulncheck"},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, promise := range promises {
			if !strings.Contains(string(text), promise) {
				t.Errorf("%s does not mention %s", file, promise)
			}
		}
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(string(mod), "\ngo 1.")
	minor, err := strconv.Atoi(strings.FieldsFunc(version, func(r rune) bool { return r < '0' || r > '9' })[0])
	if err != nil || minor < 26 { // 1.25.2 brought CrossOriginProtection's fix and the bound on cookies
		t.Errorf("go.mod asks for Go 1.%d", minor)
	}
}
