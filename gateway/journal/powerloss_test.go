package journal

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

const sector = 512 // bytes that a disk writes whole

// volatileDisk remembers what each sector held before the writes that no sync has confirmed, so that a power cut may undo any of them.
type volatileDisk struct {
	mu   sync.Mutex
	disk *fileOps
	old  map[uint64]map[int64][]byte // by inode and sector
	cut  func()                      // called before a sync of file data; may take a copy
}

func inode(t *testing.T, f *os.File) uint64 {
	info, err := f.Stat()
	if err != nil {
		t.Error(err)
		return 0
	}
	return uint64(info.Sys().(*syscall.Stat_t).Ino)
}

func (d *volatileDisk) ops(t *testing.T) *fileOps {
	ops := *d.disk
	ops.write = func(f *os.File, p []byte, off int64) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		ino := inode(t, f)
		if d.old[ino] == nil {
			d.old[ino] = map[int64][]byte{}
		}
		for s := off / sector; s <= (off+int64(len(p))-1)/sector; s++ {
			if _, ok := d.old[ino][s]; !ok {
				before := make([]byte, sector)
				f.ReadAt(before, s*sector) // zeros behind the end
				d.old[ino][s] = before
			}
		}
		return d.disk.write(f, p, off)
	}
	ops.sync = func(f *os.File) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.cut()
		delete(d.old, inode(t, f))
		return d.disk.sync(f)
	}
	return &ops
}

// copyTo makes the folder as it may look after a cut: each unconfirmed sector old or new, by chance. Caller holds d.mu.
func (d *volatileDisk) copyTo(t *testing.T, from, to string) {
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Error(err)
		return
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(from, e.Name()))
		info, ierr := e.Info()
		if err = errors.Join(err, ierr); errors.Is(err, os.ErrNotExist) {
			continue // removed or renamed meanwhile: nothing in it counts
		}
		if err != nil {
			t.Error(err)
			return
		}
		for s, before := range d.old[uint64(info.Sys().(*syscall.Stat_t).Ino)] {
			if rand.IntN(2) == 0 && s*sector < int64(len(content)) {
				copy(content[s*sector:], before)
			}
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), content, 0o600); err != nil {
			t.Error(err)
		}
	}
}

// TestPowerLoss cuts the power in the middle of commits: whatever of the unconfirmed writes reached the disk, in whatever order,
// all that was acknowledged is there.
func TestPowerLoss(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dir: dir, SegmentBytes: 32 << 10, MaxBytes: 192 << 10}
	d := &volatileDisk{disk: fastOps(), old: map[uint64]map[int64][]byte{}}
	type image struct {
		dir          string
		acked, first uint64 // committed, and what the store has
	}
	var (
		l        *Log
		images   []image
		released uint64
	)
	syncs := 0
	d.cut = func() {
		if syncs++; l == nil || syncs%5 != 0 || len(images) >= 150 {
			return
		}
		im := image{t.TempDir(), l.Next(), released}
		d.copyTo(t, dir, im.dir)
		images = append(images, im)
	}
	cfg.ops = d.ops(t)
	opened := mustOpen(t, cfg)
	d.mu.Lock()
	l = opened
	d.mu.Unlock()
	for {
		d.mu.Lock()
		enough := len(images) >= 150
		d.mu.Unlock()
		if enough {
			break
		}
		per := 1 + rand.IntN(60)
		fill(t, l, per, per)
		if next := l.Next(); next > 300 {
			d.mu.Lock()
			released = next - 300
			d.mu.Unlock()
			l.Release(next - 300)
		}
	}
	if l.Stats().Recycled == 0 {
		t.Fatal("nothing was recycled")
	}
	torn := 0
	for i, im := range images {
		c := mustOpen(t, Config{Dir: im.dir, SegmentBytes: cfg.SegmentBytes, MaxBytes: cfg.MaxBytes})
		if c.Next() < im.acked || c.First() > im.first {
			t.Fatalf("image %d holds [%d, %d), want [%d, %d) at least", i, c.First(), c.Next(), im.first, im.acked)
		}
		from := c.First()
		_, gaps := readAll(t, c, from)
		for _, g := range gaps {
			if g.To > im.first && g.From < im.acked {
				t.Fatalf("image %d: records %d to %d are lost, acknowledged up to %d", i, g.From, g.To-1, im.acked)
			}
		}
		if c.Stats().TornBytes > 0 {
			torn++
		}
		fill(t, c, 30, 10)
		readAll(t, c, from)
		c.Close()
	}
	if torn == 0 {
		t.Error("no image had a torn commit")
	}
	t.Logf("%d cuts, %d with a torn commit", len(images), torn)
}
