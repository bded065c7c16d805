//go:build unix

package fanout

import "syscall"

// openFiles is how many files the process may open at a time. Go's runtime has raised it to what the system allows.
func openFiles() (uint64, bool) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, false
	}
	return uint64(l.Cur), true
}
