package gateway

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/gateway/journal"
)

// commits is a committer at work on a journal of small segments, whose syncs wait for the gate.
type commits struct {
	*committer
	t       *testing.T
	journal *journal.Log
	gate    chan struct{} // closed: syncs pass
}

func commitTo(t *testing.T, deliver func(*committer, *group)) *commits {
	t.Helper()
	gate := make(chan struct{})
	log, err := journal.Open(journal.Config{Dir: filepath.Join(t.TempDir(), "journal"), SegmentBytes: 64 << 10, MaxBytes: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	c := &commits{t: t, journal: log, gate: gate, committer: newCommitter(log, 0, newMetrics(prometheus.NewRegistry()), zap.NewNop())}
	c.resume = func() {}
	c.deliver = func(g *group) {
		<-gate
		deliver(c.committer, g)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		log.Close()
	})
	return c
}

// read stages n records of size bytes, numbered from first.
func read(first, n, size int) *worker {
	w := newWorker(-1)
	for i := range n {
		w.stage = binary.BigEndian.AppendUint32(w.stage, uint32(first+i))
		w.stage = append(w.stage, make([]byte, size-4)...)
		w.ends = append(w.ends, len(w.stage))
	}
	w.out = fmt.Appendf(nil, "%d ", first+n)
	return w
}

func (c *commits) idleSoon() {
	c.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(20 * time.Second); !c.idle(); {
		select {
		case <-tick.C:
		case <-deadline:
			c.t.Fatal("never idle")
		}
	}
}

// TestMoreThanAGroupHolds has sessions that had decoded before they could see that too much has gathered: nobody is turned away, and all of it is committed in
// the order in which it came, each answer behind its last record.
func TestMoreThanAGroupHolds(t *testing.T) {
	var answers bytes.Buffer
	var ends []uint64
	c := commitTo(t, func(_ *committer, g *group) {
		answers.Write(g.out)
		for range g.acks {
			ends = append(ends, g.upTo)
		}
		g.parts.Store(1)
		g.done()
	})
	const reads, each = 9, 30
	for i := range reads {
		if err := c.add(read(i*each, each, 1<<10), ack{}); err != nil {
			t.Fatalf("read %d: %v", i, err)
		}
	}
	if !c.stalled() {
		t.Error("more has gathered than a segment holds, and no session is told to wait")
	}
	close(c.gate)
	c.idleSoon()
	if c.stalled() {
		t.Error("still stalled with nothing to do")
	}
	if got, want := answers.String(), "30 60 90 120 150 180 210 240 270 "; got != want {
		t.Errorf("answered %q, want %q", got, want)
	}
	for i, upTo := range ends {
		if upTo < uint64((i+1)*each) {
			t.Errorf("read %d was answered at %d", i, upTo)
		}
	}
	r, err := c.journal.NewReader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range uint64(reads * each) {
		index, b, ok, err := r.TryNext()
		if err != nil || !ok || index != i || binary.BigEndian.Uint32(b) != uint32(i) {
			t.Fatalf("record %d: index %d, %v, %v", i, index, ok, err)
		}
	}
}

// TestFullParkingStaysFull: with `ack: stored` what waits for the store is bounded, whatever is committed meanwhile.
func TestFullParkingStaysFull(t *testing.T) {
	c := commitTo(t, func(c *committer, g *group) {
		g.parts.Store(1)
		if c.parked.park(g) != nil {
			t.Error("the store has nothing")
		}
		g.done()
	})
	close(c.gate)
	c.parked.limit = 300
	add := func(n int) {
		t.Helper()
		if err := c.add(read(n, 1, 100), ack{}); err != nil {
			t.Fatal(err)
		}
		c.idleSoon()
	}
	for n := 0; !c.stalled(); n++ {
		add(n)
	}
	add(100) // decoded before the stall was seen
	if !c.stalled() {
		t.Error("a commit ended the stall of the full parking")
	}
	if _, eased := c.parked.release(1); eased {
		t.Error("room again after a quarter")
	}
	if ready, eased := c.parked.release(c.journal.Next()); !eased || len(ready) != 5 || c.stalled() {
		t.Errorf("released %d, eased %v, stalled %v, want all and room", len(ready), eased, c.stalled())
	}
}

// TestLargeUpload posts more than a segment of the journal holds.
func TestLargeUpload(t *testing.T) {
	r := start(t, func(_ *Config, j *journal.Config) { j.SegmentBytes, j.MaxBytes = 1<<20, 16<<20 })
	var body strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&body, `,{"vehicleId":"mine%d","lat":1,"lng":2,"time":%d,"note":%q}`, i, time.Now().UnixMilli(), strings.Repeat("x", 2000))
	}
	req := httptest.NewRequest("POST", "/api/tracking/batch", strings.NewReader(`{"updates":[`+body.String()[1:]+`]}`))
	w := httptest.NewRecorder()
	r.Ingest().Routes()["POST /api/tracking/batch"].ServeHTTP(w, req)
	if w.Code != http.StatusAccepted || !strings.Contains(w.Body.String(), `"accepted":1000`) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	r.store.wait(t, 1000)
}

// TestFewDoNotWait: the window is for large groups. A few records are committed at once; what follows a large group waits for company.
func TestFewDoNotWait(t *testing.T) {
	start := func(window time.Duration) (add func(records int), groups chan int) {
		groups = make(chan int, 10)
		c := commitTo(t, func(_ *committer, g *group) {
			groups <- g.batch.Len()
			g.parts.Store(1)
			g.done()
		})
		c.window = window
		close(c.gate)
		return func(records int) {
			t.Helper()
			if err := c.add(read(0, records, 10), ack{}); err != nil {
				t.Fatal(err)
			}
		}, groups
	}
	add, groups := start(time.Hour)
	for _, n := range []int{1, 2, company - 1} {
		add(n)
		if got := <-groups; got != n {
			t.Errorf("a group of %d records, want %d", got, n)
		}
	}
	add, groups = start(time.Second)
	add(company)
	<-groups
	add(1)
	add(1)
	if got := <-groups; got != 2 {
		t.Errorf("a group of %d records after a large one, want both that came within the window", got)
	}
}
