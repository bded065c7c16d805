package fanout

import (
	"bufio"
	"net/http"
	"strings"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/protocols"
)

// readable says whether the caller may see the vehicle; if not, it has been answered as for a vehicle that does not exist.
func (s *Server) readable(w http.ResponseWriter, r *http.Request, vehicle string) bool {
	if len(vehicle) <= protocols.MaxIdentity && s.authority.Allow(auth.FromContext(r.Context()), auth.Read, vehicle) && vehicle != "" {
		return true
	}
	notFound(w)
	return false
}

// serveLocation is GET /api/vehicles/{id}/location.
func (s *Server) serveLocation(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !s.readable(w, r, id) {
		return
	}
	m := s.lastKnown(r.Context(), []string{id})[id]
	if m == nil {
		notFound(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(append(m.body[:len(m.body):len(m.body)], '\n'))
}

// serveLocations is GET /api/vehicles/locations, of all vehicles or of ids=a,b. Those that the caller may not see are left out, like
// those that do not exist.
func (s *Server) serveLocations(w http.ResponseWriter, r *http.Request) {
	claims := auth.FromContext(r.Context())
	var wanted []string
	if r.URL.Query().Has("ids") {
		wanted = strings.FieldsFunc(strings.Join(r.URL.Query()["ids"], ","), func(c rune) bool { return c == ',' })
		if len(wanted) > maxIDs {
			failure(w, http.StatusBadRequest, "ids: at most 1000")
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	out := bufio.NewWriterSize(w, 32<<10)
	out.WriteString(`{"events":[`)
	first := true
	write := func(m *Message) bool {
		if !s.authority.Allow(claims, auth.Read, m.Vehicle) {
			return true
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		_, err := out.Write(m.body)
		return err == nil
	}
	if wanted == nil {
		s.eachLastKnown(r.Context(), write)
	} else {
		allowed := wanted[:0]
		for _, v := range wanted {
			if s.authority.Allow(claims, auth.Read, v) {
				allowed = append(allowed, v)
			}
		}
		known := s.lastKnown(r.Context(), allowed)
		for _, v := range allowed {
			if m := known[v]; m != nil {
				delete(known, v) // asked for twice is answered once
				write(m)
			}
		}
	}
	out.WriteString("]}\n")
	out.Flush()
}
