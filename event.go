package ginsession

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ginsession/ginsession/models"
)

// An Event is something that happened to a session, or to a request that had
// none. It holds no token, cookie or secret, and slog prints the fields that are set.
type Event struct {
	Kind   EventKind
	Reason Reason // of EventRevoked and EventRejected
	At     time.Time
	// SessionID and UserID name the session, as far as they are known: where all
	// of a user's sessions end the user alone is, and of a request without a
	// session nothing.
	SessionID, UserID string
	// Ended, of EventRevoked, is how many sessions that were.
	Ended int
	// By is the id of the session that asked for it; "" is the application.
	By string
	// OldSecret, of EventOldSecretUsed, is the index in Config.OldSecrets. A session
	// is told again until its client has taken the new cookie. When none has been
	// told for ExpiresIn, that secret can go.
	OldSecret int
	// Lag, of EventFeedSilent, is how long nothing has been heard.
	Lag time.Duration
	// Err, of EventStoreFailed, is what the store said. It wraps ErrStore.
	Err error
	// Missed is how many events before this one were not told, because the hook was
	// too slow or there were too many of what anybody can cause (Config.OnEvent).
	Missed int
}

// An EventKind says what happened. Each Event has Kind and At; what else it has
// stands with the fields.
type EventKind string

const (
	EventCreated       EventKind = "created"         // a sign-in, or Create
	EventRefreshed     EventKind = "refreshed"       // the expiry moved
	EventRotated       EventKind = "rotated"         // the token changed
	EventElevated      EventKind = "elevated"        // it is fresh again
	EventRevoked       EventKind = "revoked"         // it ended; Reason says why
	EventRejected      EventKind = "rejected"        // a request has no session, though it brought something, or was refused
	EventOldSecretUsed EventKind = "old secret used" // a cookie that an old secret had signed was signed anew
	EventStoreFailed   EventKind = "store failed"    // the store could not tell
	EventFeedSilent    EventKind = "feed silent"     // the revocation feed has told nothing for CookieCache.MaxLag: no copy is believed
	EventFeedHeard     EventKind = "feed heard"      // it tells again
)

// A Reason says why a session ended, or why a request was rejected.
type Reason string

// Why sessions end.
const (
	ReasonSignedOut   Reason = "signed out"             // on its own device
	ReasonUser        Reason = "revoked by the user"    // by name, or with all of the user's
	ReasonOthers      Reason = "all others revoked"     // by the one that was spared
	ReasonApplication Reason = "revoked by application" // Revoke and RevokeAll
	ReasonReplaced    Reason = "replaced by a sign-in"  // in the same browser
	ReasonRotated     Reason = models.ReasonRotated     // a token, by Rotate or Reauthenticate
	ReasonElsewhere   Reason = "ended elsewhere"        // by somebody who gave no reason: a Better Auth server, an SQL client
	ReasonLimit       Reason = "limit reached"          // Config.MaxSessionsPerUser, MultiSession.MaximumSessions; rejected with RejectOverLimit
	ReasonExpired     Reason = "expired"
	ReasonLifetime    Reason = "lifetime reached" // Config.MaxLifetime
)

// Why requests are rejected, ReasonExpired and ReasonLifetime besides.
const (
	ReasonSignature Reason = "bad signature"   // of each session cookie
	ReasonAmbiguous Reason = "ambiguous"       // several session cookies that hold
	ReasonUnknown   Reason = "unknown session" // revoked, purged, or never there
	ReasonOrigin    Reason = "origin refused"  // Origin, Referer or Sec-Fetch-Site
	ReasonNotFresh  Reason = "not fresh"
)

// LogValue makes an Event a record of what it has.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", string(e.Kind))}
	text := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	text("reason", string(e.Reason))
	text("sessionId", e.SessionID)
	text("userId", e.UserID)
	text("by", e.By)
	if e.Kind == EventRevoked {
		attrs = append(attrs, slog.Int("ended", e.Ended))
	}
	if e.Kind == EventOldSecretUsed {
		attrs = append(attrs, slog.Int("oldSecret", e.OldSecret))
	}
	if e.Lag > 0 {
		attrs = append(attrs, slog.Duration("lag", e.Lag))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("error", e.Err))
	}
	if e.Missed > 0 {
		attrs = append(attrs, slog.Int("missed", e.Missed))
	}
	return slog.GroupValue(attrs...)
}

// LogEvents is a Config.OnEvent that writes each event to a logger, in the group
// "session": EventRefreshed at level Debug, EventFeedSilent at Warn,
// EventStoreFailed at Error, the others at Info.
func LogEvents(logger *slog.Logger) func(context.Context, Event) {
	return func(ctx context.Context, e Event) {
		level := slog.LevelInfo
		switch e.Kind {
		case EventRefreshed:
			level = slog.LevelDebug
		case EventStoreFailed:
			level = slog.LevelError
		case EventFeedSilent:
			level = slog.LevelWarn
		}
		logger.LogAttrs(ctx, level, "ginsession: session "+string(e.Kind), slog.Any("session", e))
	}
}

const (
	// eventQueue is how many events may wait for the hook.
	eventQueue = 1024
	// boundPerSecond bounds the events of each kind that anybody can cause: they
	// must not crowd out the others.
	boundPerSecond = 100
)

// events tell a hook what happens, from a goroutine of their own: neither a
// hook that blocks nor one that panics touches a request. Nil tells nobody.
type events struct {
	hook  func(context.Context, Event)
	queue chan told
	ended chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex // guards what follows, and sending against closing
	closed bool
	missed int
	second time.Time // counts begins then
	counts map[EventKind]int
}

type told struct {
	ctx   context.Context
	event Event
}

func newEvents(hook func(context.Context, Event)) *events {
	if hook == nil {
		return nil
	}
	e := &events{hook: hook, queue: make(chan told, eventQueue), ended: make(chan struct{})}
	go func() {
		defer close(e.ended)
		for t := range e.queue {
			e.call(t)
		}
	}()
	return e
}

func (e *events) call(t told) {
	defer func() { _ = recover() }()
	e.hook(t.ctx, t.event)
}

// tell queues an event, or counts it as missed.
func (e *events) tell(ctx context.Context, event Event) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	switch event.Kind {
	case EventRejected, EventStoreFailed, EventOldSecretUsed:
		if now := time.Now(); now.Sub(e.second) >= time.Second {
			e.second, e.counts = now, map[EventKind]int{}
		}
		if e.counts[event.Kind]++; e.counts[event.Kind] > boundPerSecond {
			e.missed++
			return
		}
	}
	event.Missed = e.missed
	select {
	case e.queue <- told{context.WithoutCancel(ctx), event}:
		e.missed = 0
	default:
		e.missed++
	}
}

// close tells what is queued and ends, but does not wait for a hook that blocks.
func (e *events) close(patience time.Duration) {
	if e == nil {
		return
	}
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		close(e.queue)
	}
	e.mu.Unlock()
	select {
	case <-e.ended:
	case <-time.After(patience):
	}
}

// An ending says why sessions end, and which session asked for it.
type ending struct {
	reason        Reason
	by            string
	session, user string // the one that ends, where it is known
}

// endingOf names the session of a token, which costs a query and is done only if
// somebody wants to know.
func (m *Manager) endingOf(ctx context.Context, token string, reason Reason, by string) ending {
	why := ending{reason: reason, by: by}
	if m.events == nil {
		return why
	}
	if read, err := m.read(ctx, token, never, m.clock()); err == nil {
		why.session, why.user = read.row.ID, read.row.UserID
	}
	return why
}

// hasListener reports whether anybody is told of events.
func (m *Manager) hasListener() bool { return m.events != nil || m.observer != nil }

// tell tells of an event: the Observer now, OnEvent in its turn.
func (m *Manager) tell(ctx context.Context, event Event) {
	if m.observer != nil {
		m.observeEvent(ctx, event)
	}
	m.events.tell(ctx, event)
}

// rejected tells of a request that was refused, or taken for one without a
// session.
func (m *Manager) rejected(ctx context.Context, reason Reason, sessionID, userID string) {
	if m.hasListener() {
		m.tell(ctx, Event{Kind: EventRejected, Reason: reason, At: m.clock(), SessionID: sessionID, UserID: userID})
	}
}

// happened tells of a session.
func (m *Manager) happened(ctx context.Context, kind EventKind, row models.Session) {
	if m.hasListener() {
		m.tell(ctx, Event{Kind: kind, At: m.clock(), SessionID: row.ID, UserID: row.UserID})
	}
}
