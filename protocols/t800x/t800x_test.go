package t800x

import (
	"bytes"
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

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// one decodes b as one packet.
func one(t testing.TB, s *protocols.Session, text string) (*protocols.Frame, error) {
	t.Helper()
	f := new(protocols.Frame)
	b := unhex(t, text)
	n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: b, Received: protocols.CaptureTime, Final: true}, f)
	if n != len(b) {
		t.Fatalf("%s: took %d of %d bytes: %v", text, n, len(b), err)
	}
	return f, err
}

const (
	positionPacket = "252502004400020860000000000016001e02581e01f400164a00000300000040000120ffff00000012d646872603140830150000484189f2f242e4d7f941045600571245"
	alarmPacket    = "252504004400030860000000000016001e02581e01f400164a00000300000040000120ffff03000012d647872603140830150000024487568dc2c1ca05c2000000001245"
)

func TestAnswers(t *testing.T) {
	f := func(options, packet, want string) {
		t.Helper()
		o, err := protocols.ParseOptions(strings.Fields(options))
		if err != nil {
			t.Fatal(err)
		}
		frame, err := one(t, &protocols.Session{Options: o}, packet)
		if got := hex.EncodeToString(frame.Reply); err != nil || got != want {
			t.Errorf("%s: %s, want %s: %v", packet, got, want, err)
		}
	}
	f("", "252501001500010860000000000016001025021501", "252501000f00010860000000000016")
	f("", alarmPacket, "25250400100003086000000000001603")
	f("ack_positions=false", alarmPacket, "25250400100003086000000000001603")
	f("", strings.Replace(alarmPacket, "ffff03", "ffff00", 1), "252504000f00030860000000000016")
	f("", "252503000f00010860000000000016", "252503000f00010860000000000016")
	f("", "232303000f00070860000000000016", "232303000f00010860000000000016") // serial number always 1
	f("", positionPacket, "252502000f00020860000000000016")
	f("ack_positions=false", positionPacket, "")
	f("", "252522000f00020860000000000016", "252522000f00020860000000000016") // unknown type
	f("", "25258100200001086000000000001601520045004c00410059002c004f004b00", "")
}

func TestRefused(t *testing.T) {
	f := func(text string, want error) {
		t.Helper()
		s := protocols.Session{Device: "860000000000024", State: "25"}
		before := s
		if frame, err := one(t, &s, text); !errors.Is(err, want) || s != before || len(frame.Events)+len(frame.Reply) > 0 {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	f("2525020044", protocols.ErrGarbage)                     // no IMEI
	f(positionPacket[:80], protocols.ErrMalformed)            // cut off
	f("252502000e00020860000000000016", protocols.ErrGarbage) // length below the head's
	f("252502080100020860000000000016", protocols.ErrGarbage) // and beyond the largest
	f("252502000f000208600000000000a6", protocols.ErrGarbage) // IMEI with a letter
	f("252502000f00021860000000000016", protocols.ErrGarbage) // IMEI of 16 digits
	f("23232c313233343536373839303132", protocols.ErrGarbage) // text
}

// TestRepetitionIsTheSameRecord: neither the serial number nor the mark of a stored upload tell two records apart.
func TestRepetitionIsTheSameRecord(t *testing.T) {
	id := func(text string) (string, bool) {
		f, err := one(t, &protocols.Session{}, text)
		if err != nil || len(f.Events) != 1 {
			t.Fatal(err)
		}
		return f.Events[0].ID(), f.Events[0].Stored
	}
	first, stored := id(positionPacket)
	again, storedAgain := id(strings.Replace(strings.Replace(positionPacket, "00440002", "00440009", 1), "00164a", "0016ca", 1))
	if first != again || stored || !storedAgain {
		t.Errorf("%s (stored %v), want %s", again, storedAgain, first)
	}
	if other, _ := id(strings.Replace(positionPacket, "12d646", "12d647", 1)); other == first {
		t.Error("another odometer, the same id")
	}
}

// TestShortBodies cuts the body of each captured packet at each byte: what is there is kept, and nothing fails.
func TestShortBodies(t *testing.T) {
	for _, b := range segments(t) {
		for cut := headSize; cut <= len(b) && cut <= 200; cut++ {
			p := bytes.Clone(b[:cut])
			p[3], p[4] = byte(cut>>8), byte(cut)
			if is, _ := plausible(p); !is {
				continue
			}
			f, err := one(t, &protocols.Session{}, hex.EncodeToString(p))
			if err != nil {
				t.Fatalf("%x: %v", p, err)
			}
			for i := range f.Events {
				checkEvent(t, &f.Events[i])
			}
		}
	}
}

// TestRandomBodies gives each type and family a body of noise.
func TestRandomBodies(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for kind := range 256 {
		for _, family := range [...]byte{0x23, 0x25, 0x26, 0x27} {
			for range 20 {
				if family == 0x23 && kind == ',' {
					continue // another's text
				}
				n := headSize + random.IntN(200)
				p := append([]byte{family, family, byte(kind), 0, byte(n), 0, 1}, unhex(t, "0860000000000016")...)
				for len(p) < n {
					p = append(p, byte(random.Uint32()>>random.IntN(24)))
				}
				f, err := one(t, &protocols.Session{}, hex.EncodeToString(p))
				if err != nil {
					t.Fatalf("%x: %v", p, err)
				}
				for i := range f.Events {
					checkEvent(t, &f.Events[i])
				}
			}
		}
	}
}

func TestEncode(t *testing.T) {
	f := func(s protocols.Session, c protocols.Command, want string) {
		t.Helper()
		b, err := encode(&s, c)
		if got := hex.EncodeToString(b); got != want || (err == nil) != (want != "") {
			t.Errorf("%+v: %s, %v; want %s", c, got, err, want)
		}
		if want == "" {
			return
		}
		if n, err := cut(b, false); n != len(b) || err != nil || bytes.Count(b, []byte("#")) != 1 || b[len(b)-1] != '#' {
			t.Errorf("%x is not one packet with one command: %d, %v", b, n, err)
		}
	}
	args := func(moving, static string) map[string]string {
		return map[string]string{"moving": moving, "static": static}
	}
	s := protocols.Session{Device: "860000000000016", State: "25"}
	f(s, protocols.Command{Name: "engine_stop", ID: 2}, "252581001f000208600000000000160152454c41592c3132333435362c3123")
	f(s, protocols.Command{Name: "engine_resume", ID: 1}, "252581001f000108600000000000160152454c41592c3132333435362c3023")
	f(s, protocols.Command{Name: "interval", ID: 1, Args: args("30", "600")}, "2525810024000108600000000000160154494d45522c3132333435362c33302c36303023")
	f(protocols.Session{Device: s.Device, State: "27"}, protocols.Command{Name: "custom", Text: "A", ID: 1}, "272781001200010860000000000016014123")
	s.Options.Extra = "password=ab12"
	f(s, protocols.Command{Name: "engine_stop", ID: 1}, "252581001d000108600000000000160152454c41592c616231322c3123")
	f(s, protocols.Command{Name: "dance"}, "")
	f(s, protocols.Command{Name: "custom"}, "")
	f(s, protocols.Command{Name: "custom", Text: "A#B#"}, "")
	f(s, protocols.Command{Name: "custom", Text: "A\n"}, "")
	f(s, protocols.Command{Name: "custom", Text: strings.Repeat("x", maxCommand+1)}, "")
	f(s, protocols.Command{Name: "interval", Args: args("30", "6#")}, "")
	f(s, protocols.Command{Name: "engine_stop", Args: map[string]string{"password": "1,1#RELAY"}}, "")
	f(protocols.Session{State: "25"}, protocols.Command{Name: "engine_stop"}, "")
	f(protocols.Session{Device: s.Device}, protocols.Command{Name: "engine_stop"}, "")
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
	f("25", protocols.More)
	f("252502", protocols.More)
	f(positionPacket, protocols.Sure)
	f(positionPacket[:30], protocols.Sure)
	f("2424", protocols.No)
	f("2526", protocols.No)
	f("23232c383630", protocols.No) // ##,860
	f("232301fe4c", protocols.No)   // GB/T 32960
	f("252522000f00020860000000000016", protocols.No)
	f("252502000f00021860000000000016", protocols.No)
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

func segments(t testing.TB) (list [][]byte) {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/t800x/*.[tu][cd]p")
	if err != nil || len(paths) < 6 {
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
				t.Fatalf("%q: took %d of %d bytes, %v", stream[:n], m, n, err)
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
					checkEvent(t, &frame.Events[i])
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
		if !common && !own {
			t.Fatalf("attribute %q is not documented", a.Name)
		}
		if _, again := e.Attrs[i+1:].Get(a.Name); again {
			t.Fatalf("attribute %q twice: %s", a.Name, e.AppendJSON(nil))
		}
	}
}

func BenchmarkPosition(b *testing.B) {
	var s protocols.Session
	in := protocols.Input{Bytes: unhex(b, positionPacket), Received: protocols.CaptureTime}
	var f protocols.Frame
	b.ReportAllocs()
	for b.Loop() {
		f.Reset()
		if n, err := protocols.Next(&Protocol, &s, in, &f); n != len(in.Bytes) || err != nil || len(f.Events) != 1 {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkDetect(b *testing.B) {
	first := unhex(b, positionPacket)
	b.ReportAllocs()
	for b.Loop() {
		detect(first, false)
	}
}
