package gps103

import (
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

const (
	reportFrame = "imei:860000000000016,tracker,260314163000,,F,083013.000,A,3113.8250,N,12128.4221,E,24.30,87.50,12.0,1,0,45.16%,30.50%,+22;"
	beatFrame   = "860000000000016;"
)

// TestZone: the zone is told by the local and the UTC time of one report, which may lie on two days.
func TestZone(t *testing.T) {
	f := func(local, utc, want string, zone string) {
		t.Helper()
		s := new(protocols.Session)
		c := call{s: s, received: protocols.CaptureTime}
		l, ok1 := localTime([]byte(local))
		second, ok2 := timeOfDay([]byte(utc))
		if !ok1 || !ok2 {
			t.Fatal(local, utc)
		}
		if got := c.join(l, second).String(); got != want || s.State != zone {
			t.Errorf("%s, %s: %s, zone %s, want %s, %s", local, utc, got, s.State, want, zone)
		}
	}
	f("260314163000", "083013.000", "2026-03-14T08:30:13.000Z", "480")
	f("2603142359", "155930.000", "2026-03-14T15:59:30.000Z", "480")
	f("260314043202", "083213.000", "2026-03-14T08:32:13.000Z", "-240")
	f("26/03/15 00:10", "161000.000", "2026-03-14T16:10:00.000Z", "480")
	f("260314120000", "235959.000", "2026-03-13T23:59:59.000Z", "720")
	f("260314120000", "000001.000", "2026-03-14T00:00:01.000Z", "720")
	f("260314110000", "230000", "2026-03-13T23:00:00.000Z", "720")
	f("260314230000", "043000", "2026-03-15T04:30:00.000Z", "-330")
	f("260314100000", "100000.250", "2026-03-14T10:00:00.250Z", "0")
	f("260314154500", "100130.5", "2026-03-14T10:01:30.500Z", "345")
}

// TestZoneServesReportsWithoutUTC: what a fix revealed of the zone dates a report that has local time only.
func TestZoneServesReportsWithoutUTC(t *testing.T) {
	s := new(protocols.Session)
	const noFix = "imei:860000000000016,tracker,260314163302,,L,;"
	if e := all(t, s, []byte(noFix)).Events[0]; !e.NoTime {
		t.Errorf("time %v without a zone", e.Time)
	}
	all(t, s, []byte(reportFrame))
	if e := all(t, s, []byte(noFix)).Events[0]; e.NoTime || e.Time.String() != "2026-03-14T08:33:02.000Z" {
		t.Errorf("time %v", e.Time)
	}
	all(t, s, []byte("##,imei:860000000000023,A;"))
	if s.State != "" {
		t.Errorf("another device has zone %s", s.State)
	}
}

func TestLocalTime(t *testing.T) {
	for _, bad := range []string{"", "000000000", "2603141630000", "261314163000", "260230163000", "260314246000", "26031416300x"} {
		if m, ok := localTime([]byte(bad)); ok {
			t.Errorf("%q: %v", bad, m)
		}
	}
	for _, bad := range []string{"", "31.0", "0.0", "240000.000", "08301", "083013000"} {
		if m, ok := timeOfDay([]byte(bad)); ok {
			t.Errorf("%q: %v", bad, m)
		}
	}
}

// TestSteadyStateDoesNotAllocate: what a parked or driving device sends all day costs no garbage.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	for name, text := range map[string]string{"report": reportFrame, "heartbeat": beatFrame} {
		var s protocols.Session
		f := new(protocols.Frame)
		frame := []byte(text)
		feed := func() {
			f.Reset()
			if n, err := Protocol.Decode(&s, protocols.Input{Bytes: frame, Received: protocols.CaptureTime}, f); err != nil || n != len(frame) {
				t.Fatal(n, err)
			}
		}
		feed()
		if got := testing.AllocsPerRun(100, feed); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, frame := range map[string][]byte{"report": []byte(reportFrame), "heartbeat": []byte(beatFrame)} {
		b.Run(name, func(b *testing.B) {
			var s protocols.Session
			f := new(protocols.Frame)
			in := protocols.Input{Bytes: frame, Received: protocols.CaptureTime}
			b.ReportAllocs()
			for b.Loop() {
				f.Reset()
				if _, err := Protocol.Decode(&s, in, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDetect(b *testing.B) {
	frame := []byte(reportFrame)
	b.ReportAllocs()
	for b.Loop() {
		detect(frame, false)
	}
}
