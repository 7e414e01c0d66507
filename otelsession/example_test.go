package otelsession_test

import (
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/otelsession"
)

// Providers of the application's own, in place of the global ones.
func Example() {
	var (
		db     *gorm.DB // models.OpenMySQL
		meters = metric.NewMeterProvider( /* a reader, such as Prometheus' */ )
		tracer = trace.NewTracerProvider( /* an exporter, such as OTLP's */ )
	)
	observer, err := otelsession.New(meters, tracer)
	if err != nil {
		panic(err)
	}
	sessions, err := ginsession.New(ginsession.Config{
		Secret:   "at least 32 bytes that are hard to guess",
		DB:       db,
		Observer: observer,
	})
	if err != nil {
		panic(err)
	}
	defer sessions.Close()
}
