package models

import (
	"context"
	"errors"
	"log"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/utils"
)

// redacted keeps values out of whatever logger the application uses. GORM's
// own prints a statement with its values at every error and every slow query,
// and MySQL's text of a duplicate key quotes the token once more.
type redacted struct {
	logger.Interface
	dialect dialect
}

func (r redacted) LogMode(level logger.LogLevel) logger.Interface {
	return redacted{r.Interface.LogMode(level), r.dialect}
}

// ParamsFilter drops the values; the statements of this package hold none in
// their text.
func (r redacted) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

func (r redacted) Trace(ctx context.Context, begin time.Time, fc func() (sql string, rowsAffected int64), err error) {
	r.Interface.Trace(ctx, begin, fc, r.dialect.loggable(ctx, err))
}

// loggable is what may be told of an error: class and number.
func (d dialect) loggable(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var wrapped *Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil // an answer
	case errors.Is(err, gorm.ErrDuplicatedKey):
		return gorm.ErrDuplicatedKey
	case errors.Is(err, gorm.ErrForeignKeyViolated):
		return gorm.ErrForeignKeyViolated
	case errors.As(err, &wrapped):
		return wrapped
	}
	return d.wrap(ctx, "statement", err)
}

// slowStatement is GORM's own default.
const slowStatement = 200 * time.Millisecond

// quiet is the logger of a db that this package opens: what fails, what is
// slow, and at level Info everything, without values. It is not a redacted
// around GORM's logger, which would take the wrapper for the line of the
// application that ran the statement.
type quiet struct {
	logger.Interface
	out     *log.Logger
	level   logger.LogLevel
	dialect dialect
}

func newQuiet(out *log.Logger, level logger.LogLevel, d dialect) logger.Interface {
	return quiet{logger.New(out, logger.Config{LogLevel: level}), out, level, d}
}

func (q quiet) LogMode(level logger.LogLevel) logger.Interface {
	return newQuiet(q.out, level, q.dialect)
}

func (q quiet) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

func (q quiet) Trace(ctx context.Context, begin time.Time, fc func() (sql string, rowsAffected int64), err error) {
	took, note := time.Since(begin), ""
	if err = q.dialect.loggable(ctx, err); err != nil {
		note = err.Error()
	}
	switch {
	case note != "" && q.level >= logger.Error:
	case took > slowStatement && q.level >= logger.Warn:
		note = "slow"
	case q.level >= logger.Info:
	default:
		return
	}
	sql, rows := fc()
	q.out.Printf("%s %s [%s] [rows:%d] %s", utils.FileWithLineNum(), note, took.Round(time.Microsecond), rows, sql)
}
