package fanout

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/trackgate/trackgate/fanout/auth"
)

// Config is what an operator may set.
type Config struct {
	// MaxHz is the default for the positions of one vehicle to one client, per second, the newest winning; 0 is no limit. A client may
	// ask for another figure with max_hz.
	MaxHz        float64
	PingInterval time.Duration // WS_PING_INTERVAL
	PingTimeout  time.Duration // WS_PING_TIMEOUT: silence after a ping that ends the connection
	// Origins are the browser origins, such as https://map.example.org, that may call from pages of another host; "*" is any.
	Origins []string
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	Limits         Limits
}

// Default is the configuration of the founding document.
func Default() Config {
	return Config{MaxHz: 1, PingInterval: 25 * time.Second, PingTimeout: 20 * time.Second}
}

// Parts are what a Server is made of.
type Parts struct {
	Bus       Bus
	Store     Store
	Authority *auth.Authority
	Counters  *Counters    // the same that the bus and the publisher count in
	Console   http.Handler // served at /; nil: nothing is
	Decode    http.Handler // of POST /api/decode, for everyone who may read; nil: there is none
	Log       *zap.Logger  // nil: nothing is logged
}

// Server is the HTTP side of the fanout tier.
type Server struct {
	config    Config
	bus       Bus
	store     Store
	authority *auth.Authority
	counters  *Counters
	console   http.Handler
	decode    http.Handler
	log       *zap.Logger
	hub       *Hub
	gate      *gate
	gap       time.Duration
	streams   bool // every connection has a goroutine, even where a poller could do without

	ctx        context.Context // of Run; the life of the connections
	running    chan struct{}   // closed when Run has begun
	sessions   sessions
	engines    *engines // of Socket.IO
	recoveries *recoveries
	readers    attendance
}

// New makes a server; it does nothing before Run.
func New(c Config, p Parts) (*Server, error) {
	if p.Bus == nil || p.Store == nil || p.Authority == nil {
		return nil, errors.New("fanout: a server needs a bus, a store and an authority")
	}
	if p.Counters == nil {
		p.Counters = new(Counters)
	}
	if p.Log == nil {
		p.Log = zap.NewNop()
	}
	c.Limits.defaults()
	if files, ok := openFiles(); ok {
		if n := within(c.Limits.Connections, files); n < c.Limits.Connections {
			p.Log.Info("connections are limited by the files that the process may open", zap.Int("connections", n), zap.Uint64("files", files))
			c.Limits.Connections = n
		}
	}
	s := &Server{config: c, bus: p.Bus, store: p.Store, authority: p.Authority, counters: p.Counters, console: p.Console, decode: p.Decode, log: p.Log,
		gate: newGate(&c.Limits), gap: gapOf(c.MaxHz), running: make(chan struct{}),
		engines: newEngines(), recoveries: newRecoveries(p.Counters)}
	s.hub = newHub(p.Bus, c.Limits, p.Authority.Policy, p.Counters)
	for _, shard := range s.hub.shards {
		shard.pingEvery = int64(c.PingInterval)
		if c.PingInterval > 0 && c.PingTimeout > 0 {
			shard.silence = int64(c.PingInterval + c.PingTimeout)
		}
	}
	return s, nil
}

// Run serves clients until ctx is done, then closes their connections and waits for them, two seconds at most. It may be called once.
// The bus is the caller's to close, afterwards.
func (s *Server) Run(ctx context.Context) error {
	if err := s.bus.Start(s.hub); err != nil {
		return err
	}
	s.ctx = ctx
	var background sync.WaitGroup
	if !s.streams {
		s.hub.pollers = newPollers(len(s.hub.shards))
	}
	for _, p := range s.hub.pollers {
		background.Go(p.run)
	}
	close(s.running)
	var timed sync.WaitGroup
	timed.Go(func() { s.regrant(ctx) })
	timed.Go(func() { s.preserve(ctx) })
	timed.Go(func() { s.afterSurges(ctx) })
	s.hub.run(ctx)
	timed.Wait()
	gone := s.readers.end()
	select {
	case <-gone:
	case <-time.After(2 * closeGrace):
		for _, session := range s.sessions.those(everySession) {
			session.client.link.close(codeGoingAway, "")
		}
		<-gone
	}
	for _, p := range s.hub.pollers {
		p.close()
	}
	background.Wait()
	return nil
}

// up says whether Run has begun and not ended.
func (s *Server) up() bool {
	select {
	case <-s.running:
		return s.ctx.Err() == nil
	default:
		return false
	}
}

// regrant asks again, as often as grants may change, what clients may see that did not bring their grants in the token.
func (s *Server) regrant(ctx context.Context) {
	t := time.NewTicker(s.authority.GrantsTTL())
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		for _, session := range s.sessions.those((*session).changeable) {
			claims := session.client.claims.Load()
			fresh, err := s.authority.Refresh(ctx, claims)
			if err != nil {
				s.log.Warn("reading grants", zap.Error(err)) // those of before hold until the table answers
			} else if fresh != claims || session.byGroup() {
				session.regrant(fresh)
			}
			if ctx.Err() != nil {
				return
			}
		}
	}
}
