package fanout

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/trackgate/trackgate/fanout/auth"
)

// errOver says that a session takes no more packets.
var errOver = errors.New("fanout: session is over")

// receive takes one Engine.IO packet of the client; more says that the next one is there already. With an error the session has to end: errBinary and
// errPacket are the client's fault.
func (e *engine) receive(raw []byte, more bool) error {
	if len(raw) == 0 {
		return errPacket
	}
	if c := e.attached(); c != nil {
		c.heard.Store(e.server.hub.now())
	}
	switch raw[0] {
	case engineMessage:
	case enginePong, engineNoop, engineUpgrade:
		return nil
	case enginePing:
		if c := e.attached(); c != nil && c.pong.CompareAndSwap(false, true) {
			c.shard.post(func() {
				c.pong.Store(false)
				c.put(frameItem([]byte{enginePong}))
			})
		}
		return nil
	case engineClose: // a page that closes says it, and so does a poller that missed a ping: the session may come again
		return errOver
	case 'b':
		return errBinary
	default:
		return errPacket
	}
	p, err := parsePacket(raw[1:])
	if err != nil {
		return err
	}
	if err := e.limiter.Wait(e.server.ctx); err != nil {
		return errOver
	}
	e.work.Lock()
	defer e.work.Unlock()
	if e.ended {
		return errOver
	}
	if e.gather(p, more) {
		return nil
	}
	switch {
	case p.namespace != "/":
		if p.kind == ioConnect {
			e.answer(refusePacket(p.namespace, "Invalid namespace"))
		}
		return nil
	case p.kind == ioConnect && e.session == nil:
		return e.connect(p.data)
	case p.kind == ioAck:
		return nil // nothing of ours asks for one
	case e.session == nil || p.kind == ioConnect:
		return errPacket
	case p.kind == ioDisconnect:
		e.bye = true
		return errOver
	}
	return e.event(p)
}

// answer sends a packet, whether or not there is a client.
func (e *engine) answer(packet []byte) {
	if e.session != nil {
		e.put(packet)
		return
	}
	e.say(packet)
}

// connect is CONNECT with {"token":"..."}, and after a disconnection the "pid" that the last answer named.
func (e *engine) connect(data json.RawMessage) error {
	s := e.server
	refuse := func(why refusal, text string) error {
		s.counters.refuse(why)
		e.say(refusePacket("/", text))
		return nil // the client may bring another token
	}
	var hello struct {
		Token string `json:"token"`
		PID   any    `json:"pid"`
	}
	if len(data) > 0 && json.Unmarshal(data, &hello) != nil {
		return refuse(refusedToken, "Unauthorized")
	}
	token := hello.Token
	if t := strings.TrimSpace(token); len(t) > len(bearerPrefix) && strings.EqualFold(t[:len("bearer ")], "bearer ") {
		token = t[len("bearer "):]
	}
	if token == "" {
		return refuse(refusedToken, "Unauthorized")
	}
	claims, err := s.authority.Verify(s.ctx, token)
	if err != nil || !s.authority.Allow(claims, auth.Read, "") {
		return refuse(refusedToken, "Unauthorized")
	}
	if !s.gate.user(claims.Subject) {
		return refuse(refusedUser, "too many connections")
	}
	e.settled()
	pid, _ := hello.PID.(string)
	vehicles := s.recall(pid, claims.Subject)
	if e.pid = pid; vehicles == nil {
		e.pid = rand.Text()
	}
	c := newClient(s.hub, e, claims, s.gap)
	e.session = &session{server: s, client: c, user: claims.Subject}
	s.hub.attach(c)
	s.sessions.add(e.session)
	e.mu.Lock()
	e.client = c
	if e.sock != nil {
		e.sock.client.Store(c)
	}
	shut := e.shut
	e.mu.Unlock()
	s.engines.claim(e)
	if shut {
		return errOver
	}
	answer, _ := json.Marshal(map[string]string{"sid": rand.Text(), "pid": e.pid})
	e.put(append([]byte{engineMessage, ioConnect}, answer...))
	if len(vehicles) > 0 {
		e.session.handle(s.ctx, &request{Track: vehicles})
		s.engines.changed(e)
	}
	return nil
}

// gather carries out the tracks of packets that came in a row at once: a dashboard that opens tracks its vehicles one by one, and each by itself would cost
// a question to the bus and one to the store. True if p is one of them and done with. What is not such a packet finds those before it carried out.
func (e *engine) gather(p ioPacket, more bool) (done bool) {
	var vehicles ids
	if p.namespace == "/" && p.kind == ioEvent && p.id == nil && e.session != nil && (more || len(e.wanted) > 0) {
		call, err := parseCall(p.data)
		if err == nil && call.name == "track:vehicle" && len(call.args) > 0 && vehicles.UnmarshalJSON(call.args[0]) == nil {
			done = true
		} else {
			vehicles = nil
		}
	}
	if len(e.wanted) > 0 && len(e.wanted)+len(vehicles) > maxIDs {
		e.trackWanted()
	}
	e.wanted = append(e.wanted, vehicles...)
	if len(e.wanted) > 0 && !(done && more) {
		e.trackWanted()
	}
	return done
}

func (e *engine) trackWanted() {
	vehicles := e.wanted
	e.wanted = nil
	e.session.handle(e.server.ctx, &request{Track: vehicles})
	e.server.engines.changed(e)
}

// event carries out what the client emitted:
//
//	track:vehicle     a vehicle, as text or number, or a list of them; "*" is all that the token allows
//	untrack:vehicle   the same
//	authenticate      a new token of the same user, before the old one expires
//
// An acknowledgement, if one is asked for, is {"ok":true}, or {"ok":false,"error":"Unauthorized","vehicles":["9"]}.
func (e *engine) event(p ioPacket) error {
	call, err := parseCall(p.data)
	if err != nil {
		return err
	}
	s := e.session
	s.refused, s.full = nil, false
	text := ""
	switch call.name {
	case "track:vehicle", "untrack:vehicle":
		var vehicles ids
		if len(call.args) == 0 {
			text = "a vehicle is needed"
			break
		}
		if err := vehicles.UnmarshalJSON(call.args[0]); err != nil {
			text = err.Error()
			break
		}
		r := &request{Track: vehicles}
		if call.name[0] == 'u' {
			r = &request{Untrack: vehicles}
		}
		s.handle(e.server.ctx, r)
		e.server.engines.changed(e)
	case "authenticate":
		var token string
		if len(call.args) == 0 || json.Unmarshal(call.args[0], &token) != nil || token == "" {
			text = "a token is needed"
			break
		}
		if !s.extend(e.server.ctx, token) {
			return nil // told, and closed
		}
	default:
		text = "no such event"
	}
	if text != "" {
		e.server.counters.refuse(refusedFrame)
		s.fail(text, "")
	}
	if p.id != nil {
		e.put(e.ack(p.id, text))
	}
	return nil
}

func (e *engine) ack(id []byte, text string) []byte {
	refused := e.session.refused
	switch {
	case text != "":
	case len(refused) > 0:
		text = "Unauthorized"
	case e.session.full:
		text = "too many vehicles"
	}
	answer, _ := json.Marshal([]any{struct {
		OK       bool     `json:"ok"`
		Error    string   `json:"error,omitempty"`
		Vehicles []string `json:"vehicles,omitempty"`
	}{text == "", text, refused}})
	return append(append([]byte{engineMessage, ioAck}, id...), answer...)
}

// codeOf is what a WebSocket is closed with after an error of receive.
func codeOf(err error) (int, string) {
	switch {
	case errors.Is(err, errBinary):
		return codeUnsupported, "no binary packets"
	case errors.Is(err, errPacket):
		return codeProtocol, "malformed packet"
	}
	return websocket.CloseNormalClosure, ""
}
