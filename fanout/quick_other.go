//go:build !linux

package fanout

import "syscall"

func writeNow(fd int, b []byte) (n int, err error) { return syscall.Write(fd, b) }

func readNow(fd int, b []byte) (n int, err error) { return syscall.Read(fd, b) }
