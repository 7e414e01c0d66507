package ginsession

import (
	"strconv"
	"strings"
	"time"

	"github.com/ginsession/ginsession/internal/strictjson"
	"github.com/ginsession/ginsession/models"
)

// JSON of sessions and users. The order of keys is part of the bytes: rows
// from the store and from the cookie cache come in different ones, as in
// Better Auth.

func appendMember(dst []byte, key string) []byte {
	if last := dst[len(dst)-1]; last != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, key...)
	return append(dst, '"', ':')
}

func appendText(dst []byte, key, value string) []byte {
	return strictjson.AppendString(appendMember(dst, key), value)
}

func appendNullable(dst []byte, key string, value *string) []byte {
	dst = appendMember(dst, key)
	if value == nil {
		return append(dst, "null"...)
	}
	return strictjson.AppendString(dst, *value)
}

func appendInstant(dst []byte, key string, t time.Time) []byte {
	return strictjson.AppendTime(appendMember(dst, key), t)
}

// appendStored writes a session in the order of the store. token is what takes
// the token's place.
func (m *Manager) appendStored(dst []byte, s models.Session, token string) []byte {
	dst = append(dst, '{')
	dst = appendInstant(dst, "expiresAt", s.ExpiresAt)
	dst = appendText(dst, "token", token)
	dst = appendInstant(dst, "createdAt", s.CreatedAt)
	dst = appendInstant(dst, "updatedAt", s.UpdatedAt)
	dst = appendNullable(dst, "ipAddress", s.IPAddress)
	dst = appendNullable(dst, "userAgent", s.UserAgent)
	dst = appendText(dst, "userId", s.UserID)
	dst = appendFields(dst, m.sessionFields, s.Fields)
	dst = appendText(dst, "id", s.ID)
	return append(dst, '}')
}

func (m *Manager) appendStoredUser(dst []byte, u models.User) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, "name", u.Name)
	dst = appendText(dst, "email", u.Email)
	dst = strconv.AppendBool(appendMember(dst, "emailVerified"), u.EmailVerified)
	dst = appendNullable(dst, "image", u.Image)
	dst = appendInstant(dst, "createdAt", u.CreatedAt)
	dst = appendInstant(dst, "updatedAt", u.UpdatedAt)
	dst = appendFields(dst, m.userFields, u.Fields)
	dst = appendText(dst, "id", u.ID)
	return append(dst, '}')
}

// appendCached writes a session in the order of Better Auth's cookie cache.
func (m *Manager) appendCached(dst []byte, s models.Session, token string) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, "id", s.ID)
	dst = appendInstant(dst, "createdAt", s.CreatedAt)
	dst = appendInstant(dst, "updatedAt", s.UpdatedAt)
	dst = appendText(dst, "userId", s.UserID)
	dst = appendInstant(dst, "expiresAt", s.ExpiresAt)
	dst = appendText(dst, "token", token)
	dst = appendNullable(dst, "ipAddress", s.IPAddress)
	dst = appendNullable(dst, "userAgent", s.UserAgent)
	dst = appendFields(dst, m.sessionFields, s.Fields)
	return append(dst, '}')
}

// appendCachedUser lower-cases the address, as Better Auth does on that way.
func (m *Manager) appendCachedUser(dst []byte, u models.User) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, "id", u.ID)
	dst = appendInstant(dst, "createdAt", u.CreatedAt)
	dst = appendInstant(dst, "updatedAt", u.UpdatedAt)
	dst = appendText(dst, "email", strings.ToLower(u.Email))
	dst = strconv.AppendBool(appendMember(dst, "emailVerified"), u.EmailVerified)
	dst = appendText(dst, "name", u.Name)
	dst = appendNullable(dst, "image", u.Image)
	dst = appendFields(dst, m.userFields, u.Fields)
	return append(dst, '}')
}

// appendFields writes the additional fields that may be seen, in the order of
// their declaration.
func appendFields(dst []byte, fields []models.Field, values map[string]any) []byte {
	for _, field := range fields {
		if !field.Returned {
			continue
		}
		dst = appendMember(dst, field.Name)
		switch v := values[field.Name].(type) {
		case string:
			dst = strictjson.AppendString(dst, v)
		case int64:
			dst = strconv.AppendInt(dst, v, 10)
		case bool:
			dst = strconv.AppendBool(dst, v)
		case time.Time:
			dst = strictjson.AppendTime(dst, v)
		default:
			dst = append(dst, "null"...)
		}
	}
	return dst
}

// appendSessionAndUser writes the body of /get-session up to the last brace.
func (m *Manager) appendSessionAndUser(dst []byte, o *outcome) []byte {
	if o.source != FromCookieCache {
		return m.appendFound(dst, o.row, o.user)
	}
	dst = append(dst, `{"session":`...)
	dst = m.appendCached(dst, o.row, m.publicToken(o.row.Token))
	dst = append(dst, `,"user":`...)
	return m.appendCachedUser(dst, o.user)
}

// appendFound is the same for what was read from the store.
func (m *Manager) appendFound(dst []byte, s models.Session, u models.User) []byte {
	dst = append(dst, `{"session":`...)
	dst = m.appendStored(dst, s, m.publicToken(s.Token))
	dst = append(dst, `,"user":`...)
	return m.appendStoredUser(dst, u)
}

// publicToken is what JSON shows for a token: a handle, or under ExposeTokens the
// token.
func (m *Manager) publicToken(token string) string {
	if m.exposeTokens {
		return token
	}
	return m.handles.of(m.stored(token))
}
