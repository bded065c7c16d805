package main

import (
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/all"
)

// drain is a gateway without a journal: it recognises the protocol by the first bytes, drains, and answers, over TCP and UDP on one port.
type drain struct {
	addr string

	mu     sync.Mutex
	events map[string]int // by device
}

func serveDrain(t *testing.T) *drain {
	t.Helper()
	before := goleak.IgnoreCurrent() // gnet starts goroutines as soon as it is linked in
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	d := &drain{addr: l.Addr().String(), events: make(map[string]int)}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { d.stream(c) })
		}
	})
	wait.Go(func() { d.datagrams(u) })
	t.Cleanup(func() {
		l.Close()
		u.Close()
		wait.Wait()
	})
	return d
}

func (d *drain) stream(c net.Conn) {
	defer c.Close()
	var p *protocols.Protocol
	var s protocols.Session
	var rest []byte
	b := make([]byte, 64<<10)
	for {
		n, err := c.Read(b)
		rest = append(rest, b[:n]...)
		if p == nil {
			p, _ = protocols.Detect(all.Protocols, rest, false, err != nil)
		}
		if p != nil {
			used, lost := d.take(p, &s, protocols.Input{Bytes: rest, Final: err != nil}, func(reply []byte) { c.Write(reply) })
			rest = rest[used:]
			if lost {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (d *drain) datagrams(u net.PacketConn) {
	sessions := make(map[string]*protocols.Session)
	b := make([]byte, 64<<10)
	for {
		n, from, err := u.ReadFrom(b)
		if err != nil {
			return
		}
		s := sessions[from.String()]
		if s == nil {
			s = new(protocols.Session)
			sessions[from.String()] = s
		}
		if p, _ := protocols.Detect(all.Protocols, b[:n], true, true); p != nil {
			d.take(p, s, protocols.Input{Bytes: b[:n], Datagram: true, Final: true}, func(reply []byte) { u.WriteTo(reply, from) })
		}
	}
}

func (d *drain) take(p *protocols.Protocol, s *protocols.Session, in protocols.Input, answer func([]byte)) (used int, lost bool) {
	var f protocols.Frame
	in.Received = protocols.At(time.Now())
	used, err := protocols.Drain(p, s, in, &f, func(_ []byte, err error) bool {
		if err != nil {
			return true
		}
		d.mu.Lock()
		d.events[s.Device] += len(f.Events)
		d.mu.Unlock()
		if len(f.Reply) > 0 {
			answer(f.Reply)
		}
		return true
	})
	return used, err != nil
}
