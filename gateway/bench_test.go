package gateway

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/gt06"
)

// BenchmarkDurableAck sends GT06 fixes over many connections, a number of frames in flight on each, and waits for every answer: at a bare
// event-loop server that decodes and answers, and at the gateway, which answers when the frame is on disk. Both share the machine with the
// sender, so the ratio of the two is what counts.
func BenchmarkDurableAck(b *testing.B) {
	for _, connections := range []int{100, 1000} {
		for _, flight := range []int{1, 8, 64} {
			shape := fmt.Sprintf("connections=%d/flight=%d", connections, flight)
			var limit float64
			b.Run(shape+"/limit", func(b *testing.B) { limit = drive(b, serveBare(b), connections, flight) })
			b.Run(shape+"/ours", func(b *testing.B) {
				ours := drive(b, serveBench(b), connections, flight)
				b.ReportMetric(ours/limit, "ratio")
			})
		}
	}
}

// bare is the event-loop server that does everything but keep.
type bare struct {
	gnet.BuiltinEventEngine
	engine gnet.Engine
	booted chan struct{}
}

type bareConn struct {
	session protocols.Session
	frame   protocols.Frame
	out     []byte
}

func (s *bare) OnBoot(e gnet.Engine) gnet.Action { s.engine = e; close(s.booted); return gnet.None }

func (s *bare) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	c.SetContext(new(bareConn))
	return nil, gnet.None
}

func (s *bare) OnTraffic(c gnet.Conn) gnet.Action {
	k := c.Context().(*bareConn)
	buf, _ := c.Peek(-1)
	used := 0
	k.out = k.out[:0]
	for used < len(buf) {
		k.frame.Reset()
		n, err := protocols.Next(&gt06.Protocol, &k.session, protocols.Input{Bytes: buf[used:], Received: clock()}, &k.frame)
		if n == 0 || err != nil {
			break
		}
		used += n
		k.out = append(k.out, k.frame.Reply...)
	}
	if used > 0 {
		c.Discard(used)
		c.Write(k.out)
	}
	return gnet.None
}

func serveBare(b *testing.B) string {
	addr := freePort(b)
	b.Cleanup(runBare(addr))
	return addr
}

// runBare starts the bare server; the function returned stops it.
func runBare(addr string) (stop func()) {
	s := &bare{booted: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		done <- gnet.Rotate(s, []string{"tcp://" + addr}, gnet.WithNumEventLoop(1), gnet.WithReuseAddr(true), gnet.WithLogger(zap.NewNop().Sugar()))
	}()
	<-s.booted
	return func() {
		s.engine.Stop(context.Background())
		<-done
	}
}

func serveBench(b *testing.B) string {
	addr := freePort(b)
	b.Cleanup(runGateway(b.TempDir(), addr))
	return addr
}

// runGateway starts a gateway whose sinks keep nothing; the function returned stops it.
func runGateway(dir, addr string) (stop func()) {
	log, err := journal.Open(journal.Config{Dir: filepath.Join(dir, "journal"), MaxBytes: 2 << 30})
	if err != nil {
		panic(err)
	}
	cfg := testConfig(addr, "")
	cfg.Loops, cfg.CommitWindow, cfg.StoreBatch = 1, time.Millisecond, 10_000
	sink := &discard{}
	g := New(Options{Config: cfg, Data: dir, Protocols: []*protocols.Protocol{&gt06.Protocol}, Journal: log, Registry: NewRegistry(&devices{}, protocols.Accept, zap.NewNop()),
		Store: sink, Offset: func(context.Context, string) (uint64, bool, error) { return 0, false, nil }, Live: &discard{}, Metrics: prometheus.NewRegistry(), Log: zap.NewNop()})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	for g.Ready() != nil {
		time.Sleep(time.Millisecond)
	}
	return func() {
		cancel()
		<-done
		log.Close()
	}
}

// discard is a sink that takes everything and keeps nothing: the journal and the pipes are what is measured.
type discard struct{ events int }

func (d *discard) Write(_ context.Context, b protocols.Batch) error {
	d.events += len(b.Events)
	return nil
}

// short is a GT06 short frame.
func short(number byte, info []byte, serial uint16) []byte {
	f := append([]byte{0x78, 0x78, byte(len(info) + 5), number}, info...)
	f = binary.BigEndian.AppendUint16(f, serial)
	f = binary.BigEndian.AppendUint16(f, protocols.X25.Sum(f[2:]))
	return append(f, 0x0d, 0x0a)
}

// drive sends b.N frames, waits for all answers and returns the frames a second.
func drive(b *testing.B, addr string, connections, flight int) float64 {
	now := time.Now().UTC()
	fix := []byte{byte(now.Year() - 2000), byte(now.Month()), byte(now.Day()), byte(now.Hour()), byte(now.Minute()), byte(now.Second()), 0xcb,
		0x05, 0x86, 0x82, 0x4c, 0x00, 0x03, 0x6c, 0x18, 0x2a, 0x1d, 0x0f, 0x00, 0xea, 0x0a, 0x1b, 0x2c, 0x00, 0xab, 0xcd, 1, 0, 0}
	conns := make([]net.Conn, connections)
	for i := range conns {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		imei := []byte{0x01, 0x23, 0x45, 0x67, 0x89, 0x01, byte(i/1000)<<4 | byte(i/100%10), byte(i/10%10)<<4 | byte(i%10)}
		c.Write(short(1, imei, 1))
		if _, err := io.ReadFull(c, make([]byte, 10)); err != nil {
			b.Fatal(err)
		}
		conns[i] = c
	}
	var burst []byte
	for s := range flight {
		burst = append(burst, short(0x22, fix, uint16(s))...)
	}
	rounds := max(1, b.N/(connections*flight))
	failed := make(chan error, connections)
	b.ReportAllocs()
	b.ResetTimer()
	for _, c := range conns {
		go func() {
			answers := make([]byte, 10*flight)
			for range rounds {
				if _, err := c.Write(burst); err != nil {
					failed <- err
					return
				}
				if _, err := io.ReadFull(c, answers); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range conns {
		if err := <-failed; err != nil {
			b.Fatal(err)
		}
	}
	rate := float64(rounds*connections*flight) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "frames/s")
	return rate
}
