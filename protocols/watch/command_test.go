package watch

import (
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// TestEncode: commands in the vendor's words; each is one frame that reads as its word.
func TestEncode(t *testing.T) {
	f := func(device, state string, c protocols.Command, want string) {
		t.Helper()
		b, err := encode(&protocols.Session{Device: device, State: state}, c)
		if err != nil || string(b) != want {
			t.Errorf("%+v: %q, want %q: %v", c, b, want, err)
			return
		}
		var g frame
		if n, err := cut(&g, b, false); n != len(b) || err != nil || g.length != len(g.content) || string(g.id) != device || (g.index != nil) != (len(state) > 2) {
			t.Errorf("%q reads as %d bytes, %+v: %v", b, n, g, err)
		}
	}
	args := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	const id = "8600000002"
	f(id, "3G", protocols.Command{Name: "position"}, "[SG*8600000002*0002*CR]")
	f("8600000004", "ZJi", protocols.Command{Name: "position"}, "[ZJ*8600000004*0001*0002*CR]")
	f(id, "SG", protocols.Command{Name: "interval", Args: args("seconds", "600")}, "[SG*8600000002*000a*UPLOAD,600]")
	f(id, "SG", protocols.Command{Name: "find"}, "[SG*8600000002*0004*FIND]")
	f(id, "SG", protocols.Command{Name: "reboot"}, "[SG*8600000002*0005*RESET]")
	f(id, "SG", protocols.Command{Name: "power_off"}, "[SG*8600000002*0008*POWEROFF]")
	f(id, "SG", protocols.Command{Name: "sos_number", Args: args("index", "1", "phone", "13912345678")}, "[SG*8600000002*0010*SOS1,13912345678]")
	f(id, "SG", protocols.Command{Name: "message", Text: "Hi"}, "[SG*8600000002*0010*MESSAGE,00480069]")
	f(id, "SG", protocols.Command{Name: "timezone", Args: args("zone", "+05:45", "language", "0")}, "[SG*8600000002*000a*LZ,0,+5.75]")
	f(id, "SG", protocols.Command{Name: "timezone", Args: args("zone", "Z")}, "[SG*8600000002*0006*LZ,,+0]")
	f(id, "SG", protocols.Command{Name: "remove_alarm", Args: args("on", "1")}, "[SG*8600000002*0008*REMOVE,1]")
	f(id, "SG", protocols.Command{Name: "voice", Args: args("data", "7d5b5d2c2a")}, "[SG*8600000002*000d*TK,\x7d\x01\x7d\x02\x7d\x03\x7d\x04\x7d\x05]")
	f(id, "SG", protocols.Command{Name: "custom", Text: "FLOWER,3"}, "[SG*8600000002*0008*FLOWER,3]")
}

// TestEncodeRefuses: what would be more than one command, or none.
func TestEncodeRefuses(t *testing.T) {
	arg := func(name, value string) map[string]string { return map[string]string{name: value} }
	for _, c := range []protocols.Command{
		{Name: "custom"},
		{Name: "custom", Text: "CR][SG*8600000002*0005*RESET"},
		{Name: "custom", Text: "CR\n"},
		{Name: "custom", Text: strings.Repeat("a", maxContent+1)},
		{Name: "interval", Args: arg("seconds", "1,2")},
		{Name: "interval", Args: arg("seconds", "+1")},
		{Name: "sos_number", Args: map[string]string{"index": "4", "phone": "1"}},
		{Name: "sos_number", Args: map[string]string{"index": "1", "phone": "1]"}},
		{Name: "message"},
		{Name: "message", Text: strings.Repeat("a", maxContent/4)},
		{Name: "voice", Args: arg("data", "x")},
		{Name: "timezone", Args: arg("zone", "Europe/Berlin")},
		{Name: "timezone", Args: map[string]string{"zone": "Z", "language": "1]"}},
		{Name: "sos_sms"},
		{Name: "engine_stop"},
	} {
		if b, err := encode(&protocols.Session{Device: "8600000002"}, c); err == nil {
			t.Errorf("%+v: %.80q", c, b)
		}
	}
	if b, err := encode(new(protocols.Session), protocols.Command{Name: "position"}); err == nil {
		t.Errorf("no device: %q", b)
	}
}
