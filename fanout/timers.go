package fanout

import "container/heap"

// timers orders the edges whose newest position waits for the client's rate.
type timers []*edge

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].due < t[j].due }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].timer, t[j].timer = int32(i), int32(j)
}

// Push implements heap.Interface.
func (t *timers) Push(x any) {
	e := x.(*edge)
	e.timer = int32(len(*t))
	*t = append(*t, e)
}

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	old := *t
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	e.timer = -1
	return e
}

func (t *timers) set(e *edge) {
	if e.timer < 0 {
		heap.Push(t, e)
	}
}

func (t *timers) drop(e *edge) {
	if e.timer >= 0 {
		heap.Remove(t, int(e.timer))
	}
}
