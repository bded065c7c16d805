package galileosky

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

const (
	head = "01170001100227033836303030303030303030303031360402002db2"
	main = "01698004320010040020971cb569300ad089dc01a58a3d0733c8016603340c00350940313e41a23042041043fb45010046030050b00460d00763340812" +
		"7001f990c3b2a100c1fa725025d444d6120004320010050020d31cb5693010c09f01fe38adc9fb3300000000400000cc79"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// packet frames data.
func packet(header byte, data []byte) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{header}, uint16(len(data)))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint16(b, protocols.Modbus.Sum(b))
}

// one decodes one packet.
func one(t testing.TB, s *protocols.Session, b []byte) (*protocols.Frame, error) {
	t.Helper()
	f := new(protocols.Frame)
	in := protocols.Input{Bytes: b, Final: true, Received: protocols.CaptureTime}
	n, err := protocols.Next(&Protocol, s, in, f)
	if n != len(b) {
		t.Fatalf("took %d of %d bytes of %x: %v", n, len(b), b, err)
	}
	return f, err
}

// TestChecksum: a packet whose checksum is wrong gives its events and its answer, and teaches nothing.
func TestChecksum(t *testing.T) {
	b := packet(headerData, unhex(t, "03383630303030303030303030303136 20971cb569"))
	b[len(b)-1] ^= 1
	var s protocols.Session
	f, err := one(t, &s, b)
	if !errors.Is(err, protocols.ErrChecksum) || len(f.Events) != 1 || len(f.Reply) != 3 || f.Events[0].Device != "860000000000016" {
		t.Errorf("%d events, reply %x: %v", len(f.Events), f.Reply, err)
	}
	if s != (protocols.Session{}) {
		t.Errorf("taught %+v", s)
	}
	s.Options.TolerateChecksum = true
	f, err = one(t, &s, b)
	if err != nil || s.Device != "860000000000016" {
		t.Fatal(err)
	}
	if a, _ := f.Events[0].Attrs.Get("checksum_ok"); a.Name == "" {
		t.Error("no mark")
	}
}

// TestStored: the flag in the length marks what comes from the archive.
func TestStored(t *testing.T) {
	var s protocols.Session
	f, err := one(t, &s, unhex(t, main))
	if err != nil || len(f.Events) != 2 || !f.Events[0].Stored || s.Device != "50" {
		t.Errorf("%+v, device %q: %v", f.Events, s.Device, err)
	}
	f, err = one(t, &s, packet(headerData, unhex(t, "20971cb569")))
	if err != nil || len(f.Events) != 1 || f.Events[0].Stored {
		t.Errorf("%+v: %v", f.Events, err)
	}
}

// TestNumberThenIMEI: the number of a unit serves only until its IMEI is known.
func TestNumberThenIMEI(t *testing.T) {
	var s protocols.Session
	for _, step := range []struct{ data, want string }{
		{"01100227", ""},
		{"043200", "50"},
		{"03383630303030303030303030304136043200", "50"},
		{"03383630303030303030303030303136043200", "860000000000016"},
		{"043300", "860000000000016"},
	} {
		if _, err := one(t, &s, packet(headerData, unhex(t, step.data))); err != nil || s.Device != step.want {
			t.Errorf("%s: device %q, want %q: %v", step.data, s.Device, step.want, err)
		}
	}
}

// TestMany: a packet as large as they get is read to its end.
func TestMany(t *testing.T) {
	var s protocols.Session
	data := []byte(strings.Repeat("\x20\x97\x1c\xb5\x69", maxLength/5))
	f, err := one(t, &s, packet(headerData, data))
	if err != nil || len(f.Events) != maxLength/5 {
		t.Errorf("%d events: %v", len(f.Events), err)
	}
}

func TestDetect(t *testing.T) {
	f := func(text string, want protocols.Verdict) {
		t.Helper()
		b := unhex(t, text)
		if got, why := detect(b, false); got != want {
			t.Errorf("detect(%s) = %v (%s), want %v", text, got, why, want)
		}
		settled := protocols.More
		for n := range len(b) + 1 {
			got, _ := detect(b[:n], false)
			if (settled == protocols.No || settled == protocols.Sure) && got != settled {
				t.Errorf("detect(%s) = %v after %d bytes, was %v", text, got, n, settled)
			}
			settled = got
		}
	}
	f("", protocols.More)
	f("01", protocols.More)
	f(head, protocols.Sure)
	f(head[:46], protocols.Sure)
	f(main, protocols.Sure)
	f(main[:80], protocols.Likely)
	f(main[:len(main)-2]+"78", protocols.No)
	f("0117000110022703383630303030303030303030303041", protocols.No)
	f("01004e01001c0747ea59333030323334303639363034353930", protocols.Sure)
	f("01004e01001c0747ea5933303032333430363936303435", protocols.More)
	f("0100020b0025003a57010001", protocols.No)
	f("01170004320005112233", protocols.No)
	f("78780d01", protocols.No)
	f("07010002d151", protocols.No)
	f("08110017d8e5dacc33d6", protocols.No)
	if got, _ := detect(unhex(t, head), true); got != protocols.No {
		t.Errorf("a datagram: %v", got)
	}
	b := unhex(t, main)
	if got := testing.AllocsPerRun(100, func() { detect(b, false) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// TestEncode: the worked command, the units that go by a number, and what each command is in the unit's words.
func TestEncode(t *testing.T) {
	s := protocols.Session{Device: "860000000000016", Options: protocols.Options{Extra: "engine_output=1"}}
	f := func(s protocols.Session, c protocols.Command, words string) {
		t.Helper()
		b, err := encode(&s, c)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			return
		}
		frame, err := one(t, &s, b)
		if err != nil || len(frame.Events) != 1 || frame.Events[0].Device != s.Device {
			t.Fatalf("%x: %+v: %v", b, frame.Events, err)
		}
		result, _ := frame.Events[0].Attrs.Get("result")
		id, _ := frame.Events[0].Attrs.Get("command_id")
		if got, _ := result.Text(); got != words {
			t.Errorf("%+v reads as %q, want %q", c, got, words)
		}
		if got, _ := id.Float(); got != float64(c.ID) {
			t.Errorf("%+v reads as number %v", c, got)
		}
	}
	f(s, protocols.Command{Name: "engine_stop", ID: 1}, "Out 1,1")
	f(s, protocols.Command{Name: "engine_resume", ID: 2}, "Out 1,0")
	f(s, protocols.Command{Name: "position", ID: 3}, "Status")
	f(s, protocols.Command{Name: "reboot", ID: 0xffffffff}, "Reset")
	f(s, protocols.Command{Name: "photo"}, "makephoto 1")
	f(protocols.Session{Device: "50"}, protocols.Command{Name: "custom", Text: "inall"}, "inall")
	f(s, protocols.Command{Name: "custom", Text: strings.Repeat("a", 255)}, strings.Repeat("a", 255))
	b, _ := encode(&s, protocols.Command{Name: "custom", Text: "Out 1,1", ID: 1})
	if got := hex.EncodeToString(b); got != "01210003383630303030303030303030303136040000e001000000e1074f757420312c31a8bd" {
		t.Errorf("worked command: %s", got)
	}
	for _, c := range []protocols.Command{
		{Name: "custom"}, {Name: "custom", Text: "a\r\n"}, {Name: "custom", Text: "é"}, {Name: "custom", Text: strings.Repeat("a", 256)}, {Name: "tea"},
	} {
		if b, err := encode(&s, c); err == nil {
			t.Errorf("%+v: %x", c, b)
		}
	}
	for _, s := range []protocols.Session{{}, {Device: "70000"}, {Device: "a"}} {
		if b, err := encode(&s, protocols.Command{Name: "reboot"}); err == nil {
			t.Errorf("device %q: %x", s.Device, b)
		}
		if b, err := encode(&s, protocols.Command{Name: "engine_stop"}); err == nil {
			t.Errorf("no output: %x", b)
		}
	}
}

func BenchmarkMain(b *testing.B) {
	in := protocols.Input{Bytes: unhex(b, main), Final: true, Received: protocols.CaptureTime}
	s := protocols.Session{Device: "860000000000016"}
	var f protocols.Frame
	b.ReportAllocs()
	for b.Loop() {
		f.Reset()
		if n, err := protocols.Next(&Protocol, &s, in, &f); n != len(in.Bytes) || err != nil {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*2), "ns/record")
}

func BenchmarkDetect(b *testing.B) {
	first := unhex(b, head)
	b.ReportAllocs()
	for b.Loop() {
		detect(first, false)
	}
}
