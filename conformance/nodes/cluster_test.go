package nodes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ginsession/ginsession/conformance/internal/mariadb"
	"github.com/ginsession/ginsession/conformance/internal/proxy"
	"github.com/ginsession/ginsession/internal/testredis"
	"github.com/ginsession/ginsession/models"
)

// A feed is a way in which nodes hear of each other's revocations.
type feed struct {
	name   string
	faults []fault
	// starts starts what is beside the database, and says how nodes find it.
	starts func(t *testing.T, c *cluster) settings
	same   bool // revocations travel as with another feed, and are not measured
}

var feeds = []feed{
	{name: "database", faults: []fault{tableLocked, databaseKilled, networkFrozen, nodeStopped, nodeStartedAnew},
		starts: func(*testing.T, *cluster) settings { return settings{} }},
	{name: "redis", faults: []fault{redisKilled, streamFlushed},
		starts: func(t *testing.T, c *cluster) settings {
			c.redis = testredis.New(t)
			return settings{Redis: []string{c.redis.Address}}
		}},
	{name: "redis and sentinel", faults: []fault{redisFailedOver}, same: true,
		starts: func(t *testing.T, c *cluster) settings {
			c.sentinel, c.redis = newSentinel(t)
			return settings{Redis: []string{c.sentinel.Address}, Master: testredis.Master}
		}},
}

// A cluster is three nodes and what they share.
type cluster struct {
	server   *mariadb.Server
	redis    *testredis.Server // that has the stream, at first
	sentinel *testredis.Server
	network  *proxy.Proxy // between the last node and the database
	nodes    []*node
	made     int // users
}

// newCluster starts everything. It ends with the test.
func newCluster(t *testing.T, f feed) *cluster {
	t.Helper()
	c := &cluster{server: mariadb.New(t)}
	c.network = proxy.New(t, c.server.Address())
	dsn := mariadb.DSN(c.server.Address())
	db, err := models.OpenMySQL(dsn)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := schema.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	s := f.starts(t, c)
	for _, name := range []string{"one", "two", "three"} {
		if s.DSN = dsn; name == "three" {
			s.DSN = mariadb.DSN(c.network.Address())
		}
		c.nodes = append(c.nodes, newNode(t, name, s))
	}
	return c
}

// any is a node that is not away.
func (c *cluster) any() *node {
	for {
		if n := c.nodes[rand.IntN(len(c.nodes))]; !n.away.Load() {
			return n
		}
	}
}

// others are the nodes but one.
func (c *cluster) others(but *node) []*node {
	return slices.DeleteFunc(slices.Clone(c.nodes), func(n *node) bool { return n == but })
}

// users makes n users and returns their ids.
func (c *cluster) users(t *testing.T, n int) []string {
	t.Helper()
	ids, values := make([]string, n), make([]string, n)
	for i := range n {
		c.made++
		ids[i] = fmt.Sprintf("user-%d", c.made)
		values[i] = fmt.Sprintf("('%[1]s', '%[1]s', '%[1]s@example.com', 1)", ids[i])
	}
	c.server.Exec(t, "INSERT INTO app.user (id, name, email, emailVerified) VALUES "+strings.Join(values, ", "))
	return ids
}

// signIn signs in a device of the user, on some node.
func (c *cluster) signIn(t *testing.T, y *tally, user string) *device {
	t.Helper()
	for range 20 {
		if d, ok := signIn(y, c.any(), user); ok {
			return d
		}
	}
	t.Fatalf("%s cannot sign in", user)
	return nil
}

// believed waits until every node believes the device's copy.
func (c *cluster) believed(t *testing.T, d *device) {
	t.Helper()
	for _, n := range c.nodes {
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			a, _ := d.read(n, me)
			if a.accepts() && a.body == fromCopy {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s does not believe a good copy after 30 s: %d %s", n.name, a.status, a.body)
			}
		}
	}
}

// clients is how many people use the service beside.
const clients = 30

// A person is one user with a browser that stays signed in and a second device
// that signs in and out.
type person struct {
	cluster *cluster
	tally   *tally
	user    string
	main    *device
	second  *device   // nil when signed out
	past    []*device // the last few, as whoever saved their cookies has them
}

// crowd lets people use the service until the function that it returns is called,
// which compares the sessions that they know with the rows there are.
func (c *cluster) crowd(t *testing.T, y *tally) (hush func()) {
	t.Helper()
	var people []*person
	for _, user := range c.users(t, clients) {
		people = append(people, &person{cluster: c, tally: y, user: user, main: c.signIn(t, y, user)})
	}
	ctx, stop := context.WithCancel(t.Context())
	var living sync.WaitGroup
	for _, p := range people {
		living.Go(func() { p.live(ctx) })
	}
	return func() {
		stop()
		living.Wait()
		c.server.Settle(t)
		rows := c.server.Column(t, "SELECT id FROM app.session")
		for _, p := range people {
			p.verify(rows)
		}
	}
}

// live goes on until ctx ends, with the pauses of a page that is looked at.
func (p *person) live(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(50*time.Millisecond + rand.N(200*time.Millisecond)):
		}
		p.step(p.cluster.any())
	}
}

// step does one thing at random.
func (p *person) step(n *node) {
	switch i := rand.IntN(10); {
	case i < 3:
		p.main.read(n, me)
	case i < 4 && p.second != nil:
		p.second.read(n, me)
	case i < 6 && len(p.past) > 0:
		p.past[rand.IntN(len(p.past))].read(n, me)
	case i < 7:
		if a, ok := p.main.read(n, renew); ok {
			p.main.keep(a)
		}
	case i < 8:
		p.list(n)
	case p.second == nil:
		p.second, _ = signIn(p.tally, n, p.user)
	default:
		p.signOut(n)
	}
}

// list gets the person's sessions, as the main browser, from the store.
func (p *person) list(n *node) {
	a, ok := p.tally.ask(n, http.MethodGet, "/api/auth/list-sessions", p.main.cookies, "")
	switch {
	case !ok || a.status == http.StatusServiceUnavailable:
		return
	case a.status != http.StatusOK:
		p.tally.lost("list-sessions on %s: %s: %d %s", n.name, p.main.id, a.status, a.body)
		return
	}
	p.tally.expires("list-sessions", a)
	for _, d := range p.living() {
		if !strings.Contains(a.body, d.id) {
			p.tally.lost("list-sessions on %s: %s is not in it", n.name, d.id)
		}
	}
	for _, d := range p.past {
		if strings.Contains(a.body, d.id) {
			p.tally.wrong("list-sessions on %s: %s is back", n.name, d.id)
		}
	}
}

// signOut ends the second device, by itself or by the main browser.
func (p *person) signOut(n *node) {
	if !ways[rand.IntN(2)].end(n, p.second, p.main) {
		return
	}
	if p.past = append(p.past, p.second); len(p.past) > 5 {
		p.past = p.past[1:]
	}
	p.second = nil
}

// living are the devices that must be honoured.
func (p *person) living() []*device {
	if p.second != nil && p.second.fate.Load() == nil {
		return []*device{p.main, p.second}
	}
	return []*device{p.main}
}

// verify compares what the person knows with the rows there are.
func (p *person) verify(rows []string) {
	for _, d := range p.living() {
		if !slices.Contains(rows, d.id) {
			p.tally.lost("%s has no row", d.id)
		}
	}
	for _, d := range p.past {
		if slices.Contains(rows, d.id) {
			p.tally.wrong("%s has a row", d.id)
		}
	}
}
