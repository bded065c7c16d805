package persistence

import (
	"slices"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// across sends records again whose receipt has meanwhile crossed a limit: what was kept apart would now go into the history, or the other
// way round. Each stays where it came first.
func (c suite) across(t *testing.T, s Store) {
	again := func(e protocols.Event, received protocols.Millis) protocols.Event {
		e.Attrs = slices.Clone(e.Attrs)
		e.Received, e.Session, e.Counter, e.Late = received, received-1, 7, true
		return e
	}
	const days = 24 * hourMillis
	ahead := fix("1", now+hourMillis, 1, 1, 1) // a clock an hour ahead
	ahead.Received = now
	old := fix("2", now-29*days+hourMillis, 2, 2, 2) // a month in the device's memory
	old.Received = now
	mustWrite(t, s, batchOf("j", 0, ahead, old), Result{Stored: 1, Quarantined: 1})

	fresh := fix("1", now+2*hourMillis, 1, 1, 3)
	mustWrite(t, s, batchOf("j", 2, again(ahead, now+2*hourMillis), fresh, again(old, now+days)), Result{Stored: 1, Duplicates: 2})
	// On another node, whole packets and parts of them, days later.
	mustWrite(t, s, batchOf("other", 0, again(old, now+3*days), again(ahead, now+3*days), again(fresh, now+3*days), again(ahead, now)), Result{Duplicates: 4})

	// Another record under the key is a record of its own, and is itself stored once, wherever it comes.
	differs := again(ahead, now+2*hourMillis)
	differs.SetSpeed(50)
	mustWrite(t, s, batchOf("j", 5, differs), Result{Stored: 1})
	mustWrite(t, s, batchOf("j", 6, again(differs, now), again(differs, now+3*hourMillis)), Result{Duplicates: 2})
	third := again(ahead, now)
	third.SetSpeed(60)
	mustWrite(t, s, batchOf("j", 8, third), Result{Quarantined: 1, Differing: 1})
	mustWrite(t, s, batchOf("j", 9, again(third, now+2*hourMillis)), Result{Duplicates: 1}) // under the next fingerprint

	// Both in one batch, as after an outage of the store.
	both := fix("3", now+hourMillis, 3, 3, 3)
	mustWrite(t, s, batchOf("j", 10, again(both, now), again(both, now+hourMillis)), Result{Quarantined: 1, Duplicates: 1})
	mustWrite(t, s, batchOf("j", 12, again(both, now+hourMillis), again(both, now)), Result{Duplicates: 2})

	for _, want := range []struct {
		vehicle string
		q       bool
		rows    int
	}{{"v-1", false, 2}, {"v-1", true, 2}, {"v-2", false, 1}, {"v-2", true, 0}, {"v-3", false, 0}, {"v-3", true, 1}} {
		if n := len(allHistory(t, s, HistoryQuery{Vehicle: want.vehicle, Quarantined: want.q})); n != want.rows {
			t.Errorf("%s, quarantined %v: %d rows, want %d", want.vehicle, want.q, n, want.rows)
		}
	}
}

// acrossPolicy sends records again after the operator has changed what he thinks of the device.
func (c suite) acrossPolicy(t *testing.T, s Store) {
	policy := func(p protocols.Policy) {
		t.Helper()
		if err := s.PutDevices(t.Context(), []protocols.Device{{ID: "1", Vehicle: "v-1", Policy: p}}); err != nil {
			t.Fatal(err)
		}
	}
	var events []protocols.Event
	for i := range 6 {
		events = append(events, fix("1", now+protocols.Millis(i)*1000, 1, 1, float64(i)))
	}
	mustWrite(t, s, batchOf("j", 0, slices.Clone(events[:3])...), Result{Stored: 3})
	policy(protocols.Quarantine)
	mustWrite(t, s, batchOf("j", 3, slices.Clone(events[1:5])...), Result{Quarantined: 2, Duplicates: 2})
	policy(protocols.Accept)
	mustWrite(t, s, batchOf("j", 7, slices.Clone(events)...), Result{Stored: 1, Duplicates: 5})
	mustWrite(t, s, batchOf("other", 0, slices.Clone(events)...), Result{Duplicates: 6})
}
