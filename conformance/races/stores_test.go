package races_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// lossy is a Store of which one call in 30 gets no answer: half of these have
// happened, the others never reached the database.
type lossy struct{ ginsession.Store }

var errLost = errors.New("the connection was lost")

// lost makes a call whose answer may be lost on the way.
func lost[T any](call func() (T, error)) (T, error) {
	var none T
	switch rand.N(60) {
	case 0:
		return none, errLost
	case 1:
		_, _ = call()
		return none, errLost
	}
	return call()
}

func (s *lossy) Create(ctx context.Context, row models.Session) error {
	_, err := lost(func() (struct{}, error) { return struct{}{}, s.Store.Create(ctx, row) })
	return err
}

func (s *lossy) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	found, err := lost(func() (models.Found, error) {
		row, user, err := s.Store.Find(ctx, token)
		return models.Found{Session: row, User: user}, err
	})
	return found.Session, found.User, err
}

func (s *lossy) Touch(ctx context.Context, read models.Session, next, now time.Time) (models.Session, error) {
	return lost(func() (models.Session, error) { return s.Store.Touch(ctx, read, next, now) })
}

func (s *lossy) List(ctx context.Context, userID string, now time.Time) ([]models.Session, error) {
	return lost(func() ([]models.Session, error) { return s.Store.List(ctx, userID, now) })
}

func (s *lossy) Revoke(ctx context.Context, r models.Revocation) (int, error) {
	return lost(func() (int, error) { return s.Store.Revoke(ctx, r) })
}

// saving is a Store with the classic mistake: it renews by saving what it has
// read, which inserts the row again if it is gone.
type saving struct{ ginsession.Store }

func (s saving) Touch(ctx context.Context, read models.Session, next, now time.Time) (models.Session, error) {
	touched, err := s.Store.Touch(ctx, read, next, now)
	if errors.Is(err, models.ErrNotFound) {
		read.ExpiresAt, read.UpdatedAt = next, now
		return read, s.Store.Create(ctx, read)
	}
	return touched, err
}

// forgetful is a Store whose node knows of no revocation any more by the time
// of the next question.
type forgetful struct {
	ginsession.Store
	forget func()
}

func (s forgetful) List(ctx context.Context, userID string, now time.Time) ([]models.Session, error) {
	s.forget()
	return s.Store.List(ctx, userID, now)
}
