package conformance

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession/internal/testredis"
)

// A kept is a value of the recorded secondary storage.
type kept struct {
	Value string
	TTL   *int `json:"ttl_given"` // seconds; nil is for ever
}

// newRedis starts a redis-server of the test's own.
func newRedis(t *testing.T) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: testredis.New(t).Address})
	t.Cleanup(func() { client.Close() })
	return client
}

// theirs are the keys of the contract; those of our own have braces.
func theirs(t *testing.T, client *redis.Client) []string {
	t.Helper()
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(keys, func(key string) bool { return strings.Contains(key, "{") })
}

func loadSecondary(t *testing.T, client *redis.Client, stored map[string]kept) {
	t.Helper()
	if keys := theirs(t, client); len(keys) > 0 {
		if err := client.Del(t.Context(), keys...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for key, value := range stored {
		var ttl time.Duration
		if value.TTL != nil {
			ttl = time.Duration(*value.TTL) * time.Second
		}
		if err := client.Set(t.Context(), key, value.Value, ttl).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// compareSecondary compares keys, the bytes of their values, and how long they have
// to live, of which a moment has gone by.
func compareSecondary(t *testing.T, client *redis.Client, want map[string]kept) {
	t.Helper()
	for _, key := range theirs(t, client) {
		if _, ok := want[key]; !ok {
			t.Errorf("secondary storage has the key %s", key)
		}
	}
	for key, value := range want {
		got, err := client.Get(t.Context(), key).Result()
		if err != nil {
			t.Errorf("secondary storage, %s: %v", key, err)
			continue
		}
		if got != value.Value {
			t.Errorf("secondary storage, %s\n got  %s\nwant  %s", key, got, value.Value)
		}
		ttl, err := client.PTTL(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		if value.TTL == nil {
			if ttl >= 0 {
				t.Errorf("secondary storage, %s: lives %v, want for ever", key, ttl)
			}
			continue
		}
		if given := time.Duration(*value.TTL) * time.Second; ttl > given || ttl < given-5*time.Second {
			t.Errorf("secondary storage, %s: lives %v, want %v", key, ttl, given)
		}
	}
}

// ofRedisOnly: there Better Auth gives sessions in an order of their members that
// tells where they are stored, leaves out fields that are null, and lists by expiry.
// We write the same as from a database. No client can tell (CONTRACT 3).
func ofRedisOnly(variant string) bool {
	return variant == "secondary" || variant == "secondary_preserve" || variant == "secondary_compact" || variant == "secondary_extra"
}

// unordered is a body without those differences.
func unordered(body string) string {
	var value any
	if json.Unmarshal([]byte(body), &value) != nil {
		return body
	}
	text, _ := json.Marshal(withoutNulls(value))
	return string(text)
}

func withoutNulls(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, member := range value {
			if value[key] = withoutNulls(member); member == nil {
				delete(value, key)
			}
		}
	case []any:
		for i := range value {
			value[i] = withoutNulls(value[i])
		}
		slices.SortFunc(value, func(a, b any) int {
			first, _ := a.(map[string]any)
			second, _ := b.(map[string]any)
			return strings.Compare(fmt.Sprint(first["id"]), fmt.Sprint(second["id"]))
		})
	}
	return value
}

// withCopiesUnordered replaces the compact cookie caches among the lines by what is
// in them: the order of members is signed too.
func withCopiesUnordered(lines []string) []string {
	changed := slices.Clone(lines)
	for i, line := range lines {
		name, rest, _ := strings.Cut(line, "=")
		value, attributes, _ := strings.Cut(rest, ";")
		plain, err := url.PathUnescape(value)
		raw, errDecode := base64.RawURLEncoding.DecodeString(plain)
		var copied map[string]any
		if !strings.HasSuffix(name, "session_data") || err != nil || errDecode != nil || json.Unmarshal(raw, &copied) != nil {
			continue
		}
		delete(copied, "signature")
		text, _ := json.Marshal(withoutNulls(copied))
		changed[i] = name + "=" + string(text) + ";" + attributes
	}
	return changed
}
