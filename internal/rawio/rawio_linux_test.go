package rawio

import (
	"errors"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// pair is two connected sockets that never block.
func pair(t *testing.T) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[1]) })
	return fds[0], fds[1]
}

func TestReadAndWrite(t *testing.T) {
	a, b := pair(t)
	buf := make([]byte, 1<<10)
	if n, err := Read(b, buf); n != 0 || !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("nothing is there: %d bytes, %v", n, err)
	}
	if n, err := Write(a, []byte("fix")); n != 3 || err != nil {
		t.Fatalf("wrote %d bytes: %v", n, err)
	}
	if n, err := Read(b, buf); string(buf[:n]) != "fix" || err != nil {
		t.Errorf("read %q: %v", buf[:n], err)
	}
	if n, err := Write(a, nil); n != 0 || err != nil {
		t.Errorf("wrote nothing: %d bytes, %v", n, err)
	}
	full := 0
	for {
		n, err := Write(a, buf)
		if full += n; err != nil {
			if !errors.Is(err, syscall.EAGAIN) || full == 0 {
				t.Errorf("full after %d bytes: %v", full, err)
			}
			break
		}
	}
	for full > 0 {
		n, err := Read(b, buf)
		if err != nil {
			t.Fatalf("%d bytes are missing: %v", full, err)
		}
		full -= n
	}
	unix.Close(a)
	if n, err := Read(b, buf); n != 0 || err != nil {
		t.Errorf("the end: %d bytes, %v", n, err)
	}
	if n, err := Read(-1, buf); n != 0 || !errors.Is(err, syscall.EBADF) {
		t.Errorf("no descriptor: %d bytes, %v", n, err)
	}
}

func TestEpollWait(t *testing.T) {
	a, b := pair(t)
	defer unix.Close(a)
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(epoll)
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, b, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: 42}); err != nil {
		t.Fatal(err)
	}
	events := make([]unix.EpollEvent, 4)
	if n, err := EpollWait(epoll, events); n != 0 || err != nil {
		t.Errorf("nothing is ready: %d, %v", n, err)
	}
	if _, err := Write(a, []byte{1}); err != nil {
		t.Fatal(err)
	}
	if n, err := EpollWait(epoll, events); n != 1 || err != nil || events[0].Fd != 42 || events[0].Events != unix.EPOLLIN {
		t.Errorf("%d events, %v: %+v", n, err, events[0])
	}
}
