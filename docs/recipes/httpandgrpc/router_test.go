package httpandgrpc

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/sessiontest"
)

func TestPlainHandlersBehindGin(t *testing.T) {
	older := http.NewServeMux()
	older.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) {
		name := "stranger"
		if session := ginsession.FromContext(r.Context()); session != nil {
			name = session.User.Name
		}
		fmt.Fprintf(w, "hello %s", name)
	})
	sessions := sessiontest.NewManager(t)
	router := newRouter(sessions, older)
	ada := sessiontest.SignIn(t, sessions, "ada")
	tests := []struct {
		name, path string
		cookies    sessiontest.Cookies
		wantStatus int
		wantBody   string // "": any
	}{
		{"a handler behind a guard", "/report", ada, http.StatusOK, "the report of ada"},
		{"the same without a session", "/report", nil, http.StatusUnauthorized, ""},
		{"the older mux", "/hello", ada, http.StatusOK, "hello ada"},
		{"the same without a session", "/hello", nil, http.StatusOK, "hello stranger"},
		{"a path that nobody has", "/nowhere", ada, http.StatusNotFound, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, test.path, nil)
			test.cookies.AddTo(r)
			w := httptest.NewRecorder()
			router.ServeHTTP(w, r)
			if w.Code != test.wantStatus || test.wantBody != "" && w.Body.String() != test.wantBody {
				t.Errorf("got %d %q", w.Code, w.Body)
			}
		})
	}
}
