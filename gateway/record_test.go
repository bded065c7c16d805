package gateway

import (
	"slices"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// TestRuns stages frames as sessions do. Those that need the same lie in one record, and each event has its place within the connection, also behind a
// frame that no longer decodes.
func TestRuns(t *testing.T) {
	byName := map[string]*protocols.Protocol{wire.Name: &wire}
	c := connection{protocol: wire.Name, version: wire.Version, start: protocols.CaptureTime, number: 1, session: protocols.Session{Device: "A"}, vehicle: "A"}
	header := string(c.append(nil))
	c.session.State = "taught"
	other := string(c.append(nil))

	w := newWorker(-1)
	r := record{received: protocols.CaptureTime}
	keep := func(header, frame string, events int) {
		w.keep(&r, header, []byte(frame), events)
		r.counter += uint32(events)
		w.kept(r.counter, r.newest)
	}
	for _, step := range []struct {
		name    string
		keep    func()
		records int
	}{
		{"the first", func() { keep(header, "beat\n", 1) }, 1},
		{"the same session", func() { keep(header, "many 3 1\n", 3) }, 1},
		{"one that will not decode", func() { keep(header, "panic\n", 2) }, 1},
		{"behind it", func() { keep(header, "beat\n", 1) }, 1},
		{"another session", func() { keep(other, "beat\n", 1) }, 2},
		{"another time", func() { r.received++; keep(other, "beat\n", 1) }, 3},
		{"a vehicle that was heard elsewhere meanwhile", func() { r.newest++; keep(other, "beat\n", 1) }, 4},
		{"a device that is not trusted any more", func() { r.quarantined = true; keep(other, "beat\n", 1) }, 5},
		{"too long for what is there", func() { keep(other, "beat "+strings.Repeat("x", maxRun)+"\n", 1) }, 6},
		{"the next read", func() { w.reset(); keep(other, "beat\n", 1) }, 1},
	} {
		if len(w.ends) == 6 {
			readRuns(t, w, byName)
		}
		if step.keep(); len(w.ends) != step.records {
			t.Errorf("%s: %d records, want %d", step.name, len(w.ends), step.records)
		}
	}
}

// readRuns reads what TestRuns staged.
func readRuns(t *testing.T, w *worker, byName map[string]*protocols.Protocol) {
	t.Helper()
	to, u := new(reel), unreeler{byName: byName}
	start := 0
	for _, end := range w.ends {
		u.add(to, w.stage[start:end])
		start = end
	}
	var places []uint32
	for i := range to.frame.Events {
		places = append(places, to.frame.Events[i].Counter)
	}
	if want := []uint32{0, 1, 2, 3, 6, 7, 8, 9, 10, 11}; !slices.Equal(places, want) {
		t.Errorf("events stand at %v, want %v", places, want)
	}
	if got, want := to.ends, []int{5, 6, 7, 8, 9, 10}; !slices.Equal(got, want) {
		t.Errorf("records end at events %v, want %v", got, want)
	}
	if string(to.frame.Events[4].Raw) != "beat\n" || to.frame.Events[4].Index != 0 {
		t.Errorf("the event behind the dead frame is %q of record %d", to.frame.Events[4].Raw, to.frame.Events[4].Index)
	}
	if len(to.dead) != 1 || string(to.dead[0].Raw) != "panic\n" || to.dead[0].Index != 0 {
		t.Errorf("dead letters: %+v, want the frame that panics", to.dead)
	}
}
