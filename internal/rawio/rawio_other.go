//go:build !linux

package rawio

import "syscall"

// Write writes to a non-blocking descriptor and returns how many bytes it took.
func Write(fd int, b []byte) (n int, err error) {
	n, err = syscall.Write(fd, b)
	return max(n, 0), err
}

// Read reads from a non-blocking descriptor; 0 bytes without an error are its end.
func Read(fd int, b []byte) (n int, err error) {
	n, err = syscall.Read(fd, b)
	return max(n, 0), err
}
