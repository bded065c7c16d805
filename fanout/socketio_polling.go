package fanout

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

func (e *engine) polling() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sock == nil
}

// openPolling answers with the first packet of a new session.
func (s *Server) openPolling(w http.ResponseWriter, r *http.Request) {
	if e := s.admit(w, r); e != nil {
		pollingBody(w, e.openPacket("websocket"))
	}
}

func pollingBody(w http.ResponseWriter, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("Cache-Control", "no-store")
	_, err := w.Write(body)
	return err
}

// serveGet waits until there is something for the client, and answers with it.
func (e *engine) serveGet(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	if e.getting {
		e.mu.Unlock()
		e.fail(w, faultRequest)
		return
	}
	e.getting = true
	e.mu.Unlock()
	body, c := e.await(r.Context())
	if body != nil {
		out := http.NewResponseController(w)
		out.SetWriteDeadline(time.Now().Add(e.server.hub.limits.Stall))
		err := pollingBody(w, body)
		if err == nil {
			err = out.Flush()
		}
		out.SetWriteDeadline(time.Time{})
		if err != nil { // what was in it is lost: the client starts again, and has its tracks restored
			e.finished()
		}
	}
	e.moved.Store(e.server.hub.now())
	e.mu.Lock()
	e.getting = false
	e.mu.Unlock()
	if c != nil {
		c.shard.post(func() {
			e.mu.Lock()
			still := e.sock == nil && e.chunk == nil
			e.mu.Unlock()
			if still {
				c.busy = false
				c.shard.dirt(c)
			}
		})
	}
}

// await returns the packets for a GET, and the client to be told that they were taken, if they were its. Nil if the request was given up.
func (e *engine) await(ctx context.Context) (body []byte, taken *client) {
	for {
		e.mu.Lock()
		switch {
		case e.chunk != nil:
			body, taken = e.chunk, e.client
			e.chunk = nil
		case e.shut:
			body = []byte{engineClose}
		case e.probing || e.sock != nil:
			body = []byte{engineNoop}
		}
		e.mu.Unlock()
		if body != nil {
			return body, taken
		}
		select {
		case <-e.awake:
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// servePost takes the client's packets.
func (e *engine) servePost(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	if e.posting || e.shut {
		e.mu.Unlock()
		e.fail(w, faultRequest)
		return
	}
	e.posting = true
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.posting = false
		e.mu.Unlock()
	}()
	s := e.server
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.hub.limits.AuthTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.hub.limits.Frame)))
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	if err != nil {
		s.counters.refuse(refusedFrame)
		e.finished()
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			failure(w, http.StatusRequestEntityTooLarge, "too large")
		} else {
			faultRequest.answer(w)
		}
		return
	}
	for more := true; more; {
		var packet []byte
		packet, body, more = bytes.Cut(body, []byte{separator})
		switch err := e.receive(packet, more); {
		case errors.Is(err, errOver):
			e.finished()
		case err != nil:
			e.fail(w, faultRequest)
			return
		default:
			continue
		}
		break
	}
	w.Header().Set("Content-Type", "text/html") // as the JavaScript server has it
	io.WriteString(w, "ok")
}

// fail answers a request that breaks the protocol, and ends the session.
func (e *engine) fail(w http.ResponseWriter, f engineFault) {
	e.server.counters.refuse(refusedFrame)
	f.answer(w)
	e.finished()
}

// finished closes the session on behalf of a request.
func (e *engine) finished() {
	if c := e.attached(); c == nil || !c.shard.do(func() { c.shard.close(c, codeGoingAway, "") }) {
		e.close(codeGoingAway, "")
	}
}
