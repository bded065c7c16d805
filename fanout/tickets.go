package fanout

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/trackgate/trackgate/fanout/auth"
)

// ticketTTL is the life of a ticket that a client asks for: it is used at once, in the next request.
const ticketTTL = time.Minute

// serveTickets is POST /api/tickets: a ticket for the caller, to stand where a token must not, such as the address of an EventSource.
func (s *Server) serveTickets(w http.ResponseWriter, r *http.Request) {
	ticket, err := s.authority.MintTicket(r.Context(), auth.FromContext(r.Context()), ticketTTL)
	if err != nil {
		s.log.Error("minting a ticket", zap.Error(err))
		unavailable(w)
		return
	}
	answer(w, http.StatusCreated, map[string]any{"ticket": ticket, "expires_in": int(ticketTTL / time.Second)})
}

// serveSession is POST /api/session: a token for a ticket.
func (s *Server) serveSession(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Ticket string `json:"ticket"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&body); err != nil {
		failure(w, http.StatusBadRequest, "a JSON object with a ticket is needed")
		return
	}
	token, err := s.authority.Session(r.Context(), body.Ticket)
	switch {
	case errors.Is(err, auth.ErrTicket):
		s.counters.refuse(refusedToken)
		auth.Refuse(w, auth.ErrUnauthenticated)
	case errors.Is(err, auth.ErrNoKey):
		failure(w, http.StatusNotImplemented, "tokens are made elsewhere: there is no signing secret here")
	case err != nil:
		s.log.Error("exchanging a ticket", zap.Error(err))
		unavailable(w)
	default:
		answer(w, http.StatusOK, map[string]string{"token": token})
	}
}
