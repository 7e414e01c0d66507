package witness_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/witness"
	"github.com/ginsession/ginsession/models"
)

const (
	secret = "witness-secret-0123456789-abcdefghijklmnopqrstuvwxyz"
	token  = "tokenTokenTokenTokenTokenToken01"
	other  = "qD3vXw8ZrT1mKp6YbN9cGh2JfL5sAe7U" // nobody keeps it
	id     = "U7eAs5LfJ2hGc9NbY6pKm1TrZ8wXv3Dq"
	mac    = "dGhlIHNpZ25hdHVyZSBvZiBhIHRva2VuLCBzaGEyNTY" // without its =
)

// What finds nothing must be able to find something.
func TestSR67_TheWitnessNoticesALeak(t *testing.T) {
	t.Parallel()
	quoting := quoting{err: fmt.Errorf("Duplicate entry '%s' for key 'token'", token)}
	ctx := context.Background()
	tests := []struct {
		name string
		leak func(w *witness.Witness)
	}{
		{"a token in a log", func(w *witness.Witness) { w.Log().Error("find", "token", token) }},
		{"in its least part", func(w *witness.Witness) { w.Log().Debug("find " + token) }},
		{"a token in another case", func(w *witness.Witness) { fmt.Fprintln(w, "Duplicate entry", strings.ToUpper(token)) }},
		{"a token cut short", func(w *witness.Witness) { fmt.Fprintln(w, "key", token[:16], "is gone") }},
		{"a token within a key", func(w *witness.Witness) { fmt.Fprintln(w, "better-auth:{prefix-"+token+"}:gone") }},
		{"a signature", func(w *witness.Witness) { fmt.Fprintln(w, "bad cookie", mac) }},
		{"a cookie", func(w *witness.Witness) { fmt.Fprintln(w, "Cookie: a="+token+"."+mac+"%3D") }},
		{"a secret in an error", func(w *witness.Witness) { _ = w.Hear(fmt.Errorf("key %q", secret)) }},
		{"a token in a joined error", func(w *witness.Witness) { _ = w.Hear(errors.Join(io.EOF, fmt.Errorf("key %q", token))) }},
		{"a token in a field of an error", func(w *witness.Witness) { _ = w.Hear(quiet{token}) }},
		{"a token in a body", func(w *witness.Witness) { w.Read(`{"token":"` + token + `"}`) }},
		{"go-redis' log", func(w *witness.Witness) { w.Printf(ctx, "redis: %s", token) }},
		{"the driver's log", func(w *witness.Witness) { w.Driver().Print("bad packet of ", token) }},
		{"an SQL log", func(w *witness.Witness) {
			w.SQL().Trace(ctx, time.Now(), func() (string, int64) { return "SELECT '" + token + "'", 1 }, nil)
		}},
		{"Create's error", func(w *witness.Witness) { _ = w.Store(quoting).Create(ctx, models.Session{Token: token}) }},
		{"Find's error", func(w *witness.Witness) { _, _, _ = w.Store(quoting).Find(ctx, token) }},
		{"FindMany's error", func(w *witness.Witness) { _, _ = w.Store(quoting).FindMany(ctx, nil) }},
		{"Update's error", func(w *witness.Witness) { _, _ = w.Store(quoting).Update(ctx, models.Session{}, nil, time.Time{}) }},
		{"Touch's error", func(w *witness.Witness) {
			_, _ = w.Store(quoting).Touch(ctx, models.Session{}, time.Time{}, time.Time{})
		}},
		{"Replace's error", func(w *witness.Witness) {
			_, _ = w.Store(quoting).Replace(ctx, models.Session{}, models.Session{}, time.Time{})
		}},
		{"List's error", func(w *witness.Witness) { _, _ = w.Store(quoting).List(ctx, "", time.Time{}) }},
		{"Tokens' error", func(w *witness.Witness) { _, _ = w.Store(quoting).Tokens(ctx, "") }},
		{"Revoke's error", func(w *witness.Witness) { _, _ = w.Store(quoting).Revoke(ctx, models.Revocation{}) }},
		{"Purge's error", func(w *witness.Witness) { _, _ = w.Store(quoting).Purge(ctx, time.Time{}, 0) }},
		{"Publish's error", func(w *witness.Witness) { _ = w.Feed(silent{err: quoting.err}).Publish(ctx, models.Revoked{}) }},
		{"Follow's error", func(w *witness.Witness) { _ = w.Feed(silent{err: quoting.err}).Follow(ctx, 0, 0, nil) }},

		{"an unknown token", func(w *witness.Witness) { w.Log().Error("find", "token", other) }},
		{"an unknown token beside an id", func(w *witness.Witness) { w.Log().Error("find", "sessionId", id, "key", other) }},
		{"an unknown token in a path", func(w *witness.Witness) { fmt.Fprintln(w, "GET /revoke/"+other) }},
		{"an unknown token in JSON", func(w *witness.Witness) { fmt.Fprintln(w, `bad value {"id":"`+id+`","token":"`+other+`"}`) }},
		{"an unknown signature", func(w *witness.Witness) { fmt.Fprintln(w, "bad signature x."+strings.Repeat("a+/x", 10)+"abc=") }},
		{"an unknown signature, escaped", func(w *witness.Witness) { fmt.Fprintln(w, "bad signature x."+strings.Repeat("a%2B%2Fx", 10)+"abc%3D") }},
		{"an unknown cookie", func(w *witness.Witness) { fmt.Fprintln(w, "map[Cookie:[theirs=a-value-that-is-a-little-longer]]") }},
		{"an unknown cache", func(w *witness.Witness) { fmt.Fprintln(w, "__Secure-better-auth.session_data=e30.e30.e30") }},
	}
	for _, tt := range tests {
		w := witness.New()
		w.Keep(secret, "short")
		w.KeepCookie(token + "." + mac + "%3D")
		harmless(w)
		if got := w.Leaks(); len(got) != 0 {
			t.Fatalf("%s: noticed %q before", tt.name, got)
		}
		tt.leak(w)
		var out strings.Builder
		if got := w.Leaks(); len(got) != 1 || w.Report(&out, 0) != 1 || !strings.Contains(out.String(), "SR-67") {
			t.Errorf("%s: noticed %q", tt.name, got)
		}
	}
}

// harmless is what logs and bodies may say.
func harmless(w *witness.Witness) {
	w.Log().Warn("a session could not be renewed", "sessionId", id, "userId", id)
	fmt.Fprintln(w, `{"level":"INFO","session":{"sessionId":"`+id+`","userId":"u","by":"`+id+`"}}`)
	fmt.Fprintln(w, "session.sessionId="+id, "path=/api/auth/revoke-other-sessions", "panic in TestWhoseNameIsLongerThanAnyTokenCouldBeAndHasNoDigit")
	fmt.Fprintln(w, "SELECT `id`,`token` FROM `session` WHERE `token` = ? [0.5ms] [rows:1]", "h_0123456789abcdefghijABCDEFGHIJabcdefghijABC")
	_ = w.Hear(errors.New("ginsession: the cookie cache is off, sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709"))
	_ = w.Hear(nil)
	w.Read(`{"id":"` + id + `","token":"h_0123456789012345678901234567890123456789012"}`)
	fmt.Fprintln(w, "cannot open /tmp/TestWhoseNameIsLongerThanAnyToken2533034234/001/app.db")
	w.Read("short shor")
}

// quiet is an error that says nothing, but holds something.
type quiet struct{ token string }

func (quiet) Error() string { return "no answer" }

// quoting is a store whose errors say what they should not.
type quoting struct {
	ginsession.Store
	err error
}

func (s quoting) Create(context.Context, models.Session) error { return s.err }

func (s quoting) Find(context.Context, string) (models.Session, models.User, error) {
	return models.Session{}, models.User{}, s.err
}

func (s quoting) FindMany(context.Context, []string) ([]models.Found, error) { return nil, s.err }

func (s quoting) Update(context.Context, models.Session, map[string]any, time.Time) (models.Session, error) {
	return models.Session{}, s.err
}

func (s quoting) Touch(context.Context, models.Session, time.Time, time.Time) (models.Session, error) {
	return models.Session{}, s.err
}

func (s quoting) Replace(context.Context, models.Session, models.Session, time.Time) (models.Session, error) {
	return models.Session{}, s.err
}

func (s quoting) List(context.Context, string, time.Time) ([]models.Session, error) {
	return nil, s.err
}

func (s quoting) Tokens(context.Context, string) ([]string, error) { return nil, s.err }

func (s quoting) Revoke(context.Context, models.Revocation) (int, error) { return 0, s.err }

func (s quoting) Purge(context.Context, time.Time, int) (int, error) { return 0, s.err }

// silent is a feed like it.
type silent struct {
	ginsession.RevocationFeed
	err error
}

func (f silent) Publish(context.Context, models.Revoked) error { return f.err }

func (f silent) Follow(context.Context, time.Duration, time.Duration, func(models.Heard)) error {
	return f.err
}

// A secret may become known after it was let out, and long after.
func TestSecretsKeptLate(t *testing.T) {
	t.Parallel()
	w := witness.New()
	const begin = "aTokenThatTheCookieTells"
	fmt.Fprintln(w, "find", begin)
	fmt.Fprintln(w, "find", begin+"Again")
	for i := range 70_000 { // more than are remembered, less than twice as many
		fmt.Fprintf(w, "word-number-%06d\n", i)
	}
	if got := w.Leaks(); len(got) != 0 {
		t.Fatalf("noticed %q", got)
	}
	w.KeepCookies([]*http.Cookie{{Value: begin + "." + mac}})
	for i := range 140_000 {
		fmt.Fprintf(w, "later-word-number-%06d\n", i)
	}
	if got := w.Leaks(); len(got) != 2 {
		t.Errorf("noticed %q", got)
	}
	if got := w.Leaks(); len(got) != 2 {
		t.Errorf("noticed %q when asked again", got)
	}
}

func TestKeepRefusesWhatItCannotHear(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a secret of words is kept")
		}
	}()
	witness.New().Keep("a secret of several words, each of them short")
}

// What a process writes comes in pieces, and its last line may have no end.
func TestOutputOfAProcess(t *testing.T) {
	t.Parallel()
	w := witness.New()
	w.Keep(secret)
	harmless, leaking := w.Output(), w.Output()
	script := fmt.Sprintf("echo listening; printf 'token=%s' >&2; sleep 0.1; echo '%s' >&2; printf 'secret %s' >&2", other[:10], other[10:], secret)
	cmd := exec.Command("sh", "-c", script)
	cmd.Stdout, cmd.Stderr = harmless, leaking
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if got := harmless.Leaks(); len(got) != 0 || harmless.String() != "listening\n" {
		t.Errorf("standard output leaks %q in %q", got, harmless)
	}
	var spared, failed verdict
	harmless.Judge(&spared, "sh")
	leaking.Judge(&failed, "sh")
	if spared != "" || !strings.Contains(string(failed), "sh wrote") || !strings.Contains(string(failed), "token="+other) {
		t.Errorf("judged %q and %q", spared, failed)
	}
	if got := leaking.Leaks(); len(got) != 2 || !strings.HasSuffix(leaking.String(), secret) {
		t.Errorf("standard error leaks %q in %q", got, leaking)
	}
	if got := w.Leaks(); len(got) != 2 {
		t.Errorf("noticed %q", got)
	}
	late := witness.New()
	out := late.Output()
	fmt.Fprintln(out, "find", token[:20])
	if got := out.Leaks(); len(got) != 0 {
		t.Errorf("noticed %q before", got)
	}
	late.Keep(token)
	if got := late.Leaks(); len(got) != 1 {
		t.Errorf("noticed %q afterwards", got)
	}
}

// A verdict is how a test failed.
type verdict string

func (v *verdict) Errorf(format string, args ...any) { *v = verdict(fmt.Sprintf(format, args...)) }

func (*verdict) Helper() {}

// Neither a line without an end nor a process that writes for hours is kept whole.
func TestOutputIsBounded(t *testing.T) {
	t.Parallel()
	out := witness.New().Output()
	for range 100 {
		_, _ = out.Write(bytes.Repeat([]byte("x "), 64<<10))
	}
	if got := len(out.String()); got != 8<<10 {
		t.Errorf("%d bytes are shown", got)
	}
}
