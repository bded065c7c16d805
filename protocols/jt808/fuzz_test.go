package jt808

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func readCaptures(t testing.TB) (list []*protocols.Capture) {
	t.Helper()
	paths, _ := filepath.Glob("../../testdata/jt808/*.[tu][cd]p")
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := protocols.ReadCapture(bytes.NewReader(raw), strings.HasSuffix(path, ".udp"))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		list = append(list, c)
	}
	if len(list) < 10 {
		t.Fatalf("%d captures", len(list))
	}
	return list
}

// transcript is what the decoder makes of a stream that comes in pieces, garbage aside; each accepted frame is decoded again by itself, as
// the journal does, and must mean the same.
func transcript(t *testing.T, s protocols.Session, pieces ...[]byte) string {
	t.Helper()
	var out strings.Builder
	f, again := new(protocols.Frame), new(protocols.Frame)
	var rest []byte
	for _, p := range pieces {
		rest = append(rest, p...)
		for len(rest) > 0 {
			f.Reset()
			before := s
			n, err := protocols.Next(&Protocol, &s, protocols.Input{Bytes: rest, Received: protocols.CaptureTime}, f)
			var broken *protocols.PanicError
			if errors.As(err, &broken) {
				t.Fatalf("panic on %x: %v\n%s", rest, broken.Value, broken.Stack)
			}
			if n == 0 {
				break
			}
			if errors.Is(err, protocols.ErrGarbage) {
				rest = rest[n:]
				continue
			}
			got := describe(t, f, err)
			out.WriteString(got)
			if err == nil {
				again.Reset()
				m, err := protocols.Next(&Protocol, &before, protocols.Input{Bytes: rest[:n], Received: protocols.CaptureTime, Final: true}, again)
				if alone := describe(t, again, err); m != n || alone != got {
					t.Fatalf("%x: by itself %d bytes and\n%s\nin the stream %d and\n%s", rest[:n], m, alone, n, got)
				}
			}
			rest = rest[n:]
		}
	}
	return out.String()
}

// describe checks what holds for every frame and puts it into words.
func describe(t *testing.T, f *protocols.Frame, err error) string {
	t.Helper()
	var out strings.Builder
	if err != nil {
		out.WriteString("! " + err.Error() + "\n")
		if !errors.Is(err, protocols.ErrChecksum) {
			return out.String()
		}
	}
	if len(f.Reply) > 0 {
		out.WriteString("< " + string(f.Reply) + "\n")
	}
	for i := range f.Events {
		e := &f.Events[i]
		if (e.Kind == protocols.Alarm) != (e.Alarm != "") || e.Alarm != "" && protocols.Alarms[e.Alarm] == "" {
			t.Fatalf("kind %v with alarm %q", e.Kind, e.Alarm)
		}
		seen := map[string]bool{}
		for _, a := range e.Attrs {
			_, common := protocols.Dictionary[a.Name]
			_, own := attributes[a.Name]
			if !common && !own && !strings.HasPrefix(a.Name, "io_") {
				t.Fatalf("attribute %q is not documented", a.Name)
			}
			if seen[a.Name] {
				t.Fatalf("attribute %q twice", a.Name)
			}
			seen[a.Name] = true
		}
		raw := e.AppendJSON(nil)
		if !json.Valid(raw) {
			t.Fatalf("no JSON: %s", raw)
		}
		out.Write(raw)
		out.WriteByte('\n')
	}
	return out.String()
}

// sessions are those that make a difference to what a frame means.
func sessions() []protocols.Session {
	return []protocols.Session{
		{},
		{Device: "13912345678", State: "7u--013912345678"},
		{Device: "79410400414001", State: "e---79410400414001"},
		{Options: protocols.Options{Model: "GL100", TolerateChecksum: true}},
		{Options: protocols.Options{Model: "MV710G", Extra: "alarm_16=door;east_bit=true"}},
		{Options: protocols.Options{Model: "JC371", Zone: protocols.Zone{Set: true}}},
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range readCaptures(f) {
		for _, b := range c.Segments() {
			f.Add(b, uint16(len(b)/2), uint8(len(b)))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint16, which uint8) {
		list := sessions()
		s := list[int(which)%len(list)]
		want := transcript(t, s, b)
		if len(b) > 1 {
			cut := int(at) % len(b)
			if got := transcript(t, s, b[:cut], b[cut:]); got != want {
				t.Fatalf("cut at %d of %x\n%s\nwant\n%s", cut, b, got, want)
			}
		}
		frame := new(protocols.Frame)
		rest := b
		for len(rest) > 0 {
			n, err := protocols.Next(&Protocol, &s, protocols.Input{Bytes: rest, Received: protocols.CaptureTime, Final: true}, frame)
			if n == 0 || protocols.Fault(err) == "panic" {
				t.Fatalf("no progress on %x: %v", rest, err)
			}
			rest = rest[n:]
		}
		detectHolds(t, b)
	})
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

// TestRandomBodies gives each message bodies of noise, and locations items of noise, with a right check.
func TestRandomBodies(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 0x808))
	location := unhex(t, "000000000000000301dc89d0073d8aa5000c01c80057260314153045")
	ids := []uint16{0x0001, 0x0002, 0x0104, 0x0107, 0x0108, 0x0200, 0x0201, 0x0210, 0x0301, 0x0302, 0x0303, 0x0500, 0x0700, 0x0701, 0x0702,
		0x0704, 0x0705, 0x0800, 0x0801, 0x0900, 0x0901, 0x1300, 0x2070, 0x5501, 0x5502, 0x6006, 0x8888, 0x1234}
	for round := range 6000 {
		id := ids[round%len(ids)]
		body := make([]byte, random.IntN(120))
		for i := range body {
			body[i] = byte(random.Uint32() >> uint(random.IntN(28)))
		}
		switch random.IntN(3) {
		case 0: // one item whose length fits
			if len(body) >= 2 {
				body[0], body[1] = byte(random.Uint32()), byte(len(body)-2)
			}
			body = append(bytes.Clone(location), body...)
			id = msgLocation
		case 1:
			body = append(bytes.Clone(location[:random.IntN(len(location))]), body...)
			if id == msgTransparent {
				types := []byte{0x40, 0x41, 0x53, 0x54, 0xf0, 0xf3, 0xff}
				body = append([]byte{types[random.IntN(len(types))], 0x26, 3, 0x14, 0x15, 0x30, 0x45, 0, 1, byte(1 + random.IntN(4))}, body...)
			}
		}
		content := []byte{byte(id >> 8), byte(id), byte(len(body) >> 8), byte(len(body)), 1, 0x39, 0x12, 0x34, 0x56, 0x78, 0, 1}
		if compact(id) {
			content = content[:11]
		}
		list := sessions()
		s := list[random.IntN(len(list))]
		s.State = ""
		transcript(t, s, appendFrame(nil, flagStandard, append(content, body...)))
	}
}
