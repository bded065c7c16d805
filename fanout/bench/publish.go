package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// publisher sends events to Redis at a steady rate over one connection, without waiting for its answers.
type publisher struct {
	conn   net.Conn
	out    *bufio.Writer
	began  time.Time
	seq    uint32
	newest []int64 // stamp of each vehicle's last event
	body   []byte
}

func newPublisher(addr string, began time.Time, vehicles int) (*publisher, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	go io.Copy(io.Discard, conn) //nolint:errcheck // ends with the connection
	return &publisher{conn: conn, out: bufio.NewWriterSize(conn, 256<<10), began: began, newest: make([]int64, vehicles)}, nil
}

// one publishes one event of a vehicle.
func (p *publisher) one(vehicle int, now time.Time) {
	p.event(vehicle, now)
	channel := "tracking:vehicle:" + strconv.Itoa(vehicle)
	fmt.Fprintf(p.out, "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n", len(channel), channel, len(p.body))
	p.out.Write(p.body)
	p.out.WriteString("\r\n")
}

// event makes the next event of a vehicle in body, about 170 bytes as an ordinary tracker's. The stamp says when it left and of which vehicle it is: see
// stampMark.
func (p *publisher) event(vehicle int, now time.Time) {
	p.seq++
	stamp := now.Sub(p.began).Microseconds()
	p.newest[vehicle] = stamp
	b := p.body[:0]
	b = fmt.Appendf(b, `{"seq":"%013d-%010d","vehicle":"%d","time":"`, p.began.UnixMilli(), p.seq, vehicle)
	b = now.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = fmt.Appendf(b, `","lat":%.6f,"lng":%.6f,"speed":%d`, 48+float64(vehicle%1000)/100, 2+float64(p.seq%1000)/100, p.seq%120)
	p.body = fmt.Appendf(append(append(b, ','), stampMark...), `%016d-%06d"}`, stamp, vehicle)
}

func (p *publisher) flush() error { return p.out.Flush() }

// source is where events come from.
type source interface {
	one(vehicle int, now time.Time)
	flush() error
}

// steady has rate events a second come for a time, of the vehicles in turn, and returns how many. Where a vehicle comes
// twice within a millisecond, seq tells which is newer.
func steady(from source, rate float64, during time.Duration, vehicles int) (int, error) {
	began, sent := time.Now(), 0
	for {
		now := time.Now()
		since := now.Sub(began)
		due := int(rate * min(since, during).Seconds())
		for ; sent < due; sent++ {
			from.one(sent%vehicles, now)
		}
		if err := from.flush(); err != nil {
			return sent, err
		}
		if since >= during {
			return sent, nil
		}
		next := time.Duration(float64(sent+1) / rate * float64(time.Second))
		time.Sleep(max(next-since, 200*time.Microsecond))
	}
}

func (p *publisher) close() { p.conn.Close() }
