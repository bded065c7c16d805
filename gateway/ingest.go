package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// Ingest is the HTTP way in, for phones and other programs: each update becomes a frame of the protocol "http" and goes the way of every tracker's
// record into the journal. It is answered once that is durable.
type Ingest struct {
	core      *core
	listener  *listener
	authorize func(r *http.Request, vehicle string) error
	started   protocols.Millis

	mu      sync.Mutex // guards what follows: one request at a time decodes
	worker  *worker
	counter uint32
}

// Limits of HTTP ingest.
const (
	MaxUpdates    = 1000
	maxLocation   = 16 << 10
	maxBatchBytes = 4 << 20
	ingestWait    = 10 * time.Second
)

// Routes are the handlers by pattern.
func (i *Ingest) Routes() map[string]http.Handler {
	return map[string]http.Handler{
		"POST /api/tracking/location": http.HandlerFunc(i.location),
		"POST /api/tracking/batch":    http.HandlerFunc(i.batch),
	}
}

// location takes one update: 202 once it is journaled.
func (i *Ingest) location(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLocation))
	if err != nil {
		answerTooLarge(w, err)
		return
	}
	errs, err := i.take(r, []json.RawMessage{raw})
	switch {
	case err != nil:
		answerBusy(w, err)
	case errs[0] != nil:
		answer(w, statusOf(errs[0]), map[string]string{"error": errs[0].Error()})
	default:
		answer(w, http.StatusAccepted, map[string]int{"accepted": 1})
	}
}

// batch takes up to MaxUpdates updates, each judged alone.
func (i *Ingest) batch(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Updates []json.RawMessage `json:"updates"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBatchBytes)).Decode(&body); err != nil {
		answerTooLarge(w, err)
		return
	}
	if len(body.Updates) > MaxUpdates {
		answer(w, http.StatusRequestEntityTooLarge, map[string]string{"error": fmt.Sprintf("at most %d updates a batch", MaxUpdates)})
		return
	}
	errs, err := i.take(r, body.Updates)
	if err != nil {
		answerBusy(w, err)
		return
	}
	type fault struct {
		Index int    `json:"index"`
		Error string `json:"error"`
	}
	result := struct {
		Accepted int     `json:"accepted"`
		Errors   []fault `json:"errors"`
	}{Errors: []fault{}}
	for n, e := range errs {
		if e == nil {
			result.Accepted++
		} else {
			result.Errors = append(result.Errors, fault{n, e.Error()})
		}
	}
	answer(w, http.StatusAccepted, result)
}

var (
	errBusy     = errors.New("the journal can not take more now; send it again later")
	errUpdate   = errors.New("an update is a JSON object of at most 16 KiB")
	errNoAccess = errors.New("no access to this vehicle")
)

// take journals the updates and waits until they are durable. It returns an error for each update that is not accepted, or one for all.
func (i *Ingest) take(r *http.Request, updates []json.RawMessage) ([]error, error) {
	if i.core.committer.stalled() || i.core.budget.full() {
		return nil, errBusy
	}
	errs := make([]error, len(updates))
	for n, raw := range updates {
		errs[n] = i.allowed(r, raw)
	}
	done := make(chan struct{})
	waiting, err := i.stage(r, updates, errs, done)
	if err != nil || !waiting {
		return errs, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), ingestWait)
	defer cancel()
	select {
	case <-done:
		return errs, nil
	case <-ctx.Done():
		return nil, errBusy
	}
}

// allowed asks whether the caller may speak for the vehicle of an update, under the name it gives and the one the registry knows.
func (i *Ingest) allowed(r *http.Request, raw []byte) error {
	if len(raw) > maxLocation {
		return errUpdate
	}
	e, err := protocols.ParseEvent(raw)
	if err != nil {
		return err
	}
	if e.Vehicle == "" {
		return errors.New("vehicleId is missing")
	}
	if err := i.authorize(r, e.Vehicle); err != nil {
		return err
	}
	if d, ok := i.core.registry.Device(e.Vehicle); ok && d.Vehicle != e.Vehicle {
		return i.authorize(r, d.Vehicle)
	}
	return nil
}

// stage decodes the allowed updates and gives their records to the committer, which closes done; false when there are none.
func (i *Ingest) stage(r *http.Request, updates []json.RawMessage, errs []error, done chan struct{}) (waiting bool, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := clock()
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	i.worker.reset()
	for n, raw := range updates {
		if errs[n] != nil {
			continue
		}
		s := i.core.newSession(i.listener, remote, now)
		s.started, s.counter = i.started, i.counter
		if s.next(i.worker, raw, now, true); s.counter == i.counter {
			if errs[n] = s.lastRefusal; errs[n] == nil {
				errs[n] = errUpdate
			}
		}
		i.counter = s.counter
	}
	i.worker.out = i.worker.out[:0]
	if len(i.worker.ends) == 0 {
		return false, nil
	}
	s := i.core.newSession(i.listener, remote, now)
	s.transport = noTransport{}
	return true, i.core.commit(i.worker, ack{s: s, done: done})
}

// noTransport is for sessions that are answered by other means.
type noTransport struct{}

func (noTransport) write([]byte) error { return nil }
func (noTransport) close(string)       {}
func (noTransport) probe()             {}

// Denied is what an authorize function returns when the caller has no right; Status is 401 or 403.
type Denied struct{ Status int }

func (d *Denied) Error() string { return errNoAccess.Error() }

func statusOf(err error) int {
	var d *Denied
	if errors.As(err, &d) {
		return d.Status
	}
	return http.StatusBadRequest
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller is gone if it fails
}

func answerBusy(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "5")
	answer(w, http.StatusServiceUnavailable, map[string]string{"error": err.Error()})
}

func answerTooLarge(w http.ResponseWriter, err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		answer(w, http.StatusRequestEntityTooLarge, map[string]string{"error": fmt.Sprintf("at most %d bytes", large.Limit)})
		return
	}
	answer(w, http.StatusBadRequest, map[string]string{"error": "not a JSON object: " + err.Error()})
}
