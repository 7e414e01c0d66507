package models_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// A witness hears the SQL log of all databases that the tests open, at GORM's
// most talkative, the driver's log, and the errors of the stores that the suite runs on. TestMain
// asks it at the end for tokens: rule 13 of the store.
type witness struct {
	mu   sync.Mutex
	said strings.Builder
}

var everything = &witness{}

// traces are how tokens of these tests begin, in lower case.
var traces = []string{strings.ToLower(secret[:11]), "tokenabcdefghij"}

func (w *witness) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(p)
}

func (w *witness) hear(err error) error {
	if err != nil {
		fmt.Fprintf(w, "%v %+v %#v\n", err, err, err)
	}
	return err
}

// leaks are the lines that hold a token.
func (w *witness) leaks() (found []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for line := range strings.Lines(w.said.String()) {
		for _, trace := range traces {
			if strings.Contains(strings.ToLower(line), trace) {
				found = append(found, line)
				break
			}
		}
	}
	return found
}

func (w *witness) report(out io.Writer, code int) int {
	for _, leak := range w.leaks() {
		fmt.Fprintf(out, "rule 13: a token was let out: %s", leak)
		code = 1
	}
	return code
}

func TestMain(m *testing.M) {
	_ = mysql.SetLogger(log.New(everything, "[mysql] ", 0))
	os.Exit(everything.report(os.Stderr, m.Run()))
}

// overheardSQL is a logger of an application that wants to know everything.
func overheardSQL() logger.Interface {
	return logger.New(log.New(everything, "", 0), logger.Config{LogLevel: logger.Info, SlowThreshold: time.Nanosecond})
}

// overheard is a store whose errors the witness hears.
type overheard struct{ ginsession.Store }

func (o overheard) Create(ctx context.Context, s models.Session) error {
	return everything.hear(o.Store.Create(ctx, s))
}

func (o overheard) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	s, u, err := o.Store.Find(ctx, token)
	return s, u, everything.hear(err)
}

func (o overheard) FindMany(ctx context.Context, tokens []string) ([]models.Found, error) {
	found, err := o.Store.FindMany(ctx, tokens)
	return found, everything.hear(err)
}

func (o overheard) Update(ctx context.Context, read models.Session, fields map[string]any, now time.Time) (models.Session, error) {
	s, err := o.Store.Update(ctx, read, fields, now)
	return s, everything.hear(err)
}

func (o overheard) Touch(ctx context.Context, read models.Session, next, now time.Time) (models.Session, error) {
	s, err := o.Store.Touch(ctx, read, next, now)
	return s, everything.hear(err)
}

func (o overheard) Replace(ctx context.Context, read, next models.Session, now time.Time) (models.Session, error) {
	s, err := o.Store.Replace(ctx, read, next, now)
	return s, everything.hear(err)
}

func (o overheard) List(ctx context.Context, userID string, now time.Time) ([]models.Session, error) {
	sessions, err := o.Store.List(ctx, userID, now)
	return sessions, everything.hear(err)
}

func (o overheard) Tokens(ctx context.Context, userID string) ([]string, error) {
	tokens, err := o.Store.Tokens(ctx, userID)
	return tokens, everything.hear(err)
}

func (o overheard) Revoke(ctx context.Context, r models.Revocation) (int, error) {
	n, err := o.Store.Revoke(ctx, r)
	return n, everything.hear(err)
}

func (o overheard) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := o.Store.Purge(ctx, before, limit)
	return n, everything.hear(err)
}

// What finds nothing must be able to find something.
func TestRule13TheWitnessNoticesALeak(t *testing.T) {
	w := &witness{}
	fmt.Fprintln(w, "SELECT * FROM session WHERE token = ?")
	if got := w.leaks(); len(got) != 0 || w.report(io.Discard, 0) != 0 {
		t.Fatalf("noticed %q", got)
	}
	fmt.Fprintln(w, "SELECT * FROM session WHERE token = '"+secret+"'")
	_ = w.hear(fmt.Errorf("Duplicate entry %q", strings.ToLower(secret)))
	if got := w.leaks(); len(got) != 2 || w.report(io.Discard, 0) != 1 {
		t.Errorf("noticed %q", got)
	}
}
