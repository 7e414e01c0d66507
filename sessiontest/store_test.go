package sessiontest_test

import (
	"context"
	"testing"

	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/sessiontest"
	"github.com/ginsession/ginsession/storetest"
)

func TestMemStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		store := sessiontest.NewStore()
		store.Declare(storetest.Schema())
		return storetest.Harness{
			Store:      store,
			AddUser:    func(_ *testing.T, user models.User) { store.AddUser(user) },
			RemoveUser: func(_ *testing.T, userID string) { store.RemoveUser(userID) },
			Stall: func(*testing.T) (release func()) {
				store.Before(func(ctx context.Context, _ string) error {
					<-ctx.Done()
					return ctx.Err()
				})
				return func() { store.Before(nil) }
			},
		}
	})
}
