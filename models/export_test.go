package models

import (
	"database/sql"
	"log"

	"gorm.io/gorm/logger"
)

// NewQuiet is the logger of OpenMySQL, which writes to standard error there.
func NewQuiet(out *log.Logger, level logger.LogLevel) logger.Interface {
	return newQuiet(out, level, mariadb)
}

// Redact is what a Store makes of the application's logger.
func Redact(l logger.Interface) logger.Interface { return redacted{l, mariadb} }

// LinkOf is how many statements the link of a connection has prepared; -1 without one.
func LinkOf(t interface{ Fatal(...any) }, conn *sql.Conn) (statements int) {
	if err := conn.Raw(func(of any) error {
		statements = -1
		if l := linkOf(of); l != nil {
			statements = len(l.statements)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return statements
}

// Links is how many there are.
func Links() (n int) {
	links.Range(func(_, _ any) bool { n++; return true })
	return n
}
