package simulate

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/gt06"
	"github.com/trackgate/trackgate/protocols/teltonika"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deed is what the test's gateway does with a frame.
type deed int

const (
	answer deed = iota
	silence
	hangUp
)

// gateway recognises, drains and answers, as the real one does, but for what does tells it of the n-th frame since it began.
type gateway struct {
	addr string
	does func(n int, frame string) deed

	mu     sync.Mutex
	frames int
	types  map[string]int
	acked  map[string][]protocols.Event // of the frames that were answered, by device
}

func serve(t *testing.T, does func(n int, frame string) deed) *gateway {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{addr: l.Addr().String(), does: does, types: make(map[string]int), acked: make(map[string][]protocols.Event)}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer c.Close()
				if err := g.talk(c); err != nil && err != io.EOF && !errors.Is(err, net.ErrClosed) {
					var broken *net.OpError
					if !errors.As(err, &broken) {
						t.Error(err)
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wait.Wait()
	})
	return g
}

func (g *gateway) talk(c net.Conn) error {
	var p *protocols.Protocol
	var s protocols.Session
	var f protocols.Frame
	var rest []byte
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		if err != nil {
			return err
		}
		rest = append(rest, b[:n]...)
		if p == nil {
			if p, _ = protocols.Detect([]*protocols.Protocol{&gt06.Protocol, &teltonika.Protocol}, rest, false, false); p == nil {
				continue
			}
		}
		var refused error
		end := false
		used, err := protocols.Drain(p, &s, protocols.Input{Bytes: rest, Received: protocols.At(time.Now())}, &f, func(_ []byte, err error) bool {
			if err != nil {
				refused = err
				return false
			}
			switch g.frame(&s, &f) {
			case answer:
				c.Write(f.Reply)
			case hangUp:
				end = true
			}
			return !end
		})
		if err := errors.Join(err, refused); err != nil {
			return err
		}
		if end {
			return nil
		}
		rest = rest[used:]
	}
}

func (g *gateway) frame(s *protocols.Session, f *protocols.Frame) deed {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.frames++
	g.types[f.Type]++
	d := g.does(g.frames, f.Type)
	if d == answer {
		for _, e := range f.Events {
			if e.Has&protocols.HasFix != 0 {
				e.Attrs = nil
				g.acked[s.Device] = append(g.acked[s.Device], e)
			}
		}
	}
	return d
}

// TestDevice drives devices against gateways of every temper until 40 fixes are acknowledged: each fix that the device counts as
// acknowledged was answered, none is missing, none out of order.
func TestDevice(t *testing.T) {
	for _, c := range []struct {
		name   string
		does   func(n int, frame string) deed
		resent bool
	}{
		{"always answers", func(int, string) deed { return answer }, false},
		{"is silent now and then", func(n int, _ string) deed {
			if n%7 == 3 {
				return silence
			}
			return answer
		}, true},
		{"hangs up now and then", func(n int, _ string) deed {
			if n%9 == 4 {
				return hangUp
			}
			return answer
		}, true},
	} {
		for _, kind := range []string{"gt06", "teltonika"} {
			t.Run(kind+" "+c.name, func(t *testing.T) {
				g := serve(t, c.does)
				fleet, err := Fleet(2, g.addr)
				if err != nil {
					t.Fatal(err)
				}
				d := fleet[0]
				if kind == "teltonika" {
					d = fleet[1]
				}
				if d.Wire.Name() != kind {
					t.Fatalf("the fleet has %s here", d.Wire.Name())
				}
				d.Every, d.Heartbeat, d.Patience, d.Backoff = 2*time.Millisecond, 17*time.Millisecond, 30*time.Millisecond, time.Millisecond
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				go func() {
					tick := time.NewTicker(time.Millisecond)
					defer tick.Stop()
					for range tick.C {
						g.mu.Lock()
						enough := len(g.acked[d.IMEI]) >= 40 && (kind == "teltonika" || c.resent || g.types["heartbeat"] > 0)
						g.mu.Unlock()
						if enough || ctx.Err() != nil {
							cancel()
							return
						}
					}
				}()
				counts := d.Run(ctx)
				g.mu.Lock()
				defer g.mu.Unlock()
				events := g.acked[d.IMEI]
				if len(events) < 40 || counts.Acked > len(events) || counts.Lost > 0 || (counts.Resent > 0) != c.resent || counts.Logins < 1 {
					t.Errorf("%d events, %+v", len(events), counts)
				}
				for i := 1; i < len(events); i++ {
					if events[i].Time < events[i-1].Time {
						t.Errorf("event %d of %v follows %v", i, events[i].Time, events[i-1].Time)
					}
				}
			})
		}
	}
}

// TestDeviceOffline: without a gateway fixes wait, up to the limit, and the notice says why.
func TestDeviceOffline(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	fleet, err := Fleet(1, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d, n := fleet[0], 0
	d.Every, d.Backoff = time.Millisecond, 2*time.Millisecond
	d.Notice = func(o Notice) {
		if o.Online || o.Err == nil {
			t.Errorf("got %+v", o)
		}
		if n++; n == 4 {
			cancel()
		}
	}
	if counts := d.Run(ctx); counts.Acked != 0 || counts.Logins != 0 || counts.Waiting() != counts.Fixes || counts.Fixes == 0 {
		t.Errorf("got %+v", counts)
	}

	var lost Device
	for range maxQueue + 5 {
		lost.keep(Fix{})
	}
	if len(lost.queue) != maxQueue || lost.count.Lost != 5 || lost.count.Fixes != maxQueue+5 {
		t.Errorf("%d wait, %+v", len(lost.queue), lost.count)
	}
}

// TestDeviceRefused: a gateway that refuses the login is told apart from one that is away.
func TestDeviceRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.ReadFull(c, make([]byte, 17))
			c.Write([]byte{0})
			c.Close()
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	fleet, _ := Fleet(2, l.Addr().String())
	d := fleet[1]
	var why error
	d.Notice = func(n Notice) {
		why = n.Err
		cancel()
	}
	d.Run(ctx)
	if why == nil || why.Error() != "login: teltonika: refused with 0x00" {
		t.Errorf("got %v", why)
	}
}
