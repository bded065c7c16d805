package gateway

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// budget bounds the memory that devices can make the gateway hold, all together: bytes of frames that are not complete, or are not read yet
// because a connection is paused (inbound), and records with their answers that wait for the disk (uncommitted).
//
// Beyond it a connection is read later if it holds more than its share; the frame deadline goes on for it, so what never becomes a frame is gone
// after that. Connections that send whole frames hold nothing and go on. When what waits for the disk alone is half of the budget, all wait.
type budget struct {
	most        int64
	inbound     atomic.Int64
	uncommitted atomic.Int64
	waiting     atomic.Bool // someone was told that it is full
}

// smallShare is what any connection may hold, whatever the others do.
const smallShare = 1 << 10

// full says that nothing may be decoded now: too much waits for the disk.
func (b *budget) full() bool {
	if b.uncommitted.Load() < b.most/2 {
		return false
	}
	b.waiting.Store(true)
	return true
}

// commit notes that so many bytes wait no longer; true when those who were told to wait may go on.
func (b *budget) commit(n int64) bool {
	return b.uncommitted.Add(-n) < b.most/4 && b.waiting.CompareAndSwap(true, false)
}

// exceeds says that a connection which holds so many bytes of what came in is to be read later; open is the number of connections.
func (b *budget) exceeds(held int, open int64) bool {
	return b.inbound.Load()+b.uncommitted.Load() >= b.most && int64(held) > max(smallShare, b.most/2/max(1, open))
}

// hold notes what a connection holds of what came in.
func (b *budget) hold(s *session, n int) {
	if n := int32(n); n != s.held {
		b.inbound.Add(int64(n - s.held))
		s.held = n
	}
}

// export registers the budget's own numbers.
func (b *budget) export(reg prometheus.Registerer) {
	pool := func(name string, read func() int64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "trackgate", Name: "memory_budget_bytes", ConstLabels: prometheus.Labels{"pool": name},
			Help: "Bytes of devices in memory: inbound, uncommitted, and limit, the most of both."}, func() float64 { return float64(read()) }))
	}
	pool("inbound", b.inbound.Load)
	pool("uncommitted", b.uncommitted.Load)
	pool("limit", func() int64 { return b.most })
}
