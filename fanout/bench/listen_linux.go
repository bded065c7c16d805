package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// ear is the one thread that reads all connections of a crowd. A goroutine for each of ten thousand connections would need more of the load's core than the
// server needs of its own, and the latency measured would be that of the load.
type ear struct {
	once  sync.Once
	err   error // of opening it
	epoll int
	mu    sync.Mutex   // held while a connection is handed over
	open  atomic.Int64 // connections
	over  atomic.Bool  // nobody comes any more
}

// listen reads the connection of client i until it ends.
func (c *crowd) listen(i int) error {
	e := &c.ear
	e.once.Do(func() {
		if e.epoll, e.err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); e.err != nil {
			return
		}
		c.readers.Go(func() {
			defer unix.Close(e.epoll)
			for !e.over.Load() || e.open.Load() > 0 {
				e.open.Add(-c.wait())
			}
		})
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	k := c.clients[i]
	raw, err := takeOver(k.conn.(*net.TCPConn))
	if err = errors.Join(e.err, err); err == nil {
		k.conn = raw
		e.open.Add(1)
		err = unix.EpollCtl(e.epoll, unix.EPOLL_CTL_ADD, raw.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
	}
	if err != nil {
		return fmt.Errorf("reading connection %d: %w", i, err)
	}
	return nil
}

// wait reads what has come, and returns how many connections have ended.
func (c *crowd) wait() (ended int64) {
	var events [512]unix.EpollEvent
	n, err := unix.EpollWait(c.ear.epoll, events[:], 100) // ms: then it looks whether all is over
	if err != nil && !errors.Is(err, unix.EINTR) {
		panic(err) // the descriptor is good: the load itself is wrong
	}
	for _, e := range events[:max(n, 0)] {
		c.ear.mu.Lock() // its connection has been handed over
		k := c.clients[e.Fd]
		c.ear.mu.Unlock()
		k.conn.(*rawConn).drained = false
		if err := k.read(); !errors.Is(err, errLater) {
			k.err.Store(&err)
			k.conn.(*rawConn).end()
			ended++
		}
	}
	return ended
}

// rawConn is a connection that Go's poller does not know.
type rawConn struct {
	net.Conn // closed; for what is not overridden
	fd       int
	drained  bool // the last read took all that was there

	mu    sync.Mutex
	ended bool // fd may be another connection's by now
}

// takeOver duplicates a connection's descriptor and closes the connection.
func takeOver(conn *net.TCPConn) (*rawConn, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	if outer := raw.Control(func(original uintptr) { fd, err = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0) }); outer != nil || err != nil {
		return nil, errors.Join(outer, err)
	}
	return &rawConn{Conn: conn, fd: fd}, conn.Close()
}

func (r *rawConn) Read(b []byte) (int, error) {
	if r.drained {
		return 0, errLater
	}
	n, err := unix.Read(r.fd, b)
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return 0, errLater
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0:
		return 0, io.EOF
	}
	r.drained = n < len(b)
	return n, nil
}

func (r *rawConn) Write(b []byte) (int, error) {
	n, err := unix.Write(r.fd, b)
	return max(n, 0), os.NewSyscallError("write", err)
}

// Close hangs up; the thread that reads sees it, and ends the connection.
func (r *rawConn) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return net.ErrClosed
	}
	return unix.Shutdown(r.fd, unix.SHUT_RDWR)
}

func (r *rawConn) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	unix.Close(r.fd)
}
