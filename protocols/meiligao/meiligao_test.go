package meiligao

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

const (
	loginHex    = "2424001113612000000fff5000577b0d0a"
	positionHex = "242400ab13612000002fff99553038333031352e3030302c412c333131332e383235302c4e2c31323132382e343232312c452c32342e33302c38372e35302c3134303332362c2c2a30337c302e397c31327c303430327c303139412c303444322c303030302c303030302c303030302c303030302c303030302c303030307c303143433030303031384334353137397c31367c30303132443634347c30417c3030413142324333e94b0d0a"
	text        = "083015.000,A,3113.8250,N,12128.4221,E,24.30,87.50,140326,,*03|0.9|12|0402|019A,04D2"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// one decodes one whole frame.
func one(t testing.TB, s *protocols.Session, frame []byte) (*protocols.Frame, error) {
	t.Helper()
	f := new(protocols.Frame)
	n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: frame, Final: true, Received: protocols.CaptureTime}, f)
	if n != len(frame) {
		t.Fatalf("took %d of %d bytes of %q: %v", n, len(frame), frame, err)
	}
	return f, err
}

func readCaptures(t testing.TB) (list []*protocols.Capture) {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/meiligao/*.[tu][cd]p")
	if err != nil || len(paths) < 8 {
		t.Fatalf("%d captures: %v", len(paths), err)
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
		list = append(list, c)
	}
	return list
}

// deviceFrame is a frame of the device with its right length and CRC.
func deviceFrame(command uint16, data string) []byte {
	b := appendFrame(nil, []byte{0x13, 0x61, 0x20, 0, 0, 0x0f, 0xff}, command, []byte(data))
	b[0], b[1] = '$', '$'
	at := len(b) - 4
	v := protocols.CCITT(protocols.CCITTStart, b[:at])
	b[at], b[at+1] = byte(v>>8), byte(v)
	return b
}

// TestRepetition: a position is the same record live, from memory and in a retransmission; with a code it is another.
func TestRepetition(t *testing.T) {
	id := func(frame []byte) string {
		f, err := one(t, new(protocols.Session), frame)
		if err != nil || len(f.Events) != 1 {
			t.Fatalf("%x: %d events, %v", frame, len(f.Events), err)
		}
		return f.Events[0].ID()
	}
	live := id(deviceFrame(cmdPosition, text))
	for name, frame := range map[string][]byte{
		"stored": deviceFrame(cmdStored, "\x00\x01\x00\x00\x00\x02"+text), "retransmitted": deviceFrame(cmdRetransmission, "\x01\x00"+text),
		"another place in memory": deviceFrame(cmdStored, "\x00\x02\x00\x00\x00\x02"+text),
	} {
		if got := id(frame); got != live {
			t.Errorf("%s: %s, want %s", name, got, live)
		}
	}
	alarm := id(deviceFrame(cmdAlarm, "\x11"+text))
	if got := id(deviceFrame(cmdRetransmission, "\x01\x11"+text)); got != alarm || alarm == live {
		t.Errorf("alarm %s, again %s, live %s", alarm, got, live)
	}
}

func TestIDDigits(t *testing.T) {
	f := func(id string, want int) {
		t.Helper()
		if got := idDigits(unhex(t, id)); got != want {
			t.Errorf("idDigits(%s) = %d, want %d", id, got, want)
		}
	}
	f("13612000000fff", 11)
	f("12345678901234", 14)
	f("1fffffffffffff", 1)
	f("ffffffffffffff", 0)
	f("13612f00000fff", 0)
	f("1361200000afff", 0)
}

func TestDegrees(t *testing.T) {
	f := func(words, letter string, want float64, ok bool) {
		t.Helper()
		if got, gok := degrees([]byte(words), []byte(letter), 'N', 'S'); gok != ok || ok && got != want {
			t.Errorf("degrees(%s, %s) = %v, %v", words, letter, got, gok)
		}
	}
	f("3326.8800", "S", -(33 + 26.88/60), true)
	f("0000.0000", "N", 0, true)
	f("838.59119", "N", 8+38.59119/60, true)
	f("3160.0000", "N", 0, false)
	f("-126.88", "N", 0, false)
	f("3326.88", "E", 0, false)
	f("", "N", 0, false)
}

func TestAlarms(t *testing.T) {
	f := func(model string, code byte, want string) {
		t.Helper()
		c := call{s: &protocols.Session{Options: protocols.Options{Model: model}}}
		if got := c.alarmOf(code); got != want {
			t.Errorf("%s %02x is %q, want %q", model, code, got, want)
		}
	}
	f("", 0x01, "sos")
	f("", 0x50, "power_cut")
	f("", 0x72, "harsh_brake")
	f("TK218", 0x72, "harsh_accel")
	f("TK218", 0x73, "collision")
	f("TK218", 0x71, "harsh_brake")
	f("", 0x31, "")
	f("", 0x52, "")
	f("", 0x99, "general")
}

// TestLogin: a login is answered each time, and refused in other words.
func TestLogin(t *testing.T) {
	var s protocols.Session
	for range 2 {
		f, err := one(t, &s, unhex(t, loginHex))
		if err != nil || hex.EncodeToString(f.Reply) != "4040001213612000000fff400001436a0d0a" || len(f.Events) != 0 {
			t.Errorf("%x, %d events, %v", f.Reply, len(f.Events), err)
		}
		var m message
		if n, err := cut(&m, f.Refuse, false); n != len(f.Refuse) || err != nil || m.command != cmdLoginAnswer || m.data[0] != 0 || m.badCRC {
			t.Errorf("refused by %x: %v", f.Refuse, err)
		}
	}
	if s.Device != "13612000000" {
		t.Errorf("device %q", s.Device)
	}
}

func TestEncode(t *testing.T) {
	f := func(device, model, name, words, want string, args ...string) {
		t.Helper()
		c := protocols.Command{Name: name, Text: words, Args: map[string]string{}}
		for i := 0; i < len(args); i += 2 {
			c.Args[args[i]] = args[i+1]
		}
		b, err := encode(&protocols.Session{Device: device, Options: protocols.Options{Model: model}}, c)
		if want == "" {
			if err == nil {
				t.Errorf("%s %q %v is %x", name, words, args, b)
			}
			return
		}
		if err != nil || hex.EncodeToString(b) != want {
			t.Errorf("%s: %x, want %s: %v", name, b, want, err)
			return
		}
		var m message
		if n, err := cut(&m, b, false); n != len(b) || err != nil || m.badCRC {
			t.Errorf("%s: %x is no frame: %v", name, b, err)
		}
	}
	const zero, two = "13612000000", "13612000002"
	f(zero, "", "position", "", "4040001113612000000fff4101bb390d0a")
	f(zero, "", "interval", "", "4040001313612000000fff410200030a540d0a", "seconds", "30")
	f(two, "", "engine_stop", "", "4040001213612000002fff41150180680d0a")
	f(two, "", "engine_resume", "", "4040001213612000002fff411500"+crcOf(t, "4040001213612000002fff411500")+"0d0a")
	f("13612000001", "TK228", "engine_stop", "", "4040001613612000001fff4114020102020275c40d0a")
	f(zero, "", "reboot", "", "4040001113612000000fff490202f30d0a")
	f(zero, "", "zone", "", "4040001413612000000fff4132343830e5f20d0a", "minutes", "480")
	f(two, "", "photo", "", "4040001113612000002fff4151d6820d0a")
	f(two, "", "output", "", "4040001213612000002fff41150180680d0a", "output", "1", "value", "1")
	f(zero, "", "custom", "4102 0003", "")
	f(zero, "", "custom", "41020003", "4040001313612000000fff410200030a540d0a")
	f(zero, "", "custom", "41", "")
	f(zero, "", "dance", "", "")
	f(zero, "", "interval", "", "", "seconds", "15")
	f(zero, "", "output", "", "", "output", "2", "value", "1")
	f(zero, "", "zone", "", "", "minutes", "x")
	f("", "", "position", "", "")
	f("12a", "", "position", "", "")
	f("1234567890123456", "", "position", "", "")
}

// crcOf is the CRC of bytes in hex.
func crcOf(t *testing.T, s string) string {
	v := protocols.CCITT(protocols.CCITTStart, unhex(t, s))
	return hex.EncodeToString([]byte{byte(v >> 8), byte(v)})
}

// TestManyLineEnds: bytes that could be the end of a frame many times over do not cost much.
func TestManyLineEnds(t *testing.T) {
	b := append(unhex(t, "2424000013612000000fff9955"), bytes.Repeat([]byte("\r\n"), 2000)...)
	var m message
	if n, err := cut(&m, b, false); n != 2 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, frame := range map[string][]byte{"position": deviceFrame(cmdPosition, text), "extensions": unhex(b, positionHex)} {
		b.Run(name, func(b *testing.B) {
			var s protocols.Session
			in := protocols.Input{Bytes: frame, Received: protocols.CaptureTime}
			var f protocols.Frame
			b.ReportAllocs()
			for b.Loop() {
				f.Reset()
				if n, err := protocols.Next(&Protocol, &s, in, &f); n != len(frame) || err != nil || len(f.Events) != 1 {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func BenchmarkDetect(b *testing.B) {
	first := unhex(b, positionHex)
	b.ReportAllocs()
	for b.Loop() {
		if v, _ := detect(first, false); v != protocols.Sure {
			b.Fatal(v)
		}
	}
}
