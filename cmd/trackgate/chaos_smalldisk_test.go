package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inNamespace tells a child of onSmallDisk that it should be able to mount.
const inNamespace = "TRACKGATE_TEST_NAMESPACE"

// onSmallDisk runs do on a file system of size bytes that every user may write to. Without the right to mount one, the same test runs in a child that has the
// right in a namespace of its own; where that is forbidden too, the test fails rather than leave a full disk untested.
func onSmallDisk(t *testing.T, size int, do func(t *testing.T, disk string)) {
	t.Helper()
	disk, err := os.MkdirTemp("", "trackgate-disk")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(disk) })
	err = unix.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprintf("size=%d,mode=1777", size))
	if err == nil {
		t.Cleanup(func() {
			if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		do(t, disk)
		return
	}
	if os.Getenv(inNamespace) != "" {
		t.Fatalf("mount in a namespace: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}},
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN},
	}
	out, cerr := cmd.CombinedOutput()
	if cerr != nil {
		t.Fatalf("no small file system to fill: mount: %v; in a user namespace: %v\n%s", err, cerr, out)
	}
	t.Logf("in a namespace:\n%s", out)
}

// fillDisk writes a file until there is no room left; free removes it.
func fillDisk(t *testing.T, disk string) (free func()) {
	t.Helper()
	path := filepath.Join(disk, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for b := make([]byte, 64<<10); err == nil; {
		_, err = f.Write(b)
		for errors.Is(err, syscall.ENOSPC) && len(b) > 512 {
			b = b[:len(b)/2]
			_, err = f.Write(b)
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}
