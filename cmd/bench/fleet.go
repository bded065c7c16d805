//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trackgate/trackgate/gateway/simulate/load"
)

// fleet is devices in one thread, on an epoll of its own: the less the sender costs, the more of the machine is left to what is measured. Every server is
// driven by the same fleet.
type fleet struct {
	wire    *wire
	epoll   int
	timer   int
	devices []device
	sent    uint32 // frames so far: numbers the next one
	burst   []byte
	ready   []unix.EpollEvent
	in      []byte
	latency *load.Histogram
	watch   *watcher // nil: nobody watches the other end
	waiting int      // devices with answers owed
}

type device struct {
	fd    int32
	sent  []stamp // bursts that wait for their answers, oldest first
	heard int32   // bytes of the oldest burst's answers
}

// stamp is a burst in flight.
type stamp struct {
	at   int64 // Unix ns
	owed int32 // bytes of its answers
}

// order is what a fleet is told to do.
type order struct {
	Do          string  `json:"do"` // connect, closed, open, watch
	To          string  `json:"to,omitempty"`
	Protocol    string  `json:"protocol,omitempty"`
	Records     int     `json:"records,omitempty"`
	Connections int     `json:"connections,omitempty"`
	First       int     `json:"first,omitempty"`  // device
	Flight      int     `json:"flight,omitempty"` // frames of a burst
	Rate        float64 `json:"rate,omitempty"`   // records a second
	Seconds     float64 `json:"seconds,omitempty"`
	Fresh       bool    `json:"fresh,omitempty"` // no two frames are alike
	Token       string  `json:"token,omitempty"`
}

// outcome is what came of it.
type outcome struct {
	Error   string          `json:"error,omitempty"`
	Records int64           `json:"records"`
	Frames  int64           `json:"frames"`
	Seconds float64         `json:"seconds"`
	CPU     float64         `json:"cpu"`     // seconds, of the fleet
	Latency *load.Histogram `json:"latency"` // from the start of the write of a burst to its last answer
	Seen    *load.Histogram `json:"seen,omitempty"`
	Missed  int64           `json:"missed"` // bursts of an open loop that could not be sent in time
	Updates int64           `json:"updates"`
}

// rate is records a second.
func (o *outcome) rate() float64 { return float64(o.Records) / o.Seconds }

func fleetPart(request, answer func(any) error) error {
	f := new(fleet)
	for {
		var o order
		if err := request(&o); err != nil {
			return err
		}
		out := new(outcome)
		if err := f.obey(&o, out); err != nil {
			out = &outcome{Error: err.Error()}
		}
		if err := answer(out); err != nil {
			return err
		}
	}
}

func (f *fleet) obey(o *order, out *outcome) error {
	f.latency = new(load.Histogram)
	var before, after unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &before); err != nil {
		return err
	}
	begun, sent := time.Now(), f.sent
	var err error
	switch o.Do {
	case "connect":
		err = f.connect(o)
	case "closed":
		err = f.closed(o)
	case "open":
		out.Missed, err = f.open(o)
	case "watch":
		f.watch, err = startWatcher(o, f.wire)
	default:
		err = fmt.Errorf("no order %q", o.Do)
	}
	if err != nil {
		return err
	}
	out.Seconds = time.Since(begun).Seconds()
	out.Frames = int64(f.sent - sent)
	out.Records = out.Frames * int64(f.wire.records)
	out.Latency = f.latency
	if f.watch != nil && o.Do != "watch" {
		out.Seen, out.Updates = f.watch.take()
	}
	if err := unix.Getrusage(unix.RUSAGE_SELF, &after); err != nil {
		return err
	}
	out.CPU = seconds(after.Utime) + seconds(after.Stime) - seconds(before.Utime) - seconds(before.Stime)
	return nil
}

func seconds(t unix.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }

// patience is the longest that a fleet waits for anything.
const patience = 60 * time.Second

var errPatience = errors.New("no answer")

// connect opens the connections and logs in on all of them.
func (f *fleet) connect(o *order) (err error) {
	if f.wire, err = wireOf(o.Protocol, max(1, o.Records)); err != nil {
		return err
	}
	if f.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if f.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return err
	}
	if err := unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, f.timer, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1}); err != nil {
		return err
	}
	to, err := netip.ParseAddrPort(o.To)
	if err != nil {
		return err
	}
	f.ready, f.in = make([]unix.EpollEvent, 512), make([]byte, 64<<10)
	f.devices = make([]device, o.Connections)
	const together = 256 // logins under way: a listener's queue is short
	for i := range f.devices {
		if err := f.dial(i, to, o.First+i); err != nil {
			return fmt.Errorf("device %d: %w", i, err)
		}
		if f.waiting >= together || i == len(f.devices)-1 {
			if err := f.settle(); err != nil {
				return fmt.Errorf("login: %w", err)
			}
		}
	}
	f.latency = new(load.Histogram)
	return nil
}

func (f *fleet) dial(i int, to netip.AddrPort, number int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f.devices[i].fd = int32(fd)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	if err := unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}); err != nil {
		return err
	}
	return f.send(&f.devices[i], f.wire.login(nil, number), f.wire.welcome, time.Now().UnixNano())
}

// send writes b, for which so many bytes of answers are owed.
func (f *fleet) send(d *device, b []byte, owed int, at int64) error {
	if len(d.sent) == 0 {
		f.waiting++
	}
	d.sent = append(d.sent, stamp{at, int32(owed)})
	for len(b) > 0 {
		n, err := unix.Write(int(d.fd), b)
		if err == unix.EAGAIN {
			if _, err := unix.Poll([]unix.PollFd{{Fd: d.fd, Events: unix.POLLOUT}}, int(patience.Milliseconds())); err != nil && err != unix.EINTR {
				return err
			}
			continue
		}
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("write: %w", err)
		}
		b = b[max(0, n):]
	}
	return nil
}

// frames is a burst of the devices' next frames.
func (f *fleet) frames(count int, now time.Time) []byte {
	f.burst = f.burst[:0]
	for range count {
		f.burst = f.wire.frame(f.burst, f.sent, now)
		f.sent++
	}
	return f.burst
}

// poll waits for something to read and reads it; done is called for each device whose bursts are all answered. ticks says how often the timer ran out.
func (f *fleet) poll(timeout time.Duration, done func(d *device) error) (ticks uint64, err error) {
	n, err := unix.EpollWait(f.epoll, f.ready, int(timeout.Milliseconds()))
	if err == unix.EINTR {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if n == 0 && timeout > 0 {
		return 0, errPatience
	}
	now := time.Now().UnixNano()
	for i := range n {
		if f.ready[i].Fd < 0 {
			var b [8]byte
			if _, err := unix.Read(f.timer, b[:]); err == nil {
				ticks = uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16
			}
			continue
		}
		d := &f.devices[f.ready[i].Fd]
		k, err := unix.Read(int(d.fd), f.in)
		if err == unix.EAGAIN || err == unix.EINTR {
			continue
		}
		if err != nil {
			return ticks, fmt.Errorf("read: %w", err)
		}
		if k == 0 {
			return ticks, fmt.Errorf("device %d was hung up on", f.ready[i].Fd)
		}
		if err := f.heard(d, int32(k), now); err != nil {
			return ticks, err
		}
		if len(d.sent) == 0 {
			f.waiting--
			if done != nil {
				if err := done(d); err != nil {
					return ticks, err
				}
			}
		}
	}
	return ticks, nil
}

// heard takes k bytes for answers.
func (f *fleet) heard(d *device, k int32, now int64) error {
	d.heard += k
	for len(d.sent) > 0 && d.heard >= d.sent[0].owed {
		d.heard -= d.sent[0].owed
		f.latency.Add(time.Duration(now-d.sent[0].at), 1)
		d.sent = append(d.sent[:0], d.sent[1:]...)
	}
	if len(d.sent) == 0 && d.heard > 0 {
		return fmt.Errorf("%d bytes that answer nothing", d.heard)
	}
	return nil
}

// settle waits until all answers are there.
func (f *fleet) settle() error {
	for f.waiting > 0 {
		if _, err := f.poll(patience, nil); err != nil {
			return err
		}
	}
	return nil
}

// closed keeps Flight frames in flight on each connection: a device sends the next ones when all of them are answered.
func (f *fleet) closed(o *order) error {
	end := time.Now().Add(time.Duration(o.Seconds * float64(time.Second)))
	now := time.Now().UTC()
	b := f.frames(o.Flight, now)
	next := func(d *device) error {
		at := time.Now()
		if at.After(end) {
			return nil
		}
		if o.Fresh {
			b = f.frames(o.Flight, at.UTC())
		} else {
			f.sent += uint32(o.Flight)
		}
		return f.send(d, b, o.Flight*f.wire.answer, at.UnixNano())
	}
	for i := range f.devices {
		if err := next(&f.devices[i]); err != nil {
			return err
		}
	}
	f.sent -= uint32(o.Flight) // of b, made before
	for f.waiting > 0 {
		if _, err := f.poll(patience, next); err != nil {
			return err
		}
	}
	return nil
}

// beat is how often an open loop sends what is due.
const beat = 500 * time.Microsecond

// open sends so many records a second, whether answers come or not. A burst counts from the beat that it was due at, also when the sender was late.
func (f *fleet) open(o *order) (missed int64, err error) {
	spec := unix.ItimerSpec{Interval: unix.NsecToTimespec(int64(beat)), Value: unix.NsecToTimespec(int64(beat))}
	if err := unix.TimerfdSettime(f.timer, 0, &spec, nil); err != nil {
		return 0, err
	}
	defer unix.TimerfdSettime(f.timer, 0, new(unix.ItimerSpec), nil)
	records := float64(max(1, o.Flight) * f.wire.records)
	perBeat := o.Rate / records * beat.Seconds()
	begun := time.Now()
	due, at, k := 0.0, begun, 0
	var ticks uint64
	for at.Sub(begun).Seconds() < o.Seconds {
		n, err := f.poll(patience, nil)
		if err != nil {
			return missed, err
		}
		for range n {
			ticks++
			at = begun.Add(time.Duration(ticks) * beat)
			for due += perBeat; due >= 1; due-- {
				d := &f.devices[k]
				if k++; k == len(f.devices) {
					k = 0
				}
				if len(d.sent) >= mostBursts {
					missed++
					continue
				}
				b := f.frames(max(1, o.Flight), at.UTC())
				if f.watch != nil {
					f.watch.sent(f.sent-1, at)
				}
				if err := f.send(d, b, max(1, o.Flight)*f.wire.answer, at.UnixNano()); err != nil {
					return missed, err
				}
			}
		}
	}
	return missed, f.settle()
}

// mostBursts of one device may wait for their answers.
const mostBursts = 64
