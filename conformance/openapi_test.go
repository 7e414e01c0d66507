package conformance

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// basePath is where the document's paths begin.
const basePath = "/api/auth"

// operation is what the document says of a method and a path.
func (d *description) operation(method, path string) entry {
	route, under := strings.CutPrefix(path, basePath)
	if !under {
		return entry{}
	}
	return d.top().get("paths", route, strings.ToLower(method))
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
	for route, item := range d.top().get("paths").all() {
		for method, operation := range item.all() { // what is no operation has no responses
			for status, response := range operation.get("responses").all() {
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
func codes(response entry) []string {
	var last entry
	for _, media := range response.get("content").all() {
		for _, part := range media.get("schema", "allOf").all() {
			last = part
		}
	}
	if last.missing() {
		return []string{""}
	}
	var found []string
	for _, code := range last.get("properties", "code", "enum").all() {
		found = append(found, fmt.Sprint(code.value))
	}
	if required, _ := last.get("required").value.([]any); !slices.Contains(required, any("code")) {
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
	response := operation.get("responses", strconv.Itoa(w.StatusCode))
	switch {
	case operation.missing() && w.StatusCode == http.StatusNotFound:
		// without headers or a body, like a response that is not there
	case operation.missing():
		return []string{fmt.Sprintf("%s %s: %d, but the document has no such operation", r.Method, r.URL.EscapedPath(), w.StatusCode)}
	case response.missing():
		return []string{fmt.Sprintf("%s %s: %d is not in the document", r.Method, r.URL.Path, w.StatusCode)}
	}
	found := headerFaults(response, w.Header)
	switch typed := w.Header.Get("Content-Type"); {
	case !response.get("content").missing():
		found = append(found, bodyFaults(response.get("content"), typed, string(body))...)
	case len(body) > 0 || typed != "":
		found = append(found, "there is a body, of which the document says nothing")
	}
	if !operation.missing() && w.StatusCode < 400 {
		found = append(found, requestFaults(operation, r, sent)...)
	}
	return found
}

func headerFaults(response entry, sent http.Header) (found []string) {
	known := slices.Clone(carried)
	for name, header := range response.get("headers").all() {
		known = append(known, http.CanonicalHeaderKey(name))
		found = append(found, valueFaults("the header "+name, header, sent.Values(name))...)
	}
	for name := range sent {
		if !slices.Contains(known, name) {
			found = append(found, "the header "+name+" is not in the document")
		}
	}
	return found
}

// valueFaults is about all values of a header or a parameter.
func valueFaults(what string, declared entry, values []string) (found []string) {
	if len(values) == 0 && declared.get("required").value == true {
		found = append(found, what+" is missing")
	}
	for _, value := range values {
		if err := declared.child("schema").admitsText(value); err != nil {
			found = append(found, fmt.Sprintf("%s: %v", what, err))
		}
	}
	return found
}

// bodyFaults is about a body and its type; content has the schemas by type.
func bodyFaults(content entry, typed, body string) []string {
	kind, _, err := mime.ParseMediaType(typed)
	media := content.get(kind)
	if err != nil || media.missing() {
		return []string{fmt.Sprintf("the Content-Type %q is not in the document", typed)}
	}
	var value any = body
	if kind == "application/json" {
		if value, err = jsonschema.UnmarshalJSON(strings.NewReader(body)); err != nil {
			return []string{"the body is not JSON: " + err.Error()}
		}
	}
	if err := media.child("schema").admits(value); err != nil {
		return []string{"the body: " + err.Error()}
	}
	return nil
}

func requestFaults(operation entry, r *http.Request, body string) (found []string) {
	query := r.URL.Query()
	for _, parameter := range operation.get("parameters").all() {
		name, in := fmt.Sprint(parameter.get("name").value), fmt.Sprint(parameter.get("in").value)
		var values []string
		switch in {
		case "query":
			values = query[name]
			delete(query, name)
		case "header":
			values = r.Header.Values(name)
		case "cookie":
			for _, cookie := range r.CookiesNamed(name) {
				values = append(values, cookie.Value)
			}
		}
		found = append(found, valueFaults("the request's "+in+" parameter "+name, parameter, values)...)
	}
	delete(query, "foo") // a recorded request brings it, to be ignored
	for name := range query {
		found = append(found, "the request's query parameter "+name+" is not in the document")
	}
	// A body without a type is none.
	switch typed, wanted := r.Header.Get("Content-Type"), operation.get("requestBody"); {
	case body != "" && typed != "" && !wanted.missing():
		for _, fault := range bodyFaults(wanted.get("content"), typed, body) {
			found = append(found, "the request: "+fault)
		}
	case wanted.get("required").value == true:
		found = append(found, "the request has no body")
	}
	if !authorised(operation, r) {
		found = append(found, "the request satisfies none of the operation's security requirements")
	}
	return found
}

// authorised tells whether a request brings what one of the alternatives wants.
func authorised(operation entry, r *http.Request) bool {
	alternatives := operation.get("security")
	if alternatives.missing() {
		alternatives = operation.of.top().get("security")
	}
	open := true // if there are none
	for _, alternative := range alternatives.all() {
		open = true
		for name := range alternative.all() {
			open = open && brings(r, operation.of.top().get("components", "securitySchemes", name))
		}
		if open {
			return true
		}
	}
	return open
}

// brings tells whether a request has the credential of a security scheme.
func brings(r *http.Request, scheme entry) bool {
	switch {
	case scheme.get("type").value == "apiKey" && scheme.get("in").value == "cookie":
		return len(r.CookiesNamed(fmt.Sprint(scheme.get("name").value))) > 0
	case scheme.get("type").value == "http":
		kind, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		return strings.EqualFold(kind, fmt.Sprint(scheme.get("scheme").value))
	}
	return false
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
