package models

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// Whatever a DSN says: what is taken is set up as a Store needs it, and reads
// back as itself; what is refused is refused without showing the password.
func FuzzParseDSN(f *testing.F) {
	const password = "hunter2hunter2"
	for _, seed := range []struct{ before, tail, after string }{
		{"root", "", "tcp(127.0.0.1:3306)/"}, {"root", "", "tcp([::1]:3306)/app"}, {"root", "", "unix(/run/mysqld.sock)/app"}, {"", "", "/"}, {"root", "", "/app"},
		{"root", "@", "tcp(h)/app"}, {"root", "/?:#", "tcp(h)/app"}, {"root", "?loc=Local", "tcp(h)/app"}, {"a:b", "", "tcp(h:x)/app"},
		{"root", "", "tcp(h)/app?loc=Local"}, {"root", "", "tcp(h)/app?loc=US%2FPacific&parseTime=false"}, {"root", "", "tcp(h)/app?time_zone=%27SYSTEM%27"},
		{"root", "", "tcp(h)/app?time_zone=%27%2B00%3A00%27&tx_isolation=%27READ-COMMITTED%27"}, {"root", "", "tcp(h)/app?tx_isolation=SERIALIZABLE"},
		{"root", "", "tcp(h)/app?timeout=1s&readTimeout=90ms&writeTimeout=1h"}, {"root", "", "tcp(h)/app?timeout=-1s"}, {"root", "", "tcp(h)/app?charset=latin1&collation=latin1_bin"},
		{"root", "", "tcp(h)/app?multiStatements=true&allowAllFiles=1&allowOldPasswords=TRUE&allowCleartextPasswords=true&tls=skip-verify"}, {"root", "", "tcp(h)/app?timeTruncate=1us&clientFoundRows=0"},
		{"root", "", "tcp(h)/app?sql_mode=%27%27;DROP%20TABLE%20x"}, {"root", "", "tcp(h)/app?a=b=c&&=&%zz"}, {"root", "", "tcp(h)/a%2Fb?maxAllowedPacket=1e9"},
	} {
		f.Add(seed.before, seed.tail, seed.after)
	}
	f.Fuzz(func(t *testing.T, before, tail, after string) {
		dsn := before + ":" + password + tail + "@" + after
		cfg, err := parseDSN(dsn)
		if err != nil {
			// Without a slash behind it the password stands where parameters do.
			if strings.Contains(after, "/") && strings.Contains(err.Error(), password) {
				t.Fatalf("%q: the error shows the password: %v", dsn, err)
			}
			return
		}
		if !cfg.ParseTime || cfg.Loc != time.UTC || !cfg.ClientFoundRows || !cfg.InterpolateParams || cfg.MultiStatements || cfg.AllowAllFiles || cfg.AllowOldPasswords ||
			!cfg.CheckConnLiveness || cfg.Timeout == 0 || cfg.ReadTimeout == 0 || cfg.WriteTimeout == 0 || cfg.Params["time_zone"] != "'+00:00'" {
			t.Fatalf("%q is set up as %s", dsn, cfg.FormatDSN())
		}
		if strings.ContainsAny(cfg.User+cfg.Addr+cfg.Net, ":@/()") {
			return // what the driver formats it does not read again
		}
		again, err := parseDSN(cfg.FormatDSN())
		if err != nil {
			t.Fatalf("%q becomes %q, which is refused: %v", dsn, cfg.FormatDSN(), err)
		}
		if again.FormatDSN() != cfg.FormatDSN() {
			t.Fatalf("%q becomes %q, and that %q", dsn, cfg.FormatDSN(), again.FormatDSN())
		}
	})
}

// A time that a column holds as text is read or refused, by nothing else than
// its text, and what was read is written and read again to the same.
func FuzzReadTime(f *testing.F) {
	for _, seed := range []string{
		"2026-11-25T01:22:25.475Z", "2026-11-25T06:52:25.475+05:30", "2026-11-25 01:22:25.475404185+00:00", "2026-11-25 01:22:25", "2026-11-25T01:22:25.475999",
		"2026-11-25 01:22:25.475404 +0000 UTC m=+3600.06", "2026-11-24 20:22:25.475404 -0500 EST", "2026-11-25 06:52:25.475 +0530 +0530",
		"", "0000-00-00 00:00:00", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999-23:59", "10000-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-25T24:00:00Z",
		"2026-11-25", "1764033745475", "2026-11-25T01:22:25,475Z", "2026-11-25t01:22:25z", " 2026-11-25T01:22:25Z", "2026-11-25T01:22:25Z\x00", "tok0000000000000000000000000000A1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readTime(text)
		bytes, bytesErr := readTime([]byte(text))
		if err != bytesErr || !got.Equal(bytes) {
			t.Fatalf("%q reads as %v, %v; its bytes as %v, %v", text, got, err, bytes, bytesErr)
		}
		if err != nil {
			if err != errUnreadable || !got.IsZero() {
				t.Fatalf("%q: %v, %v", text, got, err)
			}
			return
		}
		if got.Location() != time.UTC || got.Nanosecond()%1e6 != 0 {
			t.Fatalf("%q reads as %v", text, got)
		}
		if strange(got) != "" {
			return // no statement is given such a time
		}
		if again, err := readTime(sqlite.bind(got)); err != nil || !again.Equal(got) {
			t.Fatalf("%q reads as %v, written and read again %v, %v", text, got, again, err)
		}
	})
}

// SQLite compares times as text, so that the order of texts must be that of
// times.
func FuzzInstantOrder(f *testing.F) {
	f.Add(int64(1764033745475), int64(1764033745476))
	f.Add(int64(-1), int64(0))
	f.Add(int64(253402300799999), int64(-62135596799999))
	f.Add(int64(999), int64(1000))
	f.Fuzz(func(t *testing.T, a, b int64) {
		first, second := time.UnixMilli(a), time.UnixMilli(b)
		if strange(first) != "" || strange(second) != "" {
			return
		}
		texts := strings.Compare(sqlite.bind(first).(string), sqlite.bind(second).(string))
		if texts != first.Compare(second) {
			t.Fatalf("%v and %v, as text %v and %v", first, second, sqlite.bind(first), sqlite.bind(second))
		}
	})
}

// Text in a column of another type is read for what it says or refused.
func FuzzReadColumn(f *testing.F) {
	for _, seed := range []string{"0", "1", "-7", "+7", "007", "9223372036854775807", "9223372036854775808", "1e3", "0x10", "1_000", " 1", "1\x00", "\x00", "\x01", "\x02", "true", "FALSE", "t", "yes", "", "NULL", "٣"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := readNumber(text)
		if m, bytesErr := readNumber([]byte(text)); m != n || bytesErr != err {
			t.Fatalf("%q is %d, %v; its bytes %d, %v", text, n, err, m, bytesErr)
		}
		if err == nil {
			if again, err := readNumber(strconv.FormatInt(n, 10)); err != nil || again != n {
				t.Fatalf("%q is %d, and that %d, %v", text, n, again, err)
			}
			if digits := strings.TrimLeft(strings.TrimLeft(text, "+-"), "0"); digits != strings.TrimPrefix(strconv.FormatInt(n, 10), "-") && n != 0 {
				t.Fatalf("%q is %d", text, n)
			}
		}
		truth, err := readTruth(text)
		if err != nil && (err != errUnreadable || truth) {
			t.Fatalf("%q is %t, %v", text, truth, err)
		}
		if bytes, bytesErr := readTruth([]byte(text)); len(text) != 1 && (bytes != truth || bytesErr != err) {
			t.Fatalf("%q is %t, %v; its bytes %t, %v", text, truth, err, bytes, bytesErr)
		}
		if got, err := readText([]byte(text)); err != nil || got != text {
			t.Fatalf("%q is %q, %v", text, got, err)
		}
	})
}
