//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/panjf2000/gnet/v2"
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/all"
)

// A server part is one of:
//
//	bare      gnet, decoding and answering: what the gateway would be if it kept nothing
//	net       the same on Go's own net, a goroutine and a 4 KiB buffer for each connection
//	gateway   the gateway with its journal, and sinks that decode and keep nothing

// serverOrder is what a server part is asked.
type serverOrder struct {
	Do       string        `json:"do"` // start, stats
	Kind     string        `json:"kind,omitempty"`
	Protocol string        `json:"protocol,omitempty"`
	Dir      string        `json:"dir,omitempty"`
	Window   time.Duration `json:"window,omitempty"`
	Stuck    bool          `json:"stuck,omitempty"` // the store takes nothing
	Alone    bool          `json:"alone,omitempty"` // neither sink takes anything: what an answer takes, and no more
}

// serverState is what it answers.
type serverState struct {
	Error   string `json:"error,omitempty"`
	Addr    string `json:"addr"`
	Mallocs uint64 `json:"mallocs"`
	Commits uint64 `json:"commits"` // of the journal
	Bytes   uint64 `json:"bytes"`   // appended to the journal
	Lag     uint64 `json:"lag"`
}

// server is a running server; add completes what stats reports.
type server interface {
	addr() string
	add(s *serverState)
	stop()
}

func servePart(request, answer func(any) error) error {
	var running server
	defer func() {
		if running != nil {
			running.stop()
		}
	}()
	for {
		var o serverOrder
		if err := request(&o); err != nil {
			return err
		}
		var s serverState
		if o.Do == "start" {
			stop, err := profile(o.Kind)
			if err != nil {
				return err
			}
			defer stop()
			if running, err = startServer(&o); err != nil {
				s.Error = err.Error()
			}
		}
		if running != nil {
			var m runtime.MemStats
			if o.Do == "stats" {
				runtime.ReadMemStats(&m)
			}
			s.Addr, s.Mallocs = running.addr(), m.Mallocs
			running.add(&s)
		}
		if err := answer(&s); err != nil {
			return err
		}
	}
}

// profileVariable names a folder for the servers' processor profiles; empty: none is taken.
const profileVariable = "BENCH_PROFILE"

// profile profiles this process until stop.
func profile(name string) (stop func(), err error) {
	dir := os.Getenv(profileVariable)
	if dir == "" {
		return func() {}, nil
	}
	f, err := os.CreateTemp(dir, name+"-*.pprof")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

func startServer(o *serverOrder) (server, error) {
	var p *protocols.Protocol
	for _, q := range all.Protocols {
		if q.Name == o.Protocol {
			p = q
		}
	}
	if p == nil {
		return nil, fmt.Errorf("no protocol %q", o.Protocol)
	}
	switch o.Kind {
	case "bare":
		return startBare(p)
	case "net":
		return startNet(p)
	case "gateway":
		return startGateway(o)
	}
	return nil, fmt.Errorf("no server %q", o.Kind)
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// answers decodes what there is in buf and appends the answers to out; it returns how many bytes were used.
func answers(p *protocols.Protocol, s *protocols.Session, f *protocols.Frame, buf, out []byte) (int, []byte) {
	used, now := 0, protocols.At(time.Now())
	for used < len(buf) {
		f.Reset()
		n, err := protocols.Next(p, s, protocols.Input{Bytes: buf[used:], Received: now}, f)
		if n == 0 || err != nil {
			break
		}
		used += n
		out = append(out, f.Reply...)
	}
	return used, out
}

// bare is the event-loop server that does everything but keep.
type bare struct {
	gnet.BuiltinEventEngine
	protocol *protocols.Protocol
	at       string
	engine   gnet.Engine
	booted   chan struct{}
	done     chan error
	frame    protocols.Frame // of the one loop
	out      []byte
}

func startBare(p *protocols.Protocol) (server, error) {
	at, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &bare{protocol: p, at: at, booted: make(chan struct{}), done: make(chan error, 1)}
	go func() {
		s.done <- gnet.Rotate(s, []string{"tcp://" + at}, gnet.WithNumEventLoop(1), gnet.WithReuseAddr(true), gnet.WithLogger(zap.NewNop().Sugar()))
	}()
	select {
	case <-s.booted:
		return s, nil
	case err := <-s.done:
		return nil, err
	}
}

func (s *bare) OnBoot(e gnet.Engine) gnet.Action { s.engine = e; close(s.booted); return gnet.None }

func (s *bare) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	c.SetContext(new(protocols.Session))
	return nil, gnet.None
}

func (s *bare) OnTraffic(c gnet.Conn) gnet.Action {
	buf, _ := c.Peek(-1)
	used := 0
	used, s.out = answers(s.protocol, c.Context().(*protocols.Session), &s.frame, buf, s.out[:0])
	if used > 0 {
		c.Discard(used)
		c.Write(s.out)
	}
	return gnet.None
}

func (s *bare) addr() string     { return s.at }
func (s *bare) add(*serverState) {}
func (s *bare) stop()            { s.engine.Stop(context.Background()); <-s.done }

// goroutines is the server with a goroutine for each connection.
type goroutines struct {
	protocol *protocols.Protocol
	listener net.Listener
}

func startNet(p *protocols.Protocol) (server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &goroutines{protocol: p, listener: l}
	go s.accept()
	return s, nil
}

func (s *goroutines) accept() {
	for {
		c, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go s.serve(c)
		}
	}
}

func (s *goroutines) serve(c net.Conn) {
	defer c.Close()
	var session protocols.Session
	var frame protocols.Frame
	buf, have := make([]byte, 4096), 0
	var out []byte
	for {
		n, err := c.Read(buf[have:])
		if err != nil {
			return
		}
		have += n
		used := 0
		used, out = answers(s.protocol, &session, &frame, buf[:have], out[:0])
		have = copy(buf, buf[used:have])
		if len(out) > 0 {
			if _, err := c.Write(out); err != nil {
				return
			}
		}
		if have == len(buf) {
			return // no frame of these runs is that long
		}
	}
}

func (s *goroutines) addr() string     { return s.listener.Addr().String() }
func (s *goroutines) add(*serverState) {}
func (s *goroutines) stop()            { s.listener.Close() }
