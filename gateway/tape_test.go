package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap/zaptest"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
)

// wires is a journal of the tests' own protocol, whose decodings are counted.
type wires struct {
	t       *testing.T
	log     *journal.Log
	byName  map[string]*protocols.Protocol
	decoded atomic.Int64
	written int
}

func newWires(t *testing.T) *wires {
	log, err := journal.Open(journal.Config{Dir: t.TempDir(), SegmentBytes: 1 << 20, MaxBytes: 1 << 24})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	j := &wires{t: t, log: log}
	counted := wire
	counted.Decode = func(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
		j.decoded.Add(1)
		return wire.Decode(s, in, f)
	}
	j.byName = map[string]*protocols.Protocol{wire.Name: &counted}
	return j
}

// write commits n records; each tenth of them does not decode.
func (j *wires) write(n int) {
	b := j.log.NewBatch()
	c := connection{protocol: wire.Name, version: wire.Version, start: protocols.CaptureTime, number: 1, session: protocols.Session{Device: "A"}, vehicle: "A"}
	for range n {
		r := record{received: protocols.CaptureTime, counter: uint32(j.written)}
		frame := "beat\n"
		if j.written%10 == 9 {
			frame = "\n"
		}
		w := newWorker(-1)
		w.keep(&r, string(c.append(nil)), []byte(frame), 1)
		if err := b.Add(w.stage[:w.ends[0]]); err != nil {
			j.t.Fatal(err)
		}
		j.written++
	}
	if _, err := j.log.Append(b); err != nil {
		j.t.Fatal(err)
	}
}

// reading takes everything and checks that it is what was written, in order and once.
type reading struct {
	gate chan struct{} // nil, or one is taken for each batch

	mu         sync.Mutex
	next       uint64
	batches    int
	err        error
	taken      chan struct{}
	jumpTo     uint64 // where the sink turns out to stand, once
	mostEvents int
}

func (r *reading) Write(ctx context.Context, b protocols.Batch) error {
	if r.gate != nil {
		select {
		case <-r.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.jumpTo != 0 {
		r.next, r.jumpTo = r.jumpTo, 0
		return &OffsetError{Have: r.next}
	}
	if b.From != r.next {
		r.err = errors.Join(r.err, fmt.Errorf("batch from %d, not %d", b.From, r.next))
	}
	e, d := 0, 0
	for i := b.From; i < b.UpTo; i++ {
		if i%10 == 9 {
			if d >= len(b.Dead) || b.Dead[d].Index != i || string(b.Dead[d].Raw) != "\n" {
				r.err = errors.Join(r.err, fmt.Errorf("record %d is no dead letter", i))
			}
			d++
			continue
		}
		if e >= len(b.Events) || b.Events[e].Index != i || b.Events[e].Counter != uint32(i) || string(b.Events[e].Raw) != "beat\n" {
			r.err = errors.Join(r.err, fmt.Errorf("record %d is not where it should be", i))
		}
		e++
	}
	if e != len(b.Events) || d != len(b.Dead) {
		r.err = errors.Join(r.err, fmt.Errorf("%d events and %d dead letters, want %d and %d", len(b.Events), len(b.Dead), e, d))
	}
	r.next = b.UpTo
	r.batches++
	r.mostEvents = max(r.mostEvents, len(b.Events))
	select {
	case r.taken <- struct{}{}:
	default:
	}
	return nil
}

// until waits until the sink has everything before index.
func (r *reading) until(t *testing.T, index uint64) {
	t.Helper()
	for {
		r.mu.Lock()
		next, err := r.next, r.err
		r.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		if next >= index {
			return
		}
		select {
		case <-r.taken:
		case <-t.Context().Done():
			t.Fatalf("stands at %d, not %d", next, index)
		}
	}
}

func (j *wires) pipe(name string, s *reading, rows int, shared *tape) {
	s.taken = make(chan struct{}, 1)
	p := &pipe{name: name, sink: s, journal: j.log, rows: rows, timeout: time.Minute, taken: func(uint64) {}, shared: shared,
		m: newMetrics(prometheus.NewRegistry()), log: zaptest.NewLogger(j.t)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.run(ctx, s.next) }()
	j.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			j.t.Error(err)
		}
		shared.close()
	})
}

// TestSinksShareDecoding: two sinks that keep pace with the journal cost one decoding, and each gets everything in batches of its own size.
func TestSinksShareDecoding(t *testing.T) {
	j := newWires(t)
	shared := newTape(j.log, 500, 2, j.byName)
	large, small := new(reading), new(reading)
	j.pipe("store", large, 500, shared)
	j.pipe("live", small, 30, shared)
	for range 40 {
		j.write(97)
		large.until(t, j.log.Next())
		small.until(t, j.log.Next())
	}
	if n := j.decoded.Load(); n != int64(j.written) {
		t.Errorf("%d records decoded %d times", j.written, n)
	}
	if small.mostEvents > 30 || large.mostEvents > 500 {
		t.Errorf("batches of %d and %d events", large.mostEvents, small.mostEvents)
	}
}

// TestSinkThatStandsHoldsUpNobody: while one sink stands still the other one gets everything, in bounded memory; afterwards the first catches up by
// itself and shares again.
func TestSinkThatStandsHoldsUpNobody(t *testing.T) {
	j := newWires(t)
	shared := newTape(j.log, 100, 2, j.byName)
	stands, goes := &reading{gate: make(chan struct{})}, new(reading)
	j.pipe("store", stands, 100, shared)
	j.pipe("live", goes, 100, shared)
	for range 50 {
		j.write(60)
		goes.until(t, j.log.Next())
	}
	shared.mu.Lock()
	for _, r := range shared.reels {
		if len(r.frame.Events) > 101 {
			t.Errorf("a reel of %d events", len(r.frame.Events))
		}
	}
	shared.mu.Unlock()
	if n := j.decoded.Load(); n != int64(j.written) {
		t.Errorf("%d records decoded %d times while a sink stood", j.written, n)
	}
	close(stands.gate)
	stands.until(t, j.log.Next())
	before := j.decoded.Load()
	j.write(60)
	stands.until(t, j.log.Next())
	goes.until(t, j.log.Next())
	if n := j.decoded.Load() - before; n != 60 {
		t.Errorf("60 records decoded %d times after both had caught up", n)
	}
}

// TestSinkGoesBack: a sink that turns out to stand elsewhere, behind the tape or within it, gets everything from there.
func TestSinkGoesBack(t *testing.T) {
	for _, to := range []uint64{1, 151, 290} {
		t.Run(fmt.Sprint(to), func(t *testing.T) {
			j := newWires(t)
			shared := newTape(j.log, 100, 2, j.byName)
			back, goes := new(reading), new(reading)
			j.write(300)
			j.pipe("live", goes, 100, shared)
			goes.until(t, 300)
			back.next, back.jumpTo = 299, to
			j.pipe("store", back, 100, shared)
			j.write(10)
			back.until(t, 310)
			goes.until(t, 310)
		})
	}
}
