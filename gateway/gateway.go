// Package gateway takes bytes from devices, makes them durable, answers the devices, and gives the events to the sinks.
//
//	socket ─ session ─ protocols.Next ─▶ committer ─ journal ─▶ reply
//	                                                    └─▶ pipe "store", pipe "live" ─▶ Sink
package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync/atomic"

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
	ipv6    bool
	tape    *tape // of the sinks

	tcp     atomic.Pointer[tcpServer]
	udp     []*udpServer
	tls     *streamServer // nil: none
	open    atomic.Pointer[[]Port]
	running atomic.Bool
	storeAt atomic.Uint64 // journal index up to which the store has everything
	liveAt  atomic.Uint64 // and the live sink
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
	// Others counts the files that the rest of the process has open beyond a tenth of the limit; devices leave them room. Nil: none.
	Others  func() int64
	Metrics prometheus.Registerer
	Log     *zap.Logger
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
	c := &core{cfg: &o.Config, protocols: o.Protocols, detector: protocols.NewDetector(o.Protocols), registry: o.Registry, m: m, bytesIn: m.bytes.WithLabelValues("in"), bytesOut: m.bytes.WithLabelValues("out"), log: o.Log,
		rate: rate.NewLimiter(rate.Limit(o.Config.AcceptRate), o.Config.AcceptRate), peers: make(map[netip.Addr]*peerCount)}
	c.proxies, _ = protocols.ParseNetworks(o.Config.ProxyFrom) // checked by Validate
	if c.others = o.Others; c.others == nil {
		c.others = func() int64 { return 0 }
	}
	c.limitConnections(o.Metrics)
	c.budget.most = int64(o.Config.MemoryMiB) << 20
	c.budget.export(o.Metrics)
	c.refusals = newRefusals(o.Data, o.Config.RefusedFile, m, o.Log)
	c.committer = newCommitter(o.Journal, o.Config.CommitWindow, m, o.Log)
	g := &Gateway{core: c, journal: o.Journal, store: o.Store, offset: o.Offset, live: o.Live, log: o.Log, data: o.Data, ipv6: hasIPv6()}
	c.committer.deliver, c.committer.resume = g.deliver, g.resume
	for _, p := range o.Protocols {
		if p.Name == "http" {
			g.ingest = &Ingest{core: c, authorize: o.Authorize, started: clock(), worker: newWorker(-1), listener: &listener{protocol: p, datagram: true, request: true}}
		}
	}
	exportJournal(o.Metrics, o.Journal, c.committer)
	exportLag(o.Metrics, "store", g.Lag)
	exportLag(o.Metrics, "live", func() uint64 { return g.behind(&g.liveAt) })
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

// Open is how many device connections are open.
func (g *Gateway) Open() int64 { return g.core.open.Load() }

// Lag is how many journal records the store has still to take; before the store has said where it stands, all that there are.
func (g *Gateway) Lag() uint64 { return g.behind(&g.storeAt) }

func (g *Gateway) behind(at *atomic.Uint64) uint64 {
	taken := max(at.Load(), g.journal.First()) // before the end: that only grows
	return g.journal.Next() - min(taken, g.journal.Next())
}
