package journal

import (
	"bytes"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
)

// TestForgedBlock has a device that sends what looks like a block in its frame. Even if damage makes recovery search right
// through that frame, it is not taken for one: the salt is missing.
func TestForgedBlock(t *testing.T) {
	cfg := small(t.TempDir())
	l := mustOpen(t, cfg)
	var forged Batch
	if err := forged.Add([]byte("never journaled")); err != nil {
		t.Fatal(err)
	}
	forged.stamp(5, 0x0102030405060708)
	b := l.NewBatch()
	for shift := range 8 { // in one of them it stands at a multiple of 8, where a block may
		frame := append(make([]byte, shift), forged.buf...)
		if err := b.Add(frame, make([]byte, pad8(1+len(frame))-1-len(frame))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Append(b); err != nil {
		t.Fatal(err)
	}
	l.Close()
	f, err := os.OpenFile(segmentPath(cfg.Dir, 0), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	flip(t, f, segmentHeader+5)
	l = mustOpen(t, cfg)
	if l.Next() != 0 {
		t.Errorf("next %d, want 0: a frame passed for a block", l.Next())
	}
}

func TestSaltsDiffer(t *testing.T) {
	l := mustOpen(t, small(t.TempDir()))
	fill(t, l, 1500, 10)
	seen := map[uint64]bool{}
	for _, seg := range l.segs {
		if seg.salt == 0 || seen[seg.salt] {
			t.Errorf("salt %#x: zero or used twice", seg.salt)
		}
		seen[seg.salt] = true
	}
}

// TestOpenReadsTheLastSegment has damage in a full segment: opening takes no notice, so that a node with gigabytes to store answers at once, and
// readers find it.
func TestOpenReadsTheLastSegment(t *testing.T) {
	cfg := small(t.TempDir())
	l := mustOpen(t, cfg)
	fill(t, l, 2000, 25)
	if len(l.segs) < 5 {
		t.Fatalf("%d segments, want several", len(l.segs))
	}
	victim := l.segs[2]
	l.Close()
	f, err := os.OpenFile(victim.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	flip(t, f, victim.end/2)

	l = mustOpen(t, cfg)
	if s := l.Stats(); l.Next() != 2000 || s.Gaps != 0 || s.TornBytes != 0 {
		t.Errorf("next %d, %+v: want 2000 and nothing found yet", l.Next(), s)
	}
	for from := uint64(0); from < 2000; from += 7 { // in segments of which no block is known, too
		if from >= victim.base && from < victim.next {
			continue
		}
		r, err := l.NewReader(from)
		if err != nil {
			t.Fatal(err)
		}
		if index, rec, ok, err := r.TryNext(); !ok || err != nil || index != from || !bytes.Equal(rec, payload(from)) {
			t.Fatalf("from %d: record %d, ok %v, %v", from, index, ok, err)
		}
		r.Close()
	}
	fill(t, l, 300, 20)
	n, gaps := readAll(t, l, 0)
	if len(gaps) != 1 || gaps[0].From < victim.base || gaps[0].To > victim.next || n+gaps[0].To-gaps[0].From != 2300 {
		t.Errorf("read %d records and gaps %v, want one in records %d to %d", n, gaps, victim.base, victim.next)
	}
	readAll(t, l, 0)
	if s := l.Stats(); s.ReadGaps != 2 || s.Holes != 1 {
		t.Errorf("%d gaps and %d holes counted, want 2 of 1", s.ReadGaps, s.Holes)
	}
}

// TestLargeBatch commits batches of several blocks and odd sizes at once.
func TestLargeBatch(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SegmentBytes: 8 << 20, MaxBytes: 64 << 20}
	l := mustOpen(t, cfg)
	record := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, MaxRecord-i) }
	const total = 200
	for l.Next() < total {
		b := l.NewBatch()
		for i := int(l.Next()); b.Len() < 40; {
			if err := b.Add(record(i + b.Len())); err != nil {
				t.Fatal(err)
			}
		}
		if len(b.blocks) < 3 {
			t.Fatalf("%d blocks, want several", len(b.blocks))
		}
		if _, err := l.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		r, err := l.NewReader(3)
		if err != nil {
			t.Fatal(err)
		}
		for want := 3; want < total; want++ {
			index, rec, ok, err := r.TryNext()
			if !ok || err != nil || index != uint64(want) || !bytes.Equal(rec, record(want)) {
				t.Fatalf("record %d of %d bytes: ok %v, %v, want %d", index, len(rec), ok, err, want)
			}
		}
		r.Close()
		l.Close()
		l = mustOpen(t, cfg)
	}
}

// TestOpenSyncs has blocks that a killed process wrote and perhaps did not sync: before a reader sees them they are made durable,
// and where that fails the file is not written to any more.
func TestOpenSyncs(t *testing.T) {
	cfg := small(t.TempDir())
	l := mustOpen(t, cfg)
	fill(t, l, 100, 10)
	if err := l.prepare(); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l = mustOpen(t, cfg)
	if s := l.Stats(); s.Syncs != 1 {
		t.Errorf("%d syncs at Open, want 1", s.Syncs)
	}
	l.Close()
	failing := atomic.Bool{}
	failing.Store(true)
	cfg.Sync = func(f *os.File) error {
		if failing.CompareAndSwap(true, false) {
			return syscall.EIO
		}
		return f.Sync()
	}
	l = mustOpen(t, cfg)
	fill(t, l, 10, 10)
	if len(l.segs) != 2 || l.segs[1].base != 100 {
		t.Errorf("%d segments: the file whose sync failed is written to", len(l.segs))
	}
	wantAll(t, l, 0)
}

// TestWrongName has a file under a name that its header does not know, as when a rename is lost.
func TestWrongName(t *testing.T) {
	cfg := small(t.TempDir())
	l := mustOpen(t, cfg)
	fill(t, l, 100, 10)
	l.Close()
	content, err := os.ReadFile(segmentPath(cfg.Dir, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segmentPath(cfg.Dir, 100), content, 0o600); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, cfg)
	if s := l.Stats(); s.DamagedSegments != 1 || s.Next != 100 {
		t.Errorf("%+v, want one file set aside and next 100", s)
	}
	wantAll(t, l, 0)
	fill(t, l, 100, 10)
	wantAll(t, l, 0)
}

// TestReplacedEmptySegment begins a segment in place of an empty one too small for the batch, and fails half-way: the old file
// has lost its name and must not be written to.
func TestReplacedEmptySegment(t *testing.T) {
	cfg := small(t.TempDir())
	tiny := make([]byte, 8<<10)
	putSegmentHeader(tiny, 0, 99)
	if err := os.WriteFile(segmentPath(cfg.Dir, 0), tiny, 0o600); err != nil {
		t.Fatal(err)
	}
	ops := diskOps()
	disk := *ops
	failing := atomic.Bool{}
	ops.syncDir = func(dir string) error {
		if failing.CompareAndSwap(true, false) {
			return syscall.EIO
		}
		return disk.syncDir(dir)
	}
	cfg.ops = ops
	l := mustOpen(t, cfg)
	if err := l.prepare(); err != nil {
		t.Fatal(err)
	}
	b := l.NewBatch()
	for i := range uint64(100) {
		if err := b.Add(payload(i)); err != nil {
			t.Fatal(err)
		}
	}
	failing.Store(true)
	if _, err := l.Append(b); !errors.Is(err, ErrFailed) {
		t.Fatalf("failing sync of the folder: %v, want ErrFailed", err)
	}
	fill(t, l, 3, 3)
	wantAll(t, l, 0)
	l.Close()
	l = mustOpen(t, cfg)
	if l.Next() != 3 {
		t.Fatalf("next %d after reopening, want 3", l.Next())
	}
	wantAll(t, l, 0)
}
