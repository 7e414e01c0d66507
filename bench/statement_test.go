package bench

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/models"
)

// What one statement costs, without a request: database/sql with a statement
// prepared once (the floor), models.Store, and GORM.
func BenchmarkStatement(b *testing.B) {
	type doer struct {
		layer string
		open  func(*testing.B) (counter, map[string]func() error)
	}
	doers := []doer{
		{"floor-sql", func(b *testing.B) (counter, map[string]func() error) {
			pool := openSQL(b, newDSN(b), false)
			return byConnection{pool}, sqlDoes(b, pool)
		}},
		{"ginsession", func(b *testing.B) (counter, map[string]func() error) {
			db := openGORM(b, newDSN(b))
			return poolOf(b, db), storeDoes(b, db)
		}},
		{"gorm", func(b *testing.B) (counter, map[string]func() error) {
			pool := openSQL(b, newDSN(b), false)
			return byConnection{pool}, gormDoes(b, overSQL(b, pool, false))
		}},
		{"gorm-tuned", func(b *testing.B) (counter, map[string]func() error) {
			pool := openSQL(b, newDSN(b), false)
			return byConnection{pool}, gormDoes(b, overSQL(b, pool, true))
		}},
	}
	for _, op := range []string{"select-1", "find", "create", "touch", "touch-lost", "create-revoke", "list"} {
		for _, d := range doers {
			if op == "select-1" && d.layer != "floor-sql" {
				continue
			}
			b.Run("op="+op+"/layer="+d.layer, func(b *testing.B) {
				count, ops := d.open(b)
				run := func() {
					if err := ops[op](); err != nil {
						b.Fatal(err)
					}
				}
				run()
				b.ReportAllocs()
				for b.Loop() {
					run()
				}
				reportAsked(b, count, run)
			})
		}
	}
}

func sqlDoes(b *testing.B, pool *sql.DB) map[string]func() error {
	statements := prepare(b, pool)
	own := newRow(millis(time.Now()))
	for i := range 10 {
		r := own
		if i > 0 {
			r = newRow(own.createdAt)
		}
		if err := statements.insert(r); err != nil {
			b.Fatal(err)
		}
	}
	one, err := pool.Prepare("SELECT 1")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = one.Close() })
	return map[string]func() error{
		"select-1": func() error { var n int; return one.QueryRow().Scan(&n) },
		"find":     func() error { _, err := statements.read(own.token); return err },
		"create":   func() error { return statements.insert(newRow(own.createdAt)) },
		"touch": func() error {
			next := own.expiresAt.Add(time.Millisecond)
			err := statements.renew(own, next, own.createdAt)
			own.expiresAt = next
			return err
		},
		"touch-lost": func() error { // another moved the expiry that was read
			read := own
			read.expiresAt = own.expiresAt.Add(-time.Millisecond)
			if err := statements.renew(read, own.expiresAt.Add(time.Millisecond), own.createdAt); err != nil {
				return err
			}
			now, err := statements.reread(own.token)
			return unmoved(own.expiresAt, now.expiresAt, err)
		},
		"create-revoke": func() error {
			r := newRow(own.createdAt)
			if err := statements.insert(r); err != nil {
				return err
			}
			return statements.end(r.token)
		},
		"list": func() error { _, err := statements.ofUser(ada, own.createdAt); return err },
	}
}

func storeDoes(b *testing.B, db *gorm.DB) map[string]func() error {
	store, err := models.NewStore(db)
	if err != nil {
		b.Fatal(err)
	}
	ctx := byDeadline(b)
	now := millis(time.Now())
	own := newSession(ada, now)
	for i := range 10 {
		s := own
		if i > 0 {
			s = newSession(ada, now)
		}
		if err := store.Create(ctx, s); err != nil {
			b.Fatal(err)
		}
	}
	return map[string]func() error{
		"find":   func() error { _, _, err := store.Find(ctx, own.Token); return err },
		"create": func() error { return store.Create(ctx, newSession(ada, now)) },
		"touch": func() (err error) {
			own, err = store.Touch(ctx, own, own.ExpiresAt.Add(time.Millisecond), now)
			return err
		},
		"touch-lost": func() error {
			read := own
			read.ExpiresAt = own.ExpiresAt.Add(-time.Millisecond)
			s, err := store.Touch(ctx, read, own.ExpiresAt.Add(time.Millisecond), now)
			return unmoved(own.ExpiresAt, s.ExpiresAt, err)
		},
		"create-revoke": func() error {
			s := newSession(ada, now)
			if err := store.Create(ctx, s); err != nil {
				return err
			}
			_, err := store.Revoke(ctx, models.Revocation{Token: s.Token})
			return err
		},
		"list": func() error { _, err := store.List(ctx, ada, now); return err },
	}
}

// unmoved is an error unless the expiry is the one of whoever was faster.
func unmoved(want, got time.Time, err error) error {
	if err == nil && !got.Equal(want) {
		err = fmt.Errorf("the expiry is %v, want %v", got, want)
	}
	return err
}

// joined is a session with its user as GORM joins them.
type joined struct {
	models.Session
	User models.User `gorm:"foreignKey:UserID;references:ID"`
}

func gormDoes(b *testing.B, db *gorm.DB) map[string]func() error {
	now := millis(time.Now())
	own := newSession(ada, now)
	for i := range 10 {
		s := own
		if i > 0 {
			s = newSession(ada, now)
		}
		if err := db.Create(&s).Error; err != nil {
			b.Fatal(err)
		}
	}
	touch := func(read models.Session, next time.Time) error {
		return db.Model(&models.Session{}).Where("id = ? AND token = ? AND expiresAt = ? AND expiresAt >= ?", read.ID, read.Token, read.ExpiresAt, now).
			Updates(map[string]any{"expiresAt": next, "updatedAt": now}).Error
	}
	return map[string]func() error{
		"find": func() error {
			var found joined
			return db.Joins("User").Where("`session`.`token` = ?", own.Token).Take(&found).Error
		},
		"create": func() error { s := newSession(ada, now); return db.Create(&s).Error },
		"touch": func() error {
			next := own.ExpiresAt.Add(time.Millisecond)
			err := touch(own, next)
			own.ExpiresAt = next
			return err
		},
		"touch-lost": func() error {
			read := own
			read.ExpiresAt = own.ExpiresAt.Add(-time.Millisecond)
			if err := touch(read, own.ExpiresAt.Add(time.Millisecond)); err != nil {
				return err
			}
			var s models.Session
			err := db.Where("token = ?", own.Token).Take(&s).Error
			return unmoved(own.ExpiresAt, s.ExpiresAt, err)
		},
		"create-revoke": func() error {
			s := newSession(ada, now)
			if err := db.Create(&s).Error; err != nil {
				return err
			}
			return db.Where("token = ?", s.Token).Delete(&models.Session{}).Error
		},
		"list": func() error {
			var found []models.Session
			return db.Where("userId = ? AND expiresAt > ?", ada, now).Order("id").Limit(100).Find(&found).Error
		},
	}
}
