package models

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// A link is a network connection that OpenMySQL dialled. It keeps the deadline of the
// statement that uses it, so that neither database/sql nor the driver need a goroutine
// beside the statement to watch a context: on two processors, one of which the
// database has, waking it costs half as much as the statement.
type link struct {
	net.Conn
	of         driver.Conn            // nil while it is being made
	until      atomic.Int64           // in nanoseconds of the Unix time; 0: no deadline of a statement's own
	statements map[string]driver.Stmt // prepared ones by text; whoever has the connection has them too
}

// links are all there are, by their driver.Conn.
var links sync.Map

// linking is a connector whose connections have links.
type linking struct{ driver.Connector }

// linkKey is where its contexts have room for the link.
type linkKey struct{}

// Connect implements driver.Connector.
func (c linking) Connect(ctx context.Context) (driver.Conn, error) {
	l := new(link)
	conn, err := c.Connector.Connect(context.WithValue(ctx, linkKey{}, l))
	if err != nil {
		return nil, err
	}
	l.of = conn
	links.Store(conn, l)
	return conn, nil
}

// Driver implements driver.Connector.
func (c linking) Driver() driver.Driver { return linkedDriver{c.Connector.Driver()} }

// A linkedDriver tells a pool whose connections have links.
type linkedDriver struct{ driver.Driver }

// linked reports whether they have.
func linked(pool *sql.DB) bool {
	if pool == nil {
		return false
	}
	_, ok := pool.Driver().(linkedDriver)
	return ok
}

// dialLink dials for linking, as the driver does.
func dialLink(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l, ok := ctx.Value(linkKey{}).(*link)
	if !ok { // serverVersion's
		return conn, nil
	}
	l.Conn, l.statements = conn, map[string]driver.Stmt{}
	return l, nil
}

// linkOf is the link of a connection of the pool, or nil.
func linkOf(conn any) *link {
	l, _ := links.Load(conn)
	found, _ := l.(*link)
	return found
}

// Close implements net.Conn.
func (l *link) Close() error {
	if l.of != nil {
		links.Delete(l.of)
	}
	return l.Conn.Close()
}

// keep makes the link keep a deadline, the zero time for none, until the next.
func (l *link) keep(deadline time.Time) {
	if deadline.IsZero() {
		l.until.Store(0)
	} else {
		l.until.Store(deadline.UnixNano())
	}
}

func (l *link) sooner(t time.Time) time.Time {
	if until := l.until.Load(); until != 0 && (t.IsZero() || until < t.UnixNano()) {
		return time.Unix(0, until)
	}
	return t
}

// SetReadDeadline implements net.Conn. The driver calls it ahead of each read.
func (l *link) SetReadDeadline(t time.Time) error { return l.Conn.SetReadDeadline(l.sooner(t)) }

// SetWriteDeadline implements net.Conn. The driver calls it ahead of each write.
func (l *link) SetWriteDeadline(t time.Time) error { return l.Conn.SetWriteDeadline(l.sooner(t)) }

// SyscallConn implements syscall.Conn, by which the driver sees that a server has
// closed an idle connection.
func (l *link) SyscallConn() (syscall.RawConn, error) {
	if conn, ok := l.Conn.(syscall.Conn); ok {
		return conn.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// Read implements net.Conn.
func (l *link) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	return n, l.told(err)
}

// Write implements net.Conn.
func (l *link) Write(p []byte) (int, error) {
	n, err := l.Conn.Write(p)
	return n, l.told(err)
}

// told marks the error of a statement's own deadline.
func (l *link) told(err error) error {
	if l.until.Load() != 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		return errOverdue
	}
	return err
}

// errOverdue is the error of a statement's own deadline.
var errOverdue = fmt.Errorf("the statement is overdue: %w", os.ErrDeadlineExceeded)

// discreet keeps those out of the driver's log: whoever set the deadline is told.
type discreet struct{ mysql.Logger }

// Print implements mysql.Logger.
func (d discreet) Print(v ...any) {
	for _, one := range v {
		if err, ok := one.(error); ok && errors.Is(err, errOverdue) {
			return
		}
	}
	d.Logger.Print(v...)
}
