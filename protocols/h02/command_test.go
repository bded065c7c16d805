package h02

import (
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func TestEncode(t *testing.T) {
	s := protocols.Session{Device: "7012345678", State: "TH-00"}
	f := func(options, want string, c protocols.Command, pairs ...string) {
		t.Helper()
		o, err := protocols.ParseOptions(strings.Fields(options))
		if err != nil {
			t.Fatal(err)
		}
		s.Options, c.Args = o, arguments(pairs)
		b, err := encode(&s, c)
		if err != nil || string(b) != want {
			t.Errorf("%s: %s, %v, want %s", c.Name, b, err, want)
		}
		if n, end := cutText(b, false); n != len(b) || end != n-1 {
			t.Errorf("%s: %s is no sentence", c.Name, b)
		}
	}
	f("", "*TH,7012345678,S20,083002,1,1#", protocols.Command{Name: "engine_stop"}, "time", "083002")
	f("", "*TH,7012345678,S20,083000,1,0#", protocols.Command{Name: "engine_resume", ID: 86400 + 8*3600 + 30*60})
	f("", "*TH,7012345678,SCF,000001,0,0#", protocols.Command{Name: "arm", ID: 1})
	f("", "*TH,7012345678,SCF,000001,1,1#", protocols.Command{Name: "disarm", ID: 1})
	f("", "*TH,7012345678,S71,083002,22,30#", protocols.Command{Name: "interval"}, "time", "083002", "seconds", "30")
	f("interval=d1", "*TH,7012345678,D1,083000,30,1#", protocols.Command{Name: "interval"}, "time", "083000", "seconds", "30")
	f("interval=s17", "*TH,7012345678,S17,083001,30#", protocols.Command{Name: "interval"}, "time", "083001", "seconds", "30")
	f("", "*TH,7012345678,R1,083004#", protocols.Command{Name: "reboot"}, "time", "083004")
	f("", "*TH,7012345678,R7,083000#", protocols.Command{Name: "clear_alarms"}, "time", "083000")
	f("", "*TH,7012345678,S23,083002,198.51.100.7,5013,1#", protocols.Command{Name: "server"}, "time", "083002", "host", "198.51.100.7", "port", "5013")
	f("", "*TH,7012345678,S26,083002#", protocols.Command{Name: "custom", Text: "S26"}, "time", "083002")
	f("", "*TH,7012345678,S2,083002,1,x y#", protocols.Command{Name: "custom", Text: "S2,1,x y"}, "time", "083002")

	refused := func(options string, c protocols.Command, pairs ...string) {
		t.Helper()
		o, err := protocols.ParseOptions(strings.Fields(options))
		if err != nil {
			t.Fatal(err)
		}
		s.Options, c.Args = o, arguments(pairs)
		if b, err := encode(&s, c); err == nil {
			t.Errorf("%+v: %s", c, b)
		}
	}
	refused("", protocols.Command{Name: "dance"})
	refused("", protocols.Command{Name: "custom"})
	refused("", protocols.Command{Name: "custom", Text: ",1"})
	refused("", protocols.Command{Name: "custom", Text: "S20#*HQ"})
	refused("", protocols.Command{Name: "custom", Text: "S20\r"})
	refused("", protocols.Command{Name: "custom", Text: "S20*"})
	refused("", protocols.Command{Name: "custom", Text: strings.Repeat("x", 401)})
	refused("", protocols.Command{Name: "reboot"}, "time", "246000")
	refused("", protocols.Command{Name: "reboot"}, "time", "08300#")
	refused("", protocols.Command{Name: "interval"}, "seconds", "0")
	refused("", protocols.Command{Name: "interval"}, "seconds", "1,1#")
	refused("interval=x", protocols.Command{Name: "interval"}, "seconds", "1")
	refused("", protocols.Command{Name: "server"}, "host", "a#b", "port", "1")
	refused("", protocols.Command{Name: "server"}, "host", "a", "port", "0")
	s.Device = ""
	refused("", protocols.Command{Name: "reboot"})
}

func arguments(pairs []string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}
