package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// A question is one request, to be asked again and again.
type question struct {
	method, path, cookies, body string
}

// request is the question as net/http's server would hand it on.
func (q question) request() *http.Request {
	r := httptest.NewRequest(q.method, home+q.path, nil)
	r.RemoteAddr = "203.0.113.7:40000"
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set("Accept", "*/*")
	if q.cookies != "" {
		r.Header.Set("Cookie", q.cookies)
	}
	if q.method == http.MethodPost {
		r.Header.Set("Origin", home)
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// A caller asks a handler without a network. It allocates nothing, so that all
// that is counted is the handler's.
type caller struct {
	handler        http.Handler
	fresh, request *http.Request
	body           string
	reader         rewound
	writer         discard
}

func newCaller(handler http.Handler, q question) *caller {
	c := &caller{handler: handler, fresh: q.request(), request: new(http.Request), writer: discard{header: http.Header{}}}
	if q.body != "" {
		c.body = q.body
		c.fresh.Body, c.fresh.ContentLength = &c.reader, int64(len(q.body))
	}
	return c
}

// do asks once and returns the status. The request is a copy of its own each time:
// gorilla/sessions keeps what it decoded in the request itself and would decode
// nothing the second time.
func (c *caller) do() int {
	*c.request = *c.fresh
	c.reader.Reset(c.body)
	clear(c.writer.header)
	c.writer.status = 0
	c.handler.ServeHTTP(&c.writer, c.request)
	return c.writer.status
}

// present replaces the cookies that are sent.
func (c *caller) present(cookies string) { c.fresh.Header["Cookie"][0] = cookies }

// rewound is a body that can be read again.
type rewound struct{ strings.Reader }

func (*rewound) Close() error { return nil }

// discard is a ResponseWriter that keeps the status only.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(status int) {
	if d.status == 0 {
		d.status = status
	}
}
func (d *discard) Write(p []byte) (int, error) {
	d.WriteHeader(http.StatusOK)
	return len(p), nil
}

// ask asks once and returns the answer, of which there is no body any more.
func (s *site) ask(tb testing.TB, q question) *http.Response {
	tb.Helper()
	r := q.request()
	if q.body != "" {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(q.body)), int64(len(q.body))
	}
	if s.handler != nil {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		return w.Result()
	}
	r.RequestURI, r.URL.Host = "", s.address
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer
}

// check fails unless the cookies are of a session, or are not.
func (s *site) check(tb testing.TB, cookies string, alive bool) {
	tb.Helper()
	q, want := s.read(cookies)
	if got := s.ask(tb, q).StatusCode; (got == want) != alive {
		tb.Fatalf("status %d of a session that should be alive: %t", got, alive)
	}
}

// cookiesOf is what a browser sends after an answer.
func cookiesOf(answer *http.Response) string {
	var pairs []string
	for _, cookie := range answer.Cookies() {
		if cookie.MaxAge >= 0 {
			pairs = append(pairs, cookie.Name+"="+cookie.Value)
		}
	}
	return strings.Join(pairs, "; ")
}

// signedIn signs in at a site and returns the browser's cookies.
func signedIn(tb testing.TB, s *site) string {
	tb.Helper()
	q := s.signIn
	q.method, q.path = http.MethodPost, cmp.Or(q.path, "/sign-in")
	answer := s.ask(tb, q)
	cookies := cookiesOf(answer)
	if answer.StatusCode/100 != 2 || cookies == "" {
		tb.Fatalf("signing in: status %d, cookies %q", answer.StatusCode, cookies)
	}
	return cookies
}

// A wire is one connection kept open to a server on loopback. It allocates
// nothing while it asks.
type wire struct {
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
}

func dial(tb testing.TB, address string, q question) *wire {
	tb.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\n", q.method, q.path, strings.TrimPrefix(home, "http://"), userAgent)
	if q.cookies != "" {
		text += "Cookie: " + q.cookies + "\r\n"
	}
	if q.method == http.MethodPost {
		text += fmt.Sprintf("Origin: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", home, len(q.body))
	}
	return &wire{conn, bufio.NewReaderSize(conn, 16<<10), []byte(text + "\r\n" + q.body)}
}

// do asks once and returns the status.
func (w *wire) do() (int, error) {
	if _, err := w.conn.Write(w.request); err != nil {
		return 0, err
	}
	line, err := w.reader.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, fmt.Errorf("no status line: %q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, err
	}
	length, chunked := 0, false
	for {
		line, err := w.reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		switch name, value, _ := bytes.Cut(line, []byte(":")); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	if !chunked {
		_, err = w.reader.Discard(length)
		return status, err
	}
	for {
		line, err := w.reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return 0, err
		}
		if _, err := w.reader.Discard(int(size) + 2); err != nil || size == 0 {
			return status, err
		}
	}
}
