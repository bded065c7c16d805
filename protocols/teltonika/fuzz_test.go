package teltonika

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

// captures returns the segments of every capture.
func captures(t testing.TB) map[string][][]byte {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/teltonika/*.[tu][cd]p")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%v, %d captures", err, len(paths))
	}
	out := map[string][][]byte{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := protocols.ReadCapture(bytes.NewReader(raw), strings.HasSuffix(path, ".udp"))
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(path)] = c.Segments()
	}
	return out
}

// meaning decodes a stream that arrives in pieces and tells all that came of it.
func meaning(pieces [][]byte) string {
	var s protocols.Session
	var f protocols.Frame
	var rest, out []byte
	for i, p := range pieces {
		rest = append(rest, p...)
		in := protocols.Input{Bytes: rest, Received: protocols.CaptureTime, Final: i == len(pieces)-1}
		used, err := protocols.Drain(&Protocol, &s, in, &f, func(raw []byte, err error) bool {
			if f.Type == "keep_alive" {
				return true // as many as came at once
			}
			out = append(out, protocols.Fault(err)...)
			out = append(append(out, f.Reply...), f.Type...)
			for k := range f.Events {
				out = f.Events[k].AppendJSON(out)
			}
			return true
		})
		if err != nil {
			return string(out) + " lost " + protocols.Fault(err)
		}
		rest = rest[used:]
	}
	return string(out) + s.Device + s.State
}

// Cut anywhere, or glued together, a stream means the same.
func TestCutAnywhere(t *testing.T) {
	for name, segments := range captures(t) {
		all := bytes.Join(segments, nil)
		want := meaning([][]byte{all})
		if got := meaning(segments); got != want {
			t.Errorf("%s: segments mean\n%s\nglued they mean\n%s", name, got, want)
		}
		single := make([][]byte, len(all))
		for i := range all {
			single[i] = all[i : i+1]
		}
		if got := meaning(single); got != want {
			t.Errorf("%s: byte by byte means\n%s\nwant\n%s", name, got, want)
		}
		for cut := 1; cut < len(all); cut += 1 + len(all)/64 {
			if got := meaning([][]byte{all[:cut], all[cut:]}); got != want {
				t.Errorf("%s cut at %d: means\n%s\nwant\n%s", name, cut, got, want)
			}
		}
	}
}

// sane holds what is true of every event.
func sane(t *testing.T, f *protocols.Frame) {
	t.Helper()
	for i := range f.Events {
		e := &f.Events[i]
		if e.Has&protocols.HasFix != 0 && !(e.Lat >= -90 && e.Lat <= 90 && e.Lng >= -180 && e.Lng <= 180) {
			t.Fatalf("at %v, %v", e.Lat, e.Lng)
		}
		if e.Time < 0 || e.Time > maxTime || e.Course < 0 || e.Course >= 360 {
			t.Fatalf("time %d, course %v", e.Time, e.Course)
		}
		if out := e.AppendJSON(nil); !json.Valid(out) {
			t.Fatalf("no JSON: %s", out)
		}
		if _, known := protocols.Alarms[e.Alarm]; !known && e.Alarm != "" {
			t.Fatalf("%q is no alarm", e.Alarm)
		}
		for n, a := range e.Attrs {
			if _, again := e.Attrs[n+1:].Get(a.Name); again {
				t.Fatalf("attribute %s comes twice", a.Name)
			}
			_, common := protocols.Dictionary[a.Name]
			if _, own := Protocol.Attributes[a.Name]; !common && !own && !strings.HasPrefix(a.Name, "io_") {
				t.Fatalf("attribute %s is not documented", a.Name)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, segments := range captures(f) {
		f.Add(bytes.Join(segments, nil), false, uint8(0))
		for _, s := range segments {
			f.Add(s, true, uint8(1))
		}
	}
	f.Add(avlPacket(codec8E, wideRecord(1, 548, []byte("\x01\xff\x00\xff\x01"))), false, uint8(2))
	models := []string{"", "fmx6", "tat", "gh"}
	f.Fuzz(func(t *testing.T, b []byte, whole bool, model uint8) {
		if len(b) > Protocol.MaxFrame {
			return
		}
		s := protocols.Session{Device: testIMEI, Options: protocols.Options{Model: models[int(model)%len(models)]}}
		var frame protocols.Frame
		in := protocols.Input{Bytes: b, Received: protocols.CaptureTime, Datagram: whole, Final: whole}
		for steps := 0; len(in.Bytes) > 0; steps++ {
			before := s
			frame.Reset()
			n, err := protocols.Next(&Protocol, &s, in, &frame)
			var panicked *protocols.PanicError
			if errors.As(err, &panicked) {
				t.Fatalf("%v\n%s", panicked, panicked.Stack)
			}
			if n < 0 || n > len(in.Bytes) {
				t.Fatalf("took %d of %d bytes", n, len(in.Bytes))
			}
			if errors.Is(err, protocols.ErrChecksum) && s != before {
				t.Fatalf("learnt from a bad checksum: %+v, was %+v", s, before)
			}
			if err != nil && !errors.Is(err, protocols.ErrChecksum) && len(frame.Events) != 0 {
				t.Fatalf("%d events of a refused frame: %v", len(frame.Events), err)
			}
			if len(frame.Events) > 255 || len(s.State) > protocols.MaxState {
				t.Fatalf("%d events, state of %d bytes", len(frame.Events), len(s.State))
			}
			sane(t, &frame)
			if n == 0 {
				break
			}
			in.Bytes = in.Bytes[n:]
		}
	})
}

// Packets whose CRC is right and whose groups are random are read or refused, within bounds.
func TestRandomGroups(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	codecs := []byte{codec8, codec8E, codec16, codecGH, codec12, codec13, codec14, codec15, 0x42}
	var read int
	for range 20_000 {
		codec := codecs[random.IntN(len(codecs))]
		data := []byte{codec, byte(random.IntN(4))}
		for range random.IntN(120) {
			x := byte(random.Uint32())
			switch random.IntN(4) {
			case 0:
				x = 0
			case 1:
				x = byte(random.IntN(4))
			case 2:
				x = 0xff
			}
			data = append(data, x)
		}
		data = append(data, data[1])
		s := protocols.Session{Device: testIMEI}
		n, f, err := next(&s, framed(data))
		var panicked *protocols.PanicError
		if errors.As(err, &panicked) {
			t.Fatalf("%x: %v\n%s", data, panicked, panicked.Stack)
		}
		if n != len(data)+packetOverhead {
			t.Fatalf("%x: took %d, %v", data, n, err)
		}
		if err == nil {
			read++
		}
		sane(t, &f)
	}
	if read == 0 {
		t.Error("none could be read")
	}
}

// Counts and lengths that lie make no allocation of their size.
func TestLyingCounts(t *testing.T) {
	head := newRecord(1780315200000).b[:causeAt]
	for name, rest := range map[string]string{
		"255 elements":         "00ffff",
		"65535 elements":       "0000ffffffff",
		"65535 long elements":  "00000000000000000000000000ffff",
		"a length of 65535":    "000000010000000000000000000101000000ffff",
		"a list within a list": "0000000100000000000000000001022400050" + "1ff00ff00",
	} {
		for _, codec := range []byte{codec8, codec16, codec8E} {
			b := avlPacket(codec, append(bytes.Clone(head), unhex(t, rest)...))
			s := protocols.Session{Device: testIMEI}
			var f protocols.Frame
			in := protocols.Input{Bytes: b, Received: protocols.CaptureTime}
			if allocs := testing.AllocsPerRun(10, func() { f.Reset(); protocols.Next(&Protocol, &s, in, &f) }); allocs > 40 {
				t.Errorf("%s, codec %02x: %v allocations", name, codec, allocs)
			}
		}
	}
}

// A steady stream makes no garbage.
func TestNoAllocations(t *testing.T) {
	b := avlPacket(codec8, typicalRecord(1780315200000), typicalRecord(1780315201000))
	periodic := avlPacket(codec8, simpleRecord(1780315200000, 252, 0, 249, 0).b)
	s := protocols.Session{Device: testIMEI}
	var f protocols.Frame
	for name, b := range map[string][]byte{"typical": b, "alarm elements": periodic} {
		in := protocols.Input{Bytes: b, Received: protocols.CaptureTime}
		decode := func() {
			f.Reset()
			if _, err := protocols.Next(&Protocol, &s, in, &f); err != nil {
				t.Fatal(err)
			}
		}
		decode()
		if allocs := testing.AllocsPerRun(200, decode); allocs >= 1 {
			t.Errorf("%s: %v allocations for a packet", name, allocs)
		}
	}
}
