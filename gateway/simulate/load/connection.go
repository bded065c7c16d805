package load

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// open dials, and lets the fleet reach the connection.
func (t *tracker) open() (net.Conn, error) {
	conn, err := t.fleet.dial(t)
	if err != nil {
		t.fleet.count.failedDials.Add(1)
		return nil, err
	}
	t.mu.Lock()
	t.conn = conn
	t.mu.Unlock()
	if t.fleet.isCut() {
		t.shut(conn)
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (t *tracker) shut(conn net.Conn) {
	t.mu.Lock()
	t.conn = nil
	t.mu.Unlock()
	conn.Close()
}

// hurry wakes the tracker; cut closes its connection.
func (t *tracker) hurry(cut bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == nil {
		return
	}
	if t.hurried = true; cut {
		t.conn.Close()
		return
	}
	t.conn.SetReadDeadline(time.Now())
}

// wait reads until something came or the deadline is there.
func (t *tracker) wait(conn net.Conn, deadline time.Time) (n int, err error) {
	t.mu.Lock()
	if t.hurried {
		t.hurried = false
		deadline = time.Now()
	}
	conn.SetReadDeadline(deadline)
	t.mu.Unlock()
	if t.heard == len(t.in) {
		return 0, errBabble
	}
	n, err = conn.Read(t.in[t.heard:])
	t.heard += n
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, nil
	}
	if n > 0 {
		return n, nil
	}
	return n, err
}

func (t *tracker) write(conn net.Conn, b []byte) error {
	conn.SetWriteDeadline(time.Now().Add(t.fleet.options.Patience))
	_, err := conn.Write(b)
	return err
}

// What ends a connection of a device that behaves.
var (
	errBabble   = errors.New("the gateway says what is no answer")
	errNoAnswer = errors.New("no answer")
	errNoLogin  = errors.New("no answer to the login")
	errLeft     = errors.New("left") // only those that misbehave
)

// reason is a text for statistics.
func reason(err error) string {
	var op *net.OpError
	switch {
	case err == io.EOF || errors.Is(err, io.EOF):
		return "closed by the gateway"
	case errors.As(err, &op):
		var no syscall.Errno
		if errors.As(err, &no) {
			return op.Op + ": " + no.Error()
		}
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}
