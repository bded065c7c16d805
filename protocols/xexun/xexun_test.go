package xexun

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

const (
	basicText = "GPRMC,083001.000,A,3113.8250,N,12128.4221,E,24.30,87.50,140326,,,A*6B,F,,imei:860000000000016,"
	fullText  = "260314163015,+8613912345678,GPRMC,083015.000,A,3113.8250,N,12128.4221,E,24.30,87.50,140326,,,A*6E,F,ACC On, imei:860000000000016,10,41.1,F:4.28V,1,135,19000,460,00,18C4,5179\r\n"
)

func next(s *protocols.Session, b string, final bool) (*protocols.Frame, int, error) {
	f := new(protocols.Frame)
	n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: []byte(b), Received: protocols.CaptureTime, Final: final}, f)
	return f, n, err
}

func TestUnitOfSpeed(t *testing.T) {
	for unit, want := range map[string]float64{"": 45.0036, "kmh": 24.3, "mph": 39.107} {
		s := protocols.Session{Options: protocols.Options{Unit: unit}}
		f, _, err := next(&s, basicText, false)
		if err != nil || math.Abs(f.Events[0].Speed-want) > 1e-3 {
			t.Errorf("%q: %v km/h, want %v: %v", unit, f.Events[0].Speed, want, err)
		}
	}
}

// TestSplitFull waits for the tail of a full sentence, and takes what is there when nothing more comes.
func TestSplitFull(t *testing.T) {
	cutAt := strings.Index(fullText, "10,41.1")
	var s protocols.Session
	if _, n, err := next(&s, fullText[:cutAt], false); n != 0 || err != nil {
		t.Errorf("took %d bytes of half a sentence: %v", n, err)
	}
	f, n, err := next(&s, fullText[:cutAt], true)
	if err != nil || n != cutAt || len(f.Events) != 1 || f.Events[0].Has&protocols.HasSats != 0 {
		t.Errorf("took %d of %d bytes, %d events: %v", n, cutAt, len(f.Events), err)
	}
}

func TestNoIMEI(t *testing.T) {
	var s protocols.Session
	text := "GPRMC,083001.000,A,3113.8250,N,12128.4221,E,24.30,87.50,140326,,,A*6B,F,,"
	if _, n, err := next(&s, text, false); n != 0 || err != nil {
		t.Errorf("took %d bytes: %v", n, err)
	}
	if _, n, err := next(&s, text+strings.Repeat(",", maxSentence), false); n == 0 || !errors.Is(err, protocols.ErrGarbage) {
		t.Errorf("took %d bytes: %v", n, err)
	}
	if _, n, err := next(&s, strings.Replace(basicText, "860000000000016", "8600x", 1), false); n == 0 || !errors.Is(err, protocols.ErrMalformed) || s.Device != "" {
		t.Errorf("took %d bytes: %v, device %q", n, err, s.Device)
	}
}

func TestDegrees(t *testing.T) {
	for v, want := range map[float64]float64{12128.4221: 121 + 28.4221/60, -7040.14: -(70 + 40.14/60), 0: 0, 59.5: 59.5 / 60} {
		if got, ok := degrees(v); !ok || got-want > 1e-12 || want-got > 1e-12 {
			t.Errorf("%v: %v, want %v", v, got, want)
		}
	}
	zero := 0.0
	for _, v := range []float64{12160, 99999, -20000, zero / zero, 1 / zero} {
		if got, ok := degrees(v); ok {
			t.Errorf("%v: %v", v, got)
		}
	}
}

// TestToleratedChecksum takes a frame whose only fault is its checksum, where the operator allows it.
func TestToleratedChecksum(t *testing.T) {
	s := protocols.Session{Options: protocols.Options{TolerateChecksum: true}}
	b := appendFrame(nil, typeCommand, 7, make([]byte, 8), []byte("ok"))
	b[17] ^= 1
	f, n, err := next(&s, string(b), false)
	if err != nil || n != len(b) || len(f.Events) != 1 {
		t.Fatalf("took %d of %d bytes: %v", n, len(b), err)
	}
	if a, _ := f.Events[0].Attrs.Get("checksum_ok"); a.Name == "" {
		t.Error("not marked")
	}
}

func TestEscapes(t *testing.T) {
	payload := []byte{flag0, flag1, escape0, escape1, flag0, escape0, flag0, flag1, 1, escape0}
	b := appendFrame(nil, typeCommand, 0xfaaf, []byte{0x86, 0, 0, 0, 0, 0, 1, 0x60}, payload)
	if bytes.Count(b, flag) != 2 {
		t.Errorf("% x has a flag inside", b)
	}
	var s protocols.Session
	f, n, err := next(&s, string(b), false)
	if err != nil || n != len(b) || s.Device != "860000000000016" {
		t.Fatalf("took %d of %d bytes: %v, device %q", n, len(b), err, s.Device)
	}
	if a, _ := f.Events[0].Attrs.Get("raw"); a.Name == "" {
		t.Error("no raw payload")
	} else if text, _ := a.Text(); text != "faaffbbffafbfaaf01fb" {
		t.Errorf("payload %s", text)
	}
}

func TestEncode(t *testing.T) {
	words := protocols.Session{Device: "860000000000016"}
	frames := protocols.Session{Device: "860000000000016", State: speaksBinary}
	for _, c := range []struct {
		s    *protocols.Session
		c    protocols.Command
		want string
	}{
		{&words, protocols.Command{Name: "engine_stop"}, "powercar123456 11"},
		{&words, protocols.Command{Name: "engine_resume", Args: map[string]string{"password": "0000"}}, "powercar0000 00"},
		{&words, protocols.Command{Name: "custom", Text: "status123456"}, "status123456"},
		{&frames, protocols.Command{Name: "interval", Args: map[string]string{"seconds": "30"}, ID: 1}, "\xfa\xaf\x00\x07\x00\x01\x86\x00\x00\x00\x00\x00\x01\x60\x00\x13\xf9\x74tracking_send=30,30\xfa\xaf"},
		{&frames, protocols.Command{Name: "reboot", ID: 1}, "\xfa\xaf\x00\x07\x00\x01\x86\x00\x00\x00\x00\x00\x01\x60\x00\x05\xfd\xdcreset\xfa\xaf"},
	} {
		if got, err := encode(c.s, c.c); string(got) != c.want || err != nil {
			t.Errorf("%+v: %q, %v", c.c, got, err)
		}
	}
	for _, c := range []protocols.Command{{Name: "dance"}, {Name: "custom"}, {Name: "custom", Text: "a\nb"}, {Name: "interval", Args: map[string]string{"seconds": "0"}},
		{Name: "engine_stop", Args: map[string]string{"password": "1 11"}}} {
		for _, s := range []*protocols.Session{&words, &frames} {
			if got, err := encode(s, c); err == nil {
				t.Errorf("%+v: %q", c, got)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, path := range []string{"basic.tcp", "full.tcp", "binary.tcp", "datagrams.udp"} {
		raw, err := os.ReadFile(filepath.Join("../../testdata/xexun", path))
		if err != nil {
			f.Fatal(err)
		}
		c, err := protocols.ReadCapture(bytes.NewReader(raw), strings.HasSuffix(path, ".udp"))
		if err != nil {
			f.Fatal(err)
		}
		for _, b := range c.Segments() {
			f.Add(b, false)
			f.Add(b, true)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, final bool) {
		var s protocols.Session
		var frame protocols.Frame
		in := protocols.Input{Bytes: b, Received: protocols.CaptureTime, Final: final}
		_, err := protocols.Drain(&Protocol, &s, in, &frame, func(raw []byte, err error) bool {
			if protocols.Fault(err) == "panic" {
				t.Fatal(err)
			}
			return true
		})
		if protocols.Fault(err) == "panic" {
			t.Fatal(err)
		}
		if v, _ := detect(b, final); v == protocols.Sure && len(b) > 1 {
			for n := 1; n < len(b); n++ {
				if before, _ := detect(b[:n], final); before == protocols.No {
					t.Fatalf("No to %q, Sure of %q", b[:n], b)
				}
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	record := "\xfa\xaf\x00\x14\x0c\xf1\x86\x26\x49\x04\x54\x58\x45\x30\x00\x2b\xf2\xdd\x02\x00\x13\x00\x13\xd3\x60\xef\xd7\xf5\x14\x00\x64\x02\x01\x0d\x46\x32\x2c\x4a\x45\x0b\xa0\x26\xd4\x60\xef\xd7\xfa\x14\x00\x64\x02\x01\x0d\x46\x32\x2c\x4a\x45\x0b\xa0\x26\xfa\xaf"
	for name, text := range map[string]string{"basic": basicText, "full": fullText, "binary": record} {
		b.Run(name, func(b *testing.B) {
			var s protocols.Session
			f := new(protocols.Frame)
			in := protocols.Input{Bytes: []byte(text), Received: protocols.CaptureTime}
			b.ReportAllocs()
			for b.Loop() {
				f.Reset()
				if _, err := protocols.Next(&Protocol, &s, in, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
