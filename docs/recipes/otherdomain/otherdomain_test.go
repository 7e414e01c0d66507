package otherdomain

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/sessiontest"
)

// send sends a request as a page of an origin does, credentials included.
func send(handler http.Handler, method, path, origin string, cookies sessiontest.Cookies, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://api.example.com"+path, nil)
	r.Header.Set("Origin", origin)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	cookies.AddTo(r)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// readable reports whether a browser lets the page read the answer.
func readable(w *httptest.ResponseRecorder, origin string) bool {
	h := w.Result().Header
	return h.Get("Access-Control-Allow-Origin") == origin && h.Get("Access-Control-Allow-Credentials") == "true"
}

func TestTrustedOriginsPassAndNoOthers(t *testing.T) {
	tests := []struct {
		name      string
		configure func(*ginsession.Config)
		trusted   string
		strangers []string
	}{
		{"other site", otherSite, "https://app.example.net", []string{"https://evil.example", "https://app.example.net.evil.example", "http://app.example.net", "null"}},
		{"same site", sameSite, "https://app.example.com", []string{"https://evil.example", "https://blog.example.com", "null"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sessions := sessiontest.NewManager(t, test.configure)
			router := newRouter(sessions, test.trusted)
			ada := sessiontest.SignIn(t, sessions, "ada")
			preflight := []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"}

			w := send(router, http.MethodOptions, "/notes", test.trusted, nil, preflight...)
			if h := w.Result().Header; w.Code != http.StatusNoContent || !readable(w, test.trusted) ||
				!strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") || !strings.EqualFold(h.Get("Access-Control-Allow-Headers"), "Content-Type") ||
				!strings.Contains(strings.Join(h["Vary"], ","), "Origin") {
				t.Errorf("preflight: got %d %v", w.Code, h)
			}
			if w := send(router, http.MethodGet, "/me", test.trusted, ada); w.Code != http.StatusOK || !readable(w, test.trusted) {
				t.Errorf("GET /me: got %d %v", w.Code, w.Result().Header)
			}
			if w := send(router, http.MethodPost, "/notes", test.trusted, ada); w.Code != http.StatusCreated || !readable(w, test.trusted) {
				t.Errorf("POST /notes: got %d %v", w.Code, w.Result().Header)
			}

			for _, stranger := range test.strangers {
				if w := send(router, http.MethodOptions, "/notes", stranger, nil, preflight...); w.Code != http.StatusForbidden || w.Result().Header["Access-Control-Allow-Origin"] != nil {
					t.Errorf("preflight of %s: got %d %v", stranger, w.Code, w.Result().Header)
				}
				for path, method := range map[string]string{"/me": http.MethodGet, "/notes": http.MethodPost, "/api/auth/sign-out": http.MethodPost} {
					if w := send(router, method, path, stranger, ada); w.Code != http.StatusForbidden || w.Result().Header["Access-Control-Allow-Origin"] != nil || w.Body.Len() > 0 {
						t.Errorf("%s of %s: got %d %v %q", path, stranger, w.Code, w.Result().Header, w.Body)
					}
				}
			}

			if w := send(router, http.MethodPost, "/api/auth/sign-out", test.trusted, ada); w.Code != http.StatusOK || !readable(w, test.trusted) {
				t.Errorf("sign-out: got %d", w.Code)
			}
		})
	}
}

// CORS only keeps pages from reading. What they may do is the origin check's.
func TestOriginCheckDoesNotNeedCORS(t *testing.T) {
	sessions := sessiontest.NewManager(t, otherSite)
	router := gin.New()
	sessions.Routes(router.Group("/api/auth"))
	ada := sessiontest.SignIn(t, sessions, "ada")
	if w := send(router, http.MethodPost, "/api/auth/sign-out", "https://evil.example", ada); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "INVALID_ORIGIN") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := send(router, http.MethodPost, "/api/auth/sign-out", "https://app.example.net", ada); w.Code != http.StatusOK {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestCookiesFitTheSite(t *testing.T) {
	tests := []struct {
		name      string
		configure func(*ginsession.Config)
		sameSite  http.SameSite
		apart     bool
	}{
		{"other site", otherSite, http.SameSiteNoneMode, true},
		{"same site", sameSite, http.SameSiteLaxMode, false},
		{"same origin", sameOrigin, http.SameSiteLaxMode, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cookie := sessiontest.SignIn(t, sessiontest.NewManager(t, test.configure), "ada")[0]
			if cookie.Name != "__Secure-better-auth.session_token" || !cookie.Secure || !cookie.HttpOnly || cookie.Domain != "" ||
				cookie.SameSite != test.sameSite || cookie.Partitioned != test.apart {
				t.Errorf("got %s", strings.ReplaceAll(cookie.Raw, cookie.Value, "…"))
			}
		})
	}
}

func TestProxyMakesOneOrigin(t *testing.T) {
	sessions := sessiontest.NewManager(t, sameOrigin)
	router := gin.New()
	sessions.Routes(router.Group("/api/auth"))
	service := httptest.NewServer(router)
	t.Cleanup(service.Close)
	at, err := url.Parse(service.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := newProxy(http.NotFoundHandler(), at)
	ada := sessiontest.SignIn(t, sessions, "ada")
	if w := send(proxy, http.MethodGet, "/api/auth/get-session", "https://app.example.com", ada); !strings.Contains(w.Body.String(), "ada@example.com") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := send(proxy, http.MethodPost, "/api/auth/sign-out", "https://evil.example", ada); w.Code != http.StatusForbidden {
		t.Errorf("got %d", w.Code)
	}
	if w := send(proxy, http.MethodPost, "/api/auth/sign-out", "https://app.example.com", ada); w.Code != http.StatusOK {
		t.Errorf("got %d", w.Code)
	}
}
