package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/witness"
)

// everything hears the logs and the metrics.
var everything = witness.New()

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	os.Exit(everything.Main(m)) // SR-67
}

// What the dashboard and docs/observability.md ask Prometheus for, the program exports
// once everything has happened that they ask about.
func TestQueriesNameWhatIsExported(t *testing.T) {
	exported := scrape(t)
	queries := dashboardQueries(t)
	if len(queries) < 10 {
		t.Errorf("the dashboard has %d queries", len(queries))
	}
	documented := documentedQueries(t)
	if len(documented) < 5 {
		t.Errorf("the documentation has %d queries", len(documented))
	}
	asked := map[string]bool{}
	for _, query := range append(queries, documented...) {
		metrics := metricNames.FindAllStringSubmatch(query, -1)
		if len(metrics) == 0 {
			t.Errorf("no metric in %s", query)
		}
		var labels []string
		for _, metric := range metrics {
			asked[metric[1]] = true
			if exported[metric[1]] == nil {
				t.Errorf("%s is not exported: %s", metric[1], query)
			}
			labels = append(labels, exported[metric[1]]...)
		}
		for _, label := range labelNames(query) {
			// These are Prometheus' own.
			if label != "job" && label != "instance" && !slices.Contains(labels, label) {
				t.Errorf("%v have no label %s: %s", metrics, label, query)
			}
		}
	}
	for metric := range exported {
		counted := strings.HasPrefix(metric, "ginsession_") && !strings.HasSuffix(metric, "_sum")
		if counted && !asked[metric] && !asked[strings.TrimSuffix(metric, "_count")+"_bucket"] && !asked[strings.TrimSuffix(metric, "_bucket")+"_count"] {
			t.Errorf("nobody asks for %s", metric)
		}
	}
}

var (
	metricNames = regexp.MustCompile(`\b(ginsession_\w+)[{[]`) // each query has a selector or a range
	matchers    = regexp.MustCompile(`[{,]\s*(\w+)\s*(?:=|!)`)
	groupings   = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

func labelNames(query string) (names []string) {
	for _, matcher := range matchers.FindAllStringSubmatch(query, -1) {
		names = append(names, matcher[1])
	}
	for _, grouping := range groupings.FindAllStringSubmatch(query, -1) {
		for name := range strings.SplitSeq(grouping[1], ",") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

// scrape lets everything happen once, and returns the labels of each metric.
func scrape(t *testing.T) map[string][]string {
	db, err := openDatabase(t.Context(), filepath.Join(t.TempDir(), "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	router, sessions, err := newService(ginsession.Config{DB: db, UpdateAge: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sessions.Close)
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := server.Client()
	client.Jar = jar
	ask := func(method, path string, want int) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if method == http.MethodPost {
			r.Header.Set("Origin", server.URL)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		everything.KeepCookies(answer.Cookies())
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != want {
			t.Fatalf("%s %s: %d, %v", method, path, answer.StatusCode, err)
		}
		return string(body)
	}
	ask("POST", "/sign-in", 200)
	ask("GET", "/me", 200)
	time.Sleep(5 * time.Millisecond) // UpdateAge
	ask("GET", "/api/auth/get-session?disableCookieCache=true", 200)
	ask("POST", "/api/auth/sign-out", 200)
	ask("GET", "/me", 401)
	ask("POST", "/sign-in", 200)
	if _, err := sessions.RevokeAll(t.Context(), userID); err != nil {
		t.Fatal(err)
	}
	ask("GET", "/me", 401)
	ask("POST", "/sign-in", 200)
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	ask("GET", "/api/auth/list-sessions", 503)

	labels := map[string][]string{}
	sample := regexp.MustCompile(`^(\w+)\{(.*)\} \S+$`)
	label := regexp.MustCompile(`(\w+)="`)
	page := ask("GET", "/metrics", 200)
	_, _ = everything.Write([]byte(page))
	for line := range strings.Lines(page) {
		if found := sample.FindStringSubmatch(strings.TrimSpace(line)); found != nil {
			labels[found[1]] = append(labels[found[1]], "")
			for _, name := range label.FindAllStringSubmatch(found[2], -1) {
				labels[found[1]] = append(labels[found[1]], name[1])
			}
		}
	}
	return labels
}

func dashboardQueries(t *testing.T) (queries []string) {
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title         string
		UID           string
		SchemaVersion int
		Panels        []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ RefID, Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	if dashboard.Title == "" || dashboard.UID == "" || dashboard.SchemaVersion == 0 {
		t.Error("the dashboard has no title, uid or schemaVersion")
	}
	for i, panel := range dashboard.Panels {
		if panel.ID != i+1 || panel.Title == "" || panel.Type == "" || panel.GridPos.W == 0 || panel.GridPos.H == 0 || len(panel.Targets) == 0 {
			t.Errorf("panel %d lacks something: %+v", i, panel)
		}
		for _, target := range panel.Targets {
			queries = append(queries, target.Expr)
		}
	}
	return queries
}

// documentedQueries are the blocks of PromQL, a query each.
func documentedQueries(t *testing.T) (queries []string) {
	text, err := os.ReadFile("../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```promql\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		queries = append(queries, block[1])
	}
	return queries
}
