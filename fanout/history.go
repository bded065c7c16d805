package fanout

import (
	"bufio"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/trackgate/trackgate/protocols"
)

// ErrCursor is returned by a Store for a cursor that it did not make.
var ErrCursor = errors.New("no such cursor")

// Bounds of a page of history.
const (
	defaultLimit = 1_000
	maxLimit     = 10_000
)

// cursorHeader is the trailer with the next page's cursor, for the formats that have no place for it.
const cursorHeader = "Trackgate-Cursor"

// period reads from (inclusive) and to (exclusive): RFC 3339 or Unix milliseconds. Without to it ends now, without from it is the span
// that the caller names.
func period(q url.Values, span time.Duration) (from, to protocols.Millis, err error) {
	parse := func(key string, missing protocols.Millis) protocols.Millis {
		v := q.Get(key)
		if v == "" {
			return missing
		}
		if t, e := time.Parse(time.RFC3339, v); e == nil {
			return protocols.At(t)
		}
		ms, e := strconv.ParseInt(v, 10, 64)
		if e != nil || ms < 0 || ms >= 4e12 {
			err = errors.New(key + ": neither RFC 3339 nor Unix milliseconds")
		}
		return protocols.Millis(ms)
	}
	to = parse("to", protocols.At(time.Now())+1)
	from = parse("from", to-protocols.Millis(span.Milliseconds()))
	if err == nil && from > to {
		err = errors.New("from is after to")
	}
	return from, to, err
}

// serveHistory is GET /api/vehicles/{id}/history.
func (s *Server) serveHistory(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !s.readable(w, r, id) {
		return
	}
	values := r.URL.Query()
	q := HistoryQuery{Vehicle: id, Limit: defaultLimit, Cursor: values.Get("cursor"), Quarantined: values.Get("quarantined") == "1"}
	var err error
	if q.From, q.To, err = period(values, 24*time.Hour); err != nil {
		failure(w, http.StatusBadRequest, err.Error())
		return
	}
	if v := values.Get("limit"); v != "" {
		if q.Limit, err = strconv.Atoi(v); err != nil || q.Limit < 1 {
			failure(w, http.StatusBadRequest, "limit: a number from 1")
			return
		}
		q.Limit = min(q.Limit, maxLimit)
	}
	f, ok := formatOf(values.Get("format"), r.Header.Get("Accept"))
	if !ok {
		failure(w, http.StatusBadRequest, "format: one of json, ndjson, csv, geojson, gpx")
		return
	}
	if known, err := s.store.Known(r.Context(), id); err != nil {
		s.log.Error("reading history", zap.Error(err))
		unavailable(w)
		return
	} else if !known {
		notFound(w)
		return
	}

	out := bufio.NewWriterSize(w, 32<<10)
	writer := f.open(out)
	begun := false
	begin := func() {
		begun = true
		h := w.Header()
		h.Set("Content-Type", f.mime)
		h.Set("Cache-Control", "no-store")
		h.Add("Vary", "Accept")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Trailer", cursorHeader)
		if f.file != "" {
			h.Set("Content-Disposition", `attachment; filename="history.`+f.file+`"`)
		}
		writer.begin(id)
	}
	cursor, err := s.store.History(r.Context(), q, func(e *protocols.Event) error {
		if !begun {
			begin()
		}
		return writer.event(e)
	})
	if err != nil {
		switch {
		case begun:
			s.log.Warn("history ended early", zap.Error(err))
			panic(http.ErrAbortHandler) // the status is out; a cut connection says it
		case errors.Is(err, ErrCursor):
			failure(w, http.StatusBadRequest, "cursor: none of ours")
		default:
			s.log.Error("reading history", zap.Error(err))
			unavailable(w)
		}
		return
	}
	if !begun {
		begin()
	}
	writer.end(cursor)
	out.Flush()
	w.Header().Set(cursorHeader, cursor)
}
