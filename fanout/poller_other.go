//go:build !linux

package fanout

import (
	"errors"
	"syscall"
)

// poller is for Linux; elsewhere every connection is a stream.
type poller struct{}

func newPollers(int) []*poller { return nil }

// detached is what a poller would watch.
type detached interface {
	wire
	counted(gone func())
}

func (*poller) run() {}

func (*poller) close() {}

func (*poller) takeOver(syscall.Conn, *socket) (detached, error) {
	return nil, errors.New("fanout: no poller on this system")
}
