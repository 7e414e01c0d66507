// Package proxy is a network, for tests, between a program and a server, with
// whatever weather a test wants.
package proxy

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Weather is what a network does to what passes. Its zero value is fair.
type Weather struct {
	Cut    float64       // share of the answers that break off in the middle
	Delay  time.Duration // of each answer
	Frozen bool          // nothing passes; whoever says something is never heard again
}

// A Proxy is a network between a program and a server.
type Proxy struct {
	listener net.Listener
	target   string
	weather  atomic.Pointer[Weather]

	mu    sync.Mutex
	conns map[net.Conn]bool // nil when closed
}

// New makes a network to the target with fair weather. It ends with the test, and
// its connections with it.
func New(t *testing.T, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: listener, target: target, conns: make(map[net.Conn]bool)}
	p.weather.Store(new(Weather))
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.mu.Lock()
		for conn := range p.conns {
			_ = conn.Close()
		}
		p.conns = nil
		p.mu.Unlock()
		serving.Wait()
	})
	return p
}

// Address is where the program finds the server.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Set changes the weather.
func (p *Proxy) Set(w Weather) { p.weather.Store(&w) }

// hold registers a connection to be closed with the proxy.
func (p *Proxy) hold(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		_ = conn.Close()
		return false
	}
	p.conns[conn] = true
	return true
}

func (p *Proxy) drop(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

func (p *Proxy) serve(client net.Conn) {
	if !p.hold(client) {
		return
	}
	defer p.drop(client)
	if p.weather.Load().Frozen {
		sink(client)
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	if !p.hold(server) {
		return
	}
	defer p.drop(server)
	var lost atomic.Bool // both ways at once
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer server.Close() // which ends the other way too
		forward(server, client, func(chunk []byte) []byte {
			if p.weather.Load().Frozen {
				lost.Store(true)
			}
			if lost.Load() {
				return nil
			}
			return chunk
		})
	}()
	forward(client, server, func(chunk []byte) []byte {
		w := p.weather.Load()
		if w.Frozen {
			lost.Store(true)
		}
		if lost.Load() {
			return nil
		}
		time.Sleep(w.Delay)
		if rand.Float64() < w.Cut {
			_, _ = client.Write(chunk[:len(chunk)/2])
			_ = client.(*net.TCPConn).SetLinger(0) // a reset, as from a box in between
			_ = client.Close()
			return nil
		}
		return chunk
	})
	if !lost.Load() {
		_ = client.Close()
	}
	<-done
}

// forward copies what the weather lets pass until one side closes.
func forward(to, from net.Conn, pass func([]byte) []byte) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if _, err := to.Write(pass(buffer[:n])); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// sink reads and says nothing until the peer gives up.
func sink(conn net.Conn) { forward(conn, conn, func([]byte) []byte { return nil }) }
