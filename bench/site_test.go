package bench

import (
	"cmp"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	home      = "http://localhost:8080"
	secret    = "one-secret-of-thirty-two-bytes-and-more"
	userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	ada       = "VxJ8sWqzT0rKmYbNcA5dLpEfGhUiO31Q" // a user's id, as long as Better Auth's
)

// A site is one layer, ready to be asked:
//
//	POST /sign-in   204, and cookies
//	GET  /me        204 if the cookies are of a session of ada's, else 401
//	POST /save      204; the session lives longer. Not every site has it
//	POST /sign-out  204; the session has ended. Not every site has it; ours has routes of its own
//	GET  /list      200, and the sessions of the user. Not every site has it; ours as well
type site struct {
	handler http.Handler // nil: it is a server of its own at address
	address string
	counter counter // nil: it asks no server
	// later lets time pass until a session is due for renewal, where that takes time.
	later func()

	me     question // if it is not GET /me
	meWant int      // if it is not 204
	signIn question // if it is not POST /sign-in
}

// A layer is a way to keep sessions. It opens a site of its own for each
// measurement and closes it with it.
type layer struct {
	name string
	open func(testing.TB) *site
}

// read is how somebody's session is asked for, and what is answered if there is one.
func (s *site) read(cookies string) (question, int) {
	q := s.me
	q.method = http.MethodGet
	q.path, q.cookies = cmp.Or(q.path, "/me"), cookies
	return q, cmp.Or(s.meWant, http.StatusNoContent)
}

// serve puts a site on loopback and returns its address.
func (s *site) serve(tb testing.TB) string {
	tb.Helper()
	if s.handler == nil {
		return s.address
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	server := &http.Server{Handler: s.handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	tb.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

// answer ends a request for GET /me. All layers answer alike.
func answer(c *gin.Context, userID string) {
	if userID == ada {
		c.Status(http.StatusNoContent)
	} else {
		c.Status(http.StatusUnauthorized)
	}
}

// done ends any other request.
func done(c *gin.Context, err error) {
	if err != nil {
		c.String(http.StatusInternalServerError, "%v", err)
	} else {
		c.Status(http.StatusNoContent)
	}
}

// forged is cookies of which one byte of each value was changed, in the middle of
// the part that is a signature in all layers.
func forged(cookies string) string {
	pairs := strings.Split(cookies, "; ")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		at := len(value) - 10
		for value[at] == '%' || value[at-1] == '%' || value[at-2] == '%' { // of an escape
			at--
		}
		changed := byte('A')
		if value[at] == 'A' || value[at] == 'a' { // MySQL's usual collations, and so some peers, take the one for the other
			changed = 'B'
		}
		pairs[i] = name + "=" + value[:at] + string(changed) + value[at+1:]
	}
	return strings.Join(pairs, "; ")
}
