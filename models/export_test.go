package models

import (
	"log"

	"gorm.io/gorm/logger"
)

// NewQuiet is the logger of OpenMySQL, which writes to standard error there.
func NewQuiet(out *log.Logger, level logger.LogLevel) logger.Interface {
	return newQuiet(out, level, mariadb)
}

// Redact is what a Store makes of the application's logger.
func Redact(l logger.Interface) logger.Interface { return redacted{l, mariadb} }
