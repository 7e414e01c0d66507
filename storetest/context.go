package storetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ginsession/ginsession/models"
)

// calls are all methods, each about a session that exists.
func calls(h Harness) map[string]func(ctx context.Context) error {
	session := newSession("s1", u1, base.Add(hour))
	return map[string]func(ctx context.Context) error{
		"Create": func(ctx context.Context) error { return h.Store.Create(ctx, newSession("s2", u1, base.Add(hour))) },
		"Find":   func(ctx context.Context) error { _, _, err := h.Store.Find(ctx, session.Token); return err },
		"FindMany": func(ctx context.Context) error {
			_, err := h.Store.FindMany(ctx, []string{session.Token})
			return err
		},
		"Update": func(ctx context.Context) error {
			_, err := h.Store.Update(ctx, session, map[string]any{"theme": "late"}, base)
			return err
		},
		"Touch": func(ctx context.Context) error {
			_, err := h.Store.Touch(ctx, session, base.Add(2*hour), base)
			return err
		},
		"Replace": func(ctx context.Context) error {
			_, err := h.Store.Replace(ctx, session, successor(session, "s3"), base)
			return err
		},
		"List":   func(ctx context.Context) error { _, err := h.Store.List(ctx, u1, base); return err },
		"Tokens": func(ctx context.Context) error { _, err := h.Store.Tokens(ctx, u1); return err },
		"Revoke": func(ctx context.Context) error {
			_, err := h.Store.Revoke(ctx, models.Revocation{Token: session.Token})
			return err
		},
		"Purge": func(ctx context.Context) error { _, err := h.Store.Purge(ctx, base, 0); return err },
	}
}

func endedContext(t *testing.T, h Harness) {
	h.AddUser(t, newUser(u1))
	session := newSession("s1", u1, base.Add(hour))
	create(t, h, session)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls(h) {
		err := call(ctx)
		switch {
		case err == nil:
			t.Errorf("%s: got no error", name)
		case answered(err):
			t.Errorf("%s: got %v, which is an answer", name, err)
		case !errors.Is(err, context.Canceled):
			t.Errorf("%s: got %v, which does not wrap context.Canceled", name, err)
		case strings.Contains(err.Error(), session.Token):
			t.Errorf("%s: the error holds the token", name)
		}
	}
	remain(t, h, map[string]bool{"s1": true, "s2": false, "s3": false})
}

func stalled(t *testing.T, h Harness) {
	if h.Stall == nil {
		t.Log("not run: the harness has no Stall")
		return
	}
	h.AddUser(t, newUser(u1))
	create(t, h, newSession("s1", u1, base.Add(hour)))
	release := h.Stall(t)
	var once sync.Once
	defer once.Do(release)

	const patience, slack = 200 * time.Millisecond, 2 * time.Second
	var wait sync.WaitGroup
	for name, call := range calls(h) {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			begin := time.Now()
			err := call(ctx)
			if took := time.Since(begin); took > patience+slack {
				t.Errorf("%s: took %s of %s", name, took, patience)
			}
			if err == nil || answered(err) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v, want an error that wraps context.DeadlineExceeded", name, err)
			}
		})
	}
	wait.Wait()

	// What was written under the stall may still happen, as it does when a
	// lock goes; but the store works again.
	once.Do(release)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := h.Store.List(ctx, u1, base); err != nil {
		t.Errorf("List after the stall: %v", err)
	}
}
