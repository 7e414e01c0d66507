package redisstore

import (
	"encoding/json"
	"time"

	"github.com/ginsession/ginsession/models"
)

// An entry is the value of a token's key: {"session":{…},"user":{…}}.
type entry struct {
	raw     string // as read
	members object // of the session
	user    json.RawMessage

	row   models.Session
	owner models.User
}

// parseEntry reads a value. Whatever has not all of a session and its user is
// none: a Better Auth server takes it for no session either.
func parseEntry(raw string, schema models.Schema) (*entry, bool) {
	outer, ok := parseObject([]byte(raw))
	if !ok {
		return nil, false
	}
	e := &entry{raw: raw, user: outer.get("user")}
	user, isUser := parseObject(e.user)
	e.members, ok = parseObject(outer.get("session"))
	if !ok || !isUser {
		return nil, false
	}
	if e.row, ok = readSession(e.members, schema.Session.Fields); !ok {
		return nil, false
	}
	e.owner, ok = readUser(user, schema.User.Fields)
	return e, ok && e.owner.ID == e.row.UserID
}

func readSession(o object, fields []models.Field) (models.Session, bool) {
	s := models.Session{
		IPAddress: readNullable(o.get("ipAddress")),
		UserAgent: readNullable(o.get("userAgent")),
		Fields:    readFields(o, fields),
	}
	whole := true
	for key, into := range map[string]*string{"id": &s.ID, "token": &s.Token, "userId": &s.UserID} {
		text, ok := readText(o.get(key))
		*into, whole = text, whole && ok && text != ""
	}
	for key, into := range map[string]*time.Time{"expiresAt": &s.ExpiresAt, "createdAt": &s.CreatedAt, "updatedAt": &s.UpdatedAt} {
		at, ok := readTime(o.get(key))
		*into, whole = at, whole && ok
	}
	return s, whole
}

func readUser(o object, fields []models.Field) (models.User, bool) {
	id, ok := readText(o.get("id"))
	u := models.User{ID: id, Image: readNullable(o.get("image")), Fields: readFields(o, fields)}
	u.Name, _ = readText(o.get("name"))
	u.Email, _ = readText(o.get("email"))
	u.EmailVerified, _ = readField(models.Boolean, o.get("emailVerified")).(bool)
	u.CreatedAt, _ = readTime(o.get("createdAt"))
	u.UpdatedAt, _ = readTime(o.get("updatedAt"))
	return u, ok
}

// newEntry is the value of a new session. The order of its members depends on
// where a Better Auth server has them from, the database or its own memory, which
// knows no fields that are null.
func newEntry(s models.Session, u models.User, schema models.Schema, inDatabase bool) *entry {
	core := map[string][]byte{
		"id": jsonText(s.ID), "token": jsonText(s.Token), "userId": jsonText(s.UserID),
		"expiresAt": jsonTime(s.ExpiresAt), "createdAt": jsonTime(s.CreatedAt), "updatedAt": jsonTime(s.UpdatedAt),
		"ipAddress": jsonNullable(s.IPAddress), "userAgent": jsonNullable(s.UserAgent),
	}
	order := []string{"id", "ipAddress", "userAgent", "expiresAt", "userId", "token", "createdAt", "updatedAt"}
	if inDatabase {
		order = []string{"expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId"}
	}
	var session object
	for _, key := range order {
		session = append(session, member{key, core[key]})
	}
	for _, f := range schema.Session.Fields {
		if value := s.Fields[f.Name]; inDatabase || value != nil {
			session = append(session, member{f.Name, jsonField(value)})
		}
	}
	if inDatabase {
		session = append(session, member{"id", core["id"]})
	}

	user := object{
		{"name", jsonText(u.Name)},
		{"email", jsonText(u.Email)},
		{"emailVerified", jsonField(u.EmailVerified)},
		{"image", jsonNullable(u.Image)},
		{"createdAt", jsonTime(u.CreatedAt)},
		{"updatedAt", jsonTime(u.UpdatedAt)},
	}
	for _, f := range schema.User.Fields {
		user = append(user, member{f.Name, jsonField(u.Fields[f.Name])})
	}
	user = append(user, member{"id", jsonText(u.ID)})
	return &entry{members: session, user: user.appendTo(nil), row: s, owner: u}
}

// text is the value to store.
func (e *entry) text() string {
	dst := append([]byte(`{"session":`), e.members.appendTo(nil)...)
	dst = append(append(dst, `,"user":`...), e.user...)
	return string(append(dst, '}'))
}

// times is the entry with another expiry and update.
func (e *entry) times(expires, updated time.Time) *entry {
	changed := *e
	changed.row.ExpiresAt, changed.row.UpdatedAt = millis(expires), millis(updated)
	changed.members = e.members.with("expiresAt", jsonTime(expires)).with("updatedAt", jsonTime(updated))
	return &changed
}

// fields is the entry with other values of the given fields.
func (e *entry) fields(values map[string]any, schema models.Schema) *entry {
	changed := *e
	changed.row.Fields = make(map[string]any, len(e.row.Fields))
	for name, value := range e.row.Fields {
		changed.row.Fields[name] = value
	}
	for _, f := range schema.Session.Fields { // in this order, whatever the map's
		if value, given := values[f.Name]; given {
			changed.members = changed.members.with(f.Name, jsonField(value))
			changed.row.Fields[f.Name] = value
		}
	}
	return &changed
}

// successor is the entry of the session that takes this one's place.
func (e *entry) successor(next models.Session) *entry {
	changed := e.times(next.ExpiresAt, next.UpdatedAt)
	changed.row.ID, changed.row.Token, changed.row.CreatedAt = next.ID, next.Token, millis(next.CreatedAt)
	changed.members = changed.members.
		with("id", jsonText(next.ID)).
		with("token", jsonText(next.Token)).
		with("createdAt", jsonTime(next.CreatedAt))
	return changed
}
