package models

import "context"

// Index: primary key. %s: the additional fields.
const userSQL = `SELECT u."id", u."name", u."email", u."emailVerified", u."image", u."createdAt", u."updatedAt"%s ` +
	`FROM "user" u WHERE u."id" = ?`

// User reads the user with this id. It returns ErrNoUser if there is none with
// exactly this id. A Store that keeps sessions elsewhere puts the user beside them.
func (s *Store) User(ctx context.Context, id string) (User, error) {
	arg, possible := s.userID(id)
	if !possible || id == "" {
		return User{}, ErrNoUser
	}
	found, err := query(ctx, s, s.sql.user, s.scanUser, arg)
	if err != nil {
		return User{}, s.dialect.wrap(ctx, "user", err)
	}
	for _, user := range found {
		if user.ID == id { // a collation may call other ids equal
			return user, nil
		}
	}
	return User{}, ErrNoUser
}
