package tk103

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// check feeds a whole input and asserts what holds for any bytes: progress within bounds, values in range, names known, and that each frame
// means the same when it is read again alone.
func check(t *testing.T, s *protocols.Session, in protocols.Input) {
	t.Helper()
	var f, again protocols.Frame
	for rest := in.Bytes; len(rest) > 0; {
		in.Bytes = rest
		f.Reset()
		before := *s
		n, err := protocols.Next(&Protocol, s, in, &f)
		var p *protocols.PanicError
		if errors.As(err, &p) {
			t.Fatalf("panic on %q: %v\n%s", rest, p.Value, p.Stack)
		}
		if n == 0 {
			if in.Final {
				t.Fatalf("no progress on %q: %v", rest, err)
			}
			if len(rest) >= Protocol.MaxFrame {
				t.Fatalf("%d bytes wait for more", len(rest))
			}
			return
		}
		if len(s.State) > 16 || len(f.Reply) > 256 || len(f.Events) > 1 {
			t.Fatalf("state %d, reply %d bytes, %d events", len(s.State), len(f.Reply), len(f.Events))
		}
		for i := range f.Events {
			checkEvent(t, &f.Events[i])
		}
		if err == nil && len(f.Events) > 0 {
			alone := in
			alone.Bytes, alone.Final = rest[:n], true
			again.Reset()
			m, err := protocols.Next(&Protocol, &before, alone, &again)
			if err != nil || m != n || show(&again) != show(&f) {
				t.Fatalf("%q alone: %d bytes, %v\n%s\nwant\n%s", rest[:n], m, err, show(&again), show(&f))
			}
		}
		rest = rest[n:]
	}
}

func show(f *protocols.Frame) string {
	out := fmt.Sprintf("< %q\n", f.Reply)
	for i := range f.Events {
		out += string(f.Events[i].AppendJSON(nil)) + "\n"
	}
	return out
}

func checkEvent(t *testing.T, e *protocols.Event) {
	t.Helper()
	if !(e.Course >= 0 && e.Course < 360) || !(e.Speed >= 0) || e.Time < 0 {
		t.Fatalf("course %v, speed %v, time %v", e.Course, e.Speed, e.Time)
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
		if seen[a.Name] {
			t.Fatalf("attribute %q twice", a.Name)
		}
		seen[a.Name] = true
	}
	if raw := e.AppendJSON(nil); !json.Valid(raw) {
		t.Fatalf("no JSON: %s", raw)
	}
}

// transcript is what the pieces of one stream mean; how much garbage is passed over at once does not count.
func transcript(t *testing.T, pieces ...[]byte) string {
	var s protocols.Session
	var f protocols.Frame
	var out strings.Builder
	var rest []byte
	for _, p := range pieces {
		rest = append(rest, p...)
		used, err := protocols.Drain(&Protocol, &s, protocols.Input{Bytes: rest, Received: protocols.CaptureTime}, &f, func(_ []byte, err error) bool {
			switch {
			case err == nil && (len(f.Reply) > 0 || len(f.Events) > 0):
				out.WriteString(show(&f))
			case err != nil && !errors.Is(err, protocols.ErrGarbage):
				fmt.Fprintf(&out, "! %v\n", err)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		rest = rest[used:]
	}
	return out.String()
}

func FuzzDecode(f *testing.F) {
	paths, err := filepath.Glob("../../testdata/tk103/*.[tu][cd]p")
	if err != nil || len(paths) == 0 {
		f.Fatal("no captures")
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		c, err := protocols.ReadCapture(bytes.NewReader(raw), false)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Join(c.Segments(), nil), uint16(17), false)
		for _, segment := range c.Segments() {
			f.Add(segment, uint16(len(segment)/2), true)
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, at uint16, known bool) {
		for _, in := range []protocols.Input{{Final: true}, {Final: true, Datagram: true}, {}} {
			in.Bytes, in.Received = stream, protocols.CaptureTime
			var s protocols.Session
			if known {
				s = protocols.Session{Device: "860000000000016", State: "c1"}
			}
			check(t, &s, in)
		}
		if len(stream) > 1 && len(stream) < 1<<12 {
			cut := int(at) % len(stream)
			want := transcript(t, stream)
			if got := transcript(t, stream[:cut], stream[cut:]); got != want {
				t.Fatalf("cut at %d of %q\n%s\nwant\n%s", cut, stream, got, want)
			}
		}
		last := protocols.More
		for i := 0; i <= len(stream) && i < 128; i++ {
			v, why := detect(stream[:i], false)
			if (last == protocols.No || last == protocols.Sure) && v != last || why == "" {
				t.Fatalf("%q: %v (%s), after %v", stream[:i], v, why, last)
			}
			last = v
		}
	})
}
