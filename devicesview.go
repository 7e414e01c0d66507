package ginsession

import (
	"cmp"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/clientaddr"
	"github.com/ginsession/ginsession/models"
)

// A DevicesView is what the template of a DevicesPage is executed with. All of it
// but Texts may be of a stranger's choice: html/template escapes it.
//
// A form is posted to the page's own address and has these fields: csrf with the
// value of CSRF, do with what is to be done, and session with a Handle.
//
//	do=sign-out-device   ends the session of a Device
//	do=sign-out-others   ends all of the user's but this one; without a session
//	do=sign-out-here     ends this one, and those of all Accounts; without a session
//	do=switch-account    makes another Account the active one
//	do=sign-out-account  ends the session of an Account
//
// Styles stand in a style element with the attribute nonce="{{.Nonce}}".
type DevicesView struct {
	Texts DevicesTexts
	Nonce string

	// Status is that of the response. If it is not 200 there are Problem, Advice
	// and, if the page itself is worth another look, Back as the text of a link to
	// it; and nothing of what follows.
	Status                int
	Problem, Advice, Back string

	// Notice says what the last form did, in one sentence; "" mostly.
	Notice string
	CSRF   string
	User   User
	// SignedInAs is Texts.SignedInAs with the user in it.
	SignedInAs string
	// Devices begin with the one that asks, the others follow, last seen first.
	// There may be More than the store lists, which is 100.
	Devices []Device
	More    bool
	// Accounts are those on this device under Config.MultiSession, the active one
	// first; nil if there is no other.
	Accounts []Account
}

// A Device is one session on a DevicesPage.
type Device struct {
	// Handle names the session in a form.
	Handle string
	// Name is that of browser and system, or of what is known. It is never empty,
	// and not unique.
	Name string
	// Browser, System and Device are what DevicesPage.Describe made of it.
	Browser, System, Device string
	// IPAddress is that of the sign-in, IPv6 in short form and cut to
	// Config.IPv6Subnet; "" if it is not known, or this machine's own (::1).
	IPAddress string
	SignedIn  DevicesTime
	// LastSeen is when the session was last renewed or changed, and so as exact as
	// Config.UpdateAge.
	LastSeen DevicesTime
	// SignOut names the button, in full.
	SignOut string
	// Current: it is the device that asks. It has no button of its own where there
	// are Accounts, all of which sign-out-here signs out.
	Current bool
}

// An Account is one of those that are signed in on this device.
type Account struct {
	// Handle names the session in a form; "" if this device has no cookie for it
	// yet, so that no form can.
	Handle string
	User   User
	// Name is the user's, and the address.
	Name   string
	Active bool
	// Switch and SignOut name the buttons.
	Switch, SignOut string
}

// DevicesTime is a time as HTML wants it, for the attribute datetime of a time
// element, and as DevicesPage.Time writes it.
type DevicesTime struct{ Datetime, Text string }

// view is the page for a session.
func (p *devicesPage) view(c *gin.Context, session *Session) (*DevicesView, error) {
	rows, whole, accounts, err := p.sessionsOf(c.Request.Context(), c, session)
	if err != nil {
		return nil, err
	}
	stored := p.sessions.stored(session.Token.raw)
	view := &DevicesView{
		Texts:      p.Texts,
		Status:     http.StatusOK,
		Notice:     p.notice(c.Request.URL.Query().Get("done"), stored),
		CSRF:       p.sessions.forms.value(purposeOfForm, stored),
		User:       session.User,
		SignedInAs: with(p.Texts.SignedInAs, "{user}", userName(session.User)),
		Accounts:   p.accounts(session, accounts),
		More:       !whole,
	}
	this := p.thisDevice(session, c.Request)
	this.Current, this.SignOut = true, p.Texts.SignOutHere
	view.Devices = append(view.Devices, this)
	slices.SortStableFunc(rows, func(a, b models.Session) int { return b.UpdatedAt.Compare(a.UpdatedAt) })
	for _, row := range rows {
		if row.ID != session.ID {
			view.Devices = append(view.Devices, p.device(p.sessions.session(row, models.User{}, false), text(row.UserAgent), nil))
		}
	}
	return view, nil
}

// notice is what a link of our own making says was done.
func (p *devicesPage) notice(done, stored string) string {
	name, proof, _ := strings.Cut(done, ".")
	said := map[string]string{
		signOutDevice:  p.Texts.DeviceSignedOut,
		signOutOthers:  p.Texts.OthersSignedOut,
		signOutAccount: p.Texts.AccountSignedOut,
		switchAccount:  p.Texts.AccountSwitched,
		"account-gone": p.Texts.AccountGone,
	}[name]
	if said == "" || !p.sessions.forms.proves(proof, name, stored) {
		return ""
	}
	return said
}

// thisDevice goes by the request, where a browser says more, and what it is today.
func (p *devicesPage) thisDevice(session *Session, r *http.Request) Device {
	hints := http.Header{}
	for name, values := range r.Header {
		if strings.HasPrefix(name, "Sec-Ch-Ua") {
			hints[name] = slices.Clone(values)
		}
	}
	return p.device(session, cmp.Or(clientaddr.UserAgent(r.UserAgent()), session.UserAgent), hints)
}

func (p *devicesPage) device(session *Session, userAgent string, hints http.Header) Device {
	d := Device{
		Handle:    session.Handle(),
		IPAddress: session.IPAddress,
		SignedIn:  p.time(session.CreatedAt),
		LastSeen:  p.time(session.UpdatedAt),
	}
	if p.Describe != nil {
		browser, system, device := p.Describe(userAgent, hints)
		d.Browser, d.System, d.Device = excerpt(browser), excerpt(system), excerpt(device)
	}
	if addr, err := netip.ParseAddr(d.IPAddress); err == nil {
		d.IPAddress = addr.String()
		if addr.IsUnspecified() { // what Config.IPv6Subnet leaves of ::1
			d.IPAddress = ""
		}
	}
	switch {
	case d.Browser != "" && d.System != "":
		d.Name = with(p.Texts.BrowserOnSystem, "{browser}", d.Browser, "{system}", d.System)
	default:
		d.Name = cmp.Or(d.Browser, d.System, d.Device, excerpt(userAgent), p.Texts.UnknownDevice)
	}
	d.SignOut = with(p.Texts.SignOutDevice, "{device}", d.Name)
	return d
}

func (p *devicesPage) time(t time.Time) DevicesTime {
	return DevicesTime{t.UTC().Format(time.RFC3339), p.Time(t)}
}

// accounts are the session's own and one for each other user on the device.
func (p *devicesPage) accounts(session *Session, found []models.Found) []Account {
	list := []Account{p.account(session.User, "", true)}
	seen := map[string]bool{session.UserID: true}
	for _, f := range found {
		handle := p.sessions.handles.of(p.sessions.stored(f.Session.Token))
		switch {
		case sameToken(f.Session.Token, session.Token.raw):
			list[0].Handle = handle
		case !seen[f.User.ID]:
			seen[f.User.ID] = true
			list = append(list, p.account(p.sessions.session(f.Session, f.User, false).User, handle, false))
		}
	}
	if len(list) == 1 {
		return nil
	}
	return list
}

func (p *devicesPage) account(user User, handle string, active bool) Account {
	name := userName(user)
	return Account{
		Handle:  handle,
		User:    user,
		Name:    name,
		Active:  active,
		Switch:  with(p.Texts.SwitchToAccount, "{account}", name),
		SignOut: with(p.Texts.SignOutAccount, "{account}", name),
	}
}

func userName(user User) string {
	switch {
	case user.Name == "" || user.Name == user.Email:
		return cmp.Or(user.Email, user.ID)
	case user.Email == "":
		return user.Name
	}
	return user.Name + " (" + user.Email + ")"
}

// with puts values in the place of the names that stand in a text.
func with(text string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text) }

// excerpt is the beginning of a text that a stranger chose.
func excerpt(s string) string {
	const most = 60 // characters: a line on a wide screen
	s = strings.Join(strings.Fields(clientaddr.UserAgent(s)), " ")
	if runes := []rune(s); len(runes) > most {
		return strings.TrimSpace(string(runes[:most])) + "…"
	}
	return s
}
