// Package site is for tests of recipes: a site whose service is replaced while
// browsers are at it.
package site

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// A Site is what browsers see of the service behind it.
type Site struct {
	URL    string
	Behind http.Handler // to be set while no request is under way
}

// New opens a Site until the test ends.
func New(t *testing.T) *Site {
	s := &Site{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Behind.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// A Browser shows pages of the Site and keeps its cookies.
type Browser struct {
	t      *testing.T
	site   *Site
	client http.Client
}

// Browser opens one.
func (s *Site) Browser(t *testing.T) *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{t, s, http.Client{Jar: jar}}
}

// Copy opens another, with the cookies that this one has now.
func (b *Browser) Copy() *Browser {
	other := b.site.Browser(b.t)
	at := b.at()
	other.client.Jar.SetCookies(at, b.client.Jar.Cookies(at))
	return other
}

func (b *Browser) at() *url.URL {
	b.t.Helper()
	at, err := url.Parse(b.site.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	return at
}

// Expect sends a request from a page of the Site, without a body, and fails the
// test if its answer has another status.
func (b *Browser) Expect(method, path string, want int) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.site.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Origin", b.site.URL)
	answer, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != want {
		b.t.Errorf("%s %s: got %d, want %d", method, path, answer.StatusCode, want)
	}
}

// Cookies are the names of those that the Browser has, with blanks between.
func (b *Browser) Cookies() string {
	var names []string
	for _, cookie := range b.client.Jar.Cookies(b.at()) {
		names = append(names, cookie.Name)
	}
	return strings.Join(names, " ")
}
