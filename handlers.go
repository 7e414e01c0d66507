package ginsession

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/models"
)

// switchedOn reads a query switch as Better Auth does: any text is yes, "false"
// and "0" too, and so is a repeated name.
func switchedOn(r *http.Request, name string) bool {
	values := r.URL.Query()[name]
	return len(values) > 1 || len(values) == 1 && values[0] != ""
}

// queried applies the switches that all of our routes obey.
func (m *Manager) queried(r *http.Request, how how) how {
	if r.URL.RawQuery != "" {
		how.skipCache = how.skipCache || switchedOn(r, "disableCookieCache")
		how.noRefresh = how.noRefresh || switchedOn(r, "disableRefresh")
	}
	return how
}

// getSession serves GET /get-session and, under DeferRefresh, POST.
//
//	200 null                         no session; the cookies of a dead one expire
//	200 {"session":{},"user":{}}     and "needsRefresh" on a deferred GET
//	401 FAILED_TO_GET_SESSION        ended while being renewed
//	503 FAILED_TO_GET_SESSION        the store did not answer (Better Auth: 500)
func (m *Manager) getSession(c *gin.Context) {
	post := c.Request.Method == http.MethodPost
	if post {
		// Its body is never read, whatever its type.
		if fault := m.origins.check(c.Request); fault != nil {
			refuse(c, fault)
			return
		}
	}
	h := c.Writer.Header()
	h["Pragma"] = noCache
	if post && !m.deferRefresh {
		refuse(c, postNeedsDefer)
		return
	}
	p := m.present(c.Request)
	o := m.load(c.Request.Context(), &p, m.queried(c.Request, how{deferred: m.deferRefresh && !post, renewing: post}))
	m.writeCookies(h, &p, &o)
	switch {
	case errors.Is(o.err, errRevokedMeanwhile):
		refuse(c, m.explained(sessionGone, o.err))
		return
	case isAnswer(o.err):
		answer(c, http.StatusOK, "null")
		return
	case o.err != nil:
		m.storeFailed(c, o.err)
		refuse(c, sessionUnknown)
		return
	}
	body := m.appendSessionAndUser(make([]byte, 0, 1024), &o)
	if o.needsRefresh != nil {
		if *o.needsRefresh {
			body = append(body, `,"needsRefresh":true`...)
		} else {
			body = append(body, `,"needsRefresh":false`...)
		}
	}
	answerBuilt(c, append(body, '}'))
}

func (m *Manager) storeFailed(c *gin.Context, err error) {
	m.logger.Error("ginsession: the session store did not answer", "route", c.FullPath(), "error", err)
	if m.hasListener() && c.Request.Context().Err() == nil { // else it may be the client's doing
		m.tell(c.Request.Context(), Event{Kind: EventStoreFailed, At: m.clock(), Err: err})
	}
	_ = c.Error(err)
}

// caller loads the session of a request to one of our guarded routes, from the
// store. It answers the request and returns false if there is none. ctx is what
// the handler asks the store with, too: bounded.
func (m *Manager) caller(ctx context.Context, c *gin.Context, p *presented, how how) (outcome, bool) {
	how.deferred = m.deferRefresh // a guard reads as GET does
	o := m.load(ctx, p, m.queried(c.Request, how))
	if !errors.Is(o.err, errRevokedMeanwhile) { // Better Auth: a plain 401 then
		m.writeCookies(c.Writer.Header(), p, &o)
	}
	if o.err != nil {
		if !isAnswer(o.err) {
			m.storeFailed(c, o.err)
		}
		m.refuseLoad(c, o.err)
		return o, false
	}
	return o, true
}

// listSessions serves GET /list-sessions: an array of the user's sessions that
// are alive, at most 100, by id. Under ExposeTokens, where the array holds
// what authenticates, the caller's session must be fresh, as in Better Auth.
//
//	401 UNAUTHORIZED, 403 SESSION_NOT_FRESH
func (m *Manager) listSessions(c *gin.Context) {
	ctx := m.bounded(c.Request.Context())
	p := m.present(c.Request)
	o, ok := m.caller(ctx, c, &p, how{confirm: true})
	if !ok {
		return
	}
	now := m.clock()
	if m.exposeTokens && !m.fresh(o.row.CreatedAt, o.row.Fields, now) {
		m.rejected(ctx, ReasonNotFresh, o.row.ID, o.row.UserID)
		refuse(c, notFresh)
		return
	}
	rows, _, err := m.list(ctx, o.row.UserID, now)
	if err != nil {
		m.storeFailed(c, err)
		refuse(c, unavailable)
		return
	}
	body := append(make([]byte, 0, 64+384*len(rows)), '[')
	for i, row := range rows {
		if i > 0 {
			body = append(body, ',')
		}
		body = m.appendStored(body, row, m.publicToken(row.Token))
	}
	answerBuilt(c, append(body, ']'))
}

const statusTrue = `{"status":true}`

// revokeSession serves POST /revoke-session {"token": handle or raw token}.
// 200 {"status":true} even when nothing matched, as Better Auth answers, so
// that nobody can probe for other people's tokens. Ending one's own session
// expires its cookies.
func (m *Manager) revokeSession(c *gin.Context) {
	body, ok := m.post(c)
	if !ok {
		return
	}
	named, fault := stringMember(body, "token")
	if fault != nil {
		refuse(c, fault)
		return
	}
	ctx := m.bounded(c.Request.Context())
	p := m.present(c.Request)
	o, ok := m.caller(ctx, c, &p, how{skipCache: true})
	if !ok {
		return
	}
	own := o.row.Token
	isOwn := sameToken(named, own) || isHandle(named) && m.handles.names(named, m.stored(own))
	why := ending{reason: ReasonUser, by: o.row.ID}
	if isOwn {
		named, why.reason, why.session = own, ReasonSignedOut, o.row.ID
	}
	switch err := m.revokeNamed(ctx, o.row.UserID, named, why); {
	case err != nil && !errors.Is(err, ErrNotFound):
		m.storeFailed(c, err)
		refuse(c, unavailable)
		return
	case isOwn:
		m.endedHere(c, &p, own)
	}
	answer(c, http.StatusOK, statusTrue)
}

// revokeSessions serves POST /revoke-sessions: every session of the user ends,
// this one too. The body is optional and ignored.
func (m *Manager) revokeSessions(c *gin.Context) {
	m.revokeMany(c, func(ctx context.Context, o *outcome, p *presented) error {
		_, err := m.revoke(ctx, models.Revocation{UserID: o.row.UserID, Now: m.clock()}, ending{reason: ReasonUser, by: o.row.ID})
		if err == nil {
			m.endedHere(c, p, o.row.Token)
		}
		return err
	})
}

// revokeOtherSessions serves POST /revoke-other-sessions: every session of the
// user that is alive ends but this one. The body is optional and ignored.
func (m *Manager) revokeOtherSessions(c *gin.Context) {
	m.revokeMany(c, func(ctx context.Context, o *outcome, _ *presented) error {
		_, err := m.revoke(ctx, models.Revocation{UserID: o.row.UserID, Except: o.row.ID, Now: m.clock()}, ending{reason: ReasonOthers, by: o.row.ID})
		return err
	})
}

func (m *Manager) revokeMany(c *gin.Context, end func(context.Context, *outcome, *presented) error) {
	if _, ok := m.post(c); !ok {
		return
	}
	ctx := m.bounded(c.Request.Context())
	p := m.present(c.Request)
	o, ok := m.caller(ctx, c, &p, how{skipCache: true})
	if !ok {
		return
	}
	if err := end(ctx, &o, &p); err != nil {
		m.storeFailed(c, err)
		refuse(c, unavailable)
		return
	}
	answer(c, http.StatusOK, statusTrue)
}

// signOut serves POST /sign-out. It works without a session; the body may name
// callbackURL, disableRedirect and state, none of which has an effect here.
//
//	200 {"success":true}
//	503 SERVICE_UNAVAILABLE          the store did not answer; the session
//	                                 cookie stays for the retry (Better Auth: 200)
func (m *Manager) signOut(c *gin.Context) {
	body, ok := m.post(c)
	if !ok {
		return
	}
	if fault := checkSignOut(body); fault != nil {
		refuse(c, fault)
		return
	}
	if err := m.SignOut(c); err != nil {
		m.storeFailed(c, err)
		refuse(c, unavailable)
		return
	}
	answer(c, http.StatusOK, `{"success":true}`)
}

// ok serves GET /ok.
func ok(c *gin.Context) { answer(c, http.StatusOK, `{"ok":true}`) }
