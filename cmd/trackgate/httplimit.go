package main

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/trackgate/trackgate/fanout"
	"github.com/trackgate/trackgate/gateway"
)

// limitedListener bounds the HTTP connections by the files that the process may open: a twentieth is theirs, and beyond it they share with the
// devices. Without a bound dashboards could use up the last file, and then no device could connect.
type limitedListener struct {
	net.Listener
	own    int64        // connections that nobody else may take
	shared int64        // most connections of people and devices together
	device func() int64 // connections of devices
	open   atomic.Int64
	left   func() // says that one has gone
}

func newLimitedListener(l net.Listener, g *gateway.Gateway) *limitedListener {
	files, err := gateway.OpenFiles()
	if err != nil || files > 1<<30 {
		files = max(1024, min(files, 1<<30))
	}
	out := &limitedListener{Listener: l, own: max(1, int64(files)/20), shared: int64(files) / 10 * 9, device: func() int64 { return 0 }}
	out.left = func() { out.open.Add(-1) }
	if g != nil {
		out.device = g.Open
	}
	return out
}

// Accept closes what is too many at once.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if n := l.open.Add(1); n > l.own && n-l.own+l.device() > l.shared {
			l.open.Add(-1)
			c.Close()
			continue
		}
		return &limitedConn{Conn: c, listener: l}, nil
	}
}

// beyond is how many of the connections are not the listener's own.
func (l *limitedListener) beyond() int64 { return max(0, l.open.Load()-l.own) }

type limitedConn struct {
	net.Conn
	listener *limitedListener
	once     sync.Once // it counts no more, or somebody else does it
}

// SyscallConn lets the socket's options be set.
func (c *limitedConn) SyscallConn() (syscall.RawConn, error) {
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return s.SyscallConn()
}

func (c *limitedConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// release has the connection count no more.
func (c *limitedConn) release() { c.once.Do(c.listener.left) }

// Detach implements fanout.Counted: WebSockets go on without their net.Conn, as a descriptor that counts as before. What it returns keeps nothing of the
// connection.
func (c *limitedConn) Detach() (gone func()) {
	c.Conn.Close()
	gone = func() {}
	c.once.Do(func() { gone = c.listener.left })
	return gone
}

var _ fanout.Counted = (*limitedConn)(nil)
