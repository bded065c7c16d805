package ledger

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func entry(device uint64, record uint32) Entry {
	return Entry{Device: device, Record: record, Time: 1_790_000_000_000 + int64(record)*1000, Lat: -float64(record%90*1_800_000+7) / 1_800_000, Lng: 13.3501234, Speed: 42}
}

func TestLine(t *testing.T) {
	for _, e := range []Entry{
		entry(1_017_010_000_017, 225_270_464),
		{Device: 356_307_042_441_013, Record: math.MaxUint32, Time: -5, Lat: math.Nextafter(12.9, 13), Lng: -179.99999999999997, Speed: 255},
		{Device: 7},
	} {
		line := e.String()
		got, err := parse(line)
		if err != nil || got != e {
			t.Errorf("%s: got %+v, %v", line, got, err)
		}
		var b [entrySize]byte
		copy(b[:], e.pack(nil))
		if got := unpack(&b); got != e {
			t.Errorf("packed: got %+v, want %+v", got, e)
		}
	}
	if got, want := string(AppendDevice(nil, 7)), "000000000000007"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	good := "001017010000017,1790000000000,5,1,2,3"
	for _, bad := range []string{"", "x", good + ",4", good[:len(good)-2], strings.Replace(good, ",5,", ",-5,", 1), strings.Replace(good, "001017", "1017", 1),
		strings.Replace(good, ",5,", ",4294967296,", 1), good + "x"} {
		if e, err := parse(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, e)
		}
	}
}

// TestWriter: two writers at once, as of two processes, leave only whole lines; a file that a killed process left is continued behind its last whole line.
func TestWriter(t *testing.T) {
	name := filepath.Join(t.TempDir(), "acked.csv")
	if err := Prepare(name); err != nil {
		t.Fatal(err)
	}
	const each = 3000
	write := func(device uint64) {
		w, err := Append(name)
		if err != nil {
			t.Error(err)
			return
		}
		var wait sync.WaitGroup
		for part := range uint32(3) {
			wait.Go(func() {
				for i := range uint32(each / 3) {
					e := entry(device, part*each/3+i)
					w.Add(&e)
				}
			})
		}
		wait.Wait()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	var wait sync.WaitGroup
	wait.Go(func() { write(1) })
	wait.Go(func() { write(2) })
	wait.Wait()

	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("001017010000017,179000")
	f.Close()
	if s := sorted(t, name); s.Entries != 2*each || s.Torn != 1 || s.Unreadable != 0 {
		t.Errorf("%+v", s)
	}
	if err := Prepare(name); err != nil {
		t.Fatal(err)
	}
	write(3)
	s := sorted(t, name)
	if s.Entries != 3*each || s.Torn != 0 || s.Unreadable != 0 {
		t.Errorf("%+v", s)
	}
	var devices []uint64
	err = s.Each(func(device uint64, entries []Entry) error {
		devices = append(devices, device)
		if len(entries) != each || entries[0].Record != 0 || entries[each-1].Record != each-1 {
			t.Errorf("device %d: %d entries from %d", device, len(entries), entries[0].Record)
		}
		return nil
	})
	if err != nil || !slices.Equal(devices, []uint64{1, 2, 3}) {
		t.Errorf("devices %v, %v", devices, err)
	}
	if err := os.WriteFile(name, []byte("no line at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Prepare(name); err == nil {
		t.Error("another file would be cut")
	}
}

func sorted(t *testing.T, name string) *Sorted {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return sortText(t, string(raw), int64(len(raw)))
}

func sortText(t *testing.T, text string, size int64) *Sorted {
	t.Helper()
	s, err := Sort(strings.NewReader(text), size, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestSortedParts: with many parts each device is still whole, lines said twice count once, and nothing is left behind.
func TestSortedParts(t *testing.T) {
	var text strings.Builder
	text.WriteString(Head)
	for record := range uint32(50) {
		for device := range uint64(200) {
			e := entry(1000+device*10, 50-record)
			text.Write(e.Append(nil))
			if device == 7 {
				text.Write(e.Append(nil))
			}
		}
	}
	text.WriteString(Head + "rubbish\n" + strings.Repeat("9", 5000) + "\n")
	dir := t.TempDir()
	s, err := Sort(strings.NewReader(text.String()), 40*partBytes, dir)
	if err != nil {
		t.Fatal(err)
	}
	if s.Entries != 50*201 || s.Unreadable != 2 || len(s.parts) != 40 {
		t.Errorf("%d entries, %d unreadable, %d parts", s.Entries, s.Unreadable, len(s.parts))
	}
	seen := make(map[uint64]bool)
	for range 2 { // it may be asked twice
		clear(seen)
		err = s.Each(func(device uint64, entries []Entry) error {
			if seen[device] || len(entries) != 50 || !slices.IsSortedFunc(entries, func(a, b Entry) int { return int(a.Record) - int(b.Record) }) {
				t.Errorf("device %d: seen %t, %d entries", device, seen[device], len(entries))
			}
			seen[device] = true
			return nil
		})
		if err != nil || len(seen) != 200 {
			t.Errorf("%d devices, %v", len(seen), err)
		}
	}
	s.Close()
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, bad := range []string{"lat,lng\n1,2\n", strings.Repeat("x", 70<<10) + "\n"} {
		if _, err := Sort(strings.NewReader(bad), 10, dir); err == nil {
			t.Errorf("%.20s is taken for a file of acknowledged records", bad)
		}
	}
}

// row is the stored event of an entry.
func row(e Entry) protocols.Event {
	v := protocols.Event{Time: protocols.Millis(e.Time), Lat: e.Lat, Lng: e.Lng, Speed: e.Speed, Has: protocols.HasFix | protocols.HasSpeed}
	v.Int("odometer_m", int64(e.Record))
	return v
}

func TestCompare(t *testing.T) {
	text := Head
	var stored []protocols.Event
	for record := range uint32(100) {
		e := entry(17, record)
		text += e.String() + "\n"
		stored = append(stored, row(e))
	}
	compare := func(text string, stored []protocols.Event) *Report {
		t.Helper()
		r, err := Compare(context.Background(), sortText(t, text, 1), func(_ context.Context, device string, each func(*protocols.Event)) error {
			if device != "000000000000017" {
				t.Errorf("asked for %s", device)
			}
			for i := range stored {
				each(&stored[i])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	want := func(what string, r *Report, matching, lost, altered, duplicates, unexpected int) {
		t.Helper()
		got := [...]int{r.Matching, r.Lost, r.Altered, r.Duplicates, r.Unexpected}
		faults := lost + altered + duplicates
		if got != [...]int{matching, lost, altered, duplicates, unexpected} || r.OK() != (faults == 0) || len(r.Examples) != min(faults, mostExamples) {
			t.Errorf("%s: %+v", what, r)
		}
	}
	want("all there", compare(text, stored), 100, 0, 0, 0, 0)
	want("said twice", compare(text+strings.TrimPrefix(text, Head), stored), 100, 0, 0, 0, 0)
	want("one lost", compare(text, stored[1:]), 99, 1, 0, 0, 0)
	want("all lost", compare(text, nil), 0, 100, 0, 0, 0)
	want("more", compare(text, append(slices.Clone(stored), row(entry(17, 5000)))), 100, 0, 0, 0, 1)
	want("more, twice", compare(text, append(slices.Clone(stored), row(entry(17, 5000)), row(entry(17, 5000)))), 100, 0, 0, 1, 1)
	want("twice", compare(text, append(slices.Clone(stored), stored[3])), 100, 0, 0, 1, 0)
	other := slices.Clone(stored)
	other[9].Time++
	want("another time", compare(text, other), 99, 0, 1, 0, 0)
	want("another time, and the right one", compare(text, append(other, stored[9])), 100, 0, 0, 1, 0)
	other = slices.Clone(stored)
	other[10].Lat = math.Nextafter(other[10].Lat, 0)
	other[11].Lng, other[12].Speed = 0, 1
	want("another place and speed", compare(text, other), 97, 0, 3, 0, 0)
	var beat protocols.Event
	beat.Int("rssi", 3)
	var odd protocols.Event
	odd.Float("odometer_m", 1.5)
	want("no records", compare(text, append(slices.Clone(stored), beat, odd)), 100, 0, 0, 0, 0)
	if r := compare(text+"x\n", stored); r.Unreadable != 1 || r.OK() {
		t.Errorf("%+v", r)
	}
	if r := compare(text+"00000", stored); r.Torn != 1 || !r.OK() {
		t.Errorf("%+v", r)
	}
}
