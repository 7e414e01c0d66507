package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ginsession/ginsession/models"
)

// What clocks may differ by: a second matters to nobody; a cookie cache that is dated
// more than a minute ahead is not believed.
const (
	littleSkew = time.Second
	muchSkew   = time.Minute
)

// checkDatabase asks the database.
func (e environment) checkDatabase(ctx context.Context) []check {
	const name = "database"
	db, schema, err := e.database()
	if err != nil {
		return []check{fail(name, err.Error())}
	}
	defer closeDatabase(db)
	ctx, cancel := within(ctx)
	defer cancel()
	rows, found, err := survey(ctx, db, schema)
	if err != nil {
		return []check{fail(name, err.Error())}
	}
	checks := []check{pass(name, "it answers: "+found.Version)}
	checks = append(checks, checkTables(rows.Check(ctx))...)
	return append(checks, judgeSurvey(found)...)
}

// checkTables takes what Check of a Store says.
func checkTables(err error) (checks []check) {
	if err == nil {
		return []check{pass("schema", "tables and columns are as they must be")}
	}
	for fault := range strings.SplitSeq(err.Error(), "\n") {
		fault = strings.TrimPrefix(fault, "models: ")
		checks = append(checks, fail("schema", strings.Replace(fault, "call models.Migrate", "run ginsession migrate, which calls models.Migrate", 1)))
	}
	return checks
}

// judgeSurvey says what a survey means.
func judgeSurvey(s models.Survey) []check {
	var checks []check
	if s.HasFeed {
		checks = append(checks, pass("revocation feed", "its table is there"))
	} else {
		checks = append(checks, warn("revocation feed", "there is none: without a cookie cache none is needed; with one, run ginsession migrate --feed and set Schema.Feed in all processes"))
	}

	switch {
	case s.Collation == "":
	case strings.HasSuffix(s.Collation, "_bin"):
		checks = append(checks, pass("collation", "of tokens: "+s.Collation))
	default:
		checks = append(checks, warn("collation", "of tokens: "+s.Collation+", which takes some tokens for equal; they are compared byte for byte besides, so that this costs nothing but an index that is larger"))
	}

	switch {
	case s.TimeZone != "+00:00":
		checks = append(checks, fail("time zone", "of the connection: "+s.TimeZone+", though +00:00 was asked for: let the proxy in front of the database pass session variables on"))
	case !utc(s.ServerTimeZone):
		checks = append(checks, warn("time zone", "of the server: "+s.ServerTimeZone+"; our connections ask for UTC, but a Better Auth server beside us would write other times: set default_time_zone to +00:00"))
	default:
		checks = append(checks, pass("time zone", "UTC"))
	}

	if s.Isolation == "READ-COMMITTED" {
		checks = append(checks, pass("isolation", s.Isolation))
	} else {
		checks = append(checks, fail("isolation", s.Isolation+", though READ-COMMITTED was asked for: let the proxy in front of the database pass session variables on"))
	}
	return append(checks, judgeClock(s))
}

// utc reports whether a zone is UTC by its name.
func utc(zone string) bool {
	switch strings.ToUpper(zone) {
	case "UTC", "GMT", "+00:00", "ETC/UTC":
		return true
	}
	return false
}

// skew is how far the database's clock is ahead of this machine's, at least: it was
// read at an unknown moment between question and answer.
func skew(s models.Survey) time.Duration {
	switch {
	case s.Now.After(s.Answered):
		return s.Now.Sub(s.Answered)
	case s.Now.Before(s.Asked):
		return s.Now.Sub(s.Asked)
	}
	return 0
}

func judgeClock(s models.Survey) check {
	const remedy = "let NTP set both clocks"
	ahead := skew(s).Round(time.Millisecond)
	size, direction := ahead.Abs(), "ahead of"
	if ahead < 0 {
		direction = "behind"
	}
	differ := fmt.Sprintf("the database's is %v %s this machine's", size, direction)
	switch {
	case size < littleSkew:
		return pass("clock", "the database's and this machine's agree within a second")
	case size < muchSkew:
		return warn("clock", differ+": "+remedy)
	default:
		return fail("clock", differ+", and sessions begin or end at the wrong time: "+remedy)
	}
}
