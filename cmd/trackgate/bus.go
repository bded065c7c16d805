package main

import (
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/fanout"
)

// openBus connects ingest and fanout: through Redis, or within this process.
func openBus(s *settings, c *fanout.Counters, log *zap.Logger) (fanout.Bus, error) {
	if s.Bus.Redis == "" {
		return fanout.NewLocal(c), nil
	}
	return fanout.OpenRedis(s.Bus.Redis, c, log)
}
