package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/trackgate/trackgate/cmd/trackgate/inspect"
	"github.com/trackgate/trackgate/fanout"
	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/fanout/console"
	"github.com/trackgate/trackgate/gateway"
	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/persistence"
	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/all"
)

func newServe() *cobra.Command {
	var flags settingsFlags
	var addr, anyPort, roles string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: `Runs the gateway: it takes the connections of trackers, stores what they say and shows it to people. Without any configuration it needs nothing else:
the store is SQLite, everything is kept in ./data, and a link to the live map is printed.

Set DATABASE_URL to store in TimescaleDB, and REDIS_URL and JWT_SECRET to run several nodes together.`,
		Example: `  trackgate serve
  trackgate serve --data /var/lib/trackgate --http :8080 --config trackgate.yaml
  REDIS_URL=redis://localhost:6379 JWT_SECRET=... trackgate serve --roles fanout`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := flags.load()
			if err != nil {
				return err
			}
			if addr != "" {
				s.HTTP.Addr = addr
			}
			if roles != "" {
				s.Roles = roles
			}
			if anyPort != "" {
				s.Gateway.Any, s.Gateway.Ports = anyPort, false
			}
			if err := s.check(); err != nil {
				return err
			}
			return serve(cmd.Context(), s, cmd.OutOrStdout())
		},
	}
	flags.add(c)
	c.Flags().StringVar(&addr, "http", "", "address of the HTTP server (default 127.0.0.1:8080, or :8080 once a secret is configured)")
	c.Flags().StringVar(&anyPort, "any", "", "address of the any-protocol port; the protocols' own ports are then opened only if gateway.listen names them")
	c.Flags().StringVar(&roles, "roles", "", "what this process does: ingest, fanout, or both (the default)")
	return c
}

// node is one running process. Its parts are opened in the order of the fields and closed in reverse.
type node struct {
	*settings
	log       *zap.Logger
	metrics   *prometheus.Registry
	own       bool // the secret is of the data folder: only this machine may call
	store     persistence.Store
	registry  *gateway.Registry
	counters  *fanout.Counters
	bus       fanout.Bus
	authority *auth.Authority
	journal   *journal.Log     // with role ingest
	gateway   *gateway.Gateway // with role ingest
	fan       *fanout.Server   // with role fanout
	people    atomic.Pointer[limitedListener]
}

// serve runs a process until ctx ends or a part of it fails.
func serve(ctx context.Context, s *settings, out io.Writer) error {
	log, err := s.logger()
	if err != nil {
		return err
	}
	defer log.Sync() //nolint:errcheck // a terminal can not be synced
	n := &node{settings: s, log: log, metrics: prometheus.NewRegistry(), counters: new(fanout.Counters)}
	n.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	n.metrics.MustRegister(persistence.Collectors()...)
	if err := n.counters.Register(n.metrics); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if n.store, err = persistence.Open(ctx, s.Store, log.Named("store")); err != nil {
		return err
	}
	defer n.store.Close()
	n.registry = gateway.NewRegistry(n.store, unknownPolicy(s), log.Named("registry"))
	if err := n.registry.Follow(ctx); err != nil {
		log.Warn("the device registry can not be read yet", zap.Error(err))
	}
	if n.bus, err = openBus(s, n.counters, log.Named("bus")); err != nil {
		return err
	}
	defer n.bus.Close()
	if err := n.openAuthority(ctx); err != nil {
		return err
	}
	if s.ingest {
		if n.journal, err = openJournal(s); err != nil {
			return err
		}
		defer n.journal.Close() // after the sinks have stopped reading
		n.gateway = n.newGateway()
	}
	if s.fanout {
		if n.fan, err = n.newFanout(); err != nil {
			return err
		}
	}
	return n.run(ctx, out)
}

// openAuthority settles who is let in, and so on which address people are served.
func (n *node) openAuthority(ctx context.Context) (err error) {
	secret := []byte(n.Auth.Secret)
	if n.Auth.Secret == "" && n.Auth.JWKS == "" {
		n.own = true
		if secret, err = ownSecret(n.Data); err != nil {
			return fmt.Errorf("secret: %w", err)
		}
	}
	if n.HTTP.Addr == "" {
		n.HTTP.Addr = ":8080"
		if n.own {
			n.HTTP.Addr = "127.0.0.1:8080"
		}
	}
	n.authority, err = auth.New(ctx, auth.Config{Secret: secret, JWKSURL: n.Auth.JWKS, Algorithms: n.Auth.Algorithms, GrantsTTL: n.Auth.GrantsCache},
		auth.Options{Lookup: n.store, Groups: n.registry, Tickets: sharedTickets(n.bus)})
	return err
}

// syncJournal replaces the journal's fdatasync where tests have a disk that is slow or fails; nil is the real one.
var syncJournal func(*os.File) error

func openJournal(s *settings) (*journal.Log, error) {
	return journal.Open(journal.Config{Dir: filepath.Join(s.Data, "journal"), SegmentBytes: s.Journal.SegmentMiB << 20, MaxBytes: s.Journal.MaxMiB << 20,
		Keep: s.Journal.KeepMiB << 20, MinFree: s.Journal.FreeMiB << 20, Sync: syncJournal})
}

func (n *node) newGateway() *gateway.Gateway {
	return gateway.New(gateway.Options{
		Config:    n.Gateway,
		Data:      n.Data,
		Protocols: all.Protocols,
		Journal:   n.journal,
		Registry:  n.registry,
		Store:     newStoreSink(n.store, n.metrics),
		Offset:    n.store.Offset,
		Live:      fanout.NewPublisher(n.bus, n.counters),
		Authorize: n.authorizeIngest,
		Others: func() int64 {
			if l := n.people.Load(); l != nil {
				return l.beyond()
			}
			return 0
		},
		Metrics: n.metrics,
		Log:     n.log.Named("gateway"),
	})
}

func (n *node) newFanout() (*fanout.Server, error) {
	page, err := console.HandlerWith(console.Config{TileURL: n.Console.Tiles, TileAttribution: n.Console.Attribution})
	if err != nil {
		return nil, err
	}
	f := n.Fanout
	proxies, err := fanout.ParseNetworks(f.Proxies)
	if err != nil {
		return nil, fmt.Errorf("fanout.trusted_proxies: %w", err)
	}
	return fanout.New(fanout.Config{MaxHz: f.MaxHz, PingInterval: f.PingInterval, PingTimeout: f.PingTimeout, Origins: f.Origins, TrustedProxies: proxies,
		Limits: fanout.Limits{Connections: f.Connections, PerUser: f.PerUser, PerAddress: f.PerAddress, Subscriptions: f.Subscriptions, Events: f.Events,
			Frame: f.Frame, AuthTimeout: f.AuthTimeout, Stall: f.Stall}},
		fanout.Parts{Bus: n.bus, Store: history{n.store}, Authority: n.authority, Counters: n.counters, Console: page, Decode: inspect.Handler(all.Protocols), Log: n.log.Named("fanout")})
}

// run serves until ctx ends or a part fails, and then stops all parts: devices first, so that what they sent is answered and shown.
func (n *node) run(ctx context.Context, out io.Writer) error {
	web, err := n.listen()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return web.run(ctx) })
	group.Go(func() error { n.retain(ctx); return nil })
	if n.gateway != nil {
		n.Gateway.MakeRoom()
		group.Go(func() error { return n.gateway.Run(ctx) })
	} else {
		group.Go(func() error { n.registry.Run(ctx, n.Gateway.RegistryRefresh); return nil })
	}
	if n.fan != nil {
		group.Go(func() error { return n.fan.Run(ctx) })
	}
	group.Go(func() error { return n.welcome(ctx, web, out) })
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	n.log.Info("stopped")
	return nil
}

// retain lets the store forget what is older than it keeps.
func (n *node) retain(ctx context.Context) {
	every := time.NewTicker(5 * time.Minute)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-every.C:
			deleted, err := n.store.Retain(ctx, protocols.At(now))
			if err != nil && ctx.Err() == nil {
				n.log.Warn("old rows not deleted", zap.Error(err))
			} else if deleted > 0 {
				n.log.Info("deleted old rows", zap.Int64("rows", deleted))
			}
		}
	}
}
