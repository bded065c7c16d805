package fanout

import "context"

// maxLocalWindows bounds the bytes of all windows of a process without Redis; the oldest events of all vehicles go first.
const maxLocalWindows = 32 << 20

// eventOverhead is about what keeping an event costs beside its JSON, in bytes.
const eventOverhead = 200

// localWindows are the windows of all vehicles in memory. Whoever calls holds the bus's lock.
type localWindows struct {
	size     int // events of each vehicle
	limit    int // bytes of all
	vehicles map[string][]*Message
	order    []*Message // all of them, and those that a vehicle's own limit has dropped since, from head on; oldest first
	head     int
	bytes    int
}

func newLocalWindows(size int) *localWindows {
	return &localWindows{size: size, limit: maxLocalWindows, vehicles: make(map[string][]*Message)}
}

func (w *localWindows) add(m *Message) {
	if w.size <= 0 {
		return
	}
	of := append(w.vehicles[m.Vehicle], m)
	if len(of) > w.size {
		of[0] = nil
		of = of[1:] // append moves it to the front again
	}
	w.vehicles[m.Vehicle] = of
	w.order = append(w.order, m)
	w.bytes += len(m.body) + eventOverhead
	for w.bytes > w.limit {
		w.drop()
	}
}

// drop forgets the oldest event of all.
func (w *localWindows) drop() {
	m := w.order[w.head]
	w.order[w.head] = nil
	if w.head++; w.head > len(w.order)/2 {
		rest := copy(w.order, w.order[w.head:])
		clear(w.order[rest:])
		w.order, w.head = w.order[:rest], 0
	}
	w.bytes -= len(m.body) + eventOverhead
	of := w.vehicles[m.Vehicle]
	switch {
	case len(of) == 0 || of[0] != m: // gone by its vehicle's limit
	case len(of) == 1:
		delete(w.vehicles, m.Vehicle)
	default:
		of[0] = nil
		w.vehicles[m.Vehicle] = of[1:]
	}
}

// Since implements Bus.
func (l *Local) Since(_ context.Context, seqs map[string]string) (map[string]tail, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tails := make(map[string]tail, len(seqs))
	for vehicle, seq := range seqs {
		if t, ok := tailOf(l.windows.vehicles[vehicle], seq); ok {
			tails[vehicle] = t
		}
	}
	return tails, nil
}
