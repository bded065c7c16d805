package gt06

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// maxStateOf bounds what a device can make a session hold.
const maxStateOf = atPhoto + 24

// check feeds a whole input and asserts what holds for any bytes: no panic, progress within bounds, values in range, names known,
// nothing accepted with a wrong checksum.
func check(t *testing.T, s *protocols.Session, in protocols.Input) {
	t.Helper()
	f := new(protocols.Frame)
	rest := in.Bytes
	for len(rest) > 0 {
		in.Bytes = rest
		f.Reset()
		before := *s
		n, err := protocols.Next(&Protocol, s, in, f)
		var p *protocols.PanicError
		if errors.As(err, &p) {
			t.Fatalf("panic on %x: %v\n%s", rest, p.Value, p.Stack)
		}
		if n == 0 {
			if in.Final {
				t.Fatalf("no progress on %x: %v", rest, err)
			}
			return
		}
		if err != nil {
			if *s != before {
				t.Fatalf("a refused frame changed the session: %x: %v", rest[:n], err)
			}
			if !errors.Is(err, protocols.ErrChecksum) && len(f.Events)+len(f.Reply) > 0 && protocols.Fault(err) != "malformed" {
				t.Fatalf("%x: %v with events", rest[:n], err)
			}
		}
		if len(s.State) > maxStateOf || len(f.Reply) > 512 || len(f.Events) > 1 {
			t.Fatalf("state %d, reply %d bytes, %d events", len(s.State), len(f.Reply), len(f.Events))
		}
		for i := range f.Events {
			checkEvent(t, &f.Events[i])
		}
		rest = rest[n:]
	}
}

func checkEvent(t *testing.T, e *protocols.Event) {
	t.Helper()
	if e.Has&protocols.HasFix != 0 && !(e.Lat >= -90 && e.Lat <= 90 && e.Lng >= -180 && e.Lng <= 180) {
		t.Fatalf("position %v, %v", e.Lat, e.Lng)
	}
	if !(e.Course >= 0 && e.Course < 360) || !(e.Speed >= 0 && e.Speed <= 0xffff) || e.Time < 0 {
		t.Fatalf("course %v, speed %v, time %v", e.Course, e.Speed, e.Time)
	}
	if _, ok := protocols.Alarms[e.Alarm]; e.Alarm != "" && !ok {
		t.Fatalf("alarm %q is not documented", e.Alarm)
	}
	if (e.Kind == protocols.Alarm) != (e.Alarm != "") {
		t.Fatalf("kind %v with alarm %q", e.Kind, e.Alarm)
	}
	seen := map[string]bool{}
	for _, a := range e.Attrs {
		_, common := protocols.Dictionary[a.Name]
		_, own := attributes[a.Name]
		if !common && !own && !strings.HasPrefix(a.Name, "io_") {
			t.Fatalf("attribute %q is not documented", a.Name)
		}
		if common && own && a.Name != "rssi" { // whose scale is the protocol's to say
			t.Fatalf("attribute %q is documented twice", a.Name)
		}
		if seen[a.Name] {
			t.Fatalf("attribute %q twice", a.Name)
		}
		seen[a.Name] = true
	}
	if raw := e.AppendJSON(nil); !json.Valid(raw) {
		t.Fatalf("no JSON: %s", raw)
	}
}

// sessions are those that make a difference to what a frame means.
func sessions() []protocols.Session {
	return []protocols.Session{
		{},
		{Device: "123456789012345", State: "-10003201-0"},
		{Device: "123456789012345", State: "-10003201u6" + "20e3acd3000005dc00000000"},
		{Device: "123456789012345", State: "t---------0"},
		{Device: "123456789012345", Options: protocols.Options{Model: "SEEWORLD", TolerateChecksum: true}},
		{Device: "123456789012345", Options: protocols.Options{Model: "LW4G", Extra: "alarm_a7=door;card_verdict=accept"}},
		{Device: "123456789012345", Options: protocols.Options{Model: "QH302R", Zone: protocols.Zone{Set: true, Seconds: -3600}}},
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range readCaptures(f) {
		f.Add(bytes.Join(c.Segments(), nil), uint16(17), uint8(0))
		for _, segment := range c.Segments() {
			f.Add(segment, uint16(len(segment)/2), uint8(len(segment)))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, at uint16, which uint8) {
		list := sessions()
		s := list[int(which)%len(list)]
		for _, in := range []protocols.Input{{Final: true}, {Final: true, Datagram: true}, {}} {
			in.Bytes, in.Received = stream, protocols.CaptureTime
			scratch := s
			check(t, &scratch, in)
		}
		if len(stream) > 1 && len(stream) < 1<<12 {
			cut := int(at) % len(stream)
			want := transcript(t, s.Options, protocols.CaptureTime, stream)
			if got := transcript(t, s.Options, protocols.CaptureTime, stream[:cut], stream[cut:]); got != want {
				t.Fatalf("cut at %d of %x\n%s\nwant\n%s", cut, stream, got, want)
			}
		}
		detectHolds(t, stream)
	})
}

// detectHolds asserts that a verdict of No or Sure holds for every longer prefix.
func detectHolds(t *testing.T, b []byte) {
	t.Helper()
	last := protocols.More
	for i := 0; i <= len(b) && i < 600; i++ {
		v, why := detect(b[:i], false)
		if (last == protocols.No || last == protocols.Sure) && v != last {
			t.Fatalf("%x: %v, after %v", b[:i], v, last)
		}
		if why == "" {
			t.Fatalf("%x: %v without a reason", b[:i], v)
		}
		last = v
	}
}

// TestCutINFO cuts INFO of each captured frame at each byte, in both forms of the frame and with a right checksum.
func TestCutINFO(t *testing.T) {
	for _, c := range readCaptures(t) {
		for _, b := range c.Segments() {
			m, _, err := next(false, b, true)
			if err != nil || m.form == bare || len(m.info) > 300 {
				continue
			}
			for cut := range len(m.info) + 1 {
				for _, s := range sessions() {
					for _, long := range []bool{m.form == extended, m.form != extended && cut < 200} {
						frame := appendFrame(nil, long, m.number, m.info[:min(cut, 250)], 1)
						check(t, &s, protocols.Input{Bytes: frame, Received: protocols.CaptureTime, Final: true})
					}
				}
			}
		}
	}
}

// TestRandomINFO gives each number INFO of noise and of noise behind a plausible start, with a right checksum.
func TestRandomINFO(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	info := make([]byte, 251)
	for number := range 256 {
		for range 60 {
			for i := range info {
				info[i] = byte(random.Uint32() >> uint(random.IntN(24)))
			}
			if random.IntN(2) == 0 {
				copy(info[random.IntN(2)*random.IntN(16):], []byte{0x18, 7, 15, 9, 30, 5, 0xcb, 5, 0x86, 0x82, 0x4c, 0, 3, 0x6c, 0x18, 42, 0x1d, 0x0f})
			}
			n := random.IntN(len(info))
			list := sessions()
			s := list[random.IntN(len(list))]
			check(t, &s, protocols.Input{Bytes: appendFrame(nil, random.IntN(2) == 0, byte(number), info[:n], 1), Received: protocols.CaptureTime, Final: true})
			bareFrame := append(append([]byte{0x78, 0x78, byte(n), byte(number)}, info[:n]...), 0x0d, 0x0a)
			check(t, &s, protocols.Input{Bytes: bareFrame, Received: protocols.CaptureTime, Final: true})
		}
	}
}

// TestNestedCountsAtMaximum: counts inside a message that promise more than there is.
func TestNestedCountsAtMaximum(t *testing.T) {
	full := bytes.Repeat([]byte{0xff}, 250)
	for number := range 256 {
		for n := range full {
			s := protocols.Session{Device: "1"}
			check(t, &s, protocols.Input{Bytes: appendFrame(nil, n%2 == 0, byte(number), full[:n], 1), Received: protocols.CaptureTime, Final: true})
		}
	}
	// Many modules in the largest frame: what is beyond the limit is kept as it is.
	many := bytes.Repeat([]byte{0x12, 0x34, 0, 0}, 2000)
	s := protocols.Session{Device: "1"}
	f, err := one(t, &s, appendFrame(nil, true, msgModules, many, 1), protocols.CaptureTime)
	if err != nil || len(f.Events) != 1 || len(f.Events[0].Attrs) > maxModules+8 {
		t.Fatalf("%v, %d attributes", err, len(f.Events[0].Attrs))
	}
}
