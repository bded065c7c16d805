package all

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// stream is what a protocol makes of bytes however they are cut: events, answers and refusals, in order.
type stream struct {
	p       *protocols.Protocol
	session protocols.Session
	frame   protocols.Frame
	rest    []byte
	out     []string
	dead    bool
}

func (s *stream) feed(b []byte, final bool) {
	s.rest = append(s.rest, b...)
	if s.dead {
		return
	}
	in := protocols.Input{Bytes: s.rest, Received: protocols.CaptureTime, Final: final}
	used, err := protocols.Drain(s.p, &s.session, in, &s.frame, func(_ []byte, err error) bool {
		if err != nil {
			if strings.Contains(err.Error(), protocols.ErrGarbage.Error()) {
				return true // how much is passed over at once depends on what is there
			}
			s.out = append(s.out, "! "+err.Error())
			return true
		}
		if len(s.frame.Reply) > 0 {
			s.out = append(s.out, fmt.Sprintf("< %x", s.frame.Reply))
		}
		for i := range s.frame.Events {
			s.out = append(s.out, "= "+string(s.frame.Events[i].AppendJSON(nil)))
		}
		return true
	})
	if err != nil {
		s.out = append(s.out, "! "+err.Error())
		s.dead = true
	}
	s.rest = s.rest[used:]
}

// streams calls visit for each TCP capture whose device side is one stream under one set of options.
func streams(t *testing.T, visit func(t *testing.T, p *protocols.Protocol, all []byte)) {
	captures(t, func(path string, p *protocols.Protocol, c *protocols.Capture) {
		if c.Datagram {
			return
		}
		for _, l := range c.Lines {
			if l.Mark == '@' {
				return // the directive belongs to a place in the stream
			}
		}
		t.Run(strings.TrimPrefix(path, "../../testdata/"), func(t *testing.T) { visit(t, p, bytes.Join(c.Segments(), nil)) })
	})
}

// TestCutAnywhere feeds each stream whole, byte by byte, and cut in two at every place: it means the same.
func TestCutAnywhere(t *testing.T) {
	streams(t, func(t *testing.T, p *protocols.Protocol, all []byte) {
		whole := &stream{p: p}
		whole.feed(all, false)
		want := strings.Join(whole.out, "\n")
		check := func(how string, s *stream) {
			t.Helper()
			if got := strings.Join(s.out, "\n"); got != want {
				g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
				for i := range g {
					if i >= len(w) || g[i] != w[i] {
						t.Fatalf("%s: item %d\n got: %s\nwhole: %s", how, i, g[i], append(w, "nothing")[min(i, len(w))])
					}
				}
				t.Fatalf("%s: %d items, whole: %d", how, len(g), len(w))
			}
		}
		drip := &stream{p: p}
		for i := range all {
			drip.feed(all[i:i+1], false)
		}
		check("byte by byte", drip)
		step := max(1, len(all)/600) // every place of a usual capture, 600 of a long one
		for cut := 0; cut < len(all); cut += step {
			s := &stream{p: p}
			s.feed(all[:cut], false)
			s.feed(all[cut:], false)
			check(fmt.Sprintf("cut at %d", cut), s)
		}
	})
}

// TestNoiseBetweenFrames puts noise between segments: no decoder panics, takes more than it is given or runs for ever.
func TestNoiseBetweenFrames(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	captures(t, func(path string, p *protocols.Protocol, c *protocols.Capture) {
		s := &stream{p: p}
		for _, b := range c.Segments() {
			noise := make([]byte, random.IntN(40))
			for i := range noise {
				noise[i] = byte(random.Uint32())
			}
			s.feed(noise, false)
			s.feed(b, false)
			if len(s.rest) > 2*p.MaxFrame {
				s.rest = nil // the gateway would have closed it
			}
			damaged := bytes.Clone(b)
			damaged[random.IntN(len(damaged))] ^= byte(1 << random.IntN(8))
			s.feed(damaged, c.Datagram)
			s.dead = false
		}
		for _, line := range s.out {
			if strings.Contains(line, "decoder panic") {
				t.Errorf("%s: %s", path, line)
			}
		}
	})
}

// TestDetection recognises each capture as its own protocol's and no other's.
func TestDetection(t *testing.T) {
	detector := protocols.NewDetector(Protocols)
	captures(t, func(path string, p *protocols.Protocol, c *protocols.Capture) {
		if p.Detect == nil {
			return
		}
		segments := [][]byte{bytes.Join(c.Segments(), nil)}
		if c.Datagram {
			segments = nil
			for i, l := range c.Lines {
				if l.Mark == '>' && (i+1 == len(c.Lines) || c.Lines[i+1].Mark != '!') {
					segments = append(segments, l.Data)
				}
			}
		}
		for i, b := range segments {
			for n := 1; n <= min(len(b), 512); n++ {
				got, more := protocols.Detect(Protocols, b[:n], c.Datagram, n == len(b))
				if quick, also := detector.Detect(b[:n], c.Datagram, n == len(b)); quick != got || also != more {
					t.Errorf("%s: segment %d: the first %d bytes mean %v, %v to a Detector, and %v, %v without", path, i, n, quick, also, got, more)
				}
				if got == p {
					break
				}
				if got != nil {
					t.Errorf("%s: segment %d: the first %d bytes are taken for %s", path, i, n, got.Name)
					break
				}
				if !more || n == min(len(b), 512) {
					t.Errorf("%s: segment %d: not recognised after %d bytes % x", path, i, n, b[:min(n, 24)])
					break
				}
			}
		}
	})
}

// BenchmarkCaptures reports what a record of each capture costs, its share of its frame's answer included.
func BenchmarkCaptures(b *testing.B) {
	captures(b, func(path string, p *protocols.Protocol, c *protocols.Capture) {
		b.Run(strings.TrimPrefix(path, "../../testdata/"), func(b *testing.B) {
			var f protocols.Frame
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			events := 0
			for b.Loop() {
				var s protocols.Session
				for _, seg := range c.Segments() {
					in := protocols.Input{Bytes: seg, Received: protocols.CaptureTime, Datagram: c.Datagram, Final: true}
					_, _ = protocols.Drain(p, &s, in, &f, func([]byte, error) bool { events += len(f.Events); return true })
				}
			}
			if events > 0 {
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/record")
				b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(events), "allocs/record")
			}
		})
	})
}

// FuzzEveryDecoder feeds arbitrary bytes to every protocol at once, seeded from all captures.
func FuzzEveryDecoder(f *testing.F) {
	captures(f, func(_ string, _ *protocols.Protocol, c *protocols.Capture) {
		for _, b := range c.Segments() {
			f.Add(b, c.Datagram)
		}
	})
	var frame protocols.Frame
	f.Fuzz(func(t *testing.T, data []byte, datagram bool) {
		for _, p := range Protocols {
			var s protocols.Session
			in := protocols.Input{Bytes: data, Received: protocols.CaptureTime, Datagram: datagram, Final: datagram}
			_, err := protocols.Drain(p, &s, in, &frame, func(raw []byte, err error) bool {
				if protocols.Fault(err) == "panic" {
					t.Fatalf("%s: %v", p.Name, err)
				}
				for i := range frame.Events {
					e := &frame.Events[i]
					if e.Has&protocols.HasFix != 0 && !(e.Lat >= -90 && e.Lat <= 90 && e.Lng >= -180 && e.Lng <= 180) {
						t.Fatalf("%s: fix %v, %v", p.Name, e.Lat, e.Lng)
					}
					if e.Has&protocols.HasCourse != 0 && !(e.Course >= 0 && e.Course < 360) {
						t.Fatalf("%s: course %v", p.Name, e.Course)
					}
					if e.Alarm != "" && protocols.Alarms[e.Alarm] == "" {
						t.Fatalf("%s: alarm %q", p.Name, e.Alarm)
					}
				}
				return true
			})
			if protocols.Fault(err) == "panic" {
				t.Fatalf("%s: %v", p.Name, err)
			}
		}
	})
}
