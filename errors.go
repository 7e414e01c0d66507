package ginsession

import "errors"

// What callers branch on. ErrNoSession and ErrStore are never the same thing:
// the first is an answer, the second the lack of one.
var (
	// ErrNoSession: the request carries no session. Guards answer 401.
	ErrNoSession = errors.New("ginsession: no session")

	// ErrNotFound: there is no such session, or no such user: it may have ended.
	ErrNotFound = errors.New("ginsession: not found")

	// ErrNotFresh: the session is too old for what was asked. Guards answer 403.
	ErrNotFresh = errors.New("ginsession: session is not fresh")

	// ErrTooManySessions: the user has as many as Config.MaxSessionsPerUser, and
	// RejectOverLimit is set.
	ErrTooManySessions = errors.New("ginsession: the user has too many sessions")

	// ErrStore: the store could not answer. Whether the session lives is
	// unknown, so no cookie is touched; guards answer 503 with Retry-After.
	ErrStore = errors.New("ginsession: the session store did not answer")

	// ErrStarted: the response has begun, so cookies can no longer be set. The
	// store was not touched. It is also the error for a copied *gin.Context,
	// which has no response to write to.
	ErrStarted = errors.New("ginsession: the response has already started")
)

// An EndedError says why there is no session any more. It is ErrNoSession to
// errors.Is, and comes in its place where this process knows the reason.
type EndedError struct{ Reason Reason }

// Error names the reason.
func (e *EndedError) Error() string {
	return "ginsession: no session: it has ended: " + string(e.Reason)
}

// Unwrap returns ErrNoSession.
func (e *EndedError) Unwrap() error { return ErrNoSession }
