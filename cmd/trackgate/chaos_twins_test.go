package main

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/trackgate/trackgate/persistence/pgtest"
)

// mirror is an address whose connections go to two gateways at once: both hear the same bytes, the device hears the first.
func (s *siege) mirror(first, second *besieged) string {
	s.t.Helper()
	l, err := net.Listen("tcp", s.host+":0")
	if err != nil {
		s.t.Fatal(err)
	}
	var all sync.WaitGroup
	s.t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			device, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { twice(device, first.any, second.any) })
		}
	})
	return l.Addr().String()
}

// twice is one connection through a mirror; it ends with the device's or the first gateway's.
func twice(device net.Conn, first, second string) {
	defer device.Close()
	a, err := net.Dial("tcp", first)
	if err != nil {
		return
	}
	var answers sync.WaitGroup
	defer answers.Wait()
	defer a.Close()
	answers.Go(func() { io.Copy(device, a); device.Close() })
	b, err := net.Dial("tcp", second)
	if err == nil {
		defer b.Close()
		answers.Go(func() { io.Copy(io.Discard, b) })
	}
	buf := make([]byte, 16<<10)
	for {
		n, err := device.Read(buf)
		if err != nil {
			return
		}
		if _, err := a.Write(buf[:n]); err != nil {
			return
		}
		if b != nil {
			if _, err := b.Write(buf[:n]); err != nil {
				b = nil // it was killed; the device does not notice
			}
		}
	}
}

// TestChaosTwins has each device talk to two gateways at once, which store the same records in one database, while they are killed in turn: each record is one
// row.
func TestChaosTwins(t *testing.T) {
	t.Parallel()
	s := besiege(t, "two gateways, the same devices at once", "PostgreSQL", plainPostgres(pgtest.Postgres(t))...)
	a, b := s.node(), s.node()
	s.dialed = s.mirror(a, b)
	s.load()
	duplicates := 0.0
	var worst recovery
	for range rounds() {
		for _, n := range s.nodes {
			s.rest(time.Duration(500+s.random.IntN(1000)) * time.Millisecond)
			s.until("records come twice", func() bool { return a.metric("trackgate_duplicates_total")+b.metric("trackgate_duplicates_total") > 20 })
			duplicates += a.metric("trackgate_duplicates_total") + b.metric("trackgate_duplicates_total")
			n.kill()
			r := s.over(n)
			n.begin()
			r.wait()
			worst.slower(r)
		}
	}
	s.leave()
	for _, n := range s.nodes {
		s.until("all is stored", func() bool { return n.metric(`trackgate_sink_lag_records{sink="store"}`) == 0 })
	}
	report := s.verified()
	s.inOrder(true)
	s.say("%d kills, the slowest: %v; %v; %d records acknowledged, each stored once, %.0f repetitions recognised", 2*rounds(), &worst, a.usual, report.Acked, duplicates)
}
