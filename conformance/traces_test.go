package conformance

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

// An exchange is one recorded request to a Better Auth server, with its
// answer and the database before and after.
type exchange struct {
	ID      int
	Variant string
	Step    string
	Now     string
	Request struct {
		Method, Path string
		Headers      map[string]string
		Body         *string
	}
	Response    answer
	StoreBefore *rows           `json:"store_before"`
	StoreAfter  json.RawMessage `json:"store_after"` // rows, or "unchanged"

	told *rows // without StoreBefore: what answers tell of the rows
}

// rows are the recorded tables, and the secondary storage where there is one.
type rows struct {
	User, Session []map[string]any
	Secondary     map[string]kept
}

func (r rows) of(table string) []map[string]any {
	if table == "user" {
		return r.User
	}
	return r.Session
}

type answer struct {
	Status    int
	Headers   map[string]string
	SetCookie []string `json:"set-cookie"`
	Body      string
}

// traces are all exchanges, in the order in which they were recorded.
var traces = sync.OnceValues(func() ([]exchange, error) {
	name := cmp.Or(os.Getenv("CONTRACT_TRACES"), "../testdata/contract/traces.jsonl")
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []exchange
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var x exchange
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, x)
	}
	return all, lines.Err()
})

// responseOf finds what another recorded step was answered, where that is what
// we answer too.
func responseOf(step string) answer {
	all, _ := traces() // with an error nothing is replayed
	for _, x := range all {
		if x.Step == step {
			return x.Response
		}
	}
	return answer{Body: "no recorded step " + strconv.Quote(step)}
}

// cookieIn returns the value of a cookie of the recorded request.
func cookieIn(x exchange, name string) string {
	for pair := range strings.SplitSeq(x.Request.Headers["cookie"], ";") {
		if key, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && key == name {
			return value
		}
	}
	return ""
}

// toldOf finds the rows of an exchange that was recorded without them: another
// one, of the same server, was answered the session and its user. emailVerified
// and the like come as JSON has them.
func toldOf(all []exchange, x exchange) *rows {
	for _, other := range all {
		var found struct{ Session, User map[string]any }
		if other.Variant != x.Variant || json.Unmarshal([]byte(other.Response.Body), &found) != nil || found.Session == nil || found.User == nil {
			continue
		}
		if strings.Contains(x.Request.Headers["cookie"], "="+fmt.Sprint(found.Session["token"])+".") {
			return &rows{User: []map[string]any{found.User}, Session: []map[string]any{found.Session}}
		}
	}
	return nil
}

// isSignIn: signing in is the application's, and draws random tokens.
func isSignIn(x exchange) bool {
	return strings.HasPrefix(x.Request.Path, "/api/auth/sign-in") || strings.HasPrefix(x.Request.Path, "/api/auth/sign-up")
}

func needsSession(x exchange) bool {
	cookies := x.Request.Headers["cookie"]
	return (strings.Contains(cookies, "session_token") || strings.Contains(cookies, "sid=")) && x.Response.Status != http.StatusNotFound && x.Response.Status != http.StatusForbidden
}
