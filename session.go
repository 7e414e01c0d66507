package ginsession

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/models"
)

// A Session is what the application sees of one session. It is the request's
// own copy: changing it changes nothing for anyone else.
type Session struct {
	// ID names the row. It is no secret and authenticates nobody.
	ID     string `json:"id"`
	UserID string `json:"userId"`
	// Token is the secret in the cookie. It prints as [redacted]. Under HashTokens
	// it is the hash in sessions that List returns, which authenticates nobody.
	Token Token `json:"-"`
	// ExpiresAt moves when the session is renewed; CreatedAt never does and
	// UpdatedAt is the last renewal or change. All are UTC in whole milliseconds.
	ExpiresAt time.Time `json:"expiresAt"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	// IPAddress and UserAgent are those of the sign-in, "" if unknown.
	IPAddress string `json:"ipAddress"`
	UserAgent string `json:"userAgent"`
	// Fields are the additional ones of Config.Schema, by name: nil, string,
	// int64, bool or time.Time. Those without Returned are missing if the session
	// is Cached. SetFields writes them.
	Fields map[string]any `json:"-"`
	// User is the session's user. Of sessions that Create and List return only
	// the ID is set.
	User User `json:"user"`
	// Cached reports that the session was read from the cookie cache, so that
	// another process may have ended it up to CookieCache.MaxLag ago (under NoFeed
	// up to MaxAge). Nothing that outlives the request should be made of a cached
	// session.
	Cached bool `json:"-"`

	manager *Manager
}

// A User is the user of a session, as in the table `user`.
type User struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Email         string    `json:"email"`
	EmailVerified bool      `json:"emailVerified"`
	Image         string    `json:"image"` // "" when there is none
	CreatedAt     time.Time `json:"createdAt"`
	UpdatedAt     time.Time `json:"updatedAt"`
	// Fields are the additional ones, as those of a Session.
	Fields map[string]any `json:"-"`
}

// Handle is what the session is called in JSON: good for listing and revoking,
// never for authenticating. It stays the same as long as Config.Secret does.
func (s *Session) Handle() string { return s.manager.handles.of(s.manager.stored(s.Token.raw)) }

// A Token is a session token. It prints as [redacted] everywhere.
type Token struct{ raw string }

// Reveal returns the token itself. Whoever has it and the signing secret is
// the user: keep it out of logs, URLs and JSON.
func (t Token) Reveal() string { return t.raw }

const redacted = "[redacted]"

// String keeps the token out of logs.
func (Token) String() string { return redacted }

// GoString keeps the token out of logs.
func (Token) GoString() string { return redacted }

// LogValue keeps the token out of logs.
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the token out of JSON.
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// session makes the application's copy of a row.
func (m *Manager) session(row models.Session, user models.User, cached bool) *Session {
	s := m.copyOf(row, user, cached)
	return &s
}

func (m *Manager) copyOf(row models.Session, user models.User, cached bool) Session {
	return Session{
		ID:        row.ID,
		UserID:    row.UserID,
		Token:     Token{row.Token},
		ExpiresAt: row.ExpiresAt,
		CreatedAt: row.CreatedAt,
		UpdatedAt: row.UpdatedAt,
		IPAddress: text(row.IPAddress),
		UserAgent: text(row.UserAgent),
		Fields:    maps.Clone(row.Fields),
		User: User{
			ID:            row.UserID,
			Name:          user.Name,
			Email:         user.Email,
			EmailVerified: user.EmailVerified,
			Image:         text(user.Image),
			CreatedAt:     user.CreatedAt,
			UpdatedAt:     user.UpdatedAt,
			Fields:        maps.Clone(user.Fields),
		},
		Cached:  cached,
		manager: m,
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// From returns the session of the request, or nil: when there is none, when
// the store could not tell (Load tells the two apart), and when neither
// Middleware nor a guard ran before.
func From(c *gin.Context) *Session {
	if c == nil || c.Request == nil {
		return nil
	}
	return FromContext(c.Request.Context())
}

// FromContext is From where only a context is at hand: the request's context,
// anything derived from it, or a *gin.Context.
func FromContext(ctx context.Context) *Session {
	if s := stateAt(ctx, stateKey{}); s != nil {
		if now := s.now.Load(); now != nil {
			return now.session
		}
	}
	return nil
}

// stateAt finds a state by stateKey or stateOf.
func stateAt(ctx context.Context, key any) *state {
	s, _ := ctx.Value(key).(*state)
	if s == nil {
		// A *gin.Context hands out its request; what hides in the request's
		// context it shows only with ContextWithFallback.
		if r, ok := ctx.Value(gin.ContextRequestKey).(*http.Request); ok {
			s, _ = r.Context().Value(key).(*state)
		}
	}
	return s
}

// state is our node in a request's context. SignIn and SignOut swap now, so
// that every holder of the context sees them.
type state struct {
	context.Context
	manager *Manager
	now     atomic.Pointer[loaded]
	first   loaded // where now points at first
}

// loaded is what is known of the request's session.
type loaded struct {
	session *Session // nil when there is none or nobody knows
	err     error    // nil, ErrNoSession, or wraps ErrStore
}

// stateKey finds the innermost state, stateOf one manager's: a session of one
// manager must not open another's doors.
type (
	stateKey struct{}
	stateOf  struct{ manager *Manager }
)

// Value implements context.Context.
func (s *state) Value(key any) any {
	switch key := key.(type) {
	case stateKey:
		return s
	case stateOf:
		if key.manager == s.manager {
			return s
		}
	}
	return s.Context.Value(key)
}

// stateIn returns this manager's state in the request, nil before it loaded.
func (m *Manager) stateIn(c *gin.Context) *state {
	s, _ := c.Request.Context().Value(stateOf{m}).(*state)
	return s
}

// know makes what is known of the session visible to the rest of the request.
func (m *Manager) know(c *gin.Context, l loaded) {
	if s := m.stateIn(c); s != nil {
		later := l // only here does it need memory of its own
		s.now.Store(&later)
		return
	}
	m.begin(c, &state{first: l})
}

// found makes known the session that a load found, and returns what is known then.
// Of most requests it is the first, with its state in one allocation.
func (m *Manager) found(c *gin.Context, o *outcome) loaded {
	if m.stateIn(c) != nil {
		now := loaded{session: m.session(o.row, o.user, o.source == FromCookieCache)}
		m.know(c, now)
		return now
	}
	s := &struct {
		state
		session Session
	}{session: m.copyOf(o.row, o.user, o.source == FromCookieCache)}
	s.first.session = &s.session
	m.begin(c, &s.state)
	return s.first
}

// begin puts a state into a request that has none.
func (m *Manager) begin(c *gin.Context, s *state) {
	s.Context, s.manager = c.Request.Context(), m
	s.now.Store(&s.first)
	c.Request = c.Request.WithContext(s)
}

// forgetOwn makes a request that has just ended its own session one without.
func (m *Manager) forgetOwn(ctx context.Context, r models.Revocation) {
	s := stateAt(ctx, stateOf{m})
	if s == nil {
		return
	}
	now := s.now.Load()
	if now == nil || now.session == nil {
		return
	}
	own := now.session
	if r.Token != "" && !sameToken(m.stored(r.Token), m.stored(own.Token.raw)) ||
		r.UserID != "" && r.UserID != own.UserID ||
		r.Except != "" && r.Except == own.ID {
		return
	}
	s.now.CompareAndSwap(now, &loaded{err: ErrNoSession})
}
