package tk103

import (
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

const (
	reportFrame = "(013612345678BR00260314A3113.8250N12128.4221E045.6083001087.0001000000L000450AC)"
	commaFrame  = "(860000000000016,DW30,140326,A,3113.8250N,12128.4221E,0.68,083401,208.19,64.50,9)"
	beatFrame   = "(013612345600BP00013612345600HSO01A4)"
)

// TestMotion: widths of speed, time and course vary.
func TestMotion(t *testing.T) {
	f := func(text, speed, clock, course, rest string) {
		t.Helper()
		a, b, c, d := motion([]byte(text))
		if string(a) != speed || string(b) != clock || string(c) != course || string(d) != rest {
			t.Errorf("%q: %q %q %q %q", text, a, b, c, d)
		}
	}
	f("045.6083001087.0001000000L000450AC", "045.6", "083001", "087.00", "01000000L000450AC")
	f("0.7083001087.0001000000L000450AC", "0.7", "083001", "087.00", "01000000L000450AC")
	f("032.412092187.58001100166L000D9779", "032.4", "120921", "87.580", "01100166L000D9779")
	f("000.002033490.00000000000L000024DE", "000.0", "020334", "90.000", "00000000L000024DE")
	f("000.3203149000.00,00000000L00000000", "000.3", "203149", "000.00", ",00000000L00000000")
	f("0.7031241010.0000,00000000", "0.703", "124101", "0.0000", ",00000000")
	f("045.6083001", "045.6", "083001", "", "")
	f("045.608300", "", "", "", "")
	f("0456083001", "", "", "", "")
}

// TestState: an input that stays raises its alarm once.
func TestState(t *testing.T) {
	var s protocols.Session
	send := func(state, alarm string, has ...string) {
		t.Helper()
		e := all(t, &s, []byte("(013612345678BR00260314A3113.8250N12128.4221E045.6083001087.00"+state+"L0)")).Events[0]
		if e.Alarm != alarm {
			t.Errorf("%s: alarm %q, want %q", state, e.Alarm, alarm)
		}
		for _, name := range has {
			if _, ok := e.Attrs.Get(name); !ok {
				t.Errorf("%s: no %s", state, name)
			}
		}
	}
	send("00000000", "", "charging", "ignition", "fuel_adc")
	send("10000000", "power_cut")
	send("10000000", "")
	send("10200000", "sos")
	send("11F0E123", "", "in2", "out2", "blocked", "sensors_low")
	send("000F0000", "", "door", "sensors_high")
	send("10200000", "sos")
	send("2000000Z", "", "extra")
	send("20000000", "", "extra")
}

func TestSerials(t *testing.T) {
	f := func(body, serial, word, rest string) {
		t.Helper()
		a, b, c, ok := compactMessage([]byte(body))
		if ok != (serial != "") || string(a) != serial || string(b) != word || string(c) != rest {
			t.Errorf("%q: %q %q %q %v", body, a, b, c, ok)
		}
	}
	f("013612345678BR00x", "013612345678", "BR00", "x")
	f("BALLESTEROS3BR00", "BALLESTEROS3", "BR00", "")
	f("01029131573BR00150428", "01029131573", "BR00", "150428")
	f("860000000000016BP00", "860000000000016", "BP00", "")
	f("01361234567BR0", "", "", "")
	f("013612-45678BR00", "", "", "")
}

// TestSteadyStateDoesNotAllocate: what a parked or driving device sends all day costs no garbage.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	for name, text := range map[string]string{"compact": reportFrame, "comma": commaFrame, "handshake": beatFrame} {
		var s protocols.Session
		f := new(protocols.Frame)
		frame := []byte(text)
		feed := func() {
			f.Reset()
			if n, err := Protocol.Decode(&s, protocols.Input{Bytes: frame, Received: protocols.CaptureTime}, f); err != nil || n != len(frame) {
				t.Fatal(n, err)
			}
		}
		feed()
		if got := testing.AllocsPerRun(100, feed); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{"compact": reportFrame, "comma": commaFrame} {
		b.Run(name, func(b *testing.B) {
			var s protocols.Session
			f := new(protocols.Frame)
			in := protocols.Input{Bytes: []byte(text), Received: protocols.CaptureTime}
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

func BenchmarkDetect(b *testing.B) {
	frame := []byte(reportFrame)
	b.ReportAllocs()
	for b.Loop() {
		detect(frame, false)
	}
}
