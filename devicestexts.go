package ginsession

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"reflect"
	"strings"
	"time"
)

// DevicesTexts are what a DevicesPage says, as plain text. Empty ones are said in
// English, as the comments have it. What stands in braces must stand in a
// translation too.
type DevicesTexts struct {
	Lang string // en, as in the attribute lang

	Title      string // Your devices
	SignedInAs string // Signed in as {user}
	Advice     string // These browsers and apps are signed in to your account. …

	ThisDevice      string // This device
	NoOthers        string // You are not signed in anywhere else.
	More            string // There are more devices than are shown here. …
	UnknownDevice   string // Unknown device
	BrowserOnSystem string // {browser} on {system}
	IPAddress       string // IP address
	SignedIn        string // Signed in
	LastSeen        string // Last seen
	Now             string // Now

	SignOut           string // Sign out
	SignOutDevice     string // Sign out {device}
	SignOutHere       string // Sign out on this device
	SignOutAllHere    string // Sign out all accounts on this device
	SignOutOthers     string // Sign out all other devices
	DeviceSignedOut   string // The device has been signed out.
	OthersSignedOut   string // All other devices have been signed out.
	Accounts          string // Accounts on this device
	Active            string // Active
	Switch            string // Switch
	SwitchToAccount   string // Switch to {account}
	SignOutAccount    string // Sign out {account}
	AccountSwitched   string // You have switched accounts.
	AccountSignedOut  string // The account has been signed out on this device.
	AccountGone       string // That account is no longer signed in on this device.
	NoSession         string // You are not signed in
	NoSessionAdvice   string // Sign in to see your devices.
	Refused           string // Nothing was changed
	RefusedAdvice     string // The form was out of date, or did not come from this page. …
	GoBack            string // Back to your devices
	Unavailable       string // Your devices cannot be reached right now
	UnavailableAdvice string // The service does not answer. …
	TryAgain          string // Try again
}

var english = DevicesTexts{
	Lang: "en",

	Title:      "Your devices",
	SignedInAs: "Signed in as {user}",
	Advice:     "These browsers and apps are signed in to your account. Sign out any that you do not recognise.",

	ThisDevice:      "This device",
	NoOthers:        "You are not signed in anywhere else.",
	More:            "There are more devices than are shown here. To be rid of them too, sign out all other devices.",
	UnknownDevice:   "Unknown device",
	BrowserOnSystem: "{browser} on {system}",
	IPAddress:       "IP address",
	SignedIn:        "Signed in",
	LastSeen:        "Last seen",
	Now:             "Now",

	SignOut:           "Sign out",
	SignOutDevice:     "Sign out {device}",
	SignOutHere:       "Sign out on this device",
	SignOutAllHere:    "Sign out all accounts on this device",
	SignOutOthers:     "Sign out all other devices",
	DeviceSignedOut:   "The device has been signed out.",
	OthersSignedOut:   "All other devices have been signed out.",
	Accounts:          "Accounts on this device",
	Active:            "Active",
	Switch:            "Switch",
	SwitchToAccount:   "Switch to {account}",
	SignOutAccount:    "Sign out {account}",
	AccountSwitched:   "You have switched accounts.",
	AccountSignedOut:  "The account has been signed out on this device.",
	AccountGone:       "That account is no longer signed in on this device.",
	NoSession:         "You are not signed in",
	NoSessionAdvice:   "Sign in to see your devices.",
	Refused:           "Nothing was changed",
	RefusedAdvice:     "The form was out of date, or did not come from this page. Go back and try again.",
	GoBack:            "Back to your devices",
	Unavailable:       "Your devices cannot be reached right now",
	UnavailableAdvice: "The service does not answer. You have not been signed out here; please try again in a moment.",
	TryAgain:          "Try again",
}

//go:embed devices.html
var devicesHTML string

var devicesTemplate = template.Must(template.New("devices.html").Parse(devicesHTML))

// complete puts the defaults in, or says everything that is wrong.
func (o *DevicesPage) complete() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("ginsession: DevicesPage."+format, args...))
	}
	if u, ok := originOf(o.SignInURL); o.SignInURL != "" && !isLocalPath(o.SignInURL) && (!ok || u.scheme != "https" && u.scheme != "http") {
		fault("SignInURL is %q: use a path such as /login, or a URL with https", o.SignInURL)
	}
	given, spoken := reflect.ValueOf(&o.Texts).Elem(), reflect.ValueOf(english)
	for i := range given.NumField() {
		ours := spoken.Field(i).String()
		if given.Field(i).String() == "" {
			given.Field(i).SetString(ours)
		}
		for _, name := range []string{"{user}", "{browser}", "{system}", "{device}", "{account}"} {
			if text := given.Field(i).String(); strings.Contains(ours, name) && !strings.Contains(text, name) {
				fault("Texts.%s is %q, without %s: put it in", given.Type().Field(i).Name, text, name)
			}
		}
	}
	if o.Time == nil {
		o.Time = func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }
	}
	if o.Template == nil {
		o.Template = devicesTemplate
	}
	for _, view := range samples(o.Texts) {
		if err := o.Template.Execute(io.Discard, view); err != nil {
			fault("Template cannot be executed with a DevicesView: %w", err)
			break
		}
	}
	return errors.Join(faults...)
}

// samples are a page and a refusal, with everything in them.
func samples(texts DevicesTexts) []*DevicesView {
	device, account := Device{Handle: "h", Name: "n", IPAddress: "i"}, Account{Handle: "h", Name: "n"}
	return []*DevicesView{
		{Texts: texts, Status: 200, Notice: "n", Devices: []Device{{Name: "n", Current: true}, device}, More: true, Accounts: []Account{{Name: "n", Active: true, User: User{Name: "n"}}, account}},
		{Texts: texts, Status: 503, Problem: "p", Advice: "a", Back: "b"},
	}
}
