package protocols

import (
	"fmt"
	"slices"
	"testing"
)

// noting is a protocol whose decoder does what a test says.
func noting(decode func(in Input, f *Frame)) *Protocol {
	return &Protocol{Name: "noting", Decode: func(_ *Session, in Input, f *Frame) (int, error) {
		decode(in, f)
		return len(in.Bytes), nil
	}}
}

// TestNote: a note is where its slice lies, however it was cut; what is no part of the frame is passed over.
func TestNote(t *testing.T) {
	f := Frame{Notes: new(Notes)}
	p := noting(func(in Input, f *Frame) {
		b := in.Bytes
		r := NewReader(b)
		f.Note(b[:1], "a", "first")
		f.Note(b[2:4:4], "b", "capped")
		f.Note(r.Bytes(3), "c", "read")
		f.Note(b[len(b)-1:], "d", "last")
		f.Note(b[4:4], "nothing", "empty")
		f.Note(slices.Clone(b), "copy", "elsewhere")
		f.Note(nil, "nil", "nil")
		mark := f.NoteMark()
		f.Note(b, "taken back", "another layout")
		f.Unnote(mark)
	})
	backing := make([]byte, 32)
	for range 2 { // each frame begins anew
		f.Reset()
		if _, err := Next(p, new(Session), Input{Bytes: backing[8:16]}, &f); err != nil {
			t.Fatal(err)
		}
		want := []Note{{0, 1, "a", "first"}, {2, 2, "b", "capped"}, {0, 3, "c", "read"}, {7, 1, "d", "last"}}
		if !slices.Equal(f.Notes.List, want) {
			t.Errorf("got %v, want %v", f.Notes.List, want)
		}
	}
}

// TestNoteLayer: what is noted of bytes without escapes is a note of the bytes that came.
func TestNoteLayer(t *testing.T) {
	f := Frame{Notes: new(Notes)}
	p := noting(func(in Input, f *Frame) { // 00 01 stands for 00
		made := []byte{in.Bytes[0], 0, in.Bytes[3]}
		f.NoteLayer(made, func(i int) int { return []int{0, 1, 3, 4}[i] })
		f.Note(made[1:2], "escaped", "two bytes")
		f.Note(made[:3], "all", "all")
		f.Note(in.Bytes[3:], "last", "one byte")
	})
	if _, err := Next(p, new(Session), Input{Bytes: []byte{7, 0, 1, 9}}, &f); err != nil {
		t.Fatal(err)
	}
	if want := []Note{{1, 2, "escaped", "two bytes"}, {0, 4, "all", "all"}, {3, 1, "last", "one byte"}}; !slices.Equal(f.Notes.List, want) {
		t.Errorf("got %v, want %v", f.Notes.List, want)
	}
}

// TestNoteBounds: a decoder that notes without end is held to MaxNotes.
func TestNoteBounds(t *testing.T) {
	f := Frame{Notes: new(Notes)}
	p := noting(func(in Input, f *Frame) {
		for range MaxNotes + 5 {
			f.Note(in.Bytes, "again", "and again")
		}
		e := f.Add(Status)
		for i := range MaxNotes + 5 {
			e.Int(fmt.Sprint(i), 1)
		}
	})
	if _, err := Next(p, new(Session), Input{Bytes: []byte{1}}, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Notes.List) != MaxNotes || f.Notes.Dropped != 5 || len(f.Notes.Readers) > MaxNotes {
		t.Errorf("%d notes, %d dropped, %d readers", len(f.Notes.List), f.Notes.Dropped, len(f.Notes.Readers))
	}
}

// TestNoNotesCostNothing: without Notes nothing is made, and no event keeps anything.
func TestNoNotesCostNothing(t *testing.T) {
	var f Frame
	var s Session
	p := noting(func(in Input, f *Frame) {
		f.Note(in.Bytes[:1], "a", "first")
		f.Unnote(f.NoteMark())
		f.Add(Status).Int("rssi", int64(in.Bytes[0]))
	})
	in := Input{Bytes: []byte{1, 2}}
	if n := testing.AllocsPerRun(100, func() {
		f.Reset()
		_, _ = Next(p, &s, in, &f)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	f.Notes = new(Notes)
	f.Reset()
	if _, err := Next(p, &s, in, &f); err != nil || f.Events[0].notes != nil {
		t.Errorf("an event keeps the notes of its frame: %v", err)
	}
}
