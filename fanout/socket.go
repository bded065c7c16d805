package fanout

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// socket is the server's end of a WebSocket. gorilla/websocket shakes hands and reads; writing is done here, because the shard's writes
// must neither block nor wait for a lock that a stalled client holds.
//
// It is also the net.Conn under gorilla's reader, whose own writes (answers to broken frames) are discarded once the handshake is over:
// the shard closes the connection with the right code.
type socket struct {
	conn   net.Conn
	raw    syscall.RawConn // nil where the connection is not a plain socket; then every write has a goroutine
	hub    *Hub
	client *client
	stall  time.Duration

	shaken atomic.Bool
	moved  atomic.Int64 // hub time of the last byte that the socket took

	mu      sync.Mutex
	writing bool   // the goroutine for the rest of a write is at work
	last    []byte // close frame to send behind it
	closing bool
}

// closeGrace is how long a closed connection has to take what is on its way, and to answer.
const closeGrace = time.Second

func newSocket(conn net.Conn, h *Hub) *socket {
	s := &socket{conn: conn, hub: h, stall: h.limits.Stall}
	if sc, ok := conn.(syscall.Conn); ok {
		s.raw, _ = sc.SyscallConn()
	}
	s.moved.Store(h.now())
	return s
}

// The methods of net.Conn.

func (s *socket) Read(b []byte) (int, error) { return s.conn.Read(b) }
func (s *socket) Write(b []byte) (int, error) {
	if s.shaken.Load() {
		return len(b), nil
	}
	return s.conn.Write(b)
}
func (s *socket) Close() error                       { return s.conn.Close() }
func (s *socket) LocalAddr() net.Addr                { return s.conn.LocalAddr() }
func (s *socket) RemoteAddr() net.Addr               { return s.conn.RemoteAddr() }
func (s *socket) SetDeadline(t time.Time) error      { return s.conn.SetDeadline(t) }
func (s *socket) SetReadDeadline(t time.Time) error  { return s.conn.SetReadDeadline(t) }
func (s *socket) SetWriteDeadline(t time.Time) error { return s.conn.SetWriteDeadline(t) }

// The methods of link.

// encode writes events that are due together as one array in one frame, and each of the server's own messages as a frame of its own.
func (s *socket) encode(dst []byte, items []item) []byte {
	for i := 0; i < len(items); {
		it := &items[i]
		if it.frame {
			dst = append(dst, it.raw...)
			i++
			continue
		}
		if it.msg == nil {
			raw := it.own()
			dst = append(appendHeader(dst, websocket.TextMessage, len(raw)), raw...)
			i++
			continue
		}
		end, size := i, 0
		for ; end < len(items) && items[end].msg != nil; end++ {
			size += len(items[end].msg.body) - 1 + len(prefixUpdate)
			if items[end].event {
				size += len(prefixEvent) - len(prefixUpdate)
			}
		}
		if end == i+1 {
			dst = appendItem(appendHeader(dst, websocket.TextMessage, size), it)
			i = end
			continue
		}
		dst = append(appendHeader(dst, websocket.TextMessage, size+end-i+1), '[')
		for j := i; j < end; j++ {
			if j > i {
				dst = append(dst, ',')
			}
			dst = appendItem(dst, &items[j])
		}
		dst = append(dst, ']')
		i = end
	}
	return dst
}

// appendHeader appends the header of a frame that is a whole message (RFC 6455, 5.2); servers do not mask.
func appendHeader(b []byte, opcode, size int) []byte {
	b = append(b, 0x80|byte(opcode))
	switch {
	case size < 126:
		return append(b, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(size))
	default:
		return binary.BigEndian.AppendUint64(append(b, 127), uint64(size))
	}
}

func (s *socket) ping() []byte { return appendHeader(nil, websocket.PingMessage, 0) }

func (s *socket) write(b []byte) bool {
	n := 0
	if s.raw != nil {
		var err error
		if n, err = s.attempt(b); err != nil {
			s.conn.Close() // the reader notices
			return true
		}
		if n > 0 {
			s.moved.Store(s.hub.now())
		}
		if n == len(b) {
			return true
		}
	}
	rest := append([]byte(nil), b[n:]...)
	s.mu.Lock()
	s.writing = true
	s.mu.Unlock()
	go s.finish(rest)
	return false
}

// attempt writes what the socket takes at once.
func (s *socket) attempt(b []byte) (n int, err error) {
	outer := s.raw.Write(func(fd uintptr) bool {
		for n < len(b) {
			var k int
			k, err = syscall.Write(int(fd), b[n:])
			if k > 0 {
				n += k
			}
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			if errors.Is(err, syscall.EAGAIN) {
				err = nil
				break
			}
			if err != nil {
				break
			}
		}
		return true // never wait here
	})
	return n, errors.Join(outer, err)
}

// finish writes the rest of a write, then the close frame if the connection was closed meanwhile. Pieces are small, so that a slow client
// that reads at all is seen to.
func (s *socket) finish(rest []byte) {
	const piece = 4 << 10
	for len(rest) > 0 {
		s.mu.Lock()
		within := 2 * s.stall // the shard notices sooner, and closes
		if s.closing {
			within = closeGrace
		}
		s.conn.SetWriteDeadline(time.Now().Add(within))
		s.mu.Unlock()
		n, err := s.conn.Write(rest[:min(piece, len(rest))])
		if n > 0 {
			s.moved.Store(s.hub.now())
		}
		if rest = rest[n:]; err != nil {
			s.conn.Close()
			return
		}
	}
	s.mu.Lock()
	s.writing = false
	last, closing := s.last, s.closing
	s.mu.Unlock()
	if closing {
		s.goodbye(last)
		return
	}
	s.conn.SetWriteDeadline(time.Time{})
	s.client.writable()
}

func (s *socket) progress() int64 { return s.moved.Load() }

func (s *socket) close(code int, reason string) {
	payload := websocket.FormatCloseMessage(code, reason)
	frame := append(appendHeader(nil, websocket.CloseMessage, len(payload)), payload...)
	s.mu.Lock()
	s.closing, s.last = true, frame
	writing := s.writing
	if writing {
		s.conn.SetWriteDeadline(time.Now().Add(closeGrace))
	}
	s.mu.Unlock()
	if writing {
		return // finish says goodbye, or closes
	}
	if s.raw == nil {
		go s.goodbye(frame)
		return
	}
	if n, err := s.attempt(frame); err != nil || n < len(frame) {
		s.conn.Close()
		return
	}
	s.linger()
}

func (s *socket) goodbye(frame []byte) {
	s.conn.SetWriteDeadline(time.Now().Add(closeGrace))
	if _, err := s.conn.Write(frame); err != nil {
		s.conn.Close()
		return
	}
	s.linger()
}

// linger gives the client time to read the close frame and to answer it: closing with bytes unread would reset the connection, and the
// frame might never be seen. The reader drains what comes and closes.
func (s *socket) linger() {
	if half, ok := s.conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	s.conn.SetReadDeadline(time.Now().Add(closeGrace))
}
