package main

import (
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// TestHTTPConnectionsAreLimited: people have connections of their own, and share the rest with devices.
func TestHTTPConnectionsAreLimited(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	var devices atomic.Int64
	l := &limitedListener{Listener: socket, own: 2, shared: 10, device: devices.Load}
	accepted := make(chan net.Conn, 20)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func(want bool) net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", socket.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if want {
			return <-accepted
		}
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || len(accepted) > 0 {
			t.Errorf("one too many is served")
		}
		return nil
	}
	devices.Store(9)
	first := dial(true)
	dial(true)
	dial(true) // one of those shared
	if l.beyond() != 1 {
		t.Errorf("%d beyond its own", l.beyond())
	}
	dial(false)
	first.Close()
	first.Close()
	dial(true)
	dial(false)
	devices.Store(0)
	dial(true)
}
