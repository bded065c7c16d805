package fanout

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"
)

// engine is one Engine.IO session, and the link of its client: over polling, over a WebSocket, or over the one and then the other.
type engine struct {
	server  *Server
	sid     string
	address netip.Addr
	moved   atomic.Int64 // of polling: hub time of the last body that was taken
	limiter *rate.Limiter

	mu      sync.Mutex
	client  *client       // nil before CONNECT
	sock    *socket       // nil: polling
	chunk   []byte        // what the next GET takes
	awake   chan struct{} // a token for the GET that hangs
	getting bool
	posting bool
	probing bool // a WebSocket is about to take over: no GET hangs
	shut    bool

	work    sync.Mutex // one packet at a time; taken before mu
	session *session   // nil before CONNECT
	wanted  []string   // vehicles to track that were named by packets in a row, and wait for the last of these
	pid     string
	ended   bool
	bye     bool        // the client left on purpose: there is nothing to recover
	overdue *time.Timer // for a session that does not CONNECT
	unwatch func() bool // of the server's context, before CONNECT
}

// Packets a client may send: a dashboard that opens tracks its vehicles one by one.
const (
	packetsPerSecond = 200
	packetBurst      = 2000
)

// newEngine makes a session for a client that is counted already.
func (s *Server) newEngine(address netip.Addr) *engine {
	e := &engine{server: s, sid: s.engines.newSID(), address: address, awake: make(chan struct{}, 1),
		limiter: rate.NewLimiter(packetsPerSecond, packetBurst)}
	e.moved.Store(s.hub.now())
	s.engines.add(e)
	e.work.Lock()
	defer e.work.Unlock()
	e.overdue = time.AfterFunc(s.hub.limits.AuthTimeout, func() { e.abandon() })
	e.unwatch = context.AfterFunc(s.ctx, e.abandon)
	return e
}

// abandon ends a session that has no client yet.
func (e *engine) abandon() {
	e.work.Lock()
	early := e.session == nil
	e.work.Unlock()
	if early {
		e.close(codeGoingAway, "")
	}
}

// The methods of link.

// encode writes every event as a packet of its own, as Socket.IO has it: in a frame of its own, or behind a separator.
func (e *engine) encode(dst []byte, items []item) []byte {
	e.mu.Lock()
	framed := e.sock != nil
	e.mu.Unlock()
	for i := range items {
		it := &items[i]
		switch {
		case it.frame && it.note.raw[0]&0x80 != 0: // a frame of the WebSocket's own
			if framed {
				dst = append(dst, it.note.raw...)
			}
		case it.frame:
			dst = appendPacket(dst, framed, "", it.note.raw, "")
		case it.msg != nil:
			dst = appendEvent(dst, framed, it.msg, it.event)
		case it.note.text != "":
			text, _ := json.Marshal(it.note.text)
			dst = appendPacket(dst, framed, ioError, text, string(ioEnd))
		default:
			for _, m := range it.note.events {
				dst = appendEvent(dst, framed, m, !m.Live)
			}
		}
	}
	return dst
}

func appendEvent(dst []byte, framed bool, m *Message, event bool) []byte {
	prefix := ioUpdate
	if event {
		prefix = ioOther
	}
	return appendPacket(dst, framed, prefix, m.body, string(ioEnd))
}

func appendPacket(dst []byte, framed bool, prefix string, body []byte, suffix string) []byte {
	if framed {
		dst = appendHeader(dst, websocket.TextMessage, len(prefix)+len(body)+len(suffix))
	} else if len(dst) > 0 {
		dst = append(dst, separator)
	}
	return append(append(append(dst, prefix...), body...), suffix...)
}

func (e *engine) ping() []byte { return []byte{enginePing} }

func (e *engine) write(b []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sock != nil {
		return e.sock.write(b)
	}
	e.leave(b)
	return false
}

// leave puts packets where the next GET takes them; mu is held.
func (e *engine) leave(b []byte) {
	if len(e.chunk) > 0 {
		e.chunk = append(e.chunk, separator)
	}
	e.chunk = append(e.chunk, b...)
	e.rouse()
}

func (e *engine) rouse() {
	select {
	case e.awake <- struct{}{}:
	default:
	}
}

func (e *engine) progress() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sock != nil {
		return e.sock.progress()
	}
	return e.moved.Load()
}

func (e *engine) close(code int, reason string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.shut {
		return
	}
	e.shut = true
	if e.sock != nil {
		e.sock.close(code, reason) // its reader ends the session
		return
	}
	e.rouse()
	if e.chunk == nil || e.getting {
		go e.end()
		return
	}
	time.AfterFunc(closeGrace, e.end) // the client may still come for what is left
}

// say sends a packet before there is a client.
func (e *engine) say(packet []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sock != nil {
		e.sock.say(appendPacket(nil, true, "", packet, ""))
		return
	}
	e.leave(packet)
}

// put queues a packet for the client.
func (e *engine) put(packet []byte) {
	c := e.session.client
	c.shard.do(func() { c.put(frameItem(packet)) })
}

// switchTo moves the session from polling to a WebSocket, with what no GET has taken yet. False if it is over.
func (e *engine) switchTo(sock *socket) bool {
	adopt := func() (written bool) { // mu is held
		rest := e.chunk
		e.sock, e.chunk, e.probing = sock, nil, false
		e.rouse() // a GET that still hangs, against the protocol
		if len(rest) == 0 {
			return true
		}
		var frames []byte
		for packet := range bytes.SplitSeq(rest, []byte{separator}) {
			frames = appendPacket(frames, true, "", packet, "")
		}
		if e.client == nil {
			sock.say(frames)
			return true
		}
		return sock.write(frames)
	}
	e.mu.Lock()
	c := e.client
	if e.shut {
		e.mu.Unlock()
		return false
	}
	if c == nil {
		adopt()
		e.mu.Unlock()
		return true
	}
	sock.client.Store(c)
	e.mu.Unlock()
	ok := false
	c.shard.do(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if ok = !e.shut && !c.closing; ok {
			c.busy = !adopt()
			c.shard.dirt(c)
		}
	})
	return ok
}

// end takes the session away. It may be called more than once, but not by the client's shard.
func (e *engine) end() {
	e.mu.Lock()
	e.shut = true
	e.rouse()
	e.mu.Unlock()
	if c := e.attached(); c != nil { // nobody waits for it any more
		c.shard.do(func() { c.shard.close(c, codeGoingAway, "") })
	}
	e.work.Lock()
	defer e.work.Unlock()
	if e.ended {
		return
	}
	e.ended = true
	s := e.server
	e.settled()
	user := ""
	if e.session != nil {
		user = e.session.user
		s.sessions.remove(e.session)
		e.part()
	}
	s.engines.remove(e)
	s.gate.leave(e.address, user)
	s.readers.leave()
}

// settled stops the watch over a session without a client.
func (e *engine) settled() {
	if e.overdue != nil {
		e.overdue.Stop()
		e.unwatch()
		e.overdue, e.unwatch = nil, nil
	}
}

func (e *engine) attached() *client {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.client
}
