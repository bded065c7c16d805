package gateway

import "golang.org/x/sys/unix"

// setLowWater sets how many bytes must wait before a socket raises an event. It fails only for a socket that is gone.
func setLowWater(fd, n int) { _ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT, n) }
