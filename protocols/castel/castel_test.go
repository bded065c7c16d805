package castel

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

const (
	loginPacket     = "40407f000432313345503230323630303030303000000000001001870eb569971cb56944d61200e0150000393000004e00000004000400036401240b05010e031a081e0fba89b306ecbf101af3046b03af4944445f323133455f532056312e322e31004944445f323133455f482056312e322e31000200011002107fb30d0a"
	heartbeatPacket = "40401f0004323133455032303236303030303034000000000010033b6a0d0a"
	alarmPacket     = "40406000043231334550323032363030303030320000000000400702000000870eb569971cb56944d61200e0150000393000004e00000004000400036401240b05010e031a081e0fba89b306ecbf101a530e6603af0101018400780088120d0a"
	twoPositions    = "40406900043231334550323032363030303030320000000000400100870eb569971cb56944d61200e0150000393000004e00000004000400036401240b05020e031a081e0f805a2d07d0f6290f00008c0a9c0e031a081f0fe85b2d0738f8290f9600960a9c23c70d0a"
	trackerPacket   = "40404400013231334550323032363030303030330000000000420600010e031a081e0fba89b306ecbf101af3046603af030000005544d61200000000c418795193ca0d0a"
	elderPacket     = "24245000323133455032303236303030303030000000000040010e031a081e0fba89b306ecbf101af3046603af0000000000000000000000000000000000000000000000000000000000000098830d0a"
	valuesPacket    = "404054000432313345503230323630303030303100000000004002870eb569971cb56944d61200e0150000393000004e00000004000400036401240b050f000405210c210d21422101067dc0122da23096750d0a"

	reportTime = protocols.Millis(0x69b51c97) * 1000
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// one decodes text as one frame.
func one(t testing.TB, s *protocols.Session, text string) (*protocols.Frame, error) {
	t.Helper()
	f := new(protocols.Frame)
	b := unhex(t, text)
	n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: b, Received: reportTime, Final: true}, f)
	if n != len(b) {
		t.Fatalf("%s: took %d of %d bytes: %v", text, n, len(b), err)
	}
	return f, err
}

// packed makes a packet of a dongle, or of another's by its version; 24 is MPIP.
func packed(t testing.TB, version byte, kind uint16, content string) string {
	t.Helper()
	id := append([]byte("213EP2026000000"), make([]byte, 5)...)
	head := append([]byte{'@', '@', 0, 0, version}, id...)
	if version == '$' {
		head = append([]byte{'$', '$', 0, 0}, id...)
	}
	return hex.EncodeToString(appendPacket(nil, head, kind, unhex(t, content)))
}

const (
	someStat = "870eb569971cb56944d61200e0150000393000004e00000004000400036401240b05"
	someItem = "0e031a081e0fba89b306ecbf101af3046b03af"
)

func TestAnswers(t *testing.T) {
	f := func(packet, want string) {
		t.Helper()
		frame, err := one(t, &protocols.Session{}, packet)
		if got := hex.EncodeToString(frame.Reply); err != nil || got != want {
			t.Errorf("%s: %s, want %s: %v", packet, got, want, err)
		}
	}
	f(loginPacket, "404029000432313345503230323630303030303000000000009001ffffffff0000971cb5690d9a0d0a")
	f(heartbeatPacket, "40401f000432313345503230323630303030303400000000009003f7e60d0a")
	f(alarmPacket, "40402300043231334550323032363030303030320000000000c007020000004e690d0a")
	f(trackerPacket, "40401f000132313345503230323630303030303300000000008206ba350d0a")
	f(packed(t, 1, msgTrackerLogin, someItem+strings.Repeat("00", 16)), packed(t, 1, 0x8001, ""))
	f(packed(t, 0x36, msgTracker, "0000"), packed(t, 0x36, 0x8206, ""))
	f(elderPacket, packed(t, '$', 0x4001, ""))
	f(packed(t, '$', msgElder, "010000000000000002"+someItem), packed(t, '$', 0x1001, "00000000ffffffffffffffff"))
	f(packed(t, '$', msgTracker, someItem), "")
	f(twoPositions, "")
	f(valuesPacket, "")
	f(packed(t, 4, 0x7777, "00"), "")
}

func TestRefused(t *testing.T) {
	f := func(text string, want error) {
		t.Helper()
		s := protocols.Session{Device: "213EP2026000009"}
		before := s
		frame, err := one(t, &s, text)
		if !errors.Is(err, want) || s != before || len(frame.Reply) > 0 {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	f("40401e0004323133455032303236303030303030", protocols.ErrGarbage)          // too short a length
	f("4040010804323133455032303236303030303030", protocols.ErrGarbage)          // and too long
	f("4040001f04323133455032303236303030303030", protocols.ErrGarbage)          // highest byte first
	f("40401f000400", protocols.ErrGarbage)                                      // no id
	f("40401f000432310033", protocols.ErrGarbage)                                // zeros in it
	f("40401f000432313380", protocols.ErrGarbage)                                // not printable
	f(strings.Replace(heartbeatPacket, "0d0a", "0d0d", 1), protocols.ErrGarbage) // another's end
	f(alarmPacket[:100], protocols.ErrMalformed)                                 // cut off
	f(packed(t, 4, msgLogin, someStat+"02"+someItem), protocols.ErrMalformed)    // fewer positions than said
	f(packed(t, 4, msgLogin, someStat[:60]), protocols.ErrMalformed)             // no whole state
	f(packed(t, 4, msgAlarm, "0102"), protocols.ErrMalformed)                    //
	f(packed(t, 1, msgTracker, "0001"+someItem), protocols.ErrMalformed)         // no whole record
	f(packed(t, '$', msgElder, "00"), protocols.ErrMalformed)                    //
	f(packed(t, 4, msgSleep, "00000000"+someItem[:20]), protocols.ErrMalformed)  //
}

// TestWrongChecksum: a packet says what it says, and changes nothing unless the operator tolerates it.
func TestWrongChecksum(t *testing.T) {
	bad := strings.Replace(twoPositions, "23c70d0a", "23c80d0a", 1)
	var s protocols.Session
	f, err := one(t, &s, bad)
	if !errors.Is(err, protocols.ErrChecksum) || s != (protocols.Session{}) || len(f.Events) != 2 {
		t.Errorf("%+v, %d events: %v", s, len(f.Events), err)
	}
	s.Options.TolerateChecksum = true
	f, err = one(t, &s, bad)
	if err != nil || s.Device != "213EP2026000002" || len(f.Events) != 2 {
		t.Fatalf("%+v, %d events: %v", s, len(f.Events), err)
	}
	for i := range f.Events {
		if a, _ := f.Events[i].Attrs.Get("checksum_ok"); a.Name == "" {
			t.Errorf("event %d is not marked", i)
		}
	}
}

// TestLineEndInside: a packet ends where its length says.
func TestLineEndInside(t *testing.T) {
	f, err := one(t, &protocols.Session{}, packed(t, 4, msgFuel, someStat+"01"+someItem+"0d0a"))
	if err != nil || len(f.Events) != 1 {
		t.Fatal(len(f.Events), err)
	}
	a, _ := f.Events[0].Attrs.Get("fuel_adc")
	if v, ok := a.Float(); !ok || v != 0x0a0d {
		t.Errorf("%s", f.Events[0].AppendJSON(nil))
	}
}

// TestStored: the mark of a stored upload is no part of the record.
func TestStored(t *testing.T) {
	read := func(history string) *protocols.Event {
		f, err := one(t, &protocols.Session{}, packed(t, 4, msgGPS, history+someStat+"01"+someItem))
		if err != nil || len(f.Events) != 1 {
			t.Fatal(err)
		}
		return &f.Events[0]
	}
	live, stored := read("00"), read("01")
	if live.ID() != stored.ID() || live.Stored || !stored.Stored {
		t.Errorf("%s, %s", live.AppendJSON(nil), stored.AppendJSON(nil))
	}
	if f, _ := one(t, &protocols.Session{}, packed(t, 4, msgGPS, "00"+someStat+"01"+strings.Replace(someItem, "6b03", "6c03", 1))); f.Events[0].ID() == live.ID() {
		t.Error("another course, the same id")
	}
}

// TestAlarms: each alarm is an event, of which the record's other values are in the first; what an alarm says of the ignition counts.
func TestAlarms(t *testing.T) {
	f := func(item, alarms string, want ...string) {
		t.Helper()
		frame, err := one(t, &protocols.Session{}, packed(t, 4, msgAlarm, "01000000"+someStat+item+alarms))
		if err != nil || len(frame.Events) != len(want) {
			t.Fatalf("%d events: %v", len(frame.Events), err)
		}
		ids := map[string]bool{}
		for i := range frame.Events {
			e := &frame.Events[i]
			on, _ := e.Attrs.Get("ignition")
			got := e.Kind.String() + " " + e.Alarm
			if v, ok := on.Bool(); ok && !v {
				got += " off"
			}
			if got != want[i] || ids[e.ID()] {
				t.Errorf("event %d: %s, want %s", i, e.AppendJSON(nil), want[i])
			}
			ids[e.ID()] = true
		}
	}
	f("00", "01 011700000000", "alarm ignition_off off")
	f("01"+someItem, "00", "position ")
	f("01"+someItem, "", "position ")
	f("00", "00", "status ")
	f("01"+someItem, "01 000100000000", "position ")
	f("00", "01 000100000000", "status ")
	f("01"+someItem, "03 011000000000 001100000000 01fe00000000", "alarm sos", "position ", "alarm general")
	f("02"+someItem+strings.Replace(someItem, "0e03", "0f03", 1), "02 011200000000 011200000100", "position ", "alarm tampering", "alarm tampering")
	f("00", "05 011200000000 0112", "alarm tampering")
}

func TestValues(t *testing.T) {
	f := func(options string, pid uint16, raw uint32, want string) {
		t.Helper()
		o, err := protocols.ParseOptions(strings.Fields(options))
		if err != nil {
			t.Fatal(err)
		}
		c := call{s: &protocols.Session{Options: o}}
		var e protocols.Event
		value(&e, pid, raw, c.converted())
		if got := string(e.Attrs.AppendJSON(nil)); got != want {
			t.Errorf("%04x %d: %s, want %s", pid, raw, got, want)
		}
	}
	f("", 0x2104, 128, `{"engine_load_pct":50.2}`)
	f("", 0x2104, 255, `{"engine_load_pct":100}`)
	f("", 0x2105, 0, `{"coolant_c":-40}`)
	f("", 0x210c, 4800, `{"rpm":1200}`)
	f("", 0x210c, 3, `{"rpm":0.75}`)
	f("", 0x210f, 60, `{"intake_air_c":20}`)
	f("", 0x212f, 51, `{"fuel_pct":20}`)
	f("", 0x2142, 12450, `{"power_v":12.45}`)
	f("", 0x215e, 50, `{"fuel_rate_lph":2.5}`)
	f("", 0x21a6, 0xffffffff, `{"obd_odometer_m":429496729500}`)
	f("", 0x2146, 10, `{"io_8518":10}`)
	f("pids=converted", 0x210c, 2121, `{"rpm":2121}`)
	f("pids=converted", 0x2105, 90, `{"coolant_c":90}`)
	f("pids=converted", 0x212f, 98, `{"fuel_pct":98}`)
	f("pids=converted", 0x2142, 12450, `{"power_v":12.45}`)
	f("pids=converted", 0x21a6, 10, `{"obd_odometer_m":1000}`)
}

func TestEncode(t *testing.T) {
	f := func(s protocols.Session, c protocols.Command, want string) {
		t.Helper()
		b, err := encode(&s, c)
		if got := hex.EncodeToString(b); got != want || (err == nil) != (want != "") {
			t.Errorf("%+v: %s, %v; want %s", c, got, err, want)
		}
		if want != "" {
			if n, err := cut(b, false); n != len(b) || err != nil || protocols.X25.Sum(b[:n-tailSize]) != binary.LittleEndian.Uint16(b[n-tailSize:]) {
				t.Errorf("%x is not one packet: %d, %v", b, n, err)
			}
		}
	}
	tracker := protocols.Session{Device: "213EP2026000002", State: "v:01"}
	f(tracker, protocols.Command{Name: "engine_stop"}, "40402000013231334550323032363030303030320000000000458301323c0d0a")
	tracker.Device = "213EP2026000001"
	f(tracker, protocols.Command{Name: "engine_resume"}, "40402000013231334550323032363030303030310000000000458300bcfb0d0a")
	f(tracker, protocols.Command{Name: "position"}, "")
	dongle := protocols.Session{Device: "213EP2026000000", State: "v:04"}
	f(dongle, protocols.Command{Name: "position", ID: 1<<16 + 0x0207}, packed(t, 4, 0x3001, "0702"))
	f(dongle, protocols.Command{Name: "engine_stop"}, "")
	f(dongle, protocols.Command{Name: "custom", Text: "2002 0100"}, "")
	f(dongle, protocols.Command{Name: "custom", Text: "20020100"}, packed(t, 4, 0x2002, "0100"))
	f(dongle, protocols.Command{Name: "custom", Text: "20"}, "")
	f(dongle, protocols.Command{Name: "custom", Text: strings.Repeat("20", maxCommand+1)}, "")
	elder := protocols.Session{Device: "213EP2026000000", State: "2424"}
	f(elder, protocols.Command{Name: "custom", Text: "20020100"}, packed(t, '$', 0x2002, "0100"))
	f(elder, protocols.Command{Name: "engine_stop"}, "")
	f(protocols.Session{State: "v:04"}, protocols.Command{Name: "position"}, "")
	f(protocols.Session{Device: dongle.Device}, protocols.Command{Name: "position"}, "")
	f(protocols.Session{Device: strings.Repeat("1", 21), State: "v:04"}, protocols.Command{Name: "position"}, "")
}

// TestStateOfCommands: commands go out as the device's packets come in.
func TestStateOfCommands(t *testing.T) {
	f := func(packet, state string) {
		t.Helper()
		var s protocols.Session
		if _, err := one(t, &s, packet); err != nil || s.State != state {
			t.Fatalf("%q, want %q: %v", s.State, state, err)
		}
		b, err := encode(&s, protocols.Command{Name: "custom", Text: "4583"})
		if n := idAt(b) + idSize; err != nil || !bytes.Equal(b[4:n], unhex(t, packet)[4:n]) || b[0] != unhex(t, packet)[0] {
			t.Errorf("%x: %v", b, err)
		}
	}
	f(heartbeatPacket, "v:04")
	f(trackerPacket, "v:01")
	f(packed(t, 0x36, msgTracker, "0000"), "v:36")
	f(elderPacket, "2424")
}

func TestDetect(t *testing.T) {
	f := func(text string, want protocols.Verdict) {
		t.Helper()
		b := unhex(t, text)
		if got, why := detect(b, false); got != want {
			t.Errorf("%s: %v (%s), want %v", text, got, why, want)
		}
		detectHolds(t, b)
	}
	f("", protocols.More)
	f("40", protocols.More)
	f("4040", protocols.More)
	f(loginPacket[:52], protocols.More)
	f(loginPacket[:54], protocols.Sure)
	f(heartbeatPacket, protocols.Sure)
	f(trackerPacket, protocols.Sure)
	f(elderPacket[:100], protocols.Likely)
	f(elderPacket, protocols.Sure)
	f(strings.Replace(elderPacket, "9883", "9884", 1), protocols.No)
	f("4050", protocols.No)
	f("2440", protocols.No)
	f("4040001f", protocols.No)                                          // a length with its highest byte first
	f("2424001e", protocols.No)                                          //
	f("40401f000400", protocols.No)                                      // no id
	f(strings.Replace(heartbeatPacket, "1003", "9003", 1), protocols.No) // what goes to a device
	f(hex.EncodeToString([]byte("$$A138,353358017784062,A10")), protocols.No)
}

// detectHolds asserts that a verdict of No or Sure holds for every longer prefix.
func detectHolds(t *testing.T, b []byte) {
	t.Helper()
	last := protocols.More
	for i := 0; i <= len(b) && i < 100; i++ {
		v, why := detect(b[:i], false)
		if (last == protocols.No || last == protocols.Sure) && v != last || why == "" {
			t.Fatalf("%x: %v, after %v (%s)", b[:i], v, last, why)
		}
		last = v
	}
}

// TestShortContents cuts the content of each captured packet at each byte: it is refused, or what is there is kept.
func TestShortContents(t *testing.T) {
	for _, b := range segments(t) {
		if n, _ := plausible(b); n != len(b) || n > 300 {
			continue
		}
		head := idAt(b) + idSize
		for cut := head + 2; cut <= len(b)-tailSize; cut++ {
			p := appendPacket(nil, b[:head], binary.BigEndian.Uint16(b[head:]), b[head+2:cut])
			f, err := one(t, &protocols.Session{}, hex.EncodeToString(p))
			if err != nil && !errors.Is(err, protocols.ErrMalformed) {
				t.Fatalf("%x: %v", p, err)
			}
			for i := range f.Events {
				if err == nil {
					checkEvent(t, &f.Events[i])
				}
			}
		}
	}
}

// TestRandomContents gives each type of each family contents of noise.
func TestRandomContents(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, kind := range []uint16{0x1001, 0x1002, 0x1003, 0x2001, 0x4001, 0x4002, 0x4003, 0x4004, 0x4005, 0x4006, 0x4007, 0x4008, 0x4009, 0x400b, 0x400e,
		0x401f, 0x4201, 0x4202, 0x4204, 0x4206, 0x5101, 0xa002, 0xb001, 0x7777} {
		for _, version := range []byte{1, 4, '$'} {
			for range 60 {
				content := make([]byte, random.IntN(300))
				for i := range content {
					content[i] = byte(random.Uint32() >> random.IntN(24))
				}
				if len(content) > 40 && random.IntN(2) == 0 {
					content[34], content[35] = 0, byte(random.IntN(4))
				}
				f, err := one(t, &protocols.Session{}, packed(t, version, kind, hex.EncodeToString(content)))
				if err != nil && !errors.Is(err, protocols.ErrMalformed) {
					t.Fatal(err)
				}
				for i := range f.Events {
					if err == nil {
						checkEvent(t, &f.Events[i])
					}
				}
			}
		}
	}
}

func segments(t testing.TB) (list [][]byte) {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/castel/*.[tu][cd]p")
	if err != nil || len(paths) < 5 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := protocols.ReadCapture(bytes.NewReader(raw), false)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c.Segments()...)
	}
	return list
}

// TestFramesAlone: what the journal kept of a stream, each frame with the session of its moment, means the same again.
func TestFramesAlone(t *testing.T) {
	stream := bytes.Join(segments(t), nil)
	var s protocols.Session
	var f, again protocols.Frame
	for len(stream) > 0 {
		before := s
		f.Reset()
		n, err := protocols.Next(&Protocol, &s, protocols.Input{Bytes: stream, Received: protocols.CaptureTime}, &f)
		if n == 0 {
			break
		}
		if err == nil {
			again.Reset()
			m, err := protocols.Next(&Protocol, &before, protocols.Input{Bytes: stream[:n], Received: protocols.CaptureTime, Final: true}, &again)
			if m != n || err != nil || before != s || !bytes.Equal(f.Reply, again.Reply) || len(f.Events) != len(again.Events) {
				t.Fatalf("%x: took %d of %d bytes, %v", stream[:n], m, n, err)
			}
			for i := range f.Events {
				if got, want := again.Events[i].AppendJSON(nil), f.Events[i].AppendJSON(nil); !bytes.Equal(got, want) {
					t.Fatalf("got %s, want %s", got, want)
				}
			}
		}
		stream = stream[n:]
	}
}

func FuzzDecode(f *testing.F) {
	for _, b := range segments(f) {
		f.Add(b)
	}
	var frame protocols.Frame
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, final := range []bool{false, true} {
			var s protocols.Session
			in := protocols.Input{Bytes: data, Received: protocols.CaptureTime, Final: final}
			used, err := protocols.Drain(&Protocol, &s, in, &frame, func(raw []byte, err error) bool {
				if protocols.Fault(err) == "panic" {
					t.Fatal(err)
				}
				for i := range frame.Events {
					if err == nil {
						checkEvent(t, &frame.Events[i])
					}
				}
				return true
			})
			if final && (used != len(data) || err != nil) {
				t.Fatalf("used %d of %d bytes: %v", used, len(data), err)
			}
		}
		detectHolds(t, data)
	})
}

func checkEvent(t *testing.T, e *protocols.Event) {
	t.Helper()
	if !json.Valid(e.AppendJSON(nil)) {
		t.Fatalf("no JSON: %s", e.AppendJSON(nil))
	}
	if e.Course < 0 || e.Course >= 360 || e.Speed < 0 || (e.Kind == protocols.Alarm) != (e.Alarm != "") ||
		e.Kind == protocols.Position && e.Has&protocols.HasFix == 0 || e.Alarm != "" && protocols.Alarms[e.Alarm] == "" {
		t.Fatalf("%s", e.AppendJSON(nil))
	}
	for i, a := range e.Attrs {
		_, common := protocols.Dictionary[a.Name]
		_, own := attributes[a.Name]
		if !common && !own && !strings.HasPrefix(a.Name, "io_") {
			t.Fatalf("attribute %q is not documented", a.Name)
		}
		if _, again := e.Attrs[i+1:].Get(a.Name); again {
			t.Fatalf("attribute %q twice: %s", a.Name, e.AppendJSON(nil))
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{"alarm": alarmPacket, "values": valuesPacket, "tracker": trackerPacket} {
		b.Run(name, func(b *testing.B) {
			var s protocols.Session
			in := protocols.Input{Bytes: unhex(b, text), Received: protocols.CaptureTime}
			var f protocols.Frame
			b.ReportAllocs()
			for b.Loop() {
				f.Reset()
				if n, err := protocols.Next(&Protocol, &s, in, &f); n != len(in.Bytes) || err != nil || len(f.Events) != 1 {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func BenchmarkDetect(b *testing.B) {
	for name, text := range map[string]string{"dongle": loginPacket, "mpip": elderPacket} {
		b.Run(name, func(b *testing.B) {
			first := unhex(b, text)
			b.ReportAllocs()
			for b.Loop() {
				detect(first, false)
			}
		})
	}
}
