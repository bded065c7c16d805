//go:build !linux

package gateway

// setLowWater has no counterpart here: a paused peer fills the inbound buffer up to its limit and is then closed.
func setLowWater(fd, n int) {}
