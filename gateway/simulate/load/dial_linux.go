package load

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// bindLate lets the system choose the source port when it knows the destination: without, an address has one set of ports for all of them.
func bindLate(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) // an optimisation: older kernels do without
	})
}
