package main

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// heard is what all clients of a run have received in its present step.
type heard struct {
	began     time.Time
	since     atomic.Int64 // stamps before it are of an earlier step
	delivered atomic.Int64
	backwards atomic.Int64 // events older than one of the same vehicle that the client had
	late      [64 * fine]atomic.Int64
}

// fine is the number of parts of each power of two that latencies are told apart by: within 3 %.
const fine = 32

// step begins a new step.
func (h *heard) step(now time.Time) {
	h.since.Store(now.Sub(h.began).Microseconds())
	h.delivered.Store(0)
	for i := range h.late {
		h.late[i].Store(0)
	}
}

func (h *heard) count(stamp int64, now time.Time) bool {
	if stamp < h.since.Load() {
		return false
	}
	h.delivered.Add(1)
	us := max(0, now.Sub(h.began).Microseconds()-stamp)
	h.late[bucket(uint64(us))].Add(1)
	return true
}

func bucket(us uint64) int {
	if us < fine {
		return int(us)
	}
	e := bits.Len64(us) - 6 // us>>e is 32 to 63
	return e*fine + int(us>>e)
}

func middle(b int) float64 {
	if b < 2*fine {
		return float64(b)
	}
	e := b/fine - 1
	return (float64(b%fine+fine) + 0.5) * float64(uint64(1)<<e)
}

// percentile is a latency in ms that q of the deliveries took at most.
func (h *heard) percentile(q float64) float64 {
	total := int64(0)
	for i := range h.late {
		total += h.late[i].Load()
	}
	want := int64(q * float64(total))
	sum := int64(0)
	for i := range h.late {
		if sum += h.late[i].Load(); sum > want {
			return middle(i) / 1000
		}
	}
	return 0
}
