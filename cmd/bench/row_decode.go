//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/all"
)

// decoders measures what a record costs each decoder on one core, beside reading the same bytes with a checksum.
func (b *bench) decoders() error {
	now := time.Unix(1_780_315_200, 0).UTC()
	for _, d := range []struct {
		protocol string
		records  int
		want     float64 // ns
	}{{"gt06", 1, 35}, {"teltonika", 1, 0}, {"teltonika", 20, 75}} {
		w, err := wireOf(d.protocol, d.records)
		if err != nil {
			return err
		}
		p := protocolNamed(d.protocol)
		c := conversation{p: p, received: protocols.At(now), sum: checksumOf(d.protocol)}
		c.begin(protocols.Session{Device: imei(1)})
		for n := range uint32(64) {
			c.add(segment{bytes: w.frame(nil, 1000+n, now)})
		}
		m := c.measure(b.decode, b.rounds)
		what := title(d.protocol) + " location"
		if d.protocol == "teltonika" {
			what = fmt.Sprintf("Teltonika codec 8, 13 elements, %d a packet", d.records)
		}
		r := m.row(what)
		if d.want > 0 {
			r.Wanted, r.Met = fmt.Sprintf("≤ %g ns", d.want), m.ns <= d.want && m.mallocs == 0
		}
		b.results.add(r)
	}
	conversations := make(map[*protocols.Protocol][]*protocols.Capture)
	for _, p := range all.Protocols {
		var err error
		if conversations[p], err = captures(p); err != nil {
			return err
		}
		if err := b.typical(p, conversations[p]); err != nil {
			return err
		}
	}
	for _, p := range all.Protocols {
		c := conversation{p: p, received: protocols.CaptureTime, sum: checksumOf(p.Name)}
		for _, k := range conversations[p] {
			if err := c.capture(k); err != nil {
				return err
			}
		}
		m := c.measure(b.decode, b.rounds)
		b.results.add(m.row(p.Name + ", its captures"))
	}
	return nil
}

// What a typical location record may cost on one core: 2 million a second of a binary protocol, half a million of a text.
const (
	wantedBinary = 500  // ns
	wantedText   = 2000 // ns
)

// typical measures the location frame that stands for a protocol, see protocols.FindTypical.
func (b *bench) typical(p *protocols.Protocol, captures []*protocols.Capture) error {
	l, ok := protocols.FindTypical(p, captures)
	if !ok {
		return fmt.Errorf("%s: no capture holds a frame that is one valid fix with a speed", p.Name)
	}
	c := conversation{p: p, received: l.Input.Received, sum: checksumOf(p.Name)}
	c.begin(l.Session)
	c.add(segment{bytes: l.Input.Bytes, datagram: l.Input.Datagram})
	m := c.measure(b.decode, b.rounds)
	form, want := "binary", float64(wantedBinary)
	if l.Text {
		form, want = "text", wantedText
	}
	r := m.row(fmt.Sprintf("%s, typical location (%s)", p.Name, form))
	r.Wanted, r.Met = fmt.Sprintf("≤ %g ns", want), m.ns <= want && m.mallocs < float64(l.Texts)+runtimeOwn
	b.results.add(r)
	return nil
}

func protocolNamed(name string) *protocols.Protocol {
	for _, p := range all.Protocols {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// checksumOf is the cheapest honest look at every byte: the CRC of the protocol where it has one of 16 bits, else the exclusive or.
func checksumOf(protocol string) func([]byte) uint16 {
	switch protocol {
	case "gt06":
		return protocols.X25.Sum
	case "teltonika", "ruptela", "galileosky", "meiligao":
		return protocols.ARC.Sum
	}
	return func(b []byte) uint16 { return uint16(protocols.XOR(b)) }
}

// conversation is what a decoder is fed with.
type conversation struct {
	p        *protocols.Protocol
	segments []segment
	session  protocols.Session // of the next segment
	begins   bool              // the next segment begins with session
	received protocols.Millis
	sum      func([]byte) uint16
}

// segment is whole frames of a conversation.
type segment struct {
	bytes    []byte
	datagram bool
	begins   bool              // with session; else as the segment before left it
	session  protocols.Session // with begins
}

// begin makes the next segment the first of a connection, or the first since the registry said something else of its device.
func (c *conversation) begin(s protocols.Session) { c.session, c.begins = s, true }

func (c *conversation) add(s segment) {
	if c.begins {
		s.begins, s.session, c.begins = true, c.session, false
	}
	c.segments = append(c.segments, s)
}

// capture adds the device's side of a capture. What comes in pieces is put together, as at the socket.
func (c *conversation) capture(k *protocols.Capture) error {
	var s protocols.Session
	var frame protocols.Frame
	var rest []byte
	c.begin(s)
	for _, l := range k.Lines {
		if words := strings.Fields(l.Text); l.Mark == '@' && words[0] == "options" {
			var err error
			if s.Options, err = protocols.ParseOptions(words[1:]); err != nil {
				return err
			}
			c.begin(s)
		}
		if l.Mark != '>' {
			continue
		}
		rest = append(rest, l.Data...)
		in := protocols.Input{Bytes: rest, Received: c.received, Datagram: k.Datagram, Final: k.Datagram}
		used, err := protocols.Drain(c.p, &s, in, &frame, func([]byte, error) bool { return true })
		if err != nil || k.Datagram {
			used = len(rest)
		}
		if used > 0 {
			c.add(segment{bytes: bytes.Clone(rest[:used]), datagram: k.Datagram})
			rest = rest[used:]
		}
	}
	return nil
}

// captures reads all captures of a protocol.
func captures(p *protocols.Protocol) (list []*protocols.Capture, err error) {
	root := filepath.Join("testdata", p.Name)
	err = fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		datagram := strings.HasSuffix(path, ".udp")
		if err != nil || !datagram && !strings.HasSuffix(path, ".tcp") {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			return err
		}
		k, err := protocols.ReadCapture(bytes.NewReader(raw), datagram)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		list = append(list, k)
		return nil
	})
	return list, err
}

// decoding is what a conversation cost for each record.
type decoding struct {
	ns, limit float64
	mallocs   float64
	bytes     float64
}

func (c *conversation) measure(length time.Duration, rounds int) decoding {
	bytes := 0
	for i := range c.segments {
		bytes += len(c.segments[i].bytes)
	}
	var frame protocols.Frame
	var s protocols.Session
	records := 0
	decode := func() {
		for i := range c.segments {
			seg := &c.segments[i]
			if seg.begins {
				s = seg.session
			}
			in := protocols.Input{Bytes: seg.bytes, Received: c.received, Datagram: seg.datagram, Final: seg.datagram}
			_, _ = protocols.Drain(c.p, &s, in, &frame, func([]byte, error) bool { records += len(frame.Events); return true }) // refused frames are part of it
		}
	}
	var sum uint16
	read := func() {
		for i := range c.segments {
			sum ^= c.sum(c.segments[i].bytes)
		}
	}
	decode()
	each := max(1, records)
	var best decoding
	for range rounds { // the best of several: everything else on the machine only adds
		d := decoding{bytes: float64(bytes) / float64(each)}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		times, took := repeat(length, decode)
		runtime.ReadMemStats(&after)
		d.ns = float64(took) / float64(times*each)
		d.mallocs = float64(after.Mallocs-before.Mallocs) / float64(times*each)
		times, took = repeat(length, read)
		d.limit = float64(took) / float64(times*each)
		if best.ns == 0 || d.ns < best.ns {
			best.ns, best.mallocs, best.bytes = d.ns, d.mallocs, d.bytes
		}
		if best.limit == 0 || d.limit < best.limit {
			best.limit = d.limit
		}
	}
	if best.mallocs < runtimeOwn {
		best.mallocs = 0
	}
	runtime.KeepAlive(sum)
	return best
}

// runtimeOwn is what the runtime may allocate for each record beside the decoder.
const runtimeOwn = 0.005

// repeat calls f for about as long as length, and returns the processor time that this took.
func repeat(length time.Duration, f func()) (times int, took time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &before); err != nil {
		panic(err) // Linux has it
	}
	begun := time.Now()
	for ; times == 0 || time.Since(begun) < length; times++ {
		f()
	}
	wall := time.Since(begun)
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &after); err != nil {
		panic(err)
	}
	spent := seconds(after.Utime) + seconds(after.Stime) - seconds(before.Utime) - seconds(before.Stime)
	if wall < 20*tick { // too short for the system's count of processor time
		return times, wall
	}
	return times, time.Duration(spent * float64(time.Second))
}

func (d *decoding) row(what string) row {
	r := row{Group: "g", What: what, Limit: fmt.Sprintf("%.1f ns", d.limit), Ours: fmt.Sprintf("%.0f ns", d.ns), Ratio: d.ns / d.limit, Note: fmt.Sprintf("%.0f bytes a record", d.bytes)}
	if d.mallocs > 0 {
		r.Note += fmt.Sprintf(", %.2f allocations", d.mallocs)
	}
	return r
}
