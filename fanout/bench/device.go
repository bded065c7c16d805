package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

// phones are devices that report by HTTP, OsmAnd's way, on a connection each: bytes that come in at a device port. What a report says beside its position is kept
// with it, so each carries its stamp through the gateway.
type phones struct {
	conns []net.Conn
	began time.Time
	b     []byte
	err   error
}

func dialPhones(addr string, began time.Time, n int) (*phones, error) {
	p := &phones{began: began}
	for range n {
		c, err := net.DialTimeout("tcp", addr, 10*time.Second)
		if err != nil {
			p.close()
			return nil, err
		}
		c.(*net.TCPConn).SetLinger(0) //nolint:errcheck // as with clients
		p.conns = append(p.conns, c)
		go io.Copy(io.Discard, c) //nolint:errcheck // ends with the connection
	}
	return p, nil
}

func (p *phones) one(vehicle int, now time.Time) {
	b := fmt.Appendf(p.b[:0], "GET /?id=%d&timestamp=%d&lat=%.6f&lon=%.6f&speed=20&", vehicle, now.UnixMilli(), 48+float64(vehicle%1000)/100, 2+float64(now.UnixMilli()%1e6)/1e6)
	b = fmt.Appendf(b, "pub=%016d-%06d HTTP/1.1\r\nHost: gateway\r\n\r\n", now.Sub(p.began).Microseconds(), vehicle)
	p.b = b
	c := p.conns[vehicle%len(p.conns)]
	c.SetWriteDeadline(now.Add(10 * time.Second)) //nolint:errcheck // writing says so
	if _, err := c.Write(b); err != nil && p.err == nil {
		p.err = err
	}
}

func (p *phones) flush() error { return p.err }

func (p *phones) close() {
	for _, c := range p.conns {
		c.Close()
	}
}

// watchers is how many dashboards share the devices among them.
const watchers = 100

// live measures the whole way, from a device's bytes through the journal and Redis to the frame at a client, at half of what one node with both roles bears.
func (b *bench) live(*contender, *process) ([]figure, error) {
	data, err := os.MkdirTemp(b.dir, "data")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	devices, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p, err := b.start("trackgate", addr, b.serverCore, append(b.env(), "TRACKGATE_FANOUT_MAX_HZ=0"), answersHTTP,
		b.trackgate, "serve", "--data", data, "--http", addr, "--any", devices)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	each := b.devices / min(watchers, b.devices)
	crowd, err := b.gather(p, plain, b.devices/each, false, func(i int) (int, int) { return i * each, each })
	if err != nil {
		return nil, err
	}
	defer crowd.leave()
	reports, err := dialPhones(devices, b.began, b.devices)
	if err != nil {
		return nil, err
	}
	defer reports.close()
	if _, err := b.steadily(p, crowd, reports, b.rateLive, b.step/2, b.devices, 1); err != nil { // logs them in
		return nil, err
	}
	most, note := b.rateLive, ""
	for rate := b.rateLive; b.sweep && rate < 1e6; rate *= 1.5 {
		s, err := b.steadily(p, crowd, reports, rate, b.step/2, b.devices, 1)
		if err != nil {
			return nil, err
		}
		if !s.borne() {
			note = fmt.Sprintf("at %s/s p99 %.0f ms%s", thousands(rate), s.p99, s.note())
			crowd.quiet(b.settle)
			break
		}
		most = rate
	}
	s, err := b.steadily(p, crowd, reports, most/2, b.step, b.devices, 1)
	if err != nil {
		return nil, err
	}
	at := "device to dashboard through journal and Redis, "
	return []figure{
		{what: at + "borne within p99 100 ms", value: most, unit: "/s", more: true, note: note},
		{what: at + "at half of that: p50", value: s.p50, unit: "ms"},
		{what: at + "at half of that: p99", value: s.p99, unit: "ms", bar: atMost(20), note: s.note() + " " + strconv.Itoa(int(most/2)) + "/s"},
	}, nil
}
