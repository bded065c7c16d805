package fanout

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

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
//	{"groups":["north"]}         follow what is in one of these groups, of the device registry; null: no longer. With a bbox, what is in both
//	{"resume":{"123":"<seq>"}}   follow again after a disconnection, with the last seq seen: what was missed comes first, or a resync
//	{"ping":1}                   is answered with {"type":"pong","pong":1}
//
// The server sends single objects, or an array of those of the first two kinds when several are due:
//
//	{"type":"location:update",...event}     a live valid fix: it moves the vehicle
//	{"type":"event",...event}               anything else
//	{"type":"snapshot","events":[...]}      after each track, bbox, groups and resume: the last known of each vehicle. A large one comes in
//	                                        parts, all but the last with "more":true. What is tracked comes after it, and newer
//	{"type":"resync"}                       something may have been missed; the newest position of each vehicle follows
//	{"type":"skipped","count":n}            the client was too slow for n events, superseded positions mostly
//	{"type":"error","error":"Unauthorized","vehicle":"9"}
//	{"type":"error","error":"Unknown key","key":"subscribe"}
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
	address := s.addressOf(r)
	if why, ok := s.gate.enter(address); !ok {
		s.counters.refuse(why)
		unavailable(w)
		return
	}
	conn, err := shake(w, r)
	if err != nil {
		s.gate.leave(address, "")
		s.counters.refuse(refusedFrame)
		return // it has been answered
	}
	if !s.readers.enter() {
		conn.Close()
		s.gate.leave(address, "")
		return
	}
	v := &visitor{server: s, address: address}
	v.sock = newSocket(conn, s.hub, s.hub.limits.Frame)
	v.sock.owner = v
	if claims == nil {
		v.awaitToken()
	} else if !v.join(claims) {
		v.sock.drain()
	}
	v.sock.startReading()
}

// shake answers a handshake and returns the connection, of which nothing in net/http and gorilla/websocket holds on to anything then. With an error the
// request has been answered.
func shake(w http.ResponseWriter, r *http.Request) (net.Conn, error) {
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil, err
	}
	return ws.NetConn(), nil
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

// visitor is one connection to /ws: who it is, and what it asks for.
type visitor struct {
	server  *Server
	sock    *socket
	address netip.Addr

	session *session      // nil without a token
	limiter *rate.Limiter // of requests

	mu      sync.Mutex
	overdue *time.Timer // for the token
	unwatch func() bool // of the server's end, for who has no client that its shard closes
}

// awaitToken bounds the time for the first message.
func (v *visitor) awaitToken() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.overdue = time.AfterFunc(v.server.hub.limits.AuthTimeout, func() { v.refuse("no token in time") })
	v.unwatch = context.AfterFunc(v.server.ctx, func() { v.sock.close(codeGoingAway, "the gateway is restarting") })
}

// settled ends that; false if the time is over.
func (v *visitor) settled() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.overdue == nil {
		return true
	}
	early, on := v.overdue.Stop(), v.unwatch()
	v.overdue, v.unwatch = nil, nil
	return early && on
}

// refuse ends a connection that brought no good token.
func (v *visitor) refuse(reason string) {
	v.server.counters.refuse(refusedToken)
	text := errorMessage("Unauthorized", "")
	v.sock.say(append(appendHeader(nil, websocket.TextMessage, len(text)), text...))
	v.sock.close(CodeUnauthorized, reason)
}

// join makes a client of the connection; false if its user has too many.
func (v *visitor) join(claims *auth.Claims) bool {
	s := v.server
	if !s.gate.user(claims.Subject) {
		s.counters.refuse(refusedUser)
		v.sock.close(CodeTooMany, "too many connections")
		return false
	}
	c := newClient(s.hub, v.sock, claims, s.gap)
	v.session = &session{server: s, client: c, user: claims.Subject}
	v.limiter = rate.NewLimiter(requestsPerSecond, requestBurst)
	s.hub.attach(c)
	v.sock.client.Store(c)
	s.sessions.add(v.session)
	return true
}

// The methods of owner.

func (v *visitor) message(text []byte, _ bool) bool {
	s := v.server
	r, err := parseRequest(text)
	if v.session == nil {
		if !v.settled() {
			return false
		}
		if err != nil || r.Auth == "" {
			v.refuse("the first message must be a token")
			return false
		}
		claims, err := s.authority.Verify(s.ctx, r.Auth)
		if err != nil || !s.authority.Allow(claims, auth.Read, "") {
			v.refuse("token refused")
			return false
		}
		if r.Auth = ""; !v.join(claims) {
			return false
		}
	}
	c := v.session.client
	c.heard.Store(s.hub.now())
	if v.limiter.Wait(s.ctx) != nil {
		return false
	}
	if err != nil {
		s.counters.refuse(refusedFrame)
		v.session.fail(err.Error(), "")
		return true
	}
	v.session.handle(s.ctx, r)
	return true
}

func (v *visitor) ping(payload []byte) {
	c := v.sock.client.Load()
	frame := append(appendHeader(nil, websocket.PongMessage, len(payload)), payload...)
	if c == nil {
		v.sock.say(frame)
		return
	}
	c.heard.Store(v.server.hub.now())
	c.answer(frame)
}

func (v *visitor) pong() {
	if c := v.sock.client.Load(); c != nil {
		c.heard.Store(v.server.hub.now())
	}
}

func (v *visitor) failed(f *fault) {
	code, reason := f.code, f.reason
	if f.goodbye() {
		code = websocket.CloseNormalClosure
	} else {
		v.server.counters.refuse(refusedFrame)
	}
	v.settled()
	if v.session != nil {
		c := v.session.client
		if c.shard.do(func() { c.shard.close(c, code, reason) }) {
			return
		}
	}
	v.sock.close(code, reason)
}

func (v *visitor) gone() {
	s := v.server
	v.settled()
	user := ""
	if v.session != nil {
		user = v.session.user
		s.sessions.remove(v.session)
		v.session.end()
	}
	s.gate.leave(v.address, user)
	s.readers.leave()
}

// closedByPeer is the code of a fault that is none.
const closedByPeer = -2
