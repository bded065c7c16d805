package wialonips

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// deflated is text as a compressed block.
func deflated(t testing.TB, text string) []byte {
	t.Helper()
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	if z.Len() > 0xffff {
		t.Fatalf("%d bytes deflate to %d", len(text), z.Len())
	}
	b := binary.LittleEndian.AppendUint16([]byte{compressed}, uint16(z.Len()))
	return append(b, z.Bytes()...)
}

// feed drains a stream and tells frames, events, replies and the error that ended it.
func feed(s *protocols.Session, b []byte, final bool) (summary string, err error) {
	var f protocols.Frame
	events, replies := 0, ""
	used, err := protocols.Drain(&Protocol, s, protocols.Input{Bytes: b, Final: final, Received: protocols.CaptureTime}, &f, func(_ []byte, err error) bool {
		if err == nil {
			events += len(f.Events)
			replies += string(f.Reply)
		}
		return true
	})
	return fmt.Sprintf("%d of %d bytes, %d events, %q", used, len(b), events, replies), err
}

func TestCompressed(t *testing.T) {
	worked, err := hex.DecodeString("ff3d00789c0dc8b10dc0201003c03e1253d023dbff8497dc869626fbef925c79fd7d3a13a1dba804e0206394267c4c513552a2b773bad65f26daf50148e80b4d")
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, b []byte, final bool, want string) {
		t.Helper()
		s := protocols.Session{Device: "1", State: "1"}
		if got, err := feed(&s, b, final); got != want || err != nil {
			t.Errorf("%s: %s, want %s: %v", name, got, want, err)
		}
	}
	f("worked", worked, false, `64 of 64 bytes, 1 events, "#ASD#1\r\n"`)
	f("without its end", worked[:40], false, `0 of 40 bytes, 0 events, ""`)
	f("cut off", worked[:40], true, `40 of 40 bytes, 0 events, ""`)
	f("a record behind it", append(bytes.Clone(worked), shortRecord...), false, `123 of 123 bytes, 2 events, "#ASD#1\r\n#ASD#1\r\n"`)
	many := deflated(t, "#P#\r\nnoise\r\n"+shortRecord+longRecord)
	f("several packets", many, false, fmt.Sprintf(`%d of %d bytes, 2 events, "#AP#\r\n#ASD#1\r\n#AD#1\r\n"`, len(many), len(many)))
	photo := deflated(t, "#I#3;0;1;140326;083000;a.jpg\r\nabc"+longRecord)
	f("a photo", photo, false, fmt.Sprintf(`%d of %d bytes, 2 events, "#AI#0#1\r\n#AD#1\r\n"`, len(photo), len(photo)))
	nested := deflated(t, string(worked))
	f("a block within a block", nested, false, fmt.Sprintf(`%d of %d bytes, 0 events, ""`, len(nested), len(nested)))
	damaged := bytes.Clone(worked)
	damaged[len(damaged)-1] ^= 1
	f("damaged", damaged, false, `64 of 64 bytes, 0 events, ""`)
}

// TestBombs: what a compressed block may hold is limited, by itself and by its ratio; the stream ends there.
func TestBombs(t *testing.T) {
	f := func(text string, refused bool) {
		t.Helper()
		b := deflated(t, text)
		s := protocols.Session{Device: "1", State: "1"}
		_, err := feed(&s, b, false)
		if (err != nil) != refused {
			t.Errorf("%d bytes from %d: %v", len(text), len(b), err)
		}
	}
	f(strings.Repeat("\n", freeInflated), false)
	f(strings.Repeat("\n", 60_000), true) // a ratio of 1,000
	f(strings.Repeat("\n", 8<<20), true)
	var varied bytes.Buffer
	for i := 0; varied.Len() < maxInflated+100; i++ {
		fmt.Fprintf(&varied, "#SD#140326;08%04d;3113.8250;N;12128.4221;E;45;87;12;10\n", i*7919%6000)
	}
	f(varied.String(), true) // no bomb, but too much
	z := new(inflater)
	b := deflated(t, strings.Repeat("\n", 16<<20))
	if text, err := z.inflate(b[3:]); text != nil || err != nil || cap(z.out) > 2*maxInflated {
		t.Errorf("inflated to %d bytes in a buffer of %d: %v", len(text), cap(z.out), err)
	}
}

// TestPartsAreLimited: a frame may not hold more packets and records than memory is worth.
func TestPartsAreLimited(t *testing.T) {
	f := func(text string) {
		t.Helper()
		s := protocols.Session{Device: "1", State: "1"}
		var frame protocols.Frame
		_, err := protocols.Next(&Protocol, &s, protocols.Input{Bytes: []byte(text), Final: true}, &frame)
		if !errors.Is(err, protocols.ErrMalformed) || len(frame.Events) > maxParts {
			t.Errorf("%d events: %v", len(frame.Events), err)
		}
	}
	f("#B#" + strings.Repeat("a|", maxParts+1))
	var pings bytes.Buffer
	for i := range maxParts + 1 {
		fmt.Fprintf(&pings, "#P#%d\n", i*7919%100_003) // such that it does not compress too well
	}
	f(string(deflated(t, pings.String())))
	s := protocols.Session{Device: "1", State: "1"}
	box := "#B#" + strings.TrimSuffix(strings.Repeat("140326;083402;3113.8250;N;12128.4221;E;45;87;12;10|", 500), "|")
	if got, err := feed(&s, []byte(box+"\r\n"), false); !strings.HasSuffix(got, `500 events, "#AB#500\r\n"`) || err != nil {
		t.Errorf("%s: %v", got, err)
	}
}

func TestLines(t *testing.T) {
	f := func(stream, want string, fails bool) {
		t.Helper()
		s := protocols.Session{Device: "1", State: "1"}
		if got, err := feed(&s, []byte(stream), false); got != want || (err != nil) != fails {
			t.Errorf("%.60q: %s, want %s: %v", stream, got, want, err)
		}
	}
	f("#P#\n", `4 of 4 bytes, 0 events, "#AP#\r\n"`, false)
	f("#P#", `0 of 3 bytes, 0 events, ""`, false)
	f("\r\n\n#P#\r\n", `8 of 8 bytes, 0 events, "#AP#\r\n"`, false)
	f("noise\r\n#P#\r\n", `12 of 12 bytes, 0 events, "#AP#\r\n"`, false)
	f("#XX#1;2\r\n#P#\r\n", `14 of 14 bytes, 0 events, "#AP#\r\n"`, false)
	f(strings.Repeat("#", maxLine), "0 of 65536 bytes, 0 events, \"\"", true)
	f("#SD#1;2;3\r\n", `11 of 11 bytes, 0 events, "#ASD#-1\r\n"`, false)
	f("#D#\r\n", `5 of 5 bytes, 0 events, "#AD#-1\r\n"`, false)
	f("#L#;NA\r\n", `8 of 8 bytes, 0 events, "#AL#0\r\n"`, false)
	f("#I#2000000;0;1;140326;083000;a.jpg\r\n", `36 of 36 bytes, 0 events, "#AI#NA#0\r\n"`, false)
	f("#I#x\r\n", `6 of 6 bytes, 0 events, "#AI#NA#0\r\n"`, false)
	f("#B#;;|140326;083402;3113.8250;N;12128.4221;E;45;87;12;10|\r\n", `59 of 59 bytes, 2 events, "#AB#2\r\n"`, false)
}

// TestUDP: the identity in front of a datagram holds for it, and so does its version.
func TestUDP(t *testing.T) {
	var s protocols.Session
	f, err := one(t, &s, "2.0;860000000000000#SD#140326;083800;3113.8250;N;12128.4221;E;45;87;12;10;6FCE")
	if err != nil || s != (protocols.Session{Device: "860000000000000"}) || f.Events[0].Sats != 10 {
		t.Errorf("%+v: %v", s, err)
	}
	s = protocols.Session{}
	f, err = one(t, &s, "2.0;860000000000000#SD#140326;083800;3113.8250;N;12128.4221;E;45;87;12;10;6FCF")
	if !errors.Is(err, protocols.ErrChecksum) || s != (protocols.Session{}) || f.Events[0].Device != "860000000000000" {
		t.Errorf("%+v: %v", s, err)
	}
	if _, err = one(t, &s, "86 0#P#"); !errors.Is(err, protocols.ErrGarbage) {
		t.Error(err)
	}
}

func TestTachograph(t *testing.T) {
	s := protocols.Session{Device: "1", State: "2"}
	sum := func(text string) string { return fmt.Sprintf("%s%04X", text, protocols.ARC.Sum([]byte(text))) }
	stream := "#IT#" + sum("140326;083000;D1;7;1;") + "\r\n"
	for i, block := range []string{"abc#P#\r\n", "de"} {
		stream += fmt.Sprintf("#T#7;%d;%d;%04X\r\n%s", len(block), i, protocols.ARC.Sum([]byte(block)), block)
	}
	got, err := feed(&s, []byte(stream), false)
	if !strings.HasSuffix(got, `3 events, "#AIT#1\r\n#AT#0#1\r\n#AT#1#1\r\n#AT#1\r\n"`) || err != nil {
		t.Errorf("%s: %v", got, err)
	}
}
