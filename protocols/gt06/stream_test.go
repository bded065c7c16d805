package gt06

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// readCaptures reads the captures of testdata/gt06 by file name.
func readCaptures(t testing.TB) map[string]*protocols.Capture {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/gt06/*.[tu][cd]p")
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d captures: %v", len(paths), err)
	}
	list := map[string]*protocols.Capture{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := protocols.ReadCapture(bytes.NewReader(raw), strings.HasSuffix(path, ".udp"))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		list[filepath.Base(path)] = c
	}
	return list
}

// options are what the capture's registry says.
func options(t testing.TB, c *protocols.Capture) (o protocols.Options) {
	t.Helper()
	for _, l := range c.Lines {
		if rest, ok := strings.CutPrefix(l.Text, "options "); l.Mark == '@' && ok {
			var err error
			if o, err = protocols.ParseOptions(strings.Fields(rest)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return o
}

// transcript feeds a stream in pieces and says all that came out: events, answers, refusals, bytes passed over. Garbage may be passed over in
// one step or in several, so only its amount counts.
func transcript(t testing.TB, o protocols.Options, received protocols.Millis, pieces ...[]byte) string {
	t.Helper()
	s := protocols.Session{Options: o}
	f := new(protocols.Frame)
	var out strings.Builder
	var rest []byte
	garbage := 0
	for i, piece := range pieces {
		rest = append(rest, piece...)
		in := protocols.Input{Bytes: rest, Received: received, Final: i == len(pieces)-1}
		used, err := protocols.Drain(&Protocol, &s, in, f, func(raw []byte, err error) bool {
			if errors.Is(err, protocols.ErrGarbage) {
				garbage += len(raw)
				return true
			}
			fmt.Fprintf(&out, "garbage %d; %d bytes, %v, %s %x, %q %q\n", garbage, len(raw), err, f.Type, f.Reply, s.Device, s.State)
			garbage = 0
			if err == nil {
				for i := range f.Events {
					out.Write(f.Events[i].AppendJSON(nil))
					out.WriteByte('\n')
				}
			}
			return true
		})
		if err != nil {
			t.Fatalf("stream lost: %v", err)
		}
		rest = append([]byte(nil), rest[used:]...)
	}
	fmt.Fprintf(&out, "garbage %d, left %d\n", garbage, len(rest))
	return out.String()
}

// TestCuts: a stream means the same wherever it is cut.
func TestCuts(t *testing.T) {
	for name, c := range readCaptures(t) {
		if c.Datagram {
			continue
		}
		o := options(t, c)
		stream := bytes.Join(c.Segments(), nil)
		want := transcript(t, o, protocols.CaptureTime, stream)
		if got := transcript(t, o, protocols.CaptureTime, c.Segments()...); got != want {
			t.Errorf("%s: in segments\n%s\nwant\n%s", name, got, want)
		}
		dribble := make([][]byte, len(stream))
		for i := range stream {
			dribble[i] = stream[i : i+1]
		}
		if got := transcript(t, o, protocols.CaptureTime, dribble...); got != want {
			t.Errorf("%s: byte by byte\n%s\nwant\n%s", name, got, want)
		}
		step := 1 + len(stream)/1500
		for i := 1; i < len(stream); i += step {
			if got := transcript(t, o, protocols.CaptureTime, stream[:i], stream[i:]); got != want {
				t.Fatalf("%s: cut at %d\n%s\nwant\n%s", name, i, got, want)
			}
		}
	}
}

// TestDamagedStreams: likewise for streams of frames that lost, gained and changed bytes.
func TestDamagedStreams(t *testing.T) {
	var frames [][]byte
	for _, c := range readCaptures(t) {
		for _, segment := range c.Segments() {
			if len(segment) < 300 {
				frames = append(frames, segment)
			}
		}
	}
	slices.SortFunc(frames, bytes.Compare)
	random := rand.New(rand.NewPCG(3, 4))
	for range 400 {
		var stream []byte
		for range 1 + random.IntN(12) {
			b := bytes.Clone(frames[random.IntN(len(frames))])
			for range random.IntN(3) {
				switch at := random.IntN(len(b)); random.IntN(4) {
				case 0:
					b[at] ^= 1 << random.IntN(8)
				case 1:
					b = slices.Delete(b, at, min(len(b), at+1+random.IntN(4)))
				case 2:
					b = slices.Insert(b, at, 0x78, 0x78)
				case 3:
					b = slices.Insert(b, at, 0x0d, 0x0a)
				}
				if len(b) == 0 {
					break
				}
			}
			stream = append(stream, b...)
		}
		if len(stream) == 0 {
			continue
		}
		var o protocols.Options
		want := transcript(t, o, protocols.CaptureTime, stream)
		for range 8 {
			a, b := random.IntN(len(stream)+1), random.IntN(len(stream)+1)
			a, b = min(a, b), max(a, b)
			if got := transcript(t, o, protocols.CaptureTime, stream[:a], stream[a:b], stream[b:]); got != want {
				t.Fatalf("%x\ncut at %d and %d\n%s\nwant\n%s", stream, a, b, got, want)
			}
		}
	}
}

// TestFrameIsReadWithItsLastByte: a device waits for its answer, so a whole frame is never held back for what may follow.
func TestFrameIsReadWithItsLastByte(t *testing.T) {
	f := new(protocols.Frame)
	for name, c := range readCaptures(t) {
		if name == "damaged.tcp" {
			continue
		}
		s := protocols.Session{Options: options(t, c)}
		for _, frame := range c.Segments() {
			for i := range frame {
				f.Reset()
				scratch := s
				n, err := protocols.Next(&Protocol, &scratch, protocols.Input{Bytes: frame[:i], Received: protocols.CaptureTime}, f)
				if n != 0 && !c.Datagram || n == 0 && err != nil {
					t.Errorf("%s: %x: took %d of its first %d bytes: %v", name, frame, n, i, err)
				}
			}
			f.Reset()
			n, err := protocols.Next(&Protocol, &s, protocols.Input{Bytes: frame, Received: protocols.CaptureTime}, f)
			if n != len(frame) && !c.Datagram {
				t.Errorf("%s: took %d of %d bytes of %x: %v", name, n, len(frame), frame, err)
			}
		}
	}
}

// TestBadChecksumTeachesNothing: a frame whose checksum is wrong gives events and answer for show, leaves the session alone, and is an
// error; where the operator tolerates it, it is none and says so.
func TestBadChecksumTeachesNothing(t *testing.T) {
	frame := unhex(t, loginFrame)
	frame[len(frame)-3] ^= 1
	s := protocols.Session{}
	f, err := one(t, &s, frame, protocols.CaptureTime)
	if !errors.Is(err, protocols.ErrChecksum) || s != (protocols.Session{}) || len(f.Reply) == 0 {
		t.Errorf("login: %v, session %+v, reply %x", err, s, f.Reply)
	}
	frame = unhex(t, locationFrame)
	frame[len(frame)-3] ^= 1
	if f, err = one(t, &s, frame, protocols.CaptureTime); !errors.Is(err, protocols.ErrChecksum) || len(f.Events) != 1 || len(f.Reply) == 0 {
		t.Errorf("location: %v, %d events, reply %x", err, len(f.Events), f.Reply)
	}
	s.Options.TolerateChecksum = true
	f, err = one(t, &s, frame, protocols.CaptureTime)
	if err != nil || len(f.Events) != 1 {
		t.Fatalf("tolerated: %v, %d events", err, len(f.Events))
	}
	if a, _ := f.Events[0].Attrs.Get("checksum_ok"); a.Name == "" {
		t.Error("tolerated: no checksum_ok")
	}
}

// TestRepetitionIsTheSameRecord: serial number, checksum and re-upload mark do not tell two records apart; the content does.
func TestRepetitionIsTheSameRecord(t *testing.T) {
	s := protocols.Session{Device: "752533678900242"}
	info := unhex(t, locationFrame)[4:33]
	id := func(info []byte, serial uint16) string {
		f, err := one(t, &s, appendFrame(nil, false, msgGPSLBSTail, info, serial), protocols.CaptureTime)
		if err != nil {
			t.Fatal(err)
		}
		return f.Events[0].ID()
	}
	first := id(info, 7)
	stored := bytes.Clone(info)
	stored[len(stored)-1] = 1
	if got := id(stored, 9); got != first {
		t.Errorf("stored upload of the same record is %s, want %s", got, first)
	}
	other := bytes.Clone(info)
	other[26] ^= 1
	if got := id(other, 7); got == first {
		t.Error("another cell, the same id")
	}
}
