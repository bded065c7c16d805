package fanout

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// shake makes a WebSocket of a request. With an error the request has been answered.
func (s *Server) shake(w http.ResponseWriter, r *http.Request) (*websocket.Conn, *socket, error) {
	h := &hijacker{ResponseWriter: w, hub: s.hub}
	ws, err := upgrader.Upgrade(h, r, nil)
	if err != nil {
		s.counters.refuse(refusedFrame)
		return nil, nil, err
	}
	h.socket.shaken.Store(true)
	ws.SetReadLimit(int64(s.hub.limits.Frame))
	return ws, h.socket, nil
}

// openSocketIO is a session that begins with a WebSocket.
func (s *Server) openSocketIO(w http.ResponseWriter, r *http.Request) {
	e := s.admit(w, r)
	if e == nil {
		return
	}
	ws, sock, err := s.shake(w, r)
	if err != nil {
		e.end()
		return
	}
	e.mu.Lock()
	e.sock = sock
	shut := e.shut
	e.mu.Unlock()
	if shut {
		sock.conn.Close()
		e.end()
		return
	}
	e.say(e.openPacket())
	go e.read(ws, sock)
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
	ws, sock, err := s.shake(w, r)
	if err != nil {
		e.stopProbing()
		return
	}
	s.readers.Add(1)
	go func() {
		defer s.readers.Done()
		if !e.probe(ws, sock) {
			sock.conn.Close()
			e.stopProbing()
			return
		}
		e.read(ws, sock)
	}()
}

func (e *engine) stopProbing() {
	e.mu.Lock()
	e.probing = false
	e.mu.Unlock()
}

// probe waits for the two packets with which a client moves to a WebSocket.
func (e *engine) probe(ws *websocket.Conn, sock *socket) bool {
	stop := e.deadline(sock)
	defer stop()
	if raw, code, _ := readFrame(ws); code != 0 || string(raw) != "2probe" {
		return false
	}
	sock.attemptOrClose(appendPacket(nil, true, "", []byte("3probe"), ""))
	e.mu.Lock()
	e.rouse() // the GET that hangs: the client waits for its end
	e.mu.Unlock()
	raw, code, _ := readFrame(ws)
	if code != 0 || len(raw) != 1 || raw[0] != engineUpgrade || !stop() {
		return false
	}
	sock.SetReadDeadline(time.Time{})
	return e.switchTo(sock)
}

// read is the life of a WebSocket that carries a session.
func (e *engine) read(ws *websocket.Conn, sock *socket) {
	s := e.server
	defer sock.conn.Close()
	defer e.end()
	ws.SetPongHandler(func(string) error { return nil })
	ws.SetPingHandler(func(data string) error { // not Engine.IO's, but some proxies send them
		c := e.attached()
		frame := append(appendHeader(nil, websocket.PongMessage, len(data)), data...)
		if c == nil || !c.pong.CompareAndSwap(false, true) {
			return nil
		}
		c.shard.post(func() {
			c.pong.Store(false)
			c.put(item{raw: frame, frame: true})
		})
		return nil
	})
	for {
		raw, code, reason := readFrame(ws)
		if code == 0 {
			var err error
			aside(func() { err = e.receive(raw) })
			if err == nil {
				continue
			}
			code, reason = codeOf(err)
			if code == websocket.CloseNormalClosure {
				e.finish(sock, code, reason)
				return
			}
		}
		if code > 0 {
			s.counters.refuse(refusedFrame)
			e.finish(sock, code, reason)
		} else if code == closedByPeer {
			e.finish(sock, websocket.CloseNormalClosure, "")
		}
		return
	}
}

// finish closes the WebSocket, behind what is queued, and waits for the client's answer.
func (e *engine) finish(sock *socket, code int, reason string) {
	if c := e.attached(); c == nil || !c.shard.do(func() { c.shard.close(c, code, reason) }) {
		e.close(code, reason)
	}
	drain(sock)
}
