package tk103

import (
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func TestEncode(t *testing.T) {
	f := func(state, want string, c protocols.Command, pairs ...string) {
		t.Helper()
		s := protocols.Session{Device: "013612345600", State: state}
		c.Args = arguments(pairs)
		b, err := encode(&s, c)
		if err != nil || string(b) != want {
			t.Errorf("%s: %s, %v, want %s", c.Name, b, err, want)
		}
		if state == "k0" {
			if n, body := cut(b, false); n != len(b) || len(body) != n-2 {
				t.Errorf("%s: %s is not one message", c.Name, b)
			}
		}
	}
	f("k0", "(013612345600AP00)", protocols.Command{Name: "position"})
	f("", "(013612345600AP00)", protocols.Command{Name: "position"})
	f("k0", "(013612345600AR00001E0000)", protocols.Command{Name: "interval"}, "seconds", "30")
	f("k0", "(013612345600AR0000000000)", protocols.Command{Name: "interval_stop"})
	f("k0", "(013612345600AV010)", protocols.Command{Name: "engine_stop"})
	f("k0", "(013612345600AV011)", protocols.Command{Name: "engine_resume"})
	f("k0", "(013612345600AV000)", protocols.Command{Name: "circuit_cut"})
	f("k0", "(013612345600AV001)", protocols.Command{Name: "circuit_restore"})
	f("k0", "(013612345600AT00)", protocols.Command{Name: "reboot"})
	f("k0", "(013612345600AP07)", protocols.Command{Name: "version"})
	f("k0", "(013612345600AX01)", protocols.Command{Name: "odometer_reset"})
	f("k0", "(013612345600AA00)", protocols.Command{Name: "custom", Text: "AA00"})
	f("c0", "[begin]sms2,*getposl*,[end]", protocols.Command{Name: "position"})
	f("c0", "[begin]sms2,*status*,[end]", protocols.Command{Name: "status"})
	f("c0", "[begin]sms2,88888888,[end]", protocols.Command{Name: "reboot"})
	f("c0", "[begin]sms2,*setip*198*51*100*7*5002*,[end]", protocols.Command{Name: "server"}, "host", "198.51.100.7", "port", "5002")

	refused := func(state string, c protocols.Command, pairs ...string) {
		t.Helper()
		s := protocols.Session{Device: "013612345600", State: state}
		c.Args = arguments(pairs)
		if b, err := encode(&s, c); err == nil {
			t.Errorf("%+v: %s", c, b)
		}
	}
	refused("k0", protocols.Command{Name: "dance"})
	refused("c0", protocols.Command{Name: "engine_stop"})
	refused("k0", protocols.Command{Name: "custom"})
	refused("k0", protocols.Command{Name: "custom", Text: "AP00)(013612345600AV010"})
	refused("k0", protocols.Command{Name: "custom", Text: "AP00$"})
	refused("k0", protocols.Command{Name: "custom", Text: "AP00\n"})
	refused("c0", protocols.Command{Name: "custom", Text: "x,[end][begin]"})
	refused("c0", protocols.Command{Name: "custom", Text: strings.Repeat("x", 401)})
	refused("k0", protocols.Command{Name: "interval"}, "seconds", "65536")
	refused("k0", protocols.Command{Name: "interval"}, "seconds", "0")
	refused("c0", protocols.Command{Name: "server"}, "host", "example.com", "port", "1")
	refused("c0", protocols.Command{Name: "sos_number"}, "password", "1*", "phone", "+1")
	if b, err := encode(&protocols.Session{}, protocols.Command{Name: "position"}); err == nil {
		t.Errorf("without a serial number: %s", b)
	}
}

func arguments(pairs []string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}
