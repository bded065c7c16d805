package fanout

import (
	"net/http"
	"time"

	"go.uber.org/zap"
)

// maxHours is the longest period in hours: a year, and what is left of it.
const maxHours = 9_000

// serveHourly is GET /api/vehicles/{id}/hourly: {"hours":[{"time":...,"events":n,...}]}, the last week if nothing is asked for.
func (s *Server) serveHourly(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !s.readable(w, r, id) {
		return
	}
	from, to, err := period(r.URL.Query(), 7*24*time.Hour)
	if err == nil && to-from > maxHours*3_600_000 {
		from = to - maxHours*3_600_000
	}
	if err != nil {
		failure(w, http.StatusBadRequest, err.Error())
		return
	}
	known, err := s.store.Known(r.Context(), id)
	if err == nil && !known {
		notFound(w)
		return
	}
	b := []byte(`{"hours":[`)
	if err == nil {
		first := true
		err = s.store.Hourly(r.Context(), id, from, to, func(hour []byte) error {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(b, hour...)
			return nil
		})
	}
	if err != nil {
		s.log.Error("reading hours", zap.Error(err))
		unavailable(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(append(b, "]}\n"...))
}
