package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// listen has one thread read all connections of the crowd until they end. A goroutine for each of ten thousand connections would need more of the load's core
// than the server needs of its own, and the latency measured would be that of the load.
func (c *crowd) listen() error {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	for i, k := range c.clients {
		raw, err := takeOver(k.conn.(*net.TCPConn))
		if err == nil {
			k.conn = raw
			err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, raw.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
		}
		if err != nil {
			unix.Close(epoll)
			return fmt.Errorf("reading connection %d: %w", i, err)
		}
	}
	c.readers.Go(func() {
		defer unix.Close(epoll)
		for left := len(c.clients); left > 0; {
			left -= c.wait(epoll)
		}
	})
	return nil
}

// wait reads what has come, and returns how many connections have ended.
func (c *crowd) wait(epoll int) (ended int) {
	var events [512]unix.EpollEvent
	n, err := unix.EpollWait(epoll, events[:], -1)
	if err != nil && !errors.Is(err, unix.EINTR) {
		panic(err) // the descriptor is good: the load itself is wrong
	}
	for _, e := range events[:max(n, 0)] {
		k := c.clients[e.Fd]
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
