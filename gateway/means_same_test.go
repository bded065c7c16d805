package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/all"
)

// TestJournalMeansTheSame feeds every capture over a thousand interleaved connections, and reads the journal from each of its segments: the events
// are those that the sockets saw.
func TestJournalMeansTheSame(t *testing.T) {
	const connections = 1000
	log, err := journal.Open(journal.Config{Dir: t.TempDir(), SegmentBytes: 1 << 20, MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cfg := testConfig("", "")
	m := newMetrics(prometheus.NewRegistry())
	c := &core{cfg: &cfg, protocols: all.Protocols, registry: NewRegistry(&devices{}, protocols.Accept, zap.NewNop()), m: m, bytesOut: m.bytes.WithLabelValues("out"), log: zap.NewNop(),
		refusals: newRefusals(t.TempDir(), 1, m, zap.NewNop())}
	c.committer = newCommitter(log, 0, m, zap.NewNop())
	byName := (&Gateway{core: c}).byName()

	type talk struct {
		s        *session
		segments [][]byte
		rest     []byte
	}
	var talks []*talk
	captures := readCaptures(t)
	for i := range connections {
		cap := captures[i%len(captures)]
		l := &listener{protocol: cap.p, datagram: cap.c.Datagram, replay: i%3 == 0}
		s := c.newSession(l, netip.MustParseAddrPort("127.0.0.1:1"), protocols.CaptureTime)
		s.transport = noTransport{}
		talks = append(talks, &talk{s: s, segments: cap.c.Segments()})
	}
	var want []string
	frames, records := 0, 0
	var boundaries []uint64 // index of the first record of each commit, to read from
	w := newWorker(-1)
	random := rand.New(rand.NewPCG(3, 4))
	for len(talks) > 0 {
		i := random.IntN(len(talks))
		k := talks[i]
		if len(k.segments) == 0 || k.s.hangUpAt != 0 {
			talks = append(talks[:i], talks[i+1:]...)
			continue
		}
		for n := random.IntN(4); ; n-- { // what a read finds
			k.rest = append(k.rest, k.segments[0]...)
			k.segments = k.segments[1:]
			if n <= 0 || len(k.segments) == 0 || k.s.listener.datagram {
				break
			}
		}
		now := protocols.CaptureTime + protocols.Millis(len(want))
		// One frame at a time, so that what the socket made of it can be compared; but what comes together is committed together.
		w.reset()
		for len(k.rest) > 0 {
			before := len(w.stage)
			if k.s.protocol == nil {
				k.s.protocol = k.s.listener.protocol
			}
			n, _, why := k.s.next(w, k.rest, now, k.s.listener.datagram)
			if len(w.stage) > before {
				frames++
				for e := range w.frame.Events {
					want = append(want, string(w.frame.Events[e].AppendJSON(nil)))
				}
			}
			k.rest = k.rest[n:]
			if n == 0 || why != "" {
				if why != "" || k.s.listener.datagram {
					k.rest = nil
				}
				break
			}
		}
		records += len(w.ends)
		if err := c.committer.add(w, ack{s: k.s}); err != nil {
			t.Fatal(err)
		}
		if g := c.committer.gather; g.batch.Len() > 500 || len(talks) == 1 {
			commitNow(t, log, g, &boundaries)
		}
	}
	commitNow(t, log, c.committer.gather, &boundaries)
	if len(want) < 1000 {
		t.Fatalf("only %d events", len(want))
	}
	if frames < records+1000 {
		t.Fatalf("%d frames in %d records: hardly a run among them", frames, records)
	}
	places := make(map[[2]string]bool)
	for _, line := range want {
		var e struct{ Device, Seq string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if places[[2]string{e.Device, e.Seq}] {
			t.Fatalf("two events of %s have the seq %s, though all connections began in the same millisecond", e.Device, e.Seq)
		}
		places[[2]string{e.Device, e.Seq}] = true
	}

	read := func(from uint64) []string {
		r, err := log.NewReader(from)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var rr recordReader
		var f protocols.Frame
		var session protocols.Session
		var got []string
		for {
			index, b, ok, err := r.TryNext()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return got
			}
			f.Reset()
			rec, err := rr.read(b)
			for err == nil && rec.more() {
				_, err = rec.decode(byName, &session, &f)
			}
			if err != nil {
				t.Fatalf("record %d: %v", index, err)
			}
			for i := range f.Events {
				got = append(got, string(f.Events[i].AppendJSON(nil)))
			}
		}
	}
	for i, from := range append([]uint64{0}, boundaries...) {
		if i > 20 {
			break
		}
		got := read(from)
		tail := want[len(want)-len(got):]
		if from == 0 && len(got) != len(want) {
			t.Fatalf("read %d events, the sockets saw %d", len(got), len(want))
		}
		for j := range got {
			if got[j] != tail[j] {
				t.Fatalf("from record %d, event %d\njournal: %s\n socket: %s", from, j, got[j], tail[j])
			}
		}
	}
}

func commitNow(t *testing.T, log *journal.Log, g *group, boundaries *[]uint64) {
	t.Helper()
	if g.batch.Len() > 0 {
		first, err := log.Append(g.batch)
		if err != nil {
			t.Fatal(err)
		}
		*boundaries = append(*boundaries, first)
	}
	g.batch.Reset()
	g.acks, g.out = g.acks[:0], g.out[:0]
}

type namedCapture struct {
	p *protocols.Protocol
	c *protocols.Capture
}

func readCaptures(t testing.TB) []namedCapture {
	t.Helper()
	var out []namedCapture
	for _, p := range all.Protocols {
		paths, _ := filepath.Glob(filepath.Join("../testdata", p.Name, "*.[tu][cd]p"))
		for _, path := range paths {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c, err := protocols.ReadCapture(bytes.NewReader(raw), strings.HasSuffix(path, ".udp"))
			if err != nil {
				t.Fatal(fmt.Errorf("%s: %w", path, err))
			}
			out = append(out, namedCapture{p, c})
		}
	}
	return out
}

// TestMediaIsCounted feeds the captures of photos and recordings: their bytes are counted, since they are not kept.
func TestMediaIsCounted(t *testing.T) {
	dropped := make(map[string]int)
	for _, c := range readCaptures(t) {
		var s protocols.Session
		var f protocols.Frame
		for _, segment := range c.c.Segments() {
			in := protocols.Input{Bytes: segment, Received: protocols.CaptureTime, Datagram: c.c.Datagram, Final: true}
			_, _ = protocols.Drain(c.p, &s, in, &f, func([]byte, error) bool { dropped[c.p.Name] += f.Media; return true })
		}
	}
	for _, name := range []string{"gt06", "teltonika"} {
		if dropped[name] == 0 {
			t.Errorf("%s: no bytes of media", name)
		}
	}
}
