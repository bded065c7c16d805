package gateway

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trackgate/trackgate/gateway/journal"
)

// TestBudgetOfPartialFrames has many connections hold the beginning of a frame that never ends. They are read later, and gone after the frame deadline; a
// device that sends whole frames notices nothing.
func TestBudgetOfPartialFrames(t *testing.T) {
	const holders, held = 400, 4000
	r := start(t, func(c *Config, _ *journal.Config) { c.MemoryMiB, c.Frame = 1, 4*time.Second })
	honest := r.login("honest")
	for i := range holders {
		p := r.dial("tcp", r.addr)
		p.say("login H%d\njunk %s", i, strings.Repeat("1", held))
		p.hear("ok")
	}
	r.until("some are read later", func() bool { return r.counter("limits_hit_total", "limit", "memory") > 0 })
	if got := r.counter("memory_budget_bytes", "pool", "inbound"); got < 1<<20 {
		t.Errorf("holds %v bytes", got)
	}
	for range 50 {
		begun := time.Now()
		honest.say("beat\n")
		honest.hear("beat")
		if d := time.Since(begun); d > 2*time.Second {
			t.Errorf("an honest device waited %v", d)
		}
	}
	r.until("the holders are gone", func() bool { return r.counter("closes_total", "reason", "frame") == holders })
	r.until("nothing is held", func() bool { return r.counter("memory_budget_bytes", "pool", "inbound") == 0 })
	honest.say("beat\n")
	honest.hear("beat")
}

// TestBudgetOfTheDisk lets devices that do not wait for answers fill half of the budget while the disk takes its time: they are read later, everything
// is answered in the end, and nothing is lost.
func TestBudgetOfTheDisk(t *testing.T) {
	const devices, frames = 20, 150
	release := make(chan struct{})
	var slow atomic.Bool
	r := start(t, func(c *Config, j *journal.Config) {
		c.MemoryMiB = 1
		j.Sync = func(f *os.File) error {
			if slow.CompareAndSwap(true, false) {
				<-release
			}
			return f.Sync()
		}
	})
	var peers []*peer
	for i := range devices {
		peers = append(peers, r.login(fmt.Sprint("D", i)))
	}
	slow.Store(true)
	pad := strings.Repeat(" ", 300)
	now := time.Now().Unix()
	for i, p := range peers {
		go func() {
			for n := range frames {
				fmt.Fprintf(p.Conn, "fix %d 1 %d%s\n", now+int64(n), i+1, pad)
			}
		}()
	}
	r.until("devices are told to wait", func() bool { return r.counter("limits_hit_total", "limit", "memory") > 0 })
	if got := r.counter("memory_budget_bytes", "pool", "uncommitted"); got < 1<<19 || got > 1<<20 {
		t.Errorf("%v bytes wait for the disk, of half a budget of %d", got, 1<<20)
	}
	close(release)
	for _, p := range peers {
		for range frames {
			p.hear("1")
		}
	}
	r.until("nothing waits", func() bool { return r.counter("memory_budget_bytes", "pool", "uncommitted") == 0 })
	if got := len(r.store.wait(t, devices*frames)); got != devices*frames {
		t.Errorf("stored %d", got)
	}
}

func TestBudgetShares(t *testing.T) {
	b := &budget{most: 1 << 20}
	s := &session{}
	b.hold(s, 1<<19)
	for _, tt := range []struct {
		uncommitted int64
		held        int
		open        int64
		full, over  bool
	}{
		{0, 1 << 19, 1, false, false},         // half of it is no trouble
		{1 << 18, 1 << 19, 100, false, false}, // nor three quarters
		{1 << 19, 1 << 19, 100, true, true},
		{1 << 19, 4 << 10, 100, true, false}, // its share
		{1 << 19, 6 << 10, 100, true, true},
		{1 << 19, smallShare, 1 << 20, true, false},
	} {
		b.uncommitted.Store(tt.uncommitted)
		if b.full() != tt.full || b.exceeds(tt.held, tt.open) != tt.over {
			t.Errorf("%+v: full %v, exceeds %v", tt, b.full(), b.exceeds(tt.held, tt.open))
		}
	}
	if b.commit(1<<17) || !b.commit(1<<18) || b.commit(1<<16) {
		t.Error("those who wait are to be told once, at a quarter")
	}
	b.hold(s, 0)
	if b.inbound.Load() != 0 {
		t.Errorf("still holds %d", b.inbound.Load())
	}
}

func TestMostConnections(t *testing.T) {
	for _, tt := range []struct {
		files      uint64
		configured int
		want       int64
	}{{1000, 0, 900}, {1000, 500, 500}, {1000, 5000, 900}, {0, 0, 1000}, {0, 5000, 5000}, {5, 0, 1}, {1 << 63, 0, 1 << 30 / 10 * 9}} {
		if got := mostConnections(tt.files, tt.configured); got != tt.want {
			t.Errorf("%d files, %d configured: %d connections, want %d", tt.files, tt.configured, got, tt.want)
		}
	}
}

func TestOpenFilesAreRaisedAndExported(t *testing.T) {
	files, err := OpenFiles()
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, nil)
	if got := r.counter("open_files_limit"); got != float64(files) {
		t.Errorf("exports %v of %d files", got, files)
	}
	if got := r.counter("connections_limit"); got != float64(mostConnections(files, 0)) {
		t.Errorf("exports %v connections of %d files", got, files)
	}
}

// TestKinds: names off the wire make no series without end.
func TestKinds(t *testing.T) {
	m := newMetrics(prometheus.NewRegistry())
	w := newWorker(-1)
	for i := range 10_000 {
		w.count(m, &wire, fmt.Sprint("name", i))
	}
	w.count(m, &vague, "name of another")
	if got := len(m.kinds.names["wire"]); got != kindsOfProtocol {
		t.Errorf("%d names of one protocol", got)
	}
	if len(w.frames.kinds) > mostKinds {
		t.Errorf("a worker remembers %d names", len(w.frames.kinds))
	}
	if m.kind("wire", "new") != "other" || m.kind("wire", "name0") != "name0" || m.kind("vague", "name of another") != "name of another" {
		t.Error("wrong names")
	}
}
