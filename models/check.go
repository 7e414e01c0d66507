package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Check finds out whether the database is one that a Store can work with, and
// reports every fault that it finds, each with its remedy:
//
//   - tables, columns and additional fields that are missing;
//   - ids of users that are numbers where the Schema says that they are not, or
//     the reverse (MySQL and SQLite): MySQL takes the text 42abc for 42;
//   - a feed's table that is missing, or there without Schema.Feed;
//   - a session's expiresAt with ON UPDATE CURRENT_TIMESTAMP (MySQL), which
//     would end the session at any other write to its row;
//   - a DSN under which times are not exchanged as UTC milliseconds (MySQL).
//
// Instead of faults it returns an *Error if the database could not be asked.
// Check changes nothing.
func (s *Store) Check(ctx context.Context) error {
	if s.dialect != mariadb && s.dialect != sqlite {
		return s.dialect.wrap(ctx, "check", s.checkAny(ctx))
	}
	sessions, err := s.columns(ctx, s.schema.Session.Name)
	if err != nil {
		return s.dialect.wrap(ctx, "check", err)
	}
	users, err := s.columns(ctx, s.schema.User.Name)
	if err != nil {
		return s.dialect.wrap(ctx, "check", err)
	}
	feed, err := s.columns(ctx, s.schema.feedTable())
	if err != nil {
		return s.dialect.wrap(ctx, "check", err)
	}
	faults := append(s.schema.faults(sessions, users), s.schema.feedFaults(feed)...)
	if s.dialect == mariadb {
		clock, err := s.checkClock(ctx)
		if err != nil {
			return s.dialect.wrap(ctx, "check", err)
		}
		faults = append(faults, clock...)
	}
	return errors.Join(faults...)
}

// A column is what the database tells of one. SQLite tells name and type.
type column struct {
	name, typ, extra   string
	charset, collation sql.NullString
}

// columns reads those of a table or view: none if it is missing.
func (s *Store) columns(ctx context.Context, table string) ([]column, error) {
	if s.dialect == sqlite { // table_xinfo, which knows generated columns too
		return query(ctx, s, "SELECT name, type FROM pragma_table_xinfo(?)",
			func(rows *row, c *column) error { return rows.Scan(&c.name, &c.typ) }, table)
	}
	return query(ctx, s, "SELECT column_name, column_type, extra, character_set_name, collation_name "+
		"FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?",
		func(rows *row, c *column) error {
			return rows.Scan(&c.name, &c.typ, &c.extra, &c.charset, &c.collation)
		}, table)
}

// find is the column of this name, whose case means nothing to the databases.
func find(columns []column, name string) (column, bool) {
	i := slices.IndexFunc(columns, func(c column) bool { return strings.EqualFold(c.name, name) })
	if i < 0 {
		return column{}, false
	}
	return columns[i], true
}

// faults compares the schema with the columns that are there.
func (s Schema) faults(sessions, users []column) []error {
	faults := slices.Concat(
		s.Session.missing("Session", sessionColumns, sessions, true),
		s.User.missing("User", userColumns, users, s.ours()))

	userID, _ := find(sessions, s.Session.Columns["userId"])
	id, _ := find(users, s.User.Columns["id"])
	faults = append(faults, s.idFaults(s.Session.Name, userID)...)
	faults = append(faults, s.idFaults(s.User.Name, id)...)

	expiry := s.Session.Columns["expiresAt"]
	if c, _ := find(sessions, expiry); strings.Contains(strings.ToLower(c.extra), "on update") {
		faults = append(faults, fmt.Errorf("models: column %[1]s.%[2]s has ON UPDATE CURRENT_TIMESTAMP, so that any write to the row ends the session: run SET SESSION explicit_defaults_for_timestamp=ON; ALTER TABLE `%[1]s` MODIFY `%[2]s` timestamp(3) NOT NULL", s.Session.Name, expiry))
	}
	return faults
}

// feedFaults reports a feed that this process would not tell, or that is not
// there.
func (s Schema) feedFaults(there []column) (faults []error) {
	name := s.feedTable()
	switch {
	case !s.Feed && len(there) > 0:
		return []error{fmt.Errorf("models: table %s is there, but Schema.Feed is not set, and other processes would not hear of sessions that this one ends: set it, or drop the table, and its triggers first", name)}
	case s.Feed && len(there) == 0:
		return []error{fmt.Errorf("models: table %s is missing, the revocation feed's: call Migrate of a Schema with Feed set, or do without it (Config.CookieCache.NoFeed), or check the database that the DSN names", name)}
	case s.Feed:
		for _, column := range feedColumns {
			if _, found := find(there, column); !found {
				faults = append(faults, fmt.Errorf("models: column %s.%s is missing: the table is not the feed's; drop it and call Migrate of the same Schema", name, column))
			}
		}
	}
	return faults
}

// missing reports what is not there of the table that the Schema calls part.
// Names are Better Auth's, in the order of the statements; ours says that
// Migrate creates the table.
func (t Table) missing(part string, names []string, there []column, ours bool) (faults []error) {
	if len(there) == 0 {
		remedy := "call models.Migrate (of a Schema: its method Migrate), or check the database that the DSN names"
		if !ours {
			remedy = "it is the application's own, create it; or correct Schema." + part + ".Name, or check the database that the DSN names"
		}
		return []error{fmt.Errorf("models: table %s is missing: %s", t.Name, remedy)}
	}
	for _, name := range names {
		column := t.Columns[name]
		if _, found := find(there, column); found || column == Absent {
			continue
		}
		remedy := "the table is not Better Auth's; add the column, or rename the table and call models.Migrate"
		if t.Name != strings.ToLower(part) || column != name {
			remedy = fmt.Sprintf("add it, or correct Schema.%s.Columns[%q]", part, name)
		}
		faults = append(faults, fmt.Errorf("models: column %s.%s is missing: %s", t.Name, column, remedy))
	}
	for _, f := range t.Fields {
		if _, found := find(there, f.Column); !found {
			faults = append(faults, fmt.Errorf("models: column %s.%s, of the field %s, is missing: call Migrate of the same Schema, which adds it", t.Name, f.Column, f.Name))
		}
	}
	return faults
}

// number recognises the types of columns that hold numbers: bigint unsigned,
// UNSIGNED BIG INT, decimal(20,0) …
var number = regexp.MustCompile(`(?i)^(\w+ )*\w*int|^dec|^num`)

// idFaults reports an id of users whose type is not what the schema says. Of a
// column that is missing nothing is known, nor of one without a type, which
// SQLite has.
func (s Schema) idFaults(table string, c column) []error {
	switch {
	case c.typ == "":
	case s.IntegerUserIDs && !number.MatchString(c.typ):
		return []error{fmt.Errorf("models: column %s.%s is %s, but Schema.IntegerUserIDs says that ids of users are integers: leave it false, or let the columns of both tables be integers", table, c.name, c.typ)}
	case !s.IntegerUserIDs && number.MatchString(c.typ):
		return []error{fmt.Errorf("models: column %s.%s is %s, and compared with one the text 42abc is 42: set Schema.IntegerUserIDs, and let the columns of both tables be integers", table, c.name, c.typ)}
	}
	return nil
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
		func(rows *row, a *answer) error { return rows.Scan(&a.sent, &a.winter, &a.summer, &a.read) },
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

// checkAny asks other databases for no rows, and leaves it to their error
// number what is wrong.
func (s *Store) checkAny(ctx context.Context) error {
	none := func(*row, *struct{}) error { return nil }
	_, err := query(ctx, s, s.sql.find+" AND 1 = 0", none, "")
	return err
}
