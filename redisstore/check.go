package redisstore

import (
	"fmt"
	"time"

	"github.com/ginsession/ginsession/models"
)

// checkNew refuses what no session can be. It returns the session with its times
// and fields as they are stored.
func (s *Store) checkNew(op string, session models.Session) (models.Session, error) {
	switch {
	case session.ID == "":
		return session, refused(op, "id is empty")
	case session.UserID == "":
		return session, refused(op, "userId is empty")
	case !possible(session.Token):
		return session, refused(op, "token is not 1 to 255 printable ASCII characters without braces")
	}
	err := checkTimes(op, instant{"expiresAt", session.ExpiresAt}, instant{"createdAt", session.CreatedAt}, instant{"updatedAt", session.UpdatedAt})
	if err != nil {
		return session, err
	}
	session.Fields, err = s.checkFields(op, session.Fields)
	session.ExpiresAt, session.CreatedAt, session.UpdatedAt = millis(session.ExpiresAt), millis(session.CreatedAt), millis(session.UpdatedAt)
	return session, err
}

// checkFields are the given values of additional fields as they are stored.
func (s *Store) checkFields(op string, given map[string]any) (map[string]any, error) {
	values := make(map[string]any, len(given))
	for name, value := range given {
		declared := false
		for _, f := range s.schema.Session.Fields {
			if f.Name != name {
				continue
			}
			stored, err := f.Value(value)
			if err != nil {
				return nil, refused(op, err.Error())
			}
			values[name], declared = stored, true
		}
		if !declared {
			return nil, refused(op, fmt.Sprintf("sessions have no field %q", name))
		}
	}
	return values, nil
}

type instant struct {
	name string
	at   time.Time
}

// checkTimes refuses times that nobody means.
func checkTimes(op string, instants ...instant) error {
	for _, i := range instants {
		switch year := i.at.UTC().Year(); {
		case i.at.IsZero():
			return refused(op, i.name+" is the zero time")
		case year < 1, year > 9999:
			return refused(op, i.name+" is not between the years 1 and 9999")
		}
	}
	return nil
}

// refused reports a value that is refused before anything is asked.
func refused(op, fault string) error { return fmt.Errorf("redisstore: %s: %s", op, fault) }

// possible reports whether a session with this token can exist: as in the database,
// and without braces, so that a tombstone shares the slot of its token's key and no
// key of this package's own can be taken for a token's.
func possible(token string) bool {
	if len(token) == 0 || len(token) > 255 {
		return false
	}
	for i := range len(token) {
		if c := token[i]; c <= ' ' || c >= 0x7f || c == '{' || c == '}' {
			return false
		}
	}
	return true
}
