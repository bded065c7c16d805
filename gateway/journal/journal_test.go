package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// small is a journal with segments of 64 KiB.
func small(dir string) Config {
	return Config{Dir: dir, SegmentBytes: 64 << 10, MaxBytes: 4 << 20}
}

func mustOpen(t testing.TB, cfg Config) *Log {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// payload is what the record at an index holds in every test: its length and bytes follow from the index alone.
func payload(index uint64) []byte {
	r := rand.New(rand.NewPCG(index, 7))
	p := make([]byte, 8+r.IntN(300))
	binary.LittleEndian.PutUint64(p, index)
	for i := 8; i < len(p); i++ {
		p[i] = byte(r.Uint32())
	}
	return p
}

// fill appends n records in batches of per.
func fill(t testing.TB, l *Log, n, per int) {
	t.Helper()
	b := l.NewBatch()
	for n > 0 {
		b.Reset()
		next := l.Next()
		for b.Len() < min(n, per) {
			p := payload(next + uint64(b.Len()))
			if err := b.Add(p[:3], p[3:]); err != nil {
				t.Fatal(err)
			}
		}
		first, err := l.Append(b)
		if err != nil {
			t.Fatal(err)
		}
		if first != next {
			t.Fatalf("Append: first %d, want %d", first, next)
		}
		n -= b.Len()
	}
}

// readAll reads to the committed end, checks every record and returns their number and the gaps.
func readAll(t testing.TB, l *Log, from uint64) (n uint64, gaps []GapError) {
	t.Helper()
	r, err := l.NewReader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := from
	for {
		index, rec, ok, err := r.TryNext()
		var gap *GapError
		switch {
		case errors.As(err, &gap):
			if gap.From != want || gap.To <= gap.From {
				t.Fatalf("gap %v, want one from %d", gap, want)
			}
			gaps = append(gaps, *gap)
			want = gap.To
		case err != nil:
			t.Fatal(err)
		case !ok:
			if want != l.Next() {
				t.Fatalf("reading ended at %d, want %d", want, l.Next())
			}
			return n, gaps
		default:
			if index != want {
				t.Fatalf("index %d, want %d", index, want)
			}
			if !bytes.Equal(rec, payload(index)) {
				t.Fatalf("record %d: wrong bytes", index)
			}
			want++
			n++
		}
	}
}

func wantAll(t testing.TB, l *Log, from uint64) {
	t.Helper()
	n, gaps := readAll(t, l, from)
	if len(gaps) > 0 || n != l.Next()-from {
		t.Fatalf("read %d records from %d, gaps %v, want all %d", n, from, gaps, l.Next()-from)
	}
}

// wantHeld reads all that the journal holds, once the caretaker has nothing left to remove.
func wantHeld(t testing.TB, l *Log) {
	t.Helper()
	l.trim()
	l.prepare() // it may be full
	wantAll(t, l, l.First())
}

func TestAppendReadReopen(t *testing.T) {
	cfg := small(t.TempDir())
	l := mustOpen(t, cfg)
	if l.First() != 0 || l.Next() != 0 {
		t.Fatalf("a new journal holds [%d, %d), want [0, 0)", l.First(), l.Next())
	}
	wantAll(t, l, 0)
	id := l.ID()
	total := uint64(0)
	for _, per := range []int{1, 2, 7, 100, 300} {
		fill(t, l, 600, per)
		total += 600
		for _, from := range []uint64{0, 1, total / 2, total - 1, total} {
			wantAll(t, l, from)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = mustOpen(t, cfg)
		if l.ID() != id {
			t.Fatalf("id %s after reopening, want %s", l.ID(), id)
		}
		if l.Next() != total {
			t.Fatalf("next %d after reopening, want %d", l.Next(), total)
		}
		wantAll(t, l, 0)
	}
	s := l.Stats()
	if s.Gaps != 0 || s.TornBytes != 0 || s.DamagedSegments != 0 {
		t.Errorf("an undamaged journal shows damage: %+v", s)
	}
	if s.Segments < 5 {
		t.Errorf("%d segments: the test does not roll enough", s.Segments)
	}
	if _, err := l.NewReader(total + 1); !errors.Is(err, ErrBeyondEnd) {
		t.Errorf("reader beyond the end: %v, want ErrBeyondEnd", err)
	}
}

func TestReadEveryOffset(t *testing.T) {
	l := mustOpen(t, small(t.TempDir()))
	fill(t, l, 1500, 13)
	for from := range l.Next() {
		r, err := l.NewReader(from)
		if err != nil {
			t.Fatal(err)
		}
		index, rec, ok, err := r.TryNext()
		if !ok || err != nil || index != from || !bytes.Equal(rec, payload(from)) {
			t.Fatalf("first record from %d: index %d, ok %v, %v", from, index, ok, err)
		}
		r.Close()
	}
}

func TestBatchLimits(t *testing.T) {
	l := mustOpen(t, Config{Dir: t.TempDir(), SegmentBytes: 1 << 20, MaxBytes: 16 << 20})
	b := l.NewBatch()
	if err := b.Add(make([]byte, MaxRecord+1)); !errors.Is(err, ErrRecordTooLarge) {
		t.Errorf("record over the limit: %v, want ErrRecordTooLarge", err)
	}
	if b.Len() != 0 || b.Bytes() != 0 {
		t.Errorf("an empty batch has %d records in %d bytes", b.Len(), b.Bytes())
	}
	if first, err := l.Append(b); first != 0 || err != nil {
		t.Errorf("empty batch: %d, %v, want 0, nil", first, err)
	}
	var err error
	n := 0
	for ; err == nil; n++ {
		err = b.Add(make([]byte, MaxRecord))
	}
	n--
	if !errors.Is(err, ErrBatchFull) || n != 7 || b.Len() != n {
		t.Fatalf("after %d records, Len %d: %v, want ErrBatchFull after 7", n, b.Len(), err)
	}
	if want := blockHeader + 7*(3+MaxRecord); b.Bytes() != want {
		t.Errorf("%d bytes, want %d", b.Bytes(), want)
	}
	if err := b.Add(nil); err != nil { // an empty record is one
		t.Fatal(err)
	}
	if _, err := l.Append(b); err != nil {
		t.Fatal(err)
	}
	// Adding to a batch that was appended begins a new block.
	if err := b.Add([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(b); err != nil {
		t.Fatal(err)
	}
	var large Batch
	for range 9 {
		if err := large.Add(make([]byte, MaxRecord)); err != nil {
			t.Fatal(err)
		}
	}
	if len(large.blocks) != 2 {
		t.Errorf("%d blocks for 9 records of %d bytes, want 2", len(large.blocks), MaxRecord)
	}
	if _, err := l.Append(&large); !errors.Is(err, ErrBatchTooLarge) {
		t.Errorf("batch over a segment: %v, want ErrBatchTooLarge", err)
	}
	r, _ := l.NewReader(0)
	defer r.Close()
	var sizes []int
	for {
		_, rec, ok, err := r.TryNext()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		sizes = append(sizes, len(rec))
	}
	if len(sizes) != 8+9 || sizes[0] != MaxRecord || sizes[7] != 0 || sizes[16] != 1 {
		t.Errorf("record sizes %v", sizes)
	}
	tiny := mustOpen(t, Config{Dir: t.TempDir(), SegmentBytes: MinSegmentBytes, MaxBytes: 1 << 20})
	if err := tiny.NewBatch().Add(make([]byte, MinSegmentBytes)); !errors.Is(err, ErrRecordTooLarge) {
		t.Errorf("record over a segment: %v, want ErrRecordTooLarge", err)
	}
}

// TestAddAll: whatever its size, a run of records becomes the bytes that the records become one by one, and stops at the same one.
func TestAddAll(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		limit := 1 << (8 + r.IntN(14))
		one, all := &Batch{limit: limit}, &Batch{limit: limit}
		for range 1 + r.IntN(20) {
			var records []byte
			var ends []int
			start := r.IntN(5)
			records = append(records, make([]byte, start)...)
			for range r.IntN(40) {
				for range r.IntN(1 << r.IntN(13)) {
					records = append(records, byte(r.Uint32()))
				}
				ends = append(ends, len(records))
			}
			var want error
			added, at := 0, start
			for _, end := range ends {
				if want = one.Add(records[at:end]); want != nil {
					break
				}
				added, at = added+1, end
			}
			n, err := all.AddAll(records, start, ends)
			if n != added || !errors.Is(err, want) {
				t.Fatalf("%d records, %v; one by one %d, %v", n, err, added, want)
			}
			if !bytes.Equal(one.buf, all.buf) || !slices.Equal(one.blocks, all.blocks) || one.Len() != all.Len() {
				t.Fatal("the batches differ")
			}
		}
	}
}

func TestConfig(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no folder":           {},
		"tiny segment":        {Dir: t.TempDir(), SegmentBytes: 4096},
		"odd segment":         {Dir: t.TempDir(), SegmentBytes: 64<<10 + 1},
		"huge segment":        {Dir: t.TempDir(), SegmentBytes: 2 << 30},
		"no room for two":     {Dir: t.TempDir(), SegmentBytes: 64 << 10, MaxBytes: 100 << 10},
		"negative free space": {Dir: t.TempDir(), MinFree: -1},
		"negative keep":       {Dir: t.TempDir(), Keep: -1},
		"folder is a file":    {Dir: "/dev/null"},
	} {
		if l, err := Open(cfg); err == nil {
			l.Close()
			t.Errorf("%s: opened", name)
		}
	}
}

func TestReadersWhileAppending(t *testing.T) {
	const total = 6000
	l := mustOpen(t, small(t.TempDir()))
	fill(t, l, 500, 50)
	var wg sync.WaitGroup
	for _, from := range []uint64{0, 1, 499, 500} {
		r, err := l.NewReader(from)
		if err != nil {
			t.Fatal(err)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer r.Close()
			for want := from; want < total; want++ {
				index, rec, err := r.Next(context.Background())
				if err != nil || index != want || !bytes.Equal(rec, payload(want)) {
					t.Errorf("reader from %d: index %d, %v, want %d", from, index, err, want)
					return
				}
			}
		}()
	}
	for _, per := range []int{1, 3, 64, 200} {
		fill(t, l, 300, per)
	}
	fill(t, l, total-int(l.Next()), 40)
	wg.Wait()
}

func TestNextWaits(t *testing.T) {
	l := mustOpen(t, small(t.TempDir()))
	r, err := l.NewReader(0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	got := make(chan error)
	next := func() {
		index, rec, err := r.Next(context.Background())
		if err == nil && !bytes.Equal(rec, payload(index)) {
			err = errors.New("wrong bytes")
		}
		got <- err
	}
	go next()
	fill(t, l, 1, 1)
	if err := <-got; err != nil {
		t.Error(err)
	}
	go next()
	l.Close()
	if err := <-got; !errors.Is(err, ErrClosed) {
		t.Errorf("closed while waiting: %v, want ErrClosed", err)
	}
	r.Close()
	if err := r.Close(); err != nil {
		t.Errorf("second Close of a reader: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	b := l.NewBatch()
	b.Add([]byte("x"))
	if _, err := l.Append(b); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close: %v, want ErrClosed", err)
	}
	if _, err := l.NewReader(0); !errors.Is(err, ErrClosed) {
		t.Errorf("NewReader after Close: %v, want ErrClosed", err)
	}
	if err := l.NewIdentity(); !errors.Is(err, ErrClosed) {
		t.Errorf("NewIdentity after Close: %v, want ErrClosed", err)
	}
}

func TestLockAndIdentity(t *testing.T) {
	cfg := small(t.TempDir())
	l := mustOpen(t, cfg)
	fill(t, l, 100, 10)
	if _, err := Open(cfg); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "stop it") {
		t.Errorf("open twice: %v, want ErrLocked and advice", err)
	}
	id := l.ID()
	if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		t.Errorf("id %q, want 32 hex digits", id)
	}
	l.Close()

	// A copied folder has the same id and all records, until it is told that it is a copy.
	copied := small(filepath.Join(t.TempDir(), "copy"))
	if err := os.CopyFS(copied.Dir, os.DirFS(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	c := mustOpen(t, copied)
	if c.ID() != id {
		t.Errorf("copy has id %s, want %s", c.ID(), id)
	}
	wantAll(t, c, 0)
	if err := c.NewIdentity(); err != nil {
		t.Fatal(err)
	}
	changed := c.ID()
	c.Close()
	c = mustOpen(t, copied)
	if changed == id || c.ID() != changed {
		t.Errorf("ids: original %s, new %s, after reopening %s", id, changed, c.ID())
	}
	wantAll(t, c, 0)
	c.Close()

	if err := os.WriteFile(filepath.Join(cfg.Dir, identityName), []byte("trackgate-journal-1 12"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), "delete it") {
		t.Errorf("damaged identity: %v, want advice", err)
	}
	if err := os.Remove(filepath.Join(cfg.Dir, identityName)); err != nil {
		t.Fatal(err)
	}
	wantAll(t, mustOpen(t, cfg), 0)
}

func TestAppendDoesNotAllocate(t *testing.T) {
	l := mustOpen(t, Config{Dir: t.TempDir(), SegmentBytes: 4 << 20, MaxBytes: 64 << 20, Sync: func(*os.File) error { return nil }})
	r, err := l.NewReader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := l.NewBatch()
	head, frame := make([]byte, 20), make([]byte, 100)
	write := func() {
		b.Reset()
		for range 16 {
			b.Add(head, frame)
		}
		if _, err := l.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	read := func() {
		for {
			_, _, ok, err := r.TryNext()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return
			}
		}
	}
	write()
	read()
	if got := testing.AllocsPerRun(500, func() { write(); read() }); got >= 1 {
		t.Errorf("%v allocations to append and read a batch of 16, want 0", got)
	}
}
