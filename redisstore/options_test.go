package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/redisstore"
)

func TestOptionsReportEveryFault(t *testing.T) {
	cluster := func(change func(*redis.ClusterOptions)) redis.UniversalClient {
		o := redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, ContextTimeoutEnabled: true}
		change(&o)
		client := redis.NewClusterClient(&o)
		t.Cleanup(func() { client.Close() })
		return client
	}
	server := func(o redis.Options) redis.UniversalClient {
		o.Addr = "127.0.0.1:1"
		client := redis.NewClient(&o)
		t.Cleanup(func() { client.Close() })
		return client
	}
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	t.Cleanup(func() { ring.Close() })
	schema := models.Schema{}
	rows, err := schema.Store(newDatabase(t, schema))
	if err != nil {
		t.Fatal(err)
	}
	good := server(redis.Options{ContextTimeoutEnabled: true})

	for _, test := range []struct {
		name    string
		options redisstore.Options
		want    []string
	}{
		{"everything", redisstore.Options{Prefix: "{a}", PreserveInDatabase: true, ExpiresIn: -1, Replicas: -1},
			[]string{"Client is nil", `Prefix is "{a}"`, "DB is nil", "PreserveInDatabase is true", "ExpiresIn is -1ns", "Replicas is -1"}},
		{"no timeouts", redisstore.Options{Client: server(redis.Options{}), DB: rows}, []string{"ContextTimeoutEnabled off"}},
		{"no timeouts in a Cluster", redisstore.Options{Client: cluster(func(o *redis.ClusterOptions) { o.ContextTimeoutEnabled = false }), DB: rows}, []string{"ContextTimeoutEnabled off"}},
		{"a cache of the client's", redisstore.Options{Client: server(redis.Options{ContextTimeoutEnabled: true, ClientSideCacheConfig: &redis.ClientSideCacheConfig{}}), DB: rows}, []string{"client-side cache"}},
		{"WAIT on any connection", redisstore.Options{Client: struct{ redis.UniversalClient }{}, DB: rows, Replicas: 1}, []string{"Replicas is 1 with a struct"}},
		{"replicas are read", redisstore.Options{Client: cluster(func(o *redis.ClusterOptions) { o.ReadOnly = true }), DB: rows}, []string{"reads from replicas"}},
		{"the nearest is read", redisstore.Options{Client: cluster(func(o *redis.ClusterOptions) { o.RouteByLatency = true }), DB: rows}, []string{"reads from replicas"}},
		{"a ring", redisstore.Options{Client: ring, DB: rows}, []string{"is a Ring"}},
		{"good", redisstore.Options{Client: good, DB: rows, StoreInDatabase: true, PreserveInDatabase: true, Replicas: 2, ExpiresIn: time.Hour}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			store, err := redisstore.New(test.options)
			if err == nil && store.DBSystem() != "redis" {
				t.Errorf("the system is %q", store.DBSystem())
			}
			if (err == nil) != (test.want == nil) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
	if _, err := redisstore.NewFeed(redisstore.FeedOptions{Prefix: "}"}); err == nil || !strings.Contains(err.Error(), "FeedOptions.Client is nil") || !strings.Contains(err.Error(), `FeedOptions.Prefix is "}"`) {
		t.Errorf("NewFeed: got %v", err)
	}
}
