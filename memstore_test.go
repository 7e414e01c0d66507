package ginsession_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/sessiontest"
)

// memStore is sessiontest's, whose calls tests count, fail and race.
type memStore struct {
	*sessiontest.Store

	mu    sync.Mutex
	calls []string

	// before, if set, runs ahead of each call; its error becomes the call's.
	before func(ctx context.Context, call string) error
	// found, if set, runs when Find has read and not answered yet.
	found func()
}

func newMemStore() *memStore {
	s := &memStore{Store: sessiontest.NewStore()}
	s.Before(s.enter)
	return s
}

func (s *memStore) enter(ctx context.Context, method string) error {
	call := strings.ToLower(method[:1]) + method[1:]
	s.mu.Lock()
	s.calls = append(s.calls, call)
	before := s.before
	s.mu.Unlock()
	if before != nil {
		return before(ctx, call)
	}
	return nil
}

// count returns how often a call was made since the last reset.
func (s *memStore) count(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, made := range s.calls {
		if made == call || call == "" {
			n++
		}
	}
	return n
}

func (s *memStore) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

func (s *memStore) hook(before func(ctx context.Context, call string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

// during does something ahead of each call of a kind.
func (s *memStore) during(kind string, do func()) {
	s.hook(func(_ context.Context, call string) error {
		if call == kind {
			do()
		}
		return nil
	})
}

// hold makes the first call of a kind wait until it is released.
func (s *memStore) hold(kind string) (release func()) {
	wait, release := once()
	s.during(kind, wait)
	return release
}

// holdAnswer makes the first Find wait when it has read.
func (s *memStore) holdAnswer() (release func()) {
	wait, release := once()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = wait
	return release
}

// once is a wait for the first who comes, until it is released.
func once() (wait, release func()) {
	released := make(chan struct{})
	var came atomic.Bool
	return func() {
		if !came.Swap(true) {
			<-released
		}
	}, func() { close(released) }
}

func (s *memStore) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	session, user, err := s.Store.Find(ctx, token)
	s.mu.Lock()
	found := s.found
	s.mu.Unlock()
	if found != nil {
		found()
	}
	return session, user, err
}

func (s *memStore) Create(ctx context.Context, session models.Session) error {
	everything.Keep(session.Token)
	return s.Store.Create(ctx, session)
}

func (s *memStore) row(token string) (models.Session, bool) {
	for _, row := range s.Rows() {
		if row.Token == token {
			return row, true
		}
	}
	return models.Session{}, false
}

// edit changes a row behind the Manager's back.
func (s *memStore) edit(token string, change func(*models.Session)) {
	row, _ := s.row(token)
	change(&row)
	s.Remove(token)
	s.Put(row)
}
