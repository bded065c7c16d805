package atrack

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func readCaptures(t testing.TB) (list []*protocols.Capture) {
	t.Helper()
	paths, _ := filepath.Glob("../../testdata/atrack/*.[tu][cd]p")
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
	if f.Type == "padding" {
		return "" // likewise
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
		{Device: "860000000000016", Options: protocols.Options{TolerateChecksum: true}},
		{Device: "860000000000016", State: "\x04\x02", Options: protocols.Options{Extra: "form=%SA%DT%VN;alarm_2=sos;ignition_input=2;analog_scale=0.5;fuel_text=decimal"}},
	}
}

// binaryPacket is one packet with its length and CRC.
func binaryPacket(data []byte) []byte {
	b := append([]byte("@P\x00\x00"), byte(len(data)>>8), byte(len(data)))
	b = append(b, data...)
	binary.BigEndian.PutUint16(b[2:], protocols.ARC.Sum(b[4:]))
	return b
}

// textPacket is the same in ASCII.
func textPacket(data []byte) []byte {
	tail := fmt.Appendf(nil, ",%d,5,860000000000016,%s", len(data)+len(",5,860000000000016,"), data)
	return fmt.Appendf(nil, "@P,%04X%s", protocols.ARC.Sum(tail), tail)
}

func FuzzDecode(f *testing.F) {
	for _, c := range readCaptures(f) {
		for _, b := range c.Segments() {
			f.Add(b, uint16(len(b)/2), uint8(len(b)))
			if len(b) > overhead {
				f.Add(b[overhead:], uint16(9), uint8(1)) // data that is made a packet below
			}
			if i := bytes.IndexByte(b, '6'); i > 0 && b[2] == ',' {
				f.Add(b[i+2:], uint16(9), uint8(1))
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint16, which uint8) {
		list := sessions()
		s := list[int(which)%len(list)]
		// Beside the bytes as they are, packets of them with length and CRC put right.
		streams := [][]byte{b}
		if len(b) >= headSize && len(b) < maxPacket-100 {
			streams = append(streams, binaryPacket(b), textPacket(b))
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

// TestRandomRecords gives binary records custom fields of noise, announced and not, and ASCII ones values of noise.
func TestRandomRecords(t *testing.T) {
	random := rand.New(rand.NewPCG(50, 62))
	names := slices.Sorted(maps.Keys(keys))
	fixed := unhex(t, binaryFix)[overhead:]
	fixed = fixed[:len(fixed)-len("FULS:F=0291 t=17 N=0901\x00")]
	list := sessions()
	for range 6000 {
		b, form := append(bytes.Clone(fixed), 0), ""
		for range random.IntN(12) {
			form += "%" + names[random.IntN(len(names))]
		}
		noise := make([]byte, random.IntN(150))
		for i := range noise {
			noise[i] = byte(random.Uint32() >> uint(random.IntN(30)))
		}
		if random.IntN(4) > 0 {
			b = append(append(b, "%CI"+form...), 0)
		}
		s := list[random.IntN(len(list))]
		transcript(t, s, binaryPacket(append(b, noise...)))
		line := strings.Replace(asciiFix[strings.Index(asciiFix, "20260314"):], "\r\n", ",%CI"+form, 1)
		for range random.IntN(14) {
			line += fmt.Sprintf(",%d", int64(random.Uint64()>>uint(random.IntN(60)))-7)
		}
		transcript(t, s, textPacket([]byte(line+"\r\n")))
	}
}
