package models_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// SR-08: whatever stands in an id, a token or a field is a value, interpolated
// by the driver or not, and also where a backslash is no escape.
func TestSR08_ValuesAreNeverSQL(t *testing.T) {
	hostile := []string{
		"'OR'1'='1", "'/**/OR/**/1=1/**/--", `\'OR/**/1=1#`, `"OR"1"="1`, "`OR`1`=`1", "0", "u1'#", `u1\`, "%", "_", "?", "u1;DELETE/**/FROM/**/session",
	}
	for _, parameters := range []string{
		"interpolateParams=true",
		"interpolateParams=false",
		"interpolateParams=true&sql_mode=%27NO_BACKSLASH_ESCAPES%27",
		"interpolateParams=true&sql_mode=%27ANSI_QUOTES%27",
	} {
		t.Run(parameters, func(t *testing.T) {
			t.Parallel()
			dsn := testdb.MySQL(t, utf8mb4)
			migrateTo(t, storetest.Schema(), openMySQL(t, dsn))
			db := openPlain(t, with(dsn, "parseTime=true&time_zone=%27%2B00%3A00%27&"+parameters), &gorm.Config{})
			session, store := seed(t, openMySQL(t, dsn)), storeOf(t, storetest.Schema(), db)
			ctx := t.Context()
			for _, h := range hostile {
				if _, _, err := store.Find(ctx, h); err != models.ErrNotFound {
					t.Errorf("Find %s: %v", h, err)
				}
				if found, err := store.FindMany(ctx, []string{h, h + "x"}); err != nil || len(found) != 0 {
					t.Errorf("FindMany %s: %d and %v", h, len(found), err)
				}
				if list, err := store.List(ctx, h, moment); err != nil || len(list) != 0 {
					t.Errorf("List %s: %d and %v", h, len(list), err)
				}
				if tokens, err := store.Tokens(ctx, h); err != nil || len(tokens) != 0 {
					t.Errorf("Tokens %s: %d and %v", h, len(tokens), err)
				}
				for _, r := range []models.Revocation{{Token: h}, {UserID: h}, {Token: h, UserID: "u1"}, {Token: secret, UserID: h}, {UserID: h, Except: "s9", Now: moment}} {
					if n, err := store.Revoke(ctx, r); err != nil || n != 0 {
						t.Errorf("Revoke %s: %d and %v", h, n, err)
					}
				}
				agent := h + "'"
				added := session
				added.ID, added.Token, added.UserAgent, added.IPAddress = h, h, &agent, &agent
				added.Fields = map[string]any{"theme": agent}
				if err := store.Create(ctx, added); err != nil {
					t.Errorf("Create %s: %v", h, err)
				}
				got, err := store.Update(ctx, added, map[string]any{"hidden": agent + `\`}, moment)
				if err != nil || got.ID != h || *got.UserAgent != agent || got.Fields["theme"] != agent || got.Fields["hidden"] != agent+`\` {
					t.Errorf("%s came back as %+v, %v", h, got.Fields, err)
				}
				if n, err := store.Revoke(ctx, models.Revocation{Token: h, UserID: "u1"}); err != nil || n != 1 {
					t.Errorf("Revoke %s: %d and %v, want 1", h, n, err)
				}
			}
			if _, _, err := store.Find(ctx, secret); err != nil {
				t.Errorf("the session that was there: %v", err)
			}
		})
	}
}

// Rule 6 of the store: what this package writes others read as the same
// instant, and the reverse, whatever the zone of their connection.
func TestRule6InstantsAreTheSameInOtherZones(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	db := openMySQL(t, dsn)
	migrate(t, db)
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	session, store := seed(t, db), newStore(t, db)
	session.ID, session.Token = "s2", "another"+secret
	session.ExpiresAt = time.Date(2026, 3, 8, 2, 30, 0, 999_600_000, newYork) // an hour that the clocks skip
	session.CreatedAt = time.Date(2025, 11, 2, 1, 30, 0, 1e6, newYork)        // one that they repeat
	if err := store.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	other := openPlain(t, with(dsn, "parseTime=true&loc=America%2FNew_York&time_zone=%27%2B05%3A30%27"), &gorm.Config{})
	var expires, created string
	row := pool(t, other).QueryRowContext(t.Context(), "SELECT UNIX_TIMESTAMP(expiresAt), UNIX_TIMESTAMP(createdAt) FROM session WHERE id = 's2'")
	if err := row.Scan(&expires, &created); err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]time.Time{expires: session.ExpiresAt, created: session.CreatedAt} {
		if want := fmt.Sprintf("%d.%03d", want.Unix(), want.UnixMilli()%1000); got != want {
			t.Errorf("another reads %s, want %s", got, want)
		}
	}
	exec(t, other, "UPDATE session SET expiresAt = FROM_UNIXTIME(1795608000.123) WHERE id = 's2'")
	read, _, err := store.Find(t.Context(), session.Token)
	if want := time.UnixMilli(1795608000123); err != nil || !read.ExpiresAt.Equal(want) || read.ExpiresAt.Location() != time.UTC {
		t.Errorf("read %s, want %s: %v", read.ExpiresAt, want, err)
	}
}

// Rule 17 of the store: however many have expired and however many are asked
// for, one call deletes 500, so that others wait for no more than that.
func TestRule17PurgeGoesInBatches(t *testing.T) {
	db, store, _ := one(t)
	var values []string
	for i := range 1201 {
		values = append(values, fmt.Sprintf("('old%d', '2026-01-01 12:00:00', 'tok%d', now(), 'u1')", i, i))
	}
	exec(t, db, "INSERT INTO session (id, expiresAt, token, updatedAt, userId) VALUES "+strings.Join(values, ", "))
	for _, batch := range []struct{ limit, want int }{{0, 500}, {9999, 500}, {500, 201}, {500, 0}} {
		if n, err := store.Purge(t.Context(), moment, batch.limit); err != nil || n != batch.want {
			t.Errorf("of %d: got %d and %v, want %d", batch.limit, n, err, batch.want)
		}
	}
}

// Rule 17 of the store, its other half: beside a purge people sign in and stay.
func TestRule17NobodyWaitsForAPurge(t *testing.T) {
	db, store, live := one(t)
	for chunk := range 20 {
		var values []string
		for i := range 1000 {
			values = append(values, fmt.Sprintf("('old%d-%d', '2026-01-01 12:00:00', 'tok%d-%d', now(), 'u1')", chunk, i, chunk, i))
		}
		exec(t, db, "INSERT INTO session (id, expiresAt, token, updatedAt, userId) VALUES "+strings.Join(values, ", "))
	}
	purged := make(chan error, 1)
	begin := time.Now()
	var took time.Duration
	go func() {
		for {
			n, err := store.Purge(t.Context(), moment, 0)
			if n == 0 || err != nil {
				took = time.Since(begin)
				purged <- err
				return
			}
		}
	}()
	var worst time.Duration
	for i := 0; ; i++ {
		select {
		case err := <-purged:
			if err != nil {
				t.Error(err)
			}
			if i < 2 || worst > max(took/2, 2*time.Second) {
				t.Errorf("the longest of %d rounds took %s, the purge %s", i, worst, took)
			}
			return
		default:
		}
		begin := time.Now()
		made := live
		made.ID, made.Token = fmt.Sprint("new", i), fmt.Sprint(secret, i)
		if err := store.Create(t.Context(), made); err != nil {
			t.Fatal(err)
		}
		next, err := store.Touch(t.Context(), live, live.ExpiresAt.Add(time.Minute), moment)
		if err != nil {
			t.Fatal(err)
		}
		live = next
		worst = max(worst, time.Since(begin))
	}
}

// freezer is a relay that can stop passing bytes on without closing anything.
type freezer struct {
	net.Listener
	frozen chan struct{} // closed: nothing moves any more
}

func newFreezer(t *testing.T, to string) *freezer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &freezer{listener, make(chan struct{})}
	t.Cleanup(func() { listener.Close() })
	pass := func(dst, src net.Conn) {
		buf := make([]byte, 32<<10)
		for {
			n, err := src.Read(buf)
			select {
			case <-f.frozen:
				return
			default:
			}
			if n > 0 {
				_, _ = dst.Write(buf[:n])
			}
			if err != nil {
				if err == io.EOF {
					dst.Close()
				}
				return
			}
		}
	}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				return
			}
			t.Cleanup(func() { near.Close(); far.Close() })
			go pass(far, near)
			go pass(near, far)
		}
	}()
	return f
}

// Rule 19 of the store: a network that has frozen in the middle of a
// connection, and a pool that others have emptied.
func TestRule19FrozenNetworkAndEmptyPool(t *testing.T) {
	const patience = 300 * time.Millisecond
	dsn := testdb.MySQL(t, utf8mb4)
	migrate(t, openMySQL(t, dsn))
	session := seed(t, openMySQL(t, dsn))
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	freezer := newFreezer(t, cfg.Addr)
	cfg.Addr = freezer.Addr().String()
	frozen := openMySQL(t, cfg.FormatDSN())
	empty := openMySQL(t, dsn)
	pool(t, empty).SetMaxOpenConns(1)
	for name, db := range map[string]*gorm.DB{"frozen": frozen, "empty": empty} {
		store := newStore(t, db)
		if _, _, err := store.Find(t.Context(), session.Token); err != nil {
			t.Fatalf("%s, before: %v", name, err)
		}
		if name == "frozen" {
			close(freezer.frozen)
		} else {
			conn, err := pool(t, db).Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		for call, do := range map[string]func(context.Context) error{
			"find": func(ctx context.Context) error { _, _, err := store.Find(ctx, session.Token); return err },
			"touch": func(ctx context.Context) error {
				_, err := store.Touch(ctx, session, moment.Add(2*time.Hour), moment)
				return err
			},
			"revoke": func(ctx context.Context) error {
				_, err := store.Revoke(ctx, models.Revocation{UserID: "u1"})
				return err
			},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			begin := time.Now()
			err := do(ctx)
			cancel()
			if took := time.Since(begin); took > patience+time.Second {
				t.Errorf("%s, %s: took %s", name, call, took)
			}
			wantError(t, err, call, models.Transient, 0)
		}
	}
	if _, _, err := newStore(t, openMySQL(t, dsn)).Find(t.Context(), session.Token); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Rule 22 of the store: a user of the database who may have no more
// connections, and one whose privileges were taken away.
func TestRule22LimitsAndPrivileges(t *testing.T) {
	dsn := testdb.MySQL(t, utf8mb4)
	admin := openMySQL(t, dsn)
	migrate(t, admin)
	session := seed(t, admin)
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	user := "u" + cfg.DBName[len(cfg.DBName)-12:]
	exec(t, admin, "CREATE USER "+user+"@'%' IDENTIFIED BY 'p' WITH MAX_USER_CONNECTIONS 1")
	t.Cleanup(func() { _, _ = pool(t, openMySQL(t, testdb.Server(t).FormatDSN())).Exec("DROP USER " + user + "@'%'") })
	exec(t, admin, "GRANT SELECT ON "+cfg.DBName+".session TO "+user+"@'%'")
	exec(t, admin, "GRANT SELECT ON "+cfg.DBName+".user TO "+user+"@'%'")
	cfg.User, cfg.Passwd = user, "p"
	db := openPlain(t, with(cfg.FormatDSN(), "parseTime=true"), &gorm.Config{})
	store := newStore(t, db)
	if _, _, err := store.Find(t.Context(), session.Token); err != nil {
		t.Fatal(err)
	}
	_, err = store.Touch(t.Context(), session, moment.Add(2*time.Hour), moment)
	wantError(t, err, "touch", models.Configuration, 1142)

	only, err := pool(t, db).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = store.Find(t.Context(), session.Token)
	wantError(t, err, "find", models.Transient, 1226)
	only.Close()
	if _, _, err := store.Find(t.Context(), session.Token); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// SR-67: rows and revocations in somebody's log show everything but the token.
func TestSR67_RowsPrintWithoutTheirTokens(t *testing.T) {
	session := models.Session{ID: "s1", Token: secret, UserID: "u1", ExpiresAt: moment}
	revocation := models.Revocation{Token: secret, UserID: "u1"}
	for _, value := range []any{session, &session, []models.Session{session}, models.Found{Session: session}, map[string]models.Session{"a": session}, revocation, &revocation, []models.Revocation{revocation}} {
		var out bytes.Buffer
		for _, verb := range []string{"%v ", "%+v ", "%#v ", "%s ", "%q\n"} {
			fmt.Fprintf(&out, verb, value)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "row", value)
		if strings.Contains(out.String(), "SECRET") || !strings.Contains(out.String(), "u1") {
			t.Errorf("%T prints as %s", value, out.String())
		}
	}
	for _, value := range []any{session, []models.Session{session}, models.Found{Session: session}} {
		text, err := json.Marshal(value)
		if err != nil || strings.Contains(string(text), "SECRET") {
			t.Errorf("%T in JSON: %s, %v", value, text, err)
		}
	}
	if session.Token != secret || revocation.Token != secret {
		t.Error("printing changes the value")
	}
}

// SR-45: while all sessions of a user end, others begin. None is left that was
// there when the call began.
func TestSR45_RevokingManyLeavesNoneThatWasThere(t *testing.T) {
	for name, revocation := range map[string]models.Revocation{"all": {UserID: "u1"}, "others": {UserID: "u1", Except: "s1", Now: moment}} {
		db, store, session := one(t)
		var values []string
		for i := range 1000 {
			values = append(values, fmt.Sprintf("('live%d', '2026-12-01 12:00:00', 'tok%d', now(), 'u1')", i, i))
		}
		exec(t, db, "INSERT INTO session (id, expiresAt, token, updatedAt, userId) VALUES "+strings.Join(values, ", "))
		stop, made := make(chan struct{}), make(chan int)
		go func() {
			n := 0
			for ; ; n++ {
				select {
				case <-stop:
					made <- n
					return
				default:
				}
				late := session
				late.ID, late.Token = fmt.Sprint("late", n), fmt.Sprint(secret, n)
				if err := store.Create(t.Context(), late); err != nil {
					t.Error(err)
				}
			}
		}()
		time.Sleep(20 * time.Millisecond)
		n, err := store.Revoke(t.Context(), revocation)
		close(stop)
		late := <-made
		if err != nil || n < 1000 {
			t.Errorf("%s: ended %d, %v", name, n, err)
		}
		var old int
		row := pool(t, db).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM session WHERE id LIKE 'live%'")
		if err := row.Scan(&old); err != nil || old != 0 {
			t.Errorf("%s: %d are left that were there, %v", name, old, err)
		}
		if late == 0 {
			t.Error("nothing began meanwhile")
		}
		_, _, err = store.Find(t.Context(), session.Token)
		if spared := err == nil; spared != (name == "others") {
			t.Errorf("%s: its own: %v", name, err)
		}
	}
}
