package load

import (
	"slices"
	"time"
)

func (t *tracker) waiting() int { return len(t.queue) - t.head }

// restart fills the memory with the backlog and sets the pace from now on.
func (t *tracker) restart(now time.Time) {
	o := &t.fleet.options
	t.nextID = t.fleet.firstID
	t.queue = make([]record, 0, o.Backlog+1)
	for i := range o.Backlog {
		t.make(now.Add(-time.Duration(o.Backlog-i) * o.Interval))
	}
	t.next = now.Add(time.Duration(t.random.Int64N(int64(o.Interval))))
}

// done says that nothing is left to do.
func (t *tracker) done(now time.Time) bool {
	t.produce(now)
	return t.fleet.over(now) && (t.waiting() == 0 || t.misbehaves)
}

// produce makes the records that are due, each with the time at which it was.
func (t *tracker) produce(now time.Time) {
	o := &t.fleet.options
	if end := t.fleet.endOr(now); end.Before(now) {
		now = end
	}
	for !t.next.After(now) {
		t.make(t.next)
		step := o.Interval
		if o.Jitter > 0 {
			step += time.Duration(t.random.Int64N(2*int64(o.Jitter))) - o.Jitter
		}
		t.next = t.next.Add(max(step, time.Millisecond))
	}
}

// longestDrive bounds the motion between two records: what a simulated vehicle costs grows with it.
const longestDrive = 2 * time.Second

func (t *tracker) make(at time.Time) {
	fix := t.driver.Drive(min(t.fleet.options.Interval, longestDrive), at.Add(time.Duration(t.skew)*time.Millisecond))
	if t.scale == gt06Scale {
		fix.Time = fix.Time.Truncate(time.Second)
	}
	t.fleet.count.records.Add(1)
	if t.waiting() >= t.fleet.options.memory() && t.sent == 0 { // the oldest is lost, as in a device's flash, but not one in flight
		t.drop(1)
		t.fleet.count.lost.Add(1)
		if !t.misbehaves {
			t.fleet.lostProper.Add(1)
		}
	}
	t.queue = append(t.queue, keep(&fix, t.scale, t.nextID))
	t.nextID++
}

// drop forgets the oldest n records.
func (t *tracker) drop(n int) {
	t.head += n
	t.sent = max(0, t.sent-n)
	t.tried = max(0, t.tried-n)
	if t.head == len(t.queue) {
		t.queue, t.head = t.queue[:0], 0
		if cap(t.queue) > 64 {
			t.queue = nil
		}
	} else if t.head > 64 && t.head > len(t.queue)/2 {
		t.queue = slices.Delete(t.queue, 0, t.head)
		t.head = 0
	}
}

// regret forgets what was in flight: it goes first on the next connection, but for what was answered out of turn.
func (t *tracker) regret() {
	at := t.head
	for _, m := range t.flight {
		switch {
		case m.repeated:
		case m.acked:
			t.queue = slices.Delete(t.queue, at, at+m.records)
			t.tried -= m.records
		default:
			at += m.records
		}
	}
	t.flight, t.sent, t.heard = t.flight[:0], 0, 0
}
