package gateway

import "golang.org/x/sys/unix"

// probeSocket has TCP ask the peer, and give up on bytes that it does not acknowledge. It fails only for a socket that is gone.
func probeSocket(fd int) {
	every := int(probeEvery.Seconds())
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, every)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, probeTimes)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, every*probeTimes*1000)
}
