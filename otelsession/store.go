package otelsession

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// Store implements ginsession.Observer: it measures and traces each call of the store.
func (o *Observer) Store(inner ginsession.Store) ginsession.Store {
	shared := slices.Clone(o.attributes)
	if named, ok := inner.(interface{ DBSystem() string }); ok {
		shared = append(shared, semconv.DBSystemNameKey.String(named.DBSystem()))
	}
	method := func(name string) *method {
		attributes := append(slices.Clip(shared), semconv.DBOperationName(name))
		return &method{
			observer:   o,
			name:       "ginsession.store." + name,
			attributes: attributes,
			start:      []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...)},
			answered:   []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(attributes...))},
		}
	}
	return &store{
		inner:  inner,
		create: method("create"), find: method("find"), findMany: method("find_many"),
		update: method("update"), touch: method("touch"), replace: method("replace"),
		list: method("list"), tokens: method("tokens"), revoke: method("revoke"), purge: method("purge"),
	}
}

// A store is another one, each of whose calls is measured and traced.
type store struct {
	inner ginsession.Store

	create, find, findMany, update, touch, replace, list, tokens, revoke, purge *method
}

// A method is what is the same for all of its calls, made once.
type method struct {
	observer   *Observer
	name       string
	attributes []attribute.KeyValue
	start      []trace.SpanStartOption
	answered   []metric.RecordOption
}

// A call is one that is under way.
type call struct {
	*method
	ctx   context.Context // with the span
	span  trace.Span
	began time.Time
}

func (m *method) begin(ctx context.Context) (context.Context, call) {
	ctx, span := m.observer.tracer.Start(ctx, m.name, m.start...)
	return ctx, call{m, ctx, span, time.Now()}
}

// end ends the call. The text of an error stays out of spans: it is the store's to
// write, and Config.Logger has it.
func (c call) end(err error) {
	took := time.Since(c.began).Seconds()
	defer c.span.End()
	if isAnswer(err) {
		c.observer.calls.Record(c.ctx, took, c.answered...)
		return
	}
	kind := errorType(err)
	c.span.SetStatus(codes.Error, kind.Value.AsString())
	c.span.SetAttributes(kind)
	var ours *models.Error
	if errors.As(err, &ours) && ours.Number != 0 {
		c.span.SetAttributes(semconv.DBResponseStatusCode(strconv.Itoa(ours.Number)))
	}
	c.observer.calls.Record(c.ctx, took, metric.WithAttributeSet(attribute.NewSet(append(slices.Clip(c.attributes), kind)...)))
}

// isAnswer: see ginsession.Store about the kinds of answers.
func isAnswer(err error) bool {
	return err == nil || errors.Is(err, models.ErrNotFound) || errors.Is(err, models.ErrDuplicate) || errors.Is(err, models.ErrNoUser)
}

// errorType names what went wrong by one of few words: what ended the context, the
// class of the database's error, or the error's Go type.
func errorType(err error) attribute.KeyValue {
	var ours *models.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return semconv.ErrorTypeKey.String("timeout")
	case errors.Is(err, context.Canceled):
		return semconv.ErrorTypeKey.String("canceled")
	case errors.As(err, &ours):
		return semconv.ErrorTypeKey.String(classes[ours.Class])
	default:
		return semconv.ErrorType(err)
	}
}

var classes = map[models.Class]string{
	models.Unknown: "unknown", models.Transient: "transient", models.Configuration: "configuration", models.BadValue: "bad_value",
}

func (s *store) Create(ctx context.Context, session models.Session) error {
	ctx, call := s.create.begin(ctx)
	err := s.inner.Create(ctx, session)
	call.end(err)
	return err
}

func (s *store) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	ctx, call := s.find.begin(ctx)
	session, user, err := s.inner.Find(ctx, token)
	call.end(err)
	return session, user, err
}

func (s *store) FindMany(ctx context.Context, tokens []string) ([]models.Found, error) {
	ctx, call := s.findMany.begin(ctx)
	found, err := s.inner.FindMany(ctx, tokens)
	call.end(err)
	return found, err
}

func (s *store) Update(ctx context.Context, read models.Session, fields map[string]any, now time.Time) (models.Session, error) {
	ctx, call := s.update.begin(ctx)
	session, err := s.inner.Update(ctx, read, fields, now)
	call.end(err)
	return session, err
}

func (s *store) Touch(ctx context.Context, read models.Session, next, now time.Time) (models.Session, error) {
	ctx, call := s.touch.begin(ctx)
	session, err := s.inner.Touch(ctx, read, next, now)
	call.end(err)
	return session, err
}

func (s *store) Replace(ctx context.Context, read, next models.Session, now time.Time) (models.Session, error) {
	ctx, call := s.replace.begin(ctx)
	session, err := s.inner.Replace(ctx, read, next, now)
	call.end(err)
	return session, err
}

func (s *store) List(ctx context.Context, userID string, now time.Time) ([]models.Session, error) {
	ctx, call := s.list.begin(ctx)
	sessions, err := s.inner.List(ctx, userID, now)
	call.end(err)
	return sessions, err
}

func (s *store) Tokens(ctx context.Context, userID string) ([]string, error) {
	ctx, call := s.tokens.begin(ctx)
	tokens, err := s.inner.Tokens(ctx, userID)
	call.end(err)
	return tokens, err
}

func (s *store) Revoke(ctx context.Context, revocation models.Revocation) (int, error) {
	ctx, call := s.revoke.begin(ctx)
	ended, err := s.inner.Revoke(ctx, revocation)
	call.end(err)
	return ended, err
}

func (s *store) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	ctx, call := s.purge.begin(ctx)
	deleted, err := s.inner.Purge(ctx, before, limit)
	call.end(err)
	return deleted, err
}
