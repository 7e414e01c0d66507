package redisstore

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ginsession/ginsession/models"
)

// A member is one of a JSON object, in the object's order. What this package does
// not change keeps its bytes.
type member struct {
	key   string
	value json.RawMessage
}

type object []member

func (o object) get(key string) json.RawMessage {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// with is a copy of the object in which the key has the value, in its old place or
// at the end, as JavaScript's spread does it.
func (o object) with(key string, value []byte) object {
	changed := append(object{}, o...)
	for i := range changed {
		if changed[i].key == key {
			changed[i].value = value
			return changed
		}
	}
	return append(changed, member{key, value})
}

func (o object) appendTo(dst []byte) []byte {
	dst = append(dst, '{')
	for i, m := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, m.key)
		dst = append(dst, ':')
		dst = append(dst, m.value...)
	}
	return append(dst, '}')
}

// parseObject reads an object and nothing behind it. Of members of one name the
// last counts.
func parseObject(src []byte) (object, bool) {
	decoder := json.NewDecoder(bytes.NewReader(src))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	var o object
	seen := make(map[string]int)
	for decoder.More() {
		key, err := decoder.Token()
		name, ok := key.(string)
		var value json.RawMessage
		if err != nil || !ok || decoder.Decode(&value) != nil {
			return nil, false
		}
		if i, again := seen[name]; again {
			o[i].value = value
			continue
		}
		seen[name] = len(o)
		o = append(o, member{name, value})
	}
	if _, err := decoder.Token(); err != nil {
		return nil, false
	}
	_, err := decoder.Token()
	return o, err == io.EOF
}

const isoMillis = "2006-01-02T15:04:05.000Z"

func millis(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func jsonTime(t time.Time) []byte { return []byte(`"` + millis(t).Format(isoMillis) + `"`) }

func jsonText(s string) []byte { return appendText(nil, s) }

func jsonNullable(s *string) []byte {
	if s == nil {
		return []byte("null")
	}
	return jsonText(*s)
}

// jsonField is the value of an additional field, of a type that
// models.Field.Value returns.
func jsonField(value any) []byte {
	switch v := value.(type) {
	case string:
		return jsonText(v)
	case time.Time:
		return jsonTime(v)
	}
	text, _ := json.Marshal(value) // nil, bool, int64
	return text
}

// appendText writes a string as JSON.stringify does. encoding/json would escape
// U+2028 and U+2029.
func appendText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r >= ' ':
			dst = utf8.AppendRune(dst, r)
		case strings.ContainsRune("\b\t\n\f\r", r):
			dst = append(dst, '\\', "btn fr"[r-'\b'])
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[r>>4], hex[r&0xf])
		}
	}
	return append(dst, '"')
}

// readText reads a string.
func readText(src json.RawMessage) (string, bool) {
	if len(src) == 0 || src[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(src, &s)
	return s, err == nil
}

// readNullable reads a string; anything else is nil.
func readNullable(src json.RawMessage) *string {
	if s, ok := readText(src); ok {
		return &s
	}
	return nil
}

func readTime(src json.RawMessage) (time.Time, bool) {
	s, ok := readText(src)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return millis(t), err == nil
}

// readFields reads the additional fields of an object. A Better Auth server checks
// no types, so that a client can write a text where a number is declared: that
// reads as null, and is no reason to sign anybody out.
func readFields(o object, fields []models.Field) map[string]any {
	if len(fields) == 0 {
		return nil
	}
	values := make(map[string]any, len(fields))
	for _, f := range fields {
		values[f.Name] = readField(f.Type, o.get(f.Name))
	}
	return values
}

func readField(of models.Type, src json.RawMessage) any {
	switch of {
	case models.String:
		if s, ok := readText(src); ok {
			return s
		}
	case models.Date:
		if t, ok := readTime(src); ok {
			return t
		}
	case models.Number:
		var n *int64
		if json.Unmarshal(src, &n) == nil && n != nil {
			return *n
		}
	case models.Boolean:
		var b *bool
		if json.Unmarshal(src, &b) == nil && b != nil {
			return *b
		}
	}
	return nil
}
