package conformance

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/pb33f/libopenapi/orderedmap"
)

// basePath is where the document's paths begin.
const basePath = "/api/auth"

// A description is docs/openapi.yaml, read.
type description struct {
	model     *v3.Document
	validator validator.Validator
}

var readDescription = sync.OnceValues(func() (*description, error) {
	text, err := os.ReadFile("../docs/openapi.yaml")
	if err != nil {
		return nil, err
	}
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, err
	}
	v, errs := validator.NewValidator(document, config.WithFormatAssertions())
	if errs != nil {
		return nil, fmt.Errorf("%v", errs)
	}
	if valid, faults := v.ValidateDocument(); !valid {
		return nil, fmt.Errorf("docs/openapi.yaml is not OpenAPI 3.1:\n%s", strings.Join(said(faults), "\n"))
	}
	return &description{&model.Model, v}, nil
})

func described(t *testing.T) *description {
	t.Helper()
	d, err := readDescription()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func said(faults []*errors.ValidationError) []string {
	var lines []string
	for _, fault := range faults {
		lines = append(lines, fault.Message+": "+fault.Reason)
		for _, detail := range fault.SchemaValidationErrors {
			lines = append(lines, "  "+detail.FieldPath+": "+detail.Reason)
		}
	}
	return lines
}

// operation is what the document says of a method and a path, nil if nothing.
func (d *description) operation(method, path string) *v3.Operation {
	route, under := strings.CutPrefix(path, basePath)
	item := d.model.Paths.PathItems.GetOrZero(route)
	if !under || item == nil {
		return nil
	}
	return item.GetOperations().GetOrZero(strings.ToLower(method))
}

// An outcome is what an operation may be answered with: a status and, of refusals,
// the code in the body, which some lack.
type outcome struct {
	method, path string // as gin has them
	status       int
	code         string
}

func (o outcome) String() string {
	return fmt.Sprintf("%s %s: %d %s", o.method, o.path, o.status, cmp.Or(o.code, "without a code"))
}

// promised are the outcomes in the document.
func (d *description) promised() map[outcome]bool {
	all := map[outcome]bool{}
	for route, item := range d.model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			for status, response := range operation.Responses.Codes.FromOldest() {
				number, _ := strconv.Atoi(status)
				for _, code := range codes(response) {
					all[outcome{strings.ToUpper(method), basePath + route, number, code}] = true
				}
			}
		}
	}
	return all
}

// codes are those of a refusal: the last schema of its allOf lists them, and
// requires one unless there is an answer without.
func codes(response *v3.Response) []string {
	var parts []*base.SchemaProxy
	for _, media := range response.Content.FromOldest() {
		parts = media.Schema.Schema().AllOf
	}
	if len(parts) == 0 {
		return []string{""}
	}
	last := parts[len(parts)-1].Schema()
	var found []string
	for _, node := range last.Properties.GetOrZero("code").Schema().Enum {
		found = append(found, node.Value)
	}
	if !slices.Contains(last.Required, "code") {
		found = append(found, "")
	}
	return found
}

// carried are headers of the connection, and the type, which stands with the body.
var carried = []string{"Date", "Content-Length", "Content-Type", "Connection"}

// faults says where an exchange differs from the document. The request, whose body
// is given, must be as the document wants it if it was answered with success.
func (d *description) faults(r *http.Request, sent string, w *http.Response, body []byte) []string {
	operation := d.operation(r.Method, r.URL.EscapedPath())
	var response *v3.Response
	if operation != nil {
		response = operation.Responses.Codes.GetOrZero(strconv.Itoa(w.StatusCode))
	}
	switch {
	case operation == nil && w.StatusCode == http.StatusNotFound:
		response = &v3.Response{} // without headers or a body
	case operation == nil:
		return []string{fmt.Sprintf("%s %s: %d, but the document has no such operation", r.Method, r.URL.EscapedPath(), w.StatusCode)}
	case response == nil:
		return []string{fmt.Sprintf("%s %s: %d is not in the document", r.Method, r.URL.Path, w.StatusCode)}
	}
	var found []string
	for name := range w.Header {
		known := slices.Contains(carried, name)
		for declared := range response.Headers.KeysFromOldest() {
			known = known || strings.EqualFold(declared, name)
		}
		if !known {
			found = append(found, "the header "+name+" is not in the document")
		}
	}
	if orderedmap.Len(response.Content) == 0 && (len(body) > 0 || w.Header.Get("Content-Type") != "") {
		found = append(found, "there is a body, of which the document says nothing")
	}
	if operation == nil {
		return found
	}
	r = r.Clone(r.Context()) // the validator knows no base path with a variable
	r.URL.Path = strings.TrimPrefix(r.URL.Path, basePath)
	w.Body = io.NopCloser(bytes.NewReader(body))
	if valid, faults := d.validator.ValidateHttpResponse(r, w); !valid {
		found = append(found, said(faults)...)
	}
	if w.StatusCode < 400 {
		r.Body = io.NopCloser(strings.NewReader(sent))
		if valid, faults := d.validator.ValidateHttpRequestSync(r); !valid {
			found = append(found, said(faults)...)
		}
	}
	return found
}

// TestOpenAPIKnowsTheRoutes compares the document with what gin has mounted.
func TestOpenAPIKnowsTheRoutes(t *testing.T) {
	var want []string
	for promise := range described(t).promised() {
		want = append(want, promise.method+" "+promise.path)
	}
	slices.Sort(want)
	router := gin.New()
	everythingOn(t).Sessions.Routes(router.Group(basePath))
	var got []string
	for _, route := range router.Routes() {
		if !strings.HasSuffix(route.Path, "/") { // of which each route has one, a 404
			got = append(got, route.Method+" "+route.Path)
		}
	}
	slices.Sort(got)
	if want = slices.Compact(want); !slices.Equal(got, want) {
		t.Errorf("gin has mounted\n%s\nthe document has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestOpenAPIExamples holds the document's examples to its schemas.
func TestOpenAPIExamples(t *testing.T) {
	schemas := schema_validation.NewSchemaValidator()
	check := func(where string, media *v3.MediaType) {
		examples := maps.Collect(media.Examples.FromOldest())
		if media.Example != nil {
			examples = map[string]*base.Example{"example": {Value: media.Example}}
		}
		for name, example := range examples {
			var value any
			if err := example.Value.Decode(&value); err != nil {
				t.Fatal(err)
			}
			if valid, faults := schemas.ValidateSchemaObject(media.Schema.Schema(), value); !valid {
				t.Errorf("%s, %s:\n%s", where, name, strings.Join(said(faults), "\n"))
			}
		}
	}
	for route, item := range described(t).model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			where := method + " " + route
			if operation.RequestBody != nil {
				check(where, operation.RequestBody.Content.GetOrZero("application/json"))
			}
			for status, response := range operation.Responses.Codes.FromOldest() {
				for _, media := range response.Content.FromOldest() {
					check(where+" "+status, media)
				}
			}
		}
	}
}
