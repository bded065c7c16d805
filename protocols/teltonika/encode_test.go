package teltonika

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func TestEncode(t *testing.T) {
	f := func(extra string, c protocols.Command, want string) {
		t.Helper()
		s := protocols.Session{Device: testIMEI, Options: protocols.Options{Extra: extra}}
		got, err := encode(&s, c)
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%+v: %x, %v, want %s", c, got, err, want)
		}
	}
	args := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	f("crlf=true", protocols.Command{Name: "engine_stop"}, "00000000000000150c01050000000d7365746469676f757420310d0a01000063b8")
	f("crlf=true", protocols.Command{Name: "engine_resume"}, "00000000000000150c01050000000d7365746469676f757420300d0a0100009fb9")
	f("crlf=true", protocols.Command{Name: "engine_stop", Args: args("seconds", "60")}, "00000000000000180c0105000000107365746469676f757420312036300d0a0100009830")
	f("", protocols.Command{Name: "position"}, "000000000000000e0c010500000006676574677073010000ccd7")
	f("", protocols.Command{Name: "reboot"}, "00000000000000100c01050000000863707572657365740100007a75")
	f("", protocols.Command{Name: "version"}, "000000000000000e0c010500000006676574766572010000a4c2")
	f("", protocols.Command{Name: "inputs"}, "000000000000000d0c010500000005676574696f01000000cb")
	f("", protocols.Command{Name: "status"}, "00000000000000110c0105000000096765747374617475730100008cd7")
	f("", protocols.Command{Name: "record"}, "00000000000000110c0105000000096765747265636f72640100001805")
	f("", protocols.Command{Name: "element", Args: args("id", "66")}, "00000000000000110c01050000000972656164696f20363601000003d9")
	f("", protocols.Command{Name: "get_parameter", Args: args("id", "2004")}, "00000000000000150c01050000000d676574706172616d2032303034010000f7b2")
	f("", protocols.Command{Name: "custom", Text: "setdigout 11"}, "00000000000000140c01050000000c7365746469676f7574203131010000bed5")
	f("", protocols.Command{Name: "custom", Text: "03030000000185e8", Args: args("encoding", "hex")}, "00000000000000100c01050000000803030000000185e8010000da8b")
	f("codec=14", protocols.Command{Name: "version"}, "00000000000000160e01050000000e03563070424410136765747665720100001af3")
}

func TestEncodeRefuses(t *testing.T) {
	s := protocols.Session{Device: testIMEI}
	for _, c := range []protocols.Command{
		{Name: "self_destruct"},
		{Name: "custom"},
		{Name: "custom", Text: "getver\r\ncpureset"},
		{Name: "custom", Text: "getver\x00"},
		{Name: "custom", Text: "\xff\xfe"},
		{Name: "custom", Text: strings.Repeat("x", maxCommand+1)},
		{Name: "custom", Text: "0g", Args: map[string]string{"encoding": "hex"}},
		{Name: "output", Args: map[string]string{"output": "4", "value": "1"}},
		{Name: "output", Args: map[string]string{"output": "1", "value": "1 60"}},
		{Name: "engine_stop", Args: map[string]string{"seconds": "60\r\ncpureset"}},
		{Name: "engine_stop", Args: map[string]string{"seconds": "-1"}},
		{Name: "element"},
	} {
		if b, err := encode(&s, c); err == nil {
			t.Errorf("%+v makes %q", c, b)
		}
	}
	s = protocols.Session{Device: "123", Options: protocols.Options{Extra: "codec=14"}}
	if _, err := encode(&s, protocols.Command{Name: "version"}); err == nil {
		t.Error("codec 14 without an IMEI")
	}
}

// What is encoded is one frame, and its text is the command's.
func FuzzEncode(f *testing.F) {
	for _, text := range []string{"getver", "setparam 1:2;3:4", "a\r\nb", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, extra := range []string{"", "codec=14", "crlf=true"} {
			s := protocols.Session{Device: testIMEI, Options: protocols.Options{Extra: extra}}
			b, err := encode(&s, protocols.Command{Name: "custom", Text: text})
			if err != nil {
				continue
			}
			n, frame, err := next(&s, b)
			if n != len(b) || err != nil || len(frame.Events) != 1 || errors.Is(err, protocols.ErrChecksum) {
				t.Fatalf("%q: %d of %d bytes, %v, %d events", text, n, len(b), err, len(frame.Events))
			}
			a, _ := frame.Events[0].Attrs.Get("serial_data")
			if got := strings.TrimSpace(textOf(a)); got != strings.TrimSpace(text) && len(text) <= protocols.MaxText {
				t.Errorf("%q comes back as %q", text, got)
			}
		}
	})
}
