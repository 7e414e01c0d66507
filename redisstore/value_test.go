package redisstore_test

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession/storetest"
)

// SR-07: Redis may hold anything under a token. What is no session of this token with
// its user is none, and not asked for in the database either.
func TestOnlyTheWholeSessionOfItsTokenIsOne(t *testing.T) {
	client := newRedis(t)
	eachMode(t, client, func(t *testing.T, b bench) {
		s := newSession("s1", "u1")
		s.Fields = map[string]any{"count": int64(5), "theme": "dark"}
		create(t, b, s)
		key := b.options.Prefix + s.Token
		whole := client.Get(t.Context(), key).Val()
		for _, test := range []struct {
			name, old, new string
			want           bool
		}{
			{"as it was written", "", "", true},
			{"spaces", `{"session":{`, `{ "session" : { `, true},
			{"unknown members", `{"session":{`, `{"x":[1],"session":{"y":{},`, true},
			{"of two tokens the last counts", `{"session":{`, `{"session":{"token":"` + token("s2") + `",`, true},

			{"another session's token", s.Token, token("s2"), false},
			{"a token in other letters", s.Token, strings.ToUpper(s.Token), false},
			{"another user's session", `"userId":"u1"`, `"userId":"u2"`, false},
			{"of two users the last counts", `"userId":"u1"`, `"userId":"u1","userId":"u2"`, false},
			{"no user's session", `"userId":"u1"`, `"userId":""`, false},
			{"no user", `"user":{`, `"other":{`, false},
			{"user is null", `"user":{`, `"user":null,"other":{`, false},
			{"expiry is a number", `"expiresAt":"`, `"expiresAt":1,"other":"`, false},
			{"something behind it", `}}`, `}}{}`, false},
			{"not closed", `}}`, `}`, false},
			{"an array", `{"session"`, `[{"session"`, false},
		} {
			value := strings.Replace(whole, test.old, test.new, 1)
			if value == whole && test.old != "" {
				t.Fatalf("%s: there is no %s in %s", test.name, test.old, whole)
			}
			if err := client.Set(t.Context(), key, value, redis.KeepTTL).Err(); err != nil {
				t.Fatal(err)
			}
			if got := alive(t, b, s.Token); got != test.want {
				t.Errorf("%s: alive: %t, want %t", test.name, got, test.want)
			}
			if found, err := b.FindMany(t.Context(), []string{s.Token}); err != nil || len(found) == 1 != test.want {
				t.Errorf("%s: FindMany found %d and %v, want one: %t", test.name, len(found), err, test.want)
			}
		}
	})
}

// A Better Auth server checks no types of additional fields. One that is of another
// type is null, and the session lives.
func TestFieldOfAnotherTypeIsNull(t *testing.T) {
	client := newRedis(t)
	b := newBench(t, client, modes[0], storetest.Schema())
	b.addUser(t, newUser("u1"))
	s := newSession("s1", "u1")
	s.Fields = map[string]any{"count": int64(5), "pinned": true}
	create(t, b, s)
	key := b.options.Prefix + s.Token
	whole := client.Get(t.Context(), key).Val()
	for _, test := range []struct{ field, old, new string }{
		{"count", `"count":5`, `"count":"5"`},
		{"count", `"count":5`, `"count":1.5`},
		{"count", `"count":5`, `"count":1e99`},
		{"count", `"count":5`, `"count":{}`},
		{"pinned", `"pinned":true`, `"pinned":"yes"`},
		{"pinned", `"pinned":true`, `"pinned":1`},
		{"theme", `"count":5`, `"count":5,"theme":7`},
		{"seenAt", `"count":5`, `"count":5,"seenAt":"soon"`},
	} {
		value := strings.Replace(whole, test.old, test.new, 1)
		if err := client.Set(t.Context(), key, value, redis.KeepTTL).Err(); err != nil {
			t.Fatal(err)
		}
		got, _, err := b.Find(t.Context(), s.Token)
		if err != nil || got.Fields[test.field] != nil || value == whole {
			t.Errorf("%s: got %v and %v, want nil", test.new, got.Fields[test.field], err)
		}
	}
}
