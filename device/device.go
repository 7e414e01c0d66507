// Package device names a browser, its system and its device by what they say of
// themselves, for people to recognise their own:
//
//	sessions.DevicesPage(ginsession.DevicesPage{Describe: device.Describe})
//
// It says what is certain enough to be shown and leaves the rest empty. Nothing is
// asked of the network.
package device

import (
	"cmp"
	"net/http"
	"strings"
	"unicode"

	"github.com/dunglas/httpsfv"
	"github.com/mileusna/useragent"
)

// Describe names the browser with its major version ("Firefox 145"), the system
// ("Windows"), and the device: its model if that is known ("iPhone", "SM-S918B"),
// else Phone, Tablet or Computer. What it does not know is "".
//
// Systems have no version: browsers say Windows 10, macOS 10.15 and Android 10 of
// all later ones too. An iPad whose Safari asks for desktop sites, which is the
// default, cannot be told from a Mac.
//
// hints are the headers of the request that sent this User-Agent; those that count are
// Sec-CH-UA, Sec-CH-UA-Platform, Sec-CH-UA-Mobile and Sec-CH-UA-Model (User-Agent
// Client Hints). They know browsers that hide behind another one's name, and, once
// a site has asked for it with the header Accept-CH: Sec-CH-UA-Model, the model of
// an Android device. Nil: none.
//
// Both may be anything. What comes back has at most 40 characters: letters, digits
// and a few signs. Describe is safe for concurrent use.
func Describe(userAgent string, hints http.Header) (browser, system, device string) {
	userAgent = userAgent[:min(len(userAgent), longest)]
	ua := useragent.Parse(userAgent)
	browser, system = withMajor(ua.Name, ua.Version), plain(ua.OS)
	if strings.Contains(ua.Name, "/") { // no name was found in it
		browser = ""
	}
	if named := brand(hints); named != "" {
		browser = named
	}
	if platform := plain(text(hints, "Sec-Ch-Ua-Platform")); platform != "" && platform != "Unknown" {
		system = cmp.Or(systems[platform], platform)
	}
	return browser, system, cmp.Or(model(hints, ua), kind(hints, ua, system))
}

// longest is what is looked at of a header, in bytes.
const longest = 512

// systems have other names in hints.
var systems = map[string]string{"Chrome OS": "ChromeOS", "Chromium OS": "ChromeOS"}

// brands have other names among people.
var brands = map[string]string{"Google Chrome": "Chrome", "Microsoft Edge": "Edge"}

// brand is the browser's own among those that Sec-CH-UA lists, beside the engine's
// and one that is made up lest anybody relies on the list.
func brand(hints http.Header) string {
	values := hints["Sec-Ch-Ua"]
	if len(values) != 1 || len(values[0]) > longest {
		return ""
	}
	list, err := httpsfv.UnmarshalList(values)
	if err != nil {
		return ""
	}
	var engine string
	for _, member := range list {
		item, ok := member.(httpsfv.Item)
		if !ok {
			continue
		}
		name, _ := item.Value.(string)
		value, _ := item.Params.Get("v")
		version, _ := value.(string)
		switch {
		case strings.EqualFold(strings.Map(letters, name), "NotABrand"):
		case name == "Chromium":
			engine = withMajor(name, version)
		default:
			return withMajor(cmp.Or(brands[name], name), version)
		}
	}
	return engine
}

func letters(r rune) rune {
	if unicode.IsLetter(r) {
		return r
	}
	return -1
}

func model(hints http.Header, ua useragent.UserAgent) string {
	for _, name := range []string{text(hints, "Sec-Ch-Ua-Model"), ua.Device} {
		// K is what Chrome says of every Android device.
		if name = plain(name); name != "" && name != "K" {
			return name
		}
	}
	return ""
}

func kind(hints http.Header, ua useragent.UserAgent, system string) string {
	mobile, said := boolean(hints, "Sec-Ch-Ua-Mobile")
	switch {
	case ua.Bot:
		return ""
	case mobile || !said && ua.Mobile:
		return "Phone"
	case ua.Tablet || said && system == "Android":
		return "Tablet"
	case ua.Desktop:
		return "Computer"
	}
	return ""
}

// text is a hint that is a string.
func text(hints http.Header, name string) string {
	value, _ := item(hints, name).(string)
	return value
}

func boolean(hints http.Header, name string) (value, ok bool) {
	value, ok = item(hints, name).(bool)
	return value, ok
}

func item(hints http.Header, name string) any {
	values := hints[name]
	if len(values) != 1 || len(values[0]) > longest {
		return nil
	}
	item, err := httpsfv.UnmarshalItem(values)
	if err != nil {
		return nil
	}
	return item.Value
}

func withMajor(name, version string) string {
	if name = plain(name); name == "" {
		return ""
	}
	major, _, _ := strings.Cut(version, ".")
	if major == "" || len(major) > 4 || strings.Trim(major, "0123456789") != "" {
		return name
	}
	return name + " " + major
}

// plain is a name that may be shown, or "": it has a letter, and nothing that a
// name of a browser or a model does not need.
func plain(name string) string {
	name = strings.TrimSpace(name)
	unfit := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" -_.+()'", r)
	}
	if len(name) > 35 || strings.ContainsFunc(name, unfit) || !strings.ContainsFunc(name, unicode.IsLetter) {
		return ""
	}
	return name
}
