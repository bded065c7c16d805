package gt06

import (
	"encoding/hex"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// one decodes one whole frame.
func one(t testing.TB, s *protocols.Session, frame []byte, received protocols.Millis) (*protocols.Frame, error) {
	t.Helper()
	f := new(protocols.Frame)
	n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: frame, Final: true, Received: received}, f)
	if n != len(frame) {
		t.Fatalf("took %d of %d bytes of %x: %v", n, len(frame), frame, err)
	}
	return f, err
}

const (
	loginFrame    = "78781101075253367890024270003201000512790d0a"
	locationFrame = "787822221607160f1000cf0225e03f0bd723182c149701cc0075c300933301000002a5f0860d0a"
	alarmFrame    = "787825260f0c1d030b26c9027ac8180c4658600004000901cc00287d001f718004041302000c472a0d0a"
	beatFrame     = "78780a13c40604000201298f5b0d0a"
)

// TestSteadyStateDoesNotAllocate: what a parked or driving device sends all day costs no garbage.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	var s protocols.Session
	f := new(protocols.Frame)
	feed := func(frame []byte) {
		f.Reset()
		if _, err := Protocol.Decode(&s, protocols.Input{Bytes: frame, Received: protocols.CaptureTime}, f); err != nil {
			t.Fatal(err)
		}
	}
	feed(unhex(t, loginFrame))
	for name, text := range map[string]string{"location": locationFrame, "alarm": alarmFrame, "heartbeat": beatFrame} {
		frame := unhex(t, text)
		feed(frame)
		if got := testing.AllocsPerRun(100, func() { feed(frame) }); got != 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{"location": locationFrame, "alarm": alarmFrame, "heartbeat": beatFrame} {
		b.Run(name, func(b *testing.B) {
			s := protocols.Session{Device: "752533678900242"}
			f := new(protocols.Frame)
			in := protocols.Input{Bytes: unhex(b, text), Received: protocols.CaptureTime}
			b.ReportAllocs()
			for b.Loop() {
				f.Reset()
				if _, err := Protocol.Decode(&s, in, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
