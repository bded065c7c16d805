package fanout

import (
	"context"
	"runtime/debug"
	"time"
)

// surge is how many handshakes leave enough behind to be worth clearing away. To follow perSpent vehicles, or a snapshot of them, counts as one.
const (
	surge    = 256
	perSpent = 100
)

// afterSurges gives memory back once many clients have come: a handshake, a token and a snapshot leave ten times what a silent connection keeps, and the
// collector would otherwise let it lie for minutes.
func (s *Server) afterSurges(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	cleared, before := uint64(0), uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		spent := s.hub.spent.Load()
		if spent == before && spent-cleared >= surge {
			debug.FreeOSMemory()
			cleared = spent
		}
		before = spent
	}
}
