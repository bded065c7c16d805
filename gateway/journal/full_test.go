package journal

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
)

// appendUntilFull appends batches of 10 until one is refused, and returns how many records were committed.
func appendUntilFull(t *testing.T, l *Log) {
	t.Helper()
	b := l.NewBatch()
	for range 100000 {
		b.Reset()
		next := l.Next()
		for b.Len() < 10 {
			if err := b.Add(payload(next + uint64(b.Len()))); err != nil {
				t.Fatal(err)
			}
		}
		_, err := l.Append(b)
		if errors.Is(err, ErrFull) {
			if errors.Is(err, ErrFailed) {
				t.Fatalf("full and failed at once: %v", err)
			}
			if l.Next() != next {
				t.Fatalf("next %d after a refusal, want %d", l.Next(), next)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("never full")
}

func folderBytes(t *testing.T, dir string) (sum int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

func TestSizeLimit(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SegmentBytes: 64 << 10, MaxBytes: 320 << 10}
	l := mustOpen(t, cfg)
	for round := range 4 {
		appendUntilFull(t, l)
		s := l.Stats()
		if s.Segments != 5 || s.Bytes != cfg.MaxBytes || s.SpareReady || s.NoSpareSince == 0 || s.FullSince == 0 || s.RefusedFull == 0 {
			t.Fatalf("round %d: %+v, want 5 segments, no spare and full", round, s)
		}
		if sum := folderBytes(t, cfg.Dir); sum > cfg.MaxBytes+4096 {
			t.Fatalf("round %d: %d bytes in the folder, limit %d", round, sum, cfg.MaxBytes)
		}
		wantHeld(t, l)
		// The store takes a little: not a whole segment, so nothing changes.
		l.Release(l.First() + 1)
		appendUntilFull(t, l)
		first := l.First()
		if round%2 == 1 { // also over a restart
			l.Close()
			l = mustOpen(t, cfg)
			appendUntilFull(t, l)
			if l.First() != first {
				t.Fatalf("round %d: first %d after reopening, want %d", round, l.First(), first)
			}
		}
		l.Release(l.Next() - 1)
		fill(t, l, 20, 10)
		s = l.Stats()
		if s.FullSince != 0 || s.First == first {
			t.Fatalf("round %d: %+v, want not full any more", round, s)
		}
		wantHeld(t, l)
	}
	if s := l.Stats(); s.Recycled == 0 || s.Gaps != 0 {
		t.Errorf("%+v, want recycled segments", s)
	}
}

// TestMinFree has a disk that others fill up to the part that new segments must leave.
func TestMinFree(t *testing.T) {
	free := atomic.Int64{}
	free.Store(10 << 20)
	ops := diskOps()
	ops.free = func(string) (int64, error) { return free.Load(), nil }
	cfg := Config{Dir: t.TempDir(), SegmentBytes: 64 << 10, MaxBytes: 1 << 30, MinFree: 1 << 20, ops: ops}
	l := mustOpen(t, cfg)
	fill(t, l, 1000, 10)
	free.Store(1<<20 + 64<<10 - 1)
	appendUntilFull(t, l)
	wantAll(t, l, 0)
	l.Release(l.Next()) // what is released serves again, whatever others do
	fill(t, l, 300, 10)
	appendUntilFull(t, l)
	free.Add(1)
	fill(t, l, 1000, 10)
	wantHeld(t, l)
}

// faults fails chosen operations of segments.
type faults struct {
	writes, syncs atomic.Int32 // how many of the next ones fail
	err           error
}

func (f *faults) ops() *fileOps {
	ops := diskOps()
	disk := *ops
	ops.write = func(file *os.File, p []byte, off int64) error {
		if off > 0 && f.writes.Add(-1) >= 0 {
			disk.write(file, p[:len(p)/2], off) // torn
			return f.err
		}
		return disk.write(file, p, off)
	}
	ops.sync = func(file *os.File) error {
		if f.syncs.Add(-1) >= 0 {
			return f.err
		}
		return disk.sync(file)
	}
	return ops
}

// arm makes the next n operations fail. The spare must be ready, so that the caretaker does not get the failure.
func arm(t *testing.T, l *Log, count *atomic.Int32, n int32) {
	t.Helper()
	if err := l.prepare(); err != nil {
		t.Fatal(err)
	}
	count.Store(n)
}

func TestFailedWriteAndSync(t *testing.T) {
	for _, c := range []struct {
		name  string
		count func(*faults) *atomic.Int32
		err   error
	}{
		{"write", func(f *faults) *atomic.Int32 { return &f.writes }, syscall.EIO},
		{"sync", func(f *faults) *atomic.Int32 { return &f.syncs }, syscall.EIO},
		{"write without space", func(f *faults) *atomic.Int32 { return &f.writes }, syscall.ENOSPC},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &faults{err: c.err}
			f.writes.Store(-1 << 30)
			f.syncs.Store(-1 << 30)
			count := c.count(f)
			cfg := small(t.TempDir())
			cfg.ops = f.ops()
			l := mustOpen(t, cfg)
			fill(t, l, 100, 10)
			failed := l.segs[0]
			size := failed.end

			// Once: the batch goes into another file, and the caller does not notice.
			arm(t, l, count, 1)
			fill(t, l, 10, 10)
			if s := l.Stats(); s.WriteFailures != 1 || s.Segments != 2 || s.FailedSince != 0 {
				t.Fatalf("one failure: %+v", s)
			}
			if !failed.failed || failed.end != size {
				t.Fatal("the file that failed is still written to")
			}
			wantAll(t, l, 0)

			// Every time: nothing is committed, and the next Append tries again.
			arm(t, l, count, 1<<20)
			b := l.NewBatch()
			b.Add(payload(l.Next()))
			for range 3 {
				if _, err := l.Append(b); !errors.Is(err, ErrFailed) || errors.Is(err, ErrFull) {
					t.Fatalf("broken disk: %v, want ErrFailed", err)
				}
			}
			if s := l.Stats(); s.Next != 110 || s.FailedSince == 0 || s.RefusedFailed != 3 {
				t.Fatalf("broken disk: %+v", s)
			}
			wantAll(t, l, 0)
			count.Store(-1 << 30)
			if first, err := l.Append(b); err != nil || first != 110 {
				t.Fatalf("mended disk: %d, %v, want 110", first, err)
			}
			fill(t, l, 1000, 30)
			wantAll(t, l, 0)
			next := l.Next()
			l.Close()
			l = mustOpen(t, small(cfg.Dir))
			if s := l.Stats(); s.Next != next || s.Gaps != 0 {
				t.Fatalf("opened again: %+v, want next %d without gaps", s, next)
			}
			wantAll(t, l, 0)
		})
	}
}

// TestEverySyncFailsOnce breaks each single sync of a run in turn.
func TestEverySyncFailsOnce(t *testing.T) {
	for n := range 12 {
		f := &faults{err: syscall.EIO}
		f.writes.Store(-1 << 30)
		f.syncs.Store(-1 << 30)
		cfg := Config{Dir: t.TempDir(), SegmentBytes: 16 << 10, MaxBytes: 1 << 20}
		disk := f.ops()
		left := atomic.Int32{}
		left.Store(int32(n) + 3) // the identity and the first spare come first
		ops := *disk
		ops.sync = func(file *os.File) error {
			if left.Add(-1) == 0 {
				return syscall.EIO
			}
			return disk.sync(file)
		}
		ops.syncDir = func(dir string) error {
			if left.Add(-1) == 0 {
				return syscall.EIO
			}
			return disk.syncDir(dir)
		}
		cfg.ops = &ops
		l, err := Open(cfg)
		if err != nil {
			if !errors.Is(err, syscall.EIO) {
				t.Fatal(err)
			}
			continue // it hit the identity
		}
		b := l.NewBatch()
		for l.Next() < 500 {
			b.Reset()
			for next := l.Next(); b.Len() < 7; {
				b.Add(payload(next + uint64(b.Len())))
			}
			if _, err := l.Append(b); err != nil && !errors.Is(err, ErrFailed) {
				t.Fatal(err)
			}
		}
		wantAll(t, l, 0)
		next := l.Next()
		l.Close()
		l = mustOpen(t, Config{Dir: cfg.Dir, SegmentBytes: 16 << 10, MaxBytes: 1 << 20})
		if l.Next() != next || l.Stats().Gaps != 0 {
			t.Fatalf("sync %d failed: next %d with %d gaps, want %d without", n, l.Next(), l.Stats().Gaps, next)
		}
		wantAll(t, l, 0)
		l.Close()
	}
}

// TestSlowSync holds a commit up and reads meanwhile: nothing that is not durable yet may be seen.
func TestSlowSync(t *testing.T) {
	entered, resume := make(chan struct{}), make(chan struct{})
	slow := atomic.Bool{}
	cfg := small(t.TempDir())
	cfg.Sync = func(f *os.File) error {
		if slow.Load() {
			entered <- struct{}{}
			<-resume
		}
		return f.Sync()
	}
	l := mustOpen(t, cfg)
	fill(t, l, 10, 10)
	if err := l.prepare(); err != nil {
		t.Fatal(err)
	}
	slow.Store(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		fill(t, l, 10, 10)
	}()
	<-entered
	if l.Next() != 10 {
		t.Errorf("next %d while the sync is running, want 10", l.Next())
	}
	wantAll(t, l, 0)
	slow.Store(false)
	close(resume)
	<-done
	wantAll(t, l, 0)
}
