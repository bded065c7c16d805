package fanout

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// System calls on descriptors that never block, of which Go's scheduler is not told. To it a call into the kernel is a place where a thread may stay: its
// watchman wakes up for the first one after a pause, and looks after all that follow. On a machine that is not busy that is a tenth of all that a node
// does for an event. None of these takes longer than a few µs, as any other stretch of a goroutine's work.

func writeNow(fd int, b []byte) (n int, err error) {
	return quick(syscall.SYS_WRITE, fd, unsafe.Pointer(unsafe.SliceData(b)), len(b))
}

func readNow(fd int, b []byte) (n int, err error) {
	return quick(syscall.SYS_READ, fd, unsafe.Pointer(unsafe.SliceData(b)), len(b))
}

func quick(call uintptr, fd int, p unsafe.Pointer, n int) (int, error) {
	r, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(p), uintptr(n))
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// epollNow is epoll_wait that does not wait.
func epollNow(epoll int, events []unix.EpollEvent) (n int, err error) {
	r, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}
