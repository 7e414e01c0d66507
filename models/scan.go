package models

import (
	"math"
	"strconv"
	"time"
)

// A row is one of database/sql's or of a link's, with room for the targets that it
// is scanned into.
type row struct {
	scanner
	room []any
}

type scanner interface{ Scan(targets ...any) error }

// The types below scan a column into a field of a row. They take what the
// drivers give, which depends on the driver, its protocol and how the column
// was declared, and never put a value into an error: a shifted column may be a
// token.
type (
	instant       time.Time // NULL and the zero date are errors: no session has such a time
	instantOrZero time.Time
	textOrEmpty   string
	flag          bool // NULL is false
)

func (i *instant) Scan(value any) error {
	t, err := readTime(value)
	if err == nil && t.IsZero() { // MySQL's 0000-00-00, which would pass for long ago
		err = errUnreadable
	}
	*i = instant(t)
	return err
}

func (i *instantOrZero) Scan(value any) error {
	if value == nil {
		*i = instantOrZero{}
		return nil
	}
	t, err := readTime(value)
	*i = instantOrZero(t)
	return err
}

func (t *textOrEmpty) Scan(value any) error {
	if value == nil {
		*t = ""
		return nil
	}
	text, err := readText(value)
	*t = textOrEmpty(text)
	return err
}

func (f *flag) Scan(value any) error {
	if value == nil {
		*f = false
		return nil
	}
	truth, err := readTruth(value)
	*f = flag(truth)
	return err
}

// A slot scans one additional field.
type slot struct {
	of    Type
	value any
}

func (s *slot) Scan(value any) (err error) {
	if value == nil {
		s.value = nil
		return nil
	}
	switch s.of {
	case String:
		s.value, err = readText(value)
	case Number:
		s.value, err = readNumber(value)
	case Boolean:
		s.value, err = readTruth(value)
	case Date:
		s.value, err = readTime(value)
	}
	return err
}

// slots are those of the fields, of which most schemas have none.
func slots(fields []Field) []slot {
	slots := make([]slot, len(fields))
	for i, f := range fields {
		slots[i].of = f.Type
	}
	return slots
}

func appendSlots(targets []any, slots []slot) []any {
	for i := range slots {
		targets = append(targets, &slots[i])
	}
	return targets
}

// named are the values of scanned slots by the fields' names, nil if there are
// no fields.
func named(fields []Field, slots []slot) map[string]any {
	if len(fields) == 0 {
		return nil
	}
	values := make(map[string]any, len(fields))
	for i, f := range fields {
		values[f.Name] = slots[i].value
	}
	return values
}

func readText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	case int64: // a column of numbers that the application declares as a String
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	}
	return "", errUnreadable
}

func readNumber(value any) (int64, error) {
	text := ""
	switch v := value.(type) {
	case int64:
		return v, nil
	case uint64: // MySQL's bigint unsigned
		text = strconv.FormatUint(v, 10)
	case float32:
		return readNumber(float64(v))
	case float64: // SQLite, of what JavaScript wrote; MySQL's column has rounded it
		if math.Abs(v) < 1<<63 {
			return int64(math.Round(v)), nil
		}
	case string:
		text = v
	case []byte:
		text = string(v)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, errUnreadable
	}
	return n, nil
}

func readTruth(value any) (bool, error) {
	text := ""
	switch v := value.(type) {
	case bool:
		return v, nil
	case string:
		text = v
	case []byte:
		if len(v) == 1 && v[0] < 2 { // MySQL's bit(1)
			return v[0] == 1, nil
		}
		text = string(v)
	default:
		n, err := readNumber(value)
		return n != 0, err
	}
	truth, err := strconv.ParseBool(text)
	if err != nil {
		return false, errUnreadable
	}
	return truth, nil
}

// scanFound scans a row of findSQL.
func (s *Store) scanFound(rows *row, found *Found) error {
	session, user := &found.Session, &found.User
	ofSession, ofUser := slots(s.schema.Session.Fields), slots(s.schema.User.Fields)
	targets := appendUser(appendSession(rows.room[:0], session), user)
	if err := rows.Scan(appendSlots(appendSlots(targets, ofSession), ofUser)...); err != nil {
		return err
	}
	session.Fields = named(s.schema.Session.Fields, ofSession)
	user.Fields = named(s.schema.User.Fields, ofUser)
	return nil
}

// scanSession scans a row of rereadSQL or listSQL.
func (s *Store) scanSession(rows *row, session *Session) error {
	ofSession := slots(s.schema.Session.Fields)
	if err := rows.Scan(appendSlots(appendSession(rows.room[:0], session), ofSession)...); err != nil {
		return err
	}
	session.Fields = named(s.schema.Session.Fields, ofSession)
	return nil
}

// scanUser scans a row of userSQL.
func (s *Store) scanUser(rows *row, user *User) error {
	ofUser := slots(s.schema.User.Fields)
	if err := rows.Scan(appendSlots(appendUser(rows.room[:0], user), ofUser)...); err != nil {
		return err
	}
	user.Fields = named(s.schema.User.Fields, ofUser)
	return nil
}

func appendSession(targets []any, session *Session) []any {
	return append(targets,
		&session.ID, (*instant)(&session.ExpiresAt), &session.Token, (*instant)(&session.CreatedAt), (*instant)(&session.UpdatedAt),
		&session.IPAddress, &session.UserAgent, &session.UserID,
	)
}

func appendUser(targets []any, user *User) []any {
	return append(targets,
		&user.ID, (*textOrEmpty)(&user.Name), (*textOrEmpty)(&user.Email), (*flag)(&user.EmailVerified), &user.Image,
		(*instantOrZero)(&user.CreatedAt), (*instantOrZero)(&user.UpdatedAt),
	)
}

func scanText(rows *row, text *string) error { return rows.Scan(text) }
