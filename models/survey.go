package models

import (
	"cmp"
	"context"
	"time"
)

// A Survey is what a database says of itself. Check judges what a Store depends on;
// this is for a person to read.
type Survey struct {
	Version   string // of the server
	Isolation string // of the Store's transactions: READ-COMMITTED
	TimeZone  string // of the Store's connections: +00:00
	// ServerTimeZone is what other connections have, unless they ask for another.
	ServerTimeZone string
	// Collation is that of the column of tokens, "" if the table is missing.
	Collation string
	// HasFeed says that the revocation feed's table is there. Whoever ends sessions
	// must then write to it: set Schema.Feed.
	HasFeed bool
	// Now is the time by the database's clock, when it was asked between Asked and
	// Answered by this machine's.
	Now, Asked, Answered time.Time
}

// Survey asks the database about itself. It is for MySQL and MariaDB, and returns an
// *Error, of class Configuration for another database.
func (s *Store) Survey(ctx context.Context) (Survey, error) {
	if s.dialect != mariadb {
		return Survey{}, &Error{Op: "survey", Class: Configuration, fault: "it is for MySQL and MariaDB"}
	}
	survey, err := s.survey(ctx)
	return survey, s.dialect.wrap(ctx, "survey", err)
}

func (s *Store) survey(ctx context.Context) (Survey, error) {
	own, err := s.variables(ctx, "SESSION")
	if err != nil {
		return Survey{}, err
	}
	global, err := s.variables(ctx, "GLOBAL")
	if err != nil {
		return Survey{}, err
	}
	sessions, err := s.columns(ctx, s.schema.Session.Name)
	if err != nil {
		return Survey{}, err
	}
	feed, err := s.columns(ctx, s.schema.feedTable())
	if err != nil {
		return Survey{}, err
	}
	token, _ := find(sessions, s.schema.Session.Columns["token"])
	survey := Survey{
		Version:        own["version"],
		Isolation:      cmp.Or(own["transaction_isolation"], own["tx_isolation"]), // the second is the older name
		TimeZone:       own["time_zone"],
		ServerTimeZone: global["time_zone"],
		Collation:      token.collation.String,
		HasFeed:        len(feed) > 0,
	}
	if survey.ServerTimeZone == "SYSTEM" {
		survey.ServerTimeZone = global["system_time_zone"]
	}
	// Last, over a connection that has been made by now.
	survey.Asked = time.Now()
	clock, err := query(ctx, s, "SELECT UTC_TIMESTAMP(3)", func(rows *row, now *time.Time) error {
		var at instant
		err := rows.Scan(&at)
		*now = time.Time(at)
		return err
	})
	survey.Answered = time.Now()
	if len(clock) > 0 {
		survey.Now = clock[0]
	}
	return survey, err
}

// variables reads some of the server's, by name: servers that lack one of two names
// for the same leave it out.
func (s *Store) variables(ctx context.Context, scope string) (map[string]string, error) {
	pairs, err := query(ctx, s, "SHOW "+scope+" VARIABLES WHERE Variable_name IN ('version', 'tx_isolation', 'transaction_isolation', 'time_zone', 'system_time_zone')",
		func(rows *row, pair *[2]string) error { return rows.Scan(&pair[0], &pair[1]) })
	values := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		values[pair[0]] = pair[1]
	}
	return values, err
}
