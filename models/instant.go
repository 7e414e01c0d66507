package models

import (
	"cmp"
	"strings"
	"time"
)

// isoMillis is what JavaScript's toISOString writes, and so Better Auth. Its
// width is fixed: text order is time order.
const isoMillis = "2006-01-02T15:04:05.000Z"

// The ends of MySQL's TIMESTAMP.
var (
	timestampFirst = time.Unix(1, 0).UTC()
	timestampLast  = time.Date(2038, 1, 19, 3, 14, 7, 999e6, time.UTC)
)

// millis is the one place where times lose what the columns cannot hold. MySQL
// rounds finer fractions, MariaDB cuts them; a compare-and-set with the unrounded
// value would then match nothing.
func millis(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// bind is a time as a statement's argument. SQLite compares times as text, and
// every driver writes another one.
func (d dialect) bind(t time.Time) any {
	if d == sqlite {
		return millis(t).Format(isoMillis)
	}
	return millis(t)
}

// strange says what is wrong with a time that nobody means, or "": MySQL would
// take the zero time as 0000-00-00, and years of five digits break SQLite's text
// order.
func strange(t time.Time) string {
	switch year := t.UTC().Year(); {
	case t.IsZero():
		return "is the zero time"
	case year < 1, year > 9999:
		return "is not between the years 1 and 9999"
	}
	return ""
}

// meaningful refuses times that nobody means.
func meaningful(op, name string, t time.Time) error {
	if fault := strange(t); fault != "" {
		return badValue(op, name+" "+fault)
	}
	return nil
}

// storable refuses, besides, times that the column cannot hold.
func (d dialect) storable(op, name string, t time.Time) error {
	if err := meaningful(op, name, t); err != nil {
		return err
	}
	switch t := millis(t); {
	case d != mariadb:
	case t.After(timestampLast):
		return badValue(op, name+" is after 2038-01-19T03:14:07.999Z, where MySQL's TIMESTAMP ends: shorten the session's life")
	case t.Before(timestampFirst):
		return badValue(op, name+" is before 1970-01-01T00:00:01Z, where MySQL's TIMESTAMP begins")
	}
	return nil
}

// storableTimes refuses a session with times that its columns cannot hold.
func (d dialect) storableTimes(op string, s Session) error {
	return cmp.Or(
		d.storable(op, "expiresAt", s.ExpiresAt),
		d.storable(op, "createdAt", s.CreatedAt),
		d.storable(op, "updatedAt", s.UpdatedAt))
}

// instantForms are tried in turn. time.Parse accepts a fraction after the
// seconds in all of them.
var instantForms = [...]string{
	"2006-01-02T15:04:05Z07:00",       // Better Auth, and this package
	"2006-01-02 15:04:05Z07:00",       // GORM's SQLite drivers
	"2006-01-02 15:04:05",             // CURRENT_TIMESTAMP; MySQL without parseTime
	"2006-01-02T15:04:05",             //
	"2006-01-02 15:04:05 -0700 MST",   // time.Time.String, once its m= is cut
	"2006-01-02 15:04:05 -0700 -0700", // the same in a zone without a name
}

// readTime reads a time from whatever the drivers make of the column: a
// time.Time, or text in one of the forms that were seen in SQLite files.
func readTime(value any) (time.Time, error) {
	text := ""
	switch v := value.(type) {
	case time.Time:
		return millis(v), nil
	case string:
		text = v
	case []byte:
		text = string(v)
	}
	text, _, _ = strings.Cut(text, " m=")
	for _, form := range instantForms {
		if t, err := time.Parse(form, text); err == nil {
			return millis(t), nil
		}
	}
	return time.Time{}, errUnreadable // without the text: a shifted column may be a token
}
