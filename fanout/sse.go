package fanout

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
)

// stream is a client over server-sent events: the same client, another link. The request's own goroutine writes.
type stream struct {
	hub    *Hub
	client *client
	moved  atomic.Int64
	places *places // the shard's; nil where the client cannot resume

	chunks chan []byte // at most one: the shard waits for writable
	closed chan struct{}
	once   sync.Once
}

func (s *stream) encode(dst []byte, items []item) []byte {
	for i := range items {
		it := &items[i]
		if it.frame {
			dst = append(dst, it.note.raw...)
			continue
		}
		s.places.see(it)
		dst = s.places.appendID(dst, it)
		dst = append(appendItem(append(dst, "data: "...), it), "\n\n"...)
	}
	return dst
}

func (s *stream) ping() []byte { return []byte(": ping\n\n") }

func (s *stream) write(b []byte) bool {
	select {
	case s.chunks <- append([]byte(nil), b...):
	case <-s.closed:
	}
	return false
}

func (s *stream) progress() int64 { return s.moved.Load() }

func (s *stream) close(int, string) { s.once.Do(func() { close(s.closed) }) }

// serveEvents is GET /events?vehicles=a,b ("*" is everything that the token allows). The token comes in the header, or as a one-time
// ticket in ticket=, since an EventSource can set no header. With Last-Event-ID, or last_event_id=, a client of up to 32 vehicles gets what
// it missed, on any node; others are told to resync.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	if !s.up() {
		unavailable(w)
		return
	}
	claims, err := s.authority.Authenticate(r)
	if ticket := r.URL.Query().Get("ticket"); err != nil && ticket != "" {
		claims, err = s.authority.Redeem(r.Context(), ticket)
	}
	if err == nil && !s.authority.Allow(claims, auth.Read, "") {
		err = auth.ErrForbidden
	}
	if err != nil {
		s.counters.refuse(refusedToken)
		if !errors.Is(err, auth.ErrForbidden) {
			err = auth.ErrUnauthenticated
		}
		auth.Refuse(w, err)
		return
	}
	req := &request{Track: strings.FieldsFunc(r.URL.Query().Get("vehicles"), func(c rune) bool { return c == ',' })}
	if len(req.Track) == 0 || len(req.Track) > maxIDs {
		failure(w, http.StatusBadRequest, "vehicles: 1 to 1000 ids, or *")
		return
	}
	address := s.addressOf(r)
	if why, ok := s.gate.enter(address); !ok {
		s.counters.refuse(why)
		unavailable(w)
		return
	}
	user := ""
	defer func() { s.gate.leave(address, user) }()
	if !s.gate.user(claims.Subject) {
		s.counters.refuse(refusedUser)
		w.Header().Set("Retry-After", "5")
		failure(w, http.StatusTooManyRequests, "too many connections")
		return
	}
	user = claims.Subject
	if !s.readers.enter() {
		unavailable(w)
		return
	}
	defer s.readers.leave()
	s.stream(w, r, claims, req)
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request, claims *auth.Claims, req *request) {
	places, missed := newPlaces(req.Track), false
	if id := lastEventID(r); id != "" {
		if seqs := places.resume(id); seqs != nil {
			req = &request{Resume: seqs}
		} else {
			missed = true
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	out.Flush()

	st := &stream{hub: s.hub, places: places, chunks: make(chan []byte, 1), closed: make(chan struct{})}
	st.moved.Store(s.hub.now())
	c := newClient(s.hub, st, claims, s.gap)
	st.client = c
	session := &session{server: s, client: c, user: claims.Subject}
	s.hub.attach(c)
	s.sessions.add(session)
	defer session.end()
	defer s.sessions.remove(session)
	asked := make(chan struct{})
	go func() { // beside the writing: a snapshot waits until it is taken
		defer close(asked)
		if missed {
			s.counters.ResumeResync.Add(1)
			c.shard.do(func() { c.shard.resync(c) })
		}
		session.handle(s.ctx, req)
	}()
	defer func() {
		c.shard.do(func() { c.shard.close(c, codeGoingAway, "") })
		<-asked
	}()
	for {
		select {
		case b := <-st.chunks:
			out.SetWriteDeadline(time.Now().Add(s.hub.limits.Stall))
			if _, err := w.Write(b); err != nil {
				return
			}
			if err := out.Flush(); err != nil {
				return
			}
			st.moved.Store(s.hub.now())
			c.heard.Store(s.hub.now()) // there is no other sign of life
			c.writable()
		case <-st.closed:
			return
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}
