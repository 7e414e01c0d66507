package emailpassword

import (
	"context"
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"
)

// rows holds every statement about users and their passwords.
type rows struct{ db *gorm.DB }

// An account is what a sign-in needs to know of a user. hash is "" for users
// without a password.
type account struct{ id, hash string }

type newUser struct {
	id, name, email string
	image           *string // nil for NULL
	hash            string
}

// migrate creates the table of passwords. It is a table of its own, so that
// `user` stays as Better Auth knows it, and it has no foreign key: deleting a
// user must not fail because of it. What is left of a deleted user opens
// nothing; ids are never used again.
func (r rows) migrate(ctx context.Context) error {
	return r.db.WithContext(ctx).Exec("CREATE TABLE IF NOT EXISTS `password` (" +
		"`userId` varchar(36) NOT NULL PRIMARY KEY, `hash` varchar(255) NOT NULL)").Error
}

// find reads the account with this e-mail address, which must be in lower
// case. It uses the unique index on user.email.
func (r rows) find(ctx context.Context, email string) (account, bool, error) {
	var row struct {
		ID    string `gorm:"column:id"`
		Email string `gorm:"column:email"`
		Hash  string `gorm:"column:hash"`
	}
	result := r.db.WithContext(ctx).Raw("SELECT u.`id`, u.`email`, COALESCE(p.`hash`, '') AS `hash` "+
		"FROM `user` u LEFT JOIN `password` p ON p.`userId` = u.`id` WHERE u.`email` = ? LIMIT 1", email).Scan(&row)
	// Collations call more things equal than we do.
	if result.Error != nil || result.RowsAffected == 0 || strings.ToLower(row.Email) != email {
		return account{}, false, result.Error
	}
	return account{row.ID, row.Hash}, true, nil
}

// insert stores a user with a password. It returns errUserExists if the
// e-mail address was taken meanwhile.
func (r rows) insert(ctx context.Context, u newUser, now time.Time) error {
	err := r.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		created := instant(tx, now)
		if err := tx.Exec("INSERT INTO `user` (`id`, `name`, `email`, `emailVerified`, `image`, `createdAt`, `updatedAt`) "+
			"VALUES (?, ?, ?, ?, ?, ?, ?)", u.id, u.name, u.email, false, u.image, created, created).Error; err != nil {
			return err
		}
		return tx.Exec("INSERT INTO `password` (`userId`, `hash`) VALUES (?, ?)", u.id, u.hash).Error
	})
	if duplicate(r.db, err) {
		return errUserExists
	}
	return err
}

// instant is how a time is stored: whole milliseconds in UTC. SQLite has no
// type for it and keeps Better Auth's text.
func instant(db *gorm.DB, t time.Time) any {
	t = t.UTC().Truncate(time.Millisecond)
	if db.Name() == "sqlite" {
		return t.Format("2006-01-02T15:04:05.000Z")
	}
	return t
}

// duplicate reports whether a unique index refused a row, in the words of any
// database that gorm knows.
func duplicate(db *gorm.DB, err error) bool {
	if t, ok := db.Dialector.(gorm.ErrorTranslator); ok && err != nil {
		err = t.Translate(err)
	}
	return errors.Is(err, gorm.ErrDuplicatedKey)
}

const idAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// newID returns 32 random characters of a-zA-Z0-9, as Better Auth's ids have.
// Bytes of 248 and more are skipped: 256 is no multiple of 62.
func newID() string {
	id := make([]byte, 0, 32)
	for len(id) < cap(id) {
		for _, b := range random(cap(id)) {
			if b < 248 && len(id) < cap(id) {
				id = append(id, idAlphabet[b%62])
			}
		}
	}
	return string(id)
}
