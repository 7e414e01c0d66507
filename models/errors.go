package models

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strconv"
	"syscall"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
)

// An Error says that the database could not tell, or that a value was refused. It
// is never an answer: the session it was asked about may or may not exist.
//
// Its text holds the operation, the class, the database's error number and what
// happened, in words of this package. Of the driver's own text there is nothing:
// drivers quote the offending values, and those are tokens. For the same reason the driver's error cannot be unwrapped; context.Canceled and
// context.DeadlineExceeded can.
type Error struct {
	Op     string // what was asked: "find", "create", "migrate" …
	Class  Class
	Number int // of MySQL or SQLite; 0 if there was none

	fault string // what happened, in words of this package; never a secret
	cause error  // of package context, or nil
}

// Error says what was asked and what went wrong, without any value.
func (e *Error) Error() string {
	text := "models: " + e.Op + ": " + e.Class.String()
	if e.Number != 0 {
		text += " " + strconv.Itoa(e.Number)
	}
	if e.fault != "" {
		text += ": " + e.fault
	}
	return text
}

// Unwrap returns context.Canceled or context.DeadlineExceeded, or nil.
func (e *Error) Unwrap() error { return e.cause }

// A Class says what to do about an Error.
type Class int

const (
	// Unknown is everything not recognised; treat it like Transient.
	Unknown Class = iota
	// Transient passes: the server is away, busy, read-only, or the deadline
	// came first. A write may still have happened.
	Transient
	// Configuration stays until somebody acts: a table, column, login or
	// privilege is missing.
	Configuration
	// BadValue is a value that the column cannot hold.
	BadValue
)

// String returns a few words: "transient database error".
func (c Class) String() string {
	switch c {
	case Transient:
		return "transient database error"
	case Configuration:
		return "database configuration error"
	case BadValue:
		return "bad value"
	default:
		return "unknown database error"
	}
}

// badValue reports a value that is refused before the database sees it.
func badValue(op, fault string) error {
	return &Error{Op: op, Class: BadValue, fault: fault}
}

// errUnreadable is the answer to a value that is none of the column's type.
var errUnreadable = errors.New("models: not a value of the column's type")

// wrap turns an error of GORM or of a driver into one that can be shown.
func (d dialect) wrap(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Op: op, Number: d.number(err), Class: d.class(err)}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.cause = context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		e.cause = context.Canceled
	default:
		// Closing a connection under a statement is how drivers cancel it, and
		// what comes back is then "invalid connection" or "interrupted".
		e.cause = ctx.Err()
	}
	if e.cause != nil {
		e.Class = Transient
	}
	e.fault = d.inWords(e, err)
	return e
}

// inWords says what happened where the number does not: drivers' own texts cannot
// be shown.
func (d dialect) inWords(e *Error, err error) string {
	var network net.Error
	switch {
	case errors.Is(e.cause, context.Canceled):
		return "cancelled"
	case e.cause != nil, errors.As(err, &network) && network.Timeout():
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case network != nil, errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection broke"
	case d == sqlite && (e.Number&0xff == 5 || e.Number&0xff == 6):
		return "the file is locked"
	}
	return ""
}

// coded is how SQLite drivers give their extended result code.
type coded interface {
	error
	Code() int
}

func (d dialect) number(err error) int {
	var fromMySQL *mysql.MySQLError
	if errors.As(err, &fromMySQL) {
		return int(fromMySQL.Number)
	}
	var fromSQLite coded
	if d == sqlite && errors.As(err, &fromSQLite) {
		return fromSQLite.Code()
	}
	return 0
}

func (d dialect) class(err error) Class {
	if number := d.number(err); number != 0 {
		if d == sqlite {
			return sqliteClass(number)
		}
		return mysqlClass(number)
	}
	var network net.Error
	switch {
	case errors.As(err, &network),
		errors.Is(err, mysql.ErrInvalidConn),
		errors.Is(err, driver.ErrBadConn),
		errors.Is(err, sql.ErrConnDone),
		errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, context.Canceled),
		errors.Is(err, context.DeadlineExceeded),
		err.Error() == "sql: database is closed": // unexported in database/sql
		return Transient
	case errors.Is(err, mysql.ErrNoTLS),
		errors.Is(err, mysql.ErrCleartextPassword),
		errors.Is(err, mysql.ErrNativePassword),
		errors.Is(err, mysql.ErrOldPassword),
		errors.Is(err, mysql.ErrUnknownPlugin):
		return Configuration
	case errors.Is(err, errUnreadable), errors.Is(err, mysql.ErrPktTooLarge):
		return BadValue
	}
	return Unknown
}

func mysqlClass(number int) Class {
	switch number {
	case 1020, 1205, 1213, // lost a race; 1020 under innodb_snapshot_isolation
		9007, 8002, 8022, // the same on TiDB
		1040, 1203, 1226, // too many connections
		1290, 1836, 3100, // read-only, on the way to another primary
		1317, 1927, 1969, 3024, // killed, or over the statement's time
		1047, 1053, // not ready, shutting down
		1158, 1159, 1160, 1161, // network
		3, 1021, 1114: // disk full
		return Transient
	case 1005, 1046, 1049, 1054, 1059, 1146, 1176, // table, column, database, foreign key, length of a name, index
		1044, 1045, 1142, 1143, 1227, 1698, // login, privilege
		1129, 1130, 1251, // host, authentication
		1193, 1231, 1298, // variables of the DSN
		1364: // a column of the table that is not ours and has no default
		return Configuration
	case 1048, 1264, 1265, 1267, 1292, 1366, 1406,
		3140, 3819, 4025: // no JSON, or against a CHECK of an application's own column
		return BadValue
	}
	return Unknown
}

// sqliteClass goes by the primary result code, the low byte.
func sqliteClass(code int) Class {
	switch code & 0xff {
	case 5, 6, 7, 9, 10, 13: // busy, locked, memory, interrupt, i/o, full
		return Transient
	case 1, 3, 8, 11, 14, 23, 26: // no such table, permission, read-only, corrupt, cannot open, auth, no database
		return Configuration
	case 18, 19, 20: // too big, constraint, mismatch
		return BadValue
	}
	return Unknown
}

// answer recognises the errors that are answers to a write. It goes by an
// allow-list: what it does not know, the database could not tell.
func (d dialect) answer(db *gorm.DB, err error) error {
	if translator, ok := db.Dialector.(gorm.ErrorTranslator); ok && err != nil {
		// Known here even if the application's gorm.Config leaves
		// TranslateError off.
		if translated := translator.Translate(err); translated != nil {
			switch {
			case errors.Is(translated, gorm.ErrDuplicatedKey):
				return ErrDuplicate
			case errors.Is(translated, gorm.ErrForeignKeyViolated):
				return ErrNoUser
			}
		}
	}
	number := d.number(err)
	switch {
	case errors.Is(err, gorm.ErrDuplicatedKey),
		d == mariadb && number == 1062,
		d == sqlite && (number == 1555 || number == 2067): // primary key, unique
		return ErrDuplicate
	case errors.Is(err, gorm.ErrForeignKeyViolated),
		d == mariadb && number == 1452,
		d == sqlite && number == 787:
		return ErrNoUser
	}
	return nil
}

// lostRace reports the errors after which the same statement may well succeed
// and after which nothing of it has happened.
func (d dialect) lostRace(err error) bool {
	switch d.number(err) {
	case 1213, 1205, 1020, 9007, 8002, 8022: // the last three are TiDB's
		return d == mariadb
	case 5, 517: // busy; a snapshot that cannot be upgraded
		return d == sqlite
	}
	return false
}
