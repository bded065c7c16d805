package ruptela

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

// one decodes one whole packet.
func one(t testing.TB, s *protocols.Session, b []byte) (*protocols.Frame, error) {
	t.Helper()
	f := new(protocols.Frame)
	n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: b, Final: true, Received: protocols.CaptureTime}, f)
	if n != len(b) {
		t.Fatalf("took %d of %d bytes of %x: %v", n, len(b), b, err)
	}
	return f, err
}

// Frames of the protocol sheet: a record, an extended one in two parts, a heartbeat.
const (
	recordFrame   = "003a00030e2a5a81c01001000169b51c97000048676a72129d6220007d222e0a002d09090305011b18ad01031d30a21e10041604b001410012d64500fbfe"
	extendedFrame = "006c00030e2a5a81c01044030269b51cc4001000d5e0c430ec103d80145069910900000b000702019901001b1401001d5e24010041000182b8010022e1b220000000000169b51cc4001100d5e0c430ec103d80145069910900000b000701005f2c0100c525800102850001e24000ef5f"
	beatFrame     = "000900030e2a5a81c01010270a"
)

// TestSteadyStateDoesNotAllocate: what a driving device sends all day costs no garbage.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	var s protocols.Session
	f := new(protocols.Frame)
	for name, text := range map[string]string{"record": recordFrame, "heartbeat": beatFrame} {
		b := unhex(t, text)
		feed := func() {
			f.Reset()
			if _, err := Protocol.Decode(&s, protocols.Input{Bytes: b, Received: protocols.CaptureTime}, f); err != nil {
				t.Fatal(err)
			}
		}
		feed()
		if got := testing.AllocsPerRun(100, feed); got != 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{"record": recordFrame, "extended": extendedFrame, "heartbeat": beatFrame} {
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
	first := unhex(b, recordFrame)
	b.ReportAllocs()
	for b.Loop() {
		if v, _ := detect(first, false); v != protocols.Sure {
			b.Fatal(v)
		}
	}
}

func TestDetect(t *testing.T) {
	f := func(text string, want protocols.Verdict) {
		t.Helper()
		b := unhex(t, text)
		if got, why := detect(b, false); got != want {
			t.Errorf("detect(%s) = %v (%s), want %v", text, got, why, want)
		}
		detectHolds(t, b)
	}
	f("", protocols.More)
	f("00", protocols.More)
	f("003a0003", protocols.More)
	f(recordFrame, protocols.Sure)
	f(recordFrame[:40], protocols.Likely)
	f(beatFrame+recordFrame, protocols.Sure)
	f(recordFrame[:len(recordFrame)-2]+"00", protocols.Likely)
	f("000f333536333037303432343431303133", protocols.No) // a login of Teltonika
	f("00000000000000360801", protocols.No)               // its packet
	f("003dcafe0105000f333532303933303836", protocols.No) // its datagram
	f("7e02", protocols.No)
	f("003a0000000000000123010001", protocols.No) // no IMEI
	f("003a00030e2a5a81c01063000169", protocols.No)
}

// detectHolds asserts that a verdict of No or Sure holds for every longer prefix.
func detectHolds(t *testing.T, b []byte) {
	t.Helper()
	last := protocols.More
	for i := 0; i <= len(b) && i < 600; i++ {
		v, why := detect(b[:i], false)
		if (last == protocols.No || last == protocols.Sure) && v != last || why == "" {
			t.Fatalf("%x: %v (%s), after %v", b[:i], v, why, last)
		}
		last = v
	}
}
