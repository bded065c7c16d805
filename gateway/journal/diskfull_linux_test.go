package journal

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDiskFull fills a file system of 1 MiB.
func TestDiskFull(t *testing.T) {
	onSmallDisk(t, 1<<20, fillUp)
}

func fillUp(t *testing.T, dir string) {
	cfg := Config{Dir: dir + "/journal", SegmentBytes: 128 << 10, MaxBytes: 1 << 30, retryEvery: time.Millisecond}
	l := mustOpen(t, cfg)
	appendUntilFull(t, l)
	s := l.Stats()
	if s.Next == 0 || s.NoSpareSince == 0 || s.FullSince == 0 || s.WriteFailures != 0 {
		t.Fatalf("full disk: %+v", s)
	}
	wantAll(t, l, 0)
	l.Close()

	// A full disk is no reason not to start.
	l = mustOpen(t, cfg)
	if l.Next() != s.Next {
		t.Fatalf("next %d after reopening, want %d", l.Next(), s.Next)
	}
	wantAll(t, l, 0)
	appendUntilFull(t, l)
	l.Release(l.Next())
	fill(t, l, 500, 10)
	appendUntilFull(t, l)
	wantHeld(t, l)
	l.Close()

	// Neither is one that other files fill, with an empty journal.
	other := dir + "/other"
	cfg.Dir = dir + "/second"
	l = mustOpen(t, cfg)
	appendUntilFull(t, l)
	if l.Next() != 0 {
		t.Fatalf("%d records in a journal without room for a segment", l.Next())
	}
	if err := os.RemoveAll(dir + "/journal"); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 1000, 10) // resumes by itself
	wantAll(t, l, 0)
	fillDisk(t, other)
	appendUntilFull(t, l)
	wantAll(t, l, 0)
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 500, 10)
	wantAll(t, l, 0)
}

// fillDisk writes a file until there is no room left.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for b := make([]byte, 4096); err == nil; {
		_, err = f.Write(b)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// inNamespace tells a child of onSmallDisk that it should be able to mount.
const inNamespace = "JOURNAL_TEST_NAMESPACE"

// onSmallDisk runs do on a file system of size bytes. Without the right to mount one, the same test runs in a child with a
// user namespace of its own; where that is forbidden too, the test fails rather than leave a full disk untested.
func onSmallDisk(t *testing.T, size int, do func(t *testing.T, dir string)) {
	t.Helper()
	dir := t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size))
	if err == nil {
		t.Cleanup(func() {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		do(t, dir)
		return
	}
	if os.Getenv(inNamespace) != "" {
		t.Fatalf("mount in a namespace: %v", err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if out, cerr := cmd.CombinedOutput(); cerr != nil {
		t.Fatalf("no small file system to fill: mount: %v; in a user namespace: %v\n%s", err, cerr, out)
	}
}
