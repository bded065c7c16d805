package main

import (
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/fanout"
	"github.com/trackgate/trackgate/fanout/auth"
)

// openBus connects ingest and fanout: through Redis, or within this process.
func openBus(s *settings, c *fanout.Counters, log *zap.Logger) (fanout.Bus, error) {
	if s.Bus.Redis == "" {
		bus := fanout.NewLocal(c)
		bus.KeepWindow(s.Bus.Window)
		return bus, nil
	}
	open := fanout.OpenRedis
	if s.Bus.Cluster {
		open = fanout.OpenRedisCluster
	}
	bus, err := open(s.Bus.Redis, c, log)
	if err != nil {
		return nil, err
	}
	bus.KeepWindow(s.Bus.Window)
	return bus, nil
}

// sharedTickets keeps one-time tickets where all nodes find them; nil keeps them within this process.
func sharedTickets(bus fanout.Bus) auth.TicketStore {
	if r, ok := bus.(*fanout.Redis); ok {
		return r.Tickets()
	}
	return nil
}
