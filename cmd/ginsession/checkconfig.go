package main

import (
	"log/slog"
	"math"
	"net/http"
	"strings"

	"github.com/ginsession/ginsession"
)

// cookieFlags are what the service has in Config.Cookies.
type cookieFlags struct{ domain, sameSite, secure string }

var sameSites = map[string]http.SameSite{
	"lax": http.SameSiteLaxMode, "strict": http.SameSiteStrictMode, "none": http.SameSiteNoneMode,
}

// settings are the flags as Config has them.
func (f cookieFlags) settings() (ginsession.Cookies, error) {
	cookies := ginsession.Cookies{Domain: f.domain}
	var known bool
	if cookies.SameSite, known = sameSites[strings.ToLower(f.sameSite)]; !known {
		return cookies, badUsage("--same-site is none of lax, strict and none")
	}
	switch f.secure {
	case "base-url":
	case "always":
		cookies.Secure = ginsession.SecureAlways
	case "never":
		cookies.Secure = ginsession.SecureNever
	default:
		return cookies, badUsage("--secure is none of base-url, always and never")
	}
	return cookies, nil
}

// checkConfig judges what needs no database. What New refuses it says itself.
func (e environment) checkConfig(cookies ginsession.Cookies) []check {
	const secret, base, jar = "secret", "base url", "cookies"
	var checks []check
	failed := map[string]bool{}
	for _, fault := range e.faults(cookies) {
		name := jar
		switch {
		case strings.HasPrefix(fault, "SESSION_"):
			name = secret
		case strings.HasPrefix(fault, "BASE_URL"):
			name = base
		}
		failed[name] = true
		checks = append(checks, fail(name, fault))
	}
	if !failed[secret] {
		checks = append(checks, e.checkSecrets(secret)...)
	}
	if !failed[base] {
		checks = append(checks, e.checkBaseURL(base))
	}
	if !failed[jar] && !failed[base] {
		checks = append(checks, e.checkCookies(jar, cookies)...)
	}
	return checks
}

// noStore stands where New wants a Store, of which it asks nothing.
type noStore struct{ ginsession.Store }

// faults are what New says of the configuration, in the words of the environment.
func (e environment) faults(cookies ginsession.Cookies) []string {
	m, err := ginsession.New(ginsession.Config{
		Secret: e.secret, OldSecrets: e.oldSecrets, BaseURL: e.baseURL, Cookies: cookies,
		Store: noStore{}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return strings.Split(inOurWords(err), "\n")
	}
	m.Close()
	return nil
}

// fewBits is what a secret of words has at most. A random one of 32 characters has
// more, in hexadecimal too.
const fewBits = 100

// bits estimates how hard a text is to guess if its characters were drawn as often as
// they stand in it: their entropy, for each of them.
func bits(text string) float64 {
	counts := map[byte]int{}
	for i := range len(text) {
		counts[text[i]]++
	}
	sum, n := 0.0, float64(len(text))
	for _, count := range counts {
		sum -= float64(count) * math.Log2(float64(count)/n)
	}
	return sum
}

func (e environment) checkSecrets(name string) (checks []check) {
	for i, secret := range e.secrets() {
		if bits(secret) < fewBits || lettersOnly(secret) {
			checks = append(checks, warn(name, e.secretName(i)+" is long enough, but looks like words or a pattern: if it was not drawn at random, generate one with `ginsession secret`, and keep this one in SESSION_OLD_SECRETS for as long as sessions live"))
		}
	}
	if len(checks) == 0 {
		checks = append(checks, pass(name, "long and varied; "+counted(len(e.oldSecrets), "old secret")))
	}
	return checks
}

// lettersOnly recognises words with - or _ or blanks between them: of random base64 or
// hexadecimal some characters are digits.
func lettersOnly(secret string) bool {
	return strings.Trim(strings.ToLower(secret), "abcdefghijklmnopqrstuvwxyz-_ ") == ""
}

func (e environment) checkBaseURL(name string) check {
	switch {
	case e.baseURL == "":
		return warn(name, "BASE_URL is not set, which means development: set it to the origin that browsers see, such as https://app.example.com")
	case strings.HasPrefix(e.baseURL, "http:"): // on loopback, or New refuses it
		return warn(name, "BASE_URL is http on this machine, which means development: set it to the https origin that browsers see")
	}
	return pass(name, "https")
}

func (e environment) checkCookies(name string, cookies ginsession.Cookies) (checks []check) {
	secure := cookies.SameSite == http.SameSiteNoneMode || // they are Secure in any case
		cookies.Secure == ginsession.SecureAlways || cookies.Secure == ginsession.SecureByBaseURL && strings.HasPrefix(e.baseURL, "https:")
	if !secure {
		checks = append(checks, warn(name, "not Secure: browsers send them over plain http; set BASE_URL to an https origin, and leave Cookies.Secure as it is"))
	}
	if cookies.Domain != "" {
		checks = append(checks, warn(name, "Domain is "+cookies.Domain+": each of its subdomains can read and overwrite the session; leave it out unless they share sessions"))
	}
	if cookies.SameSite == http.SameSiteNoneMode {
		checks = append(checks, warn(name, "SameSite is None: the origin check alone keeps foreign pages out; use Lax unless other sites embed this one"))
	}
	if len(checks) == 0 {
		site := "Lax"
		if cookies.SameSite == http.SameSiteStrictMode {
			site = "Strict"
		}
		checks = append(checks, pass(name, "Secure, this host only, SameSite="+site))
	}
	return checks
}
