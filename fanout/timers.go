package fanout

import (
	"container/heap"
	"time"
)

// wait is the rate of an edge or a lane: when the next position may go.
type wait struct {
	due   uint32 // hub time in ms before which the next position has to wait; it starts anew every 49 days
	timer int32  // index in the shard's timers plus one; 0: none
}

func milliseconds(now int64) uint32 { return uint32(now / int64(time.Millisecond)) }

// early says whether a position has to wait, with gap ms between two. A due time further away than that is one of long ago.
func (w *wait) early(gap uint32, now int64) bool {
	left := w.due - milliseconds(now)
	return left-1 < gap // 0 is due
}

// next sets the due time for the position after the one that goes now.
func (w *wait) next(gap uint32, now int64) {
	w.due = milliseconds(now) + gap
}

func (w *wait) waiting() *wait { return w }

// waiter is what has a position that waits for its time.
type waiter interface {
	waiting() *wait
	fire(s *shard, now int64)
}

// timers orders them by it.
type timers []waiter

func (t timers) Len() int { return len(t) }
func (t timers) Less(i, j int) bool {
	return int32(t[i].waiting().due-t[j].waiting().due) < 0
}
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].waiting().timer, t[j].waiting().timer = int32(i)+1, int32(j)+1
}

// Push implements heap.Interface.
func (t *timers) Push(x any) {
	w := x.(waiter)
	*t = append(*t, w)
	w.waiting().timer = int32(len(*t))
}

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	old := *t
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	w.waiting().timer = 0
	return w
}

func (t *timers) set(w waiter) {
	if w.waiting().timer == 0 {
		heap.Push(t, w)
	}
}

func (t *timers) drop(w waiter) {
	if at := w.waiting().timer; at > 0 {
		heap.Remove(t, int(at)-1)
	}
}

// left is the time until the first is due; false if there is none.
func (t timers) left(now int64) (time.Duration, bool) {
	if len(t) == 0 {
		return 0, false
	}
	return time.Duration(int32(t[0].waiting().due-milliseconds(now))) * time.Millisecond, true
}
