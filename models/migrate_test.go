package models_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
)

// Rule 1 of the store.
func TestRule1MigrateAddsAnIndexToBetterAuthsTablesAndNothingElse(t *testing.T) {
	for _, options := range []string{utf8mb4, "CHARACTER SET latin1"} {
		db := openMySQL(t, testdb.MySQL(t, options))
		execFile(t, db, "better-auth-mysql.sql")
		user, session := definition(t, db, "user"), definition(t, db, "session")
		for range 2 {
			migrate(t, db)
		}
		if got := definition(t, db, "user"); got != user {
			t.Errorf("%s: the table user changed\n%s\n%s", options, user, got)
		}
		const index = "  KEY `session_expiresAt_idx` (`expiresAt`),\n"
		got := definition(t, db, "session")
		if !strings.Contains(got, index) || strings.Replace(got, index, "", 1) != session {
			t.Errorf("%s: the table session changed by more than the index\n%s\n%s", options, session, got)
		}
		if err := newStore(t, db).Check(t.Context()); err != nil {
			t.Errorf("%s: Check: %v", options, err)
		}
	}
}

// Rules 1, 10 and 15 of the store: what would rewrite tables, bring rows back, or
// lock a user's row ahead of his sessions.
func TestRule10BannedWordsAppearNowhere(t *testing.T) {
	banned := regexp.MustCompile(`(?i)\.(Save|FirstOrCreate|FirstOrInit|AutoMigrate|Migrator)\(|OnConflict|ON DUPLICATE|REPLACE INTO|\bRETURNING\b|DeletedAt|FOR UPDATE|LOCK IN SHARE MODE|clause\.Locking`)
	files, err := filepath.Glob("*.go")
	above, errAbove := filepath.Glob("../*.go")
	if err := errors.Join(err, errAbove); err != nil || len(files) == 0 || len(above) == 0 {
		t.Fatal("no files", err)
	}
	files = append(files, above...)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(string(text), "\n") {
			if banned.MatchString(line) {
				t.Errorf("%s:%d: %s", file, n+1, line)
			}
		}
	}
}

func TestMigrateMakesTablesThatPassCheck(t *testing.T) {
	for _, test := range []struct{ options, parameters string }{
		{utf8mb4, ""},
		{"CHARACTER SET latin1", ""},
		{"CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", ""},
		{utf8mb4, "explicit_defaults_for_timestamp=OFF"}, // rule 2
	} {
		dsn := testdb.MySQL(t, test.options)
		if test.parameters != "" {
			dsn = with(dsn, test.parameters)
		}
		db := openMySQL(t, dsn)
		migrate(t, db)
		if err := newStore(t, db).Check(t.Context()); err != nil {
			t.Errorf("%v: Check: %v", test, err)
		}
		got := definition(t, db, "session")
		for _, want := range []string{
			"`token` varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL", // SR-07
			"UNIQUE KEY `token` (`token`)",
			"KEY `session_userId_idx` (`userId`)",
			"KEY `session_expiresAt_idx` (`expiresAt`)",
			"FOREIGN KEY (`userId`) REFERENCES `user` (`id`) ON DELETE CASCADE",
			"`expiresAt` timestamp(3) NOT NULL",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%v: no %s in\n%s", test, want, got)
			}
		}
		if strings.Contains(got, "ON UPDATE") {
			t.Errorf("%v: ON UPDATE in\n%s", test, got)
		}
		migrate(t, db)
		if again := definition(t, db, "session"); again != got {
			t.Errorf("%v: a second Migrate changed\n%s\nto\n%s", test, got, again)
		}
	}
}

// Better Auth's other tables refer to user.id, whatever Migrate made of it.
func TestBetterAuthsOtherTablesCanReferToOurs(t *testing.T) {
	for _, options := range []string{utf8mb4, "CHARACTER SET latin1", "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"} {
		db := openMySQL(t, testdb.MySQL(t, options))
		migrate(t, db)
		exec(t, db, "create table `account` (`id` varchar(36) not null primary key, `userId` varchar(36) not null references `user` (`id`) on delete cascade)")
	}
}

func TestMigrateFollowsTheTypeOfAnExistingUserTable(t *testing.T) {
	const rest = ", name varchar(255) NOT NULL, email varchar(255) NOT NULL, emailVerified boolean NOT NULL, image text," +
		" createdAt timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), updatedAt timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3))"
	integers := models.Schema{IntegerUserIDs: true}
	for _, test := range []struct {
		schema   models.Schema
		id, want string
	}{
		{models.Schema{}, "varchar(36) CHARACTER SET latin1 COLLATE latin1_bin", "`userId` varchar(36) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL"},
		{models.Schema{}, "char(32) CHARACTER SET ascii", "`userId` char(32) CHARACTER SET ascii"},
		{integers, "bigint unsigned", "unsigned NOT NULL"},
		{integers, "int", "`userId` int(11) NOT NULL"},
	} {
		db := openMySQL(t, testdb.MySQL(t, utf8mb4))
		exec(t, db, "CREATE TABLE `user` (id "+test.id+" NOT NULL PRIMARY KEY"+rest)
		migrateTo(t, test.schema, db)
		if got := definition(t, db, "session"); !strings.Contains(got, test.want) || !strings.Contains(got, "FOREIGN KEY") {
			t.Errorf("%s: no %s in\n%s", test.id, test.want, got)
		}
		if err := storeOf(t, test.schema, db).Check(t.Context()); err != nil {
			t.Errorf("%s: Check: %v", test.id, err)
		}
	}
}

func TestMigrateTellsWhatItCannotFollow(t *testing.T) {
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	exec(t, db, "CREATE TABLE `user` (number int NOT NULL PRIMARY KEY)")
	err := models.Migrate(t.Context(), db)
	wantError(t, err, "migrate", models.Configuration, 0)
	if err != nil && !strings.Contains(err.Error(), "user has no column id") {
		t.Errorf("got %v", err)
	}
	exec(t, db, "DROP TABLE `user`")
	exec(t, db, "CREATE TABLE `user` (id enum('a', 'b') NOT NULL PRIMARY KEY)")
	wantError(t, models.Migrate(t.Context(), db), "migrate", models.Configuration, 0)

	exec(t, db, "DROP TABLE `user`")
	exec(t, db, "CREATE TABLE `user` (id varchar(36) NOT NULL)") // no key to refer to
	wantError(t, models.Migrate(t.Context(), db), "migrate", models.Configuration, 1005)

	cfg := testdb.Server(t)
	err = models.Migrate(t.Context(), openMySQL(t, cfg.FormatDSN()))
	wantError(t, err, "migrate", models.Configuration, 0)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := models.Migrate(ctx, db); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestMigrateLeavesAnIndexUnderAnotherName(t *testing.T) {
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	execFile(t, db, "better-auth-mysql.sql")
	exec(t, db, "CREATE INDEX mine ON session (expiresAt, id)")
	before := definition(t, db, "session")
	migrate(t, db)
	if got := definition(t, db, "session"); got != before {
		t.Errorf("Migrate changed\n%s\nto\n%s", before, got)
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	db := openMySQL(t, testdb.MySQL(t, utf8mb4))
	store := newStore(t, db)
	wantFaults(t, store, "table session is missing: call models.Migrate", "table user is missing: call models.Migrate")
	migrate(t, db)
	wantFaults(t, store)
	exec(t, db, "ALTER TABLE session DROP COLUMN ipAddress")
	exec(t, db, "ALTER TABLE user DROP COLUMN image, DROP COLUMN emailVerified")
	wantFaults(t, store, "column session.ipAddress is missing", "column user.image is missing", "column user.emailVerified is missing")
}

// wantFaults checks that Check reports these and no others.
func wantFaults(t *testing.T, store *models.Store, want ...string) {
	t.Helper()
	err := store.Check(t.Context())
	if len(want) == 0 {
		if err != nil {
			t.Errorf("Check: got %v, want nil", err)
		}
		return
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("Check: got %v, want %d faults", err, len(want))
	}
	if got := len(joined.Unwrap()); got != len(want) {
		t.Errorf("Check: got %d faults, want %d: %v", got, len(want), err)
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("Check: no %q in %v", text, err)
		}
	}
}

// Rule 2 of the store.
func TestRule2CheckRefusesOnUpdate(t *testing.T) {
	db := openMySQL(t, with(testdb.MySQL(t, utf8mb4), "explicit_defaults_for_timestamp=OFF"))
	execFile(t, db, "better-auth-mysql.sql")
	wantFaults(t, newStore(t, db), "session.expiresAt has ON UPDATE CURRENT_TIMESTAMP")
	// The remedy that the fault names.
	on := openMySQL(t, with(strings.Split(dsnOf(t, db), "?")[0], "explicit_defaults_for_timestamp=ON"))
	exec(t, on, "ALTER TABLE `session` MODIFY `expiresAt` timestamp(3) NOT NULL")
	wantFaults(t, newStore(t, db))
}

// dsnOf is the DSN of the database that db works in.
func dsnOf(t *testing.T, db *gorm.DB) string {
	t.Helper()
	var name string
	if err := pool(t, db).QueryRow("SELECT DATABASE()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	cfg := testdb.Server(t)
	cfg.DBName = name
	return cfg.FormatDSN()
}

// Rule 6 of the store: what a wrong zone does goes unnoticed until two clients
// share the table.
func TestRule6CheckNamesTheParameterOfAWrongZone(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	migrate(t, openMySQL(t, dsn))
	const utc, zone, loc, text = "time_zone=%27%2B00%3A00%27", "time_zone=%27%2B00%3A00%27", "remove loc", "parseTime=true"
	tests := []struct {
		name, parameters string
		want             []string
	}{
		{"right", "parseTime=true&" + utc, nil},
		{"interpolated", "parseTime=true&interpolateParams=true&" + utc, nil},
		{"server's zone", "parseTime=true&time_zone=%27%2B05%3A30%27", []string{"5h30m0s off UTC: set the DSN parameter " + zone}},
		{"local process", "parseTime=true&loc=America%2FNew_York&" + utc, []string{"reaches the database as 2026-01-15 07:34:56.789: " + loc, "in the zone EST: " + loc}},
		{"both, in agreement", "parseTime=true&loc=Asia%2FKolkata&time_zone=%27%2B05%3A30%27", []string{loc, zone, "in the zone IST"}},
		{"rounded", "parseTime=true&timeTruncate=1s&" + utc, []string{"timeTruncate"}},
		{"text", utc, []string{text}},
		{"text and zone", "time_zone=%27-08%3A00%27", []string{text, "-8h0m0s off UTC"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db := openPlain(t, with(dsn, test.parameters), &gorm.Config{})
			wantFaults(t, newStore(t, db), test.want...)
		})
	}
}
