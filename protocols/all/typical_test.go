package all

import (
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// typical is the location frame that stands for each protocol.
func typical(t testing.TB, visit func(p *protocols.Protocol, l protocols.Typical)) {
	t.Helper()
	of := make(map[*protocols.Protocol][]*protocols.Capture)
	captures(t, func(_ string, p *protocols.Protocol, c *protocols.Capture) { of[p] = append(of[p], c) })
	for _, p := range Protocols {
		l, ok := protocols.FindTypical(p, of[p])
		if !ok {
			t.Errorf("%s: no capture holds a frame that is one valid fix with a speed", p.Name)
			continue
		}
		visit(p, l)
	}
}

// TestTypical decodes the typical location frame of each protocol as the benchmarks do: again and again it is one event, and nothing is allocated
// but attributes that are texts.
func TestTypical(t *testing.T) {
	typical(t, func(p *protocols.Protocol, l protocols.Typical) {
		var f protocols.Frame
		s := l.Session
		decode := func() {
			f.Reset()
			if n, err := protocols.Next(p, &s, l.Input, &f); n != len(l.Input.Bytes) || err != nil || len(f.Events) != 1 || s != l.Session {
				t.Fatalf("%s: %q: %d, %v, %d events", p.Name, l.Input.Bytes, n, err, len(f.Events))
			}
		}
		if got := testing.AllocsPerRun(100, decode); got > float64(l.Texts) {
			t.Errorf("%s: %q: %v allocations, %d attributes are texts", p.Name, l.Input.Bytes, got, l.Texts)
		}
	})
}

// BenchmarkTypical reports what the typical location frame of each protocol costs.
func BenchmarkTypical(b *testing.B) {
	typical(b, func(p *protocols.Protocol, l protocols.Typical) {
		b.Run(p.Name, func(b *testing.B) {
			var f protocols.Frame
			s := l.Session
			b.ReportAllocs()
			for b.Loop() {
				f.Reset()
				if _, err := protocols.Next(p, &s, l.Input, &f); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// BenchmarkDetect reports what recognising a stream by the typical frame of each protocol costs, over TCP.
func BenchmarkDetect(b *testing.B) {
	d := protocols.NewDetector(Protocols)
	typical(b, func(p *protocols.Protocol, l protocols.Typical) {
		if p.TCP == 0 {
			return
		}
		b.Run(p.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d.Detect(l.Input.Bytes, false, false)
			}
		})
	})
}
