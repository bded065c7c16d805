package egts

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
	paths, _ := filepath.Glob("../../testdata/egts/*.[tu][cd]p")
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
	if len(list) < 8 {
		t.Fatalf("%d captures", len(list))
	}
	return list
}

// transcript is what the decoder makes of a stream that comes in pieces; each accepted packet is decoded again by itself, as the journal
// does, and must mean the same.
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
			if n == 0 && err != nil {
				return out.String() + "! " + err.Error()
			}
			if n == 0 {
				break
			}
			if err != nil && s != before {
				t.Fatalf("a refused packet changed the session: %x", rest[:n])
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

// describe checks what holds for every packet and puts it into words.
func describe(t *testing.T, f *protocols.Frame, err error) string {
	t.Helper()
	var out strings.Builder
	if err != nil {
		if errors.Is(err, protocols.ErrGarbage) {
			return "" // how much is passed over at once depends on what is there
		}
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

// sessions are those that make a difference to what a packet means.
func sessions() []protocols.Session {
	return []protocols.Session{
		{},
		{Device: "860000000000016", State: "\x34\x12\x00\x00", Options: protocols.Options{TolerateChecksum: true}},
		{Device: "4660", Options: protocols.Options{Extra: "ignition=3;result_code=7"}},
	}
}

// packet is one packet of a terminal.
func packet(kind byte, data []byte) []byte {
	return seal(append(appendHeader(nil, 2, kind, 7), data...), 0)
}

func FuzzDecode(f *testing.F) {
	for _, c := range readCaptures(f) {
		for _, b := range c.Segments() {
			f.Add(b, uint16(len(b)/2), uint8(len(b)))
			if len(b) > headerSize+sumSize {
				f.Add(b[headerSize:len(b)-sumSize], uint16(9), uint8(1)) // data that is made a packet below
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint16, which uint8) {
		list := sessions()
		s := list[int(which)%len(list)]
		// Beside the bytes as they are, a packet of them with its sums put right.
		streams := [][]byte{b}
		if len(b) > 0 && len(b) <= maxData {
			streams = append(streams, packet(which%4, b))
		}
		for _, b := range streams {
			want := transcript(t, s, b)
			if len(b) > 1 {
				cut := int(at) % len(b)
				if got := transcript(t, s, b[:cut], b[cut:]); got != want {
					t.Fatalf("cut at %d of %x\n%s\nwant\n%s", cut, b, got, want)
				}
			}
			frame := new(protocols.Frame)
			scratch := s
			for rest := b; len(rest) > 0; {
				n, err := protocols.Next(&Protocol, &scratch, protocols.Input{Bytes: rest, Received: protocols.CaptureTime, Final: true}, frame)
				if n == 0 || protocols.Fault(err) == "panic" {
					t.Fatalf("no progress on %x: %v", rest, err)
				}
				rest = rest[n:]
			}
			detectHolds(t, b)
		}
	})
}

// TestRandomRecords gives each service and each subrecord data of noise.
func TestRandomRecords(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 143))
	noise := func(n int) []byte {
		b := make([]byte, random.IntN(n))
		for i := range b {
			b[i] = byte(random.Uint32() >> uint(random.IntN(30)))
		}
		return b
	}
	list := sessions()
	for round := range 6000 {
		var data []byte
		for range 1 + random.IntN(3) {
			at := len(data)
			data = appendRecord(data, uint16(round), byte(1+random.IntN(4)), 2)
			for range random.IntN(6) {
				sub := noise(40)
				kind := byte(random.IntN(32))
				if random.IntN(8) == 0 {
					kind = subCommand
				}
				data = append(append(data, kind, byte(len(sub)), 0), sub...)
			}
			closeRecord(data, at)
			if random.IntN(10) == 0 {
				data[at+4] = byte(random.Uint32())
			}
		}
		transcript(t, list[random.IntN(len(list))], packet(byte(random.IntN(4)), data))
	}
}
