package otelsession_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/internal/witness"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/otelsession"
	"github.com/ginsession/ginsession/sessiontest"
)

// everything hears all attributes and logs of these tests.
var everything = witness.New()

const secret = "otel-secret-0123456789-abcdefghijklmnopqrstuvwxyz"

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	everything.Keep(secret)
	os.Exit(everything.Main(m)) // SR-67
}

// A backend is what takes the metrics and spans of a test.
type backend struct {
	t      testing.TB
	reader *metric.ManualReader
	meters *metric.MeterProvider
	spans  *tracetest.InMemoryExporter
	tracer *trace.TracerProvider
}

func newBackend(t testing.TB) *backend {
	reader, spans := metric.NewManualReader(), tracetest.NewInMemoryExporter()
	return &backend{
		t: t, reader: reader, meters: metric.NewMeterProvider(metric.WithReader(reader)),
		spans: spans, tracer: trace.NewTracerProvider(trace.WithSyncer(spans)),
	}
}

func (b *backend) observer(attributes ...attribute.KeyValue) *otelsession.Observer {
	b.t.Helper()
	observer, err := otelsession.New(b.meters, b.tracer, attributes...)
	if err != nil {
		b.t.Fatal(err)
	}
	return observer
}

func (b *backend) collect() (all []metricdata.Metrics) {
	b.t.Helper()
	var collected metricdata.ResourceMetrics
	if err := b.reader.Collect(context.Background(), &collected); err != nil {
		b.t.Fatal(err)
	}
	for _, scope := range collected.ScopeMetrics {
		all = append(all, scope.Metrics...)
	}
	return all
}

// counts are all metrics but the lag, a line each: how often something was recorded.
func (b *backend) counts() (lines []string) {
	b.t.Helper()
	line := func(name string, set attribute.Set, n any) {
		text := fmt.Sprintf("%s{%s} %v", strings.TrimPrefix(name, "ginsession."), set.Encoded(attribute.DefaultEncoder()), n)
		b.hear(text)
		lines = append(lines, text)
	}
	for _, m := range b.collect() {
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			if !data.IsMonotonic {
				b.t.Errorf("%s can fall", m.Name)
			}
			for _, point := range data.DataPoints {
				line(m.Name, point.Attributes, point.Value)
			}
		case metricdata.Histogram[float64]:
			for _, point := range data.DataPoints {
				line(m.Name, point.Attributes, point.Count)
				if point.Sum < 0 || point.Sum > 60*float64(point.Count) || m.Unit != "s" {
					b.t.Errorf("%s: %v %s", m.Name, point.Sum, m.Unit)
				}
			}
		}
	}
	return lines
}

// lags are the points of the gauge, by attributes.
func (b *backend) lags() map[string]float64 {
	b.t.Helper()
	lags := map[string]float64{}
	for _, m := range b.collect() {
		if gauge, ok := m.Data.(metricdata.Gauge[float64]); ok {
			if m.Name != "ginsession.feed.lag" || m.Unit != "s" {
				b.t.Errorf("a gauge %s in %s", m.Name, m.Unit)
			}
			for _, point := range gauge.DataPoints {
				lags[point.Attributes.Encoded(attribute.DefaultEncoder())] = point.Value
			}
		}
	}
	return lags
}

// ended are the spans since the last call, a line each, in the order of their ends:
// the name of the parent, the kind, the attributes, the status.
func (b *backend) ended() (lines []string) {
	b.t.Helper()
	stubs := b.spans.GetSpans()
	b.spans.Reset()
	names := map[string]string{}
	for _, span := range stubs {
		names[span.SpanContext.SpanID().String()] = span.Name
	}
	for _, span := range stubs {
		text := fmt.Sprintf("%s > %s %s", names[span.Parent.SpanID().String()], span.Name, span.SpanKind)
		for _, a := range slices.SortedFunc(slices.Values(span.Attributes), func(a, b attribute.KeyValue) int { return strings.Compare(string(a.Key), string(b.Key)) }) {
			text += fmt.Sprintf(" %s=%s", a.Key, a.Value.String())
		}
		if span.Status.Description != "" {
			text += " " + span.Status.Code.String() + ": " + span.Status.Description
		}
		if len(span.Events) > 0 {
			b.t.Errorf("%s has events: %v", span.Name, span.Events)
		}
		if span.EndTime.Before(span.StartTime) {
			b.t.Errorf("%s ends before it begins", span.Name)
		}
		b.hear(text)
		lines = append(lines, text)
	}
	return lines
}

// hear fails for what tells persons apart; secrets are the witness's.
func (b *backend) hear(line string) {
	b.t.Helper()
	_, _ = everything.Write([]byte(line + "\n"))
	for _, personal := range []string{"ada", "bob", "192.0.2.", "example.com"} {
		if strings.Contains(line, personal) {
			b.t.Errorf("%s in %s", personal, line)
		}
	}
}

// expectAll is expect in any order.
func expectAll(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	expect(t, what, got, want)
}

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// A service is a small application behind a span for each request, as otelgin makes.
type service struct {
	t        *testing.T
	sessions *ginsession.Manager
	engine   *gin.Engine
}

func newService(t *testing.T, b *backend, config ginsession.Config) *service {
	t.Helper()
	config.Secret, config.BaseURL, config.Logger = secret, sessiontest.BaseURL, slog.New(slog.NewTextHandler(everything, nil))
	sessions, err := ginsession.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sessions.Close)
	s := &service{t, sessions, gin.New()}
	s.engine.Use(func(c *gin.Context) {
		ctx, span := b.tracer.Tracer("test").Start(c.Request.Context(), "request")
		defer span.End()
		c.Request = c.Request.WithContext(ctx)
		c.Next()
	}, sessions.Middleware())
	sessions.Routes(s.engine.Group("/api/auth"))
	s.engine.POST("/sign-in/:user", func(c *gin.Context) {
		if _, err := sessions.SignIn(c, c.Param("user")); err != nil {
			c.Status(http.StatusServiceUnavailable)
		}
	})
	s.engine.GET("/open", func(c *gin.Context) {})
	s.engine.GET("/me", sessions.RequireSession(), func(c *gin.Context) {})
	return s
}

// ask sends a request and returns the cookies that the answer sets.
func (s *service) ask(method, path string, cookies sessiontest.Cookies, want int) sessiontest.Cookies {
	s.t.Helper()
	return s.askAs(s.t.Context(), method, path, cookies, want)
}

func (s *service) askAs(ctx context.Context, method, path string, cookies sessiontest.Cookies, want int) sessiontest.Cookies {
	s.t.Helper()
	r := httptest.NewRequestWithContext(ctx, method, path, nil)
	r.Header.Set("Origin", sessiontest.BaseURL)
	cookies.AddTo(r)
	w := httptest.NewRecorder()
	s.engine.ServeHTTP(w, r)
	if w.Code != want {
		s.t.Errorf("%s %s: got %d, want %d", method, path, w.Code, want)
	}
	set := w.Result().Cookies()
	everything.KeepCookies(set)
	return set
}

// tokenOnly leaves the cookie cache out.
func tokenOnly(cookies sessiontest.Cookies) sessiontest.Cookies {
	return slices.DeleteFunc(slices.Clone(cookies), func(c *http.Cookie) bool { return !strings.HasSuffix(c.Name, "session_token") })
}

// A place is where sessions live in a test.
type place struct {
	name    string
	system  string // db.system.name, encoded, with a comma
	failure string // error.type when it is away
	// open returns a Config with the place and how to take it away.
	open func(t *testing.T) (config ginsession.Config, away func())
}

var places = []place{
	{"memory", "", "github.com/ginsession/ginsession/otelsession_test.awayError", inMemory},
	{"MariaDB", ",db.system.name=mysql", "transient", inMariaDB},
}

type awayError struct{}

func (awayError) Error() string { return "somebody@example.com is away" }

func inMemory(*testing.T) (config ginsession.Config, away func()) {
	store := sessiontest.NewStore()
	for _, id := range []string{"ada", "bob"} {
		store.AddUser(models.User{ID: id, Email: id + "@example.com", CreatedAt: time.Now(), UpdatedAt: time.Now()})
	}
	return ginsession.Config{Store: store}, func() {
		store.Before(func(context.Context, string) error { return fmt.Errorf("asking: %w", awayError{}) })
	}
}

func inMariaDB(t *testing.T) (config ginsession.Config, away func()) {
	t.Helper()
	db, err := models.OpenMySQL(testdb.MySQL(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := models.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"ada", "bob"} {
		row := models.User{ID: id, Email: id + "@example.com", CreatedAt: time.Now(), UpdatedAt: time.Now()}
		if err := db.Table("user").Create(&row).Error; err != nil {
			t.Fatal(err)
		}
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return ginsession.Config{DB: db}, func() { pool.Close() }
}
