package eelink

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

const (
	loginPackage    = "6767010018000108600000000000160120020101050001007800501234"
	locationPackage = "6767120035000269b51c97030359c4dd0d085ff6000c002d00570a01cc000018c40a3f25b146078f100404dd00000012d6440005000600640014"
	twoInDatagram   = "454c003dba2408600000000000166767030004000201876767120025000369b51c97030359c4dd0d085ff6000c002d00570a01cc000018c40a3f25b146078f1004"
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
	n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: b, Received: protocols.CaptureTime, Final: true}, f)
	if n != len(b) {
		t.Fatalf("%s: took %d of %d bytes: %v", text, n, len(b), err)
	}
	return f, err
}

func TestChecksum(t *testing.T) {
	f := func(b string, want uint16) {
		t.Helper()
		if got := checksum([]byte(b)); got != want {
			t.Errorf("%q: %04x, want %04x", b, got, want)
		}
	}
	f("", 0)
	f("\x01\x02\x03", 0x000b)
	f("123456789", 0x63c5)
	f("\x80\x00\x00\x00\x00\x00\x00\x00\x00", 0x8000)
	f("\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00", 0x0001) // bit 15 comes back in
}

func TestAnswers(t *testing.T) {
	f := func(packet, want string) {
		t.Helper()
		s := protocols.Session{Device: "860000000000016"}
		frame, err := one(t, &s, packet)
		if got := hex.EncodeToString(frame.Reply); err != nil || got != want {
			t.Errorf("%s: %s, want %s: %v", packet, got, want, err)
		}
	}
	f(loginPackage, "67670100090001"+"6a1d7440"+"000100") // 2026-06-01 12:00:00
	f("676703000400010187", "67670300020001")
	f("6767140019000169b51c9701fc6952c0f86b049802080000000009020001", "67671400020001")
	f("6767020025000169b51c970359c4dd0d085ff62d005701cc000018c40051790101861004001400000000", "")
	f("67678000080001010000000141", "")
	f("676781000300014f", "")
	f("67671300020001", "")
	f("67671f000300014f", "67671f00020001")
	f(twoInDatagram, "454c0018"+"1be4"+"0860000000000016"+"67670300020002"+"67671200020003")
	f("454c0013 c849 0860000000000016 676703000400020187", "454c001131e8086000000000001667670300020002")
}

// TestIdentity: the login names the device, over TCP alone; a datagram names it itself, and then commands take its way.
func TestIdentity(t *testing.T) {
	var s protocols.Session
	if f, err := one(t, &s, locationPackage); err != nil || len(f.Events) != 1 || f.Events[0].Device != "" || s != (protocols.Session{}) {
		t.Errorf("before the login: %+v, %v", s, err)
	}
	for range 2 {
		if f, err := one(t, &s, loginPackage); err != nil || len(f.Events) != 0 || len(f.Reply) != 14 || s != (protocols.Session{Device: "860000000000016"}) {
			t.Errorf("login: %+v, %v", s, err)
		}
	}
	if f, err := one(t, &s, locationPackage); err != nil || f.Events[0].Device != "860000000000016" {
		t.Errorf("after the login: %v", err)
	}
	s = protocols.Session{}
	if f, err := one(t, &s, twoInDatagram); err != nil || len(f.Events) != 2 || s != (protocols.Session{Device: "860000000000016", State: viaUDP}) {
		t.Errorf("datagram: %+v, %v", s, err)
	}
}

func TestRefused(t *testing.T) {
	f := func(text string, want error) {
		t.Helper()
		s := protocols.Session{Device: "860000000000024"}
		before := s
		frame, err := one(t, &s, text)
		if !errors.Is(err, want) || s != before || len(frame.Reply) > 0 {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	f("67670300010001", protocols.ErrGarbage)                                      // a size that is too small
	f("67671210010001", protocols.ErrGarbage)                                      // and too large
	f("6767200002", protocols.ErrGarbage)                                          // no PID
	f("6767000002", protocols.ErrGarbage)                                          //
	f("676712", protocols.ErrGarbage)                                              // not even a head
	f(locationPackage[:60], protocols.ErrMalformed)                                // cut off
	f("6767010006000108600000", protocols.ErrMalformed)                            // login without an IMEI
	f("676701000a000108600000000000a6", protocols.ErrMalformed)                    // with a letter in it
	f("676701000a00010000000000000000", protocols.ErrMalformed)                    // of zeros
	f("454c000e000008600000000000160000"+"0000", protocols.ErrMalformed)           // a datagram without a package
	f("454c0013b8f100000000000000006767030004000201"+"87", protocols.ErrMalformed) // of nobody
	f(twoInDatagram[:60], protocols.ErrMalformed)
}

// TestWrongChecksum: a datagram says what it says, and changes nothing unless the operator tolerates it.
func TestWrongChecksum(t *testing.T) {
	bad := strings.Replace(twoInDatagram, "ba24", "ba25", 1)
	var s protocols.Session
	f, err := one(t, &s, bad)
	if !errors.Is(err, protocols.ErrChecksum) || s != (protocols.Session{}) || len(f.Events) != 2 || len(f.Reply) == 0 {
		t.Errorf("%+v, %d events: %v", s, len(f.Events), err)
	}
	s.Options.TolerateChecksum = true
	f, err = one(t, &s, bad)
	if err != nil || s.Device != "860000000000016" || len(f.Events) != 2 {
		t.Fatalf("%+v, %d events: %v", s, len(f.Events), err)
	}
	for i := range f.Events {
		if a, _ := f.Events[i].Attrs.Get("checksum_ok"); a.Name == "" {
			t.Errorf("event %d is not marked", i)
		}
	}
}

// TestIdentityOfRecords: a package sent again has another sequence number and is the same record; another content is another.
func TestIdentityOfRecords(t *testing.T) {
	id := func(text string) string {
		f, err := one(t, &protocols.Session{Device: "860000000000016"}, text)
		if err != nil || len(f.Events) != 1 {
			t.Fatal(text, err)
		}
		return f.Events[0].ID()
	}
	first := id(locationPackage)
	if again := id(strings.Replace(locationPackage, "00350002", "00350009", 1)); again != first {
		t.Errorf("%s, want %s", again, first)
	}
	if other := id(strings.Replace(locationPackage, "12d644", "12d645", 1)); other == first {
		t.Error("another odometer, the same id")
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
		back, err := one(t, &protocols.Session{}, want)
		if err != nil || len(back.Events) != 1 {
			t.Fatalf("%x is not one package: %v", b, err)
		}
		words, _ := back.Events[0].Attrs.Get("result")
		if text, _ := words.Text(); strings.Count(text, "#") != 1 || text[len(text)-1] != '#' {
			t.Errorf("%q is not one command", text)
		}
		if id, _ := back.Events[0].Attrs.Get("command_id"); c.ID != 0 {
			if v, _ := id.Float(); uint32(v) != c.ID {
				t.Errorf("%x: command %v, want %d", b, v, c.ID)
			}
		}
	}
	s := protocols.Session{Device: "860000000000016"}
	f(s, protocols.Command{Name: "position", ID: 1}, "676780000d00010100000001574845524523")
	f(s, protocols.Command{Name: "engine_stop", ID: 3}, "676780000f0003010000000352454c41592c3123")
	f(s, protocols.Command{Name: "engine_resume", ID: 2}, "676780000f0002010000000252454c41592c3023")
	f(s, protocols.Command{Name: "reboot", ID: 2}, "676780000d00020100000002524553455423")
	f(s, protocols.Command{Name: "custom", Text: "A", ID: 1<<16 + 2}, "6767800009000201000100024123")
	f(s, protocols.Command{Name: "custom", Text: "A#", ID: 2}, "6767800009000201000000024123")
	udp := protocols.Session{Device: "123456789012345", State: viaUDP}
	f(udp, protocols.Command{Name: "engine_stop"}, "454c001eb41a0123456789012345676780000f0000010000000052454c41592c3123")
	f(protocols.Session{State: viaUDP}, protocols.Command{Name: "reboot", ID: 2}, "")
	f(s, protocols.Command{Name: "dance"}, "")
	f(s, protocols.Command{Name: "custom"}, "")
	f(s, protocols.Command{Name: "custom", Text: "#"}, "")
	f(s, protocols.Command{Name: "custom", Text: "A#B"}, "")
	f(s, protocols.Command{Name: "custom", Text: "A\n"}, "")
	f(s, protocols.Command{Name: "custom", Text: strings.Repeat("x", maxCommand+1)}, "")
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
	f("67", protocols.More)
	f("6767", protocols.More)
	f("676701", protocols.More)
	f(loginPackage[:20], protocols.More)
	f(loginPackage, protocols.Sure)
	f("676712003500", protocols.More)
	f(locationPackage, protocols.Sure)
	f(twoInDatagram, protocols.Sure)
	f(twoInDatagram[:30], protocols.More)
	f("6768", protocols.No)
	f("676720", protocols.No)
	f("676713", protocols.No)
	f("67671211", protocols.No)
	f("676701000600010860000000", protocols.No)
	f("676701000a0001086a", protocols.No)
	f("454d", protocols.No)
	f("454c0009", protocols.No)
	f("454c003dba2418", protocols.No)
	f(twoInDatagram[:28]+"6768", protocols.No)
	f(twoInDatagram[:28]+"676713", protocols.No)
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

// TestShortContents cuts the content of each captured package at each byte: what is there is kept, and nothing fails.
func TestShortContents(t *testing.T) {
	for _, b := range segments(t) {
		if n, _ := plausiblePackage(b); n != len(b) || b[2] == pidLogin {
			continue
		}
		for cut := packageHead; cut <= len(b); cut++ {
			p := bytes.Clone(b[:cut])
			p[3], p[4] = byte((cut-5)>>8), byte(cut-5)
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

// TestRandomContents gives each PID a content of noise.
func TestRandomContents(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for pid := range names {
		for range 20 {
			if (pid&^0x1f != 0 && pid&^0x0f != 0x80) || pid == pidLogin || pid == 0 {
				continue
			}
			n := random.IntN(200)
			p := []byte{0x67, 0x67, byte(pid), 0, byte(n + 2), 0, 1}
			for range n {
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

func segments(t testing.TB) (list [][]byte) {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/eelink/*.[tu][cd]p")
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
	if e.Course < 0 || e.Course >= 360 || e.Speed < 0 || (e.Kind == protocols.Alarm) != (e.Alarm != "") || e.FP == 0 ||
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

func BenchmarkLocation(b *testing.B) {
	s := protocols.Session{Device: "860000000000016"}
	in := protocols.Input{Bytes: unhex(b, locationPackage), Received: protocols.CaptureTime}
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
	for _, text := range []string{loginPackage, twoInDatagram} {
		b.Run(fmt.Sprintf("%.4s", text), func(b *testing.B) {
			first := unhex(b, text)
			b.ReportAllocs()
			for b.Loop() {
				detect(first, false)
			}
		})
	}
}
