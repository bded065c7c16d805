package all

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// TestNotesOfDamage decodes damaged and cut segments of every capture by every protocol with notes: no decoder slices beyond what is there to name it.
func TestNotesOfDamage(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	frame := protocols.Frame{Notes: new(protocols.Notes)}
	captures(t, func(path string, _ *protocols.Protocol, c *protocols.Capture) {
		for _, b := range c.Segments() {
			damaged := bytes.Clone(b)
			for i, p := range Protocols {
				if i%4 != 0 {
					damaged = append(damaged[:0], b[:1+random.IntN(len(b))]...)
					damaged[random.IntN(len(damaged))] ^= byte(random.IntN(2) << random.IntN(8))
				}
				var s protocols.Session
				in := protocols.Input{Bytes: damaged, Received: protocols.CaptureTime, Datagram: c.Datagram, Final: true}
				_, err := protocols.Drain(p, &s, in, &frame, func(_ []byte, err error) bool {
					if protocols.Fault(err) == "panic" {
						t.Errorf("%s by %s: %x: %v", path, p.Name, damaged, err)
					}
					return true
				})
				if protocols.Fault(err) == "panic" {
					t.Errorf("%s by %s: %x: %v", path, p.Name, damaged, err)
				}
			}
		}
	})
}
