package conformance

import (
	"bufio"
	"bytes"
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
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession/conformance/rig"
	"github.com/ginsession/ginsession/internal/testdb"
	"github.com/ginsession/ginsession/internal/witness"
)

// The rig's own server runs in release mode; gin's list of routes would drown
// what the tests say.
func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	redis.SetLogger(everything)
	everything.Keep(interopSecret, formerSecret, rig.Defaults().Secret)
	os.Exit(everything.Main(m))
}

// everything hears the rigs: those of this process, and what those write that are
// processes of their own: SR-67.
var everything = witness.New()

// An exchange is one recorded request to a Better Auth server, with its
// answer and the database before and after.
type exchange struct {
	ID      int
	Variant string
	Step    string
	Now     string
	Request struct {
		Method, Path string
		Headers      map[string]string
		Body         *string
	}
	Response    answer
	StoreBefore *rows           `json:"store_before"`
	StoreAfter  json.RawMessage `json:"store_after"` // rows, or "unchanged"

	told *rows // without StoreBefore: what answers tell of the rows
}

// rows are the recorded tables, and the secondary storage where there is one.
type rows struct {
	User, Session []map[string]any
	Secondary     map[string]kept
}

func (r rows) of(table string) []map[string]any {
	if table == "user" {
		return r.User
	}
	return r.Session
}

type answer struct {
	Status    int
	Headers   map[string]string
	SetCookie []string `json:"set-cookie"`
	Body      string
}

// TestReplay sends every recorded exchange of the variants above to the rig on
// a MySQL-compatible server and compares status, headers, cookies in their
// order, body bytes and rows. CONTRACT_TRACES names another file of exchanges.
func TestReplay(t *testing.T) {
	traces := readTraces(t)
	for _, variant := range rig.Variants() {
		t.Run(variant, func(t *testing.T) {
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
			for _, x := range traces {
				if x.Variant != variant || isSignIn(x) {
					continue
				}
				if x.StoreBefore == nil && needsSession(x) && !strings.HasPrefix(x.Step, "db-") {
					if x.told = toldOf(traces, x); x.told == nil {
						continue // recorded as an aside, without the rows it needs
					}
				}
				n++
				t.Run(fmt.Sprintf("%d_%s", x.ID, x.Step), func(t *testing.T) { replay(t, r.DB, secondary, server.URL, x) })
			}
			if n == 0 && os.Getenv("CONTRACT_TRACES") == "" {
				t.Errorf("no exchange of variant %q was replayed", variant)
			}
		})
	}
}

// toldOf finds the rows of an exchange that was recorded without them: another
// one, of the same server, was answered the session and its user. emailVerified
// and the like come as JSON has them.
func toldOf(traces []exchange, x exchange) *rows {
	for _, other := range traces {
		var found struct{ Session, User map[string]any }
		if other.Variant != x.Variant || json.Unmarshal([]byte(other.Response.Body), &found) != nil || found.Session == nil || found.User == nil {
			continue
		}
		if strings.Contains(x.Request.Headers["cookie"], "="+fmt.Sprint(found.Session["token"])+".") {
			return &rows{User: []map[string]any{found.User}, Session: []map[string]any{found.Session}}
		}
	}
	return nil
}

// isSignIn: signing in is the application's, and draws random tokens.
func isSignIn(x exchange) bool {
	return strings.HasPrefix(x.Request.Path, "/api/auth/sign-in") || strings.HasPrefix(x.Request.Path, "/api/auth/sign-up")
}

func needsSession(x exchange) bool {
	cookies := x.Request.Headers["cookie"]
	return (strings.Contains(cookies, "session_token") || strings.Contains(cookies, "sid=")) && x.Response.Status != http.StatusNotFound && x.Response.Status != http.StatusForbidden
}

// A difference from Better Auth that we chose, and what we answer instead.
type difference struct {
	step   string // a regular expression over "variant step"
	reason string
	// change turns the recorded exchange into what is wanted here.
	change func(want *answer, x exchange)
	rows   rowChange
	// secondary turns the recorded secondary storage afterwards into ours.
	secondary func(after map[string]kept, x exchange)
}

type rowChange int

const (
	sameRows rowChange = iota
	keptRows           // the store is as before
)

var (
	expired = func(names ...string) []string {
		lines := make([]string, len(names))
		for i, name := range names {
			lines[i] = "better-auth." + name + "=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
		}
		return lines
	}
	unauthorized = `{"message":"Unauthorized","code":"UNAUTHORIZED"}`
	unavailable  = `{"message":"Service unavailable","code":"SERVICE_UNAVAILABLE"}`
)

// differences is the whole allow-list. Anything else that differs fails.
var differences = []difference{
	{
		step: `^attrs ck-`, reason: "HttpOnly cannot be switched off",
		change: func(w *answer, _ exchange) {
			for i, line := range w.SetCookie {
				w.SetCookie[i] = regexp.MustCompile(`Path=[^;]+`).ReplaceAllString(line, "$0; HttpOnly")
			}
		},
	},
	{
		step: `^(extra|extra_compact) ex-wrong-type`, reason: "a field of another type is 400, not an empty 500",
		change: func(w *answer, x exchange) {
			field, kind := "count", "int"
			if x.Step == "ex-wrong-type-bool" {
				field, kind = "pinned", "boolean"
			}
			w.Status, w.Headers["content-type"] = 400, "application/json"
			w.Body = `{"message":"[body.` + field + `] Invalid input: expected ` + kind + `, received string","code":"VALIDATION_ERROR"}`
		},
	},
	{
		step: `^extra_compact ex-update-revoked-cached$`, reason: "B2: update-session reads the store, and finds no session before it would find none to update",
		change: func(w *answer, _ exchange) { w.Body = unauthorized },
	},
	{
		step: `^secrets_rot rot-old-cookies$`, reason: "B18: old secrets verify what they signed",
		change: func(w *answer, x exchange) { w.Body = cachedOf(x) },
	},
	{
		step: `^(compact|jwt|jwe) cc-list-revoked-but-cached$`, reason: "B1: the list reads the store, so a revoked session lists nothing",
		change: func(w *answer, _ exchange) {
			w.Status, w.Body, w.SetCookie = 401, unauthorized, expired("session_token", "session_data", "session_data", "dont_remember")
		},
	},
	{
		step: `^(compact|jwt|jwe) cc-update-revoked-but-cached$`, reason: "B2: update-session reads the store",
		change: func(w *answer, _ exchange) {
			w.Status, w.Body, w.SetCookie = 401, unauthorized, expired("session_token", "session_data", "session_data", "dont_remember")
		},
	},
	{
		step: `^base db-get$`, reason: "SR-79: a store that cannot answer is 503",
		change: func(w *answer, _ exchange) { w.Status = 503 },
	},
	{
		step: `^base db-(list|revoke|revoke-others|revoke-all)$`, reason: "B5: a store that cannot answer is 503, not 401, which is a logout",
		change: func(w *answer, _ exchange) { w.Status, w.Body = 503, unavailable },
	},
	{
		step: `^base db-sign-out$`, reason: "B4: a sign-out that did not reach the store is 503 and keeps the session cookie for the retry",
		change: func(w *answer, _ exchange) {
			w.Status, w.Body, w.SetCookie = 503, unavailable, expired("session_data")
		},
	},
	{
		step: `^base get-duplicate-cookie-first-junk$`, reason: "B8: of duplicates the one whose signature holds counts",
		change: func(w *answer, x exchange) { w.Body = sessionOf(x) },
	},
	{
		step: `^base ho-(huge-token|token-sql|token-trailing-space)$`, reason: "SR-03: what has not the form of a token is no session and clears nothing",
		change: func(w *answer, _ exchange) { w.Body, w.SetCookie = "null", nil },
		rows:   keptRows,
	},
	{
		step: `^base get-token-other-case$`, reason: "B14: tokens are compared byte for byte",
		change: func(w *answer, _ exchange) {
			w.Body, w.SetCookie = "null", expired("session_token", "session_data", "dont_remember")
		},
		rows: keptRows,
	},
	{
		step: `^base (rev-self-other-case|ho-revoke-token-trailing-space)$`, reason: "B14: tokens are compared byte for byte",
		change: func(*answer, exchange) {}, rows: keptRows,
	},
	{
		step: `^compact_nofresh list-slides-row-cache$`, reason: "CONTRACT 12.1: all of the middleware's cookies arrive, the slid session_token too",
		change: func(w *answer, x exchange) {
			token := "better-auth.session_token=" + cookieIn(x, "better-auth.session_token") + "; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"
			w.SetCookie = append(append(expired("session_data"), token), w.SetCookie...)
		},
	},
	{
		step: `^compact mw-list-chunked-cache-expired$`, reason: "CONTRACT 12.1: all chunks arrive, not the last alone",
		change: func(w *answer, x exchange) { w.SetCookie = responseOf("mw-get-chunked-cache-expired").SetCookie },
	},
	{
		step: `^compact ho-session-data-(not-base64|percent-garbage)$`, reason: "CONTRACT 12.2: a corrupt cookie cache is a miss",
		change: func(w *answer, x exchange) {
			junk := responseOf("ho-session-data-json-array")
			w.Status, w.Body, w.SetCookie = 200, junk.Body, junk.SetCookie
		},
	},
	{
		step: `^compact ho-list-not-base64$`, reason: "CONTRACT 12.2: a corrupt cookie cache is a miss",
		change: func(w *answer, x exchange) {
			list := responseOf("ho-list-query-disable-cache")
			w.Status, w.Body = 200, list.Body
			w.SetCookie = append(expired("session_data"), list.SetCookie...)
		},
	},
	{
		step: `^base cs-revoke-evil-origin-no-cookie$`, reason: "B6: the origin is checked without cookies too",
		change: func(w *answer, _ exchange) {
			w.Status, w.Body = 403, `{"message":"Invalid origin","code":"INVALID_ORIGIN"}`
		},
	},
	{
		step: `^base error-`, reason: "/error is not ours",
		change: func(w *answer, _ exchange) { *w = answer{Status: 404} },
	},
	{
		step: `^secondary_compact ss-revoke-all$`, reason: "SR-89: the cookie of a device session goes when it ends",
		change: func(w *answer, x exchange) {
			token, _, _ := strings.Cut(cookieIn(x, "better-auth.session_token"), ".")
			w.SetCookie = append(w.SetCookie, expired("session_token_multi-"+strings.ToLower(token))...)
		},
	},
	{
		step: `^secondary_extra ex-wrong-type`, reason: "a field of another type is 400, and not stored",
		change: func(w *answer, x exchange) {
			field, kind := "count", "int"
			if x.Step == "ex-wrong-type-bool" {
				field, kind = "pinned", "boolean"
			}
			w.Status, w.SetCookie = 400, nil
			w.Body = `{"message":"[body.` + field + `] Invalid input: expected ` + kind + `, received string","code":"VALIDATION_ERROR"}`
		},
		rows: keptRows,
	},
	{
		step: `^secondary_extra ex-(unknown-mixed|list)$`, reason: "a stored value of another type than its field's reads as null",
		change: func(w *answer, _ exchange) {
			w.Body = strings.NewReplacer(`"count":"abc"`, `"count":null`, `"pinned":"yes"`, `"pinned":null`).Replace(w.Body)
		},
	},
	{
		step: `^secondary_extra ex-hidden$`, reason: "CONTRACT 12.20: a field that is not returned is stored all the same",
		change: func(*answer, exchange) {},
		secondary: func(after map[string]kept, x exchange) {
			token, _, _ := strings.Cut(cookieIn(x, "better-auth.session_token"), ".")
			value := after[token]
			value.Value = strings.Replace(value.Value, `},"user":`, `,"internalNote":"secret note"},"user":`, 1)
			after[token] = value
		},
	},
	{
		step: `^secondary\w* ss-revoke-others$`, reason: "CONTRACT 11.2: deletions at once lose nothing of the list",
		change: func(*answer, exchange) {},
		secondary: func(after map[string]kept, x exchange) {
			own, _, _ := strings.Cut(cookieIn(x, "better-auth.session_token"), ".")
			for key, value := range after {
				if strings.HasPrefix(key, "active-sessions-") {
					value.Value = "[" + regexp.MustCompile(`\{"token":"`+own+`"[^}]*\}`).FindString(value.Value) + "]"
					after[key] = value
				}
			}
		},
	},
	{
		step: `.`, reason: "B17: every answer of a route has cache-control: no-store",
		change: func(w *answer, _ exchange) {
			if w.Status == http.StatusNotFound {
				return
			}
			w.Headers["cache-control"] = "no-store"
		},
	},
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
		if regexp.MustCompile(d.step).MatchString(x.Variant + " " + x.Step) {
			d.change(&want, x)
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
		if d.secondary != nil && regexp.MustCompile(d.step).MatchString(x.Variant+" "+x.Step) {
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

// read returns all rows of a table as the recordings have them.
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

var allTraces []exchange

func readTraces(t *testing.T) []exchange {
	t.Helper()
	if allTraces != nil {
		return allTraces
	}
	name := os.Getenv("CONTRACT_TRACES")
	if name == "" {
		name = "../testdata/contract/traces.jsonl"
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var x exchange
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		allTraces = append(allTraces, x)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return allTraces
}

// responseOf finds what another recorded step was answered, where that is what
// we answer too.
func responseOf(step string) answer {
	for _, x := range allTraces {
		if x.Step == step {
			return x.Response
		}
	}
	return answer{Body: "no recorded step " + strconv.Quote(step)}
}

// cookieIn returns the value of a cookie of the recorded request.
func cookieIn(x exchange, name string) string {
	for pair := range strings.SplitSeq(x.Request.Headers["cookie"], ";") {
		if key, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && key == name {
			return value
		}
	}
	return ""
}

// sessionOf is the body of get-session, read from the store, for the signed
// token among the cookies.
func sessionOf(x exchange) string {
	return bodyOf(x,
		[]string{"expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId", "id"},
		[]string{"name", "email", "emailVerified", "image", "createdAt", "updatedAt", "id"})
}

// cachedOf is the same, read from the cookie cache.
func cachedOf(x exchange) string {
	return bodyOf(x,
		[]string{"id", "createdAt", "updatedAt", "userId", "expiresAt", "token", "ipAddress", "userAgent"},
		[]string{"id", "createdAt", "updatedAt", "email", "emailVerified", "name", "image"})
}

func bodyOf(x exchange, session, user []string) string {
	for _, s := range x.StoreBefore.Session {
		if !strings.Contains(x.Request.Headers["cookie"], "="+fmt.Sprint(s["token"])+".") {
			continue
		}
		for _, u := range x.StoreBefore.User {
			if u["id"] != s["userId"] {
				continue
			}
			return members("{\"session\":", s, session) + members(",\"user\":", u, user) + "}"
		}
	}
	return "no session among the recorded rows"
}

func members(before string, row map[string]any, names []string) string {
	parts := make([]string, len(names))
	for i, name := range names {
		value := row[name]
		if name == "emailVerified" {
			value = value == float64(1)
		}
		text, _ := json.Marshal(value)
		parts[i] = strconv.Quote(name) + ":" + string(text)
	}
	return before + "{" + strings.Join(parts, ",") + "}"
}
