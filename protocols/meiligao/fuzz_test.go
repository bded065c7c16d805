package meiligao

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// check feeds a whole input and asserts what holds for any bytes: no panic, progress within bounds, values in range, names known, and that
// each frame alone means the same again.
func check(t *testing.T, s *protocols.Session, in protocols.Input) {
	t.Helper()
	f, again := new(protocols.Frame), new(protocols.Frame)
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
		if err != nil && *s != before {
			t.Fatalf("a refused frame changed the session: %x: %v", rest[:n], err)
		}
		if s.State != "" || len(f.Reply) > 64 || len(f.Events) > maxReports {
			t.Fatalf("state %q, reply %q", s.State, f.Reply)
		}
		if err == nil {
			alone := before
			again.Reset()
			m, err := protocols.Next(&Protocol, &alone, protocols.Input{Bytes: rest[:n], Received: in.Received, Final: true}, again)
			if m != n || err != nil || describe(f) != describe(again) || alone != *s {
				t.Fatalf("%x alone: %d bytes, %v\n%s\n%s", rest[:n], m, err, describe(f), describe(again))
			}
			for i := range f.Events {
				checkEvent(t, &f.Events[i])
			}
		}
		rest = rest[n:]
	}
}

func describe(f *protocols.Frame) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %x\n", f.Type, f.Reply)
	for i := range f.Events {
		b.Write(append(f.Events[i].AppendJSON(nil), '\n'))
	}
	return b.String()
}

func checkEvent(t *testing.T, e *protocols.Event) {
	t.Helper()
	if !(e.Speed >= 0) || e.Time < 0 && !e.NoTime {
		t.Fatalf("speed %v, time %v", e.Speed, e.Time)
	}
	if _, ok := protocols.Alarms[e.Alarm]; e.Alarm != "" && !ok {
		t.Fatalf("alarm %q is not documented", e.Alarm)
	}
	if (e.Kind == protocols.Alarm) != (e.Alarm != "") || e.Kind == protocols.Position && e.Has&protocols.HasFix == 0 {
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

// transcript is what a stream in pieces means.
func transcript(s protocols.Session, pieces ...[]byte) string {
	f := new(protocols.Frame)
	var out strings.Builder
	var rest []byte
	garbage := 0
	for i, piece := range pieces {
		rest = append(rest, piece...)
		in := protocols.Input{Bytes: rest, Received: protocols.CaptureTime, Final: i == len(pieces)-1}
		used, err := protocols.Drain(&Protocol, &s, in, f, func(raw []byte, err error) bool {
			if errors.Is(err, protocols.ErrGarbage) {
				garbage += len(raw)
				return true
			}
			fmt.Fprintf(&out, "garbage %d; %d bytes, %v %q\n", garbage, len(raw), err, s.Device)
			if garbage = 0; err == nil {
				out.WriteString(describe(f))
			}
			return true
		})
		if err != nil {
			fmt.Fprintf(&out, "ends: %v\n", err)
			return out.String()
		}
		rest = rest[used:]
	}
	return out.String()
}

// detectHolds asserts that a verdict of No or Sure holds for every longer prefix.
func detectHolds(t *testing.T, b []byte) {
	t.Helper()
	for _, datagram := range []bool{false, true} {
		last := protocols.More
		for i := 0; i <= len(b) && i < 600; i++ {
			v, why := detect(b[:i], datagram)
			if (last == protocols.No || last == protocols.Sure) && v != last {
				t.Fatalf("%q: %v, after %v", b[:i], v, last)
			}
			if why == "" {
				t.Fatalf("%q: %v without a reason", b[:i], v)
			}
			last = v
		}
	}
}

// sessions are those that make a difference to what a frame means.
func sessions() []protocols.Session {
	return []protocols.Session{
		{},
		{Device: "13612000000", Options: protocols.Options{Model: "VT400", TolerateChecksum: true, Extra: "ignition=3;server=gw.example:5009"}},
		{Device: "13612000000", Options: protocols.Options{Model: "TK218", TolerateChecksum: true}},
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range readCaptures(f) {
		all := bytes.Join(c.Segments(), nil)
		f.Add(all, uint16(17), uint8(0))
		for i, segment := range c.Segments() {
			f.Add(segment, uint16(len(segment)/2), uint8(i))
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
			if got, want := transcript(s, stream[:cut], stream[cut:]), transcript(s, nil, stream); got != want {
				t.Fatalf("cut at %d of %q\n%s\nwant\n%s", cut, stream, got, want)
			}
		}
		detectHolds(t, stream)
	})
}
