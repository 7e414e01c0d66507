package models

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// OpenMySQL opens MySQL, MariaDB or TiDB the way a Store needs it, from a DSN
// of github.com/go-sql-driver/mysql such as
//
//	user:password@tcp(127.0.0.1:3306)/app
//
// Whatever the DSN leaves out is set: times are exchanged as UTC in whole
// milliseconds on both sides of the connection, statements take one round trip,
// transactions are READ COMMITTED, connecting gives up after one second, the
// server's greeting and the login included (DSN parameter timeout), and reading
// or writing after five (the driver's own default is never), and the pool holds
// at most 25 connections, each for at most 5 minutes.
//
// A DSN that asks for the contrary is an error, which names every such
// parameter. To run with other settings, open the database yourself and pass it
// to NewStore. OpenMySQL asks the server for its version, and returns an *Error if
// it cannot. No error shows the DSN or its password.
//
// It dials the networks tcp and unix itself: register a dialler of your own
// (mysql.RegisterDialContext) under another name.
//
// The db logs to standard error what is slow or fails, without values. The
// caller closes it, by way of its DB method.
func OpenMySQL(dsn string) (*gorm.DB, error) {
	cfg, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	version, err := serverVersion(cfg)
	if err != nil {
		return nil, openError(err)
	}
	// The wrong one of the two names makes every connection fail with 1193.
	if strings.Contains(version, "MariaDB") || strings.HasPrefix(version, "5.") {
		cfg.Params["tx_isolation"] = "'READ-COMMITTED'"
	} else {
		cfg.Params["transaction_isolation"] = "'READ-COMMITTED'"
	}
	linked := cfg.Net == "tcp" || cfg.Net == "unix" // else the application's own dialler, of RegisterDialContext
	if linked {
		cfg.DialFunc = dialLink
	}
	cfg.Logger = discreet{cfg.Logger}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, errors.New("models: OpenMySQL: the driver refuses the DSN's parameters")
	}
	var ours driver.Connector = hasty{connector, cfg.Timeout}
	if linked {
		ours = linking{ours}
	}
	pool := sql.OpenDB(ours)
	pool.SetMaxOpenConns(25)
	pool.SetMaxIdleConns(25) // Go's default of 2 means dialling again and again
	pool.SetConnMaxLifetime(5 * time.Minute)
	pool.SetConnMaxIdleTime(time.Minute)

	db, err := gorm.Open(gormmysql.New(gormmysql.Config{Conn: pool}), &gorm.Config{
		TranslateError: true,
		Logger:         newQuiet(log.New(os.Stderr, "", log.LstdFlags), logger.Warn, mariadb),
	})
	if err != nil {
		pool.Close()
		return nil, openError(err)
	}
	return db, nil
}

// hasty bounds connecting: the driver's own timeout ends with the dial, and what
// follows, the greeting and the login, waits ReadTimeout for each answer. That
// holds a place in the pool which nobody else can have. Worse, database/sql dials
// without a deadline, one at a time, on behalf of all who wait: after a network
// that swallowed everything is back, nobody would be served until the last dial
// from before has given up.
type hasty struct {
	driver.Connector
	within time.Duration
}

// Connect implements driver.Connector.
func (h hasty) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, h.within)
	defer cancel()
	return h.Connector.Connect(ctx)
}

// openError says what to look at, without saying what the DSN holds.
func openError(err error) error {
	e := &Error{Op: "open", Class: mariadb.class(err), Number: mariadb.number(err)}
	switch {
	case e.Number == 1045, e.Number == 1698:
		e.fault = "the server refuses the DSN's user or password"
	case e.Number == 1044:
		e.fault = "the DSN's user may not use its database"
	case e.Number == 1049:
		e.fault = "the DSN's database does not exist: create it"
	case e.Number == 1193:
		e.fault = "the DSN sets a variable that the server does not have"
	case e.Number == 0 && e.Class == Transient:
		e.fault = "no server answers at the DSN's address"
	}
	return e
}

// serverVersion asks over a connection of its own, which does not yet set the
// isolation level.
func serverVersion(cfg *mysql.Config) (version string, err error) {
	connector, err := mysql.NewConnector(cfg.Clone())
	if err != nil {
		return "", err
	}
	pool := sql.OpenDB(connector)
	defer pool.Close()
	ctx, cancel := context.WithTimeout(context.Background(), cfg.Timeout+cfg.ReadTimeout)
	defer cancel()
	err = pool.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version)
	return version, err
}

// parseDSN reads a DSN and sets what a Store needs, but for the isolation
// level, whose name depends on the server.
func parseDSN(dsn string) (*mysql.Config, error) {
	if dsn == "" {
		return nil, errors.New("models: OpenMySQL: the DSN is empty: write user:password@tcp(host:3306)/database")
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		// The driver's text may quote a part of the password, which an
		// unescaped character has moved into another place.
		return nil, errors.New("models: OpenMySQL: the DSN cannot be parsed: its form is user:password@tcp(host:3306)/database?parameter=value, with special characters in values escaped as in a URL")
	}
	if err := contradictions(dsn, cfg); err != nil {
		return nil, err
	}
	cfg.ParseTime, cfg.Loc = true, time.UTC
	cfg.ClientFoundRows, cfg.InterpolateParams = true, true
	cfg.MultiStatements, cfg.AllowAllFiles = false, false
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Second
	}
	if cfg.ReadTimeout == 0 {
		cfg.ReadTimeout = 5 * time.Second
	}
	if cfg.WriteTimeout == 0 {
		cfg.WriteTimeout = 5 * time.Second
	}
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	delete(cfg.Params, "tx_isolation")
	delete(cfg.Params, "transaction_isolation")
	// Quoted, because the driver writes SET time_zone=…; a name such as 'UTC'
	// would need the server's zone tables.
	cfg.Params["time_zone"] = "'+00:00'"
	if err := cfg.Apply(mysql.TimeTruncate(time.Millisecond)); err != nil {
		return nil, errors.New("models: OpenMySQL: the driver refuses timeTruncate")
	}
	return cfg, nil
}

// contradictions reports every parameter that the DSN sets to something a Store
// cannot work with. It reads the text, because the parsed Config no longer
// tells what was set from what was left out.
func contradictions(dsn string, cfg *mysql.Config) error {
	_, text, _ := strings.Cut(dsn[strings.LastIndexByte(dsn, '/')+1:], "?")
	given := map[string]string{}
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		given[name] = value
	}

	var faults []error
	refuse := func(name, why, fix string) {
		faults = append(faults, fmt.Errorf("models: OpenMySQL: DSN parameter %s=%s: %s; %s", name, given[name], why, fix))
	}
	set := func(name string) bool { return given[name] != "" }
	isTrue := func(name string) bool { v := given[name]; return v == "1" || strings.EqualFold(v, "true") }
	isFalse := func(name string) bool { return set(name) && !isTrue(name) }

	if set("loc") && cfg.Loc != time.UTC {
		refuse("loc", "times are exchanged as UTC", "remove it")
	}
	if zone := cfg.Params["time_zone"]; set("time_zone") && zone != "'+00:00'" {
		refuse("time_zone", "times are exchanged as UTC", "remove it")
	}
	if isFalse("parseTime") {
		refuse("parseTime", "times would arrive as text", "remove it")
	}
	if d, _ := time.ParseDuration(given["timeTruncate"]); set("timeTruncate") && d != time.Millisecond {
		refuse("timeTruncate", "the columns hold milliseconds", "remove it")
	}
	if isFalse("clientFoundRows") {
		refuse("clientFoundRows", "an update that changes nothing would look like a missing row", "remove it")
	}
	if isFalse("interpolateParams") {
		refuse("interpolateParams", "each statement would take three round trips", "remove it")
	}
	for _, bound := range []struct {
		name string
		time time.Duration
	}{{"timeout", cfg.Timeout}, {"readTimeout", cfg.ReadTimeout}, {"writeTimeout", cfg.WriteTimeout}} {
		if bound.time < 0 {
			refuse(bound.name, "time does not go back", "remove it, or let it be some seconds")
		}
	}
	if isFalse("checkConnLiveness") {
		refuse("checkConnLiveness", "a connection that the server closed while idle would fail a request", "remove it")
	}
	for _, name := range []string{"tx_isolation", "transaction_isolation"} {
		if level := strings.Trim(cfg.Params[name], "'\""); set(name) && !strings.EqualFold(level, "READ-COMMITTED") {
			refuse(name, "under other levels than READ-COMMITTED sign-ins wait for other users' revocations", "remove it")
		}
	}
	if isTrue("multiStatements") {
		refuse("multiStatements", "one injected semicolon would run a second statement", "remove it")
	}
	if isTrue("allowAllFiles") {
		refuse("allowAllFiles", "the server could read this machine's files", "remove it")
	}
	if isTrue("allowOldPasswords") {
		refuse("allowOldPasswords", "the old password hash is broken", "remove it")
	}
	if isTrue("allowCleartextPasswords") && (cfg.TLS == nil || cfg.TLS.InsecureSkipVerify) {
		refuse("allowCleartextPasswords", "the password would cross the network unprotected", "remove it or set tls=true")
	}
	// Interpolated values are escaped for character sets in which a quote is
	// never the second byte of a character.
	if set("charset") && !strings.EqualFold(given["charset"], "utf8mb4") {
		refuse("charset", "statements are sent as utf8mb4", "remove it")
	}
	if set("collation") && !strings.HasPrefix(strings.ToLower(cfg.Collation), "utf8mb4_") {
		refuse("collation", "statements are sent as utf8mb4", "remove it")
	}
	return errors.Join(faults...)
}
