package ginsession

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/models"
)

// DevicesPage is the page on which people see where they are signed in, and sign
// other devices out. Its zero value is a page in English that knows browsers by
// what they call themselves; module device knows their names.
type DevicesPage struct {
	// SignInURL is where a browser without a session is sent: a path of this site,
	// or a URL with http or https. Default "": it gets a page that says so, with
	// 401.
	SignInURL string

	// Describe names a browser, its system and its device by the User-Agent of the
	// sign-in; what it does not know is "". For the device that asks, it gets the
	// User-Agent of the request instead, and in hints the headers of the request
	// whose names begin with Sec-Ch-Ua, as far as the browser sent them; hints is
	// nil for the others. All of it is text of a stranger's choice: the User-Agent
	// is valid UTF-8 of at most 512 bytes without control characters, hints are as
	// they came. The page cuts and escapes what comes back.
	//
	// Default nil: the page shows the beginning of the User-Agent. Module
	// device has a Describe for this field.
	Describe func(userAgent string, hints http.Header) (browser, system, device string)

	// Time writes a time for people to read. Default "2 January 2006, 15:04 UTC":
	// the server does not know where its reader is. It must be safe for concurrent
	// use, as Describe must.
	Time func(time.Time) string

	// Texts are what the page says; what is left empty is said in English.
	Texts DevicesTexts

	// Template takes the place of ours. It is executed with a *DevicesView, which
	// says what it must contain; the policy that the page is sent with lets it load
	// nothing and run nothing. It must be complete when the page is mounted. Default
	// nil: our own.
	Template *template.Template
}

// DevicesPage makes the handler of that page, for GET and POST on one path of the
// application's choice:
//
//	page := sessions.DevicesPage(ginsession.DevicesPage{SignInURL: "/login"})
//	router.GET("/devices", page)
//	router.POST("/devices", page)
//
// It works with or without Middleware, reads the store and never the cookie cache,
// and needs no script. A form of it is believed if it passes the check of
// RequireOrigin and holds a value that only a page of the same session can have;
// after that the browser is sent back to the page, with 303.
//
//	200  the page
//	303  to the page after a form, or without a session to SignInURL
//	400  not a form of this page
//	401  no session
//	403  a form from elsewhere, or of another session; nothing was changed
//	503  with Retry-After: the store did not answer; nobody is signed out by that
//
// It panics if an option is no good, as gin does for a route: a Template that
// cannot be executed, a text without what must stand in it, an unusable SignInURL.
func (m *Manager) DevicesPage(options DevicesPage) gin.HandlerFunc {
	if err := options.complete(); err != nil {
		panic(err)
	}
	page := &devicesPage{options, m}
	return page.serve
}

// devicesPage is a page whose options are complete.
type devicesPage struct {
	DevicesPage
	sessions *Manager
}

func (p *devicesPage) serve(c *gin.Context) {
	h := c.Writer.Header()
	h["Cache-Control"] = noStore
	p.sessions.vary(h)
	c.Request = c.Request.WithContext(p.sessions.bounded(c.Request.Context()))
	switch c.Request.Method {
	case http.MethodGet, http.MethodHead:
		p.show(c)
	case http.MethodPost:
		p.act(c)
	default:
		h.Set("Allow", "GET, HEAD, POST")
		c.AbortWithStatus(http.StatusMethodNotAllowed)
	}
}

func (p *devicesPage) show(c *gin.Context) {
	session := p.session(c)
	if session == nil {
		return
	}
	view, err := p.view(c, session)
	if err != nil {
		p.unavailable(c, err)
		return
	}
	p.write(c, http.StatusOK, view)
}

// session is the caller's, by the store. Without one the request is answered.
func (p *devicesPage) session(c *gin.Context) *Session {
	switch now := p.sessions.ensureStored(c); {
	case now.err == nil:
		return now.session
	case !isAnswer(now.err): // and loading has told of it
		p.refuse(c, http.StatusServiceUnavailable)
	case p.SignInURL != "":
		seeOther(c, p.SignInURL)
	default:
		p.refuse(c, http.StatusUnauthorized)
	}
	return nil
}

// What a form of the page may do, by the value of its button. Each but signOutHere
// and signOutOthers names a session by its handle.
const (
	signOutDevice  = "sign-out-device"
	signOutOthers  = "sign-out-others"
	signOutHere    = "sign-out-here"
	signOutAccount = "sign-out-account"
	switchAccount  = "switch-account"
)

// maxForm bounds the body of a form, which is 150 bytes long.
const maxForm = 4 << 10

// A deviceForm is what came in one.
type deviceForm struct{ do, handle, csrf string }

// readDeviceForm reads the form in the body of a request; ok is false if it is none
// of the page's.
func readDeviceForm(w http.ResponseWriter, r *http.Request) (form deviceForm, ok bool) {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return deviceForm{}, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.ParseForm() != nil {
		return deviceForm{}, false
	}
	form = deviceForm{r.PostForm.Get("do"), r.PostForm.Get("session"), r.PostForm.Get("csrf")}
	switch form.do {
	case signOutDevice, signOutAccount, switchAccount:
		return form, isHandle(form.handle)
	case signOutHere, signOutOthers:
		return form, true
	}
	return deviceForm{}, false
}

func (p *devicesPage) act(c *gin.Context) {
	m := p.sessions
	if fault := m.origins.check(c.Request); fault != nil {
		m.rejected(c.Request.Context(), ReasonOrigin, "", "")
		p.refuse(c, http.StatusForbidden)
		return
	}
	form, ok := readDeviceForm(c.Writer, c.Request)
	if !ok {
		p.refuse(c, http.StatusBadRequest)
		return
	}
	session := p.session(c)
	if session == nil {
		return
	}
	if !m.forms.proves(form.csrf, purposeOfForm, m.stored(session.Token.raw)) {
		p.refuse(c, http.StatusForbidden)
		return
	}
	done, err := p.do(c, session, form)
	if err != nil {
		p.unavailable(c, err)
		return
	}
	// Relative, so that it holds behind a proxy that shows the page under another
	// path, and cannot lead elsewhere.
	query := c.Request.URL.Query()
	query.Del("done")
	if now := m.ensure(c).session; now != nil {
		query.Set("done", done+"."+m.forms.value(done, m.stored(now.Token.raw)))
	}
	seeOther(c, "?"+query.Encode())
}

// purposeOfForm is that of the value in forms. Others are names of notices, so
// that nobody can send a link to the page which says that something was done.
const purposeOfForm = "form"

// do does what a form asks for, and returns the name of the notice about it. A
// session that is not there, or is another's, has ended as far as the user can
// know (SR-42).
func (p *devicesPage) do(c *gin.Context, session *Session, form deviceForm) (done string, err error) {
	m, ctx := p.sessions, c.Request.Context()
	switch form.do {
	case signOutDevice:
		err = m.revokeNamed(ctx, session.UserID, form.handle, ending{reason: ReasonUser, by: session.ID})
	case signOutOthers:
		_, err = m.revoke(ctx, models.Revocation{UserID: session.UserID, Except: session.ID, Now: m.clock()}, ending{reason: ReasonOthers, by: session.ID})
	case signOutHere:
		err = m.SignOut(c)
	case signOutAccount:
		presented := m.present(c.Request)
		err = m.signOutAccount(ctx, c, &presented, form.handle, session.ID, session.Token.raw)
	case switchAccount:
		presented := m.present(c.Request)
		if _, err = m.switchAccount(ctx, c, &presented, form.handle); errors.Is(err, ErrNotFound) {
			return "account-gone", nil
		}
	}
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return form.do, err
}

// unavailable answers for a store that failed later than at loading the session.
func (p *devicesPage) unavailable(c *gin.Context, err error) {
	p.sessions.storeFailed(c, err)
	p.refuse(c, http.StatusServiceUnavailable)
}

// refuse ends the request with a page that has a status other than 200.
func (p *devicesPage) refuse(c *gin.Context, status int) {
	c.Abort()
	view := &DevicesView{Texts: p.Texts, Status: status}
	switch status {
	case http.StatusUnauthorized:
		view.Problem, view.Advice = p.Texts.NoSession, p.Texts.NoSessionAdvice
	case http.StatusServiceUnavailable:
		c.Writer.Header()["Retry-After"] = retryAfter
		view.Problem, view.Advice, view.Back = p.Texts.Unavailable, p.Texts.UnavailableAdvice, p.Texts.TryAgain
	default:
		view.Problem, view.Advice, view.Back = p.Texts.Refused, p.Texts.RefusedAdvice, p.Texts.GoBack
	}
	p.write(c, status, view)
}

// seeOther ends the request with a redirect.
func seeOther(c *gin.Context, url string) {
	c.Abort()
	c.Writer.Header()["Location"] = []string{url}
	c.Status(http.StatusSeeOther)
	c.Writer.WriteHeaderNow()
}

// write sends the page, whole or not at all.
func (p *devicesPage) write(c *gin.Context, status int, view *DevicesView) {
	view.Nonce = rand.Text()
	var page bytes.Buffer
	if err := p.Template.Execute(&page, view); err != nil {
		p.sessions.logger.Error("ginsession: the page of devices could not be made", "error", err)
		_ = c.Error(err)
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	h.Set("Content-Security-Policy", p.policy(view.Nonce))
	h["X-Content-Type-Options"] = noSniff
	// Not no-referrer, which makes browsers send "Origin: null" with a form.
	h.Set("Referrer-Policy", "same-origin")
	c.Status(status)
	_, _ = c.Writer.Write(page.Bytes())
}

// policy is the Content-Security-Policy. Browsers apply form-action to redirects
// that follow a form, and one may lead to SignInURL.
func (p *devicesPage) policy(nonce string) string {
	forms := "'self'"
	if o, ok := originOf(p.SignInURL); ok {
		forms += " " + o.String()
	}
	return "default-src 'none'; style-src 'nonce-" + nonce + "'; form-action " + forms + "; frame-ancestors 'none'; base-uri 'none'"
}

// sessionsOf reads what the page shows beside the session that asks for it: the
// user's sessions, and with MultiSession those on the device.
func (p *devicesPage) sessionsOf(ctx context.Context, c *gin.Context, session *Session) (rows []models.Session, whole bool, accounts []models.Found, err error) {
	m := p.sessions
	now := m.clock()
	if rows, whole, err = m.list(ctx, session.UserID, now); err != nil || m.cookies.device == "" {
		return rows, whole, nil, err
	}
	presented := m.present(c.Request)
	accounts, err = m.aliveDevices(ctx, m.cookies.devices(&presented), now)
	return rows, whole, accounts, err
}
