package wialonips

import (
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// TestEncode: commands in the vendor's words; each is one line, and a packet M reads as what was to be sent.
func TestEncode(t *testing.T) {
	f := func(s protocols.Session, c protocols.Command, want string) {
		t.Helper()
		b, err := encode(&s, c)
		if err != nil || string(b) != want {
			t.Errorf("%+v: %q, want %q: %v", c, b, want, err)
			return
		}
		if strings.Count(want, "\n") != 1 || !strings.HasPrefix(want, "#M#") {
			return
		}
		frame, err := one(t, &s, string(b))
		if err != nil || len(frame.Events) != 1 {
			t.Errorf("%q: %d events: %v", b, len(frame.Events), err)
			return
		}
		a, _ := frame.Events[0].Attrs.Get("result")
		if got, _ := a.Text(); got != c.Text {
			t.Errorf("%q reads as %q", b, got)
		}
	}
	plain := protocols.Session{State: "1", Options: protocols.Options{Extra: "commands=plain"}}
	f(protocols.Session{State: "2"}, protocols.Command{Name: "custom", Text: "output 1 set 0"}, "#M#output 1 set 0;9821\r\n")
	f(protocols.Session{State: "1"}, protocols.Command{Name: "custom", Text: "output 1 set 5"}, "#M#output 1 set 5\r\n")
	f(protocols.Session{State: "1"}, protocols.Command{Name: "message", Text: "a;b"}, "#M#a;b\r\n")
	f(protocols.Session{State: "2"}, protocols.Command{Name: "message", Text: "a;b"}, "#M#a;b;8206\r\n")
	f(plain, protocols.Command{Name: "custom", Text: "USSD:*100#"}, "USSD:*100#\r\n")
	f(plain, protocols.Command{Name: "photo"}, "#QI#\r\n")
	f(plain, protocols.Command{Name: "tachograph", Args: map[string]string{"driver": "D1"}}, "#QT#D1\r\n")
}

// TestEncodeRefuses: what would be more than one command, or none.
func TestEncodeRefuses(t *testing.T) {
	plain := protocols.Session{Options: protocols.Options{Extra: "commands=plain"}}
	for _, c := range []protocols.Command{
		{Name: "custom"},
		{Name: "custom", Text: "a\r\n#M#b"},
		{Name: "custom", Text: "#QI#"},
		{Name: "custom", Text: "a\x00"},
		{Name: "custom", Text: strings.Repeat("a", maxCommand+1)},
		{Name: "tachograph"},
		{Name: "tachograph", Args: map[string]string{"driver": "D1\n"}},
		{Name: "tachograph", Args: map[string]string{"driver": "D#1"}},
		{Name: "engine_stop"},
	} {
		if b, err := encode(&plain, c); err == nil {
			t.Errorf("%+v: %q", c, b)
		}
		if b, err := encode(&protocols.Session{State: "2"}, c); err == nil {
			t.Errorf("%+v: %q", c, b)
		}
	}
	if b, err := encode(&protocols.Session{State: "2"}, protocols.Command{Name: "message", Text: "a#b"}); err == nil {
		t.Errorf("%q", b)
	}
}
