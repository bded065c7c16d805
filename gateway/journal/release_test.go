package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// settle does now what the caretaker does in the background.
func settle(t *testing.T, l *Log) {
	t.Helper()
	l.trim()
	if err := l.prepare(); err != nil {
		t.Fatal(err)
	}
}

func TestRelease(t *testing.T) {
	const segment = 64 << 10
	for _, c := range []struct {
		name string
		keep int64
		held int64 // bytes of released segments that stay
	}{
		{"nothing kept", 0, segment},
		{"one segment kept", segment, segment},
		{"a little more kept", segment + 1, 2 * segment},
		{"five segments kept", 5 * segment, 5 * segment},
		{"more kept than there is", 1 << 30, 1 << 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := small(t.TempDir())
			cfg.Keep = c.keep
			l := mustOpen(t, cfg)
			fill(t, l, 4000, 20)
			settle(t, l)
			before := l.Stats()
			if before.Segments < 10 || before.First != 0 {
				t.Fatalf("%+v, want 10 segments from 0", before)
			}
			l.Release(l.segs[1].base - 1) // no segment lies below altogether
			settle(t, l)
			if s := l.Stats(); s.First != 0 || s.Segments != before.Segments {
				t.Fatalf("released part of a segment: %+v", s)
			}
			l.Release(l.Next() + 1000) // never more than there is
			l.Release(3)               // and never back
			settle(t, l)
			s := l.Stats()
			if s.Released != 4000 {
				t.Errorf("released %d, want 4000", s.Released)
			}
			want := min(int(c.held/segment)+1, before.Segments) // and the active one
			if s.Segments != want {
				t.Errorf("%d segments left of %d, want %d", s.Segments, before.Segments, want)
			}
			if sum := int64(s.Segments+1) * segment; s.Bytes != sum || folderBytes(t, cfg.Dir) > sum+4096 {
				t.Errorf("%d bytes counted and %d in the folder, want %d with the spare", s.Bytes, folderBytes(t, cfg.Dir), sum)
			}
			wantHeld(t, l)
			if s.First > 0 {
				n, gaps := readAll(t, l, 0)
				if len(gaps) != 1 || gaps[0] != (GapError{0, s.First}) || n != 4000-s.First {
					t.Errorf("from 0: %d records, gaps %v, want one to %d", n, gaps, s.First)
				}
			}
			next := l.Next()
			l.Close()
			l = mustOpen(t, cfg)
			if l.First() != s.First || l.Next() != next {
				t.Errorf("opened again: [%d, %d), want [%d, %d)", l.First(), l.Next(), s.First, next)
			}
			wantHeld(t, l)
		})
	}
}

// TestKeepYields has kept segments and no room: they go before anything is refused.
func TestKeepYields(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SegmentBytes: 64 << 10, MaxBytes: 512 << 10, Keep: 1 << 30}
	l := mustOpen(t, cfg)
	for range 300 {
		fill(t, l, 20, 10)
		l.Release(l.Next())
	}
	s := l.Stats()
	if s.RefusedFull != 0 || s.Bytes > cfg.MaxBytes || s.Segments < 6 || s.Recycled == 0 {
		t.Errorf("%+v, want nothing refused, the room used and segments recycled", s)
	}
	wantHeld(t, l)
}

// TestRecycled writes through the same few files many times, over restarts, and checks that no old block comes back.
func TestRecycled(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SegmentBytes: 32 << 10, MaxBytes: 160 << 10}
	for range 6 {
		l := mustOpen(t, cfg)
		if l.Stats().Gaps != 0 {
			t.Fatalf("gaps in recycled segments: %+v", l.Stats())
		}
		wantHeld(t, l)
		for range 120 {
			fill(t, l, 9, 4)
			l.Release(l.Next())
		}
		wantHeld(t, l)
		if l.Stats().Recycled == 0 {
			t.Fatal("nothing was recycled")
		}
		l.Close()
	}
}

// TestReaderOvertaken has a slow reader in a segment that is released and written again beneath it.
func TestReaderOvertaken(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SegmentBytes: 1 << 20, MaxBytes: 3 << 20}
	l := mustOpen(t, cfg)
	fill(t, l, 100, 10)
	r, err := l.NewReader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := uint64(0)
	step := func() (gap bool) {
		t.Helper()
		index, rec, ok, err := r.TryNext()
		var g *GapError
		if errors.As(err, &g) {
			if g.From != want || g.To > l.Next() {
				t.Fatalf("gap %v, want one from %d", g, want)
			}
			want = g.To
			return true
		}
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return false
		}
		if index != want || !bytes.Equal(rec, payload(index)) {
			t.Fatalf("record %d, want %d with its bytes", index, want)
		}
		want++
		return false
	}
	for range 50 {
		step()
	}
	for l.Stats().Recycled < 4 {
		fill(t, l, 500, 100)
		l.Release(l.Next())
	}
	settle(t, l) // nothing more goes while the reader catches up
	gaps := 0
	for want < l.Next() {
		if step() {
			gaps++
		}
	}
	if gaps != 1 {
		t.Errorf("%d gaps, want 1", gaps)
	}
}

func TestSpareIsAdopted(t *testing.T) {
	cfg := small(t.TempDir())
	l := mustOpen(t, cfg)
	settle(t, l)
	l.Close()
	path := filepath.Join(cfg.Dir, spareName)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	// What an unfinished preparation leaves is removed.
	if err := os.WriteFile(path+".tmp", make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, cfg)
	if s := l.Stats(); !s.SpareReady || s.Bytes != cfg.SegmentBytes {
		t.Errorf("%+v, want the spare ready at once", s)
	}
	if _, err := os.Stat(path + ".tmp"); err == nil {
		t.Error("an unfinished spare is still there")
	}
	fill(t, l, 1, 1)
	after, err := os.Stat(segmentPath(cfg.Dir, 0))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the first segment is not the spare: %v", err)
	}
	l.Close()
	// A spare of another size is of no use.
	cfg.SegmentBytes = 128 << 10
	l = mustOpen(t, cfg)
	fill(t, l, 3000, 10)
	wantAll(t, l, 0)
	l.Release(l.Next())
	settle(t, l)
	fill(t, l, 3000, 10)
	wantHeld(t, l)
}
