package ginsession_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

const updateSession = "/api/auth/update-session"

func fields(c *ginsession.Config) {
	c.Schema.Session.Fields = []models.Field{
		{Name: "theme", Input: true, Returned: true},
		{Name: "count", Type: models.Number, Input: true, Returned: true, Default: 7},
		{Name: "pinned", Type: models.Boolean, Input: true, Returned: true, Default: false},
		{Name: "seenAt", Type: models.Date, Input: true, Returned: true},
		{Name: "note", Input: true},
		{Name: "locked", Returned: true},
	}
	c.Schema.User.Fields = []models.Field{{Name: "role", Returned: true}, {Name: "salary", Type: models.Number}}
}

// part cuts what stands between two words out of a body.
func part(body, from, to string) string {
	_, body, _ = strings.Cut(body, from)
	body, _, _ = strings.Cut(body, to)
	return body
}

// field is the value of a field of the session that the browser has.
func (b *browser) field(name string) any {
	row, _ := b.s.store.row(b.token())
	return row.Fields[name]
}

func TestUpdateSessionWritesFields(t *testing.T) {
	t.Parallel()
	s := serve(t, fields)
	b := s.signedIn("ada")
	if got := part(b.get("/api/auth/get-session").body, `"userId":"ada",`, `"id":`); got != `"theme":null,"count":7,"pinned":false,"seenAt":null,"locked":null,` {
		t.Errorf("a new session has %s", got)
	}
	before, _ := s.store.row(b.token())
	s.advance(time.Minute)
	got := b.post(updateSession, `{"theme":"dark \"ü\" <&>\u2028","count":3.0,"pinned":true,"seenAt":"2026-02-03T04:05:06.789Z","note":"private"}`)
	if got.status != 200 || part(got.body, `"userId":"ada",`, `"id":`) != `"theme":"dark \"ü\" <&>`+"\u2028"+`","count":3,"pinned":true,"seenAt":"2026-02-03T04:05:06.789Z","locked":null,` {
		t.Errorf("update: %d %s", got.status, got.body)
	}
	got.expectCookies(t, tokenCookie+"="+sign(secret, b.token())+"; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax")
	after, _ := s.store.row(b.token())
	if !after.UpdatedAt.Equal(start.Add(time.Minute)) || !after.ExpiresAt.Equal(before.ExpiresAt) || after.Fields["note"] != "private" || after.Fields["count"] != int64(3) {
		t.Errorf("row %+v", after)
	}
	if strings.Contains(got.body, "private") || strings.Contains(b.get("/api/auth/list-sessions").body, "private") {
		t.Error("a field that is not returned left")
	}
	b.post(updateSession, `{"seenAt":"2026-02-03T05:05:06.7891+01:00"}`)
	if at := b.field("seenAt"); at != time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC) {
		t.Errorf("seenAt %v", at)
	}
	b.post(updateSession, `{"theme":null,"seenAt":null,"nope":1}`)
	if b.field("theme") != nil || b.field("seenAt") != nil || b.field("count") != int64(3) {
		t.Error("null does not clear, or clears more")
	}
}

// SR-75: only declared fields with Input are written, whatever the body holds.
func TestSR75_UpdateSessionWritesDeclaredFieldsOnly(t *testing.T) {
	t.Parallel()
	s := serve(t, fields)
	b := s.signedIn("ada")
	before, _ := s.store.row(b.token())
	core := `"id":"x","token":"x","userId":"bob","expiresAt":"2030-01-01T00:00:00.000Z","createdAt":"2030-01-01T00:00:00.000Z","updatedAt":"2030-01-01T00:00:00.000Z","ipAddress":"6.6.6.6","userAgent":"x","role":"admin"`
	b.post(updateSession, "{"+core+"}").expect(t, 400, `{"message":"No fields to update"}`)
	if got := b.post(updateSession, `{"theme":"t",`+core+"}"); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	after, _ := s.store.row(b.token())
	before.Fields["theme"] = "t"
	if fmt.Sprint(before.ID, before.Token, before.UserID, before.ExpiresAt, before.CreatedAt, *before.IPAddress, *before.UserAgent, before.Fields) !=
		fmt.Sprint(after.ID, after.Token, after.UserID, after.ExpiresAt, after.CreatedAt, *after.IPAddress, *after.UserAgent, after.Fields) {
		t.Errorf("row %+v, want %+v", after, before)
	}
}

func TestUpdateSessionRefusals(t *testing.T) {
	t.Parallel()
	s := serve(t, fields)
	b := s.signedIn("ada")
	invalid := func(field, want, got string) string {
		return `{"message":"[body.` + field + `] Invalid input: expected ` + want + `, received ` + got + `","code":"VALIDATION_ERROR"}`
	}
	before, _ := s.store.row(b.token())
	for _, test := range []struct {
		body   string
		status int
		want   string
	}{
		{`{}`, 400, `{"message":"No fields to update"}`},
		{`{"nope":1}`, 400, `{"message":"No fields to update"}`},
		{`[]`, 400, `{"message":"[body] Invalid input: expected record, received array","code":"VALIDATION_ERROR"}`},
		{``, 400, `{"message":"[body] Invalid input: expected record, received undefined","code":"VALIDATION_ERROR"}`},
		{`null`, 400, `{"message":"[body] Invalid input: expected record, received null","code":"VALIDATION_ERROR"}`},
		{` "x" `, 400, `{"message":"[body] Invalid input: expected record, received string","code":"VALIDATION_ERROR"}`},
		{`1`, 400, `{"message":"[body] Invalid input: expected record, received number","code":"VALIDATION_ERROR"}`},
		{`true`, 400, `{"message":"[body] Invalid input: expected record, received boolean","code":"VALIDATION_ERROR"}`},
		{`{"locked":"x"}`, 400, `{"message":"locked is not allowed to be set","code":"FIELD_NOT_ALLOWED"}`},
		{`{"locked":{}}`, 400, `{"message":"locked is not allowed to be set","code":"FIELD_NOT_ALLOWED"}`},
		{`{"locked":""}`, 400, `{"message":"No fields to update"}`},
		{`{"theme":5}`, 400, invalid("theme", "string", "number")},
		{`{"theme":["a"]}`, 400, invalid("theme", "string", "array")},
		{`{"count":"abc"}`, 400, invalid("count", "int", "string")},
		{`{"count":1.5}`, 400, invalid("count", "int", "number")},
		{`{"count":1e300}`, 400, invalid("count", "int", "number")},
		{`{"count":9007199254740993}`, 400, invalid("count", "int", "number")},
		{`{"pinned":"yes"}`, 400, invalid("pinned", "boolean", "string")},
		{`{"pinned":1}`, 400, invalid("pinned", "boolean", "number")},
		{`{"seenAt":"yesterday"}`, 400, invalid("seenAt", "ISO datetime", "string")},
		{`{"seenAt":1768478400000}`, 400, invalid("seenAt", "ISO datetime", "number")},
		{`{"theme":"good","count":"bad"}`, 400, invalid("count", "int", "string")},
		{`{"theme":"a","theme":"b"}`, 400, `{"message":"Invalid JSON in request body","code":"BAD_REQUEST"}`},
	} {
		got := b.post(updateSession, test.body)
		got.expect(t, test.status, test.want)
		got.expectCookies(t)
	}
	s.browser().post(updateSession, `{"count":"bad"}`).expect(t, 401, bodyUnauthorized)
	if after, _ := s.store.row(b.token()); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("row %+v", after)
	}
	// A value that its column cannot hold is the client's fault.
	s.store.hook(func(_ context.Context, call string) error {
		if call == "update" {
			return &models.Error{Op: "update", Class: models.BadValue, Number: 1406}
		}
		return nil
	})
	b.post(updateSession, `{"theme":"t"}`).expect(t, 400, `{"message":"A field holds what cannot be stored","code":"VALIDATION_ERROR"}`)
	s.down()
	b.post(updateSession, `{"theme":"t"}`).expect(t, 503, bodyUnavailable)
	s.downFor("update")
	got := b.post(updateSession, `{"theme":"t"}`)
	got.expect(t, 503, bodyUnavailable)
	got.expectCookies(t)
}

// A session revoked between the read and the write stays revoked.
func TestUpdateSessionRevokedMeanwhile(t *testing.T) {
	t.Parallel()
	s := serve(t, fields)
	b := s.signedIn("ada")
	token := b.token()
	s.store.during("update", func() { s.store.Remove(token) })
	got := b.post(updateSession, `{"theme":"t"}`)
	got.expect(t, 401, bodyFailed)
	got.expectCookies(t, gone(tokenCookie, dataCookie, markerCookie)...)
	if len(s.store.Rows()) != 0 {
		t.Error("resurrected")
	}
}

// Each format of the cookie cache carries the fields that are returned, and no
// others.
func TestFieldsInTheCookieCache(t *testing.T) {
	t.Parallel()
	for _, strategy := range strategies {
		s := serve(t, fields, cached, func(c *ginsession.Config) { c.CookieCache.Strategy = strategy })
		s.store.AddUser(models.User{ID: "eve", Name: "Eve", Email: "Eve@Example.com", CreatedAt: start, UpdatedAt: start, Fields: map[string]any{"role": "admin", "salary": int64(5)}})
		b := s.signedIn("eve")
		b.post(updateSession, `{"theme":"<&>","seenAt":"2026-02-03T04:05:06.789Z","note":"private"}`)
		s.store.reset()
		got := b.get("/api/auth/get-session")
		want := `"userAgent":"","theme":"<&>","count":7,"pinned":false,"seenAt":"2026-02-03T04:05:06.789Z","locked":null},"user":{"id":"eve","createdAt":"2026-01-15T12:00:00.000Z","updatedAt":"2026-01-15T12:00:00.000Z","email":"eve@example.com","emailVerified":false,"name":"Eve","image":null,"role":"admin"}}`
		if !strings.HasSuffix(got.body, want) || s.store.count("") != 0 {
			t.Errorf("%v: %s, %d calls", strategy, got.body, s.store.count(""))
		}
		session := b.load("/me")
		if session.Fields["theme"] != "<&>" || session.Fields["count"] != int64(7) || session.User.Fields["role"] != "admin" || !session.Cached {
			t.Errorf("%v: %+v", strategy, session)
		}
		if _, there := session.Fields["note"]; there {
			t.Errorf("%v: a field that is not returned is in the copy", strategy)
		}
		if session := b.load("/store"); session.Fields["note"] != "private" || session.User.Fields["salary"] != int64(5) {
			t.Errorf("%v: %+v", strategy, session)
		}
	}
}

// load is the session that a handler sees.
func (b *browser) load(path string) *ginsession.Session {
	b.s.t.Helper()
	var seen *ginsession.Session
	engine := b.s.engine
	defer func() { b.s.engine = engine }()
	b.s.engine = gin.New()
	b.s.engine.Use(b.s.sessions.Middleware())
	guard := b.s.sessions.RequireSession()
	if path == "/store" {
		guard = b.s.sessions.RequireStore()
	}
	b.s.engine.GET(path, guard, func(c *gin.Context) { seen = ginsession.From(c) })
	if got := b.get(path); got.status != 200 || seen == nil {
		b.s.t.Fatalf("%s: %d %s", path, got.status, got.body)
	}
	return seen
}

// A copy that was made before a field was declared is a miss, not a session
// without the field.
func TestCopiesFromBeforeAFieldAreRead(t *testing.T) {
	t.Parallel()
	before := serve(t, cached)
	b := before.signedIn("ada")
	after := serve(t, cached, fields, func(c *ginsession.Config) { c.Store = before.store })
	before.store.Declare(models.Schema{Session: models.Table{Fields: []models.Field{{Name: "theme"}}}})
	b.s = after
	b.get("/me").expect(t, 200, "ada@example.com false")
}

func TestSetFieldsAndWithFields(t *testing.T) {
	t.Parallel()
	s := serve(t, fields, cached)
	var seen *ginsession.Session
	var failed error
	s.engine.POST("/with", func(c *gin.Context) {
		seen, failed = s.sessions.SignIn(c, "ada", ginsession.WithFields(map[string]any{"locked": "org-1", "count": 9}))
		c.Status(http.StatusOK)
	})
	set := map[string]any{}
	s.engine.POST("/set", func(c *gin.Context) {
		seen, failed = s.sessions.SetFields(c, set)
		if seen != ginsession.From(c) && failed == nil && len(set) > 0 {
			t.Error("From sees another session")
		}
		c.Status(http.StatusOK)
	})
	b := s.browser()
	b.post("/with", "")
	if failed != nil || seen.Fields["locked"] != "org-1" || seen.Fields["count"] != int64(9) || seen.Fields["pinned"] != false || b.field("locked") != "org-1" {
		t.Errorf("%v %+v", failed, seen)
	}
	set = map[string]any{"locked": "org-2", "seenAt": start.Add(time.Nanosecond)}
	got := b.post("/set", "")
	if failed != nil || seen.Fields["locked"] != "org-2" || seen.Fields["seenAt"] != start || seen.Cached || len(got.cookies) != 2 {
		t.Errorf("%v %+v %v", failed, seen, got.cookies)
	}
	if session := b.load("/me"); session.Fields["locked"] != "org-2" || !session.Cached {
		t.Errorf("the copy: %+v", session)
	}
	seen.Fields["locked"] = "mine"
	if b.field("locked") != "org-2" {
		t.Error("the session's fields are the store's")
	}
	set = map[string]any{}
	s.store.reset()
	if b.post("/set", ""); failed != nil || seen.Fields["locked"] != "org-2" || s.store.count("update") != 0 {
		t.Errorf("nothing to set: %v", failed)
	}
	for _, bad := range []map[string]any{{"nope": 1}, {"count": "x"}, {"userId": "bob"}, {"seenAt": 5}, {"pinned": "true"}} {
		set = bad
		if got := b.post("/set", ""); failed == nil || errors.Is(failed, ginsession.ErrStore) || len(got.cookies) != 0 {
			t.Errorf("%v: %v", bad, failed)
		}
	}
	set = map[string]any{"locked": "x"}
	if s.browser().post("/set", ""); !errors.Is(failed, ginsession.ErrNoSession) {
		t.Errorf("nobody: %v", failed)
	}
	s.down()
	if b.post("/set", ""); !errors.Is(failed, ginsession.ErrStore) {
		t.Errorf("down: %v", failed)
	}
	s.up()
	s.store.Remove(b.token())
	if got := b.post("/set", ""); !errors.Is(failed, ginsession.ErrNoSession) || len(got.cookies) == 0 {
		t.Errorf("revoked: %v %v", failed, got.cookies)
	}
	s.engine.POST("/late", func(c *gin.Context) {
		c.String(http.StatusOK, "begun")
		_, failed = s.sessions.SetFields(c, set)
	})
	if b.post("/late", ""); !errors.Is(failed, ginsession.ErrStarted) {
		t.Errorf("late: %v", failed)
	}
	if _, err := s.sessions.Create(t.Context(), "ada", ginsession.WithFields(map[string]any{"nope": 1})); err == nil || !strings.Contains(err.Error(), `no field "nope"`) {
		t.Errorf("create: %v", err)
	}
	session, err := s.sessions.Create(t.Context(), "ada", ginsession.WithFields(map[string]any{"theme": nil}))
	if err != nil || session.Fields["theme"] != nil || session.Fields["count"] != int64(7) {
		t.Errorf("create: %v %+v", err, session)
	}
}

func TestSetFieldsRenewsNothingUnderDeferRefresh(t *testing.T) {
	t.Parallel()
	s := serve(t, themed, func(c *ginsession.Config) { c.DeferRefresh = true })
	s.engine.POST("/set", func(c *gin.Context) { _, _ = s.sessions.SetFields(c, map[string]any{"theme": "dark"}) })
	b := s.signedIn("ada")
	s.advance(25 * time.Hour)
	if b.post("/set", ""); b.field("theme") != "dark" || s.store.count("touch") != 0 {
		t.Errorf("theme %v, %d renewals", b.field("theme"), s.store.count("touch"))
	}
}

// VersionFunc decides for each session whether its copy counts.
func TestCacheVersionFunc(t *testing.T) {
	t.Parallel()
	versions := map[string]string{"ada": "1", "bob": "1"}
	s := serve(t, cached, func(c *ginsession.Config) {
		c.Schema.Session.Fields = []models.Field{{Name: "hidden", Default: "x"}, {Name: "theme", Returned: true}}
		c.CookieCache.VersionFunc = func(s *ginsession.Session) string {
			if _, there := s.Fields["hidden"]; there || len(s.Fields) != 1 {
				t.Errorf("fields %v, where a copy has others", s.Fields)
			}
			return versions[s.User.ID]
		}
	})
	ada, bob := s.signedIn("ada"), s.signedIn("bob")
	versions["ada"] = "2"
	ada.get("/me").expect(t, 200, "ada@example.com false")
	ada.get("/me").expect(t, 200, "ada@example.com true")
	bob.get("/me").expect(t, 200, "bob@example.com true")
}
