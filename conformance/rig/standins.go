package rig

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// quick is no way to keep a real password. How passwords are kept is not what is
// looked at here.
type quick struct{}

func (quick) Hash(_ context.Context, password string) (string, error) {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(password))), nil
}

func (q quick) Verify(ctx context.Context, hash, password string) (bool, error) {
	fits, err := q.Hash(ctx, password)
	return fits == hash, err
}

// A loser is a store whose renewals and updates all come too late.
type loser struct{ ginsession.Store }

func (loser) Touch(context.Context, models.Session, time.Time, time.Time) (models.Session, error) {
	return models.Session{}, models.ErrNotFound
}

func (loser) Update(context.Context, models.Session, map[string]any, time.Time) (models.Session, error) {
	return models.Session{}, models.ErrNotFound
}
