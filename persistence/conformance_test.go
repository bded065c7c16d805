package persistence

import (
	"fmt"
	"testing"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// suite is what every store must do. poison makes the database refuse rows of speed 666 for a reason that the store can not foresee;
// refresh brings the hours up to date.
type suite struct {
	open    func(t *testing.T, cfg Config) Store // of an empty database
	poison  func(t *testing.T, s Store)
	refresh func(t *testing.T, s Store)
	timed   bool // hours outlive raw events and are exact at once
}

// now is a fixed hour of this month: policies of databases look at the clock.
var now = protocols.At(time.Now().UTC().Truncate(time.Hour))

func fix(device string, at protocols.Millis, lat, lng, speed float64) protocols.Event {
	e := protocols.Event{
		Vehicle: "v-" + device, Device: device, Protocol: "acme", Time: at, Received: at + 1500,
		Session: at - 60_000, Counter: 1,
	}
	e.SetFix(lat, lng, true)
	e.SetSpeed(speed)
	e.SetCourse(123.4)
	e.SetAlt(-3.5)
	e.SetSats(9)
	e.SetHDOP(0.8)
	e.Bool("ignition", true)
	e.Dec("power_v", 12480, 3)
	e.Int("odometer_m", 1000+int64(at/1000)%100_000)
	e.FP = protocols.Fingerprint(fmt.Append(nil, device, at, lat, lng, speed))
	e.Raw = []byte("raw of " + device)
	return e
}

// batchOf puts events into a batch, one journal record each.
func batchOf(source string, from uint64, events ...protocols.Event) protocols.Batch {
	for i := range events {
		events[i].Index = from + uint64(i)
	}
	return protocols.Batch{Source: source, From: from, UpTo: from + uint64(len(events)), Events: events}
}

func mustWrite(t *testing.T, s Store, b protocols.Batch, want Result) {
	t.Helper()
	got, err := s.Write(t.Context(), b)
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	if got != want {
		t.Fatalf("write: got %+v, want %+v", got, want)
	}
}

func allHistory(t *testing.T, s Store, q HistoryQuery) (list []protocols.Event) {
	t.Helper()
	for pages := 0; ; pages++ {
		events, cursor, err := s.History(t.Context(), q)
		if err != nil {
			t.Fatalf("history: %v", err)
		}
		list = append(list, events...)
		if cursor == "" {
			return list
		}
		if pages > 10_000 {
			t.Fatal("history does not end")
		}
		q.Cursor = cursor
	}
}

func jsonOf(e protocols.Event) string { return string(e.AppendJSON(nil)) }

func wantJSON(t *testing.T, got, want []protocols.Event) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d events, want %d", len(got), len(want))
	}
	for i := range got {
		if g, w := jsonOf(got[i]), jsonOf(want[i]); g != w {
			t.Fatalf("event %d:\n got %s\nwant %s", i, g, w)
		}
	}
}

func (c suite) run(t *testing.T) {
	tests := []struct {
		name string
		f    func(t *testing.T, s Store)
	}{
		{"round trip", c.roundTrip},
		{"same batch twice", c.sameBatchTwice},
		{"overlap", c.overlap},
		{"retransmission", c.retransmission},
		{"crash replay", c.crashReplay},
		{"competing writers of a source", c.competing},
		{"devices shared by sources", c.shared},
		{"fingerprint taken", c.differing},
		{"fingerprints used up", c.crowded},
		{"no device time", c.timeless},
		{"last known", c.lastKnown},
		{"last of a fleet", c.lastOfFleet},
		{"renamed vehicle", c.renamedVehicle},
		{"history pages", c.historyPages},
		{"history of several devices", c.historyDevices},
		{"cursors", c.cursors},
		{"hourly", c.hourly},
		{"late upload", c.lateUpload},
		{"quarantine", c.quarantine},
		{"across the tables", c.across},
		{"kept apart by policy", c.acrossPolicy},
		{"hostile values", c.hostile},
		{"refused rows", c.refusedRows},
		{"everything refused", c.everythingRefused},
		{"registry", c.registry},
		{"grants", c.grants},
		{"retention", c.retention},
		{"cancelled", c.cancelled},
		{"check", c.check},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := c.open(t, Config{})
			test.f(t, s)
		})
	}
}
