package gps103

import (
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func TestEncode(t *testing.T) {
	s := protocols.Session{Device: "860000000000001"}
	f := func(want string, c protocols.Command, pairs ...string) {
		t.Helper()
		c.Args = arguments(pairs)
		b, err := encode(&s, c)
		if err != nil || string(b) != "**,imei:860000000000001,"+want {
			t.Errorf("%s: %s, %v, want %s", c.Name, b, err, want)
		}
	}
	f("B", protocols.Command{Name: "position"})
	f("C,30s", protocols.Command{Name: "interval"}, "seconds", "30")
	f("C,59s", protocols.Command{Name: "interval"}, "seconds", "59")
	f("C,01m", protocols.Command{Name: "interval"}, "seconds", "60")
	f("C,02m", protocols.Command{Name: "interval"}, "seconds", "90")
	f("C,05m", protocols.Command{Name: "interval"}, "seconds", "300")
	f("C,59m", protocols.Command{Name: "interval"}, "seconds", "3540")
	f("C,01h", protocols.Command{Name: "interval"}, "seconds", "3600")
	f("C,10h", protocols.Command{Name: "interval"}, "seconds", "36000")
	f("C,99h", protocols.Command{Name: "interval"}, "seconds", "356400")
	f("D", protocols.Command{Name: "interval_stop"})
	f("E", protocols.Command{Name: "clear_alarms"})
	f("G", protocols.Command{Name: "movement_alarm"})
	f("H,080", protocols.Command{Name: "overspeed"}, "kmh", "80")
	f("I,8", protocols.Command{Name: "zone"}, "hours", "8")
	f("I,-4", protocols.Command{Name: "zone"}, "hours", "-4")
	f("J", protocols.Command{Name: "engine_stop"})
	f("K", protocols.Command{Name: "engine_resume"})
	f("L", protocols.Command{Name: "arm"})
	f("M", protocols.Command{Name: "disarm"})
	f("N", protocols.Command{Name: "sms_mode"})
	f("O,31.5,121.4;31.2,121.9", protocols.Command{Name: "geofence"}, "lat1", "31.5", "lng1", "121.4", "lat2", "31.2", "lng2", "121.9")
	f("P", protocols.Command{Name: "geofence_off"})
	f("160", protocols.Command{Name: "photo"})
	f("H,080", protocols.Command{Name: "custom", Text: "H,080"})
	s.Options.Extra = "semicolon=true"
	f("B;", protocols.Command{Name: "position"})

	refused := func(c protocols.Command, pairs ...string) {
		t.Helper()
		c.Args = arguments(pairs)
		if b, err := encode(&s, c); err == nil {
			t.Errorf("%+v: %s", c, b)
		}
	}
	refused(protocols.Command{Name: "dance"})
	refused(protocols.Command{Name: "custom"})
	refused(protocols.Command{Name: "custom", Text: "B;**,imei:1,N"})
	refused(protocols.Command{Name: "custom", Text: "B**"})
	refused(protocols.Command{Name: "custom", Text: "B\r\n"})
	refused(protocols.Command{Name: "custom", Text: strings.Repeat("x", 401)})
	refused(protocols.Command{Name: "interval"}, "seconds", "0")
	refused(protocols.Command{Name: "interval"}, "seconds", "356401")
	refused(protocols.Command{Name: "interval"}, "seconds", "1;")
	refused(protocols.Command{Name: "overspeed"}, "kmh", "1000")
	refused(protocols.Command{Name: "zone"}, "hours", "15")
	refused(protocols.Command{Name: "geofence"}, "lat1", "91", "lng1", "1", "lat2", "1", "lng2", "1")
	refused(protocols.Command{Name: "geofence"}, "lat1", "1", "lng1", "1", "lat2", "1", "lng2", "1;J")
	s.Device = ""
	refused(protocols.Command{Name: "position"})
}

// TestConfirmations: the device's answer to each command of one letter names that command.
func TestConfirmations(t *testing.T) {
	for letter := byte('D'); letter <= 'S'; letter++ {
		b := []byte("imei:860000000000001," + string(letter|0x20) + "t,260314163000,,F,083013.000,A,3113.8250,N,12128.4221,E,0.00,0;")
		e := all(t, new(protocols.Session), b).Events[0]
		a, _ := e.Attrs.Get("command")
		if got, _ := a.Text(); e.Kind != protocols.CommandResult || got != string(letter) {
			t.Errorf("%c: %v %q", letter, e.Kind, got)
		}
	}
}

func arguments(pairs []string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}
