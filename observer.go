package ginsession

import (
	"context"
	"time"
)

// An Observer is told what a Manager does while it does it, by whoever does it: for
// metrics and traces, such as those of module otelsession. What it does is part of
// each request, so that it must be quick, and it is called by many at the same time. A
// panic of Read or Event touches no request. One Observer may serve several Managers.
//
// For audit logs, which may take their time, there is Config.OnEvent.
type Observer interface {
	// Start is called by New, if nothing is wrong with the Config. What it returns is
	// called by the first Close.
	Start(sessions *Manager) (stop func())

	// Store returns what New uses in the place of the given Store: one that passes
	// each call on, and sees it. It needs the methods of Store alone: optional ones,
	// such as those of a RevocationFeed, are called on the given one. Under
	// HashTokens it sees hashes of tokens only.
	Store(store Store) Store

	// Read tells of one look for the session of a request: by Middleware, a guard,
	// Load, or one of our routes. A request may be looked at twice, as by
	// RequireStore after Middleware has believed the cookie cache.
	Read(ctx context.Context, read Read)

	// Event tells what OnEvent is told later, and every single one. SessionID and
	// UserID are missing where finding them out would cost a query.
	Event(ctx context.Context, event Event)
}

// A Read is one look for the session of a request.
type Read struct {
	Source  ReadSource
	Outcome ReadOutcome
	// Took is how long it took, by the monotonic clock, from before the signatures
	// of the cookies were checked.
	Took time.Duration
}

// A ReadSource says who answered a Read.
type ReadSource uint8

const (
	FromNobody      ReadSource = iota // nobody was asked: the request proves no token
	FromCookieCache                   // the copy in the cookie
	FromStore                         // the store, or it was asked and did not answer
	FromShared                        // the store, asked at the same time for another request
)

// String returns "none", "cookie_cache", "store" or "shared".
func (s ReadSource) String() string {
	return [...]string{"none", "cookie_cache", "store", "shared"}[s]
}

// A ReadOutcome says what a Read found.
type ReadOutcome uint8

const (
	FoundSession ReadOutcome = iota
	FoundNone                // the request brought nothing of a session
	FoundRefused             // it brought something that does not hold (any more)
	FoundFailure             // the store could not tell
	FoundLeft                // the client left, or its context ended, before the store told
)

// String returns "session", "none", "refused", "store_failed" or "client_left".
func (o ReadOutcome) String() string {
	return [...]string{"session", "none", "refused", "store_failed", "client_left"}[o]
}

// readOutcome tells those apart whom load answers with an error.
func (p *presented) readOutcome(ctx context.Context, err error) ReadOutcome {
	switch {
	case err == nil:
		return FoundSession
	case isAnswer(err) && p.tokens.n == 0 && !p.forged && !p.dead:
		return FoundNone
	case isAnswer(err):
		return FoundRefused
	case ctx.Err() != nil:
		return FoundLeft
	default:
		return FoundFailure
	}
}

func (m *Manager) observeRead(ctx context.Context, read Read) {
	defer func() { _ = recover() }()
	m.observer.Read(ctx, read)
}

func (m *Manager) observeEvent(ctx context.Context, event Event) {
	defer func() { _ = recover() }()
	m.observer.Event(ctx, event)
}
