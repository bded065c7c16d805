//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// machine is what the numbers were measured on.
type machine struct {
	CPU      string
	Cores    int
	Memory   string
	Kernel   string
	Disk     string // file system of the journals
	Load     string // average of the minute before the run: what else the machine did
	Go       string
	Revision string
	Modules  []string // of the packages that do the work
	Programs []string // servers that were started
}

// shownModules are the modules whose version matters.
var shownModules = map[string]bool{"github.com/panjf2000/gnet/v2": true, "github.com/jackc/pgx/v5": true, "modernc.org/sqlite": true, "github.com/redis/go-redis/v9": true,
	"github.com/gorilla/websocket": true}

func thisMachine() machine {
	m := machine{CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Go: runtime.Version(), Disk: fileSystem(os.TempDir())}
	var kib int64
	if _, err := fmt.Sscan(field("/proc/meminfo", "MemTotal"), &kib); err == nil {
		m.Memory = fmt.Sprintf("%d GiB", (kib+1<<19)>>20)
	}
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(raw), " ")
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = "Linux " + unix.ByteSliceToString(u.Release[:])
	}
	if out, err := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output(); err == nil {
		m.Revision = strings.TrimSpace(string(out))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if shownModules[d.Path] {
				m.Modules = append(m.Modules, d.Path+" "+d.Version)
			}
		}
	}
	for _, args := range [][]string{{"redis-server", "--version"}, {"postgres", "--version"}} {
		if out, err := exec.Command(args[0], args[1:]...).Output(); err == nil {
			line, _, _ := strings.Cut(string(out), "\n")
			m.Programs = append(m.Programs, shorten(line, 26))
		}
	}
	return m
}

// field is the first value of a name in a file of /proc.
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if k, v, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// fileSystem names the file system of a folder.
func fileSystem(path string) string {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil {
		return ""
	}
	switch s.Type {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.TMPFS_MAGIC:
		return "tmpfs, which makes nothing durable"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs"
	}
	return fmt.Sprintf("%#x", s.Type)
}
