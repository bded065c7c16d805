package jt808

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
func one(t testing.TB, s *protocols.Session, b []byte) (*protocols.Frame, error) {
	t.Helper()
	f := new(protocols.Frame)
	n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: b, Final: true, Received: protocols.CaptureTime}, f)
	if n != len(b) {
		t.Fatalf("took %d of %d bytes of %x: %v", n, len(b), b, err)
	}
	return f, err
}

// Frames of the protocol sheet: a full location, the smallest one with escapes, a heartbeat.
const (
	locationFrame = "7e020000400139123456780001000000000000000301dc89d0073d8aa5000c01c8005726031415304501040001e2400202022b030201c225040000000a2a0200012b0400fa007830011c31010bd67e"
	escapedFrame  = "7e0200001c0139123456780004000000000000000301dc89d0073d8aa5000c007d02007d01260314153300a07e"
	beatFrame     = "7e000200000139123456780002307e"
)

// TestSteadyStateDoesNotAllocate: what a parked or driving device sends all day costs no garbage.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	var s protocols.Session
	f := new(protocols.Frame)
	feed := func(b []byte) {
		f.Reset()
		if _, err := Protocol.Decode(&s, protocols.Input{Bytes: b, Received: protocols.CaptureTime}, f); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"location": locationFrame, "escaped": escapedFrame, "heartbeat": beatFrame} {
		b := unhex(t, text)
		feed(b)
		if got := testing.AllocsPerRun(100, func() { feed(b) }); got != 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{"location": locationFrame, "escaped": escapedFrame, "heartbeat": beatFrame} {
		b.Run(name, func(b *testing.B) {
			var s protocols.Session
			f := new(protocols.Frame)
			in := protocols.Input{Bytes: unhex(b, text), Received: protocols.CaptureTime}
			b.ReportAllocs()
			for b.Loop() {
				f.Reset()
				if _, err := protocols.Next(&Protocol, &s, in, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDetect(b *testing.B) {
	first := unhex(b, locationFrame)
	b.ReportAllocs()
	for b.Loop() {
		if v, _ := detect(first, false); v != protocols.Sure {
			b.Fatal(v)
		}
	}
}
