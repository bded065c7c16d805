package meitrack

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
	position  = "$$A169,860000000000016,AAA,35,31.230416,121.473701,260314083011,A,10,22,45,87,0.9,12,1234511,4567,460|0|18C4|00005179,0400,0000|0000|0000|019A|04D2,,,3,1E32,010708|02FF38*ED\r\n"
	batchHex  = "2424453133382c3836303030303030303030303031362c4343432c020134000000000023d089dc01a58a3d0708d94731010a162d00570009000c00d3d71200d7110000cc010000c4187951000401009a01d2040000000013c09f01fe38adc9fb44d94731010a162d00570009000c00d3d71200d7110000cc010000c4187951000401009a01d204000000002a31450d0a"
	packetHex = "2424463131322c3836303030303030303030303031362c4343452c0000000001004e0001000601230501060a07161504fe695705082d000957000b0c00199a011ad2040502d089dc0103a58a3d070408d947310c44d612000dd7110000020e0ccc010000c41879510000b9ff2a030166082a37390d0a"
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
	paths, err := filepath.Glob("../../testdata/meitrack/*.[tu][cd]p")
	if err != nil || len(paths) < 10 {
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

// deviceFrame is a frame of the device with its right length and checksum.
func deviceFrame(flag byte, words string) []byte {
	b := appendFrame(nil, flag, []byte("860000000000016"), ","+words)
	b[0], b[1] = '$', '$'
	star := len(b) - tail
	sum := checksum(b[:star+1])
	const digits = "0123456789ABCDEF"
	b[star+1], b[star+2] = digits[sum>>4], digits[sum&15]
	return b
}

// TestCutText: where a text frame ends when its length is wrong.
func TestCutText(t *testing.T) {
	good := position[len("$$A169"):]
	f := func(length, body string, taken int, bad bool) {
		t.Helper()
		b := "$$A" + length + body
		sum := checksum([]byte(b[:strings.IndexByte(b, '*')+1]))
		if !bad {
			b = strings.Replace(b, "*ED", "*"+strings.ToUpper(hex.EncodeToString([]byte{sum})), 1)
		}
		rest := strings.Repeat("$$B", 40)
		var m message
		n, err := cut(&m, []byte(b+rest), false)
		if n != taken || err != nil || m.badSum != bad {
			t.Errorf("length %s: %d bytes of %d, bad %v: %v", length, n, len(b), m.badSum, err)
		}
	}
	whole := 3 + 3 + len(good)
	f("169", good, whole, false)
	f("167", good, whole, false)
	f("172", good, whole, false)
	f("199", good, whole, false)
	f("140", good, whole, false)
	f("172", good, whole, true)
	f("167", good, whole, true)
}

// TestRepetition: the same record under another flag, or packet number, is the same.
func TestRepetition(t *testing.T) {
	id := func(frame []byte, i int) string {
		f, _ := one(t, new(protocols.Session), frame)
		if len(f.Events) <= i {
			t.Fatalf("%q: %d events", frame, len(f.Events))
		}
		return f.Events[i].ID()
	}
	words := position[len("$$A169,860000000000016,") : len(position)-tail]
	if id([]byte(position), 0) != id(deviceFrame('Q', words), 0) {
		t.Error("another flag is another record")
	}
	if id([]byte(position), 0) == id(deviceFrame('Q', strings.Replace(words, ",45,", ",46,", 1)), 0) {
		t.Error("another speed is the same record")
	}
	packet := unhex(t, packetHex)
	packet[bytes.Index(packet, []byte("CCE,"))+12]++ // its number
	good := unhex(t, packetHex)
	s := protocols.Session{Device: "860000000000016"}
	a, _ := one(t, &s, packet)
	first := a.Events[0].ID()
	if second := id(good, 0); first != second {
		t.Errorf("another packet number: %s, %s", first, second)
	}
}

// TestAnalog: voltages by model and by value.
func TestAnalog(t *testing.T) {
	f := func(model, values string, version int64, battery, power float64) {
		t.Helper()
		c := call{s: &protocols.Session{Options: protocols.Options{Model: model}}}
		var e protocols.Event
		c.analog(&e, []byte(values), version)
		for name, want := range map[string]float64{"battery_v": battery, "power_v": power} {
			a, sent := e.Attrs.Get(name)
			if got, _ := a.Float(); got != want || sent != (want != 0) {
				t.Errorf("%s %s: %s is %v, want %v", model, values, name, got, want)
			}
		}
	}
	f("", "0000|0000|0000|019A|04D2", 3, 4.1, 12.34)
	f("", "0000|0000|0000|0A47|03E3", 0, 4.239, 12.826)
	f("", "000D|000C||028C|", 0, 3.82, 0)
	f("", "0000|0000|0000|028C|", 3, 6.52, 0)
	f("MVT380", "0000|0000|0000|02BC|0110", 0, 4.101, 12.75)
	f("MT90", "0000|0000|0000|0A47|0002", 0, 4.239, 0)
	f("MT90G", "0000|0000|0000|0AF0|0002", 0, 4.101, 0)
	f("T333", "0000|0000|0000|0190|04F0", 0, 4, 12.64)
	f("", "3.91|12.45|3.02|3.28|3.30", 0, 3.91, 12.45)
	f("", "||||", 3, 0, 0)
}

func TestTemperatures(t *testing.T) {
	f := func(words string, version int64, name string, want float64) {
		t.Helper()
		var c call
		var e protocols.Event
		var seen [len(temps)]bool
		c.temperatures(&e, []byte(words), version, &seen)
		a, ok := e.Attrs.Get(name)
		if got, _ := a.Float(); !ok || got != want {
			t.Errorf("%s: %s is %v, want %v", words, name, got, want)
		}
	}
	f("010708|02FF38", 3, "temp1_c", 18)
	f("010708|02FF38", 3, "temp2_c", -2)
	f("06FB2E", 3, "temp6_c", -12.34)
	f("001206", 1, "temp0_c", 18.06)
	f("01FE32", 2, "temp1_c", -2.5)
}

func TestEncode(t *testing.T) {
	f := func(id uint32, name, text, want string, args ...string) {
		t.Helper()
		c := protocols.Command{Name: name, Text: text, ID: id, Args: map[string]string{}}
		for i := 0; i < len(args); i += 2 {
			c.Args[args[i]] = args[i+1]
		}
		b, err := encode(&protocols.Session{Device: "860000000000016"}, c)
		if want == "" {
			if err == nil {
				t.Errorf("%s %q %v is %q", name, text, args, b)
			}
			return
		}
		if err != nil || string(b) != want+"\r\n" {
			t.Errorf("%s: %q, want %q: %v", name, b, want, err)
			return
		}
		comma, total, v := head(append([]byte("$$"), b[2:]...))
		if v != wholeHead || total != len(b) || !sumFits(b, len(b)-tail) || !upperWord(b[comma+17:comma+20]) {
			t.Errorf("%q is no frame", b)
		}
	}
	f(0, "position", "", "@@A25,860000000000016,A10*31")
	f(58, "position", "", "@@A25,860000000000016,A10*31")
	f(2, "interval", "", "@@C29,860000000000016,A12,6,0*F7", "seconds", "60")
	f(1, "engine_stop", "", "@@B33,860000000000016,C01,0,12222*B4")
	f(3, "engine_resume", "", "@@D33,860000000000016,C01,0,02222*B5")
	f(0, "arm", "", "@@A27,860000000000016,B21,1*93")
	f(7, "sleep", "", "@@H27,860000000000016,A73,2*A1", "level", "2")
	f(2, "sms", "", "@@C45,860000000000016,C02,0,13912345678,hello*41", "phone", "13912345678", "text", "hello")
	f(2, "photo", "", "@@C46,860000000000016,D03,1,camera_picture.jpg*F7")
	f(2, "reboot", "", "@@C25,860000000000016,F02*39")
	f(1, "output", "", "@@B33,860000000000016,C01,0,22212*B4", "output", "4", "value", "1")
	f(0, "custom", "A10", "@@A25,860000000000016,A10*31")
	f(0, "custom", "", "")
	f(0, "custom", "hello", "")
	f(0, "custom", "A10*31\r\n@@A25", "")
	f(0, "custom", "C02,0,123,\r\n", "")
	f(0, "dance", "", "")
	f(0, "interval", "", "", "seconds", "15")
	f(0, "output", "", "", "output", "6", "value", "1")
	f(0, "sms", "", "", "phone", "1,2", "text", "x")
	f(0, "photo", "", "", "file", "a,b.jpg")
	if b, err := encode(&protocols.Session{Device: "1"}, protocols.Command{Name: "position"}); err == nil {
		t.Errorf("no IMEI: %q", b)
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, frame := range map[string][]byte{"AAA": []byte(position), "CCC": unhex(b, batchHex), "CCE": unhex(b, packetHex)} {
		b.Run(name, func(b *testing.B) {
			var s protocols.Session
			in := protocols.Input{Bytes: frame, Received: protocols.CaptureTime}
			var f protocols.Frame
			events := 0
			b.ReportAllocs()
			for b.Loop() {
				f.Reset()
				if n, err := protocols.Next(&Protocol, &s, in, &f); n != len(frame) || err != nil {
					b.Fatal(n, err)
				}
				events += len(f.Events)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/record")
		})
	}
}

func BenchmarkDetect(b *testing.B) {
	first := []byte(position)
	b.ReportAllocs()
	for b.Loop() {
		if v, _ := detect(first, false); v != protocols.Sure {
			b.Fatal(v)
		}
	}
}
