package main

import (
	"context"

	"go.uber.org/zap"

	"github.com/trackgate/trackgate/fanout"
)

// openBus connects ingest and fanout: through Redis, or within this process.
func openBus(_ context.Context, s *settings, c *fanout.Counters, _ *zap.Logger) (fanout.Bus, error) {
	return fanout.NewLocal(c), nil
}
