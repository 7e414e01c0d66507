package ginsession_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

func good() ginsession.Config {
	return ginsession.Config{Secret: secret, BaseURL: home, Store: newMemStore(), Logger: slog.New(slog.DiscardHandler)}
}

// bare is a Store with no more than a Store must have.
type bare struct{ ginsession.Store }

// Every wrong value fails in New; the error names the field, the value and the
// way out.
func TestSR90_ConfigFaults(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := []struct {
		name   string
		change func(*ginsession.Config)
		want   []string // in the error
	}{
		{"no secret", func(c *ginsession.Config) { c.Secret = "" }, []string{"Config.Secret is empty", "openssl rand -base64 32"}},
		{"SR19 short secret", func(c *ginsession.Config) { c.Secret = "short" }, []string{"Config.Secret has 5 bytes", "at least 32", "openssl rand"}},
		{"SR19 published secret", func(c *ginsession.Config) { c.Secret = "better-auth-secret-12345678901234567890" }, []string{"Config.Secret is Better Auth's published default"}},
		{"SR19 repeated secret", func(c *ginsession.Config) { c.Secret = strings.Repeat("a", 64) }, []string{"Config.Secret only repeats"}},
		{"SR19 repeated piece", func(c *ginsession.Config) { c.Secret = strings.Repeat("0123456789abcdef", 2) + "012" }, []string{"Config.Secret only repeats"}},
		{"short old secret", func(c *ginsession.Config) { c.OldSecrets = []string{oldSecret, "x"} }, []string{"Config.OldSecrets[1] has 1 bytes", "remove it"}},
		{"the same secret twice", func(c *ginsession.Config) { c.OldSecrets = []string{secret} }, []string{"Config.OldSecrets[0] occurs twice"}},
		{"six secrets", func(c *ginsession.Config) {
			for i := range 5 {
				c.OldSecrets = append(c.OldSecrets, fmt.Sprint(oldSecret, i))
			}
		}, []string{"Config.OldSecrets has 5 entries, at most 4"}},

		{"no scheme", func(c *ginsession.Config) { c.BaseURL = "app.example.com" }, []string{`Config.BaseURL is "app.example.com"`, "https://app.example.com"}},
		{"a path", func(c *ginsession.Config) { c.BaseURL = "https://app.example.com/api" }, []string{"Config.BaseURL"}},
		{"another scheme", func(c *ginsession.Config) { c.BaseURL = "ftp://app.example.com" }, []string{"Config.BaseURL"}},
		{"http", func(c *ginsession.Config) { c.BaseURL = "http://app.example.com" }, []string{"Config.BaseURL", "InsecureHTTP"}},

		{"no store", func(c *ginsession.Config) { c.Store = nil }, []string{"Config.DB is nil", "models.OpenMySQL"}},
		{"two stores", func(c *ginsession.Config) { c.DB = &gorm.DB{} }, []string{"Config.Store is set beside DB"}},
		{"a DB that failed to open", func(c *ginsession.Config) { c.Store, c.DB = nil, &gorm.DB{} }, []string{"Config.DB cannot be used"}},

		{"negative ExpiresIn", func(c *ginsession.Config) { c.ExpiresIn = -time.Second }, []string{"Config.ExpiresIn is -1s, negative"}},
		{"ExpiresIn Off", func(c *ginsession.Config) { c.ExpiresIn = ginsession.Off }, []string{"Config.ExpiresIn is Off"}},
		{"ExpiresIn too short", func(c *ginsession.Config) { c.ExpiresIn = time.Millisecond }, []string{"Config.ExpiresIn is 1ms, at least 1s"}},
		{"ExpiresIn beyond browsers", func(c *ginsession.Config) { c.ExpiresIn = 401 * day }, []string{"Config.ExpiresIn is 9624h0m0s, at most 9600h0m0s"}},
		{"ExpiresIn with nanoseconds", func(c *ginsession.Config) { c.ExpiresIn = time.Hour + 1 }, []string{"Config.ExpiresIn", "whole milliseconds"}},
		{"UpdateAge Off", func(c *ginsession.Config) { c.UpdateAge = ginsession.Off }, []string{"Config.UpdateAge is Off", "DisableRefresh"}},
		{"UpdateAge longer than ExpiresIn", func(c *ginsession.Config) { c.UpdateAge = 240 * time.Hour }, []string{"Config.UpdateAge is 240h0m0s, longer than ExpiresIn (168h0m0s)", "lower UpdateAge or raise ExpiresIn"}},
		{"SR40 FreshAge -1", func(c *ginsession.Config) { c.FreshAge = -1 }, []string{"Config.FreshAge is -1ns, negative", "ginsession.Off"}}, // SR-40
		{"MaxLifetime negative", func(c *ginsession.Config) { c.MaxLifetime = -day }, []string{"Config.MaxLifetime is -24h0m0s, negative"}},
		{"MaxLifetime with nanoseconds", func(c *ginsession.Config) { c.MaxLifetime = day + 1 }, []string{"Config.MaxLifetime", "whole milliseconds"}},
		{"StoreTimeout Off", func(c *ginsession.Config) { c.StoreTimeout = ginsession.Off }, []string{"Config.StoreTimeout is Off"}},
		{"StoreTimeout too long", func(c *ginsession.Config) { c.StoreTimeout = time.Hour }, []string{"Config.StoreTimeout is 1h0m0s, at most 1m0s"}},

		{"cache MaxAge too long", func(c *ginsession.Config) { c.CookieCache.MaxAge = 2 * time.Hour }, []string{"Config.CookieCache.MaxAge is 2h0m0s, at most 1h0m0s"}},
		{"cache MaxAge Off", func(c *ginsession.Config) { c.CookieCache.MaxAge = ginsession.Off }, []string{"Config.CookieCache.MaxAge is Off", "Enabled false"}},
		{"unknown strategy", func(c *ginsession.Config) { c.CookieCache.Strategy = 99 }, []string{"Config.CookieCache.Strategy is Strategy(99)"}},

		{"prefix with a blank", func(c *ginsession.Config) { c.Cookies.Prefix = "my app" }, []string{`Config.Cookies.Prefix is "my app"`}},
		{"prefix of its own", func(c *ginsession.Config) { c.Cookies.Prefix = "__Secure-app" }, []string{"Config.Cookies.Prefix"}},
		{"SameSite None without https", func(c *ginsession.Config) {
			c.BaseURL, c.InsecureHTTP, c.Cookies.SameSite = "http://app.example.com", true, http.SameSiteNoneMode
		}, []string{"Config.Cookies.SameSite is None"}}, // SR-11
		{"SameSite unknown", func(c *ginsession.Config) { c.Cookies.SameSite = 99 }, []string{"Config.Cookies.SameSite is 99"}},
		{"HostPrefix without https", func(c *ginsession.Config) { c.Cookies.HostPrefix = true }, []string{"Config.Cookies.HostPrefix needs an https BaseURL"}},
		{"HostPrefix with Domain", func(c *ginsession.Config) {
			c.BaseURL, c.Cookies.HostPrefix, c.Cookies.Domain = "https://a.example.com", true, "example.com"
		}, []string{"Config.Cookies.Domain", "HostPrefix"}},

		{"a name of others", func(c *ginsession.Config) { c.Cookies.SessionToken.Name = "s;d" }, []string{`Config.Cookies.SessionToken.Name is "s;d"`}},
		{"a name with its own prefix", func(c *ginsession.Config) { c.Cookies.SessionData.Name = "__host-x" }, []string{"Config.Cookies.SessionData.Name", "follows from BaseURL"}},
		{"one name twice", func(c *ginsession.Config) { c.Cookies.SessionToken.Name, c.Cookies.DontRemember.Name = "s", "s" }, []string{"the names s and s cannot be told apart"}},
		{"a name like a chunk", func(c *ginsession.Config) { c.Cookies.SessionToken.Name, c.Cookies.SessionData.Name = "s.0", "s" }, []string{"cannot be told apart"}},
		{"a name like a device cookie", func(c *ginsession.Config) { c.Cookies.SessionToken.Name, c.Cookies.SessionData.Name = "s", "s_multi-x" }, []string{"cannot be told apart"}},
		{"a path without a slash", func(c *ginsession.Config) { c.Cookies.Path = "app" }, []string{`Config.Cookies.Path is "app"`}},
		{"a path with an attribute", func(c *ginsession.Config) { c.Cookies.Path = "/; Domain=evil" }, []string{"Config.Cookies.Path"}},
		{"HostPrefix with a path", func(c *ginsession.Config) {
			c.BaseURL, c.Cookies.HostPrefix, c.Cookies.Path = "https://a.example.com", true, "/app"
		}, []string{`Config.Cookies.Path is "/app" beside HostPrefix`}},
		{"HostPrefix with a Domain of one cookie", func(c *ginsession.Config) {
			c.BaseURL, c.Cookies.HostPrefix, c.Cookies.SessionData.Domain = "https://a.example.com", true, "example.com"
		}, []string{"Config.Cookies.Domain", "HostPrefix"}},
		{"Partitioned without https", func(c *ginsession.Config) {
			c.BaseURL, c.InsecureHTTP, c.Cookies.Partitioned = "http://app.example.com", true, true
		}, []string{"Partitioned set, without an https BaseURL"}},
		{"Secure unknown", func(c *ginsession.Config) { c.Cookies.Secure = 9 }, []string{"Config.Cookies.Secure is 9"}},
		{"SecureNever under https", func(c *ginsession.Config) {
			c.BaseURL, c.Cookies.Secure = "https://a.example.com", ginsession.SecureNever
		}, []string{"Config.Cookies.Secure is SecureNever", "InsecureHTTP"}},

		{"too many accounts", func(c *ginsession.Config) {
			c.MultiSession = ginsession.MultiSession{Enabled: true, MaximumSessions: 21}
		}, []string{"Config.MultiSession.MaximumSessions is 21"}},
		{"fewer than no accounts", func(c *ginsession.Config) { c.MultiSession.MaximumSessions = -1 }, []string{"Config.MultiSession.MaximumSessions is -1"}},
		{"accounts without the switch", func(c *ginsession.Config) { c.MultiSession.MaximumSessions = 2 }, []string{"MultiSession.Enabled is not set"}},
		{"AllowUnsigned alone", func(c *ginsession.Config) { c.Bearer.AllowUnsigned = true }, []string{"Config.Bearer.AllowUnsigned", "Bearer.Enabled"}},
		{"a subnet beyond IPv6", func(c *ginsession.Config) { c.IPv6Subnet = 129 }, []string{"Config.IPv6Subnet is 129"}},
		{"two versions", func(c *ginsession.Config) {
			c.CookieCache.Version, c.CookieCache.VersionFunc = "2", func(*ginsession.Session) string { return "3" }
		}, []string{`Config.CookieCache.Version is "2" beside VersionFunc`}},
		{"a field twice", func(c *ginsession.Config) { c.Schema.Session.Fields = []models.Field{{Name: "a"}, {Name: "a"}} }, []string{"Config.Schema", "a"}},
		{"a field of the core's name", func(c *ginsession.Config) { c.Schema.Session.Fields = []models.Field{{Name: "userId"}} }, []string{"Config.Schema", "userId"}},
		{"a default of another type", func(c *ginsession.Config) {
			c.Schema.Session.Fields = []models.Field{{Name: "a", Type: models.Number, Default: "x"}}
		}, []string{"Config.Schema", "a"}},

		{"a list of nothing", func(c *ginsession.Config) { c.RevokedSecret = secret + "2" }, []string{"Config.RevokedSecret is set without a cookie cache and its feed"}},
		{"a short secret of the list", func(c *ginsession.Config) { c.RevokedSecret = "short" }, []string{"Config.RevokedSecret has 5 bytes, at least 32 are needed"}},
		{"the same secret for the list", func(c *ginsession.Config) { c.RevokedSecret = c.Secret }, []string{"Config.RevokedSecret is Secret or one of OldSecrets"}},
		{"streams without the switch", func(c *ginsession.Config) { c.SessionEvents.MaxStreams = 5 }, []string{"Config.SessionEvents.MaxStreams is set, but SessionEvents.Enabled is not"}},
		{"negative streams", func(c *ginsession.Config) { c.SessionEvents.MaxStreams = -1 }, []string{"Config.SessionEvents.MaxStreams is -1, negative"}},
		{"a feed of a Store without", func(c *ginsession.Config) { c.Schema.Feed = true }, []string{"Config.Schema.Feed is set, but Store keeps no feed"}},
		{"MaxLag too short", func(c *ginsession.Config) { c.CookieCache.MaxLag = time.Millisecond }, []string{"Config.CookieCache.MaxLag is 1ms, at least 100ms is needed"}},
		{"MaxLag too long", func(c *ginsession.Config) { c.CookieCache.MaxLag = time.Hour }, []string{"Config.CookieCache.MaxLag is 1h0m0s, at most 1m0s is allowed"}},
		{"MaxLag Off", func(c *ginsession.Config) { c.CookieCache.MaxLag = ginsession.Off }, []string{"Config.CookieCache.MaxLag is Off", "or set CookieCache.NoFeed"}},
		{"hashes beside tokens", func(c *ginsession.Config) { c.HashTokens, c.ExposeTokens = true, true }, []string{"HashTokens is set beside ExposeTokens"}},
		{"SR06 hashes beside Better Auth", func(c *ginsession.Config) { compact(c); c.HashTokens = true }, []string{"HashTokens is set beside CookieCache.Strategy compact"}},
		{"a cache of a Store without a feed", cached, []string{"Config.CookieCache.Enabled is set, but Store keeps no feed"}},
		{"a faster feed than none", func(c *ginsession.Config) {
			c.CookieCache = ginsession.CookieCache{Enabled: true, NoFeed: true, Feed: newWire()}
		}, []string{"Config.CookieCache.Feed is set beside NoFeed"}},
		{"addresses before they are stored", func(c *ginsession.Config) { c.TruncateAddressesAfter = -time.Hour }, []string{"Config.TruncateAddressesAfter is -1h0m0s, negative: leave it zero for never"}},
		{"addresses of a Store that cannot", func(c *ginsession.Config) { c.Store, c.TruncateAddressesAfter = bare{newMemStore()}, time.Hour }, []string{"Config.TruncateAddressesAfter is 1h0m0s, but a ginsession_test.bare cannot do that: leave it zero"}},
		{"a limit that is none", func(c *ginsession.Config) { c.RejectOverLimit = true }, []string{"Config.RejectOverLimit is set, but MaxSessionsPerUser is not"}},
		{"a limit beyond the list", func(c *ginsession.Config) { c.MaxSessionsPerUser = 51 }, []string{"Config.MaxSessionsPerUser is 51: use 1 to 50"}},
		{"a field of Elevate's name", func(c *ginsession.Config) {
			c.Schema.Session.Fields = []models.Field{{Name: "freshAt", Type: models.Date, Input: true}}
		}, []string{"that name is Elevate's"}},

		// SR-13
		{"Domain without BaseURL", func(c *ginsession.Config) { c.BaseURL, c.Cookies.Domain = "", "example.com" }, []string{"Config.Cookies.Domain", "set BaseURL"}},
		{"SR13 Domain com", func(c *ginsession.Config) { c.BaseURL, c.Cookies.Domain = "https://a.example.com", "com" }, []string{"Config.Cookies.Domain", "public suffix"}},
		{"SR13 Domain co.uk", func(c *ginsession.Config) { c.BaseURL, c.Cookies.Domain = "https://a.example.co.uk", ".co.uk" }, []string{"Config.Cookies.Domain", "public suffix"}},
		{"SR13 Domain of others", func(c *ginsession.Config) { c.BaseURL, c.Cookies.Domain = "https://a.example.com", "other.org" }, []string{"Config.Cookies.Domain", "neither the host"}},
	}
	for origin, want := range map[string]string{ // SR-59 too
		"*":                         "whole labels",
		"https://*":                 "whole labels",
		"*example.com":              "whole labels",
		"https://app.example.com*":  "whole labels",
		"https://a.*.example.com":   "whole labels",
		"https://app?.example.com":  "whole labels",
		"https://*.com":             "everyone",
		"*.vercel.app":              "everyone",
		"https://*.192.168.1.1":     "everyone",
		"https://example.com/":      "without a path",
		"https://example.com/path":  "without a path",
		"https://u:p@example.com":   "without a path",
		"http://app.example.com":    "AllowInsecureOrigins",
		"http://*.example.com":      "AllowInsecureOrigins",
		"https://app.example.com:*": "loopback",
		"myapp://*":                 "native scheme",
		"":                          "without a path",
	} {
		tests = append(tests, struct {
			name   string
			change func(*ginsession.Config)
			want   []string
		}{"SR55 origin " + origin, func(c *ginsession.Config) { c.TrustedOrigins = []string{"https://fine.example.com", origin} },
			[]string{fmt.Sprintf("Config.TrustedOrigins[1] is %q", origin), want}})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := good()
			test.change(&c)
			m, err := ginsession.New(c)
			if err == nil || m != nil {
				t.Fatalf("got %v, %v", m, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			for _, s := range append(c.OldSecrets, c.Secret) {
				if len(s) > 8 && strings.Contains(err.Error(), s) {
					t.Error("the error holds a secret")
				}
			}
		})
	}
}

func TestConfigReportsAllFaultsTogether(t *testing.T) {
	t.Parallel()
	_, err := ginsession.New(ginsession.Config{Secret: "short", BaseURL: "nowhere", ExpiresIn: -1, TrustedOrigins: []string{"*"}})
	for _, field := range []string{"Secret", "BaseURL", "ExpiresIn", "TrustedOrigins[0]", "DB"} {
		if err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); !ok || len(joined.Unwrap()) != 5 {
		t.Errorf("got %#v", err)
	}
}

func TestConfigThatIsFine(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ginsession.Config){
		"defaults":           func(*ginsession.Config) {},
		"a bare Store":       func(c *ginsession.Config) { c.Store = bare{newMemStore()} },
		"no feed, by name":   func(c *ginsession.Config) { c.CookieCache.Enabled, c.CookieCache.NoFeed = true, true },
		"development":        func(c *ginsession.Config) { c.BaseURL = "" },
		"a slash at the end": func(c *ginsession.Config) { c.BaseURL = "https://app.example.com/" },
		"insecure, by name":  func(c *ginsession.Config) { c.BaseURL, c.InsecureHTTP = "http://intranet", true },
		"a short life alone": func(c *ginsession.Config) { c.ExpiresIn = time.Hour },
		"off":                func(c *ginsession.Config) { c.FreshAge, c.MaxLifetime = ginsession.Off, ginsession.Off },
		"domain of its own":  func(c *ginsession.Config) { c.BaseURL, c.Cookies.Domain = "https://a.example.com", "a.example.com" },
		"domain above":       func(c *ginsession.Config) { c.BaseURL, c.Cookies.Domain = "https://a.example.com", ".example.com" },
		"five secrets": func(c *ginsession.Config) {
			c.OldSecrets = []string{oldSecret + "1", oldSecret + "2", oldSecret + "3", oldSecret + "4"}
		},
	} {
		c := good()
		change(&c)
		if _, err := ginsession.New(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSR11_CookieAttributes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		base    string
		cookies ginsession.Cookies
		want    string // before and after the value
	}{
		{"http", "http://localhost:3000", ginsession.Cookies{}, "better-auth.session_token|; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"},
		{"https", "https://a.example.com", ginsession.Cookies{}, "__Secure-better-auth.session_token|; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"prefix", "https://a.example.com", ginsession.Cookies{Prefix: "acme"}, "__Secure-acme.session_token|; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"host", "https://a.example.com", ginsession.Cookies{HostPrefix: true}, "__Host-better-auth.session_token|; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"domain", "https://a.example.com", ginsession.Cookies{Domain: ".example.com"}, "__Secure-better-auth.session_token|; Max-Age=604800; Domain=.example.com; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"strict", "https://a.example.com", ginsession.Cookies{SameSite: http.SameSiteStrictMode}, "__Secure-better-auth.session_token|; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Strict"},
		{"none", "https://a.example.com", ginsession.Cookies{SameSite: http.SameSiteNoneMode}, "__Secure-better-auth.session_token|; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=None"},
		{"partitioned", "https://a.example.com", ginsession.Cookies{Partitioned: true, SameSite: http.SameSiteNoneMode}, "__Secure-better-auth.session_token|; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"},
		{"none on loopback", "http://localhost:3000", ginsession.Cookies{SameSite: http.SameSiteNoneMode}, "better-auth.session_token|; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=None"},
		{"always", "http://localhost:3000", ginsession.Cookies{Secure: ginsession.SecureAlways}, "__Secure-better-auth.session_token|; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"always, __Host-", "http://localhost:3000", ginsession.Cookies{Secure: ginsession.SecureAlways, HostPrefix: true}, "__Host-better-auth.session_token|; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"never", "https://a.example.com", ginsession.Cookies{Secure: ginsession.SecureNever}, "better-auth.session_token|; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"},
		{"a cookie of its own", "https://a.example.com", ginsession.Cookies{
			Path: "/app", SameSite: http.SameSiteStrictMode,
			SessionToken: ginsession.CookieOptions{Name: "sid", Domain: "example.com", SameSite: http.SameSiteLaxMode},
		}, "__Secure-sid|; Max-Age=604800; Domain=example.com; Path=/app; HttpOnly; Secure; SameSite=Lax"},
		{"one that is Secure", "http://localhost:3000", ginsession.Cookies{SessionToken: ginsession.CookieOptions{Secure: true}}, "better-auth.session_token|; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax"},
	}
	for _, test := range tests {
		s := serve(t, func(c *ginsession.Config) { c.BaseURL, c.Cookies, c.InsecureHTTP = test.base, test.cookies, true })
		b := s.browser()
		b.origin = test.base
		line := b.post("/sign-in/ada", "").cookies[0]
		name, after, _ := strings.Cut(test.want, "|")
		if !strings.HasPrefix(line, name+"=") || !strings.HasSuffix(line, after) {
			t.Errorf("%s: %s", test.name, line)
		}
		// What deletes a cookie has the attributes that set it. (SR-11)
		line = b.post("/api/auth/sign-out", "").cookies[0]
		if line != name+"="+strings.Replace(after, "604800", "0", 1) {
			t.Errorf("%s: deleted by %s", test.name, line)
		}
	}
}

// Each cookie goes by its own name and path, in all that is said about it.
func TestCookiesOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := serve(t, cached, multi, func(c *ginsession.Config) {
		c.Cookies = ginsession.Cookies{
			Path:         "/app",
			SessionToken: ginsession.CookieOptions{Name: "sid"},
			SessionData:  ginsession.CookieOptions{Name: "sdata", Path: "/"},
			DontRemember: ginsession.CookieOptions{Name: "forget", SameSite: http.SameSiteStrictMode},
		}
	})
	b := s.browser()
	got := b.post("/sign-in/ada?forget=1", "")
	token, _, _ := strings.Cut(b.cookie("sid"), ".")
	device := "sid_multi-" + strings.ToLower(token)
	for i, want := range []string{"sid=…; Path=/app; HttpOnly; SameSite=Lax", "forget=…; Path=/app; HttpOnly; SameSite=Strict", "sdata=…; Path=/; HttpOnly; SameSite=Lax", device + "=…; Path=/app; HttpOnly; SameSite=Lax"} {
		name, rest, _ := strings.Cut(want, "…")
		if !strings.HasPrefix(got.cookies[i], name) || !strings.HasSuffix(got.cookies[i], rest) {
			t.Errorf("got %s, want %s", got.cookies[i], want)
		}
	}
	b.get("/me").expect(t, 200, "ada@example.com true")
	b.post("/api/auth/sign-out", "").expectCookies(t,
		"sid=; Max-Age=0; Path=/app; HttpOnly; SameSite=Lax", "sdata=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax", "sdata=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
		"forget=; Max-Age=0; Path=/app; HttpOnly; SameSite=Strict", device+"=; Max-Age=0; Path=/app; HttpOnly; SameSite=Lax")
}

func TestSR67_ConfigPrintsWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	c := good()
	c.OldSecrets = []string{oldSecret}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var log logBuffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "config", c)
	slog.New(slog.NewTextHandler(&log, nil)).Info("config", "config", c)
	for _, printed := range []string{fmt.Sprint(c), fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c, c), string(text), log.String()} {
		if strings.Contains(printed, secret) || strings.Contains(printed, oldSecret) || !strings.Contains(printed, "redacted") {
			t.Errorf("printed %s", printed)
		}
	}
}

func TestSR67_SessionPrintsWithoutItsToken(t *testing.T) {
	t.Parallel()
	s := serve(t)
	session, err := s.sessions.Create(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(session)
	if err != nil {
		t.Fatal(err)
	}
	var log logBuffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("session", "session", session, "token", session.Token)
	for _, printed := range []string{fmt.Sprintf("%v %+v %s", session, *session, session.Token), fmt.Sprintf("%#v", session.Token), string(text), log.String()} {
		if strings.Contains(printed, session.Token.Reveal()) {
			t.Errorf("printed %s", printed)
		}
	}
}

// gin's mode is global: this test is not parallel.
func TestReleaseModeWantsABaseURL(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	defer gin.SetMode(gin.TestMode)
	c := good()
	c.BaseURL = ""
	if _, err := ginsession.New(c); err == nil || !strings.Contains(err.Error(), "Config.BaseURL is empty in gin's release mode") {
		t.Errorf("got %v", err)
	}
}

func TestSR90_Warnings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*ginsession.Config)
		want   []string
	}{
		{"nothing to say", func(*ginsession.Config) {}, nil},
		{"cache", cached, []string{"the cookie cache is on"}},
		{"clear cache for long", func(c *ginsession.Config) {
			compact(c)
			c.CookieCache.MaxAge = 10 * time.Minute
		}, []string{"the cookie cache is on", "above 5 minutes", "not encrypted"}},
		{"a cache that Node cannot read", func(c *ginsession.Config) { cached(c); c.ExposeTokens = true }, []string{"the cookie cache is on", "name its strategy"}},
		{"plain tokens", unsigned, []string{"AllowUnsigned"}},
		{"SecureNever", func(c *ginsession.Config) {
			c.BaseURL, c.InsecureHTTP, c.Cookies.Secure = "https://a.example.com", true, ginsession.SecureNever
		}, []string{"over plain http"}},
		{"RefreshCache", func(c *ginsession.Config) { c.CookieCache.RefreshCache = true }, []string{"RefreshCache has no effect"}},
		{"renewed in the last millisecond", func(c *ginsession.Config) { c.UpdateAge, c.ExpiresIn = time.Hour, time.Hour }, []string{"UpdateAge equals ExpiresIn"}},
	}
	for _, test := range tests {
		s := serve(t, test.change)
		log := s.log.String()
		if strings.Count(log, "\n") != len(test.want) {
			t.Errorf("%s: %s", test.name, log)
		}
		for _, want := range test.want {
			if !strings.Contains(log, want) {
				t.Errorf("%s: no %q in %s", test.name, want, log)
			}
		}
	}
}
