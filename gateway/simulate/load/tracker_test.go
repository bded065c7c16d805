package load

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/trackgate/trackgate/gateway/simulate/ledger"
	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/gt06"
	"github.com/trackgate/trackgate/protocols/teltonika"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// key names a record of a device.
type key struct {
	device string
	record uint32
}

// gateway is at the other end of pipes: it decodes what devices say, as the real one does, and does with each frame what the test wants.
type gateway struct {
	t     *testing.T
	does  func(n int, f *protocols.Frame) (reply []byte, hangUp bool) // n counts frames with fixes since the start
	dials []time.Time
	away  func(n int) bool // refuses the n-th dial

	mu       sync.Mutex
	frames   int
	seen     map[key]int // how often a record came
	answered map[key]int
	booked   map[key]int
	stored   int // records marked as uploads of old ones
}

func proper(_ int, f *protocols.Frame) ([]byte, bool) { return f.Reply, false }

// fleet makes one whose devices dial g.
func (g *gateway) fleet(o Options) *Fleet {
	g.t.Helper()
	g.seen, g.answered, g.booked = make(map[key]int), make(map[key]int), make(map[key]int)
	o.To = []string{"test:0"}
	o.Parts, o.FirstIMEI = 1, 1_017_010_000_000
	if o.Ramp == 0 {
		o.Ramp = 1000
	}
	if o.Patience == 0 {
		o.Patience, o.Backoff = 10*time.Second, time.Second
	}
	f, err := New(o, func(e *ledger.Entry) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.booked[key{string(ledger.AppendDevice(nil, e.Device)), e.Record}]++
	})
	if err != nil {
		g.t.Fatal(err)
	}
	f.dial = func(*tracker) (net.Conn, error) {
		g.mu.Lock()
		g.dials = append(g.dials, time.Now())
		n := len(g.dials)
		g.mu.Unlock()
		if g.away != nil && g.away(n) {
			return nil, errors.New("refused")
		}
		device, peer := net.Pipe()
		go g.talk(peer)
		return device, nil
	}
	return f
}

func (g *gateway) talk(c net.Conn) {
	defer c.Close()
	out := make(chan []byte, 1000) // a pipe takes nothing that is not read; a socket does
	defer close(out)
	go func() {
		for b := range out {
			if b == nil {
				c.Close()
				continue
			}
			c.Write(b)
		}
	}()
	var p *protocols.Protocol
	var s protocols.Session
	var f protocols.Frame
	var rest []byte
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		rest = append(rest, b[:n]...)
		if p == nil {
			if p, _ = protocols.Detect([]*protocols.Protocol{&gt06.Protocol, &teltonika.Protocol}, rest, false, false); p == nil {
				continue
			}
		}
		end := false
		used, err := protocols.Drain(p, &s, protocols.Input{Bytes: rest, Received: protocols.At(time.Now())}, &f, func(_ []byte, err error) bool {
			if err != nil {
				return true // a bad frame: no answer
			}
			var reply []byte
			if reply, end = g.frame(&f); len(reply) > 0 {
				select {
				case out <- reply:
				default: // of a device that never reads
				}
			}
			return !end
		})
		if end {
			out <- nil // behind the answers
			io.Copy(io.Discard, c)
		}
		if err != nil || end {
			return
		}
		rest = rest[used:]
	}
}

func (g *gateway) frame(f *protocols.Frame) (reply []byte, hangUp bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var keys []key
	for _, e := range f.Events {
		if a, ok := e.Attrs.Get("odometer_m"); ok {
			v, _ := a.Float()
			keys = append(keys, key{e.Device, uint32(v)})
		}
		if e.Stored {
			g.stored++
		}
	}
	if len(keys) == 0 {
		return slices.Clone(f.Reply), false
	}
	g.frames++
	reply, hangUp = g.does(g.frames, f)
	for _, k := range keys {
		g.seen[k]++
		if len(reply) > 0 {
			g.answered[k]++
		}
	}
	return slices.Clone(reply), hangUp
}

// check: what is booked was answered, once each, and all of it when the run went well.
func (g *gateway) check(r *Report) {
	g.t.Helper()
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	for k, n := range g.booked {
		if n != 1 {
			g.t.Errorf("%v was booked %d times", k, n)
		}
		if g.answered[k] == 0 {
			g.t.Errorf("%v was booked and not answered", k)
		}
	}
	if int64(len(g.booked)) != r.Acked {
		g.t.Errorf("%d booked, %d acknowledged", len(g.booked), r.Acked)
	}
}

// TestResend: against gateways of every temper all records arrive, and what was not answered was sent again.
func TestResend(t *testing.T) {
	for _, c := range []struct {
		name   string
		does   func(n int, f *protocols.Frame) ([]byte, bool)
		away   func(n int) bool
		resent string // yes, no; empty: where an answer crosses the end of the connection, it depends
	}{
		{"proper", proper, nil, "no"},
		{"silent now and then", func(n int, f *protocols.Frame) ([]byte, bool) {
			if n%7 == 3 {
				return nil, false
			}
			return f.Reply, false
		}, nil, "yes"},
		{"hangs up now and then", func(n int, f *protocols.Frame) ([]byte, bool) {
			return f.Reply, n%9 == 4
		}, nil, ""},
		{"hangs up without an answer", func(n int, f *protocols.Frame) ([]byte, bool) {
			if n%11 == 5 {
				return nil, true
			}
			return f.Reply, false
		}, nil, "yes"},
		{"away at first", proper, func(n int) bool { return n <= 8 }, "no"},
		{"answers a part of the bytes", func(n int, f *protocols.Frame) ([]byte, bool) {
			if n == 5 {
				return f.Reply[:2], true
			}
			return f.Reply, false
		}, nil, "yes"},
	} {
		for _, protocol := range []string{"gt06", "teltonika"} {
			t.Run(protocol+" "+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := &gateway{t: t, does: c.does, away: c.away}
					f := g.fleet(Options{Protocol: protocol, Devices: 4, Interval: 5 * time.Second, Jitter: time.Second, Backlog: 45,
						Duration: 5 * time.Minute, Grace: 2 * time.Minute})
					r := f.Run(t.Context(), nil)
					g.check(r)
					if !r.OK() || r.Acked != r.Records || r.Records < 4*(45+50) || r.Waiting != 0 {
						t.Errorf("%+v", r)
					}
					if (c.resent == "yes" && r.Resent == 0) || (c.resent == "no" && r.Resent > 0) {
						t.Errorf("%d sent again", r.Resent)
					}
					if protocol == "gt06" && g.stored < 4*40 {
						t.Errorf("%d marked as uploads", g.stored)
					}
				})
			})
		}
	}
}

// TestWrongCount: a Teltonika that is told another number forgets nothing, says so, and sends again on another connection.
func TestWrongCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{t: t, does: func(n int, f *protocols.Frame) ([]byte, bool) {
			if n == 2 {
				return []byte{0, 0, 0, 19}, false
			}
			return f.Reply, false
		}}
		f := g.fleet(Options{Protocol: "teltonika", Devices: 1, Interval: time.Minute, Backlog: 60, Duration: 3 * time.Minute, Grace: time.Minute})
		r := f.Run(t.Context(), nil)
		g.check(r)
		if r.WrongAcks != 1 || r.Resent != 20 || r.Reconnects != 1 || r.Acked != r.Records || r.OK() {
			t.Errorf("%+v", r)
		}
	})
}

// TestSerials: GT06 answers out of turn count for the message that they name; a message without one goes out again on the same connection, under
// another serial number, and only what is not answered goes out on the next.
func TestSerials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first []byte
		g := &gateway{t: t}
		g.does = func(n int, f *protocols.Frame) ([]byte, bool) {
			switch n {
			case 1:
				first = slices.Clone(f.Reply)
				return nil, false
			case 11: // the first one again
				if slices.Equal(f.Reply, first) {
					t.Error("the same serial number")
				}
				return nil, true
			}
			return f.Reply, false
		}
		f := g.fleet(Options{Protocol: "gt06", Devices: 1, Interval: time.Hour, Backlog: 10, Duration: time.Minute, Grace: time.Minute})
		r := f.Run(t.Context(), nil)
		g.check(r)
		if r.Resent != 2 || r.Reconnects != 1 || r.Acked != 10 || !r.OK() || g.frames != 12 {
			t.Errorf("%d frames, %+v", g.frames, r)
		}
	})
}

// TestDamagedAnswer: an answer with a wrong checksum is none.
func TestDamagedAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{t: t, does: func(n int, f *protocols.Frame) ([]byte, bool) {
			if n == 1 {
				f.Reply[6] ^= 1
			}
			return f.Reply, false
		}}
		f := g.fleet(Options{Protocol: "gt06", Devices: 1, Interval: time.Hour, Backlog: 1, Duration: time.Minute})
		r := f.Run(t.Context(), nil)
		g.check(r)
		if r.Resent != 1 || r.Reasons[errBabble.Error()] != 1 || r.Acked != 1 {
			t.Errorf("%+v", r)
		}
	})
}

// TestBackoff: waits grow while nobody is there, are never shorter than half the first nor longer than one and a half of the longest, and a device that
// never came through fails the run.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{t: t, does: proper, away: func(int) bool { return true }}
		f := g.fleet(Options{Protocol: "gt06", Devices: 1, Interval: time.Hour, Backlog: 3, Duration: 10 * time.Minute, Grace: time.Second})
		r := f.Run(t.Context(), nil)
		if r.OK() || r.NeverMet != 1 || r.WaitingProper != 3 || r.FailedDials != int64(len(g.dials)) {
			t.Errorf("%+v", r)
		}
		if n := len(g.dials); n < 20 || n > 60 {
			t.Errorf("%d dials", n)
		}
		for i := 1; i < len(g.dials); i++ {
			if d := g.dials[i].Sub(g.dials[i-1]); d < 500*time.Millisecond || d > mostBackoff*3/2 {
				t.Errorf("wait %d is %v", i, d)
			}
		}
	})
}

// TestEnds: an interrupt ends the making of records at once and what waits is delivered; the grace ends what cannot be.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, answers := range []bool{true, false} {
			g := &gateway{t: t, does: func(_ int, f *protocols.Frame) ([]byte, bool) {
				if answers {
					return f.Reply, false
				}
				return nil, false
			}}
			f := g.fleet(Options{Protocol: "mixed", Devices: 6, Interval: time.Minute, Grace: 20 * time.Second})
			ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
			begin := time.Now()
			r := f.Run(ctx, nil)
			cancel()
			g.check(r)
			took := time.Since(begin)
			if answers && (!r.OK() || r.Acked != r.Records || r.Records < 12 || took > 152*time.Second) {
				t.Errorf("after %v: %+v", took, r)
			}
			if !answers && (r.OK() || r.WaitingProper < 12 || r.Acked != 0 || took > 173*time.Second) {
				t.Errorf("silence, after %v: %+v", took, r)
			}
		}
	})
}

// TestFull: a device whose memory is full loses the oldest record, and that fails the run.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{t: t, does: proper, away: func(int) bool { return time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) < 2*time.Hour }}
		f := g.fleet(Options{Protocol: "teltonika", Devices: 1, Interval: time.Second, Duration: 3 * time.Hour, Grace: time.Minute})
		r := f.Run(t.Context(), nil)
		g.check(r)
		if r.OK() || r.LostProper == 0 || r.Lost != r.LostProper || r.Acked+r.Lost != r.Records || r.Waiting != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// TestMisdeeds: each comes up; the gateway's refusals count for nothing, repeated records are booked once, and devices that behave are not concerned.
func TestMisdeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{t: t, does: proper}
		f := g.fleet(Options{Protocol: "mixed", Devices: 20, Interval: 2 * time.Second, Backlog: 5, Misbehave: 0.5, Duration: 2 * time.Minute,
			Grace: time.Minute, Seed: 7})
		r := f.Run(t.Context(), nil)
		g.check(r)
		if !r.OK() || r.Misbehaving < 5 || r.Misbehaving > 15 || len(r.Misdeeds) != len(misdeeds) || len(r.Reasons) != 0 {
			t.Errorf("%+v", r)
		}
		repeated := 0
		for _, n := range g.seen {
			if n > 1 {
				repeated++
			}
		}
		if repeated < 20 {
			t.Errorf("%d records were repeated", repeated)
		}
	})
}

// TestAckOfRefused: a gateway that acknowledges what has a bad checksum fails the run.
func TestAckOfRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		device, peer := net.Pipe()
		go func() {
			defer peer.Close()
			io.ReadAtLeast(peer, make([]byte, 2048), 50)
			peer.Write([]byte{0, 0, 0, 1})
		}()
		g := &gateway{t: t}
		f := g.fleet(Options{Protocol: "teltonika", Devices: 1, Interval: time.Second})
		tr := f.trackers[0]
		tr.restart(time.Now())
		if err := badChecksum(tr, device); err != io.EOF {
			t.Error(err)
		}
		if r := f.report(); r.RefusedAcked != 1 || r.OK() {
			t.Errorf("%+v", r)
		}
	})
}

// TestSameSeed: the seed settles what the devices do.
func TestSameSeed(t *testing.T) {
	did := func(seed uint64) (dials []time.Duration, misdeeds map[string]int) {
		synctest.Test(t, func(t *testing.T) {
			g := &gateway{t: t, does: proper}
			begin := time.Now()
			f := g.fleet(Options{Protocol: "gt06", Devices: 1, Interval: 2 * time.Second, Misbehave: 1, Duration: 2 * time.Minute, Seed: seed})
			r := f.Run(t.Context(), nil)
			for _, at := range g.dials {
				dials = append(dials, at.Sub(begin))
			}
			misdeeds = r.Misdeeds
		})
		return dials, misdeeds
	}
	a, doneA := did(3)
	b, doneB := did(3)
	c, _ := did(4)
	if !slices.Equal(a, b) || len(doneA) != len(doneB) {
		t.Errorf("seed 3: %v %v, and %v %v", a, doneA, b, doneB)
	}
	if slices.Equal(a, c) {
		t.Error("seed 4 is seed 3")
	}
}

func TestOptions(t *testing.T) {
	o := Options{To: []string{"a:1"}, Protocol: "mixed", Devices: 50_000, Interval: time.Second, Patience: 1, Backoff: 1, Ramp: 1000, Parts: 1, FirstIMEI: 356_307_042_441_013}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
	if got := o.imei(0); got != 356_307_042_441_013 {
		t.Errorf("got %d", got)
	}
	if got := o.imei(1); got != 356_307_042_441_021 {
		t.Errorf("got %d", got)
	}
	n := 0
	o.Misbehave = 0.1
	for i := range o.Devices {
		if o.misbehaves(i) {
			n++
		}
	}
	if n < 4700 || n > 5300 {
		t.Errorf("%d misbehave", n)
	}
	for _, bad := range []func(*Options){
		func(o *Options) { o.To = nil }, func(o *Options) { o.To = []string{"x"} }, func(o *Options) { o.Protocol = "h02" },
		func(o *Options) { o.Devices = 0 }, func(o *Options) { o.Interval = 0 }, func(o *Options) { o.Jitter = time.Minute },
		func(o *Options) { o.Misbehave = 2 }, func(o *Options) { o.Duration = time.Second }, func(o *Options) { o.FirstIMEI = 999_999_999_999_990 },
		func(o *Options) { o.Part = 1 }, func(o *Options) { o.Ramp = 0 }, func(o *Options) { o.Backlog = -1 },
	} {
		p := o
		if bad(&p); p.Validate() == nil {
			t.Errorf("accepted: %+v", p)
		}
	}
}

func TestParseSources(t *testing.T) {
	got, err := ParseSources("127.0.0.254-127.0.1.1, 10.0.0.7")
	want := []netip.Addr{netip.MustParseAddr("127.0.0.254"), netip.MustParseAddr("127.0.0.255"), netip.MustParseAddr("127.0.1.0"), netip.MustParseAddr("127.0.1.1"), netip.MustParseAddr("10.0.0.7")}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := ParseSources(""); err != nil || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
	for _, s := range []string{"x", "127.0.0.1-", "127.0.0.9-127.0.0.2", "127.0.0.1-::1", "10.0.0.0-10.255.0.0"} {
		if _, err := ParseSources(s); err == nil {
			t.Errorf("accepted %s", s)
		}
	}
}
