package journal

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
)

// damageCases start from a journal of 400 records in blocks of 10, all in one segment, and what is done to its file.
var damageCases = []struct {
	name string
	do   func(t *testing.T, f *os.File, end int64) // end of the last block
	lost uint64                                    // records dropped at the end
	gaps uint64
	torn bool
}{
	{"untouched", func(*testing.T, *os.File, int64) {}, 0, 0, false},
	{"cut by 3 bytes", func(t *testing.T, f *os.File, end int64) { cut(t, f, end-9) }, 10, 0, true},
	{"cut by 700 bytes", func(t *testing.T, f *os.File, end int64) { cut(t, f, end-700) }, 10, 0, true},
	{"cut within a header", func(t *testing.T, f *os.File, end int64) { cut(t, f, blockStart(t, f, end)+20) }, 10, 0, true},
	{"cut at a block", func(t *testing.T, f *os.File, end int64) { cut(t, f, blockStart(t, f, end)) }, 10, 0, false},
	{"last 64 bytes zeroed", func(t *testing.T, f *os.File, end int64) { put(t, f, end-64, make([]byte, 64)) }, 10, 0, true},
	{"header of the last block zeroed", func(t *testing.T, f *os.File, end int64) { put(t, f, blockStart(t, f, end), make([]byte, 32)) }, 10, 0, false},
	{"bit flipped near the end", func(t *testing.T, f *os.File, end int64) { flip(t, f, end-200) }, 10, 0, true},
	{"bit flipped in the length of the last block", func(t *testing.T, f *os.File, end int64) { flip(t, f, blockStart(t, f, end)+6) }, 10, 0, true},
	{"bit flipped in the middle", func(t *testing.T, f *os.File, end int64) { flip(t, f, end/2) }, 0, 1, false},
	{"bit flipped in the first block", func(t *testing.T, f *os.File, end int64) { flip(t, f, segmentHeader+100) }, 0, 1, false},
	{"bit flipped in a length in the middle", func(t *testing.T, f *os.File, end int64) { flip(t, f, blockStart(t, f, end/2)+5) }, 0, 1, false},
	{"page lost in the middle", func(t *testing.T, f *os.File, end int64) { put(t, f, end/2&^4095, make([]byte, 4096)) }, 0, 1, false},
	{"bit flipped in the segment's header", func(t *testing.T, f *os.File, end int64) { flip(t, f, 17) }, 0, 0, false},
	{"200 random bytes behind the end", func(t *testing.T, f *os.File, end int64) { garbage(t, f, end, 200) }, 0, 0, true},
	{"200 random bytes behind the file", func(t *testing.T, f *os.File, end int64) { garbage(t, f, 256<<10, 200) }, 0, 0, false},
	{"a copy of the last block behind the end", func(t *testing.T, f *os.File, end int64) {
		start := blockStart(t, f, end)
		put(t, f, end, get(t, f, start, int(end-start)))
	}, 0, 0, true},
}

func get(t *testing.T, f *os.File, off int64, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := f.ReadAt(b, off); err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t *testing.T, f *os.File, off int64, b []byte) {
	t.Helper()
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

func flip(t *testing.T, f *os.File, off int64) {
	t.Helper()
	put(t, f, off, []byte{get(t, f, off, 1)[0] ^ 0x10})
}

func cut(t *testing.T, f *os.File, size int64) {
	t.Helper()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
}

func garbage(t *testing.T, f *os.File, off int64, n int) {
	t.Helper()
	b := make([]byte, n)
	rand.Read(b)
	put(t, f, off, b)
}

// blockStart finds the block that begins last before off.
func blockStart(t *testing.T, f *os.File, off int64) int64 {
	t.Helper()
	for off = (off - 1) &^ 7; off >= segmentHeader; off -= 8 {
		if blockSalt(get(t, f, off, blockHeader)) != 0 {
			return off
		}
	}
	t.Fatal("no block")
	return 0
}

func TestDamage(t *testing.T) {
	for _, c := range damageCases {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{Dir: t.TempDir(), SegmentBytes: 256 << 10, MaxBytes: 4 << 20}
			l := mustOpen(t, cfg)
			fill(t, l, 400, 10)
			end := l.segs[0].end
			l.Close()
			f, err := os.OpenFile(segmentPath(cfg.Dir, 0), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			c.do(t, f, end)

			l = mustOpen(t, cfg)
			if want := 400 - c.lost; l.Next() != want {
				t.Fatalf("next %d, want %d", l.Next(), want)
			}
			s := l.Stats()
			if s.Gaps != c.gaps || (s.TornBytes > 0) != c.torn {
				t.Errorf("%d gaps and %d torn bytes, want %d gaps, torn %v", s.Gaps, s.TornBytes, c.gaps, c.torn)
			}
			check := func(when string) {
				t.Helper()
				n, gaps := readAll(t, l, 0)
				missing := uint64(0)
				for _, g := range gaps {
					missing += g.To - g.From
				}
				if uint64(len(gaps)) != c.gaps || missing > 30 || n+missing != l.Next() {
					t.Errorf("%s: %d records and gaps %v, want %d gaps", when, n, gaps, c.gaps)
				}
			}
			check("recovered")
			fill(t, l, 500, 20)
			check("appended")
			l.Close()
			l = mustOpen(t, cfg)
			if want := 900 - c.lost; l.Next() != want {
				t.Fatalf("next %d after another opening, want %d", l.Next(), want)
			}
			check("opened again")
			if s := l.Stats(); s.TornBytes != 0 || s.Gaps != c.gaps {
				t.Errorf("opened again: %d torn bytes and %d gaps, want 0 and %d", s.TornBytes, s.Gaps, c.gaps)
			}
		})
	}
}

// TestDamagedSegments hits whole files of a journal of several.
func TestDamagedSegments(t *testing.T) {
	for _, c := range []struct {
		name    string
		victim  func(n int) int // of n segments
		do      func(t *testing.T, path string)
		damaged int
	}{
		{"first emptied", func(int) int { return 0 }, empty, 1},
		{"middle emptied", func(n int) int { return n / 2 }, empty, 1},
		{"last emptied", func(n int) int { return n - 1 }, empty, 1},
		{"middle zeroed", func(n int) int { return n / 2 }, zeroed, 1},
		{"last zeroed", func(n int) int { return n - 1 }, zeroed, 1},
		{"middle removed", func(n int) int { return n / 2 }, remove, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := small(t.TempDir())
			l := mustOpen(t, cfg)
			fill(t, l, 2000, 25)
			l.Close()
			victim := l.segs[c.victim(len(l.segs))]
			last := victim == l.segs[len(l.segs)-1]
			c.do(t, victim.path)

			l = mustOpen(t, cfg)
			want := uint64(2000)
			if last {
				want = victim.base
			}
			if l.Next() != want {
				t.Fatalf("next %d, want %d", l.Next(), want)
			}
			if s := l.Stats(); s.DamagedSegments != c.damaged {
				t.Errorf("%d damaged segments, want %d", s.DamagedSegments, c.damaged)
			}
			lost := victim.next - victim.base
			if last {
				lost = 0
			}
			for range 2 {
				n, _ := readAll(t, l, 0)
				if n != l.Next()-lost {
					t.Errorf("read %d records, want %d", n, l.Next()-lost)
				}
				fill(t, l, 300, 20)
			}
			end := l.Next()
			l.Close()
			l = mustOpen(t, cfg)
			if n, _ := readAll(t, l, 0); n != end-lost {
				t.Errorf("opened again: read %d records, want %d", n, end-lost)
			}
		})
	}
}

func empty(t *testing.T, path string) {
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
}

func zeroed(t *testing.T, path string) {
	if err := os.WriteFile(path, make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// TestDamageUnderReader damages committed blocks while the journal is open: the checksum holds on reading too.
func TestDamageUnderReader(t *testing.T) {
	cfg := small(t.TempDir())
	l := mustOpen(t, cfg)
	fill(t, l, 100, 10)
	f, err := os.OpenFile(segmentPath(cfg.Dir, 0), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	end := l.segs[0].end
	flip(t, f, end/2)
	n, gaps := readAll(t, l, 0)
	if n != 90 || len(gaps) != 1 {
		t.Errorf("middle: read %d records, gaps %v, want 90 and one gap", n, gaps)
	}
	flip(t, f, end-20) // the last block: nothing committed behind it yet
	n, gaps = readAll(t, l, 0)
	if n != 80 || len(gaps) != 2 || gaps[1] != (GapError{90, 100}) {
		t.Errorf("end: read %d records, gaps %v, want 80 and two gaps", n, gaps)
	}
	fill(t, l, 1000, 10)
	n, gaps = readAll(t, l, 0)
	if n != 1080 || len(gaps) != 2 {
		t.Errorf("behind: read %d records, gaps %v, want 1080 and two gaps", n, gaps)
	}
	if s := l.Stats(); s.ReadGaps != 5 || s.ReadGapRecords != 50 {
		t.Errorf("%d gaps of %d records counted, want 5 of 50", s.ReadGaps, s.ReadGapRecords)
	}
}

// TestSupersededTail has the same indices in two files, as after a sync that failed: the later one counts.
func TestSupersededTail(t *testing.T) {
	cfg := small(t.TempDir())
	l := mustOpen(t, cfg)
	fill(t, l, 50, 10)
	salt, end := l.segs[0].salt, l.segs[0].end
	l.Close()
	// A block that was written, and whose sync failed.
	var b Batch
	for range 10 {
		if err := b.Add([]byte("never acknowledged")); err != nil {
			t.Fatal(err)
		}
	}
	b.stamp(50, salt)
	f, err := os.OpenFile(segmentPath(cfg.Dir, 0), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	put(t, f, end, b.buf)
	// And the segment begun after that.
	next := make([]byte, cfg.SegmentBytes)
	putSegmentHeader(next, 50, 77)
	var c Batch
	for i := range uint64(5) {
		if err := c.Add(payload(50 + i)); err != nil {
			t.Fatal(err)
		}
	}
	c.stamp(50, 77)
	copy(next[segmentHeader:], c.buf)
	if err := os.WriteFile(filepath.Join(cfg.Dir, "00000000000000000050.seg"), next, 0o600); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, cfg)
	if l.Next() != 55 {
		t.Fatalf("next %d, want 55", l.Next())
	}
	wantAll(t, l, 0)
	fill(t, l, 500, 9)
	wantAll(t, l, 0)
}
