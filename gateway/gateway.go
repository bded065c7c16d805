// Package gateway takes bytes from devices, makes them durable, answers the devices, and gives the events to the sinks.
//
//	socket ─ session ─ protocols.Next ─▶ committer ─ journal ─▶ reply
//	                                                    └─▶ pipe "store", pipe "live" ─▶ Sink
package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
)

// Gateway is the ingest side of Trackgate.
type Gateway struct {
	core    *core
	journal *journal.Log
	store   Sink
	offset  func(ctx context.Context, source string) (next uint64, found bool, err error)
	live    Sink
	log     *zap.Logger
	data    string
	ingest  *Ingest
	parking parking

	tcp     atomic.Pointer[tcpServer]
	udp     []*udpServer
	tls     *streamServer // nil: none
	open    atomic.Pointer[[]Port]
	running atomic.Bool
	storeAt atomic.Uint64 // journal index up to which the store has everything
}

// Options are what a gateway needs of the rest of the program.
type Options struct {
	Config    Config
	Data      string // folder for the refused frames and the live cursor
	Protocols []*protocols.Protocol
	Journal   *journal.Log
	Registry  *Registry
	Store     Sink
	// Offset is where the store stands with a journal: false when it never saw it.
	Offset func(ctx context.Context, source string) (next uint64, found bool, err error)
	Live   Sink
	// Authorize says whether a request may send updates of a vehicle; nil, or a *Denied.
	Authorize func(r *http.Request, vehicle string) error
	Metrics   prometheus.Registerer
	Log       *zap.Logger
}

// Port is a listener as people want to know it.
type Port struct {
	Protocol string // "any", "replay" or a protocol's name
	Network  string // tcp or udp
	Address  string
}

// New makes a gateway; nothing is opened before Run.
func New(o Options) *Gateway {
	m := newMetrics(o.Metrics)
	c := &core{cfg: &o.Config, protocols: o.Protocols, registry: o.Registry, m: m, bytesIn: m.bytes.WithLabelValues("in"), bytesOut: m.bytes.WithLabelValues("out"), log: o.Log,
		most: mostConnections(o.Config.Connections), rate: rate.NewLimiter(rate.Limit(o.Config.AcceptRate), o.Config.AcceptRate), peers: make(map[netip.Addr]*peerCount)}
	c.proxies, _ = parseNetworks(o.Config.ProxyFrom) // checked by Validate
	c.refusals = newRefusals(o.Data, o.Config.RefusedFile, m, o.Log)
	c.committer = newCommitter(o.Journal, o.Config.CommitWindow, m, o.Log)
	g := &Gateway{core: c, journal: o.Journal, store: o.Store, offset: o.Offset, live: o.Live, log: o.Log, data: o.Data}
	c.committer.deliver, c.committer.resume = g.deliver, g.resume
	for _, p := range o.Protocols {
		if p.Name == "http" {
			g.ingest = &Ingest{core: c, authorize: o.Authorize, started: clock(), worker: newWorker(-1), listener: &listener{protocol: p, datagram: true}}
		}
	}
	exportJournal(o.Metrics, o.Journal, c.committer)
	return g
}

// Ingest is the HTTP way in.
func (g *Gateway) Ingest() *Ingest { return g.ingest }

// Ports are the listeners that are open now.
func (g *Gateway) Ports() []Port {
	if p := g.open.Load(); p != nil {
		return *p
	}
	return nil
}

// Ready says why the gateway can not take data now; nil when it can.
func (g *Gateway) Ready() error {
	if !g.running.Load() {
		return errors.New("device listeners are not open")
	}
	if why := g.core.committer.trouble.Load(); why != nil {
		return errors.New(*why)
	}
	if g.journal.Stats().NoSpareSince != 0 {
		return errors.New("journal: there is no room for its next segment")
	}
	return nil
}

// Lag is how many journal records the store has still to take.
func (g *Gateway) Lag() uint64 { return g.journal.Next() - min(g.storeAt.Load(), g.journal.Next()) }

// Run serves until ctx ends, then drains: it stops taking, answers what is journaled, and lets the sinks take what they can within the time
// that a stop may take. It returns an error when the listeners can not be opened or end by themselves.
func (g *Gateway) Run(ctx context.Context) error {
	cursor, err := journal.OpenCursor(g.data, "live")
	if err != nil {
		return err
	}
	if err := g.openListeners(); err != nil {
		return err
	}
	var all sync.WaitGroup
	failed := make(chan error, 8)
	stage := func() (context.Context, context.CancelFunc) { return context.WithCancel(context.WithoutCancel(ctx)) }
	start := func(run func() error) {
		all.Add(1)
		go func() {
			defer all.Done()
			if err := run(); err != nil {
				failed <- err
			}
		}()
	}
	committing, stopCommitting := stage()
	defer stopCommitting()
	sinking, stopSinking := stage()
	defer stopSinking()
	keeping, stopKeeping := stage()
	defer stopKeeping()

	start(func() error { g.core.refusals.run(keeping); return nil })
	start(func() error { g.core.registry.Run(keeping, g.core.cfg.RegistryRefresh); return nil })
	var committer sync.WaitGroup
	committer.Add(1)
	start(func() error { defer committer.Done(); g.core.committer.run(committing); return nil })
	start(func() error { return g.runStore(sinking) })
	start(func() error { return g.livePipe(cursor).run(sinking, g.liveStart(cursor)) })
	addrs := g.tcpAddrs()
	var tcp sync.WaitGroup
	tcp.Add(1)
	start(func() error { defer tcp.Done(); return g.tcp.Load().run(addrs) })
	for _, u := range g.udp {
		start(u.run)
	}
	if g.tls != nil {
		start(g.tls.run)
	}
	select {
	case <-g.tcp.Load().booted:
		g.running.Store(true)
	case <-time.After(5 * time.Second):
	}

	var first error
	select {
	case <-ctx.Done():
	case first = <-failed:
	}
	g.running.Store(false)
	g.log.Info("draining")
	budget, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.core.cfg.Drain)
	defer cancel()
	g.tcp.Load().draining.Store(true)
	for _, u := range g.udp {
		u.draining.Store(true)
	}
	if g.tls != nil {
		g.tls.draining.Store(true)
	}
	g.settle(budget)
	stopCommitting()
	committer.Wait()
	stopping, cancelStopping := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancelStopping()
	if err := g.tcp.Load().stop(stopping); err != nil {
		g.log.Warn("event loops did not stop in time", zap.Error(err))
	}
	for _, u := range g.udp {
		u.stop()
	}
	if g.tls != nil {
		g.tls.stop()
	}
	tcp.Wait()
	g.catchUp(budget)
	stopSinking()
	stopKeeping()
	all.Wait()
	return first
}

// settle waits until nothing that was read waits for the disk or its answer, unless the disk takes nothing: then the devices keep it.
func (g *Gateway) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, g.core.cfg.Drain/2)
	defer cancel()
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	for !g.core.committer.idle() && g.core.committer.trouble.Load() == nil {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// catchUp gives the store a moment to take what is journaled; what it can not take now it takes at the next start.
func (g *Gateway) catchUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, g.core.cfg.Drain/3)
	defer cancel()
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	for g.Lag() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// runStore feeds the store from where it stands. A store that is away at the start delays nothing else.
func (g *Gateway) runStore(ctx context.Context) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		from, err := g.storeOffset(ctx)
		if err == nil {
			return g.storePipe().run(ctx, from)
		}
		if ctx.Err() != nil {
			return nil
		}
		g.core.m.sinkErrors.WithLabelValues("store").Inc()
		g.log.Warn("store is not there yet; devices are served meanwhile", zap.Error(err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// storeOffset finds where the store goes on. An offset beyond the journal's end belongs to a folder that was copied or restored: such a
// journal takes a new identity and is read from its start, and the store's unique key absorbs what it has already.
func (g *Gateway) storeOffset(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	at, found, err := g.offset(ctx, g.journal.ID())
	if err != nil {
		return 0, fmt.Errorf("store: where it stands: %w", err)
	}
	first, next := g.journal.First(), g.journal.Next()
	switch {
	case !found:
		return first, nil
	case at > next:
		g.log.Error("the store is ahead of this journal: the folder was copied or restored; it takes a new identity and is stored again from its start",
			zap.Uint64("store", at), zap.Uint64("journal", next))
		return first, g.journal.NewIdentity()
	case at < first:
		g.log.Error("journal records are missing that the store never took", zap.Uint64("from", at), zap.Uint64("to", first))
	}
	g.storeAt.Store(at)
	return at, nil
}

func (g *Gateway) liveStart(c *journal.Cursor) uint64 {
	return min(max(c.Load(), g.journal.First()), g.journal.Next())
}

func (g *Gateway) byName() map[string]*protocols.Protocol {
	m := make(map[string]*protocols.Protocol)
	for _, p := range g.core.protocols {
		m[p.Name] = p
	}
	return m
}

func (g *Gateway) storePipe() *pipe {
	return &pipe{name: "store", sink: g.store, journal: g.journal, rows: g.core.cfg.StoreBatch, delay: g.core.cfg.StoreDelay, timeout: time.Minute,
		byName: g.byName(), m: g.core.m, log: g.log, taken: g.stored}
}

// stored is told what the store has: the journal may forget it, and replies that waited for it go out.
func (g *Gateway) stored(upTo uint64) {
	g.storeAt.Store(upTo)
	g.journal.Release(upTo)
	ready, room := g.parking.release(upTo)
	for _, p := range ready {
		g.tcp.Load().deliver(p)
	}
	if len(ready) > 0 && room && g.core.committer.trouble.Load() == nil && g.core.committer.stalled.CompareAndSwap(true, false) {
		g.resume()
	}
}

func (g *Gateway) livePipe(cursor *journal.Cursor) *pipe {
	var saved time.Time
	return &pipe{name: "live", sink: g.live, journal: g.journal, rows: 1000, timeout: 10 * time.Second,
		byName: g.byName(), m: g.core.m, log: g.log, taken: func(upTo uint64) {
			if time.Since(saved) < time.Second {
				return // after a restart at most a second of live events comes twice
			}
			saved = time.Now()
			if err := cursor.Save(upTo); err != nil {
				g.log.Warn("live cursor not saved", zap.Error(err))
			}
		}}
}

// deliver sends the replies of a committed group, or lets them wait for the store.
func (g *Gateway) deliver(gr *group) {
	if g.core.cfg.Ack != "stored" || gr.batch.Len() == 0 {
		g.tcp.Load().deliver(gr)
		return
	}
	gr.parts.Store(1)
	ready, room := g.parking.park(gr)
	gr.done()
	if ready != nil {
		g.tcp.Load().deliver(ready)
	}
	if !room {
		g.core.committer.stalled.Store(true)
	}
}

func (g *Gateway) resume() { g.tcp.Load().resume() }

// openListeners binds the UDP ports and decides which TCP ports the event loops open. A default port that is taken is a warning; a configured one
// is an error.
func (g *Gateway) openListeners() error {
	listeners := make(map[netip.AddrPort]*listener)
	var ports []Port
	for _, l := range g.wanted() {
		addr, err := resolve(l.addr)
		if err == nil && !l.datagram {
			err = probe(addr)
		}
		if err == nil && l.datagram {
			var u *udpServer
			if u, err = newUDPServer(g.core, &l.listener); err == nil {
				g.udp = append(g.udp, u)
				addr = addrPort(u.conn.LocalAddr())
			}
		}
		if err != nil {
			if l.byDefault {
				g.log.Warn("default port is not opened", zap.String("protocol", l.name()), zap.String("address", l.addr), zap.Error(err))
				continue
			}
			return fmt.Errorf("listener %s on %s: %w", l.name(), l.addr, err)
		}
		network := "udp"
		if !l.datagram {
			network = "tcp"
			listeners[addr] = &l.listener
		}
		ports = append(ports, Port{l.name(), network, addr.String()})
	}
	if c := g.core.cfg.TLS; c.Addr != "" {
		t, err := c.load()
		if err != nil {
			return err
		}
		if g.tls, err = newStreamServer(g.core, &listener{addr: c.Addr}, t); err != nil {
			return fmt.Errorf("listener tls on %s: %w", c.Addr, err)
		}
		ports = append(ports, Port{"any, TLS", "tcp", addrPort(g.tls.ln.Addr()).String()})
	}
	if len(listeners) == 0 {
		return errors.New("no TCP port is open; set gateway.any")
	}
	g.open.Store(&ports)
	loops := g.core.cfg.Loops
	if loops <= 0 {
		loops = max(1, runtime.GOMAXPROCS(0)-1) // the committer and the sinks want a core as well
	}
	g.tcp.Store(newTCPServer(g.core, listeners, min(loops, maxLoops)))
	return nil
}

func (g *Gateway) tcpAddrs() []string {
	var out []string
	for a := range g.tcp.Load().listeners {
		addr := a.String()
		if a.Addr() == netip.IPv6Unspecified() {
			addr = net.JoinHostPort("", strconv.Itoa(int(a.Port()))) // gnet takes [::] for IPv6 alone, no host for both
		}
		out = append(out, "tcp://"+addr)
	}
	return out
}

// wantedListener is a listener that the configuration asks for.
type wantedListener struct {
	listener
	byDefault bool
}

func (g *Gateway) wanted() []wantedListener {
	cfg := g.core.cfg
	var out []wantedListener
	add := func(l listener, tcp, udp, byDefault bool) {
		if tcp {
			out = append(out, wantedListener{l, byDefault})
		}
		if l.datagram = true; udp {
			out = append(out, wantedListener{l, byDefault})
		}
	}
	if cfg.Any != "" {
		add(listener{addr: cfg.Any}, true, true, false)
	}
	if cfg.Replay != "" {
		add(listener{addr: cfg.Replay, replay: true}, true, true, true)
	}
	for _, p := range g.core.protocols {
		switch addr, set := cfg.Listen[p.Name]; {
		case addr == "off":
		case set:
			add(listener{addr: addr, protocol: p}, p.TCP != 0, p.UDP != 0, false)
		case cfg.Ports:
			if p.TCP != 0 {
				add(listener{addr: net.JoinHostPort(cfg.Host, strconv.Itoa(p.TCP)), protocol: p}, true, false, true)
			}
			if p.UDP != 0 {
				add(listener{addr: net.JoinHostPort(cfg.Host, strconv.Itoa(p.UDP)), protocol: p}, false, true, true)
			}
		}
	}
	return out
}

// resolve turns ":5000" and "localhost:5000" into an address that the engine binds and reports in the same form.
func resolve(addr string) (netip.AddrPort, error) {
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if a.IP == nil {
		a.IP = net.IPv6unspecified
	}
	return addrPort(a), nil
}

// probe tells whether a TCP port is free; the event loops open all ports or none.
func probe(a netip.AddrPort) error {
	l, err := net.Listen("tcp", a.String())
	if err != nil {
		return err
	}
	return l.Close()
}
