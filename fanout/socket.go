package fanout

import (
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// socket is the server's end of a WebSocket once it has shaken hands: frames in, frames out, and the way in which it ends.
//
//	shard ─▶ write ─▶ wire.try ── not all taken ──▶ wire.push ─▶ ... ─▶ pushed ─▶ the shard goes on
//	wire ─▶ received ─▶ frames ─▶ owner.message, on a goroutine of its own ─▶ wire.resume
//
// Nothing here waits for the client, so nothing that the client does or leaves makes others wait.
type socket struct {
	hub    *Hub
	wire   wire
	owner  owner
	client atomic.Pointer[client] // nil until the client is known
	frames frames
	moved  atomic.Int64 // hub time of the last byte that the connection took

	mu       sync.Mutex
	after    []byte // to write behind what is on its way
	last     []byte // the close frame, behind that
	writing  bool   // something is on its way
	closing  bool
	draining bool // what comes is of no interest any more
	running  bool // the owner is at work, or may be: reading waits, and so does the end
	inline   bool // the owner works on the goroutine that reads
	dead     bool
}

// owner is what a socket is read for.
type owner interface {
	// message takes a text message; it may block, and reading waits for it. more says that the next one is there already. False: there is nothing more to
	// be read.
	message(text []byte, more bool) bool
	// ping and pong take control frames. They must not block, nor keep the payload.
	ping(payload []byte)
	pong()
	// failed says that the client closed, or what it did wrong. It closes the socket.
	failed(f *fault)
	// gone is called once, when the connection has ended and the owner is not at work.
	gone()
}

// closeGrace is how long a closed connection has to take what is on its way, and to answer.
const closeGrace = time.Second

// newSocket takes over a connection that has shaken hands. Nothing is read before startReading.
func newSocket(conn net.Conn, h *Hub, limit int) *socket {
	s := &socket{hub: h, frames: frames{limit: limit}, running: true}
	s.moved.Store(h.now())
	h.begin(conn, s)
	return s
}

// received takes bytes from the wire, which remain the wire's. False asks it to wait for resume.
func (s *socket) received(b []byte) bool {
	s.mu.Lock()
	idle := s.draining || s.dead
	s.mu.Unlock()
	if idle {
		return true
	}
	var texts [][]byte
	bad := s.frames.feed(b, func(op int, payload []byte) {
		switch op {
		case websocket.PingMessage:
			s.owner.ping(payload)
		case websocket.PongMessage:
			s.owner.pong()
		default:
			texts = append(texts, payload)
		}
	})
	if texts == nil && bad == nil {
		return true
	}
	if s.inline {
		aside(func() { s.process(texts, bad) })
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return false
	}
	s.running = true
	go func() {
		s.process(texts, bad)
		s.rest()
	}()
	return false
}

// process hands over what one read brought.
func (s *socket) process(texts [][]byte, bad *fault) {
	for i, text := range texts {
		if !s.owner.message(text, i+1 < len(texts)) {
			s.drain()
			return
		}
	}
	if bad != nil {
		s.drain()
		s.owner.failed(bad)
	}
}

// aside runs f on a stack of its own, so that the goroutine of a connection, idle most of its life, does not keep what f needed for a moment.
func aside(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// rest is the end of the owner's work: reading goes on, or all is over.
func (s *socket) rest() {
	s.mu.Lock()
	s.running = false
	dead := s.dead
	s.mu.Unlock()
	if dead {
		s.owner.gone()
		return
	}
	s.wire.resume()
}

// drain makes the socket forget what comes from now on.
func (s *socket) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
}

// drop ends the connection at once.
func (s *socket) drop() {
	s.mu.Lock()
	dead, running := s.dead, s.running
	s.dead = true
	s.mu.Unlock()
	if dead {
		return
	}
	s.wire.close()
	if !running {
		go s.owner.gone() // the caller may be the shard, for which the owner waits
	}
}

// over is drop for a wire whose goroutine has ended.
func (s *socket) over() {
	s.mu.Lock()
	s.dead = true
	s.mu.Unlock()
	s.owner.gone()
}

// The methods of link.

// encode writes events that are due together as one array in one frame, and each of the server's own messages as a frame of its own.
func (s *socket) encode(dst []byte, items []item) []byte {
	for i := 0; i < len(items); {
		it := &items[i]
		if it.frame {
			dst = append(dst, it.note.raw...)
			i++
			continue
		}
		if it.msg == nil {
			if n := it.note; n.snapshot() { // large: from the events' shared bytes right into the frame
				dst = appendSnapshot(appendHeader(dst, websocket.TextMessage, snapshotSize(n.events, n.more)), n.events, n.more)
			} else {
				raw := n.json()
				dst = append(appendHeader(dst, websocket.TextMessage, len(raw)), raw...)
			}
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
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(b)
}

// put writes b, behind what is on its way; false if some of it is on its way now. mu is held.
func (s *socket) put(b []byte) bool {
	if s.dead {
		return true
	}
	if s.writing {
		s.after = append(s.after, b...)
		return false
	}
	n, err := s.wire.try(b)
	if err != nil {
		go s.drop() // of no use: the peer has gone
		return true
	}
	s.progressed() // or, where nothing was taken, the waiting begins now
	if n == len(b) {
		return true
	}
	s.writing = true
	s.wire.push(append([]byte(nil), b[n:]...))
	return false
}

// maxAfter bounds what may wait where no shard sees to it: a few packets of a handshake, and answers to pings.
const maxAfter = 4 << 10

// say writes a frame before there is a client.
func (s *socket) say(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing && !s.put(frame) && len(s.after) > maxAfter {
		go s.drop()
	}
}

// pushed is called by the wire when what was on its way has gone.
func (s *socket) pushed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = false
	if b := s.after; len(b) > 0 {
		s.after = nil
		if !s.put(b) {
			return
		}
	}
	if s.closing {
		s.goodbye()
	} else if c := s.client.Load(); c != nil {
		c.writable()
	}
}

func (s *socket) progressed() { s.moved.Store(s.hub.now()) }

func (s *socket) progress() int64 { return s.moved.Load() }

func (s *socket) close(code int, reason string) {
	payload := websocket.FormatCloseMessage(code, reason)
	frame := append(appendHeader(nil, websocket.CloseMessage, len(payload)), payload...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || s.dead {
		return
	}
	s.closing, s.last = true, frame
	time.AfterFunc(closeGrace, s.drop)
	if !s.writing {
		s.goodbye()
	}
}

// goodbye sends the close frame, then ends writing: closing with bytes unread would reset the connection, and the frame might never be seen. What the client
// still sends is dropped until it has closed too, or has had its time. mu is held.
func (s *socket) goodbye() {
	if frame := s.last; frame != nil {
		s.last = nil
		if !s.put(frame) {
			return // and then again
		}
	}
	s.draining = true
	s.wire.half()
}
