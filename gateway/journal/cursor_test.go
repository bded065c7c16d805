package journal

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestCursor(t *testing.T) {
	dir := t.TempDir()
	c, err := OpenCursor(dir, "live")
	if err != nil {
		t.Fatal(err)
	}
	if c.Load() != 0 || c.Damaged() {
		t.Errorf("new cursor: %d, damaged %v, want 0", c.Load(), c.Damaged())
	}
	for _, v := range []uint64{1, 42, math.MaxUint64, 7} {
		if err := c.Save(v); err != nil {
			t.Fatal(err)
		}
		again, err := OpenCursor(dir, "live")
		if err != nil {
			t.Fatal(err)
		}
		if c.Load() != v || again.Load() != v || again.Damaged() {
			t.Errorf("saved %d, loaded %d, opened again %d", v, c.Load(), again.Load())
		}
	}
	if other, err := OpenCursor(dir, "store"); err != nil || other.Load() != 0 {
		t.Errorf("another name: %v, %v", other, err)
	}
	for _, name := range []string{"", "../live", "a/b", "Live", "a.b"} {
		if _, err := OpenCursor(dir, name); err == nil {
			t.Errorf("name %q accepted", name)
		}
	}
}

func TestCursorDamaged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "live.cursor")
	c, err := OpenCursor(dir, "live")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Save(123456); err != nil {
		t.Fatal(err)
	}
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := OpenCursor(dir, "live")
		if err != nil {
			t.Fatal(err)
		}
		if c.Load() != 0 || !c.Damaged() {
			t.Errorf("content %q: %d, damaged %v, want 0 and damaged", content, c.Load(), c.Damaged())
		}
	}
	for n := range sound {
		try(sound[:n]) // torn
		flipped := append([]byte(nil), sound...)
		flipped[n] ^= 1
		try(flipped)
	}
	try(make([]byte, len(sound)))
	try(append(sound, '\n'))
	if c, err = OpenCursor(dir, "live"); err != nil {
		t.Fatal(err)
	}
	if err := c.Save(9); err != nil || c.Damaged() {
		t.Errorf("save over damage: %v, damaged %v", err, c.Damaged())
	}
}

func TestCursorSaveFails(t *testing.T) {
	dir := t.TempDir()
	c, err := OpenCursor(dir, "live")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Save(5); err != nil {
		t.Fatal(err)
	}
	c.ops.sync = func(*os.File) error { return syscall.EIO }
	if err := c.Save(6); !errors.Is(err, syscall.EIO) {
		t.Errorf("failing sync: %v, want EIO", err)
	}
	again, err := OpenCursor(dir, "live")
	if err != nil || c.Load() != 5 || again.Load() != 5 {
		t.Errorf("after a failure: %d, opened again %d, %v, want 5", c.Load(), again.Load(), err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
}
