package fanout

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// surge is how many handshakes leave enough behind to be worth clearing away. To follow perSpent vehicles, or a snapshot of them, counts as one.
const (
	surge    = 256
	perSpent = 100
)

// A process that allocates less than quiet a second has time to clear away what it left while it was busy: at least worthwhile, and an eighth of what lives.
const (
	quiet      = 1 << 20
	worthwhile = 2 << 20
)

// afterSurges gives memory back once many clients have come, or many messages: a handshake, a token and a snapshot leave ten times what a silent connection
// keeps, and the collector would otherwise let it lie for minutes.
func (s *Server) afterSurges(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	var spent, spentCleared, allocated, allocatedCleared uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		spentNow := s.hub.spent.Load()
		allocatedNow, lives := allocations()
		came := spentNow == spent && spentNow-spentCleared >= surge
		calm := allocatedNow-allocated < quiet && allocatedNow-allocatedCleared >= max(worthwhile, lives/8)
		if came || calm {
			debug.FreeOSMemory()
			spentCleared = spentNow
			allocatedNow, _ = allocations()
			allocatedCleared = allocatedNow
		}
		spent, allocated = spentNow, allocatedNow
	}
}

// allocations are the bytes that the process has ever allocated, and those that the last collection found in use.
func allocations() (allocated, lives uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64(), samples[1].Value.Uint64()
}
