package load

import (
	"encoding/json"
	"math/bits"
	"sync/atomic"
	"time"
)

// Histogram counts durations from a microsecond to days in buckets of at most 1/32 of their value. It may be added to by many goroutines at once.
type Histogram struct {
	counts [buckets]atomic.Uint64
	most   atomic.Int64 // µs
}

const (
	subBits = 5 // 32 buckets to a doubling
	buckets = (40 - subBits) << subBits
)

// bucketOf is the bucket of so many microseconds.
func bucketOf(us uint64) int {
	if us < 1<<(subBits+1) {
		return int(us)
	}
	shift := bits.Len64(us) - subBits - 1
	return min(buckets-1, shift<<subBits+int(us>>shift))
}

// upper is the largest number of microseconds in a bucket.
func upper(bucket int) int64 {
	if bucket < 1<<(subBits+1) {
		return int64(bucket)
	}
	shift := bucket>>subBits - 1
	return int64(bucket-shift<<subBits+1)<<shift - 1
}

// Add counts a duration n times.
func (h *Histogram) Add(d time.Duration, n int) {
	us := max(0, d.Microseconds())
	h.counts[bucketOf(uint64(us))].Add(uint64(n))
	for old := h.most.Load(); us > old && !h.most.CompareAndSwap(old, us); old = h.most.Load() {
	}
}

// Merge adds the counts of another histogram.
func (h *Histogram) Merge(o *Histogram) {
	for i := range o.counts {
		if n := o.counts[i].Load(); n > 0 {
			h.counts[i].Add(n)
		}
	}
	h.most.Store(max(h.most.Load(), o.most.Load()))
}

// Quantile is the duration that a part of q, 0 to 1, of all did not exceed; 0 when there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	total := uint64(0)
	for i := range h.counts {
		total += h.counts[i].Load()
	}
	rank, seen := uint64(q*float64(total)), uint64(0)
	for i := range h.counts {
		seen += h.counts[i].Load()
		if seen > rank || (seen == total && seen > 0) {
			return time.Duration(min(upper(i), h.most.Load())) * time.Microsecond
		}
	}
	return 0
}

// Max is the longest.
func (h *Histogram) Max() time.Duration { return time.Duration(h.most.Load()) * time.Microsecond }

type histogramJSON struct {
	Most   int64          `json:"most"`
	Counts map[int]uint64 `json:"counts"`
}

// MarshalJSON writes the buckets that are not empty.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	j := histogramJSON{Most: h.most.Load(), Counts: make(map[int]uint64)}
	for i := range h.counts {
		if n := h.counts[i].Load(); n > 0 {
			j.Counts[i] = n
		}
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (h *Histogram) UnmarshalJSON(b []byte) error {
	var j histogramJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	for i, n := range j.Counts {
		if i >= 0 && i < buckets {
			h.counts[i].Store(n)
		}
	}
	h.most.Store(j.Most)
	return nil
}
