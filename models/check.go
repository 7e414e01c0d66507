package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Check finds out whether the database is one that a Store can work with, and
// reports every fault that it finds, each with its remedy:
//
//   - tables and columns that are missing;
//   - session.expiresAt with ON UPDATE CURRENT_TIMESTAMP (MySQL), which would
//     end a session at any other write to its row;
//   - a DSN under which times are not exchanged as UTC milliseconds (MySQL).
//
// Instead of faults it returns an *Error if the database could not be asked.
// Check changes nothing.
func (s *Store) Check(ctx context.Context) error {
	var faults []error
	var err error
	switch s.dialect {
	case mariadb:
		faults, err = s.checkMySQL(ctx)
	case sqlite:
		faults, err = s.checkSQLite(ctx)
	default:
		err = s.checkAny(ctx)
	}
	if err != nil {
		return s.dialect.wrap(ctx, "check", err)
	}
	return errors.Join(faults...)
}

type column struct{ table, name, extra string }

func (s *Store) checkMySQL(ctx context.Context) ([]error, error) {
	found, err := query(ctx, s, "SELECT table_name, column_name, extra FROM information_schema.columns "+
		"WHERE table_schema = DATABASE() AND table_name IN ('session', 'user')",
		func(rows *sql.Rows, c *column) error { return rows.Scan(&c.table, &c.name, &c.extra) })
	if err != nil {
		return nil, err
	}
	faults := missing(found)
	for _, c := range found {
		if c.table == "session" && strings.EqualFold(c.name, "expiresAt") && strings.Contains(strings.ToLower(c.extra), "on update") {
			faults = append(faults, errors.New("models: column session.expiresAt has ON UPDATE CURRENT_TIMESTAMP, so that any write to the row ends the session: run SET SESSION explicit_defaults_for_timestamp=ON; ALTER TABLE `session` MODIFY `expiresAt` timestamp(3) NOT NULL"))
		}
	}
	clock, err := s.checkClock(ctx)
	return append(faults, clock...), err
}

// checkClock sends one instant both ways. The zone is tried in winter and in
// summer: Europe/London looks like UTC for half of the year.
func (s *Store) checkClock(ctx context.Context) ([]error, error) {
	type answer struct {
		sent           string
		winter, summer float64
		read           any
	}
	winter := time.Date(2026, 1, 15, 12, 34, 56, 0, time.UTC)
	summer := time.Date(2026, 7, 15, 12, 34, 56, 0, time.UTC)
	sent := winter.Add(789 * time.Millisecond)
	answers, err := query(ctx, s, "SELECT CAST(? AS CHAR), "+
		"UNIX_TIMESTAMP('2026-01-15 12:34:56'), UNIX_TIMESTAMP('2026-07-15 12:34:56'), "+
		"CAST('2026-01-15 12:34:56' AS DATETIME)",
		func(rows *sql.Rows, a *answer) error { return rows.Scan(&a.sent, &a.winter, &a.summer, &a.read) },
		s.dialect.bind(sent))
	if err != nil || len(answers) == 0 {
		return nil, err
	}
	a := answers[0]

	var faults []error
	const open = "or open the database with models.OpenMySQL"
	if want := "2026-01-15 12:34:56.789"; a.sent != want {
		faults = append(faults, fmt.Errorf("models: the time %s reaches the database as %s: remove loc and timeTruncate from the DSN's parameters, %s", want, a.sent, open))
	}
	for _, at := range []struct {
		time time.Time
		unix float64
	}{{winter, a.winter}, {summer, a.summer}} {
		if ahead := time.Duration(float64(at.time.Unix())-at.unix) * time.Second; ahead != 0 {
			faults = append(faults, fmt.Errorf("models: the connection's time zone is %s off UTC: set the DSN parameter time_zone=%%27%%2B00%%3A00%%27, %s", ahead, open))
			break
		}
	}
	switch read := a.read.(type) {
	case time.Time:
		if name, offset := read.Zone(); offset != 0 || !read.Equal(winter) {
			faults = append(faults, fmt.Errorf("models: times are read in the zone %s: remove loc from the DSN's parameters, %s", name, open))
		}
	default:
		faults = append(faults, fmt.Errorf("models: times are read as text: set the DSN parameter parseTime=true, %s", open))
	}
	return faults, nil
}

func (s *Store) checkSQLite(ctx context.Context) ([]error, error) {
	found, err := query(ctx, s, `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c `+
		`WHERE m.type IN ('table', 'view') AND m.name IN ('session', 'user')`,
		func(rows *sql.Rows, c *column) error { return rows.Scan(&c.table, &c.name) })
	return missing(found), err
}

// checkAny asks other databases for no rows, and leaves it to their error
// number what is wrong.
func (s *Store) checkAny(ctx context.Context) error {
	none := func(*sql.Rows, *struct{}) error { return nil }
	_, err := query(ctx, s, s.sql.find+" AND 1 = 0", none, "")
	return err
}

// columns are those that the statements name.
var columns = map[string][]string{
	"session": {"id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId"},
	"user":    {"id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt"},
}

// missing compares what is there with what the statements name. The case of a
// column's name means nothing to the databases.
func missing(found []column) (faults []error) {
	there := map[string]map[string]bool{}
	for _, c := range found {
		if there[c.table] == nil {
			there[c.table] = map[string]bool{}
		}
		there[c.table][strings.ToLower(c.name)] = true
	}
	for _, table := range []string{"session", "user"} {
		if there[table] == nil {
			faults = append(faults, fmt.Errorf("models: table %s is missing: call models.Migrate, or check the database that the DSN names", table))
			continue
		}
		for _, name := range columns[table] {
			if !there[table][strings.ToLower(name)] {
				faults = append(faults, fmt.Errorf("models: column %s.%s is missing: the table is not Better Auth's; add the column, or rename the table and call models.Migrate", table, name))
			}
		}
	}
	return faults
}
