package persistence

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func (c suite) lastKnown(t *testing.T, s Store) {
	next := uint64(0)
	write := func(events ...protocols.Event) {
		t.Helper()
		if _, err := s.Write(t.Context(), batchOf("j", next, events...)); err != nil {
			t.Fatal(err)
		}
		next += uint64(len(events))
	}
	last := func(vehicle string) protocols.Event {
		t.Helper()
		list, err := s.Last(t.Context(), []string{vehicle, "nobody"})
		if err != nil || len(list) != 1 {
			t.Fatalf("last of %s: %d events, %v", vehicle, len(list), err)
		}
		return list[0]
	}
	want := func(e protocols.Event) {
		t.Helper()
		if got := last(e.Vehicle); jsonOf(got) != jsonOf(e) {
			t.Fatalf("last known:\n got %s\nwant %s", jsonOf(got), jsonOf(e))
		}
	}
	status := func(at protocols.Millis) protocols.Event {
		return protocols.Event{Vehicle: "v-1", Device: "1", Protocol: "acme", Kind: protocols.Status, Time: at, Received: at, FP: int32(at)}
	}
	contact := func(at protocols.Millis) {
		t.Helper()
		m, err := s.Contacts(t.Context(), []string{"v-1", "nobody"})
		if err != nil || m["v-1"] != at || len(m) != 1 {
			t.Fatalf("contact: got %v, %v, want %v", m, err, at)
		}
	}
	// Before the first fix: the newest of what there is.
	write(status(now - 9000))
	write(status(now-7000), status(now-8000))
	want(status(now - 7000))
	// Any fix is better, even one that is older than a status.
	f := fix("1", now-7500, 1, 1, 1)
	write(f)
	want(f)
	contact(f.Received)
	// Newer in one batch with an older behind it; then a status, which moves the contact only.
	f2, f3 := fix("1", now-5000, 1, 3, 1), fix("1", now-6000, 1, 2, 1)
	write(f2, f3, status(now))
	want(f2)
	contact(now)
	// Late, invalid, future and wild fixes, and other vehicles.
	late, invalid, future, wild := fix("1", now+1000, 9, 9, 9), fix("1", now+1000, 9, 9, 8), fix("1", now+11*60_000, 9, 9, 7), fix("1", now-40*24*hourMillis, 9, 9, 6)
	late.Late, invalid.Valid = true, false
	future.Received, wild.Received = now+1000, now+1000
	write(late, invalid, future, wild, fix("2", now+5000, 5, 5, 5))
	want(f2)
	// A device clock slightly ahead is taken, and what is older afterwards is not.
	f4 := fix("1", now+9*60_000, 1, 4, 1)
	f4.Received = now + 2000
	write(f4)
	want(f4)
	write(fix("1", now+3000, 7, 7, 7))
	want(f4)

	all, err := s.LastAll(t.Context(), "", 1)
	if err != nil || len(all) != 1 || all[0].Vehicle != "v-1" {
		t.Fatalf("first page: %v, %v", all, err)
	}
	all, err = s.LastAll(t.Context(), "v-1", 10)
	if err != nil || len(all) != 1 || all[0].Vehicle != "v-2" {
		t.Fatalf("second page: %v, %v", all, err)
	}
	if none, err := s.Last(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("last of nobody: %v, %v", none, err)
	}
}

// A fleet of which every other vehicle has moved, and of the rest older records came late: all were heard of.
func (c suite) lastOfFleet(t *testing.T, s Store) {
	const fleet = 150
	var first, second []protocols.Event
	for i := range fleet {
		device := fmt.Sprint(i)
		first = append(first, fix(device, now-5000, 1, 1, 1))
		if i%2 == 0 {
			second = append(second, fix(device, now-4000, 1, 2, 2))
		} else {
			second = append(second, fix(device, now-6000, 1, 3, 3))
		}
		second[i].Received = now
	}
	mustWrite(t, s, batchOf("j", 0, first...), Result{Stored: fleet})
	mustWrite(t, s, batchOf("j", fleet, second...), Result{Stored: fleet})
	for i := range fleet {
		want := first[i]
		if i%2 == 0 {
			want = second[i]
		}
		last, err := s.Last(t.Context(), []string{want.Vehicle})
		if err != nil || len(last) != 1 || jsonOf(last[0]) != jsonOf(want) {
			t.Fatalf("last of %s: %v, %v\nwant %s", want.Vehicle, last, err, jsonOf(want))
		}
		contacts, err := s.Contacts(t.Context(), []string{want.Vehicle})
		if err != nil || contacts[want.Vehicle] != now {
			t.Fatalf("contact of %s: %v, %v, want %v", want.Vehicle, contacts, err, now)
		}
		hours, err := s.Hourly(t.Context(), want.Vehicle, now-2*hourMillis, now+hourMillis)
		events := int64(0)
		for _, h := range hours {
			events += h.Events
		}
		if err != nil || events != 2 {
			t.Fatalf("hours of %s: %d events, %v", want.Vehicle, events, err)
		}
	}
}

func (c suite) historyPages(t *testing.T, s Store) {
	var events []protocols.Event
	for i := range 60 { // six records in each second
		e := fix("1", now+protocols.Millis(i/6)*1000, 1, 1, float64(i))
		e.FP = int32(i%6)*1_000_000 - 3_000_000
		events = append(events, e)
	}
	shuffled := slices.Clone(events)
	rand.Shuffle(len(shuffled), func(a, b int) { shuffled[a], shuffled[b] = shuffled[b], shuffled[a] })
	mustWrite(t, s, batchOf("j", 0, shuffled...), Result{Stored: 60})
	for _, limit := range []int{1, 4, 6, 7, 59, 60, 61, 0, 1 << 30, -1} {
		wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "v-1", Limit: limit}), events)
	}
	wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "v-1", From: now + 2000, To: now + 4000, Limit: 5}), events[12:24])
	wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "v-1", From: now + 2001, To: now + 3001}), events[18:24])
	wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "v-1", From: now + 4000, To: now + 4000}), nil)
	wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "v-1", From: now + 4000, To: now}), nil)
	wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "1"}), nil)
	wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "v-1", From: math.MinInt64, To: math.MaxInt64}), events)
	// A page that is exactly full has no cursor when nothing follows.
	if _, cursor, err := s.History(t.Context(), HistoryQuery{Vehicle: "v-1", Limit: 60}); cursor != "" || err != nil {
		t.Errorf("cursor %q, %v behind the last event", cursor, err)
	}
}

// A vehicle carried three devices, one of which then moved to another vehicle.
func (c suite) historyDevices(t *testing.T, s Store) {
	var events, other []protocols.Event
	for i := range 90 {
		e := fix(fmt.Sprint("d", i%3), now+protocols.Millis(i/9)*1000, 1, 1, float64(i))
		e.Vehicle = "truck"
		if i%3 == 2 && i > 45 {
			e.Vehicle = "van"
			other = append(other, e)
		} else {
			events = append(events, e)
		}
	}
	mustWrite(t, s, batchOf("j", 0, append(slices.Clone(events), other...)...), Result{Stored: 90})
	byKey := func(a, b protocols.Event) int {
		if a.Time != b.Time {
			return int(a.Time - b.Time)
		}
		if a.Device != b.Device {
			return strings.Compare(a.Device, b.Device)
		}
		return compare(a.FP, b.FP)
	}
	slices.SortFunc(events, byKey)
	slices.SortFunc(other, byKey)
	for _, limit := range []int{1, 2, 5, 9, 100} {
		wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "truck", Limit: limit}), events)
		wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "van", Limit: limit}), other)
	}
}

func (c suite) cursors(t *testing.T, s Store) {
	mustWrite(t, s, batchOf("j", 0, fix("1", now, 1, 1, 1)), Result{Stored: 1})
	for _, cursor := range []string{"x", "AQ", "Ag", "!", strings.Repeat("A", 100), position{now, 1, 1}.String() + "A", "AQ" + strings.Repeat("_", 40)} {
		if _, _, err := s.History(t.Context(), HistoryQuery{Vehicle: "v-1", Cursor: cursor}); !errors.Is(err, ErrRequest) {
			t.Errorf("cursor %q: got %v, want ErrRequest", cursor, err)
		}
	}
}

func (c suite) hourly(t *testing.T, s Store) {
	start := now - 5*hourMillis
	var events []protocols.Event
	for i := range 12 { // ten minutes apart: two hours
		events = append(events, fix("1", start+protocols.Millis(i)*600_000, float64(i), 10+float64(i), float64(10*i)))
	}
	events[3].Alarm = "sos"
	events[4].Valid = false
	mustWrite(t, s, batchOf("j", 0, slices.Clone(events)...), Result{Stored: 12})
	again := batchOf("copy", 0, slices.Clone(events)...)
	mustWrite(t, s, again, Result{Duplicates: 12})
	c.refresh(t, s)
	hours, err := s.Hourly(t.Context(), "v-1", start, start+2*hourMillis)
	if err != nil || len(hours) != 2 {
		t.Fatalf("got %d hours, %v, want 2", len(hours), err)
	}
	h := hours[0]
	if h.Start != start || h.Events != 6 || h.Fixes != 5 || h.Alarms != 1 || *h.AvgSpeed != 22 || *h.MaxSpeed != 50 ||
		*h.FirstLat != 0 || *h.FirstLng != 10 || *h.LastLat != 5 || *h.LastLng != 15 {
		t.Errorf("first hour: %s", h.AppendJSON(nil))
	}
	if only, err := s.Hourly(t.Context(), "v-1", start+1, start+hourMillis); err != nil || len(only) != 0 {
		t.Errorf("hours that begin within an hour: %v, %v", only, err)
	}
	// Late data changes an hour that was summed up before.
	late := fix("1", start+60_000, 50, 60, 300)
	late.Late = true
	mustWrite(t, s, batchOf("j", 12, late), Result{Stored: 1})
	status := protocols.Event{Vehicle: "v-9", Device: "9", Protocol: "acme", Kind: protocols.Status, Time: start, Received: start}
	mustWrite(t, s, batchOf("j", 13, status), Result{Stored: 1})
	c.refresh(t, s)
	hours, err = s.Hourly(t.Context(), "v-1", start, 0)
	if err != nil || len(hours) != 2 || hours[0].Events != 7 || *hours[0].MaxSpeed != 300 || *hours[0].LastLat != 5 || *hours[0].FirstLat != 0 {
		t.Errorf("with late data: %+v, %v", hours, err)
	}
	hours, err = s.Hourly(t.Context(), "v-9", start, 0)
	if err != nil || len(hours) != 1 || hours[0].Fixes != 0 || hours[0].AvgSpeed != nil || hours[0].FirstLat != nil || hours[0].OdometerMax != nil {
		t.Errorf("hour without a fix: %+v, %v", hours, err)
	}
	if got := string(hours[0].AppendJSON(nil)); got != `{"time":"`+start.String()+`","events":1,"fixes":0,"alarms":0}` {
		t.Errorf("JSON: %s", got)
	}
}

// Weeks of stored records arrive at once.
func (c suite) lateUpload(t *testing.T, s Store) {
	var events []protocols.Event
	for i := range 28 {
		e := fix("1", now-protocols.Millis(28-i)*24*hourMillis, 1, 1, float64(i))
		e.Received, e.Late, e.Stored = now, true, true
		events = append(events, e)
	}
	mustWrite(t, s, batchOf("j", 0, slices.Clone(events)...), Result{Stored: 28})
	c.refresh(t, s)
	again := batchOf("copy", 0, slices.Clone(events)...)
	mustWrite(t, s, again, Result{Duplicates: 28})
	differs := events[3]
	differs.SetSpeed(99.5)
	mustWrite(t, s, batchOf("j", 28, differs), Result{Stored: 1, Differing: 1})
	if last, err := s.Last(t.Context(), []string{"v-1"}); err != nil || len(last) != 0 {
		t.Errorf("late records became the last known: %v, %v", last, err)
	}
	for vehicle, want := range map[string]bool{"v-1": true, "v-2": false, "v\x00": false} {
		if known, err := s.Known(t.Context(), vehicle); err != nil || known != want {
			t.Errorf("known %q: %v, %v, want %v", vehicle, known, err, want)
		}
	}
	if n := len(allHistory(t, s, HistoryQuery{Vehicle: "v-1", Limit: 3})); n != 29 {
		t.Errorf("got %d rows, want 29", n)
	}
	c.refresh(t, s)
	hours, err := s.Hourly(t.Context(), "v-1", events[3].Time, events[3].Time+hourMillis)
	if err != nil || len(hours) != 1 || hours[0].Events != 2 {
		t.Errorf("hour of late data: %+v, %v", hours, err)
	}
}

// renamedVehicle registers a device that was seen before: its own id is no vehicle any more.
func (c suite) renamedVehicle(t *testing.T, s Store) {
	before, parked := fix("7", now, 1, 1, 10), fix("8", now, 1, 1, 10)
	before.Vehicle = "7"
	mustWrite(t, s, batchOf("j", 0, before, parked), Result{Stored: 2})
	all := func(want ...string) {
		t.Helper()
		list, err := s.LastAll(t.Context(), "", 10)
		if err != nil || len(list) != len(want) {
			t.Fatalf("%d vehicles, %v, want %v", len(list), err, want)
		}
		for i := range list {
			if list[i].Vehicle != want[i] {
				t.Errorf("vehicle %q, want %q", list[i].Vehicle, want[i])
			}
		}
	}
	all("7", "v-8")
	if err := s.PutDevices(t.Context(), []protocols.Device{{ID: "7", Vehicle: "truck", Policy: protocols.Accept}}); err != nil {
		t.Fatal(err)
	}
	all("v-8")
	after := fix("7", now+1000, 1, 1, 10)
	after.Vehicle = "truck"
	mustWrite(t, s, batchOf("j", 2, after), Result{Stored: 1})
	all("truck", "v-8")
}
