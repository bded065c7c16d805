package galileosky

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// segments are what the devices of the captures sent.
func segments(t testing.TB) (list [][]byte) {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/galileosky/*.[tu][cd]p")
	if err != nil || len(paths) == 0 {
		t.Fatalf("captures: %v, %d", err, len(paths))
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := protocols.ReadCapture(bytes.NewReader(raw), strings.HasSuffix(path, ".udp"))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		list = append(list, c.Segments()...)
	}
	return list
}

// check asserts what holds for any bytes: progress within bounds, a journaled frame that reads the same alone, documented names.
func check(t *testing.T, s protocols.Session, in protocols.Input) {
	t.Helper()
	var f, again protocols.Frame
	for rest := in.Bytes; len(rest) > 0; {
		in.Bytes = rest
		f.Reset()
		before := s
		n, err := protocols.Next(&Protocol, &s, in, &f)
		var p *protocols.PanicError
		if errors.As(err, &p) {
			t.Fatalf("panic on %x: %v\n%s", rest, p.Value, p.Stack)
		}
		if n == 0 {
			if in.Final && err == nil {
				t.Fatalf("no progress on %x", rest)
			}
			return
		}
		if err != nil && s != before {
			t.Fatalf("a refused frame changed the session: %x: %v", rest[:n], err)
		}
		if err == nil {
			journaled := before
			again.Reset()
			alone := in
			alone.Bytes, alone.Final = rest[:n], true
			if n2, err := protocols.Next(&Protocol, &journaled, alone, &again); err != nil || n2 != n || len(again.Events) != len(f.Events) || journaled != s {
				t.Fatalf("%x reads as %d bytes and %d events, alone as %d and %d: %v", rest[:n], n, len(f.Events), n2, len(again.Events), err)
			}
		}
		for i := range f.Events {
			checkEvent(t, &f.Events[i])
			if err == nil && !bytes.Equal(f.Events[i].AppendJSON(nil), again.Events[i].AppendJSON(nil)) {
				t.Fatalf("%x means another thing alone", rest[:n])
			}
		}
		rest = rest[n:]
	}
}

func checkEvent(t *testing.T, e *protocols.Event) {
	t.Helper()
	if e.Has&protocols.HasFix != 0 && !(e.Lat >= -90 && e.Lat <= 90 && e.Lng >= -180 && e.Lng <= 180) {
		t.Fatalf("position %v, %v", e.Lat, e.Lng)
	}
	if !(e.Course >= 0 && e.Course < 360) || !(e.Speed >= 0 && e.Speed < 1e6) || e.HDOP < 0 {
		t.Fatalf("course %v, speed %v, HDOP %v", e.Course, e.Speed, e.HDOP)
	}
	if (e.Kind == protocols.Alarm) != (e.Alarm != "") || e.Alarm != "" && protocols.Alarms[e.Alarm] == "" {
		t.Fatalf("kind %v with alarm %q", e.Kind, e.Alarm)
	}
	seen := map[string]bool{}
	for _, a := range e.Attrs {
		_, common := protocols.Dictionary[a.Name]
		_, own := attributes[a.Name]
		anonymous := strings.HasPrefix(a.Name, "io_")
		if common == own && !anonymous || seen[a.Name] {
			t.Fatalf("attribute %q: common %v, own %v, again %v", a.Name, common, own, seen[a.Name])
		}
		seen[a.Name] = true
	}
	if raw := e.AppendJSON(nil); !json.Valid(raw) {
		t.Fatalf("no JSON: %s", raw)
	}
}

func FuzzDecode(f *testing.F) {
	all := segments(f)
	for _, b := range append(all, bytes.Join(all[:2], nil)) {
		f.Add(b, uint8(0))
	}
	list := []protocols.Session{
		{},
		{Device: "860000000000016"},
		{Device: "1", Options: protocols.Options{TolerateChecksum: true, Extra: "ignition=in2;sos=status"}},
		{Device: "1", Options: protocols.Options{TolerateChecksum: true, Extra: "ignition=status"}},
	}
	f.Fuzz(func(t *testing.T, stream []byte, which uint8) {
		s := list[int(which)%len(list)]
		for _, in := range []protocols.Input{{Final: true}, {Final: true, Datagram: true}, {}} {
			in.Bytes, in.Received = stream, protocols.CaptureTime
			check(t, s, in)
		}
	})
}
