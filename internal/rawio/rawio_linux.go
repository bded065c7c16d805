package rawio

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Write writes to a non-blocking descriptor and returns how many bytes it took.
func Write(fd int, b []byte) (n int, err error) {
	return call(syscall.SYS_WRITE, fd, unsafe.Pointer(unsafe.SliceData(b)), len(b))
}

// Read reads from a non-blocking descriptor; 0 bytes without an error are its end.
func Read(fd int, b []byte) (n int, err error) {
	return call(syscall.SYS_READ, fd, unsafe.Pointer(unsafe.SliceData(b)), len(b))
}

func call(which uintptr, fd int, p unsafe.Pointer, n int) (int, error) {
	r, _, errno := syscall.RawSyscall(which, uintptr(fd), uintptr(p), uintptr(n))
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}

// EpollWait reports the descriptors that are ready now, without waiting for any.
func EpollWait(epoll int, events []unix.EpollEvent) (n int, err error) {
	r, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}
