package gateway

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap/zaptest"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
)

// slow is a sink that takes no batch of more than `most` events in time.
type slow struct {
	most  int
	taken chan int

	mu   sync.Mutex
	upTo uint64
	seen int
}

func (s *slow) Write(ctx context.Context, b protocols.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(b.Events) > s.most {
		<-ctx.Done()
		return ctx.Err()
	}
	if b.From != s.upTo {
		return &OffsetError{Have: s.upTo}
	}
	s.upTo = b.UpTo
	s.seen += len(b.Events)
	s.taken <- s.seen
	return nil
}

// TestSlowSinkGetsSmallerBatches: a store that can not write a batch in the time for it gets smaller ones, and all events once.
func TestSlowSinkGetsSmallerBatches(t *testing.T) {
	log, err := journal.Open(journal.Config{Dir: t.TempDir(), SegmentBytes: 1 << 20, MaxBytes: 1 << 24})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	const events = 500
	b := log.NewBatch()
	c := connection{protocol: wire.Name, version: wire.Version, start: protocols.CaptureTime, number: 1, session: protocols.Session{Device: "A"}, vehicle: "A"}
	header := string(c.append(nil))
	for i := range events {
		r := record{received: protocols.CaptureTime, counter: uint32(i)}
		w := newWorker(-1)
		w.keep(&r, header, []byte("beat\n"), 1)
		if err := b.Add(w.stage[:w.ends[0]]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.Append(b); err != nil {
		t.Fatal(err)
	}
	s := &slow{most: 40, taken: make(chan int, events)}
	shared := newTape(log, events, 1, map[string]*protocols.Protocol{wire.Name: &wire})
	defer shared.close()
	p := &pipe{name: "store", sink: s, journal: log, rows: events, delay: 10 * time.Millisecond, timeout: 20 * time.Millisecond, taken: func(uint64) {},
		shared: shared, m: newMetrics(prometheus.NewRegistry()), log: zaptest.NewLogger(t)}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	done := make(chan error, 1)
	go func() { done <- p.run(ctx, 0) }()
	for {
		select {
		case n := <-s.taken:
			if n < events {
				continue
			}
			if n > events {
				t.Errorf("%d events of %d", n, events)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			return
		case err := <-done:
			t.Fatalf("ended: %v", err)
		}
	}
}
