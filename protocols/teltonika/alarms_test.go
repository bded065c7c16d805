package teltonika

import (
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// alarmsOf decodes a packet of one-byte elements and returns the alarm of each record.
func alarmsOf(t *testing.T, s *protocols.Session, records ...*record) []string {
	t.Helper()
	var raw [][]byte
	for _, r := range records {
		raw = append(raw, r.b)
	}
	_, f, err := next(s, avlPacket(codec8, raw...))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := range f.Events {
		e := &f.Events[i]
		if _, known := protocols.Alarms[e.Alarm]; !known && e.Alarm != "" {
			t.Errorf("%q is no alarm", e.Alarm)
		}
		if (e.Kind == protocols.Alarm) != (e.Alarm != "") {
			t.Errorf("kind %v with alarm %q", e.Kind, e.Alarm)
		}
		out = append(out, e.Alarm)
	}
	return out
}

func TestAlarmByCause(t *testing.T) {
	f := func(model string, cause byte, value uint64, want string) {
		t.Helper()
		s := protocols.Session{Device: testIMEI, Options: protocols.Options{Model: model}}
		if got := alarmsOf(t, &s, simpleRecord(1780315200000, uint64(cause), value).caused(cause)); got[0] != want {
			t.Errorf("%s element %d = %d: %q, want %q", model, cause, value, got[0], want)
		}
		s.State = ""
		if got := alarmsOf(t, &s, simpleRecord(1780315200000, uint64(cause), value)); got[0] != "" {
			t.Errorf("%s element %d = %d without a cause: %q", model, cause, value, got[0])
		}
	}
	f("", 236, 1, "sos")
	f("", 236, 0, "")
	f("", 246, 1, "tow")
	f("", 247, 1, "collision")
	f("", 247, 6, "collision")
	f("", 249, 1, "jamming")
	f("", 249, 0, "")
	f("", 251, 1, "idling")
	f("", 252, 1, "power_cut")
	f("", 253, 1, "harsh_accel")
	f("", 253, 2, "harsh_brake")
	f("", 253, 3, "harsh_corner")
	f("", 255, 130, "overspeed")
	f("", 175, 1, "geofence_enter")
	f("", 155, 0, "geofence_exit")
	f("", 231, 3, "overspeed")
	f("", 61, 2, "")
	f("", 200, 2, "")
	f("", 239, 1, "")
	f("FMB640", 243, 1, "idling")
	f("FMB640", 251, 1, "") // immobiliser there
	f("FMB640", 252, 1, "") // authorised driving there
	f("FMB640", 246, 1, "tow")
}

func TestPanicPriority(t *testing.T) {
	s := protocols.Session{Device: testIMEI}
	urgent := simpleRecord(1780315200000, 239, 1)
	urgent.b[8] = panicPriority
	if got := alarmsOf(t, &s, urgent); got[0] != "sos" {
		t.Errorf("panic priority without a cause: %q", got[0])
	}
	if got := alarmsOf(t, &s, urgent.caused(239)); got[0] != "" {
		t.Errorf("panic priority caused by the ignition: %q", got[0])
	}
}

// A record without a cause is an alarm when a state came on since the record before it in time.
func TestAlarmByChange(t *testing.T) {
	const at = 1780315200000
	plugged := func(s uint64, unplugged uint64) *record { return simpleRecord(at+1000*s, 252, unplugged) }
	f := func(name string, s *protocols.Session, want []string, records ...*record) {
		t.Helper()
		got := alarmsOf(t, s, records...)
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: %q, want %q", name, got, want)
				return
			}
		}
	}
	s := &protocols.Session{Device: testIMEI}
	f("nothing known before", s, []string{""}, plugged(0, 1))
	f("still on", s, []string{""}, plugged(1, 1))
	f("off and on", s, []string{"", "power_cut"}, plugged(2, 0), plugged(3, 1))
	f("newest first", s, []string{"", "power_cut", ""}, plugged(6, 1), plugged(5, 1), plugged(4, 0))
	f("on in the next packet", s, []string{""}, plugged(7, 1))
	before := s.State
	f("no more news", s, []string{"", ""}, plugged(8, 1), plugged(9, 1))
	if s.State != before {
		t.Errorf("state went from %q to %q", before, s.State)
	}
	f("off", s, []string{""}, plugged(10, 0))
	f("on by cause, then without", s, []string{"power_cut", ""}, plugged(11, 1).caused(252), plugged(12, 1))
}
