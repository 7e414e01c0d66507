// Package recipes holds the recipes' code, a folder for each, and their text to it.
package recipes

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?ms)^ *```go\n(.*?)^ *```$")

// Each block of Go in a recipe stands, up to indentation, in a file of the
// recipe's folder, where it is compiled and tested: of other-domain.md that is
// otherdomain.
func TestRecipesShowCodeThatRuns(t *testing.T) {
	recipes, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, recipe := range recipes {
		folder := strings.ReplaceAll(strings.TrimSuffix(recipe, ".md"), "-", "")
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		var code []string
		for _, file := range files {
			code = append(code, flush(read(t, file)))
		}
		for _, block := range goBlock.FindAllStringSubmatch(read(t, recipe), -1) {
			if excerpt := flush(block[1]); !slices.ContainsFunc(code, func(file string) bool { return strings.Contains(file, excerpt) }) {
				t.Errorf("%s: no file of %s/ has\n%s", recipe, folder, block[1])
			}
		}
	}
}

// flush is a text without the indentation of its lines, each of which begins and
// ends with a newline.
func flush(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
