package fanout

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/trackgate/trackgate/internal/rawio"
)

// quickConn is a connection that reads and writes with package rawio. Waiting is left to Go's poller, and so are deadlines. As with any
// connection, one goroutine may read while another writes.
type quickConn struct {
	net.Conn
	raw     syscall.RawConn
	in, out transfer
}

// transfer is one direction of a quickConn, and the call under way in it.
type transfer struct {
	b    []byte
	n    int
	err  error
	step func(fd uintptr) (done bool) // made once, so that a call allocates nothing
}

// quickDial opens such connections, with the library's own rules.
func quickDial(timeout time.Duration) func(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout, KeepAlive: 5 * time.Minute}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return newQuickConn(conn), nil
	}
}

// newQuickConn makes a quickConn of a connection, or leaves it as it is where it has no descriptor to show.
func newQuickConn(conn net.Conn) net.Conn {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return conn
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return conn
	}
	c := &quickConn{Conn: conn, raw: raw}
	c.in.step = c.in.read
	c.out.step = c.out.write
	return c
}

func (t *transfer) read(fd uintptr) bool {
	for {
		t.n, t.err = rawio.Read(int(fd), t.b)
		if !errors.Is(t.err, syscall.EINTR) {
			return !errors.Is(t.err, syscall.EAGAIN)
		}
	}
}

func (t *transfer) write(fd uintptr) bool {
	n, err := writeSome(int(fd), t.b[t.n:])
	t.n += n
	t.err = err
	return err != nil || t.n == len(t.b)
}

// run makes a call: with step until it says that it is done, each time when wait finds the descriptor ready.
func (t *transfer) run(b []byte, wait func(step func(fd uintptr) bool) error, name string) (int, error) {
	t.b, t.n, t.err = b, 0, nil
	err := wait(t.step)
	t.b = nil
	if err == nil && t.err != nil {
		err = os.NewSyscallError(name, t.err)
	}
	return max(t.n, 0), err
}

func (c *quickConn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := c.in.run(b, c.raw.Read, "read")
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (c *quickConn) Write(b []byte) (int, error) {
	return c.out.run(b, c.raw.Write, "write")
}

// SyscallConn shows the descriptor, by which the pool finds out whether the other end has hung up.
func (c *quickConn) SyscallConn() (syscall.RawConn, error) { return c.raw, nil }
