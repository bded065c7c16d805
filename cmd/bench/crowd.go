//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trackgate/trackgate/gateway/simulate/load"
)

// crowd is connections that say nothing.
type crowd struct {
	epoll  int
	opened map[int32]time.Time // by descriptor: those that still stand
	lives  *load.Histogram     // how long the others did
	ready  []unix.EpollEvent
}

// crowdOrder is what a crowd is told: to open connections, or to wait until the peer has closed all of them.
type crowdOrder struct {
	Do          string  `json:"do"` // open, wait
	To          string  `json:"to"`
	Connections int     `json:"connections,omitempty"`
	Seconds     float64 `json:"seconds,omitempty"`
}

// crowdState is what it answers.
type crowdState struct {
	Error string          `json:"error,omitempty"`
	Lives *load.Histogram `json:"lives,omitempty"`
}

func crowdPart(request, answer func(any) error) error {
	c := &crowd{opened: make(map[int32]time.Time), lives: new(load.Histogram), ready: make([]unix.EpollEvent, 512)}
	var err error
	if c.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	for {
		var o crowdOrder
		if err := request(&o); err != nil {
			return err
		}
		s := crowdState{Lives: c.lives}
		if err := c.obey(&o); err != nil {
			s.Error = err.Error()
		}
		if err := answer(&s); err != nil {
			return err
		}
	}
}

func (c *crowd) obey(o *crowdOrder) error {
	if o.Do == "open" {
		return c.open(o)
	}
	for end := time.Now().Add(time.Duration(o.Seconds * float64(time.Second))); len(c.opened) > 0; {
		if time.Now().After(end) {
			return fmt.Errorf("%d mute connections stay", len(c.opened))
		}
		if err := c.look(100); err != nil {
			return err
		}
	}
	return nil
}

// open connects from eight addresses, as fast as the peer takes it.
func (c *crowd) open(o *crowdOrder) error {
	to, err := netip.ParseAddrPort(o.To)
	if err != nil {
		return err
	}
	for i := range o.Connections {
		if err := c.dial(to, [4]byte{127, 0, 0, byte(2 + i%8)}); err != nil {
			return fmt.Errorf("mute connection %d: %w", i, err)
		}
		if i%256 == 0 {
			if err := c.look(0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *crowd) dial(to netip.AddrPort, from [4]byte) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: from}); err != nil {
		return err
	}
	for {
		err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
		if err == nil || errors.Is(err, unix.EISCONN) {
			break
		}
		if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EALREADY) {
			return err
		}
	}
	c.opened[int32(fd)] = time.Now()
	return unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(fd)})
}

// look takes note of connections that the peer has closed.
func (c *crowd) look(milliseconds int) error {
	n, err := unix.EpollWait(c.epoll, c.ready, milliseconds)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	var b [64]byte
	for i := range max(0, n) {
		fd := c.ready[i].Fd
		k, err := unix.Read(int(fd), b[:])
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if k > 0 {
			return fmt.Errorf("a mute connection is told %x", b[:k])
		}
		c.lives.Add(time.Since(c.opened[fd]), 1)
		delete(c.opened, fd)
		unix.Close(int(fd))
	}
	return nil
}
