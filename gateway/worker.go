package gateway

import (
	"encoding/binary"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trackgate/trackgate/protocols"
)

// worker is the scratch space of one goroutine that reads frames: an event loop, a UDP reader, an HTTP request. It lives long, so that reading a frame
// allocates nothing.
type worker struct {
	loop  int // index of the event loop, -1 elsewhere
	frame protocols.Frame
	stage []byte // journal records of this read, one after the other
	ends  []int  // where each of them ends in stage
	run   run    // the last of them
	out   []byte // replies of this read

	header []byte // of a record, while it is made

	frames, records tally
}

// frameKind labels a counter: a protocol, and its message or the quality of a record.
type frameKind struct {
	protocol *protocols.Protocol
	kind     string
}

// tally is the counters that a worker has looked up so far. What comes is mostly of the kind that came before.
type tally struct {
	kinds map[frameKind]prometheus.Counter
	last  frameKind
	count prometheus.Counter // of the last
}

// add counts one of a kind; look gives its counter when it comes first.
func (t *tally) add(k frameKind, look func() prometheus.Counter) {
	if t.count == nil || k != t.last {
		c := t.kinds[k]
		if c == nil {
			if c = look(); t.kinds == nil || len(t.kinds) >= mostKinds {
				t.kinds = make(map[frameKind]prometheus.Counter)
			}
			t.kinds[k] = c
		}
		t.last, t.count = k, c
	}
	t.count.Inc()
}

func newWorker(loop int) *worker { return &worker{loop: loop} }

// maxStage is how much one read may stage before it goes to the committer.
const maxStage = 256 << 10

// reset readies w for the next read.
func (w *worker) reset() {
	w.stage, w.ends, w.out, w.run = w.stage[:0], w.ends[:0], w.out[:0], run{}
}

// run is the record that the last frame was staged in.
type run struct {
	head   record // as the next frame would begin a record, were it to go on like this
	header string // its connection part
	size   int    // of its frames
}

// maxRun is how many bytes of frames one record takes before the next frame begins another: few enough that a sink's batch can be cut between records.
const maxRun = 4 << 10

// keep stages one frame, in the last record where that goes on with it, else in a record of its own.
func (w *worker) keep(r *record, header string, raw []byte, events int) {
	if w.run.size == 0 || w.run.size+len(raw) > maxRun || header != w.run.header || !w.run.head.leadsTo(r) {
		w.stage = r.appendFixed(w.stage)
		w.stage = append(w.stage, header...)
		w.ends = append(w.ends, 0)
		w.run = run{head: *r, header: header}
	}
	w.stage = binary.AppendUvarint(w.stage, uint64(events))
	w.stage = binary.AppendUvarint(w.stage, uint64(len(raw)))
	w.stage = append(w.stage, raw...)
	w.ends[len(w.ends)-1] = len(w.stage)
	w.run.size += len(raw)
}

// kept says where the last frame left its connection and its vehicle.
func (w *worker) kept(counter uint32, newest protocols.Millis) {
	w.run.head.counter, w.run.head.newest = counter, newest
}

// count counts an accepted frame by its message.
func (w *worker) count(m *metrics, p *protocols.Protocol, kind string) {
	w.frames.add(frameKind{p, kind}, func() prometheus.Counter { return m.frames.WithLabelValues(p.Name, m.kind(p.Name, kind), "ok") })
}

// quality counts a record by what it is good for.
func (w *worker) quality(m *metrics, p *protocols.Protocol, e *protocols.Event) {
	q := "status"
	switch {
	case e.Apart():
		q = "apart"
	case e.Late:
		q = "late"
	case e.Live():
		q = "live"
	case e.Has&protocols.HasFix != 0:
		q = "invalid"
	}
	w.records.add(frameKind{p, q}, func() prometheus.Counter { return m.records.WithLabelValues(p.Name, q) })
}
