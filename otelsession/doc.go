// Package otelsession measures and traces ginsession with OpenTelemetry:
//
//	observer, err := otelsession.New(nil, nil) // of otel's global providers
//	if err != nil {
//		return err
//	}
//	sessions, err := ginsession.New(ginsession.Config{
//		// …
//		Observer: observer,
//	})
//
// The metrics say how many reads the cookie cache, the store and shared answers
// served, with what outcome and how fast; how the calls of the store went; how many
// sessions began, were renewed and ended, and why; and how far behind the revocation
// feed is. The spans are the calls of the store, below the span of the request that
// asked, and what a request waits for the answer to somebody else's question. A read
// of the cookie cache takes microseconds and has no span.
//
// No metric and no span holds an id, a token, a cookie, an address or the text of an
// error. docs/observability.md lists all of them, with queries, alerts and costs.
package otelsession
