package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession/conformance/rig"
	"github.com/ginsession/ginsession/internal/testdb"
)

// TestReplay sends every recorded exchange of the rig's variants to a rig on
// MySQL and compares status, headers, cookies in their order, body bytes and
// rows. CONTRACT_TRACES names another file of exchanges.
func TestReplay(t *testing.T) {
	t.Parallel()
	all, err := traces()
	if err != nil {
		t.Fatal(err)
	}
	ours := os.Getenv("CONTRACT_TRACES") == ""
	for _, d := range differences {
		if ours && !slices.ContainsFunc(all, d.about) {
			t.Errorf("%s: no exchange has this difference", d.step)
		}
	}
	for _, variant := range rig.Variants() {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			options, err := rig.Variant(variant)
			if err != nil {
				t.Fatal(err)
			}
			options.DSN = testdb.MySQL(t)
			options.ExposeTokens = true
			options.ClockHeader = "X-Test-Now"
			options.SQLLog = everything
			everything.Keep(append(options.OldSecrets, options.Secret)...)
			var secondary *redis.Client
			if options.Secondary != rig.SecondaryOff {
				secondary = newRedis(t)
				options.Redis = secondary.Options().Addr
			}
			r, err := rig.New(context.Background(), options)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = r.Close() })
			server := httptest.NewServer(r)
			t.Cleanup(server.Close)
			n := 0
			for _, x := range all {
				if x.Variant != variant || isSignIn(x) {
					continue
				}
				if x.StoreBefore == nil && needsSession(x) && !strings.HasPrefix(x.Step, "db-") {
					if x.told = toldOf(all, x); x.told == nil {
						continue // recorded as an aside, without the rows it needs
					}
				}
				n++
				t.Run(fmt.Sprintf("%d_%s", x.ID, x.Step), func(t *testing.T) { replay(t, r.DB, secondary, server.URL, x) })
			}
			if n == 0 && ours {
				t.Errorf("no exchange of variant %q was replayed", variant)
			}
		})
	}
}

// compared are the headers that the recordings hold and a client may see.
var compared = []string{"content-type", "cache-control", "pragma", "location", "set-auth-token", "access-control-expose-headers", "x-retry-after"}

func replay(t *testing.T, db *gorm.DB, secondary *redis.Client, base string, x exchange) {
	t.Helper()
	want := x.Response
	want.Headers = map[string]string{}
	for name, value := range x.Response.Headers {
		want.Headers[name] = value
	}
	want.SetCookie = slices.Clone(want.SetCookie)
	kept := sameRows
	for _, d := range differences {
		if d.about(x) {
			if d.change != nil {
				d.change(&want, x)
			}
			kept = max(kept, d.rows)
		}
	}
	if before := cmp.Or(x.StoreBefore, x.told); before != nil {
		load(t, db, before)
		if secondary != nil {
			loadSecondary(t, secondary, before.Secondary)
		}
	}
	if strings.HasPrefix(x.Step, "db-") { // recorded while the session table could not be read
		run(t, db, "RENAME TABLE `session` TO `session_away`")
		defer run(t, db, "RENAME TABLE `session_away` TO `session`")
	}
	got := send(t, base, x)
	if got.Status != want.Status {
		t.Errorf("status %d, want %d", got.Status, want.Status)
	}
	for _, name := range compared {
		if got.Headers[name] != want.Headers[name] {
			t.Errorf("%s: %q, want %q", name, got.Headers[name], want.Headers[name])
		}
	}
	if x.Variant == "jwe" || x.Variant == "secrets_rot" {
		got.SetCookie, want.SetCookie = withoutJWE(got.SetCookie), withoutJWE(want.SetCookie)
	}
	if ofRedisOnly(x.Variant) {
		got.Body, want.Body = unordered(got.Body), unordered(want.Body)
		got.SetCookie, want.SetCookie = withCopiesUnordered(got.SetCookie), withCopiesUnordered(want.SetCookie)
	}
	if !slices.Equal(got.SetCookie, want.SetCookie) {
		t.Errorf("set-cookie\n got  %s\nwant  %s", strings.Join(got.SetCookie, "\n      "), strings.Join(want.SetCookie, "\n      "))
	}
	if got.Body != want.Body {
		t.Errorf("body\n got  %s\nwant  %s", got.Body, want.Body)
	}
	if x.StoreBefore == nil {
		return
	}
	after := x.StoreBefore
	if kept == sameRows && string(x.StoreAfter) != `"unchanged"` {
		after = new(rows)
		if err := json.Unmarshal(x.StoreAfter, after); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"user", "session"} {
		if got, want := readRows(t, db, table), byID(after.of(table)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s rows\n got  %v\nwant  %v", table, got, want)
		}
	}
	if secondary == nil {
		return
	}
	stored := maps.Clone(after.Secondary)
	for _, d := range differences {
		if d.secondary != nil && d.about(x) {
			d.secondary(stored, x)
		}
	}
	compareSecondary(t, secondary, stored)
}

// withoutJWE compares encrypted values by presence alone: they are random. What
// is in them is compared by the vectors and by the live suite.
func withoutJWE(lines []string) []string {
	encrypted := regexp.MustCompile(`(session_data[^=]*=)[^;]+`)
	plain := make([]string, len(lines))
	for i, line := range lines {
		plain[i] = encrypted.ReplaceAllString(line, "${1}<jwe>")
	}
	return plain
}

// send makes the recorded request to the byte: the path as it was written, no
// header of Go's own.
func send(t *testing.T, base string, x exchange) answer {
	t.Helper()
	var body io.Reader
	if x.Request.Body != nil {
		body = strings.NewReader(*x.Request.Body)
	}
	r, err := http.NewRequest(x.Request.Method, base, body)
	if err != nil {
		t.Fatal(err)
	}
	server, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	r.URL = &url.URL{Scheme: "http", Host: server.Host, Opaque: x.Request.Path}
	r.Host = "localhost:3000"
	for name, value := range x.Request.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("X-Test-Now", x.Now)
	response, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	everything.KeepCookies(response.Cookies())
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if asked, err := http.NewRequest(r.Method, "http://localhost:3000"+x.Request.Path, nil); err == nil {
		asked.Header = r.Header.Clone()
		sent := ""
		if x.Request.Body != nil {
			sent = *x.Request.Body
		}
		for _, fault := range described(t).faults(asked, sent, response, text) {
			t.Errorf("docs/openapi.yaml: %s", fault)
		}
	}
	got := answer{Status: response.StatusCode, Headers: map[string]string{}, SetCookie: response.Header["Set-Cookie"], Body: string(text)}
	for name, values := range response.Header {
		got.Headers[strings.ToLower(name)] = values[0]
	}
	return got
}

// load fills the two tables with recorded rows.
func load(t *testing.T, db *gorm.DB, store *rows) {
	t.Helper()
	run(t, db, "DELETE FROM `session`")
	run(t, db, "DELETE FROM `user`")
	for _, table := range []string{"user", "session"} {
		for _, row := range store.of(table) {
			if token, ok := row["token"].(string); ok {
				everything.KeepCookie(token)
			}
			var columns, marks []string
			var values []any
			for column, value := range row {
				if at, ok := instant(value); ok {
					value = at
				}
				columns = append(columns, "`"+column+"`")
				marks = append(marks, "?")
				values = append(values, value)
			}
			run(t, db, "INSERT INTO `"+table+"` ("+strings.Join(columns, ",")+") VALUES ("+strings.Join(marks, ",")+")", values...)
		}
	}
}

func instant(value any) (time.Time, bool) {
	text, ok := value.(string)
	if !ok {
		return time.Time{}, false
	}
	at, err := time.Parse("2006-01-02T15:04:05.000Z", text)
	return at, err == nil
}

// readRows returns all rows of a table as the recordings have them.
func readRows(t *testing.T, db *gorm.DB, table string) []map[string]any {
	t.Helper()
	found, err := db.Raw("SELECT * FROM `" + table + "`").Rows()
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	for found.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := found.Scan(values...); err != nil {
			t.Fatal(err)
		}
		row := map[string]any{}
		for i, column := range columns {
			switch value := (*values[i].(*any)).(type) {
			case time.Time:
				row[column] = value.UTC().Format("2006-01-02T15:04:05.000Z")
			case []byte:
				row[column] = string(value)
			case int64:
				row[column] = float64(value) // as encoding/json reads numbers
			default:
				row[column] = value
			}
		}
		rows = append(rows, row)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return byID(rows)
}

func byID(rows []map[string]any) []map[string]any {
	sorted := append([]map[string]any{}, rows...)
	slices.SortFunc(sorted, func(a, b map[string]any) int {
		return strings.Compare(fmt.Sprint(a["id"]), fmt.Sprint(b["id"]))
	})
	return sorted
}

func run(t *testing.T, db *gorm.DB, sql string, args ...any) {
	t.Helper()
	if err := db.Exec(sql, args...).Error; err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
