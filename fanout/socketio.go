package fanout

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// Errors of an Engine.IO handshake or request, as the JavaScript server names them.
type engineFault int

const (
	faultTransport engineFault = iota
	faultSession
	faultMethod
	faultRequest
	faultForbidden
	faultVersion
)

var engineFaults = [...]string{"Transport unknown", "Session ID unknown", "Bad handshake method", "Bad request", "Forbidden", "Unsupported protocol version"}

func (f engineFault) answer(w http.ResponseWriter) {
	status := http.StatusBadRequest
	if f == faultForbidden {
		status = http.StatusForbidden
	}
	answer(w, status, struct {
		Code    engineFault `json:"code"`
		Message string      `json:"message"`
	}{f, engineFaults[f]})
}

// serveSocketIO is /socket.io/: Engine.IO 4 and Socket.IO 5 (the protocols of socket.io-client 4) for clients that were written for the
// JavaScript server, over polling, WebSocket, or the one and then the other. They are the same clients as those of /ws, in another form:
//
//	io(url, {auth: {token}})                            a refusal is a connect_error "Unauthorized"
//	emit("track:vehicle", "123" | 123 | ["1","2"])      also with an acknowledgement
//	emit("untrack:vehicle", ...), emit("authenticate", token)
//	on("location:update", event)                        live valid fixes, and the last known one when a vehicle is tracked
//	on("event", event)                                  anything else
//	on("error", "Unauthorized")                         a vehicle was refused
//
// Other namespaces and binary packets are refused. A client that comes again within two minutes has its tracks restored, on any node
// where Redis is the bus. Polling needs all requests of a session on one node; the sid's part before the hyphen names it.
func (s *Server) serveSocketIO(w http.ResponseWriter, r *http.Request) {
	if !s.up() {
		unavailable(w)
		return
	}
	if !s.originAllowed(r) {
		s.counters.refuse(refusedOrigin)
		faultForbidden.answer(w)
		return
	}
	q := r.URL.Query()
	transport, sid := q.Get("transport"), q.Get("sid")
	switch {
	case q.Get("EIO") != "4":
		faultVersion.answer(w)
	case transport != "polling" && transport != "websocket":
		faultTransport.answer(w)
	case q.Has("j"): // JSONP, for browsers that knew no CORS
		faultRequest.answer(w)
	case transport == "websocket" && !websocket.IsWebSocketUpgrade(r):
		faultRequest.answer(w)
	case transport == "websocket" && sid == "":
		s.openSocketIO(w, r)
	case sid == "" && r.Method != http.MethodGet:
		faultMethod.answer(w)
	case sid == "":
		s.openPolling(w, r)
	default:
		e := s.engines.find(sid)
		switch {
		case e == nil:
			faultSession.answer(w)
		case transport == "websocket":
			s.upgradeSocketIO(w, r, e)
		case !e.polling():
			faultRequest.answer(w)
		case r.Method == http.MethodPost:
			e.servePost(w, r)
		default:
			e.serveGet(w, r)
		}
	}
}

// admit makes a session for a request; nil if there are too many, which the request has been told.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) *engine {
	address := s.addressOf(r)
	if why, ok := s.gate.enter(address); !ok {
		s.counters.refuse(why)
		unavailable(w)
		return nil
	}
	if !s.readers.enter() {
		s.gate.leave(address, "")
		unavailable(w)
		return nil
	}
	return s.newEngine(address)
}

// openPacket is the first packet of a session. The client expects a ping within the interval and the timeout.
func (e *engine) openPacket(upgrades ...string) []byte {
	c := e.server.config
	interval, timeout := c.PingInterval, c.PingTimeout
	if interval <= 0 || timeout <= 0 { // nothing is pinged: the client is not to wait for it, and its timers take no more than 2^31 ms
		interval, timeout = 20*24*time.Hour, time.Hour
	}
	if upgrades == nil {
		upgrades = []string{}
	}
	b, _ := json.Marshal(struct {
		SID          string   `json:"sid"`
		Upgrades     []string `json:"upgrades"`
		PingInterval int64    `json:"pingInterval"`
		PingTimeout  int64    `json:"pingTimeout"`
		MaxPayload   int      `json:"maxPayload"`
	}{e.sid, upgrades, interval.Milliseconds(), timeout.Milliseconds(), e.server.hub.limits.Frame})
	return append([]byte{engineOpen}, b...)
}
