// Package load is fleets of devices that put a gateway under load and keep books on its answers. Devices behave like firmware: a record stays in the
// device until it is acknowledged in the way of the protocol, and is sent again otherwise. A share of them misbehaves.
package load

import (
	"context"
	"maps"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trackgate/trackgate/gateway/simulate"
	"github.com/trackgate/trackgate/gateway/simulate/ledger"
)

// Fleet is the devices of one process.
type Fleet struct {
	options Options
	book    func(*ledger.Entry)
	dial    func(*tracker) (net.Conn, error)

	count       counters
	lostProper  atomic.Int64
	trackers    []*tracker
	misbehaving int
	started     time.Time
	firstID     uint32
	finish      atomic.Int64 // Unix ns after which no records are made; 0: not known yet
	served      atomic.Bool  // the devices that behave have nothing left to do
	cut         chan struct{}
	cutOnce     sync.Once
}

// New makes a fleet. book is called for each acknowledged record, by many goroutines at once; it may be nil.
func New(o Options, book func(*ledger.Entry)) (*Fleet, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	routes, err := simulate.Routes()
	if err != nil {
		return nil, err
	}
	f := &Fleet{options: o, book: book, cut: make(chan struct{})}
	f.count.misdone, f.count.reasons = make(map[string]int), make(map[string]int)
	f.dial = f.dialTCP
	for i := o.Part; i < o.Devices; i += o.Parts {
		t := &tracker{fleet: f, number: i, imei: o.imei(i), misbehaves: o.misbehaves(i), random: rand.New(rand.NewPCG(o.Seed, uint64(i)))}
		name := string(ledger.AppendDevice(nil, t.imei))
		if o.Protocol == "gt06" || (o.Protocol == "mixed" && i%2 == 0) {
			t.wire, t.window, t.scale = &simulate.GT06{IMEI: name}, gt06Window, gt06Scale
		} else {
			t.wire, t.window, t.scale = &simulate.Teltonika{IMEI: name}, teltonikaWindow, teltonikaScale
		}
		t.driver = simulate.NewDriver(routes[i%len(routes)], t.random.Float64())
		f.trackers = append(f.trackers, t)
		if t.misbehaves {
			f.misbehaving++
		}
	}
	return f, nil
}

// dialTCP connects a device to a gateway, whichever: any must do.
func (f *Fleet) dialTCP(t *tracker) (net.Conn, error) {
	o := &f.options
	d := net.Dialer{Timeout: o.Patience, KeepAlive: -1}
	if len(o.Sources) > 0 {
		d.LocalAddr = &net.TCPAddr{IP: o.Sources[t.number%len(o.Sources)].AsSlice()}
		d.Control = bindLate
	}
	return d.Dial("tcp", o.To[t.random.IntN(len(o.To))])
}

// Run drives the fleet. When ctx ends, or Options.Duration is over, no more records are made, and what waits is delivered within Options.Grace, or
// until Cut. tell is called about every second; it may be nil.
func (f *Fleet) Run(ctx context.Context, tell func(*Report)) *Report {
	f.started = time.Now()
	f.firstID = firstRecord(f.started)
	if f.options.Duration > 0 {
		f.finish.Store(f.started.Add(f.options.Duration).UnixNano())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.launch()
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	ending := ctx.Done()
	for running := true; running; {
		select {
		case <-tick.C:
			if end, known := f.end(); known && (time.Since(end) > f.options.Grace || (f.served.Load() && time.Now().After(end))) {
				f.Cut() // nobody waits for those that misbehave
			}
			if tell != nil {
				tell(f.report())
			}
		case <-ending:
			ending = nil
			if end, known := f.end(); !known || end.After(time.Now()) {
				f.finish.Store(time.Now().UnixNano())
			}
			f.hurry(false)
		case <-done:
			running = false
		}
	}
	r := f.report()
	r.LostProper = f.lostProper.Load()
	for _, t := range f.trackers {
		if !t.misbehaves {
			r.WaitingProper += int64(t.waiting())
			if !t.met {
				r.NeverMet++
			}
		}
	}
	r.Latency, r.Memory = &f.count.latency, peakMemory()
	return r
}

// launch starts the trackers at the pace of the ramp and waits until all of them have ended: those that misbehave when nothing is left to do for the
// others.
func (f *Fleet) launch() {
	pace := float64(f.options.Parts) / f.options.Ramp * float64(time.Second) // between two
	var proper, wait sync.WaitGroup
	defer wait.Wait()
	defer f.served.Store(true)
	defer proper.Wait()
	for i, t := range f.trackers {
		if d := time.Until(f.started.Add(time.Duration(float64(i) * pace))); d > time.Millisecond && !f.sleep(d) {
			return
		}
		group := &proper
		if t.misbehaves {
			group = &wait
		}
		group.Go(t.run)
	}
}

// Cut ends all conversations at once.
func (f *Fleet) Cut() {
	f.cutOnce.Do(func() { close(f.cut) })
	f.hurry(true)
}

func (f *Fleet) hurry(cut bool) {
	for _, t := range f.trackers {
		t.hurry(cut)
	}
}

func (f *Fleet) isCut() bool {
	select {
	case <-f.cut:
		return true
	default:
		return false
	}
}

// sleep waits; false: the fleet was cut.
func (f *Fleet) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-f.cut:
		return false
	}
}

// end is when the last record is made, where that is known.
func (f *Fleet) end() (time.Time, bool) {
	ns := f.finish.Load()
	return time.Unix(0, ns), ns != 0
}

// endOr is end, or otherwise where it is not known.
func (f *Fleet) endOr(otherwise time.Time) time.Time {
	if end, known := f.end(); known {
		return end
	}
	return otherwise
}

// over says that no more records are made.
func (f *Fleet) over(now time.Time) bool {
	end, known := f.end()
	return known && !now.Before(end)
}

// delivered books an acknowledged record.
func (f *Fleet) delivered(e *ledger.Entry) {
	if f.book != nil {
		f.book(e)
	}
}

// report is the counts of now.
func (f *Fleet) report() *Report {
	c := &f.count
	r := &Report{
		Devices: len(f.trackers), Misbehaving: f.misbehaving, Connected: c.connected.Load(), Acked: c.acked.Load(), Records: c.records.Load(), Lost: c.lost.Load(),
		Resent: c.resent.Load(), Reconnects: c.reconnects.Load(), FailedDials: c.failedDials.Load(),
		WrongAcks: c.wrongAcks.Load(), RefusedAcked: c.refusedAcked.Load(), Seconds: time.Since(f.started).Seconds(),
	}
	r.Waiting = r.Records - r.Acked - r.Lost
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Misdeeds, r.Reasons = maps.Clone(c.misdone), maps.Clone(c.reasons)
	return r
}
