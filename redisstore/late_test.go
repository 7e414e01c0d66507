package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession/internal/testredis"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/storetest"
)

// A breaker is a client's way to a server, which breaks once, at a moment of the
// test's choice. The client then sends again what it got no answer to.
type breaker struct {
	server string

	mu     sync.Mutex
	at     []byte // breaks the connection of the next request that holds it; nil: of none
	before bool   // before the request has arrived, else before its answer has
	lost   []byte // the request that has not arrived
}

// client is one that sends a request again so many times.
func (b *breaker) client(t *testing.T, retries int) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: b.server, ContextTimeoutEnabled: true, MaxRetries: retries,
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return &breakable{Conn: conn, breaker: b}, err
		}})
	t.Cleanup(func() { client.Close() })
	return client
}

// arm chooses the moment.
func (b *breaker) arm(at string, before bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at, b.before = []byte(at), before
}

// broke reports whether the moment has come.
func (b *breaker) broke() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at == nil
}

// arrive brings the request that was lost, as the network does with what it sends
// again for a while, though nobody waits for the answer any more.
func (b *breaker) arrive(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("tcp", b.server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(b.lost); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

type breakable struct {
	net.Conn
	breaker *breaker
	broken  bool
}

func (c *breakable) Write(request []byte) (int, error) {
	b := c.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.at != nil && bytes.Contains(request, b.at) {
		b.at, c.broken = nil, true
		if b.before {
			b.lost = slices.Clone(request)
			return len(request), nil
		}
	}
	return c.Conn.Write(request)
}

func (c *breakable) Read(answer []byte) (int, error) {
	if c.broken {
		if !c.breaker.before {
			_, _ = c.Conn.Read(answer) // by then it has been done
			_ = c.Conn.Close()
		}
		return 0, io.EOF
	}
	return c.Conn.Read(answer)
}

// The creation of a session is sent twice, because nobody answers the first time;
// the session lives, and is revoked; then the first creation arrives.
func TestCreationThatArrivesLateDoesNotReviveARevokedSession(t *testing.T) {
	server := testredis.New(t)
	for _, m := range modes {
		for name, revoke := range map[string]func(s models.Session) models.Revocation{
			"one": func(s models.Session) models.Revocation { return models.Revocation{Token: s.Token} },
			"all": func(s models.Session) models.Revocation { return models.Revocation{UserID: s.UserID} },
			"others": func(s models.Session) models.Revocation {
				return models.Revocation{UserID: s.UserID, Except: "x", Now: base()}
			},
		} {
			t.Run(m.name+"/"+name, func(t *testing.T) {
				line := &breaker{server: server.Address}
				b := newBench(t, line.client(t, 3), m, storetest.Schema())
				b.addUser(t, newUser("u1"))
				create(t, b, newSession("s1", "u1")) // Redis has the scripts now
				s := newSession("s2", "u1")
				line.arm(":gone", true)
				create(t, b, s)
				if !line.broke() || !alive(t, b, s.Token) {
					t.Fatal("the creation was not sent twice: this test proves nothing")
				}
				if _, err := b.Revoke(t.Context(), revoke(s)); err != nil {
					t.Fatal(err)
				}
				line.arrive(t)
				if alive(t, b, s.Token) {
					t.Error("the session is alive again")
				}
			})
		}
	}
}

// Beside the database a session begins without Redis. What it had been sent of it
// arrives when the session has been revoked.
func TestCreationThatRedisNeverAnsweredDoesNotReviveARevokedSession(t *testing.T) {
	line := &breaker{server: testredis.New(t).Address}
	client := line.client(t, -1)
	b := newBench(t, client, modes[1], storetest.Schema())
	b.addUser(t, newUser("u1"))
	create(t, b, newSession("s1", "u1")) // Redis has the scripts now
	s := newSession("s2", "u1")
	line.arm(":gone", true)
	create(t, b, s)
	if n, err := client.Exists(t.Context(), b.options.Prefix+s.Token).Result(); !line.broke() || n != 0 || err != nil {
		t.Fatalf("Redis has %d keys, and %v: this test proves nothing", n, err)
	}
	if n, err := b.Revoke(t.Context(), models.Revocation{Token: s.Token}); n != 1 || err != nil {
		t.Fatalf("revoked %d and %v, want 1", n, err)
	}
	line.arrive(t)
	if alive(t, b, s.Token) {
		t.Error("the session is alive again")
	}
}

// The creation of a session is sent twice, because the first answer is lost. That is
// no sign that another has the token.
func TestCreationWhoseAnswerIsLostIsNoDuplicate(t *testing.T) {
	server := testredis.New(t)
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			line := &breaker{server: server.Address}
			b := newBench(t, line.client(t, 3), m, storetest.Schema())
			b.addUser(t, newUser("u1"))
			create(t, b, newSession("s1", "u1")) // Redis has the scripts now
			line.arm(":gone", false)
			s := newSession("s2", "u1")
			create(t, b, s)
			if !line.broke() || !alive(t, b, s.Token) {
				t.Errorf("an answer was lost: %t, the session is not alive", line.broke())
			}
		})
	}
}

// The end of the former session is sent twice, because the first answer is lost.
// That is no sign that another ended it.
func TestReplaceWhoseAnswerIsLostIsNoLogout(t *testing.T) {
	server := testredis.New(t)
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			line := &breaker{server: server.Address}
			b := newBench(t, line.client(t, 3), m, storetest.Schema())
			b.addUser(t, newUser("u1"))
			first, second, third := newSession("s1", "u1"), newSession("s2", "u1"), newSession("s3", "u1")
			create(t, b, first)
			if _, err := b.Replace(t.Context(), first, second, base()); err != nil { // Redis has the scripts now
				t.Fatal(err)
			}
			line.arm(":gone", false)
			if _, err := b.Replace(t.Context(), second, third, base()); err != nil {
				t.Errorf("got %v", err)
			}
			if !line.broke() {
				t.Fatal("no answer was lost: this test proves nothing")
			}
			if alive(t, b, second.Token) || !alive(t, b, third.Token) {
				t.Errorf("the former is alive: %t, the successor: %t", alive(t, b, second.Token), alive(t, b, third.Token))
			}
		})
	}
}

// Replicas that are missing fail a replacement before it has ended anything.
func TestReplaceWithoutReplicasIsNoLogout(t *testing.T) {
	client := newRedis(t)
	schema := storetest.Schema()
	schema.Feed = true // else the feed in Redis fails first, on this one server
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			first := newBench(t, client, m, schema)
			options := first.options
			options.Replicas = 1
			b := open(t, first.db, options)
			b.addUser(t, newUser("u1"))
			s := newSession("s1", "u1")
			create(t, b, s)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := b.Replace(ctx, s, newSession("s2", "u1"), base()); err == nil || errors.Is(err, models.ErrNotFound) {
				t.Errorf("got %v, want an error that is no answer", err)
			}
			if !alive(t, b, s.Token) {
				t.Error("the session is gone")
			}
		})
	}
}
