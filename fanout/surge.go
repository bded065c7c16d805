package fanout

import (
	"context"
	"runtime/debug"
	"time"
)

// surge is how many connections leave enough behind to be worth clearing away.
const surge = 256

// afterSurges gives memory back once many clients have come: a handshake and a token leave ten times what a silent connection keeps, and the
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
		opened := s.hub.opened.Load()
		if opened == before && opened-cleared >= surge {
			debug.FreeOSMemory()
			cleared = opened
		}
		before = opened
	}
}
