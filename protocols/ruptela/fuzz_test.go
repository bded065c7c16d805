package ruptela

import (
	"bytes"
	"encoding/binary"
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
	paths, _ := filepath.Glob("../../testdata/ruptela/*.[tu][cd]p")
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
		{Device: "860000000000016", Options: protocols.Options{TolerateChecksum: true}},
		{Device: "860000000000016", Options: protocols.Options{Extra: "ignition_input=3"}},
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
		// Beside the bytes as they are, one packet of them with its length and CRC put right.
		streams := [][]byte{b}
		if len(b) >= head && len(b) <= maxLength {
			p := append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
			streams = append(streams, binary.BigEndian.AppendUint16(p, protocols.Kermit.Sum(b)))
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

// TestRandomRecords gives each command payloads of noise, and records whose groups are noise, with a right CRC.
func TestRandomRecords(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 46))
	record := unhex(t, "00010169b51cc4001000d5e0c430ec103d80145069910900000b0007")
	for round := range 6000 {
		payload := make([]byte, random.IntN(200))
		for i := range payload {
			payload[i] = byte(random.Uint32() >> uint(random.IntN(30)))
		}
		command := byte(round)
		if round%2 == 0 {
			command = cmdExtended
			payload = append(bytes.Clone(record), payload...)
		}
		list := sessions()
		data := append(unhex(t, "00030e2a5a81c010"), command)
		data = append(data, payload...)
		p := append(binary.BigEndian.AppendUint16(nil, uint16(len(data))), data...)
		transcript(t, list[random.IntN(len(list))], binary.BigEndian.AppendUint16(p, protocols.Kermit.Sum(data)))
	}
}

// TestTextEnd: a text with a length that is too short is whole wherever the stream is cut, and what follows is found.
func TestTextEnd(t *testing.T) {
	const short = "0011000315A07F440B1D07534554494f20636f6e66696775726174696f6e2064617461206f6b341C"
	stream := unhex(t, short+recordFrame)
	want := transcript(t, protocols.Session{}, stream)
	if n := strings.Count(want, "\n= ") + strings.Count(want, "{\"id\""); n < 2 {
		t.Errorf("%d events of\n%s", n, want)
	}
	for cut := range stream {
		if got := transcript(t, protocols.Session{}, stream[:cut], stream[cut:]); got != want {
			t.Fatalf("cut at %d:\n%s\nwant\n%s", cut, got, want)
		}
	}
}
