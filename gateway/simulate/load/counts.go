package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// counters are those of a running fleet.
type counters struct {
	connected, records, acked, resent, reconnects, failedDials, lost atomic.Int64
	wrongAcks, refusedAcked                                          atomic.Int64
	latency                                                          Histogram

	mu      sync.Mutex
	misdone map[string]int
	reasons map[string]int
}

// mostReasons bounds the texts that reasons holds.
const mostReasons = 50

func (c *counters) did(misdeed string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.misdone[misdeed]++
}

func (c *counters) left(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.reasons[reason]; known || len(c.reasons) < mostReasons {
		c.reasons[reason]++
	}
}

// Report is what a fleet did so far. Those of several processes are added up.
type Report struct {
	Devices       int            `json:"devices"`
	Misbehaving   int            `json:"misbehaving"` // of the devices
	Connected     int64          `json:"connected"`   // at this moment
	Records       int64          `json:"records"`     // made
	Acked         int64          `json:"acked"`
	Waiting       int64          `json:"waiting"`        // neither acknowledged nor lost
	WaitingProper int64          `json:"waiting_proper"` // of those, of devices that behave; counted at the end
	Lost          int64          `json:"lost"`           // the device's memory was full
	LostProper    int64          `json:"lost_proper"`
	NeverMet      int            `json:"never_met"` // devices that behave and never could log in
	Resent        int64          `json:"resent"`    // records, each time that they were sent again
	Reconnects    int64          `json:"reconnects"`
	FailedDials   int64          `json:"failed_dials"`
	WrongAcks     int64          `json:"wrong_acks"`    // another number of records than was sent
	RefusedAcked  int64          `json:"refused_acked"` // acknowledged in spite of a bad checksum
	Misdeeds      map[string]int `json:"misdeeds,omitempty"`
	Reasons       map[string]int `json:"reasons,omitempty"` // why devices that behave lost their connection
	Latency       *Histogram     `json:"latency,omitempty"` // from the first byte of a message sent to its answer, once per record of the devices that behave
	Memory        int64          `json:"memory"`            // bytes, of the process
	Seconds       float64        `json:"seconds"`
}

// Add adds what another part of the fleet did at the same time.
func (r *Report) Add(o *Report) {
	r.Devices += o.Devices
	r.Misbehaving += o.Misbehaving
	r.Connected += o.Connected
	r.Records += o.Records
	r.Acked += o.Acked
	r.Waiting += o.Waiting
	r.WaitingProper += o.WaitingProper
	r.Lost += o.Lost
	r.LostProper += o.LostProper
	r.NeverMet += o.NeverMet
	r.Resent += o.Resent
	r.Reconnects += o.Reconnects
	r.FailedDials += o.FailedDials
	r.WrongAcks += o.WrongAcks
	r.RefusedAcked += o.RefusedAcked
	r.Memory += o.Memory
	r.Seconds = max(r.Seconds, o.Seconds)
	r.Misdeeds, r.Reasons = sum(r.Misdeeds, o.Misdeeds), sum(r.Reasons, o.Reasons)
	if o.Latency != nil {
		if r.Latency == nil {
			r.Latency = new(Histogram)
		}
		r.Latency.Merge(o.Latency)
	}
}

func sum(a, b map[string]int) map[string]int {
	if a == nil {
		a = make(map[string]int, len(b))
	}
	for k, n := range b {
		a[k] += n
	}
	return a
}

// OK says that every record of the devices that behave was acknowledged, and none that must not be.
func (r *Report) OK() bool {
	return r.WaitingProper+r.LostProper+r.WrongAcks+r.RefusedAcked == 0 && r.NeverMet == 0
}

// Line is one line of progress; before is the report of the line before.
func (r *Report) Line(before *Report) string {
	rate := 0.0
	if d := r.Seconds - before.Seconds; d > 0 {
		rate = float64(r.Acked-before.Acked) / d
	}
	return fmt.Sprintf("%6.1fs  connected %d/%d  acked %d, %.0f/s  waiting %d  reconnects %d", r.Seconds, r.Connected, r.Devices, r.Acked, rate, r.Waiting, r.Reconnects)
}

// Write writes the summary.
func (r *Report) Write(w io.Writer) {
	say := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	rate := 0.0
	if r.Seconds > 0 {
		rate = float64(r.Acked) / r.Seconds
	}
	say("%d devices, %d of them misbehaving, for %.1f s", r.Devices, r.Misbehaving, r.Seconds)
	say("records: %d made, %d acknowledged (%.0f/s), %d sent again, %d waiting (%d of devices that behave), %d lost for want of memory (%d)",
		r.Records, r.Acked, rate, r.Resent, r.Waiting, r.WaitingProper, r.Lost, r.LostProper)
	if r.Latency != nil && r.Acked > 0 {
		say("acknowledged after: p50 %v, p99 %v, max %v", round(r.Latency.Quantile(0.5)), round(r.Latency.Quantile(0.99)), round(r.Latency.Max()))
	}
	say("connections: %d reconnects, %d failed dials, %d devices that behave never logged in", r.Reconnects, r.FailedDials, r.NeverMet)
	list := func(title string, m map[string]int) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			say("%s: %6d  %s", title, m[name], name)
		}
	}
	list("  lost by", r.Reasons)
	list("  misdeed", r.Misdeeds)
	if r.WrongAcks+r.RefusedAcked > 0 {
		say("WRONG: %d acknowledgements of another number of records, %d of records with a bad checksum", r.WrongAcks, r.RefusedAcked)
	}
	if r.Memory > 0 && r.Devices > 0 {
		say("memory of the simulator: %d MiB, %.1f KiB a device", r.Memory>>20, float64(r.Memory)/1024/float64(r.Devices))
	}
}

func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
