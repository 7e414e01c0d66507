package faults

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ginsession/ginsession/conformance/internal/mariadb"
	"github.com/ginsession/ginsession/conformance/internal/proxy"
	"github.com/ginsession/ginsession/internal/witness"
)

const (
	clients = 200
	// slack is what an answer may take beside waiting for the store: clients,
	// application and server share two processors, with the race detector and, in
	// CI, with others. Twice what the slowest answer took that needs no store
	// comes on top: the machine's share, which is measured and in the table. What
	// has no deadline shows all the same: it hangs for as long as the fault.
	slack = time.Second
	// busy is what no answer that needs no store takes on a machine that is there
	// for the test.
	busy = 200 * time.Millisecond
	// withinFull is how soon after a fault everything must be served again, beside
	// what that takes a machine on which nothing is broken: as after a fault, when
	// all clients ask at once.
	withinFull = 2 * time.Second
)

// A form says how long each fault lasts and what the application's deadline is:
// shorter, so that requests run into it.
type form struct{ lasts, deadline time.Duration }

var (
	short = form{1400 * time.Millisecond, time.Second}
	long  = form{30 * time.Second, 2 * time.Second} // Config.StoreTimeout's default
)

// A fault is one way to break the server or the way to it.
type fault struct {
	name string
	// breaks does it and returns what mends it. When that has returned, the
	// fault is over.
	breaks func(t *testing.T, s *scene) (mends func())
	cached bool // the cookie cache is on, and what it vouches for is served throughout
	far    bool // there is a network between the application and the server
	unseen bool // it is as well if nobody is refused anything
}

// A scene is where a fault happens.
type scene struct {
	server   *mariadb.Server
	app      *app
	network  *proxy.Proxy // of those that are far
	deadline time.Duration
}

// tablespace is the one file of all tables. It does not grow, so that the disk
// can be full without being so: the server then answers as on a full one.
const tablespace = "--innodb-data-file-path=ibdata1:32M"

// everything hears what the application says while it is broken: its log, the SQL log,
// the driver's, and the bodies: SR-67 and SR-44.
var everything = witness.New()

func TestMain(m *testing.M) {
	everything.Keep(secret)
	os.Exit(everything.Main(m))
}

func TestFaults(t *testing.T) {
	form := short
	if os.Getenv("TEST_LONG") != "" {
		form = long
	}
	server := mariadb.New(t, tablespace, "--innodb-file-per-table=0")
	var tallies []*tally
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			y := f.measured(t, server, form)
			tallies = append(tallies, y)
			y.judge(t, form, f.unseen)
		})
	}
	t.Logf("%d faults of %v, deadline %v, %d clients\n%s", len(tallies), form.lasts, form.deadline, clients, table(tallies))
}

// measured runs a fault, again if the machine was too busy with something else to
// say how long anything takes. What must hold on any machine is not asked twice.
func (f fault) measured(t *testing.T, server *mariadb.Server, form form) *tally {
	for try := 1; ; try++ {
		y := &tally{name: f.name}
		t.Run(fmt.Sprintf("try %d", try), func(t *testing.T) { f.run(t, server, y, form) })
		late := y.late(form)
		if t.Failed() || y.bad() || late == "" || max(y.idle, y.rush) < busy || try == 3 {
			return y
		}
		t.Logf("%s; but what needs no store took %v too, and everything, with nothing broken, %v: trying again", late, y.idle, y.rush)
	}
}

// run breaks the server under 200 clients, mends it, waits for full service and
// compares what everybody knows with what there is.
func (f fault) run(t *testing.T, server *mariadb.Server, y *tally, form form) {
	s := &scene{server: server, deadline: form.deadline}
	address := server.Address()
	if f.far {
		s.network = proxy.New(t, address)
		address = s.network.Address()
	}
	s.app = newApp(t, mariadb.DSN(address), f.cached, form.deadline)
	server.Exec(t, "DELETE FROM app.user") // and their sessions
	crowd := gather(t, s.app)
	for _, c := range crowd {
		c.tally = y
	}
	probe := crowd[clients]

	stop, rushes := make(chan struct{}), []chan struct{}{make(chan struct{}), make(chan struct{})}
	var living sync.WaitGroup
	for _, c := range crowd[:clients] {
		living.Go(func() { c.live(rushes, stop) })
	}
	living.Go(func() { crowd[clients+1].idle(stop) })
	hush := sync.OnceFunc(func() { close(stop); living.Wait() })
	defer hush()

	time.Sleep(200 * time.Millisecond)
	close(rushes[0])
	y.unbroken(probe.served())
	time.Sleep(200 * time.Millisecond)
	close(rushes[1]) // so that the fault meets as many requests as there can be
	time.Sleep(20 * time.Millisecond)
	y.broken()
	mends := f.breaks(t, s)
	time.Sleep(form.lasts)
	mends()
	mended := time.Now()
	served := probe.served()
	time.Sleep(400 * time.Millisecond) // does anybody see it otherwise?
	hush()
	y.mended(mended, served)

	server.Settle(t)
	rows := make(map[string][]string)
	for _, row := range server.Column(t, "SELECT CONCAT(userId, ' ', id) FROM app.session") {
		user, id, _ := strings.Cut(row, " ")
		rows[user] = append(rows[user], id)
	}
	each(crowd[:clients+1], func(c *client) {
		c.verify()
		c.count(rows[c.user])
	})
}

// each does something with all clients, a few at a time: what comes before and
// after a fault is no test of the machine.
func each(crowd []*client, do func(*client)) {
	var doing sync.WaitGroup
	few := make(chan struct{}, 8)
	for _, c := range crowd {
		few <- struct{}{}
		doing.Go(func() {
			do(c)
			<-few
		})
	}
	doing.Wait()
}

// gather signs in the clients and, behind them, one that probes and one that
// idles.
func gather(t *testing.T, app *app) []*client {
	t.Helper()
	ids, err := app.users(t.Context(), clients+2)
	if err != nil {
		t.Fatal(err)
	}
	crowd := make([]*client, len(ids))
	for i, id := range ids {
		crowd[i] = &client{app: app, tally: new(tally), user: id}
	}
	each(crowd, func(c *client) {
		var ok bool
		if c.main, ok = c.signIn(); !ok {
			c.main, ok = c.signIn()
		}
		if !ok {
			t.Errorf("%s cannot sign in: %s", c.user, c.tally.notes)
		}
		if rand.IntN(2) == 0 { // so that the fault meets revocations too
			c.toggle()
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return crowd
}

// live goes on until stop, with the pauses of a page that is looked at, and once
// without whenever everybody rushes.
func (c *client) live(rushes []chan struct{}, stop <-chan struct{}) {
	for {
		var rush chan struct{}
		if len(rushes) > 0 {
			rush = rushes[0]
		}
		select {
		case <-stop:
			return
		case <-rush:
			rushes = rushes[1:]
		case <-time.After(500*time.Millisecond + rand.N(time.Second)):
		}
		c.step()
	}
}

// idle asks until stop for what needs no store.
func (c *client) idle(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond):
			c.ask(http.MethodGet, idlePath, "", nil)
		}
	}
}
