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
		var stream [][]byte
		for n := range uint32(64) {
			stream = append(stream, w.frame(nil, 1000+n, now))
		}
		c := conversation{p: p, session: protocols.Session{Device: imei(1)}, segments: stream, received: protocols.At(now), sum: checksumOf(d.protocol)}
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
			for _, s := range k.Segments() {
				c.segments, c.datagram = append(c.segments, s), append(c.datagram, k.Datagram)
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
	c := conversation{p: p, session: l.Session, segments: [][]byte{l.Input.Bytes}, datagram: []bool{l.Input.Datagram}, whole: !l.Input.Final,
		received: l.Input.Received, sum: checksumOf(p.Name)}
	m := c.measure(b.decode, b.rounds)
	form, want := "binary", float64(wantedBinary)
	if l.Text {
		form, want = "text", wantedText
	}
	r := m.row(fmt.Sprintf("%s, typical location (%s)", p.Name, form))
	r.Wanted, r.Met = fmt.Sprintf("≤ %g ns", want), m.ns <= want && m.mallocs <= float64(l.Texts)
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
	session  protocols.Session
	segments [][]byte
	datagram []bool // of each segment; nil: none is one
	whole    bool   // the segments end where their frames do; else, with datagram, more never comes
	received protocols.Millis
	sum      func([]byte) uint16
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
	for _, s := range c.segments {
		bytes += len(s)
	}
	var frame protocols.Frame
	var s protocols.Session
	records := 0
	decode := func() {
		s = c.session
		for i, seg := range c.segments {
			in := protocols.Input{Bytes: seg, Received: c.received, Datagram: c.datagram != nil && c.datagram[i], Final: c.datagram != nil && !c.whole}
			_, _ = protocols.Drain(c.p, &s, in, &frame, func([]byte, error) bool { records += len(frame.Events); return true }) // refused frames are part of it
		}
	}
	var sum uint16
	read := func() {
		for _, seg := range c.segments {
			sum ^= c.sum(seg)
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
	if best.mallocs < 0.005 { // the runtime's own
		best.mallocs = 0
	}
	runtime.KeepAlive(sum)
	return best
}

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
