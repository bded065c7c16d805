package h02

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

const (
	textFrame   = "*HQ,7012345678,V1,083001,A,3113.8250,N,12128.4221,E,024.30,087,140326,FFFFFBFF,460,00,6340,20857,25#"
	shortRecord = "2470123456780830151403263113825064121284221e024087fffffbffff0001"
	longRecord  = "24701234567808301514032633268800000704014002000000ffffbffbff0015060000002c02da010299109c01"
	imeiRecord  = "2486000000000001610830151403263113825000121284221e024087fffffbffff01cc0064ba73005e01"
)

func TestCoordinate(t *testing.T) {
	f := func(text, hemisphere string, want float64, ok bool) {
		t.Helper()
		got, good := coordinate([]byte(text), []byte(hemisphere), 'N', 'S')
		if good != ok || ok && got != want {
			t.Errorf("%q %q: %v, %v, want %v", text, hemisphere, got, good, want)
		}
	}
	f("3113.8250", "N", 31+13.8250/60, true)
	f("701.8915", "S", -421.8915/60, true)
	f("38.6508", "N", 38.6508/60, true)
	f("-33-26.8800", "S", -33.448, true)
	f("-23-3.3408", "S", -(23 + 3.3408/60), true)
	f("33268800", "S", -33.448, true)
	f("145037022", "N", 145+3.7022/60, true)
	f("070401400", "N", 70.669, true)
	f("", "", 0, true)
	f("3113.8250", "", 0, false)
	f("3113.8250", "E", 0, false)
	f("3163.8250", "N", 0, false)
	f("311382", "N", 0, false)
	f("-33-66.88", "S", 0, false)
	f("--3-6.88", "S", 0, false)
	f("x", "S", 0, false)
}

func TestBatteryPct(t *testing.T) {
	for code, want := range map[int]int{0: -1, 1: 0, 3: 20, 4: 60, 6: 100, 7: 7, 100: 100, 101: -1, 0xf1: 0, 0xf6: 100, 0xf7: -1} {
		got, ok := batteryPct(code)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%#x: %d, want %d", code, got, want)
		}
	}
}

// TestMidnight: a sentence without a date is of the day of receipt, or of a day beside it.
func TestMidnight(t *testing.T) {
	f := func(received, clock, want string) {
		t.Helper()
		at := func(s string) protocols.Millis {
			m, ok := civil(s)
			if !ok {
				t.Fatal(s)
			}
			return m
		}
		c := call{s: new(protocols.Session), received: at(received)}
		if got, ok := c.civil([]byte(clock), nil); !ok || got != at(want) {
			t.Errorf("%s at %s: %v, want %s", clock, received, got, want)
		}
	}
	f("260601 120000", "115900", "260601 115900")
	f("260601 000030", "235950", "260531 235950")
	f("260601 235950", "000010", "260602 000010")
	f("260601 120000", "235900", "260531 235900")
}

// civil reads yymmdd hhmmss.
func civil(s string) (protocols.Millis, bool) {
	d, ok1 := protocols.ParseDigits([]byte(s[:6]))
	h, ok2 := protocols.ParseDigits([]byte(s[7:]))
	m, ok3 := protocols.Civil(2000+d/10000, d/100%100, d%100, h/10000, h/100%100, h%100, protocols.Zone{})
	return m, ok1 && ok2 && ok3
}

// TestAlarmsAreRaisedOnce: a condition that lasts raises its alarm when it appears, and again only after it went away.
func TestAlarmsAreRaisedOnce(t *testing.T) {
	var s protocols.Session
	var f protocols.Frame
	send := func(status, want string) {
		t.Helper()
		f.Reset()
		b := []byte("*HQ,7012345678,V1,083001,A,3113.8250,N,12128.4221,E,0,0,140326," + status + "#")
		if _, err := protocols.Next(&Protocol, &s, protocols.Input{Bytes: b, Received: protocols.CaptureTime}, &f); err != nil {
			t.Fatal(err)
		}
		if got := f.Events[0].Alarm; got != want {
			t.Errorf("%s: alarm %q, want %q", status, got, want)
		}
	}
	send("FFFFFFFF", "")
	send("FFF7FFFF", "power_cut")
	send("FFF7FFFF", "")
	send("FFF3FFFF", "sos")
	send("FFF7FFFE", "vibration")
	send("FFFFFFFF", "")
	send("FFE7FFFF", "power_cut")
	send("FFE7FF6B", "overspeed")
	send("FFE7FF6B", "")
}

// TestBinaryLengths: the length of a record is told by what follows, and remembered.
func TestBinaryLengths(t *testing.T) {
	short, long, imei := unhex(t, shortRecord), unhex(t, longRecord), unhex(t, imeiRecord)
	f := func(name string, b []byte, known int, final bool, want int) {
		t.Helper()
		if n, _ := cutBinary(b, known, final); n != want {
			t.Errorf("%s: %d, want %d", name, n, want)
		}
	}
	join := func(parts ...[]byte) (out []byte) {
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	text := []byte(textFrame)
	f("alone", short, 0, true, 32)
	f("alone", long, 0, true, 45)
	f("alone", imei, 0, true, 42)
	f("not decided", short, 0, false, 0)
	f("known", short, lengthShort, false, 32)
	f("known, not whole", long[:44], lengthLong, false, 0)
	f("twice", join(short, short), 0, false, 32)
	f("twice", join(long, long), 0, false, 45)
	f("twice", join(imei, imei), 0, false, 42)
	f("text behind", join(short, text), 0, false, 32)
	f("text behind", join(long, text), 0, false, 45)
	f("another length than known", join(imei, text), lengthLong, false, 42)
	f("nothing known behind", join(short, make([]byte, 60)), 0, false, 32)
	f("cut off", short[:20], 0, true, -1)
	bad := join(short)
	bad[6] = 0x62
	f("hour 62", bad, 0, false, -1)
}

// TestSteadyStateDoesNotAllocate: what a parked or driving device sends all day costs no garbage.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	for name, frame := range map[string][]byte{"text": []byte(textFrame), "short": unhex(t, shortRecord), "long": unhex(t, longRecord)} {
		var s protocols.Session
		f := new(protocols.Frame)
		feed := func() {
			f.Reset()
			if n, err := Protocol.Decode(&s, protocols.Input{Bytes: frame, Received: protocols.CaptureTime, Final: true}, f); err != nil || n != len(frame) {
				t.Fatal(n, err)
			}
		}
		feed()
		feed()
		if got := testing.AllocsPerRun(100, feed); got != 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, frame := range map[string][]byte{"text": []byte(textFrame), "short": unhex(b, shortRecord), "long": unhex(b, longRecord)} {
		b.Run(name, func(b *testing.B) {
			s := protocols.Session{Device: "7012345678", State: "HQs00"}
			if len(frame) == lengthLong {
				s.State = "HQl00"
			}
			f := new(protocols.Frame)
			in := protocols.Input{Bytes: frame, Received: protocols.CaptureTime}
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
	text, record := []byte(textFrame), unhex(b, shortRecord)
	b.ReportAllocs()
	for b.Loop() {
		detect(text, false)
		detect(record, false)
	}
}
