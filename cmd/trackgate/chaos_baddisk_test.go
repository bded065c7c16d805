package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// badDisk is the journal's fdatasync in a process under test. What it does is in a file that the test writes: "fail", "slow 200ms", or nothing.
//
// A failed sync behaves as that of a kernel: what was not durable is dropped, and the next sync of the same file reports success all the same. So a
// gateway that simply tries again, and believes it, loses what it acknowledges.
type badDisk struct {
	name string

	mu      sync.Mutex
	durable map[uint64][]byte // contents at the last sync, by inode; of the youngest files
	order   []uint64
}

func newBadDisk(name string) *badDisk { return &badDisk{name: name, durable: make(map[uint64][]byte)} }

// mostDurable is how many files are remembered: the active segment, its spare, and what was active before.
const mostDurable = 6

func (d *badDisk) sync(f *os.File) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	raw, err := os.ReadFile(d.name)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	inode := st.Sys().(*syscall.Stat_t).Ino
	var wait time.Duration
	switch order := strings.TrimSpace(string(raw)); {
	case order == "fail":
		if was, known := d.durable[inode]; known {
			if _, err := f.WriteAt(was, 0); err != nil {
				return err
			}
		}
		return fmt.Errorf("sync %s: %w", f.Name(), syscall.EIO)
	case strings.HasPrefix(order, "slow "):
		if wait, err = time.ParseDuration(order[len("slow "):]); err != nil {
			return err
		}
	}
	time.Sleep(wait)
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		return err
	}
	if _, known := d.durable[inode]; !known {
		if d.order = append(d.order, inode); len(d.order) > mostDurable {
			delete(d.durable, d.order[0])
			d.order = d.order[1:]
		}
	}
	d.durable[inode], err = os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd())) // under whatever name, and however it was opened
	return err
}
