package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Reports lets phones report on the HTTP port as they do on the port of the protocol osmand: each request becomes one of that protocol's frames and
// goes the way of every tracker's record into the journal. Like a tracker, a phone shows no token: the registry's policy on unknown devices and the
// limits of an address are all that is asked. So nobody mounts it unless an operator says so.
type Reports struct {
	core     *core
	listener *listener

	mu     sync.Mutex // guards what follows: one request at a time decodes
	worker *worker
}

// maxReport is the longest body that is read; the decoder has its own limits below.
const maxReport = 1<<20 + 1

// Reports is the way in for phones over HTTP; nil when the gateway does not speak their protocol.
func (g *Gateway) Reports() *Reports {
	for _, p := range g.core.protocols {
		if p.Name == "osmand" {
			// A report is whole when it comes, and each stands alone: in that it is a datagram.
			return &Reports{core: g.core, worker: newWorker(-1), listener: &listener{protocol: p, datagram: true, request: true}}
		}
	}
	return nil
}

// Mount puts the reports at a path in front of next. The path / belongs to people's browsers as well: there only a POST, or a GET with an identity,
// is a report.
func (p *Reports) Mount(path string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path || path == "/" && !reports(r) {
			next.ServeHTTP(w, r)
			return
		}
		p.ServeHTTP(w, r)
	})
}

// reports tells whether a request at / is a report.
func reports(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost:
		return true
	case http.MethodGet:
		q := r.URL.Query()
		return q.Has("id") || q.Has("deviceid")
	}
	return false
}

// ServeHTTP answers a report as the protocol's own port does, once it is durable.
func (p *Reports) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		// A page of somebody else must not make its visitors' browsers report.
		http.Error(w, "reports do not come from other sites' pages", http.StatusForbidden)
		return
	}
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	remote = netip.AddrPortFrom(remote.Addr().Unmap().WithZone(""), remote.Port())
	if p.core.committer.stalled() || p.core.budget.full() || !p.core.admit(remote.Addr()) {
		busy(w)
		return
	}
	defer p.core.leave(remote.Addr())
	// The server's own deadlines end with the head of a request, and here anybody may call.
	deadline := http.NewResponseController(w)
	_ = deadline.SetReadDeadline(time.Now().Add(p.core.cfg.Frame)) // all of net/http's connections can
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReport))
	if err != nil {
		status := http.StatusBadRequest
		if large := new(http.MaxBytesError); errors.As(err, &large) {
			status = http.StatusRequestEntityTooLarge
		}
		w.Header().Set("Connection", "close")
		w.WriteHeader(status)
		return
	}
	_ = deadline.SetReadDeadline(time.Time{})
	frame := appendRequest(nil, r, body)
	p.core.bytesIn.Add(float64(len(frame)))
	done := make(chan struct{})
	reply, waiting, err := p.stage(frame, remote, done)
	if err != nil || len(reply) == 0 {
		busy(w)
		return
	}
	if waiting {
		ctx, cancel := context.WithTimeout(r.Context(), ingestWait)
		defer cancel()
		select {
		case <-done:
		case <-ctx.Done():
			busy(w)
			return
		}
	}
	p.answer(w, r, reply)
}

// appendRequest writes a request as a phone would send it to the protocol's port: what the report is made of, and no cookie or token.
func appendRequest(b []byte, r *http.Request, body []byte) []byte {
	b = fmt.Appendf(b, "%s %s HTTP/1.1\r\n", r.Method, r.RequestURI)
	for _, name := range [...]string{"Content-Type", "Content-Encoding"} {
		if v := r.Header.Get(name); v != "" {
			b = fmt.Appendf(b, "%s: %s\r\n", name, v)
		}
	}
	return append(fmt.Appendf(b, "Content-Length: %d\r\n\r\n", len(body)), body...)
}

// stage decodes a report and gives its record to the committer, which closes done. It returns the protocol's answer, none where an address is over
// its limits, and whether that has to wait.
func (p *Reports) stage(frame []byte, remote netip.AddrPort, done chan struct{}) (reply []byte, waiting bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.worker
	w.reset()
	s := p.core.newSession(p.listener, remote, clock())
	s.transport = noTransport{}
	_, _, _ = s.next(w, frame, s.opened, true)
	reply = bytes.Clone(w.out)
	w.out = w.out[:0]
	if s.lastRefusal != nil && len(reply) == 0 {
		reply = bytes.Clone(w.frame.Refuse)
	}
	if len(w.ends) == 0 {
		return reply, false, nil
	}
	return reply, true, p.core.commit(w, ack{s: s, done: done})
}

// answer gives the protocol's answer.
func (p *Reports) answer(w http.ResponseWriter, r *http.Request, reply []byte) {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(reply)), r)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	defer resp.Body.Close()
	for _, name := range [...]string{"Allow", "Connection", "Content-Type"} {
		if v := resp.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	if resp.Close {
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(resp.StatusCode)
	n, _ := io.Copy(w, resp.Body) // the phone is gone if it fails
	p.core.bytesOut.Add(float64(n))
}

// busy tells a phone to keep its report and send it again.
func busy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "5")
	w.WriteHeader(http.StatusServiceUnavailable)
}
