package redisstore_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/redisstore"
)

// A vector is what a Better Auth server did to its secondary storage.
type vector struct {
	Name   string
	Inputs struct {
		Now               time.Time
		SessionInDatabase bool `json:"session_in_database"`
		Token             string
	}
	Expected struct {
		Operations []struct {
			Op, Key, Value string
			TTL            int `json:"ttl_seconds"`
		}
	}
}

// Each recorded change to the storage, made here by the same call, leaves the same
// keys with the same bytes and lives.
func TestVectors(t *testing.T) {
	vectors := readVectors(t)
	for _, where := range []string{"only", "and-database"} {
		t.Run(where, func(t *testing.T) {
			begin := time.Now()
			client := newRedis(t)
			db := newDatabase(t, models.Schema{})
			rows, err := models.Schema{}.Store(db)
			if err != nil {
				t.Fatal(err)
			}
			var now time.Time
			b := open(t, db, redisstore.Options{
				Client: client, DB: rows, StoreInDatabase: where == "and-database", Now: func() time.Time { return now },
			})
			signIn := vectors["storage-secondary-"+where+"-sign-in"]
			made, user := valueOf(t, signIn)
			b.addUser(t, user)

			// The session that was there before.
			now = signIn.Inputs.Now
			before := made
			before.ID, before.Token = "before", listOf(signIn)[0].Token
			before.ExpiresAt = time.UnixMilli(listOf(signIn)[0].ExpiresAt).UTC()
			create(t, b, before)
			create(t, b, made)
			compare(t, client, signIn, begin)

			slide := vectors["storage-secondary-"+where+"-slide"]
			now = slide.Inputs.Now
			want, _ := valueOf(t, slide)
			read, _, err := b.Find(t.Context(), made.Token)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Touch(t.Context(), read, want.ExpiresAt, now); err != nil {
				t.Fatal(err)
			}
			compare(t, client, slide, begin)

			all := vectors["storage-secondary-"+where+"-revoke-all"]
			now = all.Inputs.Now
			last := made
			last.ID, last.Token, last.ExpiresAt = "last", all.Inputs.Token, now.Add(hour)
			create(t, b, last)
			if n, err := b.Revoke(t.Context(), models.Revocation{UserID: user.ID, Now: now}); err != nil || n != 3 {
				t.Errorf("revoked %d and %v, want 3", n, err)
			}
			compare(t, client, all, begin)
		})
	}
}

func readVectors(t *testing.T) map[string]vector {
	t.Helper()
	text, err := os.ReadFile("../testdata/contract/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []json.RawMessage }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	named := map[string]vector{}
	for _, raw := range file.Vectors {
		var name struct{ Name string }
		if json.Unmarshal(raw, &name) != nil || !strings.HasPrefix(name.Name, "storage-") {
			continue
		}
		var v vector
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		named[name.Name] = v
	}
	if len(named) != 6 {
		t.Fatalf("%d vectors of the storage, want 6", len(named))
	}
	return named
}

// valueOf is the session that a vector writes, and its user.
func valueOf(t *testing.T, v vector) (models.Session, models.User) {
	t.Helper()
	for _, op := range v.Expected.Operations {
		if op.Key != v.Inputs.Token {
			continue
		}
		var value struct {
			Session struct {
				models.Session
				Token string
			}
			User models.User
		}
		if err := json.Unmarshal([]byte(op.Value), &value); err != nil {
			t.Fatal(err)
		}
		value.Session.Session.Token = value.Session.Token
		return value.Session.Session, value.User
	}
	t.Fatalf("%s writes no session", v.Name)
	return models.Session{}, models.User{}
}

type line struct {
	Token     string
	ExpiresAt int64
}

// listOf is the list that a vector writes.
func listOf(v vector) (list []line) {
	for _, op := range v.Expected.Operations {
		if strings.HasPrefix(op.Key, "active-sessions-") {
			_ = json.Unmarshal([]byte(op.Value), &list)
		}
	}
	return list
}

// compare fails unless Redis has what the vector wrote, with the life that it gave, of
// which some has passed since the test began.
func compare(t *testing.T, client *redis.Client, v vector, begin time.Time) {
	t.Helper()
	for _, op := range v.Expected.Operations {
		got, err := client.Get(t.Context(), op.Key).Result()
		if op.Op == "delete" {
			if err != redis.Nil {
				t.Errorf("%s: %s is there, and %v", v.Name, op.Key, err)
			}
			continue
		}
		if err != nil || got != op.Value {
			t.Errorf("%s: %s\n got  %s and %v\nwant  %s", v.Name, op.Key, got, err, op.Value)
		}
		lives := client.PTTL(t.Context(), op.Key).Val()
		if given := time.Duration(op.TTL) * time.Second; lives > given || lives < given-time.Since(begin)-time.Second {
			t.Errorf("%s: %s lives %v, want %v", v.Name, op.Key, lives, given)
		}
	}
}
