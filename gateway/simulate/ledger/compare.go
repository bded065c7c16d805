package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/trackgate/trackgate/protocols"
)

// Rows calls each with every stored event of a device, those kept apart included, in any order. The event is each's until it returns.
type Rows func(ctx context.Context, device string, each func(*protocols.Event)) error

// Report is what a comparison found.
type Report struct {
	Devices    int `json:"devices"`
	Acked      int `json:"acked"`  // different records in the file
	Stored     int `json:"stored"` // rows of these devices that carry a record's number
	Matching   int `json:"matching"`
	Lost       int `json:"lost"`       // acknowledged, not stored
	Altered    int `json:"altered"`    // stored with another time, place or speed
	Duplicates int `json:"duplicates"` // rows of a record beyond its first
	Unexpected int `json:"unexpected"` // stored, not acknowledged: nothing wrong, the answer was lost, or the simulator ended
	Unreadable int `json:"unreadable"` // lines of the file
	Torn       int `json:"torn"`       // 1: the file ends within a line

	Examples []string `json:"examples,omitempty"` // of the first faults
}

// mostExamples bounds Report.Examples.
const mostExamples = 20

// OK says that nothing is lost, altered, duplicated or unreadable.
func (r *Report) OK() bool { return r.Lost+r.Altered+r.Duplicates+r.Unreadable == 0 }

func (r *Report) example(format string, args ...any) {
	if len(r.Examples) < mostExamples {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}

// Compare holds the entries against the stored rows, device by device.
func Compare(ctx context.Context, s *Sorted, rows Rows) (*Report, error) {
	r := &Report{Unreadable: s.Unreadable, Torn: s.Torn}
	var b book
	err := s.Each(func(device uint64, entries []Entry) error {
		b.open(entries)
		name := string(AppendDevice(nil, device))
		if err := rows(ctx, name, b.row); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.close(r, name)
		return nil
	})
	return r, err
}

// verdict on an entry.
type verdict uint8

const (
	missing verdict = iota
	differs
	matches
)

// book compares one device. Its memory, 4 bytes per row and 1 per entry, is used again for the next.
type book struct {
	entries  []Entry // by record
	verdicts []verdict
	stored   []uint32 // records of all rows
	found    map[int]Entry
}

// mostFound bounds how many differing rows are remembered for examples.
const mostFound = mostExamples

func (b *book) open(entries []Entry) {
	b.entries = entries
	b.verdicts = slices.Grow(b.verdicts[:0], len(entries))[:len(entries)]
	clear(b.verdicts)
	b.stored = b.stored[:0]
	b.found = make(map[int]Entry)
}

// row takes a stored event. One without a mileage, such as a heartbeat, is no record of the simulator.
func (b *book) row(e *protocols.Event) {
	a, ok := e.Attrs.Get("odometer_m")
	if !ok {
		return
	}
	v, ok := a.Float()
	if !ok || v < 0 || v > 1<<32-1 || v != float64(uint32(v)) {
		return
	}
	got := Entry{Record: uint32(v), Time: int64(e.Time), Lat: e.Lat, Lng: e.Lng, Speed: e.Speed}
	b.stored = append(b.stored, got.Record)
	at, ok := slices.BinarySearchFunc(b.entries, got.Record, func(e Entry, record uint32) int {
		return int(int64(e.Record) - int64(record))
	})
	if !ok {
		return
	}
	for ; at < len(b.entries) && b.entries[at].Record == got.Record; at++ {
		want := &b.entries[at]
		got.Device = want.Device
		switch {
		case got == *want:
			b.verdicts[at] = matches
		case b.verdicts[at] == missing:
			b.verdicts[at] = differs
			if len(b.found) < mostFound {
				b.found[at] = got
			}
		}
	}
}

func (b *book) close(r *Report, device string) {
	r.Devices++
	r.Acked += len(b.entries)
	r.Stored += len(b.stored)
	slices.Sort(b.stored)
	for i, e := range b.entries {
		switch b.verdicts[i] {
		case matches:
			r.Matching++
		case differs:
			r.Altered++
			if got, ok := b.found[i]; ok {
				r.example("altered: acknowledged %s, stored %s", e.String(), got.String())
			}
		default:
			r.Lost++
			r.example("lost: %s", e.String())
		}
	}
	at := 0 // first entry not below the run of rows
	for i := 0; i < len(b.stored); {
		record, n := b.stored[i], 1
		for i+n < len(b.stored) && b.stored[i+n] == record {
			n++
		}
		i += n
		for at < len(b.entries) && b.entries[at].Record < record {
			at++
		}
		acked := 0
		for at+acked < len(b.entries) && b.entries[at+acked].Record == record {
			acked++
		}
		if acked == 0 {
			r.Unexpected++
		}
		if extra := n - max(1, acked); extra > 0 {
			r.Duplicates += extra
			r.example("duplicate: device %s record %d is stored %d times", device, record, n)
		}
	}
}
