package nodes

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginsession/ginsession/conformance/internal/proxy"
)

// A fault is one way to keep news from a node.
type fault struct {
	name string
	// breaks does it and returns what mends it. ended are sessions that were ended
	// right before.
	breaks func(t *testing.T, c *cluster, ended []*device) (mends func())
	// first says that sessions are ended while it lasts, on the first node, which
	// it leaves alone; else they are ended right before it.
	first  bool
	lasts  time.Duration
	unseen bool // it is as well if no copy of a live session is doubted and nothing waits
}

// Somebody alters the feed's table: nobody can read or write it.
var tableLocked = fault{name: "table locked", lasts: 8 * time.Second,
	breaks: func(t *testing.T, c *cluster, _ []*device) func() {
		conn := c.server.Conn(t)
		run := func(statement string) {
			if _, err := conn.ExecContext(context.Background(), statement); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
		}
		run("LOCK TABLES app.session_revocation WRITE")
		return func() {
			run("UNLOCK TABLES")
			_ = conn.Close()
		}
	}}

// The power cut of a process.
var databaseKilled = fault{name: "database killed and restarted", lasts: maxLag + time.Second,
	breaks: func(t *testing.T, c *cluster, _ []*device) func() {
		c.server.Kill()
		return func() { c.server.Start(t) }
	}}

// All that the last node says to the database is swallowed. Its connections never
// come back.
var networkFrozen = fault{name: "network frozen", first: true, lasts: maxLag + 2*time.Second,
	breaks: func(_ *testing.T, c *cluster, _ []*device) func() {
		c.network.Set(proxy.Weather{Frozen: true})
		return func() { c.network.Set(proxy.Weather{}) }
	}}

// The last node is stopped in whatever it does. Requests go on waiting for it.
var nodeStopped = fault{name: "node stopped", first: true, lasts: maxLag + time.Second,
	breaks: func(t *testing.T, c *cluster, _ []*device) func() {
		n := c.nodes[2]
		n.stop(t)
		return func() { n.resume(t) }
	}}

// The last node is killed and started again, once every copy of what was ended is
// past the bound and, by the database, what can be was ended minutes ago. Its
// reading of the store soon stands behind it, so that perhaps nobody is doubted.
var nodeStartedAnew = fault{name: "node started anew", unseen: true,
	breaks: func(t *testing.T, c *cluster, ended []*device) func() {
		time.Sleep(maxLag + time.Second) // the others have heard
		for _, d := range ended {        // but for those of whole users: their sessions are younger
			c.server.Exec(t, "UPDATE app.session_revocation SET at = at - INTERVAL 4 MINUTE WHERE tokenHash = UNHEX(SHA2(?, 256))", d.token())
		}
		c.nodes[2].restart(t)
		return func() {}
	}}

// What Redis does not tell the database does.

var redisKilled = fault{name: "redis killed and restarted", first: true, lasts: maxLag + time.Second, unseen: true,
	breaks: func(t *testing.T, c *cluster, _ []*device) func() {
		c.redis.Kill()
		return func() { c.redis.Start(t) }
	}}

// A stream that is deleted again and again loses lines before they are read.
var streamFlushed = fault{name: "stream flushed", first: true, lasts: maxLag + time.Second, unseen: true,
	breaks: func(t *testing.T, c *cluster, _ []*device) func() {
		client := redis.NewClient(&redis.Options{Addr: c.redis.Address})
		ctx, stop := context.WithCancel(context.Background())
		var flushing sync.WaitGroup
		flushing.Go(func() {
			for ctx.Err() == nil {
				if err := client.FlushAll(context.Background()).Err(); err != nil {
					t.Errorf("FLUSHALL: %v", err)
				}
				time.Sleep(time.Millisecond)
			}
		})
		return func() {
			stop()
			flushing.Wait()
			_ = client.Close()
		}
	}}

// The old master comes back as a replica of the new one.
var redisFailedOver = fault{name: "failed over by sentinel", first: true, lasts: maxLag + time.Second, unseen: true,
	breaks: func(t *testing.T, c *cluster, _ []*device) func() {
		c.redis.Kill()
		return func() {
			eventually(t, "a failover", func() bool { return masterOf(t, c.sentinel) != c.redis.Address })
			c.redis.Start(t)
		}
	}}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, feed := range feeds {
		t.Run(feed.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, feed)
			for _, f := range feed.faults {
				t.Run(f.name, func(t *testing.T) { f.run(t, c) })
			}
		})
	}
}

// victims is how many sessions each fault ends, a quarter of them in each way.
const victims = 8

// run ends sessions around the fault while their saved cookies, and those of
// sessions that live on, are sent to the other nodes all the time.
func (f fault) run(t *testing.T, c *cluster) {
	y := new(tally)
	hush := c.crowd(t, y)
	witness := c.signIn(t, y, c.users(t, 1)[0])
	c.believed(t, witness)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rush, rushed := context.WithCancel(ctx)
	var asking, ending sync.WaitGroup
	ended, others := make([]*device, victims), make([]*device, victims)
	for i, user := range c.users(t, victims) {
		ended[i], others[i] = c.signIn(t, y, user), c.signIn(t, y, user)
		for _, n := range c.nodes[1:] {
			asking.Go(func() { ended[i].insist(ctx, n, me, 50*time.Millisecond) })
			asking.Go(func() { others[i].insist(ctx, n, me, 50*time.Millisecond) })
			// So that the fault meets readings of the store, whose answers those
			// who ask later must not share.
			asking.Go(func() { ended[i].insist(rush, n, byStore, 0) })
		}
	}
	time.Sleep(200 * time.Millisecond)

	var mends func()
	if f.first {
		mends = f.breaks(t, c, ended)
	}
	for i, d := range ended {
		ending.Go(func() {
			if w := ways[i%len(ways)]; !w.end(c.nodes[0], d, others[i]) {
				t.Errorf("%s of %s was not confirmed", w.name, d.user)
			}
		})
	}
	ending.Wait()
	if !f.first {
		mends = f.breaks(t, c, ended)
	}
	rushed()
	for _, d := range slices.Concat(ended, others) { // at a stopped node they wait
		for _, n := range c.nodes[1:] {
			for _, path := range []string{me, byStore, renew, me} {
				asking.Go(func() { d.read(n, path) })
			}
		}
	}
	time.Sleep(f.lasts)
	mends()

	c.believed(t, witness)
	time.Sleep(time.Second) // what was believed again is asked for a while
	cancel()
	asking.Wait()
	for _, d := range ended {
		for _, n := range c.nodes {
			if a, _ := d.read(n, me); a.accepts() {
				t.Errorf("%s takes %s in the end", n.name, d.id)
			}
		}
	}
	hush()
	y.judge(t)
	if y.doubted+y.waited == 0 && !f.unseen {
		t.Error("every copy of a live session was believed: the fault kept no news from anybody, and this proves nothing")
	}
}

// insist reads the session on the node again and again, with pauses, until ctx ends.
func (d *device) insist(ctx context.Context, n *node, path string, pause time.Duration) {
	for ctx.Err() == nil {
		d.read(n, path)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
