package otelsession

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/ginsession/ginsession"
)

const scope = "github.com/ginsession/ginsession/otelsession"

// Attributes of ours. Their values are constants of ginsession, and few.
const (
	sourceKey  = attribute.Key("ginsession.read.source")
	outcomeKey = attribute.Key("ginsession.read.outcome")
	reasonKey  = attribute.Key("ginsession.reason")
)

// An Observer is for ginsession.Config.Observer. It is safe for concurrent use. One
// may serve several Managers: their counts add up, and the lag is that of the feed
// that is furthest behind.
type Observer struct {
	tracer     trace.Tracer
	attributes []attribute.KeyValue // of New

	reads, calls       metric.Float64Histogram
	created, refreshed metric.Int64Counter
	ended, rejected    metric.Int64Counter

	// What a read is recorded with is made once: making it for each would be most of
	// what recording costs.
	readOptions map[reading][]metric.RecordOption

	mu       sync.Mutex
	managers []*ginsession.Manager // that are not closed
}

var _ ginsession.Observer = (*Observer)(nil)

// A reading is what the attributes of a read say.
type reading struct {
	source  ginsession.ReadSource
	outcome ginsession.ReadOutcome
}

// New makes an Observer that measures with one provider and traces with another. nil
// is the global one: otel.GetMeterProvider() and otel.GetTracerProvider().
//
// The attributes are added to all metrics and spans. They tell Managers apart that
// have an Observer each, such as attribute.String("ginsession.manager", "admin"): two
// that report the same overwrite each other's feed lag.
//
// It returns an error if the provider cannot make one of the instruments.
func New(meters metric.MeterProvider, tracers trace.TracerProvider, attributes ...attribute.KeyValue) (*Observer, error) {
	if meters == nil {
		meters = otel.GetMeterProvider()
	}
	if tracers == nil {
		tracers = otel.GetTracerProvider()
	}
	o := &Observer{
		tracer:      tracers.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)),
		attributes:  slices.Clone(attributes),
		readOptions: map[reading][]metric.RecordOption{},
	}
	if err := o.makeInstruments(meters.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))); err != nil {
		return nil, fmt.Errorf("otelsession: %w", err)
	}
	for source := ginsession.FromNobody; source <= ginsession.FromShared; source++ {
		for outcome := ginsession.FoundSession; outcome <= ginsession.FoundLeft; outcome++ {
			o.readOptions[reading{source, outcome}] = []metric.RecordOption{
				o.with(sourceKey.String(source.String()), outcomeKey.String(outcome.String())),
			}
		}
	}
	return o, nil
}

// readBuckets begin where reads of the cookie cache are, in seconds; callBuckets are
// semconv's of database clients, and what lies between them.
var (
	readBuckets = []float64{0.000005, 0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}
	callBuckets = []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
)

func (o *Observer) makeInstruments(meter metric.Meter) error {
	var faults []error
	histogram := func(name, description string, buckets []float64) metric.Float64Histogram {
		made, err := meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description), metric.WithExplicitBucketBoundaries(buckets...))
		faults = append(faults, err)
		return made
	}
	counter := func(name, unit, description string) metric.Int64Counter {
		made, err := meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		faults = append(faults, err)
		return made
	}
	o.reads = histogram("ginsession.read.duration", "Looks for the session of a request, by who answered and what was found.", readBuckets)
	o.calls = histogram("ginsession.store.duration", "Calls of the session store.", callBuckets)
	o.created = counter("ginsession.session.created", "{session}", "Sessions that began.")
	o.refreshed = counter("ginsession.session.refreshed", "{session}", "Sessions whose expiry moved.")
	o.ended = counter("ginsession.session.ended", "{session}", "Sessions that this process ended, by reason.")
	o.rejected = counter("ginsession.request.rejected", "{request}", "Requests that were refused, or brought a session that does not hold, by reason.")
	_, err := meter.Float64ObservableGauge("ginsession.feed.lag", metric.WithUnit("s"),
		metric.WithDescription("How old, at most, the newest thing is that is known of revocations by others."),
		metric.WithFloat64Callback(o.observeLag))
	return errors.Join(append(faults, err)...)
}

// with makes an option of the attributes of New and these.
func (o *Observer) with(attributes ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(slices.Concat(o.attributes, attributes)...))
}

// Start implements ginsession.Observer: the Manager's feed is asked for its lag.
func (o *Observer) Start(sessions *ginsession.Manager) (stop func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.managers = append(o.managers, sessions)
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.managers = slices.DeleteFunc(o.managers, func(m *ginsession.Manager) bool { return m == sessions })
	}
}

// observeLag reports nothing where there is no feed.
func (o *Observer) observeLag(_ context.Context, observer metric.Float64Observer) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var worst time.Duration
	for _, sessions := range o.managers {
		worst = max(worst, sessions.FeedLag())
	}
	if worst > 0 {
		observer.Observe(worst.Seconds(), o.with())
	}
	return nil
}

// Read implements ginsession.Observer.
func (o *Observer) Read(ctx context.Context, read ginsession.Read) {
	if read.Source == ginsession.FromShared {
		o.traceWait(ctx, read)
	}
	o.reads.Record(ctx, read.Took.Seconds(), o.readOptions[reading{read.Source, read.Outcome}]...)
}

// traceWait shows in a request's trace what it waited for, since the call of the store
// stands in that of another.
func (o *Observer) traceWait(ctx context.Context, read ginsession.Read) {
	now := time.Now()
	_, span := o.tracer.Start(ctx, "ginsession.read.shared", trace.WithTimestamp(now.Add(-read.Took)), trace.WithAttributes(o.attributes...),
		trace.WithAttributes(sourceKey.String(read.Source.String()), outcomeKey.String(read.Outcome.String())))
	if read.Outcome == ginsession.FoundFailure {
		span.SetStatus(codes.Error, read.Outcome.String())
	}
	span.End(trace.WithTimestamp(now))
}

// Event implements ginsession.Observer.
func (o *Observer) Event(ctx context.Context, event ginsession.Event) {
	switch event.Kind {
	case ginsession.EventCreated:
		o.created.Add(ctx, 1, o.with())
	case ginsession.EventRefreshed:
		o.refreshed.Add(ctx, 1, o.with())
	case ginsession.EventRevoked:
		o.ended.Add(ctx, int64(event.Ended), o.with(reasonKey.String(string(event.Reason))))
	case ginsession.EventRejected:
		o.rejected.Add(ctx, 1, o.with(reasonKey.String(string(event.Reason))))
	}
}
