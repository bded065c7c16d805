//go:build !linux

package fanout

import (
	"errors"
	"net"
)

// poller is for Linux; elsewhere every connection is a stream.
type poller struct{}

func newPollers(int) []*poller { return nil }

func (*poller) run() {}

func (*poller) close() {}

func (*poller) takeOver(*net.TCPConn, *socket) (wire, error) {
	return nil, errors.New("fanout: no poller on this system")
}
