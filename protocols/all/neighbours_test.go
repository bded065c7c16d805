package all

import (
	"slices"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// TestNeighbours decodes each frame of each capture behind the events of a frame of another protocol: it means what it means alone, also where it ends
// beyond the room there was, and leaves its neighbours as they are. Readers of a journal gather the events of many devices so.
func TestNeighbours(t *testing.T) {
	neighbours := func(f *protocols.Frame) {
		f.Reset()
		for range 3 {
			e := f.Add(protocols.Alarm)
			e.Device, e.Vehicle, e.Protocol = "someone else", "else", "other"
			e.Int("ignition", 1)
			e.Text("note", "theirs")
		}
	}
	var before protocols.Frame
	neighbours(&before)
	theirs := eventLines(before.Events)
	for _, room := range []int{0, 1, 64} {
		captures(t, func(path string, p *protocols.Protocol, c *protocols.Capture) {
			frames(p, c, func(s protocols.Session, raw []byte, _ *protocols.Frame) {
				in := protocols.Input{Bytes: raw, Received: protocols.CaptureTime, Datagram: c.Datagram, Final: true}
				again := s
				var alone, f protocols.Frame
				if _, err := protocols.Next(p, &again, in, &alone); err != nil {
					return // what ends here only because more follows
				}
				f.Events = make([]protocols.Event, 0, 3+room)
				neighbours(&f)
				if _, err := protocols.Next(p, &s, in, &f); err != nil {
					t.Fatalf("%s: %x behind others' events: %v", path, raw, err)
				}
				got := eventLines(f.Events)
				if want := append(slices.Clip(theirs), eventLines(alone.Events)...); !slices.Equal(got, want) {
					t.Errorf("%s: %x with room for %d events, behind others' events\n got: %q\nwant: %q", path, raw, room, got, want)
				}
			})
		})
	}
}
