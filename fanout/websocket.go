package fanout

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"github.com/trackgate/trackgate/fanout/auth"
)

// Subprotocol is what the server answers a client that brings its token as a subprotocol, the only header that a browser's script can
// set: new WebSocket(url, ["trackgate", "bearer." + token]).
const Subprotocol = "trackgate"

const bearerPrefix = "bearer."

var writeBuffers sync.Pool

var upgrader = websocket.Upgrader{
	HandshakeTimeout: 10 * time.Second,
	ReadBufferSize:   256, // not net/http's 4 KiB, which would keep the whole request alive
	WriteBufferSize:  1024,
	WriteBufferPool:  &writeBuffers,
	CheckOrigin:      func(*http.Request) bool { return true }, // done before
	Subprotocols:     []string{Subprotocol},
}

// serveSocket is GET /ws. Both sides send JSON in text frames.
//
// A client that brings no token with the handshake sends {"auth":"<token>"} first; later, that replaces a token about to expire. Then:
//
//	{"track":["123","456"]}      follow vehicles, 1 to 1000 a call; ["*"] is all that the token allows
//	{"track":[...],"max_hz":1}   at most that many positions a second of each, the newest winning; 0 is no limit; alone: for all of them
//	{"untrack":[...]}            no longer
//	{"bbox":[w,s,e,n]}           follow what is in that part of the map; null: no longer. What is tracked by id stays followed anywhere
//	{"resume":{"123":"<seq>"}}   follow again after a disconnection, with the last seq seen
//	{"ping":1}                   is answered with {"type":"pong","pong":1}
//
// The server sends single objects, or an array of those of the first two kinds when several are due:
//
//	{"type":"location:update",...event}     a live valid fix: it moves the vehicle
//	{"type":"event",...event}               anything else
//	{"type":"snapshot","events":[...]}      after each track, bbox and resume: the last known of each vehicle. A large one comes in
//	                                        parts, all but the last with "more":true. What is tracked comes after it, and newer
//	{"type":"resync"}                       something may have been missed; the newest position of each vehicle follows
//	{"type":"skipped","count":n}            the client was too slow for n events, superseded positions mostly
//	{"type":"error","error":"Unauthorized","vehicle":"9"}
//
// It closes with 4401 when the token is missing, bad or expired, 4408 when the client did not read for too long or alarms piled up for it,
// 4429 when its user has too many connections, 1001 when the gateway restarts.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	if !s.up() {
		unavailable(w)
		return
	}
	if !s.originAllowed(r) {
		s.counters.refuse(refusedOrigin)
		auth.Refuse(w, auth.ErrForbidden)
		return
	}
	token := auth.Bearer(r)
	for _, p := range websocket.Subprotocols(r) {
		if strings.HasPrefix(p, bearerPrefix) && token == "" {
			token = p[len(bearerPrefix):]
		}
	}
	var claims *auth.Claims
	if token != "" {
		var err error
		if claims, err = s.authority.Verify(r.Context(), token); err != nil {
			s.counters.refuse(refusedToken)
			auth.Refuse(w, auth.ErrUnauthenticated)
			return
		}
		if !s.authority.Allow(claims, auth.Read, "") {
			s.counters.refuse(refusedToken)
			auth.Refuse(w, auth.ErrForbidden)
			return
		}
	}
	address := addressOf(r.RemoteAddr)
	if why, ok := s.gate.enter(address); !ok {
		s.counters.refuse(why)
		unavailable(w)
		return
	}
	h := &hijacker{ResponseWriter: w, hub: s.hub}
	ws, err := upgrader.Upgrade(h, r, nil)
	if err != nil {
		s.gate.leave(address, "")
		s.counters.refuse(refusedFrame)
		return // Upgrade has answered
	}
	h.socket.shaken.Store(true)
	ws.SetReadLimit(int64(s.hub.limits.Frame))
	s.readers.Add(1)
	// A goroutine of its own, so that the request and the handler's stack can go.
	go s.readSocket(ws, h.socket, address, claims)
}

// hijacker puts a socket between gorilla/websocket and the connection.
type hijacker struct {
	http.ResponseWriter
	hub    *Hub
	socket *socket
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.socket = newSocket(conn, h.hub)
	return h.socket, rw, nil
}

// unavailable tells a client to come again a little later.
func unavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "5")
	failure(w, http.StatusServiceUnavailable, "unavailable")
}

// Requests a client may make: a page that opens makes a few, one that scrolls some a second.
const (
	requestsPerSecond = 50
	requestBurst      = 200
)

// readSocket is the life of a connection.
func (s *Server) readSocket(ws *websocket.Conn, sock *socket, address netip.Addr, claims *auth.Claims) {
	defer s.readers.Done()
	user := ""
	defer func() { s.gate.leave(address, user) }()
	defer sock.conn.Close()
	var first *request
	if claims == nil {
		if aside(func() { claims, first = s.authenticate(ws, sock) }); claims == nil {
			return
		}
	}
	if !s.gate.user(claims.Subject) {
		s.counters.refuse(refusedUser)
		sock.close(CodeTooMany, "too many connections")
		drain(sock)
		return
	}
	user = claims.Subject
	c := newClient(s.hub, sock, claims, s.gap)
	sock.client = c
	ws.SetPingHandler(func(data string) error {
		c.heard.Store(s.hub.now())
		if c.pong.CompareAndSwap(false, true) { // one at a time: who floods gets fewer
			frame := append(appendHeader(nil, websocket.PongMessage, len(data)), data...)
			c.shard.post(func() {
				c.pong.Store(false)
				c.put(item{raw: frame, frame: true})
			})
		}
		return nil
	})
	ws.SetPongHandler(func(string) error {
		c.heard.Store(s.hub.now())
		return nil
	})
	session := &session{server: s, client: c, user: user}
	s.hub.attach(c)
	s.sessions.Store(session, nil)
	defer session.end()
	defer s.sessions.Delete(session)
	if first != nil {
		aside(func() { session.handle(s.ctx, first) })
	}
	limiter := rate.NewLimiter(requestsPerSecond, requestBurst)
	for {
		raw, code, reason := readFrame(ws)
		if code != 0 {
			if code > 0 {
				s.counters.refuse(refusedFrame)
				c.shard.do(func() { c.shard.close(c, code, reason) })
				drain(sock)
			} else if code == closedByPeer {
				c.shard.do(func() { c.shard.close(c, websocket.CloseNormalClosure, "") })
				drain(sock)
			}
			return
		}
		c.heard.Store(s.hub.now())
		if limiter.Wait(s.ctx) != nil {
			drain(sock)
			return
		}
		aside(func() {
			r, err := parseRequest(raw)
			if err != nil {
				s.counters.refuse(refusedFrame)
				session.fail(err.Error(), "")
				return
			}
			session.handle(s.ctx, r)
		})
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

// How a connection ended, where it was not by a fault of the client's.
const (
	connectionLost = -1
	closedByPeer   = -2
)

// readFrame reads one request. A code other than 0 says that there will be no more: one to close with, or one of the above.
func readFrame(ws *websocket.Conn) (raw []byte, code int, reason string) {
	kind, raw, err := ws.ReadMessage()
	if err == nil {
		switch {
		case kind != websocket.TextMessage:
			return nil, codeUnsupported, "text frames only"
		case !utf8.Valid(raw):
			return nil, codeInvalid, "not UTF-8"
		}
		return raw, 0, ""
	}
	var closed *websocket.CloseError
	var network net.Error
	switch {
	case errors.As(err, &closed):
		if closed.Code == websocket.CloseAbnormalClosure {
			return nil, connectionLost, ""
		}
		return nil, closedByPeer, ""
	case errors.Is(err, websocket.ErrReadLimit):
		return nil, codeTooBig, "message too large"
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, connectionLost, ""
	}
	return nil, codeProtocol, "malformed frame"
}

// authenticate waits for the first frame's token. Without a good one the connection is over.
func (s *Server) authenticate(ws *websocket.Conn, sock *socket) (*auth.Claims, *request) {
	refuse := func(code int, reason string) (*auth.Claims, *request) {
		s.counters.refuse(refusedToken)
		text := errorMessage("Unauthorized", "")
		sock.attemptOrClose(append(appendHeader(nil, websocket.TextMessage, len(text)), text...))
		sock.close(code, reason)
		drain(sock)
		return nil, nil
	}
	ws.SetPingHandler(func(data string) error {
		sock.attemptOrClose(append(appendHeader(nil, websocket.PongMessage, len(data)), data...))
		return nil
	})
	deadline := time.Now().Add(s.hub.limits.AuthTimeout)
	sock.SetReadDeadline(deadline)
	stop := context.AfterFunc(s.ctx, func() { sock.SetReadDeadline(time.Now()) })
	raw, code, reason := readFrame(ws)
	stop()
	switch {
	case code > 0:
		return refuse(code, reason)
	case code == connectionLost && !time.Now().Before(deadline):
		return refuse(CodeUnauthorized, "no token in time")
	case code != 0:
		return nil, nil
	}
	r, err := parseRequest(raw)
	if err != nil || r.Auth == "" {
		return refuse(CodeUnauthorized, "the first message must be a token")
	}
	claims, err := s.authority.Verify(s.ctx, r.Auth)
	if err != nil || !s.authority.Allow(claims, auth.Read, "") {
		return refuse(CodeUnauthorized, "token refused")
	}
	sock.SetReadDeadline(time.Time{})
	r.Auth = ""
	return claims, r
}

// attemptOrClose writes a few bytes where nobody else writes yet.
func (s *socket) attemptOrClose(frame []byte) {
	if s.raw == nil {
		s.conn.SetWriteDeadline(time.Now().Add(closeGrace))
		if _, err := s.conn.Write(frame); err != nil {
			s.conn.Close()
		}
		return
	}
	if n, err := s.attempt(frame); err != nil || n < len(frame) {
		s.conn.Close()
	}
}

// drain reads on after a close frame was sent, until the client has answered, gone, or had its time.
func drain(s *socket) {
	s.conn.SetReadDeadline(time.Now().Add(closeGrace))
	io.Copy(io.Discard, s.conn)
}
