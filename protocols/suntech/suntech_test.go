package suntech

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
	legacyLine    = "ST300STT;860000016;08;1080;20260314;08:30:15;85405;+31.230416;+121.473701;045.600;087.00;10;1;1234500;12.45;100100;2;0001;0000123;4.1;1\r"
	universalLine = "STT;0860000016;BFFFFF;56;1.0.15;1;20260314;08:33:15;00008D6C;334;20;0925;24;+20.741764;-103.430364;0.00;0.00;19;1;00000001;00000000;2;1;0001;00008003;4.1;12.14;136598\r"
	universalHex  = "81003208600000163fffff36010013011a030e08260f00008d6c014e0014092518013c7e84862a38dc11d021fc0c01010002010002"
	legacyHex     = "0200291086000001600804381a030e08280f0012342144800046669000002d60005700ea0012d6440c45110203"
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
	paths, err := filepath.Glob("../../testdata/suntech/*.[tu][cd]p")
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

// TestRepetition: a record that is sent again from the device's memory has the same identity, another record has not.
func TestRepetition(t *testing.T) {
	id := func(frame []byte) string {
		f, err := one(t, new(protocols.Session), frame)
		if err != nil || len(f.Events) != 1 {
			t.Fatalf("%q: %d events, %v", frame, len(f.Events), err)
		}
		return f.Events[0].ID()
	}
	check := func(frame, old, replacement string, same bool) {
		t.Helper()
		again := strings.Replace(frame, old, replacement, 1)
		if again == frame || (id([]byte(frame)) == id([]byte(again))) != same {
			t.Errorf("%q with %q for %q: want the same identity: %v", frame, replacement, old, same)
		}
	}
	check(legacyLine, ";4.1;1\r", ";4.1;0\r", true)
	check(legacyLine, ";0001;", ";0007;", true)
	check(legacyLine, "045.600", "045.601", false)
	check(universalLine, ";1.0.15;1;", ";1.0.15;0;", true)
	check(universalLine, ";0001;", ";0002;", true)
	check(universalLine, ";136598", ";136599", false)
	zip := string(unhex(t, universalHex))
	check(zip, "\x13\x01\x1a", "\x13\x00\x1a", true)
	check(zip, "\x02\x01\x00\x02", "\x02\x01\x00\x03", true)
	check(zip, "\x01\x3c\x7e\x84", "\x01\x3c\x7e\x85", false)
}

// TestStateIsSmall: the session keeps the model alone, and only when it changes.
func TestStateIsSmall(t *testing.T) {
	var s protocols.Session
	for _, step := range []struct{ frame, state, device string }{
		{legacyLine, "ST300", "860000016"},
		{string(unhex(t, legacyHex)), "ST300", "860000016"},
		{universalLine, "u", "0860000016"},
		{"SA200ALV;317652\r", "SA200", "317652"},
	} {
		if _, err := one(t, &s, []byte(step.frame)); err != nil {
			t.Fatal(err)
		}
		if s.State != step.state || s.Device != step.device {
			t.Errorf("%q: state %q, device %q", step.frame, s.State, s.Device)
		}
	}
}

func TestDecimal(t *testing.T) {
	f := func(text string, v int64, scale uint8, ok bool) {
		t.Helper()
		if gv, gs, gok := decimal([]byte(text)); gok != ok || ok && (gv != v || gs != scale) {
			t.Errorf("decimal(%q) = %d, %d, %v", text, gv, gs, gok)
		}
	}
	f("+31.230416", 31230416, 6, true)
	f("-070.669000", -70669000, 6, true)
	f("12", 12, 0, true)
	f("4.", 4, 0, true)
	f(".5", 5, 1, true)
	f("", 0, 0, false)
	f("-", 0, 0, false)
	f(".", 0, 0, false)
	f("1.2.3", 0, 0, false)
	f("0x12", 0, 0, false)
	f("1234567890.1234567890", 0, 0, false)
}

func TestDegrees(t *testing.T) {
	f := func(raw uint32, want float64) {
		t.Helper()
		if got := degrees(raw); got != want {
			t.Errorf("degrees(%08x) = %v, want %v", raw, got, want)
		}
	}
	f(0x013c7e84, 20.741764)
	f(0x862a38dc, -103.430364)
	f(0, 0)
}

// TestSkipData: LEN counts what the port received, and an escape is one byte of it.
func TestSkipData(t *testing.T) {
	f := func(data string, size, n int, whole bool) {
		t.Helper()
		if gn, gw := skipData([]byte(data), size); gn != n || gw != whole {
			t.Errorf("skipData(%q, %d) = %d, %v", data, size, gn, gw)
		}
	}
	f("hello;14", 5, 5, true)
	f("a\x01\x10b;14", 3, 4, true)
	f("a\x01\x10b;14", 4, 4, true) // counted as it is sent
	f("hello", 5, 0, false)
	f("a\x01", 2, 0, false) // an escape may follow
	f(";12", 0, 0, true)
}

func TestEncode(t *testing.T) {
	f := func(state, model, device string, c protocols.Command, want string) {
		t.Helper()
		s := &protocols.Session{Device: device, State: state, Options: protocols.Options{Model: model}}
		b, err := encode(s, c)
		if err != nil || string(b) != want+"\r" {
			t.Errorf("%+v: %q, %v", c, b, err)
			return
		}
		if bytes.IndexByte(b, '\r') != len(b)-1 {
			t.Errorf("%q is more than one line", b)
		}
		if parts := strings.SplitN(want, ";", 3); !strings.HasSuffix(parts[0], "CMD") || parts[1] != device {
			t.Errorf("%q is not addressed to %s", b, device)
		}
	}
	refused := func(state, device string, c protocols.Command) {
		t.Helper()
		if b, err := encode(&protocols.Session{Device: device, State: state}, c); err == nil {
			t.Errorf("%+v is %q", c, b)
		}
	}
	out := func(output, value string) protocols.Command {
		return protocols.Command{Name: "output", Args: map[string]string{"output": output, "value": value}}
	}
	f("ST300", "", "860000000", protocols.Command{Name: "position"}, "ST300CMD;860000000;02;StatusReq")
	f("ST300", "", "860000000", protocols.Command{Name: "engine_stop"}, "ST300CMD;860000000;02;Enable1")
	f("ST600", "", "860000002", protocols.Command{Name: "engine_resume"}, "ST600CMD;860000002;02;Disable1")
	f("ST300", "", "860000000", out("3", "1"), "ST300CMD;860000000;02;Enable3")
	f("ST300", "", "860000000", protocols.Command{Name: "ack_emergency"}, "ST300CMD;860000000;02;AckEmerg")
	f("", "ST500", "860000001", protocols.Command{Name: "reboot"}, "ST500CMD;860000001;02;Reboot")
	f("", "", "123456789012345", protocols.Command{Name: "reboot"}, "SA200CMD;123456789012345;02;Reboot")
	f("u", "", "0860000001", protocols.Command{Name: "position"}, "CMD;0860000001;03;01")
	f("u", "", "0860000001", protocols.Command{Name: "reboot"}, "CMD;0860000001;03;03")
	f("", "universal", "0860000000", protocols.Command{Name: "engine_stop"}, "CMD;0860000000;04;01")
	f("u", "", "0860000000", protocols.Command{Name: "engine_resume"}, "CMD;0860000000;04;02")
	f("u", "", "0860000000", out("2", "1"), "CMD;0860000000;04;03")
	f("u", "", "0860000000", out("3", "0"), "CMD;0860000000;04;10")
	f("u", "", "0860000000", protocols.Command{Name: "custom", Text: "05;10"}, "CMD;0860000000;05;10")
	refused("u", "0860000000", protocols.Command{Name: "ack_emergency"})
	refused("ST300", "", protocols.Command{Name: "position"})
	refused("ST300", "86000\r", protocols.Command{Name: "position"})
	refused("ST300", "860000000", protocols.Command{Name: "dance"})
	refused("ST300", "860000000", protocols.Command{Name: "custom", Text: "02;Reboot\rST300CMD;1"})
	refused("ST300", "860000000", protocols.Command{Name: "custom"})
	refused("ST300", "860000000", out("4", "1"))
	refused("ST300", "860000000", out("1", "2"))
}

func BenchmarkDecode(b *testing.B) {
	for name, frame := range map[string][]byte{"legacy": []byte(legacyLine), "universal": []byte(universalLine),
		"universal-zip": unhex(b, universalHex), "legacy-zip": unhex(b, legacyHex)} {
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
	for name, frame := range map[string][]byte{"legacy": []byte(legacyLine), "universal": []byte(universalLine), "zip": unhex(b, universalHex)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v, _ := detect(frame, false); v != protocols.Sure {
					b.Fatal(v)
				}
			}
		})
	}
}
