package gateway

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/all"
)

// FuzzIngest posts arbitrary bodies to both routes of HTTP ingest: each is answered with a status that says what became of it, and what is
// accepted decodes again from the journal.
func FuzzIngest(f *testing.F) {
	for _, body := range []string{`{"vehicleId":"1","lat":1,"lng":2,"speed":3}`, `{"updates":[{"vehicleId":"1","lat":1,"lng":3},7]}`, `{"updates":[]}`, `[]`, ``,
		`{"vehicleId":"1","time":1e300,"attrs":{"a":{"b":[1,2,{}]}}}`, `{"vehicleId":"\u0000","lat":91}`, `{"updates":[{"vehicleId":"x","lat":"1","lng":null}]}`} {
		f.Add([]byte(body), len(body)%2 == 0)
	}
	log, err := journal.Open(journal.Config{Dir: f.TempDir(), SegmentBytes: 1 << 20, MaxBytes: 4 << 20, Sync: func(*os.File) error { return nil }})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { log.Close() })
	cfg := testConfig("", "")
	g := New(Options{Config: cfg, Data: f.TempDir(), Protocols: all.Protocols, Journal: log, Registry: NewRegistry(&devices{}, protocols.Accept, zap.NewNop()),
		Authorize: func(*http.Request, string) error { return nil }, Metrics: prometheus.NewRegistry(), Log: zap.NewNop()})
	g.core.committer.deliver = func(gr *group) {
		gr.parts.Store(1)
		for i := range gr.acks {
			gr.acks[i].hand(gr)
		}
		log.Release(log.Next())
		gr.done()
	}
	go g.core.committer.run(f.Context())
	routes := g.Ingest().Routes()
	f.Fuzz(func(t *testing.T, body []byte, batch bool) {
		from := log.Next()
		path := "/api/tracking/location"
		if batch {
			path = "/api/tracking/batch"
		}
		w := httptest.NewRecorder()
		routes["POST "+path].ServeHTTP(w, httptest.NewRequest("POST", path, bytes.NewReader(body)))
		switch w.Code {
		case http.StatusAccepted, http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		default:
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Code != http.StatusAccepted && log.Next() != from {
			t.Fatalf("%d, and yet journaled", w.Code)
		}
	})
}

// FuzzRecord reads arbitrary bytes as a journal record, and decodes the frames in it: an error at worst.
func FuzzRecord(f *testing.F) {
	var frame protocols.Frame
	byName := make(map[string]*protocols.Protocol)
	for _, p := range all.Protocols {
		byName[p.Name] = p
	}
	for _, k := range readCaptures(f) {
		c := connection{protocol: k.p.Name, version: k.p.Version, start: protocols.CaptureTime, number: 1, vehicle: "v", session: protocols.Session{Device: "d"}}
		header := string(c.append(nil))
		w := newWorker(-1)
		r := record{datagram: k.c.Datagram, received: protocols.CaptureTime}
		for i, b := range k.c.Segments() {
			if i == 3 {
				break
			}
			w.keep(&r, header, b, 1)
			w.kept(0, 0)
		}
		if len(w.ends) > 0 {
			f.Add(w.stage[:w.ends[0]])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var rr recordReader
		r, err := rr.read(b)
		if err != nil {
			return
		}
		frame.Reset()
		var s protocols.Session
		for r.more() {
			left, events := len(r.frames), len(frame.Events)
			raw, err := r.decode(byName, &s, &frame)
			if len(raw)+len(r.frames) > left || len(r.frames) == left {
				t.Fatalf("a frame of %d bytes, then %d, out of %d", len(raw), len(r.frames), left)
			}
			if err == nil {
				continue
			}
			if protocols.Fault(err) == "panic" {
				t.Fatal(err)
			}
			if len(frame.Events) != events {
				t.Fatalf("%d events with %v", len(frame.Events)-events, err)
			}
		}
	})
}
