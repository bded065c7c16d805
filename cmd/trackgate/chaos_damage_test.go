package main

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// segment is the journal's file that is written to, and where its last record ends.
func (b *besieged) segment() (path string, end int64) {
	t := b.siege.t
	t.Helper()
	list, err := filepath.Glob(filepath.Join(b.data, "journal", "*.seg"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no segment: %v", err)
	}
	slices.Sort(list)
	path = list[len(list)-1]
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, int64(len(bytes.TrimRight(raw, "\x00"))+7) &^ 7
}

// alter changes bytes of a file: those at off become what change makes of them.
func alter(t *testing.T, path string, off int64, n int, change func(b []byte)) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, n)
	f.ReadAt(b, off) // behind the end there are none
	change(b)
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

// TestChaosTornJournal leaves behind the last commit, between a kill and the next start, what an interrupted write may leave: nothing of it was
// acknowledged, and nothing acknowledged may be lost for it.
func TestChaosTornJournal(t *testing.T) {
	t.Parallel()
	s := besiege(t, "journal's tail torn", "SQLite")
	b := s.node(smallJournal...)
	s.load()
	damage := []struct {
		name string
		do   func(path string, end int64)
	}{
		{"random bytes", func(path string, end int64) {
			alter(t, path, end, 10+s.random.IntN(5000), func(b []byte) {
				for i := range b {
					b[i] = byte(s.random.Uint32())
				}
			})
		}},
		{"the first half of a block", func(path string, end int64) {
			first := make([]byte, 200)
			alter(t, path, 64, len(first), func(b []byte) { copy(first, b) })
			alter(t, path, end, len(first), func(b []byte) { copy(b, first) })
		}},
		{"a bit", func(path string, end int64) {
			alter(t, path, end+int64(s.random.IntN(1000)), 1, func(b []byte) { b[0] ^= 1 << s.random.IntN(8) })
		}},
		{"no file behind the end", func(path string, end int64) {
			if err := os.Truncate(path, end); err != nil {
				t.Fatal(err)
			}
		}},
		{"half of the next file", func(path string, _ int64) {
			if err := os.Truncate(filepath.Join(filepath.Dir(path), "spare"), 1<<20+17); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}},
	}
	var worst recovery
	for range rounds() {
		for _, d := range damage {
			s.rest(time.Duration(s.random.IntN(300)) * time.Millisecond)
			b.kill()
			d.do(b.segment())
			r := s.over(b)
			b.begin()
			r.wait()
			if gaps := b.metric("trackgate_wal_gaps"); gaps != 0 {
				t.Errorf("%s: %.0f gaps", d.name, gaps)
			}
			worst.slower(r)
		}
	}
	r := s.judge()
	s.say("%d times, the slowest: %v; %v; %d records acknowledged, each stored once", rounds()*len(damage), &worst, b.usual, r.Acked)
}

// TestChaosFlippedBit damages records that the store does not have yet: the loss is found, counted and bounded, and everything around it is stored.
func TestChaosFlippedBit(t *testing.T) {
	t.Parallel()
	s := besiege(t, "a bit of the journal flipped", "SQLite")
	b := s.node(smallJournal...)
	db, err := sql.Open("sqlite", filepath.Join(b.data, "trackgate.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "PRAGMA busy_timeout = 60000; BEGIN IMMEDIATE"); err != nil { // the store can not write meanwhile
		t.Fatal(err)
	}
	s.load("--protocol", "gt06", "--backlog", "200")
	s.until("the journal holds records", func() bool { return b.metric(`trackgate_sink_lag_records{sink="store"}`) > 5000 })
	s.leave()
	b.kill()
	path, end := b.segment()
	at := end/4 + int64(s.random.Int64N(end/2))
	alter(t, path, at, 1, func(b []byte) { b[0] ^= 1 << s.random.IntN(8) })
	if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	r := s.over(b)
	b.begin()
	r.caughtUp()
	gaps, skipped := b.metric("trackgate_wal_gaps"), b.metric(`trackgate_sink_skipped_records_total{sink="store"}`)
	report, out, _ := s.compare("0")
	const together = 4096 / 36 // most locations in one journal record: what came together is one, up to so many bytes
	if gaps != 1 || skipped == 0 || float64(report.Lost) > together*skipped || report.Lost > 2000 || report.Altered+report.Duplicates > 0 || report.Matching+report.Lost != report.Acked {
		t.Errorf("%.0f gaps, %.0f records skipped; verify: %s", gaps, skipped, out)
	}
	s.inOrder(false)
	s.say("%v; %v; of %d records acknowledged %d were in the damaged block, which was counted (%.0f journal records)", r, b.usual.flat(), report.Acked, report.Lost, skipped)
}
