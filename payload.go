package ginsession

import (
	"crypto/subtle"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/ginsession/ginsession/internal/strictjson"
	"github.com/ginsession/ginsession/models"
)

// appendCachePayload writes what the cookie cache holds: Better Auth's payload, with
// the token, which the copy must name.
func (m *Manager) appendCachePayload(dst []byte, o original) []byte {
	user := m.appendStoredUser
	if o.userInCacheOrder {
		user = m.appendCachedUser
	}
	dst = append(dst, `{"session":`...)
	dst = m.appendStored(dst, o.row, m.stored(o.row.Token))
	dst = append(dst, `,"user":`...)
	dst = user(dst, o.user)
	dst = append(dst, `,"updatedAt":`...)
	dst = strconv.AppendInt(dst, o.readAt.UnixMilli(), 10)
	dst = appendText(dst, "version", m.cacheVersion(o.row, o.user, false))
	return append(dst, '}')
}

// cacheVersion is what copies of this session must bear.
func (m *Manager) cacheVersion(s models.Session, u models.User, cached bool) string {
	if m.cache.versionOf == nil {
		return m.cache.version
	}
	session := m.session(s, u, cached)
	dropHidden(session.Fields, m.sessionFields)
	dropHidden(session.User.Fields, m.userFields)
	return m.cache.versionOf(session)
}

// dropHidden leaves what a copy holds, so that a version is the same when a copy
// is made and when it is read.
func dropHidden(values map[string]any, fields []models.Field) {
	for _, field := range fields {
		if !field.Returned {
			delete(values, field.Name)
		}
	}
}

// cachedCopy is a decoded payload.
type cachedCopy struct {
	row      models.Session
	user     models.User
	issuedAt time.Time
	version  string
}

// parseCachePayload reads a payload whose signature holds. It is as strict as
// the shape check of Better Auth and stricter where that coerces: what we
// refuse is merely read from the store instead.
func (m *Manager) parseCachePayload(payload string) (cachedCopy, bool) {
	copied := cachedCopy{version: "1"} // Better Auth: version || "1"
	var session, user, issued bool
	ok := members(payload, func(key, value string) bool {
		switch key {
		case "session":
			session = parseCachedSession(value, m.sessionFields, &copied.row)
			return session
		case "user":
			user = parseCachedUser(value, m.userFields, &copied.user)
			return user
		case "updatedAt":
			ms, err := strconv.ParseInt(value, 10, 64)
			issued = err == nil
			copied.issuedAt = time.UnixMilli(ms).UTC()
			return issued
		case "version":
			return readText(value, &copied.version)
		}
		return true
	})
	return copied, ok && session && user && issued
}

func parseCachedSession(value string, fields []models.Field, s *models.Session) bool {
	var expires, created, updated bool
	texts := new([2]string) // of ipAddress and userAgent: one allocation
	ok := members(value, func(key, value string) bool {
		switch key {
		case "id":
			return readText(value, &s.ID)
		case "token":
			return readText(value, &s.Token)
		case "userId":
			return readText(value, &s.UserID)
		case "expiresAt":
			expires = readInstant(value, &s.ExpiresAt)
			return expires
		case "createdAt":
			created = readInstant(value, &s.CreatedAt)
			return created
		case "updatedAt":
			updated = readInstant(value, &s.UpdatedAt)
			return updated
		case "ipAddress":
			return readNullable(value, &s.IPAddress, &texts[0])
		case "userAgent":
			return readNullable(value, &s.UserAgent, &texts[1])
		}
		return readField(fields, key, value, &s.Fields)
	})
	return ok && s.ID != "" && s.Token != "" && s.UserID != "" && expires && created && updated && whole(fields, s.Fields)
}

func parseCachedUser(value string, fields []models.Field, u *models.User) bool {
	var name, email, created, updated bool
	ok := members(value, func(key, value string) bool {
		switch key {
		case "id":
			return readText(value, &u.ID)
		case "name":
			name = true
			return readText(value, &u.Name)
		case "email":
			email = true
			return readText(value, &u.Email)
		case "emailVerified":
			u.EmailVerified = value == "true"
			return u.EmailVerified || value == "false"
		case "image":
			return readNullable(value, &u.Image, nil)
		case "createdAt":
			created = readInstant(value, &u.CreatedAt)
			return created
		case "updatedAt":
			updated = readInstant(value, &u.UpdatedAt)
			return updated
		}
		return readField(fields, key, value, &u.Fields)
	})
	return ok && u.ID != "" && name && email && created && updated && whole(fields, u.Fields)
}

// readField reads an additional field of a copy. Members that are not declared
// are ignored, and so are those that a copy should not hold.
func readField(fields []models.Field, key string, value string, into *map[string]any) bool {
	i := slices.IndexFunc(fields, func(f models.Field) bool { return f.Name == key })
	if i < 0 || !fields[i].Returned {
		return true
	}
	read, ok := fieldValue(fields[i].Type, value)
	if s, isText := read.(string); isText && strictjson.LooksLikeTime(s) {
		return false // see readText
	}
	if *into == nil {
		*into = make(map[string]any, len(fields))
	}
	(*into)[key] = read
	return ok
}

// whole reports whether a copy holds all the fields that it should: one that
// was made before a field was declared knows nothing about it.
func whole(fields []models.Field, values map[string]any) bool {
	for _, field := range fields {
		if _, ok := values[field.Name]; field.Returned && !ok {
			return false
		}
	}
	return true
}

// fieldValue reads the JSON of a field: the type's Go value, or nil for null.
func fieldValue(t models.Type, value string) (any, bool) {
	kind := strictjson.KindOf(value)
	switch {
	case kind == strictjson.KindNull:
		return nil, true
	case t == models.String && kind == strictjson.KindString:
		return strictjson.Text(value)
	case t == models.Number && kind == strictjson.KindNumber:
		return wholeNumber(value)
	case t == models.Boolean && kind == strictjson.KindBoolean:
		return value[0] == 't', true
	case t == models.Date && kind == strictjson.KindString:
		text, _ := strictjson.Text(value)
		at, err := time.Parse(time.RFC3339Nano, text) // with an offset too
		return at.UTC().Truncate(time.Millisecond), err == nil
	}
	return nil, false
}

// wholeNumber reads a number as JavaScript does, if it is a whole one that
// JavaScript can tell from its neighbours.
func wholeNumber(value string) (any, bool) {
	const largest = 1<<53 - 1 // Number.MAX_SAFE_INTEGER
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || n != math.Trunc(n) || math.Abs(n) > largest {
		return nil, false
	}
	return int64(n), true
}

// maxMembers is how many members an object that we read may have.
const maxMembers = 256

// members walks an object and refuses one that names a member twice.
func members(src string, member func(key, value string) bool) bool {
	seen := make([]string, 0, 16)
	return strictjson.Object(src, func(key, value string) bool {
		k := string(key)
		if len(seen) == maxMembers || slices.Contains(seen, k) {
			return false
		}
		seen = append(seen, k)
		return member(k, value)
	})
}

// readText refuses a string that Better Auth would turn into a time on
// reading: a user so named never gets a cache hit there either.
func readText(value string, into *string) bool {
	s, ok := strictjson.Text(value)
	*into = s
	return ok && !strictjson.LooksLikeTime(s)
}

// readNullable reads a text or null. into is where the text goes, nil for memory of
// its own.
func readNullable(value string, text **string, into *string) bool {
	if value == "null" {
		*text = nil
		return true
	}
	if into == nil {
		into = new(string)
	}
	*text = into
	return readText(value, into)
}

func readInstant(value string, into *time.Time) bool {
	s, ok := strictjson.Text(value)
	if !ok {
		return false
	}
	*into, ok = strictjson.ParseTime(s)
	return ok
}

// sameToken compares two tokens in constant time.
func sameToken(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
