package fanout

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// openSocketIO is a session that begins with a WebSocket.
func (s *Server) openSocketIO(w http.ResponseWriter, r *http.Request) {
	e := s.admit(w, r)
	if e == nil {
		return
	}
	conn, err := shake(w, r)
	if err != nil {
		s.counters.refuse(refusedFrame)
		e.end()
		return
	}
	c := newCarrier(e, conn, carrying)
	e.mu.Lock()
	e.sock = c.sock
	shut := e.shut
	e.mu.Unlock()
	if shut {
		c.sock.drop()
	} else {
		e.say(e.openPacket())
	}
	c.sock.startReading()
}

// upgradeSocketIO is the WebSocket that a session which began with polling goes on with, after a probe.
func (s *Server) upgradeSocketIO(w http.ResponseWriter, r *http.Request, e *engine) {
	e.mu.Lock()
	if e.probing || e.sock != nil || e.shut {
		e.mu.Unlock()
		faultRequest.answer(w)
		return
	}
	e.probing = true
	e.mu.Unlock()
	conn, err := shake(w, r)
	if err != nil {
		s.counters.refuse(refusedFrame)
		e.stopProbing()
		return
	}
	if !s.readers.enter() {
		conn.Close()
		e.stopProbing()
		return
	}
	c := newCarrier(e, conn, probing)
	c.overdue = time.AfterFunc(s.hub.limits.AuthTimeout, c.sock.drop)
	c.unwatch = context.AfterFunc(s.ctx, c.sock.drop)
	c.sock.startReading()
}

func (e *engine) stopProbing() {
	e.mu.Lock()
	e.probing = false
	e.mu.Unlock()
}

// carrier is a WebSocket that carries a session, or is about to: it moves there from polling by two packets, "2probe" and "5".
type carrier struct {
	engine *engine
	sock   *socket
	stage  stage

	overdue *time.Timer // for the move
	unwatch func() bool
}

type stage uint8

const (
	probing  stage = iota // waits for "2probe"
	probed                // waits for "5"
	carrying              // has the session
)

func newCarrier(e *engine, conn net.Conn, at stage) *carrier {
	c := &carrier{engine: e, stage: at}
	c.sock = newSocket(conn, e.server.hub, e.server.hub.limits.Frame)
	c.sock.owner = c
	return c
}

// The methods of owner.

func (c *carrier) message(packet []byte, more bool) bool {
	e := c.engine
	switch c.stage {
	case probing:
		if string(packet) != "2probe" {
			c.sock.drop()
			return false
		}
		c.stage = probed
		c.sock.say(appendPacket(nil, true, "", []byte("3probe"), ""))
		e.mu.Lock()
		e.rouse() // the GET that hangs: the client waits for its end
		e.mu.Unlock()
		return true
	case probed:
		if len(packet) != 1 || packet[0] != engineUpgrade || !c.overdue.Stop() || !c.unwatch() || !e.switchTo(c.sock) {
			c.sock.drop()
			return false
		}
		c.stage = carrying
		e.server.readers.leave() // the session counts
		return true
	}
	err := e.receive(packet, more)
	if err == nil {
		return true
	}
	code, reason := codeOf(err)
	if code != websocket.CloseNormalClosure {
		e.server.counters.refuse(refusedFrame)
	}
	e.finish(code, reason)
	return false
}

// ping answers frames that are not Engine.IO's, but that some proxies send.
func (c *carrier) ping(payload []byte) {
	if k := c.engine.attached(); k != nil {
		k.answer(append(appendHeader(nil, websocket.PongMessage, len(payload)), payload...))
	}
}

func (c *carrier) pong() {}

func (c *carrier) failed(f *fault) {
	switch {
	case c.stage != carrying:
		c.sock.drop()
	case f.goodbye():
		c.engine.finish(websocket.CloseNormalClosure, "")
	default:
		c.engine.server.counters.refuse(refusedFrame)
		c.engine.finish(f.code, f.reason)
	}
}

func (c *carrier) gone() {
	e := c.engine
	if c.stage == carrying {
		e.end()
		return
	}
	c.overdue.Stop()
	c.unwatch()
	e.stopProbing()
	e.server.readers.leave()
}

// finish closes the WebSocket, behind what is queued.
func (e *engine) finish(code int, reason string) {
	if c := e.attached(); c == nil || !c.shard.do(func() { c.shard.close(c, code, reason) }) {
		e.close(code, reason)
	}
}
