package fanout

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/trackgate/trackgate/internal/rawio"
)

// wire is the connection under a socket: a descriptor that a poller watches, on Linux without TLS, or else any net.Conn with a goroutine. Both bring what
// they read to the socket's received, one call at a time.
type wire interface {
	// try writes what the connection takes without waiting, if it can know that; else nothing.
	try(b []byte) (int, error)
	// push writes rest, which becomes the wire's, as the connection takes it, then calls the socket's pushed. There is one at a time.
	push(rest []byte)
	// resume reads on after received has asked to wait.
	resume()
	// half ends writing, so that the client sees the end behind what was written.
	half()
	// close ends the connection and all that waits for it; it may be called more than once.
	close()
}

// connWire is the wire of any net.Conn. A goroutine reads; writing that would wait has another.
type connWire struct {
	conn net.Conn
	raw  syscall.RawConn // nil where the connection is not a plain socket; then every write waits
	s    *socket
}

func newConnWire(conn net.Conn, s *socket) *connWire {
	w := &connWire{conn: conn, s: s}
	if sc, ok := conn.(syscall.Conn); ok {
		w.raw, _ = sc.SyscallConn()
	}
	return w
}

// read is the life of the connection.
func (w *connWire) read() {
	buf := make([]byte, 256) // small, since it is kept while the client is silent
	for {
		n, err := w.conn.Read(buf)
		if n > 0 {
			w.s.received(buf[:n])
		}
		if err != nil {
			break
		}
	}
	w.conn.Close()
	w.s.over()
}

func (w *connWire) try(b []byte) (n int, err error) {
	if w.raw == nil {
		return 0, nil
	}
	outer := w.raw.Write(func(fd uintptr) bool {
		n, err = writeSome(int(fd), b)
		return true // never wait here
	})
	return n, errors.Join(outer, err)
}

// writeSome writes what a non-blocking descriptor takes.
func writeSome(fd int, b []byte) (n int, err error) {
	for n < len(b) {
		k, err := rawio.Write(fd, b[n:])
		if k > 0 {
			n += k
		}
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return n, nil
		case err != nil:
			return n, err
		case k == 0:
			return n, io.ErrUnexpectedEOF
		}
	}
	return n, nil
}

// push writes small pieces, so that a slow client that reads at all is seen to.
func (w *connWire) push(rest []byte) {
	const piece = 4 << 10
	go func() {
		for len(rest) > 0 {
			w.conn.SetWriteDeadline(time.Now().Add(2 * w.s.hub.limits.Stall)) // the shard notices sooner, and closes
			n, err := w.conn.Write(rest[:min(piece, len(rest))])
			if n > 0 {
				w.s.progressed()
			}
			if rest = rest[n:]; err != nil {
				w.conn.Close()
				return
			}
		}
		w.s.pushed()
	}()
}

func (w *connWire) resume() {}

func (w *connWire) half() {
	if c, ok := w.conn.(interface{ CloseWrite() error }); ok {
		go c.CloseWrite() // TLS writes an alert, which may wait
	}
}

func (w *connWire) close() { w.conn.Close() }

// Counted is a connection whose listener counts those that are open.
type Counted interface {
	// Detach closes the connection, of which somebody has a duplicate. It counts until gone is called, which happens once.
	Detach() (gone func())
}

// begin starts the life of a connection that has shaken hands: under a poller if there is one for it.
func (h *Hub) begin(conn net.Conn, s *socket) {
	h.spent.Add(1)
	if plain, ok := conn.(syscall.Conn); ok && len(h.pollers) > 0 { // who encrypts does not show its socket
		p := h.pollers[int(h.nextPoller.Add(1))%len(h.pollers)]
		if d, err := p.takeOver(plain, s); err == nil {
			if c, ok := conn.(Counted); ok {
				d.counted(c.Detach())
			} else {
				conn.Close() // the descriptor is a duplicate
			}
			s.wire = d
			return
		}
	}
	s.wire, s.inline = newConnWire(conn, s), true
}

// startReading lets what the client sends come.
func (s *socket) startReading() {
	if w, ok := s.wire.(*connWire); ok {
		go w.read()
		return
	}
	s.rest()
}
