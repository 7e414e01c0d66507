package witness

import (
	"context"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// Store is a store whose errors the Witness hears, and whose tokens it keeps.
func (w *Witness) Store(store ginsession.Store) ginsession.Store { return overheard{store, w} }

type overheard struct {
	ginsession.Store
	witness *Witness
}

func (o overheard) Create(ctx context.Context, s models.Session) error {
	o.witness.keep(s.Token)
	return o.witness.Hear(o.Store.Create(ctx, s))
}

func (o overheard) Find(ctx context.Context, token string) (models.Session, models.User, error) {
	s, u, err := o.Store.Find(ctx, token)
	return s, u, o.witness.Hear(err)
}

func (o overheard) FindMany(ctx context.Context, tokens []string) ([]models.Found, error) {
	found, err := o.Store.FindMany(ctx, tokens)
	return found, o.witness.Hear(err)
}

func (o overheard) Update(ctx context.Context, read models.Session, fields map[string]any, now time.Time) (models.Session, error) {
	s, err := o.Store.Update(ctx, read, fields, now)
	return s, o.witness.Hear(err)
}

func (o overheard) Touch(ctx context.Context, read models.Session, next, now time.Time) (models.Session, error) {
	s, err := o.Store.Touch(ctx, read, next, now)
	return s, o.witness.Hear(err)
}

func (o overheard) Replace(ctx context.Context, read, next models.Session, now time.Time) (models.Session, error) {
	o.witness.keep(next.Token)
	s, err := o.Store.Replace(ctx, read, next, now)
	return s, o.witness.Hear(err)
}

func (o overheard) List(ctx context.Context, userID string, now time.Time) ([]models.Session, error) {
	sessions, err := o.Store.List(ctx, userID, now)
	return sessions, o.witness.Hear(err)
}

func (o overheard) Tokens(ctx context.Context, userID string) ([]string, error) {
	tokens, err := o.Store.Tokens(ctx, userID)
	return tokens, o.witness.Hear(err)
}

func (o overheard) Revoke(ctx context.Context, r models.Revocation) (int, error) {
	n, err := o.Store.Revoke(ctx, r)
	return n, o.witness.Hear(err)
}

func (o overheard) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := o.Store.Purge(ctx, before, limit)
	return n, o.witness.Hear(err)
}

// Feed is a feed whose errors the Witness hears.
func (w *Witness) Feed(feed ginsession.RevocationFeed) ginsession.RevocationFeed {
	return overheardFeed{feed, w}
}

type overheardFeed struct {
	ginsession.RevocationFeed
	witness *Witness
}

func (o overheardFeed) Publish(ctx context.Context, revoked models.Revoked) error {
	return o.witness.Hear(o.RevocationFeed.Publish(ctx, revoked))
}

func (o overheardFeed) Follow(ctx context.Context, since, every time.Duration, hear func(models.Heard)) error {
	return o.witness.Hear(o.RevocationFeed.Follow(ctx, since, every, hear))
}
